package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Propose proposes the next config of a case. By itself it changes nothing:
// endorsements carry it.
type Propose struct{ Config Config }

var proposeKind = kind{
	typ: 2, name: "propose", cap: identity.CapSteward,
	make: func() Message { return new(Propose) }, once: checkPropose, check: checkOwnPropose,
	enter: func(c *Case, n *node) { c.register(&n.msg.(*Propose).Config, n) }, standing: true, chain: true,
}

// Type is the kind's number.
func (*Propose) Type() entry.Type { return proposeKind.typ }

func (m *Propose) fields() []field { return m.Config.fields() }

// apply counts a config of the chain as the admission of each steward it adds.
func (m *Propose) apply(c *Case, n *node) {
	if c.link(n.id) < 0 {
		return
	}
	for _, o := range m.Config.Stewards {
		if !c.configs[n.id].parent.steward(o) {
			c.orgOf(o).admit(n)
		}
	}
}

// checkPropose judges a config by the past of its entry alone (spec/authority.md §2).
func checkPropose(c *Case, n *node) *Refusal {
	f := &n.msg.(*Propose).Config
	if f.Parent == nil {
		return refuse("bad-propose", "a proposal names the config that it follows")
	}
	parent := c.configs[*f.Parent]
	if parent == nil || !n.past.has(parent.node) {
		return refuse("config-unknown", "the config that this one follows is not in the entry's past")
	}
	if r := f.follows(parent.Config); r != nil {
		return r
	}
	for _, o := range f.Stewards {
		if view, _ := c.orgOrNone(o).viewIn(c, n.past); view == nil {
			return refuse("unknown-steward", "steward %v is not known to the case: bring its identity events first", o)
		}
	}
	if f.Kind == Ordinary && !parent.steward(n.org.id) {
		return refuse("not-a-steward", "only a steward proposes an ordinary config")
	}
	if r := c.checkPlaces(n, f, parent); r != nil {
		return r
	}
	dropped := droppedBy(parent.Config, f)
	if f.Kind == Succession && len(parent.Stewards)-len(dropped) >= int(parent.Quorum) && !c.ballotsOf(n, parent, Ordinary).stranded(dropped) {
		return refuse("quorum-left", "the stewards that stay are a quorum, and their votes are not spent: they carry the change themselves")
	}
	return c.checkLapsed(n, f, parent)
}

// follows judges what needs no entries but the two configs.
func (f *Config) follows(p *Config) *Refusal {
	k := len(f.Stewards)
	dropped := droppedBy(p, f)
	switch {
	case f.N != p.N+1:
		return refuse("bad-config", "config %d does not follow config %d", f.N, p.N)
	case len(slices.Compact(slices.SortedFunc(slices.Values(f.Stewards), compareOrgs))) != k:
		return refuse("bad-config", "a steward is named twice")
	case int(f.Quorum) < k/2+1 || int(f.Quorum) > k:
		return refuse("bad-config", "of %d stewards, %d to %d carry a config, not %d", k, k/2+1, k, f.Quorum)
	case f.Rules < p.Rules:
		return refuse("bad-config", "rules %d are older than the case's, %d", f.Rules, p.Rules)
	case f.Kind == Ordinary && f.Basis != nil:
		return refuse("bad-config", "an ordinary config has no basis")
	case f.Kind == Succession && f.Basis == nil:
		return refuse("bad-config", "a succession says what was last seen of the stewards it drops")
	}
	for _, o := range dropped {
		if f.cut(o) == nil {
			return refuse("cut-missing", "the config drops steward %v and does not say up to where its acts stand", o)
		}
	}
	if len(f.Cuts) != len(dropped) {
		return refuse("bad-config", "cuts are for the stewards that a config drops, one each")
	}
	return nil
}

// checkPlaces judges heads, cuts and basis: entries in the proposal's past, of
// the organisations they are for, none below what is finalised.
func (c *Case) checkPlaces(n *node, f *Config, parent *config) *Refusal {
	if r := c.places(n, f.Heads, parent.Stewards); r != nil {
		return r
	}
	dropped := droppedBy(parent.Config, f)
	if r := c.places(n, f.Basis, dropped); r != nil {
		return r
	}
	if r := c.above(parent.fin, f.Heads); r != nil {
		return r
	}
	for i := range f.Cuts {
		x := &f.Cuts[i]
		if i > 0 && compareOrgs(f.Cuts[i-1].Org, x.Org) >= 0 || sorted(x.Places) != nil {
			return refuse("bad-config", "the cuts are not sorted")
		}
		if r := c.places(n, x.Places, []id.OrgID{x.Org}); r != nil {
			return r
		}
		if r := c.above(parent.fin, x.Places); r != nil {
			return r
		}
		for _, p := range parent.fin {
			if _, ok := at(x.Places, p.Kid); !ok && c.nodes[p.ID].org.id == x.Org {
				return refuse("cut-below-finalised", "a feed that is finalised is not in the cut of its steward")
			}
		}
	}
	return nil
}

// places says whether each place is a control entry in n's past, of one of the
// organisations.
func (c *Case) places(n *node, ps []Place, of []id.OrgID) *Refusal {
	for _, p := range ps {
		x := c.nodes[p.ID]
		if x == nil || !x.control() || x.kid != p.Kid || x.seq != p.Seq || !n.past.has(x) {
			return refuse("place-unknown", "an entry that the config names is not in its past")
		}
		if x.org == nil || !slices.Contains(of, x.org.id) {
			return refuse("place-of-another", "an entry that the config names is not of a steward that it is named for")
		}
	}
	return nil
}

// above says whether no place is below the finalised one of its feed.
func (c *Case) above(fin, ps []Place) *Refusal {
	for _, p := range ps {
		if f, ok := at(fin, p.Kid); ok && !c.nodes[f.ID].below(c.nodes[p.ID]) {
			return refuse("cut-below-finalised", "a head or cut is below what an earlier config has finalised")
		}
	}
	return nil
}

// checkOwnPropose asks more of our own: who is named takes part in the case.
func checkOwnPropose(c *Case, n *node) *Refusal {
	if !n.own {
		return nil
	}
	f := &n.msg.(*Propose).Config
	if *f.Parent != c.tip().ID {
		return refuse("config-not-in-force", "the proposal follows another config than the one in force")
	}
	for _, o := range f.Stewards {
		if !c.member(c.orgs[o]) {
			return refuse("steward-not-a-member", "steward %v is no member of the case: only who signed its agreement decides in it", o)
		}
	}
	return nil
}

func (m *Propose) says(c *Case) (what, about string) {
	if m.Config.Parent == nil {
		return "", ""
	}
	var before Config
	if p := c.configs[*m.Config.Parent]; p != nil {
		before = *p.Config
	}
	return m.Config.After(before), ""
}
