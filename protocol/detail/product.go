package detail

import (
	"strings"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/internal/fields"
)

// Product says what a product of the author's is to a vulnerability.
type Product struct {
	Vuln          id.EntryID
	Product       string
	PURL          string
	CPE           string
	Versions      string // that the status is about: "<2.4.1"; "": all
	Status        Status
	Justification Justification // not affected: why; 0: the statement or FixedIn says
	FixedIn       string        // the version with the fix, also where there never was another need
	Statement     string
}

// Type is the kind's number.
func (*Product) Type() entry.Type { return protocol.ProductStatus }

func (m *Product) fields() []fields.Field {
	return []fields.Field{
		hash(1, &m.Vuln),
		line(2, "product", &m.Product),
		line(3, "PURL", &m.PURL),
		line(4, "CPE", &m.CPE),
		line(5, "versions", &m.Versions),
		word(6, statusNames, &m.Status),
		word(7, justificationNames, &m.Justification),
		line(8, "fixed in", &m.FixedIn),
		text(9, "statement", &m.Statement),
	}
}

func (m *Product) check() error {
	switch {
	case m.Product == "" || m.Status == 0:
		return fault("a product status has a product and a status")
	case m.Justification != 0 && m.Status != NotAffected:
		return fault("a justification goes with not-affected only")
	case m.Status == NotAffected && m.Justification == 0 && m.FixedIn == "" && m.Statement == "":
		return fault("not-affected says why: a justification, the version that has been fixed already, or a statement")
	case m.PURL != "" && !strings.HasPrefix(m.PURL, "pkg:"):
		return fault("a PURL begins with pkg:")
	case m.CPE != "" && !strings.HasPrefix(m.CPE, "cpe:"):
		return fault("a CPE begins with cpe:")
	}
	return nil
}

// Key is the vulnerability and the product. Versions are no part of it: who has several
// branches in different states names them as products of their own.
func (m *Product) Key() string { return m.Vuln.String() + m.Product }

// Says is the message for people.
func (m *Product) Says() (line string, about id.EntryID, text string) {
	line = m.Product
	if m.Versions != "" {
		line += " " + m.Versions
	}
	line += " " + m.Status.String()
	switch {
	case m.FixedIn == "":
	case m.Status == Fixed:
		line += " in " + m.FixedIn
	default:
		line += ", fixed in " + m.FixedIn
	}
	if m.Justification != 0 {
		line += ": " + m.Justification.String()
	}
	return line, m.Vuln, m.Statement
}
