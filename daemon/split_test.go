package daemon

import (
	"strings"
	"testing"

	"cordon/protocol"
	"cordon/protocol/id"
)

// heading is a report with a title, as a child begins with.
func heading(t *testing.T, title string) content {
	t.Helper()
	in, err := newSpool(t.TempDir(), strings.NewReader("report"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.close)
	c := file(protocol.Subject, id.Everyone, in, "", "")
	c.head.Title = title
	return c
}

// TestSplitAfterACrash: a split that was killed after any of its steps is named, and the
// same request completes it with the same child; one that was killed before there was a
// child leaves nothing to name.
func TestSplitAfterACrash(t *testing.T) {
	for name, killed := range map[string]func(*testing.T, *service, id.CaseID, protocol.Agreement) id.CaseID{
		"after the genesis": func(t *testing.T, s *service, c id.CaseID, a protocol.Agreement) id.CaseID {
			child, err := s.beget(t.Context(), c, a)
			if err != nil {
				t.Fatal(err)
			}
			return child
		},
		"after the report": func(t *testing.T, s *service, c id.CaseID, a protocol.Agreement) id.CaseID {
			child, err := s.childOf(t.Context(), c, id.CaseID{}, heading(t, "Child"), a)
			if err != nil {
				t.Fatal(err)
			}
			return child
		},
		"after the first link": func(t *testing.T, s *service, c id.CaseID, a protocol.Agreement) id.CaseID {
			child, err := s.beget(t.Context(), c, a)
			if err == nil {
				err = s.relate(t.Context(), child, c, protocol.SplitFrom, func(uint64, uint64, protocol.Relation) uint64 { return 1 })
			}
			if err != nil {
				t.Fatal(err)
			}
			return child
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := writer(t)
			s.linked, s.splits = openShelf[linkedRow](s.led, "linked"), openShelf[splitRow](s.led, "splits")
			if err := s.minima.put(c[:], minimumRow{Contact: "verified"}); err != nil {
				t.Fatal(err)
			}
			if err := s.splits.put([]byte(strings.Repeat("x", id.Size)), splitRow{c}); err != nil { // killed before its genesis
				t.Fatal(err)
			}
			_, terms, err := s.planSplit(c, id.CaseID{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			child := killed(t, s, c, terms)
			if w := s.unfinished(child); w == nil || !strings.Contains(w.Try, "cordon case split "+c.String()[:short]) {
				t.Fatalf("it is named by %+v", w)
			}
			if w := s.unfinished(c); w != nil {
				t.Errorf("the parent too: %+v", w)
			}
			begun, ok := s.begun(c, "Child")
			if !ok || begun != child {
				t.Fatalf("the same again begins %v, %v", begun, ok)
			}
			again, err := s.childOf(t.Context(), c, begun, heading(t, "Child"), terms)
			if err == nil {
				err = s.linkFamily(t.Context(), c, again)
			}
			if err != nil || again != child || len(s.led.Cases()) != 2 {
				t.Fatalf("%v, %v; %d cases", again, err, len(s.led.Cases()))
			}
			if least, err := s.minimum(child); err != nil || least.String() != "verified" || s.title(child) != "Child" {
				t.Errorf("it asks %v of contacts, %v, and is called %q", least, err, s.title(child))
			}
			for x, want := range map[id.CaseID]protocol.Relation{c: protocol.SplitOff, child: protocol.SplitFrom} {
				if ls, _ := linksIn(t, s, x); len(ls) != 1 || ls[0].Relation != want {
					t.Errorf("%+v, want %v", ls, want)
				}
			}
		})
	}
}
