package peer_test

import (
	"bytes"
	"errors"
	"testing"

	"cordon/ledger"
	"cordon/peer"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
)

// TestErasedBodyStaysAway: who has erased a body neither asks for it nor serves it, also
// after a restart; it goes on with the case. A large one, which is asked for, and a small
// one, which comes beside its entry.
func TestErasedBodyStaysAway(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, b, late := orgs[0], orgs[1], orgs[2]
	peertest.Meet(orgs...)
	var s spies
	s.watch(b)
	start(t, a, b)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	large, small := bytes.Repeat([]byte("large"), wire.MaxSmall), []byte("small")
	x, y := must(a.Note(c, large))(t), must(a.Note(c, small))(t)
	reads(t, c, x.ID, large, b)
	reads(t, c, y.ID, small, b)
	must(b.Ledger.EraseBody(t.Context(), c, *x.Body))(t)
	must(b.Ledger.EraseBody(t.Context(), c, *y.Body))(t)
	if err := b.Restart(); err != nil {
		t.Fatal(err)
	}
	z := must(a.Note(c, []byte("later")))(t)
	reads(t, c, z.ID, []byte("later"), b)

	// A newcomer gets all but the bodies from it, while who has them is away.
	start(t, late)
	admit(t, c, a, late)
	same(t, c, a, b, late)
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	w := must(b.Note(c, []byte("from b")))(t)
	reads(t, c, w.ID, []byte("from b"), late)
	for _, e := range []id.EntryID{x.ID, y.ID} {
		if _, err := b.Body(c, e); err == nil {
			t.Error("an erased body is back")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.left {
		if l.Part == protocol.Body && (l.Entry == x.ID || l.Entry == y.ID) {
			t.Error("an erased body was served")
		}
	}
}

// TestErasedCaseStaysAway: nothing leaves of an erased case, nothing of it comes back,
// by what members send neither; the session with them goes on for other cases.
func TestErasedCaseStaysAway(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	peertest.Meet(orgs...)
	start(t, orgs...)
	c, other := must(a.Open())(t), must(a.Open())(t)
	admit(t, c, a, b)
	admit(t, other, a, b)
	x := must(a.Note(c, []byte("before")))(t)
	reads(t, c, x.ID, []byte("before"), b)
	if err := b.Ledger.EraseCase(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	b.Node.Forget(c)
	b.Cases.Forget(c)
	if err := peer.ForgetErased(b.Ledger); err != nil {
		t.Fatal(err)
	}
	for _, again := range []func() error{func() error { return nil }, b.Restart} {
		if err := again(); err != nil {
			t.Fatal(err)
		}
		must(a.Note(c, []byte("after")))(t)
		y := must(a.Note(other, []byte("goes on")))(t)
		reads(t, other, y.ID, []byte("goes on"), b)
		if b.Ledger.Has(c) || b.Node.HeadsOf(a.ID, c) > 0 {
			t.Error("an erased case is back")
		}
		g := must(a.Ledger.Entry(c, id.EntryID(c)))(t)
		if err := b.Node.Join(c, bytes.Clone(g.Raw), a.ID); !errors.Is(err, ledger.ErrErased) {
			t.Errorf("an erased case is joined: %v", err)
		}
	}
}

// TestHeldSeesASlowDaemon: who is held gets no entry, head or changed mark of any case,
// whatever it says itself; once the hold is over it gets all.
func TestHeldSeesASlowDaemon(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 1)
	a := orgs[0]
	o := opener(t, a)
	peertest.Meet(a, o)
	start(t, a)
	c := must(a.Open())(t)
	if err := a.Admit(c, o, protocol.Coordinator); err != nil {
		t.Fatal(err)
	}
	a.Hold(o.ID, true)
	b := dress(t, o, a)
	ours, theirs := b.Tags(c)
	marks := map[wire.Mark]bool{}
	for n := 0; n < 4; {
		switch f := b.next(patience).(type) {
		case nil:
			t.Fatal("the session has ended")
		case *wire.Tags:
			n++
			for _, p := range f.Pairs {
				if p.Tag == theirs {
					marks[p.Mark] = true
				}
			}
			must(a.Note(c, []byte("under hold")))(t)
			b.send(&wire.Tags{Pairs: []wire.Pair{{Tag: ours, Mark: wire.Mark{byte(n)}}}})
			b.send(&wire.Vec{Tag: ours})
			b.send(&wire.Want{Tag: ours, Ranges: []wire.Range{{Feed: id.Feed{Kid: a.Kid, Comp: id.Control}, To: 9}}})
		case *wire.Ack, *wire.Want:
		default:
			t.Fatalf("%T to one that is held", f)
		}
	}
	if len(marks) != 1 {
		t.Errorf("%d marks of a case that is held back: it sees that something comes", len(marks))
	}
	a.Hold(o.ID, false)
	for {
		f := b.next(patience)
		if f == nil {
			t.Fatal("the session has ended")
		}
		if v, ok := f.(*wire.Vec); ok && v.Tag == theirs && len(v.Heads) > 0 {
			return
		}
	}
}
