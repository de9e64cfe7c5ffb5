package detail

import (
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/internal/fields"
)

// Test says what came of a mitigation in the author's own product.
type Test struct {
	Mitigation id.EntryID
	Result     Result // Pass, Fail
	Product    string
	Version    string
	Digest     [32]byte // SHA-256 of what was tested; zero: not said
	Note       string
}

// Type is the kind's number.
func (*Test) Type() entry.Type { return protocol.TestResult }

func (m *Test) fields() []fields.Field {
	return []fields.Field{
		hash(1, &m.Mitigation),
		fields.Number(2, &m.Result, uint64(Pass), uint64(Fail)),
		line(3, "product", &m.Product),
		line(4, "version", &m.Version),
		ref(5, &m.Digest),
		text(6, "note", &m.Note),
	}
}

func (m *Test) check() error {
	if m.Product == "" {
		return fault("a test names the product")
	}
	return nil
}

// Key is the mitigation, the product and its version.
func (m *Test) Key() string { return m.Mitigation.String() + m.Product + "\n" + m.Version }

// Outcome is the result in a word.
func (m *Test) Outcome() string { return nameOf(testedNames, m.Result) }

// Says is the message for people.
func (m *Test) Says() (line string, about id.EntryID, text string) {
	line = m.Outcome() + " in " + m.Product
	if m.Version != "" {
		line += " " + m.Version
	}
	return line, m.Mitigation, m.Note
}
