package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Confirm asserts what another organisation claims.
type Confirm struct {
	Claim id.EntryID
}

var confirmKind = kind{
	typ: 15, name: "confirm", cap: identity.CapWrite, who: byVoice,
	make: func() Message { return new(Confirm) }, check: checkConfirm,
}

// Type is the kind's number.
func (*Confirm) Type() entry.Type { return confirmKind.typ }

func (m *Confirm) fields() []field { return []field{hash(1, &m.Claim)} }

func checkConfirm(c *Case, n *node) *Refusal {
	claim, r := c.claimIn(n.msg.(*Confirm).Claim, n)
	if r != nil {
		return r
	}
	if m := claim.msg.(*Claim); n.own && c.asserts[m.What][n.org.id] {
		return refuse("no-change", "the organisation asserts %v already", m.What)
	}
	return nil
}

// claimIn finds the claim that n is about.
func (c *Case) claimIn(x id.EntryID, n *node) (*node, *Refusal) {
	claim := c.nodes[x]
	if claim == nil || !claim.control() || !n.past.has(claim) {
		return nil, refuse("claim-unknown", "the claim is not in the entry's past")
	}
	if _, ok := claim.msg.(*Claim); !ok || !claim.honoured() {
		return nil, refuse("claim-unknown", "what is meant is no claim that counts")
	}
	return claim, nil
}

func (m *Confirm) apply(c *Case, n *node) {
	c.assert(n.org, c.nodes[m.Claim].msg.(*Claim).What)
}

func (m *Confirm) needs(*Case) []id.EntryID { return []id.EntryID{m.Claim} }

func (m *Confirm) says(*Case) (what, about string) { return "", m.Claim.String() }
