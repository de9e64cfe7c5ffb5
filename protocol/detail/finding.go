package detail

import (
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/internal/fields"
)

// Finding is what the author found out about a mitigation, or about the case.
type Finding struct {
	Mitigation id.EntryID // zero: about the case
	Text       string
}

// Type is the kind's number.
func (*Finding) Type() entry.Type { return protocol.Finding }

func (m *Finding) fields() []fields.Field {
	return []fields.Field{ref(1, &m.Mitigation), text(2, "text", &m.Text)}
}

func (m *Finding) check() error {
	if m.Text == "" {
		return fault("a finding has a text")
	}
	return nil
}

// Key is "": findings add up.
func (*Finding) Key() string { return "" }

// Says is the message for people.
func (m *Finding) Says() (line string, about id.EntryID, text string) {
	return "", m.Mitigation, m.Text
}
