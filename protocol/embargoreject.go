package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// EmbargoReject declines an agreement, or withdraws a consent given before (ER and EJ
// of the MPCVD messages). It says nothing about any other agreement.
type EmbargoReject struct {
	Agr    id.AgrID
	Code   uint8
	Reason [32]byte // commitment to the reason's text
}

var embargoRejectKind = kind{
	typ: 12, name: "embargo-reject", cap: identity.CapConsent, who: byMember,
	make: func() Message { return new(EmbargoReject) }, once: checkAnswered, enter: enterReject,
	check: checkEmbargoReject, holds: unremoved,
}

// Type is the kind's number.
func (*EmbargoReject) Type() entry.Type { return embargoRejectKind.typ }

func (m *EmbargoReject) fields() []field {
	return []field{hash(1, &m.Agr), number(2, &m.Code, 0, MaxCode), hash(3, &m.Reason)}
}

func (m *EmbargoReject) about() id.AgrID { return m.Agr }

// enterReject notes who takes a word of its own back, whoever has power.
func enterReject(c *Case, n *node) {
	a := c.terms.all[n.msg.(answer).about()]
	a.taken[n.org.id] = append(a.taken[n.org.id], n)
}

func checkEmbargoReject(c *Case, n *node) *Refusal {
	if !n.own {
		return nil
	}
	if r := c.negotiable(n); r != nil && r.Rule != "exit-pending" {
		return r
	}
	if c.declines(n.org, c.terms.all[n.msg.(answer).about()]) {
		return refuse("no-change", "the organisation has rejected these terms already")
	}
	return nil
}

func (m *EmbargoReject) apply(c *Case, n *node) {
	n.org.status.put(n, 0)
	x := c.hears(c.terms.all[m.Agr]).answer(n.org)
	x.no = append(x.no, n)
}

func (m *EmbargoReject) needs(c *Case) []id.EntryID { return ids(c.terms.all[m.Agr].carrier()) }

func (m *EmbargoReject) says(*Case) (what, about string) { return "", m.Agr.String() }

func (m *EmbargoReject) commitment() [32]byte { return m.Reason }
