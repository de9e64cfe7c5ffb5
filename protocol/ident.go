package protocol

import (
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Ident carries identity events of one organisation into the case: its own
// author's, or, by a steward, anybody's. The events prove themselves; in the
// case only what its entries show counts.
type Ident struct {
	Events [][]byte // of one organisation, without a gap
	Cut    []byte   // where they revoke a daemon: up to where its acts stand; nil: to what this entry has seen

	chain grown // set by the check
	cut   *identity.Cut
}

var identKind = kind{
	typ: 7, name: "ident", cap: identity.CapWrite,
	make: func() Message { return new(Ident) }, once: checkIdent, check: checkOwnIdent,
	enter: enterIdent,
}

// Type is the kind's number.
func (*Ident) Type() entry.Type { return identKind.typ }

func (m *Ident) fields() []field {
	return []field{blobsOf(1, &m.Events, 1, identity.MaxEvents),
		bytesOf(2, &m.Cut).Optional(func() bool { return m.Cut != nil })}
}

// checkIdent judges first what needs no signature.
func checkIdent(c *Case, n *node) *Refusal {
	m := n.msg.(*Ident)
	if m.chain.orgs == nil { // else its author came with it (introduced)
		if r := m.open(c, n); r != nil {
			return r
		}
	}
	return m.openCut(c, n)
}

// open verifies the events, where its author may bring them.
func (m *Ident) open(c *Case, n *node) *Refusal {
	g, r := c.trace(m.Events, n.past)
	if r != nil {
		return r
	}
	if g.org != n.org.id {
		if r := cites(c, n); r != nil {
			return refuse("not-its-own-identity", "only a steward, citing its config, brings another organisation's identity events")
		}
		if !c.certifiedIn(c.configs[*n.cfg], n.past) {
			return refuse("config-not-certified", "the config that is cited has no certificate in the entry's past")
		}
	}
	if r := c.carry(n, m.signatures(g)); r != nil {
		return r
	}
	m.chain, r = c.verify(g)
	return r
}

// signatures are those inside the entry.
func (m *Ident) signatures(g grown) int {
	if m.Cut != nil {
		return g.signatures + 1
	}
	return g.signatures
}

// openCut reads the cut of a key that the events revoke.
func (m *Ident) openCut(c *Case, n *node) *Refusal {
	if m.Cut == nil {
		return nil
	}
	view := m.chain.orgs[len(m.chain.orgs)-1]
	cut, err := view.OpenCut(m.Cut)
	if err != nil {
		return refuse("bad-cut", "the cut does not verify: %v", err)
	}
	d, ok := view.Daemon(cut.Kid)
	if cut.Case != c.id || !ok || !d.Revoked {
		return refuse("bad-cut", "the cut is for another case, or for a key that is not revoked")
	}
	if cut.At != nil {
		x := c.nodes[cut.At.Entry]
		if x == nil || !x.control() || x.kid != cut.Kid || x.seq != cut.At.Seq || !n.past.has(x) {
			return refuse("place-unknown", "the entry that the cut names is not in its past")
		}
	}
	m.cut = &cut
	return nil
}

// enterIdent shows the events, and the cut.
func enterIdent(c *Case, n *node) {
	m := n.msg.(*Ident)
	n.msg = nil // what it shows is kept by event
	c.show(m.chain, n)
	if m.cut == nil {
		return
	}
	s := signer{m.chain.org, m.cut.Kid}
	first := len(c.cuts[s]) == 0
	c.cuts[s] = append(c.cuts[s], keyCut{n, m.cut.At})
	c.stale = c.stale || slices.ContainsFunc(c.acts[s.kid], func(a *node) bool {
		return first || a.org.id == s.org && c.mayFall(a) && !(m.cut.At != nil && a.below(c.nodes[m.cut.At.Entry]))
	})
}

func checkOwnIdent(c *Case, n *node) *Refusal {
	if !n.own {
		return nil
	}
	if m := n.msg.(*Ident); !m.chain.fresh && !c.freshCut(m) {
		return refuse("no-change", "the case knows these identity events")
	}
	return nil
}

// freshCut says whether an entry brings a cut that the case does not know.
func (c *Case) freshCut(m *Ident) bool {
	return m.cut != nil && !slices.ContainsFunc(c.cuts[signer{m.chain.org, m.cut.Kid}], func(k keyCut) bool {
		return (k.at == nil) == (m.cut.At == nil) && (k.at == nil || *k.at == *m.cut.At)
	})
}

// HasCut says whether the case knows a cut of an organisation for a key of its own.
func (c *Case) HasCut(o id.OrgID, kid id.Kid) bool { return len(c.cuts[signer{o, kid}]) > 0 }

// identNeeds is what an ident entry needs in its past: all that shows the chain
// which it goes on from, and what that organisation has written and is; the place
// that it cuts at.
func (c *Case) identNeeds(m *Ident) (needs []*node) {
	s, err := readStep(m.Events[0])
	if err != nil {
		return nil
	}
	if s.index == 0 {
		s.prev = s.id
	}
	if before := c.events[s.prev]; before != nil {
		o := c.orgOf(before.org.ID)
		needs = append(append(o.root.carriers(), o.liveIn(c.all)...), c.headsOf(o)...)
	}
	return needs
}

// apply has nothing left to do: identity events prove themselves.
func (m *Ident) apply(*Case, *node) {}

func (m *Ident) needs(c *Case) []id.EntryID { return ids(c.identNeeds(m)) }
