package protocol

import (
	"fmt"
	"slices"

	"cordon/protocol/id"
)

// Prospect is what can still come of a proposal, by what is here: of the votes of
// organisations that know all of it, and vote in one line as honest daemons do
// (spec/authority.md §3, §6).
type Prospect struct {
	Open    bool        // votes that are left can carry it
	Spent   []Elsewhere // who has a voice in it and gave it to another proposal
	Heard   []id.OrgID  // succession: whom it drops that was heard since, by rank. Nobody who knows so votes for it
	Outside []id.OrgID  // succession: its stewards that were no members when who it drops was last seen: they keep it from being carried
	Lapsed  bool        // its votes are free for a new proposal
	Again   bool        // a new proposal that drops the same stewards can be carried by the votes that are left or free
	Unasked bool        // that was not found out: too many are stuck
}

// Elsewhere is a vote that was given for another proposal of the same parent and kind.
type Elsewhere struct {
	Org id.OrgID
	On  id.ConfigID
}

// maxAgain is of how many kinds of stuck proposals Prospects finds out whether a new one
// could be carried: for a succession that takes a fold of the case.
const maxAgain = 8

// Prospects are those of the proposals that Proposals lists.
func (c *Case) Prospects() map[id.ConfigID]Prospect {
	all := map[id.ConfigID]Prospect{}
	if len(c.chain) == 0 {
		return all
	}
	tip, past := c.chain[len(c.chain)-1], c.writable()
	shown := map[uint8]*ballots{Ordinary: c.ballotsIn(tip, Ordinary, past), Succession: c.ballotsIn(tip, Succession, past)}
	again := map[string]bool{} // by kind and who is dropped: many proposals are one question
	for _, x := range tip.children {
		p := c.prospect(x)
		p.Lapsed = shown[x.Kind].lapsed(x)
		if !p.Open {
			about := fmt.Sprint(x.Kind, x.dropped)
			if _, asked := again[about]; !asked && len(again) < maxAgain {
				again[about] = c.votable(shown[x.Kind], x.dropped)
			}
			can, asked := again[about]
			p.Again, p.Unasked = can, !asked
		}
		all[x.ID] = p
	}
	return all
}

// prospect is a proposal's, but for what could be proposed in its place.
func (c *Case) prospect(x *config) (p Prospect) {
	now := c.tally(x)
	left := len(now.Missing)
	voters, _ := c.voters(x)
	if x.Kind == Succession {
		p.Heard, p.Outside = c.heardSince(x), c.outside(x)
		if len(p.Heard) > 0 {
			left = 0
		}
	}
	for _, o := range voters {
		voted := votedIn(x.parent.cast[voter{o, x.Kind}], c.all)
		if len(x.votes[o]) == 0 && !x.frees(voted) {
			on := voted[max(0, slices.IndexFunc(voted, func(y *config) bool { // the vote that no other of its sets aside
				return !slices.Contains(x.lapsed, y) && !slices.ContainsFunc(voted, func(z *config) bool { return slices.Contains(z.lapsed, y) })
			}))]
			p.Spent = append(p.Spent, Elsewhere{o, on.ID})
		}
	}
	p.Open = len(now.Endorsed)+left >= now.Need && len(p.Outside) == 0
	return p
}

// outside lists the stewards of a succession that neither were stewards nor have a vote in it.
func (c *Case) outside(x *config) (out []id.OrgID) {
	for _, o := range x.Stewards {
		if !x.parent.steward(o) && !c.electorate(x).has[o] {
			out = append(out, o)
		}
	}
	return out
}

// Preview is what a config that NextConfig or Succeed has made would be as a proposal,
// by nobody yet, and what could come of it.
func (c *Case) Preview(f Config) (Proposal, Prospect) {
	x := c.drafted(&f)
	return c.tally(x), c.prospect(x)
}

// drafted is a config that nobody has proposed yet.
func (c *Case) drafted(f *Config) *config {
	parent := c.configs[*f.Parent]
	x := &config{Config: f, parent: parent, dropped: droppedBy(parent.Config, f), lapsed: c.theseConfigs(f.Lapsed)}
	if f.Kind == Succession {
		x.basis = c.basisOf(parent, f)
	}
	return x
}

// heardSince lists whom a succession drops that has written what its basis has not.
func (c *Case) heardSince(x *config) (heard []id.OrgID) {
	wrote := map[id.OrgID]bool{}
	for _, b := range c.control {
		if o, _ := c.holder(b.feed.name.Kid, c.all); o != nil && c.all.at(b.place) > x.basis.at(b.place) {
			wrote[o.id] = true
		}
	}
	for _, o := range x.dropped {
		if wrote[o] {
			heard = append(heard, o)
		}
	}
	return heard
}

// writable is the past of what an honest daemon that has all of this writes: what stands
// above a fork is not in it, unless somebody named that before it was known.
func (c *Case) writable() (past vector) {
	for _, n := range c.heads() {
		past = past.union(n.past)
	}
	return past
}

// votable says whether the votes that are left or free can carry what is proposed next: with
// these stewards dropped, where it is a succession. It names what these ballots show.
func (c *Case) votable(shown *ballots, dropped []id.OrgID) bool {
	f := &Config{Kind: shown.kind}
	next := &config{Config: f, parent: shown.parent, dropped: dropped}
	if f.Kind == Succession {
		f.Basis = c.placesIn(c.all, dropped)
		next.basis = c.basisOf(shown.parent, f)
	}
	voters, need := c.voters(next)
	next.lapsed = shown.names(voters, id.OrgID{})
	able, _ := c.ballotsIn(shown.parent, shown.kind, c.all).able(next, voters, need)
	return able == need
}

// Stranded lists the stewards that have not voted for an ordinary config after the one in
// force, where the others are a quorum and have spent their votes: nobody else can carry
// one, and the members may succeed them when they are silent. By rank; empty where it is
// not so.
func (c *Case) Stranded() (os []id.OrgID) {
	if len(c.chain) == 0 {
		return nil
	}
	tip := c.chain[len(c.chain)-1]
	b := c.ballotsIn(tip, Ordinary, c.writable())
	for i, voted := range b.votes(tip.Stewards) {
		if len(voted) == 0 {
			os = append(os, tip.Stewards[i])
		}
	}
	if len(os) == 0 || len(tip.Stewards)-len(os) < int(tip.Quorum) || !b.stranded(os) {
		return nil
	}
	return os
}
