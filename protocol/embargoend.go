package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/identity"
)

// EmbargoEnd ends the embargo at once and for good (ET of the MPCVD messages). For an
// earlier end in the future there are proposals.
type EmbargoEnd struct {
	Code   uint8
	Reason [32]byte // commitment to the reason's text
}

var embargoEndKind = kind{
	typ: 17, name: "embargo-end", cap: identity.CapSteward, who: byStewardOnce,
	make: func() Message { return new(EmbargoEnd) }, check: checkEmbargoEnd,
}

// Type is the kind's number.
func (*EmbargoEnd) Type() entry.Type { return embargoEndKind.typ }

func (m *EmbargoEnd) fields() []field {
	return []field{number(2, &m.Code, 0, MaxCode), hash(3, &m.Reason)}
}

// byStewardOnce is the rule for ends: a certified config in the past names the author's
// organisation a steward, chosen or not. Like the voice of claims it only grows.
func byStewardOnce(c *Case, n *node) *Refusal {
	if slices.ContainsFunc(n.org.named, n.past.has) {
		return nil
	}
	if !n.own { // a dry run changes nothing
		c.mute[n.org.id] = true
	}
	return refuse("not-a-steward", "only a steward of the case ends the embargo for everybody: leave it, or claim what has happened").after(&Exit{}, &Claim{What: Public})
}

func checkEmbargoEnd(c *Case, n *node) *Refusal {
	if !n.own {
		return nil
	}
	switch c.Embargo().State {
	case EMExited:
		return refuse("no-change", "the embargo is over already")
	case EMNone, EMProposed:
		return refuse("no-embargo", "no embargo is in force: there is nothing to end")
	}
	return nil
}

func (m *EmbargoEnd) apply(c *Case, n *node) { c.ends = append(c.ends, n) }

// ended says whether a steward or a confirmed claim has ended the embargo. It only grows.
func (c *Case) ended() bool {
	return len(c.ends) > 0 || c.confirmed(Public) || c.confirmed(Exploit) || c.confirmed(Attack)
}

func (m *EmbargoEnd) commitment() [32]byte { return m.Reason }
