package protocol

import (
	"bytes"
	"cmp"
	"slices"

	"cordon/protocol/id"
)

// maxLapsed bounds the proposals that a config names as lapsed, and so the votes after
// which an organisation may vote once more.
const maxLapsed = 32

// ballots are the votes that a past has for the children of a config of one kind: what
// each organisation voted for, maxLapsed+1 of it at most.
type ballots struct {
	past vector
	of   map[id.OrgID][]*config
}

func (c *Case) ballotsIn(parent *config, kind uint8, past vector) ballots {
	b := ballots{past, map[id.OrgID][]*config{}}
	for v, votes := range parent.cast {
		if v.kind == kind {
			b.of[v.org] = c.votedIn(votes, past)
		}
	}
	return b
}

// votedIn is what those of an organisation's votes were for that are in a past, cut
// after maxLapsed+1.
func (c *Case) votedIn(votes []*node, past vector) (xs []*config) {
	for _, n := range votes {
		if past.has(n) {
			xs = append(xs, c.configs[n.msg.(*Endorse).Config])
		}
		if len(xs) > maxLapsed {
			break
		}
	}
	return xs
}

// frees says whether who has voted for these may vote for x: all have lapsed, by what x names.
func (x *config) frees(voted []*config) bool {
	return len(voted) <= maxLapsed && !slices.ContainsFunc(voted, func(y *config) bool { return !slices.Contains(x.lapsed, y) })
}

// able counts those of these organisations that have voted for x or may.
func (b ballots) able(x *config, of []id.OrgID) (n int) {
	for _, o := range of {
		if x.frees(b.of[o]) || slices.ContainsFunc(x.votes[o], b.past.has) {
			n++
		}
	}
	return n
}

// voters are those whose votes carry x, stewards by rank, members sorted, and how many
// of them it takes.
func (c *Case) voters(x *config) (os []id.OrgID, need int) {
	if x.Kind == Ordinary {
		return x.parent.Stewards, int(x.parent.Quorum)
	}
	for o := range c.electorate(x) {
		os = append(os, o)
	}
	slices.SortFunc(os, compareOrgs)
	return os, max(1, (2*len(os)+2)/3)
}

// hasLapsed says whether the past of these ballots, which has votes for x, shows that it
// is not carried any more while each organisation votes in one line (spec/authority.md §3).
func (c *Case) hasLapsed(x *config, b ballots) bool {
	if !b.past.has(x.node) || !c.certifiedIn(x.parent, b.past) || len(c.votesIn(x, b.past)) == 0 {
		return false
	}
	voters, need := c.voters(x)
	return b.able(x, voters) < need || x.Kind == Succession && len(c.outside(x)) > 0
}

// checkLapsed judges what a proposal names as lapsed.
func (c *Case) checkLapsed(n *node, f *Config, parent *config) *Refusal {
	if len(f.Lapsed) == 0 {
		return nil
	}
	b := c.ballotsIn(parent, f.Kind, n.past)
	for _, at := range f.Lapsed {
		if x := c.configs[at]; x == nil || x.parent != parent || x.Kind != f.Kind || !c.hasLapsed(x, b) {
			return refuse("not-lapsed", "the config names as lapsed what is not proposed beside it, or can still be carried by what it has seen")
		}
	}
	return nil
}

// stranded says whether a past shows that the stewards that stay have spent their votes:
// neither what they voted for nor a new config is carried by them alone.
func (c *Case) stranded(parent *config, dropped []id.OrgID, past vector) bool {
	if !c.certifiedIn(parent, past) {
		return false
	}
	b, next := c.ballotsIn(parent, Ordinary, past), &config{}
	stay := slices.DeleteFunc(slices.Clone(parent.Stewards), func(o id.OrgID) bool { return slices.Contains(dropped, o) })
	for _, o := range stay {
		if len(b.of[o]) > maxLapsed {
			return false
		}
		for _, x := range b.of[o] {
			if b.able(x, stay) >= int(parent.Quorum) {
				return false
			}
			if c.hasLapsed(x, b) {
				next.lapsed = append(next.lapsed, x)
			}
		}
	}
	return b.able(next, stay) < int(parent.Quorum)
}

// lapsedIn lists the children of a config that have lapsed by a past, those with the
// most votes where there are too many; sorted.
func (c *Case) lapsedIn(parent *config, kind uint8, past vector) (ids []id.ConfigID) {
	b := c.ballotsIn(parent, kind, past)
	var lapsed []*config
	for _, x := range parent.children {
		if x.Kind == kind && c.hasLapsed(x, b) {
			lapsed = append(lapsed, x)
		}
	}
	slices.SortFunc(lapsed, func(x, y *config) int {
		return cmp.Or(cmp.Compare(len(y.votes), len(x.votes)), bytes.Compare(x.ID[:], y.ID[:]))
	})
	for _, x := range lapsed[:min(len(lapsed), maxLapsed)] {
		ids = append(ids, x.ID)
	}
	slices.SortFunc(ids, compareEntries)
	return ids
}
