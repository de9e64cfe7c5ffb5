package protocol

import (
	"cmp"
	"slices"

	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Proposal is a config that is proposed to follow the one in force, or a rival of
// one that is.
type Proposal struct {
	Config
	By       id.OrgID
	T        uint64     // when, by its author's clock: Unix milliseconds
	Endorsed []id.OrgID // whose votes count, sorted
	Missing  []id.OrgID // who may still vote: stewards by rank, or the electorate, sorted
	Need     int        // votes that carry it
}

// Proposals lists the configs that are proposed after the one in force, in
// display order.
func (c *Case) Proposals() []Proposal {
	if len(c.chain) == 0 {
		return nil
	}
	open := slices.Clone(c.chain[len(c.chain)-1].children)
	slices.SortFunc(open, func(a, b *config) int { return c.compareNodes(a.node, b.node) })
	ps := make([]Proposal, len(open))
	for i, x := range open {
		ps[i] = c.proposal(x)
	}
	return ps
}

// Proposal is a config of the case, in force or not; ok is false for one that
// it does not know.
func (c *Case) Proposal(x id.ConfigID) (p Proposal, ok bool) {
	f := c.configs[x]
	if f == nil || f.parent == nil {
		return p, false
	}
	return c.proposal(f), true
}

func (c *Case) proposal(x *config) Proposal {
	p := c.tally(x)
	p.By, p.T = x.node.org.id, x.node.t
	return p
}

// tally is how the votes for a config stand.
func (c *Case) tally(x *config) Proposal {
	voters, need := c.voters(x)
	p := Proposal{Config: *x.Config, Need: need}
	for _, o := range voters {
		switch {
		case len(x.votes[o]) > 0:
			p.Endorsed = append(p.Endorsed, o)
		case x.frees(votedIn(x.parent.cast[voter{o, x.Kind}], c.all)):
			p.Missing = append(p.Missing, o)
		}
	}
	slices.SortFunc(p.Endorsed, compareOrgs)
	return p
}

// Chain lists the configs from C0 to the one in force.
func (c *Case) Chain() []Config {
	out := make([]Config, len(c.chain))
	for i, x := range c.chain {
		out[i] = *x.Config
	}
	return out
}

// NextConfig is an ordinary config with these stewards after the one in force, as
// a daemon with key kid would propose it: it finalises, and cuts dropped stewards
// at, what the entry will have in its past, and names what has lapsed by that.
func (c *Case) NextConfig(kid id.Kid, stewards []id.OrgID, quorum uint8) Config {
	past := c.nextPast(kid)
	f := c.nextIn(past, stewards, quorum)
	c.name(&f, past, kid)
	return f
}

// nextIn is NextConfig by a past, but for what has lapsed.
func (c *Case) nextIn(past vector, stewards []id.OrgID, quorum uint8) Config {
	now := c.tip()
	f := Config{Parent: &now.ID, N: now.N + 1, Stewards: slices.Clone(stewards), Quorum: quorum, Rules: now.Rules,
		Kind: Ordinary, Heads: c.unrevoked(c.placesIn(past, now.Stewards))}
	for _, o := range droppedBy(now, &f) {
		f.Cuts = append(f.Cuts, Cut{Org: o, Places: c.placesIn(past, []id.OrgID{o})})
	}
	slices.SortFunc(f.Cuts, func(a, b Cut) int { return compareOrgs(a.Org, b.Org) })
	return f
}

// unrevoked leaves out of heads what a revoked key has written beyond what is final:
// how much of it stands is for a cut of its organisation to say, and what is final
// no cut touches.
func (c *Case) unrevoked(heads []Place) (ps []Place) {
	for _, p := range heads {
		if _, view := c.holder(p.Kid, c.all); view != nil {
			if d, _ := view.Daemon(p.Kid); d.Revoked {
				var known bool
				if p, known = at(c.fin(), p.Kid); !known {
					continue
				}
			}
		}
		ps = append(ps, p)
	}
	return ps
}

// Succeed is NextConfig for members who put stewards in the place of those that
// fell silent.
func (c *Case) Succeed(kid id.Kid, stewards []id.OrgID, quorum uint8) Config {
	past := c.nextPast(kid)
	f := c.nextIn(past, stewards, quorum)
	f.Kind, f.Basis = Succession, []Place{}
	for _, x := range f.Cuts {
		f.Basis = append(f.Basis, x.Places...)
	}
	slices.SortFunc(f.Basis, comparePlaces)
	c.name(&f, past, kid)
	return f
}

// nextPast is the past of a daemon's next control entry.
func (c *Case) nextPast(kid id.Kid) vector {
	return c.pastWith(c.Deps(kid, id.Control), id.Feed{Kid: kid, Comp: id.Control})
}

// pastWith is the past of the next entry of a feed with these deps.
func (c *Case) pastWith(deps []id.EntryID, name id.Feed) (past vector) {
	if f := c.feeds[name]; f != nil {
		past = f.branches[0].tip.past
	}
	for _, d := range deps {
		past = past.union(c.nodes[d].past)
	}
	return past
}

// placesIn is the last entry in a past of each control feed of these
// organisations; of a forked feed the last below the fork, or the finalised one
// where that is later.
func (c *Case) placesIn(past vector, of []id.OrgID) (ps []Place) {
	for name, f := range c.feeds {
		if name.Comp != id.Control {
			continue
		}
		var last *node
		held := int(past.at(f.branches[0].place))
		if f.fork >= 0 {
			held = min(held, int(f.fork))
		}
		if held > 0 {
			last = f.branches[0].entries[held-1]
		}
		if p, ok := at(c.fin(), name.Kid); ok && (last == nil || !c.nodes[p.ID].below(last)) {
			last = c.nodes[p.ID]
		}
		if last != nil && last.org != nil && slices.Contains(of, last.org.id) {
			ps = append(ps, Place{Kid: name.Kid, Seq: last.seq, ID: last.id})
		}
	}
	slices.SortFunc(ps, comparePlaces)
	return ps
}

// Pin says under which config this daemon has acted: when the chain no longer
// passes through it, the case is in conflict until a person decides, and the
// daemon neither acts nor lets content out. It is no part of the case; nil pins
// nothing.
func (c *Case) Pin(x *id.ConfigID) { c.pinned = x }

// Rivals are two certified configs of one parent: one that is not followed (of a
// conflict, what the daemon was pinned to, or what leads there), and what the chain has
// in its place.
type Rivals struct {
	Pinned, Chain Proposal
	Both          []id.OrgID // who voted on both sides without saying so: each has signed the proof. Nobody where one is a succession
}

// Conflict is why the case is in conflict; ok is false when it is not, or when the
// pinned config is not here.
func (c *Case) Conflict() (r Rivals, ok bool) {
	x, y, ok := c.rivals()
	if !ok {
		return r, false
	}
	return c.rivalry(x, y), true
}

// Beside lists the configs that are certified and are not followed, each as Pinned
// beside the link of the chain that has its place, from C0 on: two of one kind are
// the work of a steward that signed both, whether or not this daemon was pinned.
func (c *Case) Beside() (rs []Rivals) {
	for i := 1; i < len(c.chain); i++ {
		for _, x := range c.chain[i-1].children {
			if x.certified && x != c.chain[i] {
				rs = append(rs, c.rivalry(x, c.chain[i]))
			}
		}
	}
	return rs
}

// rivals are, in conflict, the config that leads to the pinned one and the link of
// the chain that has its place.
func (c *Case) rivals() (x, y *config, ok bool) {
	if c.pinned == nil || c.link(*c.pinned) >= 0 || c.configs[*c.pinned] == nil {
		return nil, nil, false
	}
	x = c.configs[*c.pinned]
	for c.link(x.parent.ID) < 0 {
		x = x.parent
	}
	at := c.link(x.parent.ID) + 1
	if at == len(c.chain) {
		return nil, nil, false
	}
	return x, c.chain[at], true
}

// rivalry is how x stands against the link y of the chain, of the same parent.
func (c *Case) rivalry(x, y *config) Rivals {
	r := Rivals{Pinned: c.proposal(x), Chain: c.proposal(y)}
	if x.Kind == y.Kind {
		r.Both = slices.Compact(slices.SortedFunc(slices.Values(append(c.against(x, y), c.against(y, x)...)), compareOrgs))
	}
	return r
}

// against are those of x's voters who, with y beside it, did not vote in one line: their
// votes for the two did not know each other, or y's past shows a vote that left them none
// for x.
func (c *Case) against(x, y *config) (os []id.OrgID) {
	var b *ballots
	named := slices.Contains(y.lapsed, x)
	if named {
		b = c.ballotsIn(x.parent, x.Kind, y.node.past)
	}
	for o, votes := range x.votes {
		apart := func(v *node) bool {
			return slices.ContainsFunc(y.votes[o], func(w *node) bool { return !v.past.has(w) && !w.past.has(v) })
		}
		if slices.ContainsFunc(votes, apart) || named && !b.can(x, o) {
			os = append(os, o)
		}
	}
	return os
}

// SinceCheckpoint says how many control entries the case has that the config in
// force has not in its past, and when that was proposed: Unix milliseconds.
func (c *Case) SinceCheckpoint() (entries int, t uint64) {
	if len(c.chain) == 0 {
		return 0, 0
	}
	tip := c.chain[len(c.chain)-1].node
	for _, b := range c.control {
		entries += int(c.all.at(b.place)) - int(max(tip.past.at(b.place), uint32(b.start())))
	}
	return entries, tip.t
}

// LastWord is the latest time that an organisation's control entries claim: Unix
// milliseconds, 0 for none.
func (c *Case) LastWord(o id.OrgID) (t uint64) {
	for _, n := range c.headsOf(c.orgOrNone(o)) {
		t = max(t, n.t)
	}
	return t
}

// Unproven lists the forks of the control plane and of content that no fork entry
// shows yet: two entries each, the lower id first.
func (c *Case) Unproven() (forks [][2]id.EntryID) {
	for name, f := range c.feeds {
		if f.fork < 0 || len(c.closed[name.Kid]) > 0 {
			continue
		}
		var pair []id.EntryID
		for _, b := range f.branches {
			if at := id.Seq(f.fork); b.start() <= at && at < b.next() && len(pair) < 2 {
				pair = append(pair, b.id(at))
			}
		}
		slices.SortFunc(pair, compareEntries)
		forks = append(forks, [2]id.EntryID(pair))
	}
	slices.SortFunc(forks, func(a, b [2]id.EntryID) int {
		return cmp.Or(compareEntries(a[0], b[0]), compareEntries(a[1], b[1]))
	})
	return forks
}

// Closed says whether the case has the proof that a key forked.
func (c *Case) Closed(kid id.Kid) bool { return len(c.closed[kid]) > 0 }

// RefusedActs lists the steward acts, proposals and votes that the case refuses,
// in display order.
func (c *Case) RefusedActs() (acts []id.EntryID) {
	var refused []*node
	for _, n := range c.order {
		if !n.honoured() && n.control() && n.kind != nil && n.kind.cap == identity.CapSteward {
			refused = append(refused, n)
		}
	}
	slices.SortFunc(refused, c.compareNodes)
	for _, n := range refused {
		acts = append(acts, n.id)
	}
	return acts
}

// AuthorOf is the organisation that wrote a folded entry; ok is false where it is
// of no organisation of the case.
func (c *Case) AuthorOf(e id.EntryID) (o id.OrgID, ok bool) {
	n, _ := c.find(e)
	if n == nil || n.org == nil {
		return o, false
	}
	return n.org.id, true
}
