package daemon

import (
	"context"
	"errors"
	"testing"
	"time"

	"cordon/protocol"
	"cordon/protocol/id"
)

// second opens another case of the same daemon, with an embargo of some hours.
func second(t *testing.T, s *service, hours time.Duration) id.CaseID {
	t.Helper()
	until := uint64(s.now().Add(hours * time.Hour).UnixMilli())
	c, err := s.found(t.Context(), protocol.NewAgreement(protocol.Record{End: &until, Terms: protocol.DefaultTerms()}, terms))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// linksIn are what a case says of others, and how many statements there were ever.
func linksIn(t *testing.T, s *service, c id.CaseID) (ls []protocol.Link, written int) {
	t.Helper()
	err := s.cases.With(c, func(k *protocol.Case) error {
		ls, written = k.Links(), k.Len()-1
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ls, written
}

// TestMergeAfterACrash: a merge that was killed between its two statements is completed by
// the same request, and a third changes nothing.
func TestMergeAfterACrash(t *testing.T) {
	s, _ := writer(t)
	s.linked = openShelf[linkedRow](s.led, "linked")
	old, into := second(t, s, 10), second(t, s, 20)
	if err := s.relate(t.Context(), into, old, protocol.TookOver, func(uint64, uint64, protocol.Relation) uint64 { return 1 }); err != nil {
		t.Fatal(err)
	}
	if ls, _ := linksIn(t, s, old); len(ls) != 0 {
		t.Fatalf("the old case says already: %+v", ls)
	}
	for range 2 {
		if err := s.linkBoth(t.Context(), old, into, protocol.TookOver, protocol.GoesOnIn); err != nil {
			t.Fatal(err)
		}
	}
	for c, want := range map[id.CaseID]protocol.Relation{old: protocol.GoesOnIn, into: protocol.TookOver} {
		if ls, _ := linksIn(t, s, c); len(ls) != 1 || ls[0].Relation != want {
			t.Errorf("%+v, want %v", ls, want)
		}
	}
	if others, err := s.linkedTo(into); err != nil || len(others) != 1 || others[0].id != old {
		t.Errorf("%+v, %v", others, err)
	}
}

// TestTellsLinkedOnce: what becomes of an embargo is said in the linked case once, also by
// a daemon that begins again; what was said of a proposal that never came is taken back.
func TestTellsLinkedOnce(t *testing.T) {
	s, _ := writer(t)
	s.linked = openShelf[linkedRow](s.led, "linked")
	parent, child := second(t, s, 10), second(t, s, 10)
	ctx := t.Context()
	if err := s.linkBoth(ctx, parent, child, protocol.SplitFrom, protocol.SplitOff); err != nil {
		t.Fatal(err)
	}
	tell := func(what string, want int) uint64 {
		t.Helper()
		for range 2 { // as after a restart
			if err := s.tellLinked(context.WithoutCancel(ctx), child); err != nil {
				t.Fatal(err)
			}
		}
		ls, n := linksIn(t, s, parent)
		if n != want {
			t.Errorf("%s: %d statements, want %d", what, n, want)
		}
		return ls[0].Until
	}
	was := tell("nothing has changed", 1)
	if err := s.tellFirst(ctx, child, was-1); err != nil {
		t.Fatal(err)
	}
	if ls, _ := linksIn(t, s, parent); ls[0].Until != was-1 {
		t.Errorf("told first of %d, says %d", was-1, ls[0].Until)
	}
	if now := tell("the proposal never came", 3); now != was {
		t.Errorf("says %d, ends at %d", now, was)
	}
	if _, err := s.write(ctx, child, simple(&protocol.EmbargoEnd{Code: 1})); err != nil {
		t.Fatal(err)
	}
	if now := tell("it is over", 4); now > s.ms() || now == was {
		t.Errorf("over, and says %d", now)
	}
}

// TestLinksAreBounded: where a case has all the links that it may, a split or a merge is refused
// before anything is written; what is linked already can be linked again.
func TestLinksAreBounded(t *testing.T) {
	s, full := writer(t)
	other := second(t, s, 10)
	for i := range protocol.MaxLinks {
		m := &protocol.CaseLink{Pair: protocol.PairOf(full, id.CaseID{1, byte(i)}), Relation: protocol.Sibling}
		if i == 0 {
			m.Pair = protocol.PairOf(full, other)
		}
		if _, err := s.write(t.Context(), full, asSteward(m)); err != nil {
			t.Fatal(err)
		}
	}
	cases := len(s.led.Cases())
	_, _, err := s.planSplit(full, id.CaseID{}, nil)
	if r, ok := errors.AsType[*protocol.Refusal](err); !ok || r.Rule != "too-many-links" {
		t.Errorf("a split: %v", err)
	}
	_, err = s.merging(second(t, s, 10), full)
	if r, ok := errors.AsType[*protocol.Refusal](err); !ok || r.Rule != "too-many-links" {
		t.Errorf("a merge: %v", err)
	}
	if _, err := s.merging(other, full); err != nil {
		t.Errorf("of one that is linked: %v", err)
	}
	if n := len(s.led.Cases()); n != cases+1 {
		t.Errorf("%d cases, were %d", n, cases)
	}
}
