package peer_test

import (
	"errors"
	"fmt"
	"testing"

	"cordon/ledger"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

// TestFromAdmission: whom a steward admits from then on gets what is written since, from
// anybody, and no entry and no body of before; it passes on what it holds. A later
// member with all history gets all of it from those that have it, whoever is gone.
func TestFromAdmission(t *testing.T) {
	t.Parallel()
	if leaked := fromAdmission(t, true); leaked != 0 {
		t.Errorf("%d entries and bodies of before the admission have left for the newcomer", leaked)
	}
}

// TestFromAdmissionNotices: the same with all history, where that test must fail.
func TestFromAdmissionNotices(t *testing.T) {
	t.Parallel()
	if leaked := fromAdmission(t, false); leaked == 0 {
		t.Error("who is given all history was given none: the test tests nothing")
	}
}

func fromAdmission(t *testing.T, limited bool) (leaked int) {
	orgs := newOrgs(t, 4)
	a, b, late, full := orgs[0], orgs[1], orgs[2], orgs[3]
	s := &spies{}
	s.watch(orgs...)
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	old := map[id.EntryID]bool{}
	note := func(text string, by *peertest.Org, to ...*peertest.Org) id.EntryID {
		x := must(by.Note(c, []byte(text)))(t).ID
		reads(t, c, x, []byte(text), to...)
		return x
	}
	for i := range 3 {
		old[note(fmt.Sprint("A's old note ", i), a, b)] = true
		old[note(fmt.Sprint("B's old note ", i), b, a)] = true
	}
	a.FromNow = limited
	admit(t, c, a, late)
	a.FromNow = false
	note("A's", a, b, late)
	fromB := note("B's", b, a, late)
	note("the newcomer's", late, a, b)
	if err := late.Restart(); err != nil {
		t.Fatal(err)
	}
	note("B's second", b, a, late)
	for x := range old {
		if _, err := late.Ledger.Entry(c, x); limited && !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("the newcomer holds an entry of before: %v", err)
		}
	}
	if r := must(late.Ledger.Verify(t.Context(), c))(t); r.Bad != 0 {
		t.Errorf("%+v", r)
	}
	admit(t, c, a, full)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	for x := range old {
		until(t, "the old notes came to who is given all of it", []*peertest.Org{b, late, full}, func() bool {
			_, err := full.Body(c, x)
			return err == nil
		})
	}
	reads(t, c, fromB, []byte("B's"), full)
	same(t, c, b, late, full)
	s.check(t, finder(orgs))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.left {
		if l.To.Org == late.ID && old[l.Entry] {
			leaked++
		}
	}
	return leaked
}

// TestOnlyPartLeft: where all are gone that hold a feed from its beginning, a member with
// all history goes without it, and asks nobody again and again.
func TestOnlyPartLeft(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, late, full := orgs[0], orgs[1], orgs[2]
	s := &spies{}
	s.watch(orgs...)
	peertest.Meet(orgs...)
	start(t, a, late)
	c := must(a.Open())(t)
	must(a.Note(c, []byte("old")))(t)
	a.FromNow = true
	admit(t, c, a, late)
	a.FromNow = false
	x := must(a.Note(c, []byte("new")))(t).ID
	reads(t, c, x, []byte("new"), late)
	if err := a.Admit(c, full, protocol.Observer); err != nil {
		t.Fatal(err)
	}
	same(t, c, a, late)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	genesis := must(late.Ledger.Tail(c, 0, 1))(t)[0].Raw
	start(t, full)
	if err := full.Node.Join(c, genesis, late.ID); err != nil {
		t.Fatal(err)
	}
	same(t, c, late, full)
	y := must(late.Note(c, []byte("from the newcomer")))(t).ID
	reads(t, c, y, []byte("from the newcomer"), full)
	fetched := func() (n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, l := range s.left {
			if l.Entry == x && l.To.Org == full.ID {
				n++
			}
		}
		return n
	}
	before := fetched() // with the control plane, which says that it cannot be placed
	for i := range 8 {
		z := must(full.Note(c, fmt.Append(nil, "again ", i)))(t).ID
		reads(t, c, z, fmt.Append(nil, "again ", i), late)
	}
	if n := fetched(); n > before {
		t.Errorf("an entry that cannot be placed was fetched again: %d, then %d", before, n)
	}
}

