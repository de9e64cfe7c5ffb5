package cases

import (
	"fmt"
	"os"
	"path/filepath"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// merges lets a case go on in another, whose lead decides in both; who of its members is not there
// is invited by that, and signs.
func (p *play) merges(k, into *matter, bring ...*org) {
	p.t.Helper()
	p.together(k)
	p.does(into.lead, "case", "merge", k.id, into.id)
	for _, o := range bring {
		o.asked, o.joined = into.lead, true
	}
	p.accepts(into, bring...)
	p.together(k)
}

// splits opens a child of a case, with a report of its own, for some of its members.
func (p *play) splits(k *matter, name string, with ...*org) *matter {
	p.t.Helper()
	p.together(k)
	child := &matter{lead: k.lead, in: []*org{k.lead}, name: name}
	title := fmt.Sprintf("%s %x", name, nonce())
	p.titles = append(p.titles, title)
	file := filepath.Join(p.dir, k.lead.key+"-child.md")
	if err := os.WriteFile(file, []byte(p.text(child, k.lead, nil, name)), 0o600); err != nil {
		p.t.Fatal(err)
	}
	args := []string{"case", "split", k.id, "--title", title, "--report", file, "--json"}
	for _, o := range with {
		o.asked, o.joined = k.lead, true
		args = append(args, "--with", o.id.String())
	}
	var w api.Written
	p.reads(p.does(k.lead, args...), &w)
	child.id = w.Case.String()
	p.said[p.acts] = saying{c: child.id, by: k.lead}
	t := p.terms(k.lead, child)
	p.enters(*w.Case, t.InForce, id.AgrID{}, true)
	p.signs(k.lead, t.InForce.ID)
	p.cases = append(p.cases, child)
	p.accepts(child, with...)
	return child
}
