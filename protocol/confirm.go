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
	claim := c.nodes[n.msg.(*Confirm).Claim]
	if claim == nil || !claim.control() || !n.past.has(claim) {
		return refuse("claim-unknown", "the claim is not in the entry's past")
	}
	m, ok := claim.msg.(*Claim)
	if !ok || !claim.honoured() {
		return refuse("claim-unknown", "what is confirmed is no claim that counts")
	}
	if n.own && c.asserts[m.What][n.org.id] {
		return refuse("no-change", "the organisation asserts %v already", m.What)
	}
	return nil
}

func (m *Confirm) apply(c *Case, n *node) {
	c.assert(n.org, c.nodes[m.Claim].msg.(*Claim).What)
}
