package protocol

import (
	"slices"

	"cordon/protocol/id"
)

// Effects are what a config changes: what a person is told before it is
// proposed or endorsed.
type Effects struct {
	Added   []id.OrgID
	Dropped []id.OrgID
	Void    []Voided // honoured acts that would lose their force, in display order
}

// Voided is an act that loses its force, and what becomes of whom it was about.
type Voided struct {
	ID     id.EntryID
	Org    *id.OrgID // whom it admitted or removed; nil for acts that do neither
	Member bool      // whether that organisation is a member then
}

// Effects says what a config would change, by what is here.
func (c *Case) Effects(f Config) (e Effects) {
	now := c.tip()
	for _, o := range f.Stewards {
		if !now.steward(o) {
			e.Added = append(e.Added, o)
		}
	}
	e.Dropped = droppedBy(now, &f)
	var void []*node
	for _, acts := range c.acts {
		for _, a := range acts {
			if !a.honoured() || !slices.Contains(e.Dropped, a.org.id) {
				continue
			}
			var places []Place
			if cut := f.cut(a.org.id); cut != nil {
				places = cut.Places
			}
			if p, ok := at(places, a.kid); !ok || c.nodes[p.ID] == nil || !c.nodes[p.ID].past.has(a) {
				void = append(void, a)
			}
		}
	}
	gone := make(map[*node]bool, len(void))
	for _, a := range void {
		gone[a] = true
	}
	e.Void = c.voids(void, func(o id.OrgID) bool { return f.steward(o) || c.seatedWithout(o, gone) })
	return e
}

// voids describes acts that lose their force; member says who is in the case then.
func (c *Case) voids(acts []*node, member func(id.OrgID) bool) (vs []Voided) {
	slices.SortFunc(acts, c.compareNodes)
	in := map[id.OrgID]bool{}
	for _, a := range acts {
		v := Voided{ID: a.id}
		if o, ok := a.subject(); ok {
			if _, known := in[o]; !known {
				in[o] = member(o)
			}
			v.Org, v.Member = &o, in[o]
		}
		vs = append(vs, v)
	}
	return vs
}

// subject is whom an act admits or removes.
func (n *node) subject() (o id.OrgID, ok bool) {
	switch m := n.msg.(type) {
	case *Admit:
		return m.Invitee(), true
	case *Remove:
		return m.Org, true
	}
	return o, false
}

// seatedWithout says whether some admit of o would stand if these acts did not
// count: each removal and exit that is left is in its past.
func (c *Case) seatedWithout(o id.OrgID, void map[*node]bool) bool {
	x := c.orgOrNone(o)
	counts := func(n *node) bool { return !void[n] }
	return slices.ContainsFunc(x.admits, func(a *node) bool {
		return counts(a) && !slices.ContainsFunc(x.kills, func(k *node) bool { return counts(k) && !a.past.has(k) })
	})
}

// Forgone are the acts that would have their force if the case went on under what
// this daemon has acted under, and have none since it does not: what following the
// chain costs in a conflict, in display order. It judges all entries anew, twice, so
// that nobody else may read the case meanwhile; afterwards the case is as it was.
func (c *Case) Forgone() []Voided {
	x, _, ok := c.rivals()
	if !ok {
		return nil
	}
	links := append([]*config{x}, c.behind(x, *c.pinned)...)
	chain, drops := c.chain, c.drops
	c.follow(c.link(x.parent.ID)+1, append(links, c.walk(links[len(links)-1])...))
	c.judgeAnew()
	var stood []*node
	for _, acts := range c.acts {
		for _, a := range acts {
			if a.honoured() {
				stood = append(stood, a)
			}
		}
	}
	c.chain, c.drops = chain, drops
	c.judgeAnew()
	lost := slices.DeleteFunc(stood, (*node).honoured)
	return c.voids(lost, func(o id.OrgID) bool { return c.member(c.orgOrNone(o)) })
}

// behind are the configs behind x on the way to y, which is x or follows it.
func (c *Case) behind(x *config, y id.ConfigID) (links []*config) {
	for z := c.configs[y]; z != x; z = z.parent {
		links = append(links, z)
	}
	slices.Reverse(links)
	return links
}

// judgeAnew judges all entries by the chain as it stands.
func (c *Case) judgeAnew() {
	c.stale = true
	c.settleVerdicts()
}
