package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Remove ends an organisation's membership. It wins over every admission that
// did not see it, and voids the status entries it did not see; content and
// claims stay.
type Remove struct {
	Org    id.OrgID
	Code   uint8    // reason, 0..15
	Reason [32]byte // commitment to the reason's text
}

var removeKind = kind{
	typ: 5, name: "remove", cap: identity.CapSteward, who: inForce,
	make: func() Message { return new(Remove) }, once: citesForRemove, check: checkRemove, holds: empowered, standing: true,
}

// Type is the kind's number.
func (*Remove) Type() entry.Type { return removeKind.typ }

func (m *Remove) fields() []field {
	return []field{hash(1, &m.Org), number(2, &m.Code, 0, MaxCode), hash(3, &m.Reason)}
}

var errSteward = refuse("subject-is-steward", "a steward is not removed: a new config drops it first")

func citesForRemove(c *Case, n *node) *Refusal {
	if r := cites(c, n); r != nil {
		return r
	}
	if c.configs[*n.cfg].steward(n.msg.(*Remove).Org) {
		return errSteward
	}
	return nil
}

func checkRemove(c *Case, n *node) *Refusal {
	m := n.msg.(*Remove)
	if c.lastIn(n.past).steward(m.Org) {
		return errSteward
	}
	if !c.orgOrNone(m.Org).memberIn(n.past) {
		return refuse("subject-not-a-member", "the organisation is no member of the case")
	}
	return nil
}

func (m *Remove) apply(c *Case, n *node) {
	c.act(n)
	if n.honoured() {
		c.kill(c.orgOf(m.Org), n)
	}
}

func (m *Remove) needs(c *Case) []id.EntryID {
	o := c.orgOrNone(m.Org)
	return ids(o.admits, c.headsOf(o))
}

func (m *Remove) says(*Case) (what, about string) { return "", m.Org.String() }

func (m *Remove) commitment() [32]byte { return m.Reason }
