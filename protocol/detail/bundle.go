package detail

import (
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/internal/fields"
)

// Bundle lists the mitigations that ship together.
type Bundle struct {
	Label       string
	Mitigations []id.EntryID
	Note        string
}

// Type is the kind's number.
func (*Bundle) Type() entry.Type { return protocol.Bundle }

func (m *Bundle) fields() []fields.Field {
	return []fields.Field{line(1, "label", &m.Label), refs(2, &m.Mitigations), text(3, "note", &m.Note)}
}

func (m *Bundle) check() error {
	if m.Label == "" || len(m.Mitigations) == 0 {
		return fault("a bundle has a label and lists mitigations")
	}
	for i, x := range m.Mitigations {
		if slices.Contains(m.Mitigations[:i], x) {
			return fault("a bundle lists a mitigation once")
		}
	}
	return nil
}

// Key is the label.
func (m *Bundle) Key() string { return m.Label }

// Says is the message for people.
func (m *Bundle) Says() (line string, about id.EntryID, text string) {
	return fmt.Sprintf("%s (%d together)", m.Label, len(m.Mitigations)), id.EntryID{}, m.Note
}
