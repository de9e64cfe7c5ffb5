package daemon

import (
	"io"
	"mime"
	"net/http"
	"strconv"

	"cordon/ledger"
	"cordon/protocol/id"
)

// sendBody streams the raw bytes of a body, chunk by chunk, after it has noted that
// they are handed out. A chunk that does not verify cuts the connection, so that
// nobody takes a part for the whole.
func (s *service) sendBody(w http.ResponseWriter, r *http.Request, c id.CaseID, e ledger.Entry) error {
	h, raw, ok, err := s.openBody(c, e.Sealed)
	if err != nil {
		return err
	}
	if !ok && s.bodyErased(c, e) {
		return errErasedHere
	}
	if !ok {
		return errAwaited
	}
	x, err := s.export(r, c, e, h)
	if err != nil {
		return err
	}
	if err := stampHeader(w, x); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream") // whatever the author says: nobody renders it
	w.Header().Set("Content-Length", strconv.FormatUint(h.Size, 10))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if h.File != "" {
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": h.File}))
	}
	if _, err := io.Copy(w, raw); err != nil {
		panic(http.ErrAbortHandler) // the way of net/http to cut a connection
	}
	return nil
}
