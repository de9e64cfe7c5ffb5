package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"cordon/protocol/id"
)

// maxRequest bounds a JSON request: the longest is a note.
const maxRequest = 1 << 20

// answer is a handler that returns what to send as JSON.
type answer func(r *http.Request) (any, error)

// ServeHTTP sends the answer, or the error as the API tells it.
func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v, err := a(r)
	if err != nil {
		sendError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // an error here: the caller has gone
}

// streamed is a handler that writes its answer itself once it is sure of it;
// an error returned before the first byte is sent as an error.
type streamed func(w http.ResponseWriter, r *http.Request) error

func (s streamed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s(w, r); err != nil {
		sendError(w, r, err)
	}
}

// sendError answers at once: without full duplex the server would first wait for
// the rest of an upload that it has refused. The command to try names the case as the
// caller did.
func sendError(w http.ResponseWriter, r *http.Request, err error) {
	e := apiError(err)
	if c := r.PathValue("case"); c != "" {
		if _, err := id.Parse[id.CaseID](c); err == nil {
			c = c[:short]
		}
		e.Try = inCase(e.Try, c)
	}
	e.Schema = "cordon.error/1"
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/1, which this is, can always
	w.Header().Set("Connection", "close")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status())
	_ = json.NewEncoder(w).Encode(e)
}

// readUpTo reads r to its end, which comes within most bytes; longer is invalid.
func readUpTo(r io.Reader, most int64) ([]byte, error) {
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if n > most {
		return nil, invalid("at most %d bytes are allowed here", most)
	}
	return b.Bytes(), nil
}

// readJSON decodes a small request; unknown fields are mistakes.
func readJSON(in io.Reader, v any) error {
	d := json.NewDecoder(io.LimitReader(in, maxRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return invalid("the request is no such JSON: %v", err)
	}
	return nil
}

// readUpload takes the two parts of an upload: the request into v, and the file
// into a spool that the caller closes.
func readUpload(r *http.Request, dir string, v any) (*spool, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, invalid("an upload is multipart/form-data: %v", err)
	}
	part, err := nextPart(form, "request")
	if err != nil {
		return nil, err
	}
	if err := readJSON(part, v); err != nil {
		return nil, err
	}
	if part, err = nextPart(form, "file"); err != nil {
		return nil, err
	}
	s, err := newSpool(dir, part)
	if err != nil {
		return nil, err
	}
	if _, err := form.NextRawPart(); !errors.Is(err, io.EOF) {
		s.close()
		return nil, invalid("the upload did not arrive whole")
	}
	return s, nil
}

func nextPart(form *multipart.Reader, name string) (*multipart.Part, error) {
	part, err := form.NextRawPart()
	if err != nil || part.FormName() != name {
		return nil, invalid("an upload has the parts request and file, in this order")
	}
	return part, nil
}