// TestNewcomerMadeSteward: who came in from its admission on and then decides is given all
// by the gate; its feeds have begun, so that it asks for nothing of before, is sent none
// of it, and no session ends for it.
func TestNewcomerMadeSteward(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 2)
	a, late := orgs[0], orgs[1]
	s := &spies{}
	s.watch(orgs...)
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	old := must(a.Note(c, []byte("old")))(t).ID
	a.FromNow = true
	admit(t, c, a, late)
	a.FromNow = false
	reads(t, c, must(a.Note(c, []byte("new")))(t).ID, []byte("new"), late)
	var next protocol.Config
	err := a.Cases.With(c, func(k *protocol.Case) error {
		next = k.NextConfig(a.Kid, []id.OrgID{a.ID, late.ID}, 2)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := must(a.Write(c, &protocol.Propose{Config: next}))(t)
	must(a.Write(c, &protocol.Endorse{Config: id.ConfigID(p.ID)}))(t)
	until(t, "the newcomer decides", orgs, func() bool {
		limited := true
		err := late.Cases.With(c, func(k *protocol.Case) error {
			_, limited = k.History(late.ID)
			return nil
		})
		return err == nil && !limited
	})
	for i := range 8 {
		text := fmt.Append(nil, "again ", i)
		reads(t, c, must(a.Note(c, text))(t).ID, text, late)
		reads(t, c, must(late.Note(c, text))(t).ID, text, a)
	}
	if err := late.Restart(); err != nil {
		t.Fatal(err)
	}
	reads(t, c, must(a.Note(c, []byte("last")))(t).ID, []byte("last"), late)
	same(t, c, orgs...)
	for _, o := range orgs {
		for _, x := range o.Node.Status() {
			if x.Fault.Rule != "" {
				t.Errorf("a session ended: %+v", x.Fault)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.left {
		if l.Entry == old && l.To.Org == late.ID {
			t.Error("what is below where the feed begins was asked for")
		}
	}
}

// TestLyingAnchor: what a steward says wrongly of where a feed begins costs the newcomer
// that feed, and nobody anything else.
func TestLyingAnchor(t *testing.T) {
	t.Parallel()
	for name, lie := range map[string]func(*protocol.Anchor){
		"an entry that nobody has":       func(a *protocol.Anchor) { a.Entry[0] ^= 1 },
		"a past that nobody has":         func(a *protocol.Anchor) { a.Past = []id.EntryID{{1}} },
		"another Lamport number":         func(a *protocol.Anchor) { a.LC += 7 },
		"a seq that the entry is not at": func(a *protocol.Anchor) { a.Seq += 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			orgs := newOrgs(t, 3)
			a, b, late := orgs[0], orgs[1], orgs[2]
			s := &spies{}
			s.watch(orgs...)
			peertest.Meet(orgs...)
			start(t, orgs...)
			c := must(a.Open())(t)
			admit(t, c, a, b)
			reads(t, c, must(a.Note(c, []byte("old")))(t).ID, []byte("old"), b)
			reads(t, c, must(b.Note(c, []byte("old")))(t).ID, []byte("old"), a)
			a.FromNow = true
			a.Lie = func(hist []protocol.Anchor) {
				for i := range hist {
					if hist[i].Kid == b.Kid {
						lie(&hist[i])
					}
				}
			}
			admit(t, c, a, late)
			lost := must(b.Note(c, []byte("lost")))(t).ID
			reads(t, c, lost, []byte("lost"), a)
			for i := range 8 {
				text := fmt.Append(nil, "A's ", i)
				reads(t, c, must(a.Note(c, text))(t).ID, text, b, late)
			}
			text := []byte("the newcomer's")
			reads(t, c, must(late.Note(c, text))(t).ID, text, a, b)
			same(t, c, orgs...)
			if _, err := late.Ledger.Entry(c, lost); !errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("the feed has begun: %v", err)
			}
			if r := must(late.Ledger.Verify(t.Context(), c))(t); r.Bad != 0 {
				t.Errorf("%+v", r)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			sent := 0
			for _, l := range s.left {
				if l.Entry == lost && l.To.Org == late.ID && l.Part == protocol.Header {
					sent++
				}
			}
			if sent > 3 {
				t.Errorf("an entry that finds no place was sent %d times", sent)
			}
		})
	}
}
