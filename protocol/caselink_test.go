package protocol_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

var otherCase = id.CaseID{7}

// merged says that another case was merged into d's, with an end there in days; 0: none.
func merged(d *link.Daemon, days uint64) *protocol.CaseLink {
	m := &protocol.CaseLink{Pair: protocol.PairOf(d.Case.ID(), otherCase), Relation: protocol.TookOver}
	if days > 0 {
		m.Until = link.Start + days*day
	}
	return m
}

func endsAt(t *testing.T, d *link.Daemon, days uint64, other bool) {
	t.Helper()
	e := d.Case.Embargo()
	if e.End != link.Start+days*day || other != (e.Merged != id.Pair{}) {
		t.Errorf("it ends after %d days, by another case: %v; want %d, %v", (e.End-link.Start)/day, e.Merged != id.Pair{}, days, other)
	}
}

// agree makes an agreement active: proposed by who is no steward, with the words of some.
func agree(a protocol.Agreement, by *link.Daemon, words ...*link.Daemon) {
	by.Say(&protocol.EmbargoPropose{Terms: a})
	for _, d := range words {
		d.Act(&protocol.EmbargoAccept{Agr: a.ID()})
	}
}

// TestEarliestEnd: the earlier end of two merged cases holds until the stewards agree on
// another; it is never a later one, and binds nobody to an embargo that there is not.
func TestEarliestEnd(t *testing.T) {
	s := plans(t)
	a, b := s.a, s.b
	endsAt(t, a, 45, false)
	a.Act(merged(a, 60))
	endsAt(t, a, 45, false)
	a.Act(merged(a, 30))
	endsAt(t, a, 30, true)
	a.Act(merged(a, 20))
	endsAt(t, a, 20, true)
	for _, days := range []uint64{30, 0} { // nobody takes it back alone, not even who said it
		a.Act(merged(a, days))
		endsAt(t, a, 20, true)
	}
	a.Act(&protocol.CaseLink{Pair: merged(a, 0).Pair, Relation: protocol.Sibling})
	endsAt(t, a, 20, true)
	root := link.Terms().ID()
	agree(terms(&root, 40, keepIt), b, a)
	endsAt(t, a, 40, false)
	a.Act(merged(a, 10)) // a notice: what was agreed on since the merge stands
	endsAt(t, a, 40, false)
}

// TestSplitShortensNothing: what children and siblings say of their ends is for people.
func TestSplitShortensNothing(t *testing.T) {
	s := plans(t)
	for r := protocol.SplitOff; r <= protocol.Sibling; r++ {
		s.a.Act(&protocol.CaseLink{Pair: id.Pair{byte(r)}, Relation: r, Until: link.Start + day})
	}
	endsAt(t, s.a, 45, false)
	if ls := s.a.Case.Links(); len(ls) != 3 {
		t.Errorf("%+v", ls)
	}
}

// TestEarliestEndAgainstOne: one of three stewards cannot put the end of a merged case
// aside, by terms that only seem to ask less, nor by saying the same once more. Words given before
// the merge do not either.
func TestEarliestEndAgainstOne(t *testing.T) {
	s := plans(t)
	a, b, c := s.a, s.b, s.c
	three := s.puts("three stewards", a, "", nil, a, b, c)
	s.votes("the vote for them", a, three, "")
	root := link.Terms().ID()
	before := terms(&root, 60, keepIt)
	agree(before, a, b, c)
	endsAt(t, a, 60, false)
	a.Act(merged(a, 20))
	endsAt(t, a, 20, true)
	now := before.ID()
	less := terms(&now, 50, keepIt)
	agree(less, b, c)
	if e := a.Case.Embargo(); e.Agreement != less.ID() {
		t.Fatalf("one word is enough for an earlier end: %+v", e)
	}
	endsAt(t, a, 20, true)
	c.Act(&protocol.EmbargoAccept{Agr: less.ID()})
	endsAt(t, a, 20, true)
	b.Act(&protocol.EmbargoAccept{Agr: less.ID()})
	endsAt(t, a, 50, false)
}

// TestProposalBeforeTheMerge: that who answers a proposal knows of the merge does not let
// its author have known.
func TestProposalBeforeTheMerge(t *testing.T) {
	s := plans(t)
	a, b := s.a, s.b
	root := link.Terms().ID()
	x := terms(&root, 60, keepIt)
	a.Act(&protocol.EmbargoPropose{Terms: x})
	a.Act(merged(a, 20))
	b.Say(&protocol.EmbargoAccept{Agr: x.ID()})
	if e := a.Case.Embargo(); e.Agreement != x.ID() {
		t.Fatalf("the proposal has its answer: %+v", e)
	}
	endsAt(t, a, 20, true)
}

