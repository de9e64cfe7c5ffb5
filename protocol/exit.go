package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/identity"
)

// Exit ends the author's own membership. What it received binds it on.
type Exit struct {
	Code   uint8
	Reason [32]byte
}

var exitKind = kind{
	typ: 6, name: "exit", cap: identity.CapConsent, who: byMember,
	make: func() Message { return new(Exit) }, check: nothing, standing: true,
}

// Type is the kind's number.
func (*Exit) Type() entry.Type { return exitKind.typ }

func (m *Exit) fields() []field {
	return []field{number(2, &m.Code, 0, MaxCode), hash(3, &m.Reason)}
}

func (m *Exit) apply(c *Case, n *node) { c.kill(n.org, n) }

// nothing is the check of a kind that asks no more than its author's standing.
func nothing(*Case, *node) *Refusal { return nil }

func (m *Exit) commitment() [32]byte { return m.Reason }
