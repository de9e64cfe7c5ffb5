package projection_test

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// twoMembers is a case of A with B admitted, and what A holds of it.
func twoMembers() (a, b *link.Daemon, all []*entry.Sealed) {
	a, b = link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B")
	a.Open("case", link.Terms(), protocol.Coordinator)
	a.Tell(protocol.Subject, id.Everyone)
	a.Admit(b, protocol.MitigatingVendor)
	return a, b, slices.Collect(maps.Values(a.Held))
}

func open(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir, ledger.Options{StoreKey: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func accept(t *testing.T, l *ledger.Ledger, c id.CaseID, es []*entry.Sealed) {
	t.Helper()
	var raws [][]byte
	for _, e := range es {
		raws = append(raws, e.Raw)
	}
	if r, err := l.Accept(t.Context(), c, raws); err != nil || r.Stored != len(es) {
		t.Fatalf("stored %d of %d: %+v %v", r.Stored, len(es), r.Rejected, err)
	}
}

// TestWithIsTheFoldOfTheLedger: what arrives shows in the next With, before and
// after a restart, and equals the author's own fold.
func TestWithIsTheFoldOfTheLedger(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	cases := projection.New(l)
	a, b, all := twoMembers()
	c := a.Case.ID()
	same := func() {
		t.Helper()
		err := cases.With(c, func(got *protocol.Case) error {
			if got.Digest() != a.Case.Digest() || !got.Member(b.Org.ID) {
				t.Error("the fold differs from the author's")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := cases.With(c, nil); !errors.Is(err, ledger.ErrNotFound) {
		t.Errorf("an unknown case: %v", err)
	}
	accept(t, l, c, all)
	same()
	note := a.Tell(protocol.Note, id.Everyone)
	status := a.Say(&protocol.Status{RM: protocol.RMValid})
	accept(t, l, c, []*entry.Sealed{note, status})
	same()
	cases.Forget(c)
	same()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	defer l.Close()
	cases = projection.New(l)
	same()
	mine := errors.New("mine")
	if err := cases.With(c, func(*protocol.Case) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the caller's error: %v", err)
	}
}

// TestConcurrentWith reads from many goroutines while entries arrive; nobody sees
// less than was stored when it asked.
func TestConcurrentWith(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	cases := projection.New(l)
	a, _, all := twoMembers()
	c := a.Case.ID()
	accept(t, l, c, all)
	var notes []*entry.Sealed
	for range 50 {
		notes = append(notes, a.Tell(protocol.Note, id.Everyone))
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 50 {
				if w == 0 {
					if _, err := l.Accept(t.Context(), c, [][]byte{notes[i].Raw}); err != nil {
						t.Error(err)
					}
				}
				head, _, err := l.Head(c, notes[0].Feed())
				if err != nil {
					t.Error(err)
				}
				err = cases.With(c, func(got *protocol.Case) error {
					if _, known := got.Verdict(head.ID); !known {
						t.Error("stored, and not folded")
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestPinBy: a case is pinned before anybody sees it, as it then is, whenever it
// is asked for.
func TestPinBy(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	cases := projection.New(l)
	a, _, all := twoMembers()
	c := a.Case.ID()
	accept(t, l, c, all)
	elsewhere := id.ConfigID{1}
	broken := errors.New("the disk is full")
	var pinErr error
	cases.PinBy(func(k *protocol.Case) error {
		if k.Len() != len(all) {
			t.Errorf("pinned with %d of %d entries", k.Len(), len(all))
		}
		k.Pin(&elsewhere)
		return pinErr
	})
	for range 2 {
		err := cases.With(c, func(k *protocol.Case) error {
			if k.State() != protocol.StateConflict {
				t.Errorf("state %s", k.State())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		cases.Forget(c)
	}
	pinErr = broken
	err := cases.With(c, func(*protocol.Case) error {
		t.Error("seen without its pin")
		return nil
	})
	if !errors.Is(err, broken) {
		t.Errorf("the pin's error: %v", err)
	}
}
