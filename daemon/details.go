package daemon

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/detail"
	"cordon/protocol/id"
)

// details are what the bodies of a case say that have a structure.
type details struct {
	said       []told // in the order of spec/details.md §2
	awaited    int
	unreadable int
}

// told is one of them.
type told struct {
	ledger.Entry
	m        detail.Message
	org      id.OrgID
	name     string
	replaced bool
}

// root is the entry that named the vulnerability of which x speaks.
func (x told) root() id.EntryID {
	if v, ok := x.m.(*detail.Vulnerability); ok && v.Of != (id.EntryID{}) {
		return v.Of
	}
	return x.ID
}

// vulns are the vulnerabilities that the case names.
func (d details) vulns() (xs []id.EntryID) {
	for _, x := range d.said {
		if x.m.Type() == protocol.Vulnerability && x.root() == x.ID {
			xs = append(xs, x.ID)
		}
	}
	return xs
}

// readDetails reads them all; what the rules refuse does not count.
func (s *service) readDetails(c id.CaseID) (details, error) {
	var d details
	var es []told
	err := s.each(c, 0, func(e ledger.Entry) error {
		if detail.Is(e.Type) {
			es = append(es, told{Entry: e})
		}
		return nil
	})
	if err != nil {
		return d, err
	}
	err = s.cases.With(c, func(k *protocol.Case) error {
		es = slices.DeleteFunc(es, func(x told) bool { rule, known := k.Verdict(x.ID); return rule != "" || !known })
		for i := range es {
			es[i].org, _ = k.OrgOf(es[i].Kid)
			if org, ok := k.Org(es[i].org); ok {
				es[i].name = org.Name
			}
		}
		return nil
	})
	if err != nil {
		return d, err
	}
	for _, x := range es {
		var here bool
		switch x.m, here, err = s.readDetail(c, x.Entry); {
		case err != nil:
			d.unreadable++
		case !here && s.bodyErased(c, x.Entry): // says nothing any more
		case !here:
			d.awaited++
		default:
			d.said = append(d.said, x)
		}
	}
	d.settle()
	return d, nil
}

// readDetail opens one; here is false while its body is not.
func (s *service) readDetail(c id.CaseID, e ledger.Entry) (m detail.Message, here bool, err error) {
	_, raw, here, err := s.openBody(c, e.Sealed)
	if err != nil || !here {
		return nil, here, err
	}
	m, err = detailIn(e, raw)
	return m, true, err
}

func detailIn(e ledger.Entry, raw io.Reader) (detail.Message, error) {
	b, err := readUpTo(raw, detail.MaxSize)
	if err != nil {
		return nil, errors.Join(detail.ErrBad, err)
	}
	return detail.Read(e.Type, b)
}

// settle puts them in order and marks those that a later word of the same organisation
// replaces. An organisation orders by its own times only what it says itself.
func (d *details) settle() {
	slices.SortFunc(d.said, func(a, b told) int {
		return cmp.Or(cmp.Compare(a.T, b.T), cmp.Compare(a.LC, b.LC), bytes.Compare(a.Kid[:], b.Kid[:]), cmp.Compare(a.Seq, b.Seq), bytes.Compare(a.ID[:], b.ID[:]))
	})
	type register struct {
		org id.OrgID
		typ uint64
		key string
	}
	last := map[register]bool{}
	for i, x := range slices.Backward(d.said) {
		if x.m.Key() == "" {
			continue
		}
		r := register{x.org, uint64(x.Type), x.m.Key()}
		d.said[i].replaced = last[r]
		last[r] = true
	}
}

