package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Claim says that the vulnerability is public, an exploit is out, or attacks
// were seen. It alarms everybody; the embargo ends when a steward or two
// organisations assert it.
type Claim struct {
	What     What
	Evidence [32]byte // commitment to the evidence
}

var claimKind = kind{
	typ: 14, name: "claim", cap: identity.CapWrite, who: byVoice,
	make: func() Message { return new(Claim) }, check: checkClaim,
}

// Type is the kind's number.
func (*Claim) Type() entry.Type { return claimKind.typ }

func (m *Claim) fields() []field {
	return []field{number(1, &m.What, uint64(Public), uint64(Attack)), hash(2, &m.Evidence)}
}

func checkClaim(c *Case, n *node) *Refusal {
	m := n.msg.(*Claim)
	if !n.own || !c.asserts[m.What][n.org.id] {
		return nil
	}
	for _, x := range c.claims {
		if x.org == n.org && x.msg.(*Claim).What == m.What && !c.confirmed(m.What) && c.refuted(x) {
			return nil // new evidence alarms again
		}
	}
	return refuse("no-change", "the organisation asserts %v already", m.What)
}

func (m *Claim) apply(c *Case, n *node) {
	c.claims = append(c.claims, n)
	c.assert(n.org, m.What)
}

// assert counts an organisation's word.
func (c *Case) assert(o *org, what What) {
	for _, w := range what.asserts() {
		if c.asserts[w] == nil {
			c.asserts[w] = map[id.OrgID]bool{}
		}
		c.asserts[w][o.id] = true
	}
}

// confirmed says whether a steward or two organisations assert it. It only grows.
func (c *Case) confirmed(w What) bool {
	if len(c.asserts[w]) >= 2 {
		return true
	}
	for o := range c.asserts[w] {
		if c.ever[o] {
			return true
		}
	}
	return false
}

func (m *Claim) says(*Case) (what, about string) { return m.What.String(), "" }

func (m *Claim) commitment() [32]byte { return m.Evidence }
