package ledger

import (
	"sync"
	"testing"

	"cordon/ledger/feedgen"
	"cordon/protocol/id"
)

// TestAppendBesideAccept writes our entries and takes others' in one case at
// once, each depending on the other's.
func TestAppendBesideAccept(t *testing.T) {
	w := world(t, 40, 4)
	l := openMem(t)
	accept(t, l, w.Case, w.Genesis)
	var wg sync.WaitGroup
	for _, mine := range []int{0, 3} {
		wg.Go(func() {
			for range 150 {
				heads, err := l.Heads(w.Case)
				if err != nil {
					t.Error(err)
					return
				}
				var deps []id.EntryID
				for _, h := range heads {
					if h.Feed.Comp == id.Control {
						deps = append(deps, h.ID)
					}
				}
				if _, err := l.Append(t.Context(), status(w.Case, deps...), w.Keys[mine]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for range 40 {
			var batch [][]byte
			for i := range 10 {
				e, err := w.Next(1+i%2, id.Control, w.Genesis.ID)
				if err != nil {
					t.Error(err)
					return
				}
				batch = append(batch, e.Raw)
			}
			if r, err := l.Accept(t.Context(), w.Case, batch); err != nil || r.Stored != 10 {
				t.Errorf("%+v %v", r, err)
				return
			}
		}
	})
	wg.Wait()
	if v := sound(t, l, w.Case); v.Entries != 1+300+400 || v.Forks != 0 {
		t.Errorf("verify: %+v", v)
	}
	if _, on := l.OwnFork(); on {
		t.Error("our own entries stop us")
	}
}

// TestIdleCasesAreLetGo uses far more feeds than may be in memory, from several
// goroutines, and finds every case whole.
func TestIdleCasesAreLetGo(t *testing.T) {
	l := openMem(t)
	l.maxFeeds = 12
	keys := someKeys(2)
	var cases []id.CaseID
	for n := range 20 {
		cases = append(cases, opened(t, l, uint64(n), keys...).CaseID())
	}
	const rounds = 30
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range rounds {
				for n := range cases {
					c := cases[(n*7+g*5+i)%len(cases)]
					f := status(c, id.EntryID(c))
					if _, err := l.Append(t.Context(), f, keys[g%2]); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	loaded := 0
	for _, cs := range l.cases {
		if cs.view != nil {
			loaded++
		}
	}
	if loaded > 12 {
		t.Errorf("%d cases in memory", loaded)
	}
	for _, c := range cases {
		if v := sound(t, l, c); v.Entries != 1+4*rounds || v.Forks != 0 {
			t.Errorf("verify: %+v", v)
		}
	}
}

// TestManyUsesOfOnePlace: of many callers that sealed a body for the same place,
// exactly one gets it.
func TestManyUsesOfOnePlace(t *testing.T) {
	l := openMem(t)
	key := feedgen.Key(41, 0)
	c := opened(t, l, 41, key).CaseID()
	var mu sync.Mutex
	var wg sync.WaitGroup
	won := 0
	for range 32 {
		wg.Go(func() {
			if _, err := l.Append(t.Context(), note(c, 0, id.EntryID(c)), key); err == nil {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d callers got the place", won)
	}
}
