// Package detail is the structured content of a case: vulnerabilities, the status of
// products, mitigations, tests (spec/details.md). What it says lies in sealed bodies
// and never in the control plane; the fold of a case knows nothing of it.
//
// Main path: Encode, Read. Each kind is one struct, whose fields stand once for both
// directions, and a row in the table of kinds.
package detail

import (
	"errors"
	"fmt"

	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/internal/fields"
)

// Limits of a detail, in bytes and pieces (spec/details.md §1).
const (
	MaxSize = 64 << 10 // of the whole
	MaxLine = 256      // of a name, a product, versions
	MaxText = 16 << 10 // of a text of several lines
	maxList = 64
)

// Message is what one body says.
type Message interface {
	// Type is the number of the kind of entry.
	Type() entry.Type
	// Key is what the message is about: a later one of the same kind, organisation and
	// key takes its place. "": nothing takes its place.
	Key() string
	// Says is the message in a line, what it is about (zero: nothing that has an id),
	// and its longer text. For people.
	Says() (line string, about id.EntryID, text string)

	fields() []fields.Field
	check() error
}

// The rules of a detail, by stable name.
var (
	ErrUnknown = errors.New("detail-unknown") // of a kind, or with a key, that this version does not know
	ErrBad     = errors.New("bad-detail")     // a field is missing, out of range, or goes ill with another
)

// fault is ErrBad with what is wrong, for who writes.
type fault string

func (f fault) Error() string { return string(f) }

func (fault) Is(err error) bool { return err == ErrBad }

// kinds makes an empty message of each kind.
var kinds = map[entry.Type]func() Message{
	protocol.Vulnerability: func() Message { return new(Vulnerability) },
	protocol.ProductStatus: func() Message { return new(Product) },
	protocol.Verification:  func() Message { return new(Verification) },
	protocol.Mitigation:    func() Message { return new(Mitigation) },
	protocol.TestResult:    func() Message { return new(Test) },
	protocol.Finding:       func() Message { return new(Finding) },
	protocol.Bundle:        func() Message { return new(Bundle) },
}

// Is says whether the body of such an entry is a detail.
func Is(t entry.Type) bool { return kinds[t] != nil }

// Encode writes a message as the raw bytes of a body; it refuses what Read would.
func Encode(m Message) ([]byte, error) {
	b := fields.Encode(m.fields())
	_, err := Read(m.Type(), b)
	return b, err
}

// Read reads the raw bytes of a body. The error is ErrUnknown or ErrBad.
func Read(t entry.Type, raw []byte) (Message, error) {
	empty, ok := kinds[t]
	if !ok {
		return nil, ErrUnknown
	}
	if len(raw) > MaxSize {
		return nil, fault(fmt.Sprintf("at most %d bytes", MaxSize))
	}
	m := empty()
	switch err := fields.DecodeOpen(raw, m.fields()); {
	case errors.Is(err, fields.ErrUnknownKey):
		return nil, ErrUnknown
	case errors.As(err, new(fault)):
		return nil, err
	case err != nil:
		return nil, fault(fmt.Sprintf("not well formed: %v", err))
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// line is plain text on one line; absent when empty.
func line(key uint64, name string, v *string) fields.Field {
	f := fields.Text(key, v, MaxSize)
	f.Read = func(r *canon.Reader) error { return readLine(r, name, v) }
	return f.Optional(func() bool { return *v != "" })
}

func readLine(r *canon.Reader, name string, v *string) (err error) {
	if *v, err = r.Text(); err == nil && (*v == "" || identity.PlainText(*v, MaxLine) != nil) {
		return fault(fmt.Sprintf("%s: plain text on one line, 1 to %d bytes", name, MaxLine))
	}
	return err
}

// text is text of several lines; absent when empty.
func text(key uint64, name string, v *string) fields.Field {
	f := fields.Text(key, v, MaxSize)
	f.Read = func(r *canon.Reader) (err error) {
		if *v, err = r.Text(); err == nil && (*v == "" || len(*v) > MaxText) {
			return fault(fmt.Sprintf("%s: 1 to %d bytes", name, MaxText))
		}
		return err
	}
	return f.Optional(func() bool { return *v != "" })
}

// hash is an id or a digest that must be there.
func hash[T ~[32]byte](key uint64, v *T) fields.Field {
	f := fields.Hash(key, v)
	f.Read = func(r *canon.Reader) error { return readHash(r, v) }
	return f
}

// readHash refuses 32 zero bytes: here they stand for a key that is absent.
func readHash[T ~[32]byte](r *canon.Reader, v *T) error {
	err := fields.ReadHash(r, v)
	if err == nil && *v == (T{}) {
		return fault("an id or a digest is not all zero")
	}
	return err
}

// ref is the entry that is meant; absent when zero.
func ref[T ~[32]byte](key uint64, v *T) fields.Field {
	return hash(key, v).Optional(func() bool { return *v != T{} })
}

// refs are entries, in the order given; absent when none.
func refs(key uint64, v *[]id.EntryID) fields.Field {
	return fields.List(key, v, 1, maxList, readHash[id.EntryID], func(x id.EntryID) any { return x[:] }).
		Optional(func() bool { return len(*v) > 0 })
}

// word is a number that has a name; absent when 0.
func word[T ~uint8](key uint64, names []string, v *T) fields.Field {
	return fields.Number(key, v, 1, uint64(len(names)-1)).Optional(func() bool { return *v != 0 })
}
