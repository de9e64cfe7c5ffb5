package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Refute says for the stewards that a claim is wrong: it alarms nobody any longer, as
// long as nobody confirms it.
type Refute struct {
	Claim  id.EntryID
	Code   uint8
	Reason [32]byte // commitment to the reason's text
}

var refuteKind = kind{
	typ: 16, name: "refute", cap: identity.CapSteward, who: inForce,
	make: func() Message { return new(Refute) }, once: cites, check: checkRefute, holds: empowered,
}

// Type is the kind's number.
func (*Refute) Type() entry.Type { return refuteKind.typ }

func (m *Refute) fields() []field {
	return []field{hash(1, &m.Claim), number(2, &m.Code, 0, MaxCode), hash(3, &m.Reason)}
}

func checkRefute(c *Case, n *node) *Refusal {
	x, r := c.claimIn(n.msg.(*Refute).Claim, n)
	switch {
	case r != nil || !n.own:
		return r
	case c.confirmed(x.msg.(*Claim).What):
		return refuse("claim-confirmed", "what is claimed is confirmed: nothing takes that back")
	case c.refuted(x):
		return refuse("no-change", "the claim is refuted already")
	}
	return nil
}

func (m *Refute) apply(c *Case, n *node) {
	c.act(n)
	c.refutes[m.Claim] = append(c.refutes[m.Claim], n)
}

// refuted says whether a steward's word stands against a claim.
func (c *Case) refuted(claim *node) bool {
	return slices.ContainsFunc(c.refutes[claim.id], (*node).honoured)
}

func (m *Refute) needs(*Case) []id.EntryID { return []id.EntryID{m.Claim} }

func (m *Refute) says(*Case) (what, about string) { return "", m.Claim.String() }

func (m *Refute) commitment() [32]byte { return m.Reason }