// TestOwnLink: what a daemon does not write, though it would count.
func TestOwnLink(t *testing.T) {
	s := plans(t)
	a := s.a
	asks := func(what string, m protocol.Message, rule string) {
		t.Helper()
		cfg := a.Case.Config().ID
		got := ""
		if err := a.Case.May(a.Kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), T: link.Start + 5*day, Cfg: &cfg}); err != nil {
			got = err.(*protocol.Refusal).Rule
		}
		if got != rule {
			t.Errorf("%s: %q, want %q", what, got, rule)
		}
	}
	root := link.Terms().ID()
	same := terms(&root, 45, keepIt)
	asks("the end that is in force", &protocol.EmbargoPropose{Terms: same}, "no-change")
	a.Act(merged(a, 20))
	asks("says it again", merged(a, 20), "no-change")
	asks("says another end", merged(a, 21), "")
	asks("the end that was in force", &protocol.EmbargoPropose{Terms: same}, "")
	a.Act(&protocol.CaseLink{Pair: id.Pair{1}, Relation: protocol.GoesOnIn})
	asks("merges it into a second case", &protocol.CaseLink{Pair: id.Pair{2}, Relation: protocol.GoesOnIn}, "merged-away")
	asks("says more of the first", &protocol.CaseLink{Pair: id.Pair{1}, Relation: protocol.GoesOnIn, Until: link.Start}, "")
	asks("proposes an end, to put that of the merge aside", &protocol.EmbargoPropose{Terms: terms(&root, 50, keepIt)}, "")
	x := terms(&root, 50, keepIt)
	agree(x, s.b, a)
	endsAt(t, a, 50, false)
	now := x.ID()
	asks("proposes one more", &protocol.EmbargoPropose{Terms: terms(&now, 60, keepIt)}, "merged-away")
	if p := protocol.PairOf(a.Case.ID(), otherCase); p == protocol.PairOf(otherCase, a.Case.ID()) {
		t.Error("what the two cases say of each other is the same: who sees both knows that they are linked")
	}
}

// numbered says that a case with a number was merged into d's, with an end there in days.
func numbered(d *link.Daemon, n, days uint64) *protocol.CaseLink {
	var other id.CaseID
	binary.BigEndian.PutUint64(other[:], n)
	return &protocol.CaseLink{Pair: protocol.PairOf(d.Case.ID(), other), Relation: protocol.TookOver, Until: link.Start + days*day}
}

// TestTooManyLinks: one organisation links so many other cases to one, and no more; of
// those it goes on speaking, and of others another steward does.
func TestTooManyLinks(t *testing.T) {
	s := plans(t)
	s.votes("the vote for two", s.a, s.puts("two stewards", s.a, "", nil, s.a, s.b), "")
	for i := range uint64(protocol.MaxLinks) {
		verdict(t, s.a.Case, s.a.Act(numbered(s.a, i, 30)), "")
	}
	verdict(t, s.a.Case, s.a.Act(numbered(s.a, protocol.MaxLinks, 30)), "too-many-links")
	verdict(t, s.a.Case, s.a.Act(numbered(s.a, 3, 20)), "")
	verdict(t, s.a.Case, s.b.Act(numbered(s.b, protocol.MaxLinks, 30)), "")
	if n := len(s.a.Case.Links()); n != protocol.MaxLinks+1 {
		t.Errorf("%d links", n)
	}
}

// TestManyMergesAreKnown: however many merges as many stewards as there may be have
// written side by side, the deps of the next word reach them all. What is agreed on then puts
// every end aside.
func TestManyMergesAreKnown(t *testing.T) {
	ds := together("A", "B", "C", "D", "E", "F", "G", "H", "I")
	if len(ds) != protocol.MaxStewards {
		t.Fatalf("%d stewards", len(ds))
	}
	verdict(t, ds[0].Case, endorse(ds[0], propose(ds[0], 5, ds...)), "")
	all := inOrder(ds[0])
	for _, d := range ds { // apart from here
		d.Case, d.Held = fold(protocol.NewCase(), all), maps.Clone(d.Held)
	}
	for i, d := range ds {
		for j := range uint64(12) {
			verdict(t, d.Case, d.Act(numbered(d, uint64(i)*100+j, 20+j)), "")
		}
	}
	all = inOrder(ds...)
	for _, d := range ds {
		for _, e := range all {
			d.Accept(e)
		}
	}
	endsAt(t, ds[0], 20, true)
	root := link.Terms().ID()
	x := terms(&root, 40, keepIt)
	offer := ds[0].Act(&protocol.EmbargoPropose{Terms: x})
	words := []*entry.Sealed{offer}
	for _, d := range ds[1:5] {
		d.Accept(offer)
		words = append(words, d.Act(&protocol.EmbargoAccept{Agr: x.ID()}))
	}
	for _, e := range slices.Backward(words) {
		ds[8].Accept(e)
	}
	endsAt(t, ds[8], 40, false)
}
