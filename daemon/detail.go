package daemon

import (
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/detail"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// addDetail answers POST /cases/{case}/details.
func (s *service) addDetail(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.Detail
	if err := readJSON(r.Body, &q); err != nil {
		return nil, err
	}
	a := &wording{s: s, c: c}
	m, err := a.message(q)
	if err != nil {
		return nil, err
	}
	raw, err := detail.Encode(m)
	if err != nil {
		return nil, invalid("%v", err)
	}
	comp, to := a.comp, []id.OrgID(nil)
	switch {
	case q.Everybody && len(q.To) > 0:
		return nil, invalid("either everybody in the case, or some")
	case q.Everybody:
		comp = id.Everyone
	case len(q.To) > 0 || comp == id.Control:
		if comp, to, err = s.room(r.Context(), c, a.readers(q.To)); err != nil {
			return nil, err
		}
	}
	e, err := s.writeContent(r.Context(), c, text(m.Type(), comp, string(raw)))
	return placed(c, e, comp, to, err)
}

// wording reads a request: its words become numbers and ids.
type wording struct {
	s    *service
	c    id.CaseID
	comp id.Comp  // where it goes when nobody is named; Control: to back, else to everybody
	back []string // to whom it goes when nobody is named
}

func (a *wording) readers(named []string) []string {
	if len(named) > 0 {
		return named
	}
	return a.back
}

func (a *wording) message(q api.Detail) (detail.Message, error) {
	var found []detail.Message
	var err error
	take := func(m detail.Message, e error) {
		if found = append(found, m); err == nil {
			err = e
		}
	}
	if q.Vulnerability != nil {
		take(a.vulnerability(q.Vulnerability))
	}
	if q.Product != nil {
		take(a.product(q.Product))
	}
	if q.Verification != nil {
		take(a.verification(q.Verification))
	}
	if q.Mitigation != nil {
		take(a.mitigation(q.Mitigation))
	}
	if q.Test != nil {
		take(a.test(q.Test))
	}
	if q.Finding != nil {
		take(a.finding(q.Finding))
	}
	if q.Bundle != nil {
		take(a.bundle(q.Bundle))
	}
	if err == nil && len(found) != 1 {
		err = invalid("exactly one kind of detail is written at once")
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

func (a *wording) vulnerability(q *api.Vulnerability) (detail.Message, error) {
	m := &detail.Vulnerability{Name: q.Name, IDs: q.IDs, CWE: q.CWE, CVSS: q.CVSS}
	if q.Of == "" {
		return m, nil
	}
	var err error
	m.Of, err = a.vuln(q.Of)
	return m, err
}

func (a *wording) product(q *api.Product) (detail.Message, error) {
	m := &detail.Product{Product: q.Product, PURL: q.PURL, CPE: q.CPE, Versions: q.Versions, FixedIn: q.FixedIn, Statement: q.Statement}
	var err error
	if m.Status, err = detail.ParseStatus(q.Status); err != nil {
		return nil, invalid("%v", err)
	}
	if q.Justification != "" {
		if m.Justification, err = detail.ParseJustification(q.Justification); err != nil {
			return nil, invalid("%v", err)
		}
	}
	m.Vuln, err = a.vuln(q.Vuln)
	return m, err
}

func (a *wording) verification(q *api.Verification) (detail.Message, error) {
	m := &detail.Verification{Product: q.Product, Version: q.Version, Note: q.Note}
	var err error
	if m.Result, err = detail.ParseVerified(q.Result); err != nil {
		return nil, invalid("%v", err)
	}
	m.Vuln, err = a.vuln(q.Vuln)
	return m, err
}

func (a *wording) mitigation(q *api.Mitigation) (detail.Message, error) {
	m := &detail.Mitigation{Label: q.Label, Version: q.Version, Note: q.Note}
	var err error
	if m.Remedy, err = detail.ParseRemedy(q.Kind); err != nil {
		return nil, invalid("%v", err)
	}
	if m.Digest, err = digestOf(q.Digest); err != nil {
		return nil, err
	}
	for _, w := range q.For {
		role, err := protocol.ParseRole(w)
		if err != nil {
			return nil, invalid("%v", err)
		}
		m.For = append(m.For, role)
	}
	slices.Sort(m.For)
	m.For = slices.Compact(m.For)
	for _, w := range q.Vulns {
		x, err := a.vuln(w)
		if err != nil {
			return nil, err
		}
		m.Vulns = append(m.Vulns, x)
	}
	if q.Artefact != "" {
		m.Artefact, err = a.ref(q.Artefact, protocol.Attachment, "cordon case log CASE")
	}
	return m, err
}

func (a *wording) test(q *api.Test) (detail.Message, error) {
	m := &detail.Test{Product: q.Product, Version: q.Version, Note: q.Note}
	var err error
	if m.Result, err = detail.ParseTested(q.Result); err != nil {
		return nil, invalid("%v", err)
	}
	if m.Digest, err = digestOf(q.Digest); err != nil {
		return nil, err
	}
	if m.Mitigation, err = a.ref(q.Mitigation, protocol.Mitigation, seeMitigations); err != nil {
		return nil, err
	}
	at, err := a.s.led.Entry(a.c, m.Mitigation)
	a.comp = at.Comp // who reads the mitigation, reads how it does
	return m, err
}

// finding goes back to the author of the mitigation alone, if it is about one: what is
// weak in it is for its author to tell.
func (a *wording) finding(q *api.Finding) (detail.Message, error) {
	m := &detail.Finding{Text: q.Text}
	if q.Mitigation == "" {
		return m, nil
	}
	var err error
	if m.Mitigation, err = a.ref(q.Mitigation, protocol.Mitigation, seeMitigations); err != nil {
		return nil, err
	}
	at, err := a.s.led.Entry(a.c, m.Mitigation)
	if err != nil {
		return nil, err
	}
	err = a.s.cases.With(a.c, func(k *protocol.Case) error {
		switch o, ok := k.OrgOf(at.Kid); {
		case !ok || o == a.s.org.ID:
			a.comp = at.Comp
		default:
			a.back = []string{o.String()}
		}
		return nil
	})
	return m, err
}

func (a *wording) bundle(q *api.Bundle) (detail.Message, error) {
	m := &detail.Bundle{Label: q.Label, Note: q.Note}
	for _, w := range q.Mitigations {
		x, err := a.ref(w, protocol.Mitigation, seeMitigations)
		if err != nil {
			return nil, err
		}
		m.Mitigations = append(m.Mitigations, x)
	}
	return m, nil
}

// seeMitigations and seeVulns are where ids can be looked up.
const (
	seeMitigations = "cordon mitigation list CASE"
	seeVulns       = "cordon vuln list CASE"
)

func (a *wording) ref(word string, t entry.Type, try string) (id.EntryID, error) {
	e, err := a.s.findEntry(a.c, word, t)
	if errors.Is(err, ledger.ErrNotFound) {
		err = errNothing
	}
	if e, err = or(e, err, try); err != nil {
		return id.EntryID{}, err
	}
	return e.ID, nil
}

// vuln is the vulnerability that a word means: an id, a foreign id, or its name; ""
// means the only one.
func (a *wording) vuln(word string) (id.EntryID, error) {
	d, err := a.s.readDetails(a.c)
	if err != nil {
		return id.EntryID{}, err
	}
	first := d.vulns()
	if word == "" && len(first) == 1 {
		return first[0], nil
	}
	if word == "" {
		return id.EntryID{}, &api.Error{Kind: api.Invalid, Text: "which vulnerability? The case names none, or several", Try: "--vuln ID; " + seeVulns + ", cordon vuln add CASE"}
	}
	all := map[id.EntryID][]string{}
	for _, x := range first {
		all[x] = []string{""}
	}
	for _, x := range d.said {
		if v, ok := x.m.(*detail.Vulnerability); ok {
			of := x.root()
			all[of] = append(all[of], append(v.IDs, v.Name)...)
		}
	}
	var names []named[id.EntryID]
	for x, ns := range all {
		slices.Sort(ns)
		for _, n := range slices.Compact(ns) {
			names = append(names, named[id.EntryID]{it: x, name: n})
		}
		names = append(names, named[id.EntryID]{it: x, id: x.String()})
	}
	x, err := pick(word, names)
	return or(x, err, seeVulns)
}

// digestOf reads a SHA-256 in hex; "" is zero.
func digestOf(s string) (d [32]byte, err error) {
	if s == "" {
		return d, nil
	}
	b, err := hex.DecodeString(strings.TrimPrefix(strings.ToLower(s), "sha256:"))
	if err != nil || len(b) != len(d) {
		return d, invalid("a digest is a SHA-256 of 64 hex digits")
	}
	return [32]byte(b), nil
}
