package protocol

import (
	"crypto/sha256"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Terms are the structured part of an agreement (spec/kinds.md, agreements). The numbers travel.
type Terms struct {
	ShareWith   uint8  // 1: admitted organisations
	TLP         uint8  // TLP 2.0: 1 clear, 2 green, 3 amber, 4 amber+strict, 5 red
	PublishRule uint8  // 1 nobody before the end, 2 none
	Retention   uint32 // days after the end; 0 unlimited
	Use         uint8  // 1 remediation only, 2 any
}

// DefaultTerms share with admitted organisations, TLP amber, nobody publishes
// before the end, no limit of retention, use for remediation only.
func DefaultTerms() Terms {
	return Terms{ShareWith: 1, TLP: 3, PublishRule: 1, Retention: 0, Use: 1}
}

// Record is what an agreement binds to: immutable, named by the hash of its
// bytes. Times are Unix milliseconds.
type Record struct {
	Parent   *id.AgrID
	Start    uint64
	End      *uint64 // nil: no embargo
	AnswerBy *uint64
	Terms    Terms
	TextHash [32]byte // SHA-256 of the text
}

// Agreement is a record beside its text, as entries and invitations carry it.
type Agreement struct {
	Raw  []byte // the record
	Text string
}

// NewAgreement writes an agreement; it sets the record's TextHash.
func NewAgreement(r Record, text string) Agreement {
	r.TextHash = sha256.Sum256([]byte(text))
	return Agreement{Raw: encode(r.fields()), Text: text}
}

// ID is the agreement's name: SHA-256 of the record.
func (a Agreement) ID() id.AgrID { return sha256.Sum256(a.Raw) }

// Open reads the record and checks that the text is the one it binds.
// The error is a *Refusal.
func (a Agreement) Open() (Record, error) {
	var r Record
	if err := decode(a.Raw, r.fields()); err != nil {
		return r, refuse("bad-agreement", "the agreement's record is not well formed: %v", err)
	}
	if len(a.Text) > MaxText {
		return r, refuse("bad-agreement", "the agreement's text is longer than %d bytes", MaxText)
	}
	if sha256.Sum256([]byte(a.Text)) != r.TextHash {
		return r, refuse("bad-agreement", "the agreement's text is not the one that its record names")
	}
	if r.End != nil && *r.End <= r.Start {
		return r, refuse("bad-agreement", "the agreement ends before it starts")
	}
	return r, nil
}

func (r *Record) fields() []field {
	return []field{
		pointer(&r.Parent, func(v *id.AgrID) field { return hash(1, v) }),
		number(2, &r.Start, 0, entry.MaxTime),
		pointer(&r.End, func(v *uint64) field { return number(3, v, 0, entry.MaxTime) }),
		pointer(&r.AnswerBy, func(v *uint64) field { return number(4, v, 0, entry.MaxTime) }),
		mapOf(5, r.Terms.fields()),
		hash(6, &r.TextHash),
	}
}

func (t *Terms) fields() []field {
	return []field{
		number(1, &t.ShareWith, 1, 1),
		number(2, &t.TLP, 1, 5),
		number(3, &t.PublishRule, 1, 2),
		number(4, &t.Retention, 0, 1<<32-1),
		number(5, &t.Use, 1, 2),
	}
}

// pointer makes a field optional: nil is absent.
func pointer[T any](p **T, inner func(*T) field) field {
	f := field{Key: inner(new(T)).Key}
	f.Read = func(r *canon.Reader) error {
		*p = new(T)
		return inner(*p).Read(r)
	}
	f.Write = func() any {
		if *p == nil {
			return nil
		}
		return inner(*p).Write()
	}
	return f
}

// fields are those of an agreement where it stands inside an entry.
func (a *Agreement) fields() []field {
	return []field{bytesOf(1, &a.Raw), textOf(2, &a.Text, MaxText)}
}

// relaxes says whether b asks no more than a: it ends no later, and nothing
// else differs. Who signed a is then bound by b without signing again.
func (b *Record) relaxes(a *Record) bool {
	if b.Terms != a.Terms || b.TextHash != a.TextHash {
		return false
	}
	if a.End == nil {
		return b.End == nil
	}
	return b.End == nil || *b.End <= *a.End
}
