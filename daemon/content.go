package daemon

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"cordon/ledger"
	"cordon/ledger/body"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// maxText bounds a note, a reason and evidence, in bytes; longer matter is a file.
const maxText = 64 << 10

// content is a content entry to be written. The agreement is set from the case, and
// the label where the head has none.
type content struct {
	typ   entry.Type
	comp  id.Comp
	head  body.Head                 // Size too
	open  func() (io.Reader, error) // the raw bytes, from their start; called twice
	needs []id.EntryID
}

// text is content that is held in memory.
func text(typ entry.Type, comp id.Comp, s string) content {
	return content{typ: typ, comp: comp, head: body.Head{Size: uint64(len(s))},
		open: func() (io.Reader, error) { return bytes.NewReader([]byte(s)), nil }}
}

// file is content that lies in a spool.
func file(typ entry.Type, comp id.Comp, in *spool, name, media string) content {
	return content{typ: typ, comp: comp, head: body.Head{Size: in.size, File: name, Media: media}, open: in.open}
}

// writeContent seals a body and writes its entry. It is sealed for one place in
// the feed, so the feed's lock is held until the entry is durable.
func (s *service) writeContent(ctx context.Context, c id.CaseID, x content) (ledger.Entry, error) {
	defer s.locks.lock(c, x.comp)()
	f, err := s.prepare(c, &x)
	if err != nil {
		return ledger.Entry{}, err
	}
	at := body.AAD{Case: c, Kid: s.kid, Comp: x.comp, Seq: f.Seq, Type: x.typ}
	sealed, err := s.storeBody(c, x, at)
	if err != nil {
		return ledger.Entry{}, err
	}
	f.Body = &sealed.Ref
	// Commit point. After a crash before it the chunks lie unused under a key that
	// nobody names. A caller that hangs up does not undo what is signed.
	return s.led.Append(context.WithoutCancel(ctx), f, s.keys.sign)
}

// prepare is the dry run of a content entry, and its fields but for the body.
func (s *service) prepare(c id.CaseID, x *content) (entry.Fields, error) {
	f := entry.Fields{Case: c, Comp: x.comp, Type: x.typ, T: s.ms()}
	if err := s.certified(); err != nil {
		return f, err
	}
	s.settle(c)
	err := s.cases.With(c, func(k *protocol.Case) error {
		agr, ok := k.WritesUnder(s.org.ID)
		if !ok {
			agr = k.Embargo().Agreement // the dry run says what is missing
		}
		_, record, ok := k.Agreement(agr)
		if !ok {
			return errNothing
		}
		f.Agr = &agr
		if x.head.Label != 0 && x.head.Label < record.Terms.TLP {
			return errLooser(record.Terms.TLP)
		}
		x.head.Agr, x.head.Label, x.head.Sharing = agr, max(x.head.Label, record.Terms.TLP), 1
		if err := k.May(s.kid, f); err != nil {
			return err
		}
		f.Deps = k.Deps(s.kid, x.comp, x.needs...)
		return nil
	})
	if err != nil {
		return f, err
	}
	head, ok, err := s.led.Head(c, id.Feed{Kid: s.kid, Comp: x.comp})
	if ok {
		f.Seq = head.Seq + 1
	}
	return f, err
}

// storeBody seals the raw bytes twice: once to learn what the entry says of the
// body, once to store the chunks under that name. At most one chunk is in memory.
func (s *service) storeBody(c id.CaseID, x content, at body.AAD) (*body.Sealed, error) {
	raw, err := x.open()
	if err != nil {
		return nil, err
	}
	sealed, err := body.Seal(x.head, raw, at, rand.Reader, nil)
	if err != nil {
		return nil, sealError(err)
	}
	if err := s.led.PutHashes(c, sealed.Ref, sealed.Hashes); err != nil {
		return nil, err
	}
	if raw, err = x.open(); err != nil {
		return nil, err
	}
	err = sealed.Again(raw, func(i int, ct []byte) error { return s.led.PutChunk(c, sealed.Ref, i, ct) })
	if err != nil {
		return nil, err
	}
	return sealed, s.led.PutOwnKey(c, sealed.Ref, sealed.CEK)
}

// checkHead refuses a title, file name or media type that no body may have,
// before anything is written.
func checkHead(h body.Head) error {
	h.Label, h.Sharing = max(h.Label, 1), 1
	_, _, err := body.SealBytes(h, nil, body.AAD{}, rand.Reader)
	return sealError(err)
}

// sealError tells what a person may have got wrong in a head.
func sealError(err error) error {
	if errors.Is(err, body.ErrHead) {
		return invalid("a title has at most %d bytes, a file name %d, a media type %d, all plain text on one line", body.MaxTitle, body.MaxFile, body.MaxMedia)
	}
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

// bodyHere says whether the body of a content entry is here, whole and with its key.
func (s *service) bodyHere(c id.CaseID, e ledger.Entry) bool {
	state, err := s.led.BodyState(c, *e.Body)
	return err == nil && state.Key && state.Whole()
}

// awaits says whether the body of an entry may still come.
func (s *service) awaits(c id.CaseID, e ledger.Entry) bool {
	return e.Body != nil && !s.bodyHere(c, e) && !s.bodyErased(c, e)
}

// openBody opens the body of an entry for reading. ok is false while it, or its
// key, is not here.
func (s *service) openBody(c id.CaseID, e *entry.Sealed) (h body.Head, raw io.Reader, ok bool, err error) {
	if e.Body == nil {
		return h, nil, false, nil
	}
	if !s.bodyHere(c, ledger.Entry{Sealed: e}) {
		return h, nil, false, nil
	}
	cek, err := s.led.Key(c, *e.Body)
	if err != nil {
		return h, nil, false, err
	}
	hashes, err := s.led.Hashes(c, *e.Body)
	if err != nil {
		return h, nil, false, err
	}
	h, raw, err = body.Open(*e.Body, hashes, cek, body.Of(e), func(i int) ([]byte, error) { return s.led.Chunk(c, *e.Body, i) })
	if err == nil && (e.Agr == nil || h.Agr != *e.Agr) {
		err = errors.New("the body names another agreement than its entry")
	}
	if err != nil {
		return h, nil, false, fmt.Errorf("open body: %w", err)
	}
	return h, raw, true, nil
}

// ms is now, as entries write it.
func (s *service) ms() uint64 { return uint64(s.now().UnixMilli()) }
