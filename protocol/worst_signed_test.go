package protocol_test

import (
	"encoding/binary"
	"fmt"

	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// Cases whose entries carry signatures of their own, each another one.

// repeatedCuts: an organisation revokes its key, with a cut in one entry after the other.
func repeatedCuts(n int) []*entry.Sealed {
	g := newDag(3)
	d := g.ds[0]
	name := "lead again"
	second := d.Certify(name, identity.CapWrite, identity.CapConsent)
	last := g.put(0, g.head(0), fields(&protocol.Ident{Events: [][]byte{second}}))
	c0 := id.ConfigID(g.c)
	var acts []*entry.Sealed
	for i := range n / 2 {
		f := fields(&protocol.Remove{Org: g.ds[1].Org.ID, Code: uint8(i % 16)})
		f.Cfg = &c0
		last = g.put(0, last, f)
		acts = append(acts, last)
	}
	old := d.Kid
	revoke := must(d.Org.RevokeDaemon(d.Root, old, 1))
	d.Org = must(d.Org.Extend(revoke))
	d.Use(name)
	var at *entry.Sealed
	for i := 0; len(g.es) < n; i++ {
		x := acts[len(acts)-1-i%len(acts)]
		cut := identity.SealCut(d.Root, identity.Cut{Case: g.c, Kid: old, At: &identity.CutPlace{Seq: x.Seq, Entry: x.ID}})
		f := fields(&protocol.Ident{Events: [][]byte{revoke}, Cut: cut})
		if at == nil {
			at = g.put(0, nil, f, last)
		} else {
			at = g.put(0, at, f)
		}
	}
	return g.es
}

// admissions: a steward admits an organisation again and again, each time by an
// invite, an accept and a card that nobody has seen.
func admissions(n int) []*entry.Sealed {
	g := newDag(2)
	last := g.head(0)
	for i := range n {
		last = g.put(0, last, g.admit(1, i))
	}
	return g.es
}

// readmissions: it removes the organisation in between.
func readmissions(n int) []*entry.Sealed {
	g := newDag(2)
	last := g.head(0)
	for i := range n / 2 {
		f := fields(&protocol.Remove{Org: g.ds[1].Org.ID})
		f.Cfg = (*id.ConfigID)(&g.c)
		last = g.put(0, g.put(0, last, f), g.admit(1, i))
	}
	return g.es
}

// lostVotes: a steward signs a long chain of configs, its votes once on one branch and
// once, but for the first, on another, where it shows identities under the last config.
func lostVotes(n int) []*entry.Sealed {
	g := newDag(2)
	last, parent := g.head(0), id.ConfigID(g.c)
	var ps []*entry.Sealed
	for i := range uint64(n / 4) {
		last = g.put(0, last, proposal(g.config(parent, i+1, protocol.Ordinary, g.ds[0].Org.ID)))
		ps, parent = append(ps, last), last.ID
	}
	at := last
	for i := range ps {
		at = g.put(0, at, vote(ps[i]))
	}
	for i := range ps[1:] {
		last = g.put(0, last, vote(ps[i+1]))
	}
	x := link.NewDaemon(nil, "made up")
	for len(g.es) < n {
		f := fields(&protocol.Ident{Events: x.Org.Events})
		f.Cfg = (*id.ConfigID)(&ps[len(ps)-1-len(g.es)%(len(ps)/2)].ID)
		last = g.put(0, last, f)
	}
	return g.es
}

// comebacks: a member reports a lot, then is removed and admitted again and again, and
// then reports as much.
func comebacks(n int) []*entry.Sealed {
	g := newDag(2)
	report := func(at *entry.Sealed, deps ...*entry.Sealed) *entry.Sealed {
		for i := range n / 3 {
			m := &protocol.Status{RM: []protocol.RM{protocol.RMAccepted, protocol.RMDeferred}[i%2]}
			at, deps = g.put(1, at, fields(m), deps...), nil
		}
		return at
	}
	last := g.head(0)
	at := report(nil, last)
	last = g.put(0, last, alive(0), at)
	for i := range n / 6 {
		f := fields(&protocol.Remove{Org: g.ds[1].Org.ID})
		f.Cfg = (*id.ConfigID)(&g.c)
		last = g.put(0, g.put(0, last, f), g.admit(1, i))
	}
	report(at, last)
	return g.es
}

// admit is the i-th admission of an organisation by the first. What it carries is
// signed here and verified nowhere.
func (g *dag) admit(org, i int) entry.Fields {
	a, o := g.ds[0], g.ds[org]
	var nonce [16]byte
	binary.BigEndian.PutUint64(nonce[:], uint64(i))
	m := &protocol.Admit{}
	m.Invite = must(admission.SealInvite(a.Key, admission.Invite{
		Nonce: nonce, Inviter: a.Org.ID, Invitee: o.Org.ID, Commitment: admission.Commitment(g.c, m.Salt),
		Role: uint8(1 + i%6), Agr: a.Case.Embargo().Agreement, Expiry: link.Start,
	}))
	m.Accept = must(admission.SealAccept(o.Key, admission.Accept{Invite: must(cose.Parse(cose.Invite, m.Invite)).ID,
		Commitment: admission.Commitment(g.c, m.Salt), Invitee: o.Org.ID, Role: uint8(1 + i%6), Agr: a.Case.Embargo().Agreement}))
	m.Card, _ = cose.Seal(cose.Card, o.Key, canon.MustMarshal(map[uint64]any{
		1: uint64(1), 2: o.Org.Events, 3: o.Org.Name, 4: []string{}, 5: map[uint64]uint64{}, 6: uint64(i)}))
	f := fields(m)
	f.Cfg = (*id.ConfigID)(&g.c)
	return f
}

// inventions: a steward shows organisations that it has made up, one after the other.
func inventions(n int) []*entry.Sealed {
	g := newDag(2)
	last := g.head(0)
	x := link.NewDaemon(nil, "made up")
	for i := range n {
		create := must(identity.Create(x.Root, x.Peer(), fmt.Sprint("made up ", i), nil))
		f := fields(&protocol.Ident{Events: [][]byte{create}})
		f.Cfg = (*id.ConfigID)(&g.c)
		last = g.put(0, last, f)
	}
	return g.es
}

// carriedForks: a member shows a fork of content again and again.
func carriedForks(n int) []*entry.Sealed {
	g := newDag(3)
	agr := g.ds[0].Case.Embargo().Agreement
	head := g.head(0)
	note := func(size uint64) *entry.Sealed {
		e := g.put(1, nil, entry.Fields{Type: protocol.Note, Comp: id.Everyone, Agr: &agr,
			Body: &entry.BodyRef{Hash: [32]byte{1}, Size: size, KC: [32]byte{2}}}, head)
		return e
	}
	es := sorted(note(1), note(2))
	m := &protocol.Fork{A: es[0].ID, B: es[1].ID, Entries: [][]byte{es[0].Raw, es[1].Raw}}
	at := g.put(2, nil, alive(0), head)
	for i := 0; len(g.es) < n; i++ {
		at = g.put(2, at, other(fields(m), i))
	}
	return g.es
}

// histories: a member's root signs one name after another, all from the same event on.
func histories(n int) []*entry.Sealed {
	g := newDag(2)
	d := g.ds[1]
	at := g.put(1, nil, alive(0), g.head(0))
	for i := range n {
		m := &protocol.Ident{Events: [][]byte{must(d.Org.Rename(d.Root, fmt.Sprint("name ", i), nil))}}
		at = g.put(1, at, fields(m))
	}
	return g.es
}

// namesUnheard: a member's root signs names without end, all from the same event on, which
// a steward shows; it goes on with others as if it had heard of none.
func namesUnheard(n int) []*entry.Sealed {
	g := newDag(3)
	d, head := g.ds[1], g.head(0)
	last := head
	for i := range n / 3 {
		f := fields(&protocol.Ident{Events: [][]byte{must(d.Org.Rename(d.Root, fmt.Sprint("name ", i), nil))}})
		f.Cfg = (*id.ConfigID)(&g.c)
		last = g.put(0, last, f)
	}
	at, other := g.put(1, nil, alive(0), head), g.put(2, nil, alive(0), head)
	for i := 0; len(g.es) < n; i++ {
		other = g.put(2, other, alive(i))
		at = g.put(1, at, alive(i), other)
	}
	return g.es
}

// branchAdmissions: a steward forks, and admits on each branch.
func branchAdmissions(n int) []*entry.Sealed {
	g := newDag(2)
	root := g.head(0)
	var tips []*entry.Sealed
	for i := range n {
		if len(tips) < maxBranches-1 {
			tips = append(tips, root)
		}
		tips[i%len(tips)] = g.put(0, tips[i%len(tips)], g.admit(1, i))
	}
	return g.es
}

// newKeys: a member's root certifies one key after another, from the same event on,
// and each key brings itself and writes once more.
func newKeys(n int) []*entry.Sealed {
	g := newDag(2)
	d, head := g.ds[1], g.head(0)
	for i := range n / 2 {
		name := fmt.Sprint("key ", i)
		x := *d
		x.Use(name)
		event := must(d.Org.CertifyDaemon(d.Root, link.Keys(name), daemonOf(d)))
		g.ds[1] = &x
		g.put(1, g.put(1, nil, fields(&protocol.Ident{Events: [][]byte{event}}), head), alive(0))
	}
	return g.es
}
