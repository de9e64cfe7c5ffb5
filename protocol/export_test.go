package protocol

import (
	"slices"

	"cordon/protocol/id"
)

// Broken is a case in which one rule does not hold: what the tests of the rules
// must notice.
func Broken(rule string) *Case {
	c := NewCase()
	c.rows = slices.Clone(byType)
	change := func(k kind, how func(*kind)) {
		how(&k)
		c.rows[k.typ] = &k
	}
	switch rule {
	case "a removal voids what it did not see":
		change(removeKind, func(k *kind) {
			k.make = func() Message { return new(mildRemove) }
			k.check = func(c *Case, n *node) *Refusal { return checkAs(c, n, &n.msg.(*mildRemove).Remove) }
		})
	case "a fork takes the force of earlier acts":
		change(removeKind, func(k *kind) {
			k.make = func() Message { return new(boldRemove) }
			k.check = func(c *Case, n *node) *Refusal { return checkAs(c, n, &n.msg.(*boldRemove).Remove) }
		})
	case "a forked steward has no power":
		change(removeKind, func(k *kind) { k.holds = nil })
		change(admitKind, func(k *kind) { k.holds = nil })
	case "only stewards remove":
		change(removeKind, func(k *kind) { k.who = byMember })
	case "claims outlive removals":
		change(claimKind, func(k *kind) { k.who = byMember })
	default:
		panic("no such rule: " + rule)
	}
	return c
}

// checkAs judges a broken removal as what it looks like.
func checkAs(c *Case, n *node, m *Remove) *Refusal {
	x := *n
	x.msg = m
	return checkRemove(c, &x)
}

// mildRemove is a removal that leaves earlier verdicts alone.
type mildRemove struct{ Remove }

func (m *mildRemove) apply(c *Case, n *node) {
	if n.honoured() {
		o := c.orgOf(m.Org)
		o.kills = append(o.kills, n)
		c.act(n)
	}
}

// boldRemove is a removal that no later proof of a fork touches.
type boldRemove struct{ Remove }

func (m *boldRemove) apply(c *Case, n *node) {
	if n.honoured() {
		c.kill(c.orgOf(m.Org), n)
	}
}

// HeadsOutside counts the control heads that an entry does not have in its past.
func HeadsOutside(c *Case, e id.EntryID) (heads int) {
	for _, b := range c.control {
		if !c.nodes[e].past.has(b.tip) {
			heads++
		}
	}
	return heads
}

// AddAgreement puts an agreement into a case as if it had been proposed and, if
// active, accepted: what a case with one agreement cannot show.
func AddAgreement(c *Case, a Agreement, active bool) id.AgrID {
	r, err := a.Open()
	if err != nil {
		panic(err)
	}
	c.terms.all[a.ID()] = &agreed{Agreement: a, Record: r, active: active}
	return a.ID()
}

// Covers is the rule of spec/kinds.md, agreements.
func Covers(c *Case, a, b id.AgrID) bool { return c.terms.covers(a, b) }