// getDetails answers GET /cases/{case}/details.
func (s *service) getDetails(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	d, err := s.readDetails(c)
	if err != nil {
		return nil, err
	}
	out := &api.Details{Schema: "cordon.details/1", Case: c, Awaited: d.awaited, Unreadable: d.unreadable,
		Vulnerabilities: []api.Row[api.Vulnerability]{}, Products: []api.Row[api.Product]{}, Silent: []api.Silence{},
		Verifications: []api.Row[api.Verification]{}, Mitigations: []api.Row[api.Mitigation]{}, Tests: []api.Row[api.Test]{},
		Findings: []api.Row[api.Finding]{}, Bundles: []api.Row[api.Bundle]{}}
	history := r.URL.Query().Get("history") != ""
	for _, x := range d.said {
		if !x.replaced || history {
			showDetail(out, x)
		}
	}
	err = s.cases.With(c, func(k *protocol.Case) error {
		out.Silent = append(out.Silent, d.silent(k)...)
		return nil
	})
	return out, err
}

// silent are the vendors in the case that say nothing of a vulnerability.
func (d details) silent(k *protocol.Case) (out []api.Silence) {
	for _, v := range d.vulns() {
		for _, p := range k.Participants() {
			spoke := slices.ContainsFunc(d.said, func(x told) bool {
				m, ok := x.m.(*detail.Product)
				return ok && m.Vuln == v && x.org == p.Org
			})
			if p.Admitted && !spoke && slices.ContainsFunc(p.Roles, protocol.Role.Vendor) {
				out = append(out, api.Silence{Org: p.Org, Name: p.Name, Vuln: v})
			}
		}
	}
	return out
}

func row[T any](x told, says T) api.Row[T] {
	return api.Row[T]{ID: x.ID, By: x.org, Name: x.name, T: api.Instant(x.T), Comp: x.Comp.String(), Replaced: x.replaced, Says: says}
}

// showDetail adds one to its list, in the words of the local API.
func showDetail(out *api.Details, x told) {
	switch m := x.m.(type) {
	case *detail.Vulnerability:
		out.Vulnerabilities = append(out.Vulnerabilities, row(x, api.Vulnerability{Of: hexOf(m.Of), Name: m.Name, IDs: m.IDs, CWE: m.CWE, CVSS: m.CVSS}))
	case *detail.Product:
		out.Products = append(out.Products, row(x, api.Product{Vuln: hexOf(m.Vuln), Product: m.Product, PURL: m.PURL, CPE: m.CPE, Versions: m.Versions,
			Status: m.Status.String(), Justification: m.Justification.String(), FixedIn: m.FixedIn, Statement: m.Statement}))
	case *detail.Verification:
		out.Verifications = append(out.Verifications, row(x, api.Verification{Vuln: hexOf(m.Vuln), Result: m.Outcome(), Product: m.Product, Version: m.Version, Note: m.Note}))
	case *detail.Mitigation:
		out.Mitigations = append(out.Mitigations, row(x, api.Mitigation{Label: m.Label, Kind: m.Remedy.String(), Version: m.Version, Vulns: hexes(m.Vulns),
			For: roleNames(m.For), Artefact: hexOf(m.Artefact), Digest: hexOf(m.Digest), Note: m.Note}))
	case *detail.Test:
		out.Tests = append(out.Tests, row(x, api.Test{Mitigation: hexOf(m.Mitigation), Result: m.Outcome(), Product: m.Product, Version: m.Version, Digest: hexOf(m.Digest), Note: m.Note}))
	case *detail.Finding:
		out.Findings = append(out.Findings, row(x, api.Finding{Mitigation: hexOf(m.Mitigation), Text: m.Text}))
	case *detail.Bundle:
		out.Bundles = append(out.Bundles, row(x, api.Bundle{Label: m.Label, Mitigations: hexes(m.Mitigations), Note: m.Note}))
	}
}

// hexOf is an id or digest; "" where it is zero.
func hexOf[T ~[32]byte](x T) string {
	if x == (T{}) {
		return ""
	}
	b := [32]byte(x)
	return hex.EncodeToString(b[:])
}

func hexes(xs []id.EntryID) (out []string) {
	for _, x := range xs {
		out = append(out, hexOf(x))
	}
	return out
}
