package protocol

import (
	"slices"

	"cordon/protocol/id"
)

// electorate are the members that vote on a succession: those of the case that
// past(basis) is, its chain cut at the parent, without the stewards that it
// drops. It follows from the config alone; nil when the basis has certified an
// ordinary config after the parent, which the stewards then follow.
func (c *Case) electorate(x *config) map[id.OrgID]bool {
	if x.electors != nil {
		return x.electors
	}
	x.electors = map[id.OrgID]bool{}
	for _, s := range x.parent.children {
		if s.Kind == Ordinary && x.basis.has(s.node) && len(c.votesIn(s, x.basis)) >= int(x.parent.Quorum) {
			return x.electors
		}
	}
	then := c.at(x.basis, x.parent)
	for _, o := range then.orgs {
		if then.member(o) && !slices.Contains(x.dropped, o.id) {
			x.electors[o.id] = true
		}
	}
	return x.electors
}

// succeeds says whether the votes carry a succession: two thirds of the
// electorate, and whoever is new comes from it.
func (c *Case) succeeds(x *config) bool {
	if len(x.votes) == 0 {
		return false // whose votes they would be nobody has to know yet
	}
	electors := c.electorate(x)
	for _, o := range x.Stewards {
		if !x.parent.steward(o) && !electors[o] {
			return false
		}
	}
	votes := len(x.ballot(c))
	return votes > 0 && 3*votes >= 2*len(electors)
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
