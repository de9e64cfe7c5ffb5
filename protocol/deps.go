package protocol

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Deps are the control entries that a new entry of kid in comp names: at most 16,
// sorted, none in the past of another or of what the feed's head has in its
// past. In this order: what the entry's own check needs (its author's identity
// events, admission and other heads, its compartment, and needs, of which Needs
// lists those of its message), then the stewards' heads, then the highest Lamport numbers
// (spec/protocol.md §4.3). A first entry always gets one.
func (c *Case) Deps(kid id.Kid, comp id.Comp, needs ...id.EntryID) []id.EntryID {
	p := picker{}
	if f := c.feeds[id.Feed{Kid: kid, Comp: comp}]; f != nil {
		p.base = f.branches[0].tip.past
	}
	pick := func(n *node) {
		if n = c.named(n); n != nil {
			p.pick(n)
		}
	}
	for _, n := range c.ownNeeds(kid, comp) {
		pick(n)
	}
	for _, x := range needs {
		if n := c.nodes[x]; n != nil && n.control() {
			pick(n)
		}
	}
	for _, h := range c.heads() {
		pick(h)
	}
	out := make([]id.EntryID, len(p.chosen))
	for i, n := range p.chosen {
		out[i] = n.id
	}
	slices.SortFunc(out, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// named is what stands for n among deps: n itself, unless it is later than a proof
// that its key forked; then the config of the chain that has it in its past, if any.
func (c *Case) named(n *node) *node {
	if c.afterProof(n, c.all) == nil {
		return n
	}
	for _, x := range c.chain {
		if x.node.past.has(n) {
			return x.node
		}
	}
	return nil
}

// picker chooses deps one by one.
type picker struct {
	base   vector
	chosen []*node
}

// pick adds n unless it is known through what is chosen; it takes the place of
// what is known through n.
func (p *picker) pick(n *node) {
	if p.base.has(n) || slices.ContainsFunc(p.chosen, func(x *node) bool { return x.past.has(n) }) {
		return
	}
	kept := slices.DeleteFunc(p.chosen, func(x *node) bool { return n.past.has(x) })
	p.chosen = kept
	if len(p.chosen) < entry.MaxDeps {
		p.chosen = append(p.chosen, n)
	}
}

// ownNeeds are what every check of this author and compartment asks.
func (c *Case) ownNeeds(kid id.Kid, comp id.Comp) (needs []*node) {
	if room := c.comps[comp]; room != nil {
		needs = append(needs, room)
	}
	if comp != id.Control {
		needs = append(needs, c.inForceBy()...)
	}
	o, _ := c.holder(kid, c.all)
	if o == nil {
		return needs
	}
	for _, x := range c.certs[kid] {
		for _, e := range x.events {
			if x.org == o {
				needs = append(needs, e.shown...)
			}
		}
	}
	needs = append(needs, o.liveIn(c.all)...)
	needs = append(needs, o.voice...)
	if comp == id.Control {
		for _, h := range c.headsOf(o) {
			needs = append(needs, h.unforked()...)
		}
		x := c.chain[len(c.chain)-1]
		needs = append(needs, x.node)
		if c.steward(o.id) { // its acts cite the config, and who carries it
			for _, o := range slices.SortedFunc(maps.Keys(x.votes), compareOrgs) {
				needs = append(needs, x.votes[o]...)
			}
		}
	}
	return needs
}

// headsOf are the tips of an organisation's control branches: what its next
// status entry goes on from, and what a removal must have seen to leave it valid.
func (c *Case) headsOf(o *org) (tips []*node) {
	for _, b := range c.control {
		if x, _ := c.holder(b.feed.name.Kid, c.all); x != nil && x == o {
			tips = append(tips, b.tip)
		}
	}
	return tips
}

// heads are the tips of all control branches, also those in the past of others, of a
// forked feed what is below the fork: the stewards' first, then by Lamport number,
// highest first.
func (c *Case) heads() []*node {
	tips := make([]*node, 0, len(c.control))
	for _, b := range c.control {
		tips = append(tips, b.tip.unforked()...)
	}
	slices.SortFunc(tips, func(a, b *node) int {
		return cmp.Or(cmp.Compare(c.rank(a), c.rank(b)), cmp.Compare(b.lc, a.lc), bytes.Compare(a.id[:], b.id[:]))
	})
	return tips
}

// unforked is the tip of a control branch, or what stands below the fork of its
// feed: what came above it the ledger lets no entry of ours name, and the two that
// prove it must not be hidden behind it.
func (n *node) unforked() []*node {
	f := n.branch.feed
	switch {
	case !f.forkedAt(n.seq):
		return []*node{n}
	case f.fork == 0:
		return nil
	}
	return []*node{f.branches[0].entries[f.fork-1]}
}

// rank is 0 for an entry of a steward, 1 for others. Keys that forked come last:
// they have any number of heads.
func (c *Case) rank(n *node) int {
	switch {
	case c.forked[n.kid]:
		return 2
	case n.org != nil && c.steward(n.org.id):
		return 0
	}
	return 1
}

// Needs are the entries that the check of a message needs in the entry's past: for an
// admit the removals of its subject and its identity events, for a removal the
// admissions of its subject and its control heads (it voids what it did not see), for a
// word about a claim or an agreement that one. They are Deps' needs.
func (c *Case) Needs(m Message) []id.EntryID {
	if m, ok := m.(interface{ needs(*Case) []id.EntryID }); ok {
		return m.needs(c)
	}
	return nil
}

// ids are the ids of entries.
func ids(lists ...[]*node) (out []id.EntryID) {
	for _, ns := range lists {
		for _, n := range ns {
			out = append(out, n.id)
		}
	}
	return out
}
