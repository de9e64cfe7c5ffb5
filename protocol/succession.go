package protocol

import (
	"crypto/sha256"
	"slices"

	"cordon/protocol/id"
)

// electorate are the members that vote on a succession.
type electorate struct {
	has  map[id.OrgID]bool // nil until it was asked for
	list []id.OrgID        // sorted
}

// electorate is that of a succession.
func (c *Case) electorate(x *config) *electorate {
	e := x.electors
	if e == nil { // nobody has proposed it
		e = new(electorate)
	}
	if e.has == nil {
		c.elects(e, x)
	}
	return e
}

// sharedElectors are one for all successions that have the same electorate.
func (c *Case) sharedElectors(x *config) *electorate {
	var from []byte
	for _, p := range x.Basis {
		from = append(from, p.ID[:]...)
	}
	for _, o := range x.dropped {
		from = append(from, o[:]...)
	}
	key := sha256.Sum256(from)
	if x.parent.bodies[key] == nil {
		x.parent.bodies[key] = new(electorate)
	}
	return x.parent.bodies[key]
}

// elects finds the members of the case that past(basis) is, its chain cut at the
// parent, without the stewards that it drops. They follow from the config alone; nobody
// when the basis has certified an ordinary config after the parent, which the stewards
// then follow.
func (c *Case) elects(e *electorate, x *config) {
	e.has = map[id.OrgID]bool{}
	for _, s := range x.parent.children {
		if s.Kind == Ordinary && x.basis.has(s.node) && len(c.votesIn(s, x.basis)) >= int(x.parent.Quorum) {
			return
		}
	}
	then := c.at(x.basis, x.parent)
	for _, o := range then.orgs {
		if then.member(o) && !slices.Contains(x.dropped, o.id) {
			e.has[o.id] = true
			e.list = append(e.list, o.id)
		}
	}
	slices.SortFunc(e.list, compareOrgs)
}

// succeeds says whether the votes carry a succession: two thirds of the
// electorate, and whoever is new comes from it.
func (c *Case) succeeds(x *config) bool {
	if len(x.votes) == 0 {
		return false // whose votes they would be nobody has to know yet
	}
	electors := c.electorate(x)
	for _, o := range x.Stewards {
		if !x.parent.steward(o) && !electors.has[o] {
			return false
		}
	}
	votes := len(x.ballot(c))
	return votes > 0 && 3*votes >= 2*len(electors.list)
}

// at is the case as a past has it, folded as far as membership needs: acts and
// exits, under the chain that ends at tip.
func (c *Case) at(past vector, tip *config) *Case {
	then := &Case{id: c.id, rows: c.rows, nodes: c.nodes, feeds: c.feeds, control: c.control, all: past, part: true,
		orgs: map[id.OrgID]*org{}, events: c.events, certs: c.certs, revoked: c.revoked, cuts: c.cuts, proven: c.proven,
		configs: c.configs, terms: c.terms, genesis: c.genesis}
	var chain []*config
	for x := tip; x != nil; x = x.parent {
		chain = append(chain, x)
	}
	slices.Reverse(chain)
	then.follow(0, chain)
	then.resetAuthority()
	for _, n := range c.standing {
		if !past.has(n) {
			continue
		}
		m := *n
		if n.org != nil {
			m.org = then.orgOf(n.org.id)
		}
		then.fold(&m)
	}
	return then
}

// SilenceNoted is when the organisation of kid first wrote something after all that
// a succession's basis has seen: from Silence after that on, by the same clock,
// its vote counts. Unix milliseconds; ok is false when it has yet to write.
func (c *Case) SilenceNoted(kid id.Kid, f Config) (t uint64, ok bool) {
	o, _ := c.holder(kid, c.all)
	if o == nil || f.Parent == nil || c.configs[*f.Parent] == nil {
		return 0, false
	}
	return c.noted(&config{Config: &f, parent: c.configs[*f.Parent]}, &node{org: o, past: c.all})
}
