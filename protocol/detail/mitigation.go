package detail

import (
	"slices"
	"strings"

	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/internal/fields"
)

// Mitigation announces something that helps: a patch, an update, a workaround.
type Mitigation struct {
	Label    string
	Remedy   Remedy
	Version  string
	Vulns    []id.EntryID    // against which; none: all of the case
	For      []protocol.Role // whom it is meant for, sorted; none: everybody who reads it
	Artefact id.EntryID      // the attachment; zero: it comes another way
	Digest   [32]byte        // SHA-256 of the artefact; zero: not said
	Note     string
}

// Type is the kind's number.
func (*Mitigation) Type() entry.Type { return protocol.Mitigation }

func (m *Mitigation) fields() []fields.Field {
	return []fields.Field{
		line(1, "label", &m.Label),
		word(2, remedyNames, &m.Remedy),
		line(3, "version", &m.Version),
		refs(4, &m.Vulns),
		fields.List(5, &m.For, 1, int(protocol.Observer), readRole, func(r protocol.Role) any { return uint64(r) }).
			Optional(func() bool { return len(m.For) > 0 }),
		ref(6, &m.Artefact),
		ref(7, &m.Digest),
		text(8, "note", &m.Note),
	}
}

func readRole(r *canon.Reader, v *protocol.Role) error {
	n, err := r.Uint()
	if err == nil && (n < uint64(protocol.Reporter) || n > uint64(protocol.Observer)) {
		return fault("no such role")
	}
	*v = protocol.Role(n)
	return err
}

func (m *Mitigation) check() error {
	if m.Label == "" || m.Remedy == 0 {
		return fault("a mitigation has a label and says what it is")
	}
	for i := 1; i < len(m.For); i++ {
		if m.For[i-1] >= m.For[i] {
			return fault("roles are sorted, none twice")
		}
	}
	return nil
}

// Key is "": a mitigation stays; a better one is another.
func (*Mitigation) Key() string { return "" }

// Meant says whether it is meant for one of some roles.
func (m *Mitigation) Meant(roles []protocol.Role) bool {
	return len(m.For) == 0 || slices.ContainsFunc(roles, func(r protocol.Role) bool { return slices.Contains(m.For, r) })
}

// Says is the message for people.
func (m *Mitigation) Says() (line string, about id.EntryID, text string) {
	line = m.Remedy.String() + " " + m.Label
	if m.Version != "" {
		line += " " + m.Version
	}
	if len(m.For) > 0 {
		var roles []string
		for _, r := range m.For {
			roles = append(roles, r.String())
		}
		line += " for " + strings.Join(roles, ", ")
	}
	return line, m.Artefact, m.Note
}
