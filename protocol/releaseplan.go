package protocol

import (
	"bytes"
	"cmp"
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// ReleasePlan says at which instant all publish together. It releases nobody from the
// embargo and obliges nobody to publish.
type ReleasePlan struct {
	At uint64 // Unix milliseconds; 0: what was planned is called off
}

var releasePlanKind = kind{
	typ: 22, name: "release-plan", cap: identity.CapSteward, who: inForce,
	make: func() Message { return new(ReleasePlan) }, once: cites, check: checkReleasePlan, holds: empowered,
}

// Type is the kind's number.
func (*ReleasePlan) Type() entry.Type { return releasePlanKind.typ }

func (m *ReleasePlan) fields() []field {
	return []field{number(1, &m.At, 1, entry.MaxTime).Optional(func() bool { return m.At != 0 })}
}

func checkReleasePlan(c *Case, n *node) *Refusal {
	m := n.msg.(*ReleasePlan)
	if !n.own {
		return nil
	}
	now := c.plan()
	switch {
	case m.At != 0 && m.At <= n.t:
		return refuse("instant-in-past", "the release would lie in the past: nobody could still agree to it")
	case now == nil && m.At == 0 || now != nil && now.msg.(*ReleasePlan).At == m.At:
		return refuse("no-change", "that is what is planned already")
	}
	return nil
}

// apply lets a plan take the place of those in its past.
func (m *ReleasePlan) apply(c *Case, n *node) {
	c.act(n)
	if n.honoured() {
		c.plans = append(slices.DeleteFunc(c.plans, n.past.has), n)
	}
}

// plan is the plan in force. Of those side by side the latest instant holds, since
// nobody publishes before the instant that it has agreed to.
func (c *Case) plan() *node {
	if len(c.plans) == 0 {
		return nil
	}
	return slices.MaxFunc(c.plans, later)
}

// later orders plans side by side; of two for one instant the lesser id holds. To
// call the release off is later than all.
func later(a, b *node) int {
	at := func(n *node) uint64 { return n.msg.(*ReleasePlan).At - 1 } // 0 becomes the last
	return cmp.Or(cmp.Compare(at(a), at(b)), bytes.Compare(b.id[:], a.id[:]))
}

// needs are the plans that this one replaces.
func (*ReleasePlan) needs(c *Case) []id.EntryID { return ids(c.plans) }

func (m *ReleasePlan) says(*Case) (what, about string) {
	if m.At == 0 {
		return "called off", ""
	}
	return "", ""
}
