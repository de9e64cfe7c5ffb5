package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/identity"
)

// Ident carries identity events of one organisation into the case: its own
// author's, or, by a steward, anybody's. The events prove themselves; in the
// case only what its entries show counts.
type Ident struct {
	Events [][]byte // of one organisation, without a gap

	chain grown // set by the check
}

var identKind = kind{
	typ: 7, name: "ident", cap: identity.CapWrite, who: byVoice, exempt: true,
	make: func() Message { return new(Ident) }, check: checkIdent,
}

// Type is the kind's number.
func (*Ident) Type() entry.Type { return identKind.typ }

func (m *Ident) fields() []field {
	return []field{blobsOf(1, &m.Events, 1, identity.MaxEvents)}
}

func checkIdent(c *Case, n *node) (r *Refusal) {
	m := n.msg.(*Ident)
	if m.chain, r = c.grow(m.Events, n.past); r != nil {
		return r
	}
	if m.chain.org != n.org.id && !c.everSteward(n.org.id) {
		return refuse("not-its-own-identity", "only a steward brings another organisation's identity events")
	}
	if n.own && !m.chain.fresh {
		return refuse("no-change", "the case knows these identity events")
	}
	return nil
}

func (m *Ident) apply(c *Case, n *node) { c.show(m.chain, n) }
