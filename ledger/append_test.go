package ledger

import (
	"errors"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/id"
)

func TestAppendAndRead(t *testing.T) {
	fs := vfs.NewMem()
	l := openFS(t, fs)
	key, other := feedgen.Key(1, 0), feedgen.Key(1, 1)
	g := opened(t, l, 1, key, other)
	c := g.CaseID()
	s1 := must(l.Append(t.Context(), status(c), key))(t)
	n0 := must(l.Append(t.Context(), note(c, 0, s1.ID), key))(t)
	n1 := must(l.Append(t.Context(), note(c, 1, s1.ID, g.ID), key))(t)
	o0 := must(l.Append(t.Context(), status(c, s1.ID), other))(t)
	if s1.Seq != 1 || s1.Prev != g.ID || len(s1.Deps) != 0 || s1.LC != 1 || s1.T != g.T {
		t.Errorf("second entry: %+v", s1.Fields)
	}
	if n1.Prev != n0.ID || len(n1.Deps) != 1 || n1.Deps[0] != g.ID || n1.LC != n0.LC+1 {
		t.Errorf("a dep named before is not left out: %+v", n1.Fields)
	}
	if o0.LC != s1.LC+1 {
		t.Errorf("lc %d after a dep of %d", o0.LC, s1.LC)
	}
	check := func(l *Ledger) {
		t.Helper()
		want := []id.EntryID{g.ID, s1.ID, n0.ID, n1.ID, o0.ID}
		for from := range want {
			got := must(l.Tail(c, Pos(from), 2))(t)
			if len(got) != min(2, len(want)-from) || got[0].ID != want[from] || got[0].Pos != Pos(from+1) {
				t.Fatalf("tail after %d: %v", from, got)
			}
		}
		if hs := must(l.Heads(c))(t); len(hs) != 3 || hs[0].ID != s1.ID || hs[1].ID != n1.ID || hs[2].ID != o0.ID {
			t.Errorf("heads: %+v", hs)
		}
		if e := must(l.Entry(c, n0.ID))(t); string(e.Raw) != string(n0.Raw) || e.Covered {
			t.Error("entry by id differs")
		}
		var read []id.EntryID
		err := l.Read(c, n0.Feed(), 1, 1<<19, func(e Entry) bool { read = append(read, e.ID); return true })
		if err != nil || len(read) != 1 || read[0] != n1.ID {
			t.Errorf("read: %v %v", read, err)
		}
		if r := sound(t, l, c); r.Entries != 5 || r.Covered != 0 || r.Forks != 0 {
			t.Errorf("verify: %+v", r)
		}
		if !l.Has(c) || len(l.Cases()) != 1 || l.Has(id.CaseID{9}) {
			t.Error("cases")
		}
	}
	check(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openFS(t, fs)
	check(l)
	if l.Restored() {
		t.Error("a clean stop counts as a restore")
	}
	if e := must(l.Append(t.Context(), note(c, 2), key))(t); e.Prev != n1.ID || e.Pos != 6 {
		t.Errorf("after reopening: %+v", e)
	}
}

func TestAppendRefuses(t *testing.T) {
	l := openMem(t)
	key, stranger := feedgen.Key(2, 0), feedgen.Key(2, 9)
	g := opened(t, l, 2, key)
	c := g.CaseID()
	n0 := must(l.Append(t.Context(), note(c, 0, g.ID), key))(t)
	for name, try := range map[string]struct {
		err  error
		call func() error
	}{
		"a body sealed for another place": {ErrMoved, func() error { _, err := l.Begin(note(c, 0), key); return err }},
		"an unknown case":                 {ErrNotFound, func() error { _, err := l.Begin(note(id.CaseID{7}, 0, g.ID), key); return err }},
		"an unknown dep":                  {ErrMissing, func() error { _, err := l.Begin(note(c, 1, id.EntryID{7}), key); return err }},
		"a content dep":                   {ErrDep, func() error { _, err := l.Begin(note(c, 1, n0.ID), key); return err }},
		"a key of nobody":                 {ErrUnknownKid, func() error { _, err := l.Begin(status(c, g.ID), stranger); return err }},
		"a genesis of another's key": {ErrUnknownKid, func() error {
			_, err := l.Begin(feedgen.GenesisFields(3, someKeys(2)), stranger)
			return err
		}},
	} {
		if err := try.call(); !errors.Is(err, try.err) {
			t.Errorf("%s: %v, want %v", name, err, try.err)
		}
	}
	if r := sound(t, l, c); r.Entries != 2 {
		t.Errorf("a refused append left something: %+v", r)
	}
}

// TestManyWriters appends from many goroutines, with reads beside them, and
// checks that nothing is seen before it is durable, nothing is lost, and the
// arrival order is causal.
func TestManyWriters(t *testing.T) {
	l := openMem(t)
	keys := someKeys(4)
	g := opened(t, l, 4, keys...)
	c := g.CaseID()
	w := l.Subscribe()
	defer w.Close()
	const each = 100
	var wg sync.WaitGroup
	for _, key := range keys {
		for range 4 {
			wg.Go(func() {
				for range each {
					e, err := l.Append(t.Context(), status(c, g.ID), key)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := l.Entry(c, e.ID); err != nil {
						t.Error("acknowledged and not readable:", err)
					}
				}
			})
		}
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		var at Pos
		seen := map[id.EntryID]bool{}
		for at < 1+16*each {
			select {
			case <-w.C:
			case <-stop:
			}
			w.Changed()
			es, err := l.Tail(c, at, 37)
			if err != nil {
				t.Error(err)
				return
			}
			for _, e := range es {
				if at++; e.Pos != at {
					t.Errorf("pos %d after %d", e.Pos, at-1)
				}
				if e.Seq > 0 && !seen[e.Prev] {
					t.Errorf("pos %d before its prev", e.Pos)
				}
				seen[e.ID] = true
			}
		}
	})
	wg.Wait()
	close(stop)
	reader.Wait()
	if r := sound(t, l, c); r.Entries != 1+16*each {
		t.Errorf("verify: %+v", r)
	}
}

// TestNothingShowsBeforeTheSync holds the disk in the middle of a sync: the entry
// is in Pebble, and no reader sees it.
func TestNothingShowsBeforeTheSync(t *testing.T) {
	d := newSlowDisk()
	l := openFS(t, d.fs)
	key := feedgen.Key(5, 0)
	g := opened(t, l, 5, key)
	c := g.CaseID()
	w := l.Subscribe()
	defer w.Close()
	d.hold.Store(true)
	p := must(l.Begin(status(c, g.ID), key))(t)
	<-d.held
	if _, err := l.Entry(c, p.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("entry: %v", err)
	}
	if h, _, err := l.Head(c, g.Feed()); err != nil || h.ID != g.ID {
		t.Errorf("head: %+v %v", h, err)
	}
	if es := must(l.Tail(c, 0, 10))(t); len(es) != 1 {
		t.Errorf("tail: %d", len(es))
	}
	n := 0
	if err := l.Read(c, g.Feed(), 0, 10, func(Entry) bool { n++; return true }); err != nil || n != 1 {
		t.Errorf("read: %d %v", n, err)
	}
	if len(w.Changed()) != 0 {
		t.Error("a watcher was woken")
	}
	close(d.release)
	e := must(p.Wait(t.Context()))(t)
	must(l.Entry(c, e.ID))(t)
	<-w.C
	if got := w.Changed(); len(got) != 1 || got[0] != c {
		t.Errorf("changed: %v", got)
	}
}
