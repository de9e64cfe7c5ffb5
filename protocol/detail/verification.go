package detail

import (
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/internal/fields"
)

// Verification says whether the author could reproduce a vulnerability.
type Verification struct {
	Vuln    id.EntryID
	Result  Result // Reproduced, NotReproduced, Partly
	Product string // in which; "": not said
	Version string
	Note    string
}

// Type is the kind's number.
func (*Verification) Type() entry.Type { return protocol.Verification }

func (m *Verification) fields() []fields.Field {
	return []fields.Field{
		hash(1, &m.Vuln),
		fields.Number(2, &m.Result, uint64(Reproduced), uint64(Partly)),
		line(3, "product", &m.Product),
		line(4, "version", &m.Version),
		text(5, "note", &m.Note),
	}
}

func (*Verification) check() error { return nil }

// Key is the vulnerability and the product.
func (m *Verification) Key() string { return m.Vuln.String() + m.Product }

// Outcome is the result in a word.
func (m *Verification) Outcome() string { return nameOf(verifiedNames, m.Result) }

// Says is the message for people.
func (m *Verification) Says() (line string, about id.EntryID, text string) {
	line = m.Outcome()
	if m.Product != "" {
		line += " in " + m.Product
	}
	if m.Version != "" {
		line += " " + m.Version
	}
	return line, m.Vuln, m.Note
}
