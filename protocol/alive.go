package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/identity"
)

// Alive says that its author's organisation is there. A steward writes it when it
// has written nothing else for a while, so that nobody takes it for gone; a
// member, when it notes that a steward is silent.
type Alive struct{}

var aliveKind = kind{
	typ: 18, name: "alive", cap: identity.CapWrite, who: byMember,
	make: func() Message { return new(Alive) }, check: nothing,
}

// Type is the kind's number.
func (*Alive) Type() entry.Type { return aliveKind.typ }

func (m *Alive) fields() []field { return nil }

func (m *Alive) apply(*Case, *node) {}
