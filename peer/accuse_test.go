package peer_test

import (
	"testing"

	"cordon/ledger"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// TestRemovedShowsAFork: with a stolen key its thief removes who has seen both things that
// the key signed. Who is removed so brings the proof, and with it the removal has no force.
func TestRemovedShowsAFork(t *testing.T) {
	t.Parallel()
	robbed, witness, other, c := theft(t)
	give(t, c, witness, robbed.Forge(c, 1, 2)...)
	give(t, c, other, must(robbed.Remove(c, witness.ID))(t).Sealed)
	heardAgain(t, c, witness, other)
}

// TestRemovedHearsOfAFork: who was removed with a stolen key, and knows nothing else, hears
// from those who know that it was stolen.
func TestRemovedHearsOfAFork(t *testing.T) {
	t.Parallel()
	robbed, victim, other, c := theft(t)
	forged := robbed.Forge(c, 1, 2)
	removal := must(robbed.Remove(c, victim.ID))(t).Sealed
	give(t, c, victim, removal)
	give(t, c, other, append(forged, removal)...)
	heardAgain(t, c, victim, other)
}

// theft is a case of three, all stopped, of which the first's key is about to be stolen.
func theft(t *testing.T) (robbed, witness, other *peertest.Org, c id.CaseID) {
	orgs := newOrgs(t, 3)
	robbed, witness, other = orgs[0], orgs[1], orgs[2]
	peertest.Meet(orgs...)
	start(t, orgs...)
	c = must(robbed.Open())(t)
	for _, o := range orgs[1:] {
		admit(t, c, robbed, o)
	}
	same(t, c, orgs...)
	for _, o := range orgs {
		if err := o.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	return robbed, witness, other, c
}

// heardAgain starts two and waits until both hold the proof and each reads the other.
func heardAgain(t *testing.T, c id.CaseID, orgs ...*peertest.Org) {
	t.Helper()
	start(t, orgs...)
	until(t, "both hold the proof", orgs, func() bool {
		for _, o := range orgs {
			if f, err := o.Ledger.Forks(c); err != nil || len(f) != 1 {
				return false
			}
		}
		return true
	})
	for i, o := range orgs {
		note := must(o.Note(c, []byte("a member again")))(t)
		reads(t, c, note.ID, []byte("a member again"), orgs[1-i])
	}
	same(t, c, orgs...)
}

// TestRemovedBringsNothing: of who was removed no entry is taken, and no proof but against
// another, of whose entries one is here.
func TestRemovedBringsNothing(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, known, unknown := orgs[0], orgs[1], orgs[2]
	o := opener(t, a)
	peertest.Meet(a, known, unknown, o)
	start(t, a, known, unknown, o)
	c := must(a.Open())(t)
	for _, x := range []*peertest.Org{known, unknown, o} {
		admit(t, c, a, x)
	}
	same(t, c, a, known, unknown, o)
	for _, x := range []*peertest.Org{known, unknown, o} {
		if err := x.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	pair := func(x *peertest.Org) (f, g *entry.Sealed) { return x.Forge(c, 1, 2)[0], x.Forge(c, 2, 2)[0] }
	knownA, knownB := pair(known)
	unknownA, unknownB := pair(unknown)
	ownA, ownB := pair(o)
	give(t, c, a, knownA)
	give(t, c, a, ownA)
	must(a.Remove(c, o.ID))(t)
	until(t, "the removal is folded", orgs, func() bool { return !a.Member(c, o.ID) })
	heads := must(a.Ledger.Heads(c))(t)
	b := dress(t, o, a)
	tag, _ := b.Tags(c)
	b.send(&wire.Entries{Tag: tag, Raws: [][]byte{unknownA.Raw}})
	b.send(&wire.Proof{Tag: tag, A: ownA.Raw, B: ownB.Raw})
	b.send(&wire.Proof{Tag: tag, A: unknownA.Raw, B: unknownB.Raw})
	b.send(&wire.Proof{Tag: tag, A: knownA.Raw, B: unknownA.Raw})
	b.send(&wire.Proof{Tag: tag, A: knownA.Raw, B: knownB.Raw})
	until(t, "the proof against another is taken", []*peertest.Org{a}, func() bool {
		f, err := a.Ledger.Forks(c)
		return err == nil && len(f) > 0
	})
	if f := must(a.Ledger.Forks(c))(t); len(f) != 1 || f[0].B != knownB.ID {
		t.Errorf("forks: %v", f)
	}
	if now := must(a.Ledger.Heads(c))(t); len(now) != len(heads)+1 {
		t.Errorf("%d heads, then %d", len(heads), len(now))
	}
}

// TestVoidAdmissionBrings: what made an organisation a member can lose its force by a fork
// that comes to light, and have it again by a checkpoint that only that organisation brings.
func TestVoidAdmissionBrings(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	lead, old, late := orgs[0], orgs[1], orgs[2]
	peertest.Meet(orgs...)
	start(t, lead, old)
	c := must(lead.Open())(t)
	admit(t, c, lead, old)
	same(t, c, lead, old)
	if err := old.Stop(); err != nil {
		t.Fatal(err)
	}
	forged := lead.Forge(c, 1, 2)[0]
	start(t, late)
	admit(t, c, lead, late)
	same(t, c, lead, late)
	err := lead.Ledger.Read(c, forged.Feed(), forged.Seq, entry.MaxSeqControl, func(e ledger.Entry) bool {
		give(t, c, old, e.Sealed)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	checkpoint(t, c, lead)
	same(t, c, lead, late)
	if err := lead.Stop(); err != nil {
		t.Fatal(err)
	}
	give(t, c, old, forged)
	start(t, old)
	note := must(late.Note(c, []byte("a member for good")))(t)
	reads(t, c, note.ID, []byte("a member for good"), old)
	same(t, c, old, late)
}

// checkpoint lets a sole steward finalise what is here.
func checkpoint(t *testing.T, c id.CaseID, lead *peertest.Org) {
	t.Helper()
	var next protocol.Config
	err := lead.Cases.With(c, func(k *protocol.Case) error {
		next = k.NextConfig(lead.Kid, []id.OrgID{lead.ID}, 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := must(lead.Write(c, &protocol.Propose{Config: next}))(t)
	must(lead.Write(c, &protocol.Endorse{Config: id.ConfigID(p.ID)}))(t)
}
