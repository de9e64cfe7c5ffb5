package protocol

import (
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Fork shows two entries that one daemon key signed at one place. Whoever has it
// in the past neither writes with that key nor depends on what it wrote since.
// Entries of the control plane are in the fork entry's past; of the content
// plane, which is in nobody's past, it carries both.
type Fork struct {
	A, B    id.EntryID // A < B
	Entries [][]byte   // content: A and B, each with its own valid signature

	kid id.Kid // set by the check
}

var forkKind = kind{
	typ: 19, name: "fork", cap: identity.CapWrite, who: byVoice,
	make: func() Message { return new(Fork) }, once: checkFork, check: checkOwnFork,
	enter: func(c *Case, n *node) {
		if kid := n.msg.(*Fork).kid; c.closedIn(kid, n.past) == nil { // who has it in the past has that, too
			c.closed[kid] = append(c.closed[kid], n)
		}
	},
}

// Type is the kind's number.
func (*Fork) Type() entry.Type { return forkKind.typ }

func (m *Fork) fields() []field {
	return []field{hash(1, &m.A), hash(2, &m.B),
		blobsOf(3, &m.Entries, 2, 2).Optional(func() bool { return m.Entries != nil })}
}

// apply has nothing left to do: the proof counts whoever shows it.
func (m *Fork) apply(*Case, *node) {}

func checkFork(c *Case, n *node) *Refusal {
	m := n.msg.(*Fork)
	if compareEntries(m.A, m.B) >= 0 {
		return refuse("bad-fork", "a fork names two entries, the lower id first")
	}
	if r := c.carry(n, len(m.Entries)); r != nil {
		return r
	}
	a, b := m.places(c, n)
	switch {
	case a == nil || b == nil:
		return refuse("no-fork", "the entries that should prove a fork are not in the entry's past, or do not verify")
	case a.kid != b.kid || a.comp != b.comp || a.seq != b.seq:
		return refuse("no-fork", "the entries stand at two places: that is no fork")
	}
	m.kid = a.kid
	return nil
}

// places reads the two entries, from the past or from what is carried.
func (m *Fork) places(c *Case, n *node) (a, b *node) {
	if m.Entries == nil {
		a, b = c.nodes[m.A], c.nodes[m.B]
		if a == nil || b == nil || !a.control() || !b.control() || !n.past.has(a) || !n.past.has(b) {
			return nil, nil
		}
		return a, b
	}
	return m.carried(c, m.Entries[0], m.A, n), m.carried(c, m.Entries[1], m.B, n)
}

// carried opens a content entry that a fork carries.
func (m *Fork) carried(c *Case, raw []byte, want id.EntryID, n *node) *node {
	e, err := entry.Parse(raw)
	if err != nil || e.ID != want || e.Case != c.id || e.Control() {
		return nil
	}
	_, view := c.holder(e.Kid, n.past)
	if view == nil {
		return nil
	}
	d, ok := view.Daemon(e.Kid)
	if !ok || e.Verify(d.Sig) != nil {
		return nil
	}
	return &node{kid: e.Kid, comp: e.Comp, seq: e.Seq}
}

func checkOwnFork(c *Case, n *node) *Refusal {
	if n.own && len(c.closed[n.msg.(*Fork).kid]) > 0 {
		return refuse("no-change", "the case knows that this key has forked")
	}
	return nil
}

// closedIn finds the proof of a fork of the key in a past.
func (c *Case) closedIn(kid id.Kid, past vector) *node {
	for _, f := range c.closed[kid] {
		if past.has(f) {
			return f
		}
	}
	return nil
}

func (m *Fork) needs(*Case) []id.EntryID {
	if m.Entries != nil {
		return nil
	}
	return []id.EntryID{m.A, m.B}
}

func (m *Fork) says(c *Case) (what, about string) {
	if o, ok := c.AuthorOf(m.A); ok {
		return "", o.String()
	}
	return "", ""
}
