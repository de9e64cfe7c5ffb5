package protocol

import (
	"slices"
	"sort"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Silence is how long a member waits, by its own clock, between noting that a
// steward is silent and endorsing its succession: milliseconds.
const Silence = 14 * 24 * 3600 * 1000

// Endorse is an organisation's vote for a config: for each parent and kind of config
// only its first counts, and one for a config that names what it voted for as lapsed.
type Endorse struct{ Config id.ConfigID }

var endorseKind = kind{
	typ: 3, name: "endorse", cap: identity.CapSteward,
	make: func() Message { return new(Endorse) }, once: checkEndorse, check: checkElector,
	enter: func(c *Case, n *node) { c.vote(n) }, chain: true,
}

// Type is the kind's number.
func (*Endorse) Type() entry.Type { return endorseKind.typ }

func (m *Endorse) fields() []field { return []field{hash(1, &m.Config)} }

// apply has nothing left to do: what votes carry is the chain's business.
func (m *Endorse) apply(*Case, *node) {}

// checkEndorse judges a vote by its past alone (spec/authority.md §3).
func checkEndorse(c *Case, n *node) *Refusal {
	x := c.configs[n.msg.(*Endorse).Config]
	if x == nil || x.parent == nil || !n.past.has(x.node) {
		return refuse("config-unknown", "what is endorsed is no config that is proposed in the entry's past")
	}
	if !x.frees(votedIn(x.parent.cast[voter{n.org.id, x.Kind}], n.past)) {
		return refuse("already-endorsed", "the organisation has endorsed a config of this kind and parent, and this one does not name it as lapsed")
	}
	if x.Kind == Ordinary {
		if !x.parent.steward(n.org.id) {
			return refuse("not-a-steward", "only the stewards before it endorse a config")
		}
		return nil
	}
	return c.checkPatience(x, n)
}

// checkPatience judges a vote for a succession: its organisation has heard nothing
// of those who are dropped, and has waited.
func (c *Case) checkPatience(x *config, n *node) *Refusal {
	for _, b := range c.control {
		if n.past.at(b.place) <= x.basis.at(b.place) || !c.mayHold(x.dropped, b.feed.name.Kid) {
			continue
		}
		if o, _ := c.holder(b.feed.name.Kid, n.past); o != nil && slices.Contains(x.dropped, o.id) {
			return refuse("steward-was-heard", "a steward that would be dropped has written since: it is not silent")
		}
	}
	noted, ok := c.noted(x, n)
	if !ok {
		return refuse("silence-not-noted", "the organisation has written nothing since it last saw the stewards that would be dropped")
	}
	if n.t < noted+Silence {
		return refuse("endorsed-too-early", "a succession is endorsed 14 days after the silence was noted, not before")
	}
	return nil
}

// noted is the time of the first entry of n's organisation, in n's past, that
// knew the basis.
func (c *Case) noted(x *config, n *node) (t uint64, ok bool) {
	for _, b := range c.control {
		if n.past.at(b.place) <= uint32(b.start()) || b.by != n.org && !b.shared {
			continue
		}
		from := sort.Search(len(b.entries), func(i int) bool { return x.seenBy(b.entries[i], c) })
		for _, w := range b.entries[from:] {
			if !n.past.has(w) {
				break
			}
			if w.org == n.org {
				if !ok || w.t < t {
					t, ok = w.t, true
				}
				break
			}
		}
	}
	return t, ok
}

// seenBy says whether the basis is in an entry's past.
func (x *config) seenBy(w *node, c *Case) bool {
	before := func(n *node) bool { return n != w && w.past.has(n) }
	return before(x.parent.node) && !slices.ContainsFunc(x.Basis, func(p Place) bool { return !before(c.nodes[p.ID]) })
}

// checkElector refuses the vote of who has none in a succession.
func checkElector(c *Case, n *node) *Refusal {
	x := c.configs[n.msg.(*Endorse).Config]
	if x.Kind == Succession && x.parent.certified && !c.electorate(x).has[n.org.id] {
		return refuse("not-an-elector", "in a succession the members vote whom it does not drop")
	}
	return nil
}

// vote counts an endorsement, and certifies what it completes.
func (c *Case) vote(n *node) {
	x := c.configs[n.msg.(*Endorse).Config]
	x.votes[n.org.id] = append(x.votes[n.org.id], n)
	x.parent.takes(n, x)
	if i := c.link(x.parent.ID); i >= 0 {
		c.firm = min(c.firm, i+1)
	}
	c.certify(x)
}

func (m *Endorse) needs(*Case) []id.EntryID { return []id.EntryID{m.Config} }

func (m *Endorse) says(*Case) (what, about string) { return "", m.Config.String() }
