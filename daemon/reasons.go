package daemon

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"slices"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// because is a reason on its way: the control entry carries the commitment, a
// content entry the text and the salt that opens it.
type because struct {
	text string
	salt [32]byte
}

func newReason(text string) (because, error) {
	if text == "" || len(text) > maxText {
		return because{}, invalid("a reason or evidence is needed: 1 to %d bytes of text", maxText)
	}
	b := because{text: text}
	_, _ = rand.Read(b.salt[:]) // never fails (crypto/rand)
	return b, nil
}

// commitment is SHA-256(salt || text) (spec/protocol.md §7.1).
func (b because) commitment() [32]byte {
	return sha256.Sum256(append(b.salt[:], b.text...))
}

// content is the entry for everybody that gives the reason of of, if it is
// known. With of in its past, whom of removes is sent nothing of it.
func (b because) content(of ...id.EntryID) content {
	x := text(protocol.Reason, id.Everyone, b.text)
	x.head.Salt, x.head.Answers, x.needs = &b.salt, of, of
	return x
}

// owedRow is a reason whose control entry may be written already: after a crash
// between the two it is still owed.
type owedRow struct {
	Case id.CaseID `json:"case"`
	Text string    `json:"text"`
	Salt [32]byte  `json:"salt"`
}

// explained writes a control entry, then its reason.
func (s *service) explained(ctx context.Context, c id.CaseID, why because, d decide) (any, error) {
	commitment := why.commitment()
	if err := s.owed.put(commitment[:], owedRow{Case: c, Text: why.text, Salt: why.salt}); err != nil {
		return nil, err
	}
	e, err := s.write(ctx, c, d)
	if err != nil {
		return nil, errors.Join(err, s.owed.delete(commitment[:]))
	}
	// Commit point: the act stands; payReasons writes its reason after a crash.
	err = s.pay(ctx, c, why, e.ID)
	return done(c, e, err)
}

// pay writes the reason of an entry, and then no longer owes it. Who may write
// the entry but no content (a claim of an organisation that was removed) is heard
// without.
func (s *service) pay(ctx context.Context, c id.CaseID, why because, of id.EntryID) error {
	var refused *protocol.Refusal
	if _, err := s.writeContent(ctx, c, why.content(of)); err != nil && !errors.As(err, &refused) {
		return err
	}
	commitment := why.commitment()
	return s.owed.delete(commitment[:])
}

// payReasons writes what a crash kept us from writing. Nobody else writes reasons
// meanwhile.
func (s *service) payReasons(ctx context.Context) error {
	return s.owed.all(func(_ []byte, row owedRow) error {
		why := because{text: row.Text, salt: row.Salt}
		of, written, err := s.explainedBy(row.Case, why)
		if err == nil && (of == id.EntryID{} || written) {
			commitment := why.commitment()
			return s.owed.delete(commitment[:])
		}
		if err == nil {
			err = s.pay(ctx, row.Case, why, of)
		}
		return tolerable(err)
	})
}

// explainedBy finds our entry that carries the commitment of a reason, if it was
// written, and says whether the reason was, too.
func (s *service) explainedBy(c id.CaseID, why because) (of id.EntryID, written bool, err error) {
	err = s.each(c, 0, func(e ledger.Entry) error {
		switch {
		case e.Kid != s.kid:
		case e.Control():
			if x, ok := commitmentOf(e); ok && x == why.commitment() {
				of = e.ID
			}
		case e.Type == protocol.Reason:
			h, _, ok, err := s.openBody(c, e.Sealed)
			if err != nil {
				return err
			}
			written = written || ok && slices.Contains(h.Answers, of) && of != id.EntryID{}
		}
		return nil
	})
	return of, written, err
}

// commitmentOf is the commitment that a control entry carries.
func commitmentOf(e ledger.Entry) (x [32]byte, ok bool) {
	m, err := protocol.Read(e.Sealed)
	if err != nil {
		return x, false
	}
	return protocol.Commitment(m)
}
