package protocol

import (
	"slices"

	"cordon/protocol/id"
)

// Disowned is a config of the chain that changes who decides and rests on votes which their organisations take
// back: each has revoked the key, and what it lets stand of that leaves the vote out.
type Disowned struct {
	Proposal
	By []id.OrgID // sorted
}

// Disowned lists the changes of stewards in the chain that would not be carried without
// such votes, from C0 on (spec/authority.md §5). Who has voted with another key for what follows one
// has taken back nothing of it.
func (c *Case) Disowned() (ds []Disowned) {
	for i := len(c.chain) - 1; i > 0; i-- {
		x := c.chain[i]
		if slices.Equal(x.Stewards, x.parent.Stewards) && x.Quorum == x.parent.Quorum {
			continue
		}
		var by []id.OrgID
		for o, votes := range x.votes {
			if !slices.ContainsFunc(votes, func(v *node) bool { return !c.revokedAct(v) }) && !c.abides(o, c.chain[i+1:]) {
				by = append(by, o)
			}
		}
		if len(by) > 0 && !c.carriedWithout(x, by) {
			slices.SortFunc(by, compareOrgs)
			ds = append(ds, Disowned{c.proposal(x), by})
		}
	}
	slices.Reverse(ds)
	return ds
}

// abides says whether an organisation has voted for one of some configs with a key of
// which that stands.
func (c *Case) abides(o id.OrgID, xs []*config) bool {
	return slices.ContainsFunc(xs, func(x *config) bool {
		return slices.ContainsFunc(x.votes[o], func(v *node) bool { return !c.revokedAct(v) })
	})
}

// carriedWithout says whether x has the votes that it needs without those of some.
func (c *Case) carriedWithout(x *config, some []id.OrgID) bool {
	left := slices.DeleteFunc(c.votesIn(x, c.all), func(o id.OrgID) bool { return slices.Contains(some, o) })
	if x.Kind == Ordinary {
		return len(left) >= int(x.parent.Quorum)
	}
	return len(left) > 0 && 3*len(left) >= 2*len(c.electorate(x).list)
}
