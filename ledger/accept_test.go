package ledger

import (
	"errors"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

func next(t testing.TB, w *feedgen.World, author int, comp id.Comp, deps ...id.EntryID) *entry.Sealed {
	t.Helper()
	return must(w.Next(author, comp, deps...))(t)
}

func nextN(t testing.TB, w *feedgen.World, n, author int, comp id.Comp) []*entry.Sealed {
	t.Helper()
	out := make([]*entry.Sealed, n)
	for i := range out {
		out[i] = next(t, w, author, comp)
	}
	return out
}

func TestAcceptChecks(t *testing.T) {
	w, other := world(t, 10, 2), world(t, 11, 2)
	l := openMem(t)
	if _, err := l.Accept(t.Context(), w.Case, raws(next(t, w, 0, id.Everyone))); !errors.Is(err, ErrNotFound) {
		t.Errorf("an entry of an unknown case: %v", err)
	}
	accept(t, l, w.Case, w.Genesis)
	first := w.Tip(id.Feed{Kid: w.Kid(0), Comp: id.Everyone})
	accept(t, l, w.Case, first)
	change := func(f entry.Fields, how func(*entry.Fields)) *entry.Sealed {
		how(&f)
		return must(f.Seal(w.Keys[0]))(t)
	}
	good := must(w.After(first, 0, id.Everyone, 9, w.Genesis.ID))(t).Fields
	unknown := id.EntryID{1}
	for name, try := range map[string]struct {
		e       *entry.Sealed
		err     error
		missing []id.EntryID
	}{
		"another case":      {next(t, other, 0, id.Everyone), ErrCase, nil},
		"another genesis":   {other.Genesis, ErrCase, nil},
		"an unknown key":    {must(good.Seal(feedgen.Key(99, 0)))(t), ErrUnknownKid, nil},
		"prev of nobody":    {change(good, func(f *entry.Fields) { f.Prev = unknown }), ErrMissing, []id.EntryID{unknown}},
		"dep of nobody":     {change(good, func(f *entry.Fields) { f.Deps = []id.EntryID{unknown} }), ErrMissing, []id.EntryID{unknown}},
		"a gap in seq":      {change(good, func(f *entry.Fields) { f.Seq = 2 }), ErrLink, nil},
		"another feed":      {change(good, func(f *entry.Fields) { f.Comp = id.Comp{5} }), ErrLink, nil},
		"a content dep":     {change(good, func(f *entry.Fields) { f.Deps = []id.EntryID{first.ID} }), ErrDep, nil},
		"lc too high":       {change(good, func(f *entry.Fields) { f.LC++ }), ErrLamport, nil},
		"lc too low":        {change(good, func(f *entry.Fields) { f.LC-- }), ErrLamport, nil},
		"t runs back":       {change(good, func(f *entry.Fields) { f.T = first.T - 1 }), ErrTime, nil},
		"a bad signature":   {parse(t, spoil(must(good.Seal(w.Keys[0]))(t).Raw)), cose.ErrSignature, nil},
		"missing, unsigned": {parse(t, spoil(change(good, func(f *entry.Fields) { f.Prev = unknown }).Raw)), cose.ErrSignature, nil},
	} {
		r := must(l.Accept(t.Context(), w.Case, raws(try.e)))(t)
		if r.Stored != 0 || len(r.Rejected) != 1 || !errors.Is(r.Rejected[0].Err, try.err) || !slices.Equal(r.Missing, try.missing) {
			t.Errorf("%s: %+v, want %v", name, r, try.err)
		}
	}
	r := must(l.Accept(t.Context(), w.Case, [][]byte{{0xff}, nil, first.Raw}))(t)
	if len(r.Rejected) != 2 || !canon.Is(r.Rejected[0].Err) || r.Stored != 0 {
		t.Errorf("rubbish: %+v", r)
	}
	if _, err := l.Accept(t.Context(), w.Case, make([][]byte, MaxBatch+1)); !errors.Is(err, ErrBatch) {
		t.Errorf("a batch too many: %v", err)
	}
	if r := sound(t, l, w.Case); r.Entries != 2 {
		t.Errorf("something was kept: %+v", r)
	}
}

func parse(t testing.TB, raw []byte) *entry.Sealed { return must(entry.Parse(raw))(t) }

// TestAcceptAnyOrder gives a batch in which everything rests on something that
// comes later in it: keys, prevs and deps.
func TestAcceptAnyOrder(t *testing.T) {
	w := world(t, 12, 3)
	newcomer := feedgen.Key(12, 77)
	ident := entry.Fields{Case: w.Case, Comp: id.Control, Seq: 1, Prev: w.Genesis.ID, LC: 1, T: w.Genesis.T, Type: typeIdent,
		Ctl: canon.MustMarshal(map[uint64]any{1: feedgen.Events(someKeysOf(newcomer))})}
	i := must(ident.Seal(w.Keys[0]))(t)
	w.Follow(i)
	w.Keys = append(w.Keys, newcomer)
	es := []*entry.Sealed{w.Genesis, i}
	for round := range 4 {
		for author := range 4 {
			deps := []id.EntryID{i.ID}
			if round > 0 {
				deps = append(deps, w.Tip(id.Feed{Kid: w.Kid((author + 3) % 4), Comp: id.Control}).ID)
			}
			es = append(es, next(t, w, author, id.Control, slices.Compact(deps)...), next(t, w, author, id.Everyone, i.ID))
		}
	}
	slices.Reverse(es)
	l := openMem(t)
	accept(t, l, w.Case, es...)
	seen := map[id.EntryID]bool{}
	for _, e := range must(l.Tail(w.Case, 0, 100))(t) {
		for _, d := range append(slices.Clone(e.Deps), e.Prev) {
			if d != (id.EntryID{}) && !seen[d] {
				t.Errorf("pos %d arrived before what it rests on", e.Pos)
			}
		}
		seen[e.ID] = true
	}
	sound(t, l, w.Case)
}

func TestCover(t *testing.T) {
	w := world(t, 13, 2)
	l := openMem(t)
	accept(t, l, w.Case, w.Genesis)
	es := nextN(t, w, 10, 1, id.Everyone)
	batch := raws(es...)
	batch[3], batch[8], batch[9] = spoil(batch[3]), spoil(batch[8]), spoil(batch[9])
	r := must(l.Accept(t.Context(), w.Case, batch))(t)
	if r.Stored != 8 || len(r.Rejected) != 2 || !errors.Is(r.Rejected[0].Err, cose.ErrSignature) {
		t.Fatalf("a bogus end costs the prefix: %+v", r)
	}
	for i, e := range must(l.Tail(w.Case, 1, 100))(t) {
		if e.Covered != (i < 7) {
			t.Errorf("entry %d: covered %v", i, e.Covered)
		}
	}
	if v := sound(t, l, w.Case); v.Covered != 1 {
		t.Errorf("verify: %+v", v)
	}
	if r := must(l.Accept(t.Context(), w.Case, raws(es[2], es[3], es[5])))(t); r.Repaired != 1 || r.Stored != 0 || len(r.Rejected) != 0 {
		t.Errorf("no repair: %+v", r)
	}
	if r := must(l.Accept(t.Context(), w.Case, [][]byte{spoil(es[3].Raw), spoil(es[7].Raw)}))(t); r.Repaired != 0 || len(r.Rejected) != 0 {
		t.Errorf("a bad copy of a stored entry: %+v", r)
	}
	if v := sound(t, l, w.Case); v.Covered != 0 {
		t.Errorf("after repair: %+v", v)
	}
	both := [][]byte{spoil(es[8].Raw), es[8].Raw, spoil(es[9].Raw), es[9].Raw}
	if r := must(l.Accept(t.Context(), w.Case, both))(t); r.Stored != 2 {
		t.Errorf("a bad copy hides the good one beside it: %+v", r)
	}
	sound(t, l, w.Case)
}

func TestMissingIsNotBuffered(t *testing.T) {
	w := world(t, 14, 2)
	l := openMem(t)
	accept(t, l, w.Case, w.Genesis)
	es := nextN(t, w, 3, 1, id.Everyone)
	r := must(l.Accept(t.Context(), w.Case, raws(es[1], es[2])))(t)
	if r.Stored != 0 || !slices.Equal(r.Missing, []id.EntryID{es[0].ID}) || len(r.Rejected) != 2 {
		t.Fatalf("%+v", r)
	}
	accept(t, l, w.Case, es[0])
	if n := len(ids(t, l, w.Case)); n != 2 {
		t.Errorf("%d entries, something was buffered", n)
	}
}

func TestOwnForkStopsWriting(t *testing.T) {
	w := world(t, 15, 2)
	l := openMem(t)
	accept(t, l, w.Case, w.Genesis)
	if err := l.SetOwn(w.Kid(1)); err != nil {
		t.Fatal(err)
	}
	mine := must(l.Append(t.Context(), status(w.Case, w.Genesis.ID), w.Keys[1]))(t)
	if r := must(l.Accept(t.Context(), w.Case, [][]byte{mine.Raw}))(t); r.Stored+len(r.Rejected) != 0 {
		t.Fatalf("our own entry come back: %+v", r)
	}
	clone := next(t, w, 1, id.Control, w.Genesis.ID)
	if r := must(l.Accept(t.Context(), w.Case, [][]byte{spoil(clone.Raw)}))(t); r.Stored != 0 {
		t.Fatalf("%+v", r)
	}
	if _, on := l.OwnFork(); on {
		t.Fatal("a forgery stops us")
	}
	r := must(l.Accept(t.Context(), w.Case, [][]byte{clone.Raw}))(t)
	if x, on := l.OwnFork(); !on || x != clone.ID || r.Forks != 1 {
		t.Fatalf("no alarm: %+v", r)
	}
	if _, err := l.Begin(note(w.Case, 0, w.Genesis.ID), w.Keys[1]); !errors.Is(err, ErrOwnFork) {
		t.Errorf("begin after an own fork: %v", err)
	}
	forks := must(l.Forks(w.Case))(t)
	if len(forks) != 1 || forks[0].A != mine.ID || forks[0].B != clone.ID || forks[0].Seq != 0 {
		t.Errorf("forks: %+v", forks)
	}
	if hs := must(l.Heads(w.Case))(t); len(hs) != 3 {
		t.Errorf("heads: %+v", hs)
	}
	if err := l.AcceptRestore(w.Kid(1)); !errors.Is(err, ErrRestored) {
		t.Errorf("the old key again: %v", err)
	}
	if err := l.AcceptRestore(w.Kid(0)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Begin(note(w.Case, 0, w.Genesis.ID), w.Keys[1]); !errors.Is(err, ErrRestored) {
		t.Errorf("a retired key signs: %v", err)
	}
	must(l.Append(t.Context(), note(w.Case, 0, w.Genesis.ID), w.Keys[0]))(t)
	sound(t, l, w.Case)
}

// TestOwnForkAfterRestart: the guard knows our key from the run before.
func TestOwnForkAfterRestart(t *testing.T) {
	w := world(t, 17, 2)
	fs := vfs.NewMem()
	l := openFS(t, fs)
	accept(t, l, w.Case, w.Genesis)
	must(l.Append(t.Context(), status(w.Case, w.Genesis.ID), w.Keys[1]))(t)
	closeOnce(t, l)
	l = openFS(t, fs)
	accept(t, l, w.Case, next(t, w, 1, id.Everyone, w.Genesis.ID))
	if _, on := l.OwnFork(); !on {
		t.Fatal("not noticed")
	}
	closeOnce(t, l)
	l = openFS(t, fs)
	if _, err := l.Begin(status(w.Case, w.Genesis.ID), w.Keys[1]); !errors.Is(err, ErrOwnFork) {
		t.Errorf("begin after another restart: %v", err)
	}
}

// TestBranches keeps every branch that an author shows, and what grows on it.
func TestBranches(t *testing.T) {
	w := world(t, 16, 2)
	l := openMem(t)
	accept(t, l, w.Case, w.Genesis)
	trunk := nextN(t, w, 4, 1, id.Control)
	accept(t, l, w.Case, trunk...)
	var tips []*entry.Sealed
	for salt := range byte(3) {
		b := must(w.After(trunk[1], 1, id.Control, salt+1))(t)
		b2 := must(w.After(b, 1, id.Control, salt+1))(t)
		tips = append(tips, b2)
		if r := accept(t, l, w.Case, b, b2); r.Forks != 1 {
			t.Errorf("branch %d: %+v", salt, r)
		}
	}
	onBranch := must(w.After(tips[2], 1, id.Control, 50))(t) // a fork of a branch
	accept(t, l, w.Case, onBranch)
	onBranch2 := must(w.After(tips[2], 1, id.Control, 51))(t)
	root := must(w.After(nil, 1, id.Control, 60))(t) // a fork at seq 0
	dep := next(t, w, 0, id.Everyone, onBranch2.ID)
	accept(t, l, w.Case, dep, root, onBranch2)
	if hs := must(l.Heads(w.Case))(t); len(hs) != 8 {
		t.Errorf("%d heads", len(hs))
	}
	if v := sound(t, l, w.Case); v.Forks != 5 || v.Entries != 1+4+6+1+3 {
		t.Errorf("verify: %+v", v)
	}
	n := 0
	if err := l.Read(w.Case, root.Feed(), 0, 99, func(Entry) bool { n++; return true }); err != nil || n != 13 {
		t.Errorf("read %d entries: %v", n, err)
	}
	if len(must(l.Forks(w.Case))(t)) != 5 {
		t.Error("forks")
	}
	// Our own entries do not build on what arrived after the fork was known.
	e := must(l.Append(t.Context(), status(w.Case, trunk[3].ID, onBranch2.ID), w.Keys[0]))(t)
	if !slices.Equal(e.Deps, []id.EntryID{trunk[3].ID}) {
		t.Errorf("deps: %v", e.Deps)
	}
	if _, err := l.Begin(note(w.Case, 0, w.Genesis.ID), w.Keys[1]); !errors.Is(err, ErrForked) {
		t.Errorf("a forked key writes: %v", err)
	}
}

// TestLinksInsideABatch: prev inside the batch is judged as prev in the store is.
func TestLinksInsideABatch(t *testing.T) {
	w := world(t, 18, 2)
	l := openMem(t)
	accept(t, l, w.Case, w.Genesis)
	es := nextN(t, w, 2, 1, id.Everyone)
	f := es[1].Fields
	f.Comp = id.Comp{5}
	elsewhere := must(f.Seal(w.Keys[1]))(t)
	f = es[1].Fields
	f.Seq, f.Prev = 3, es[1].ID
	gap := must(f.Seal(w.Keys[1]))(t)
	r := must(l.Accept(t.Context(), w.Case, raws(es[0], es[1], elsewhere, gap)))(t)
	if r.Stored != 2 || len(r.Rejected) != 2 || !errors.Is(r.Rejected[0].Err, ErrLink) || !errors.Is(r.Rejected[1].Err, ErrLink) {
		t.Errorf("%+v", r)
	}
}

// TestStaleTip: an entry that was signed for a place which Accept has filled
// meanwhile is not written.
func TestStaleTip(t *testing.T) {
	w := world(t, 19, 2)
	l := openMem(t)
	accept(t, l, w.Case, w.Genesis)
	cs, v, err := l.enter(w.Case)
	if err != nil {
		t.Fatal(err)
	}
	defer cs.leave()
	fd := must(v.ownFeed(id.Feed{Kid: w.Kid(1), Comp: id.Control}, false))(t)
	before, _ := v.tip(fd)
	mine := must(w.After(nil, 1, id.Control, 7))(t)
	accept(t, l, w.Case, next(t, w, 1, id.Control))
	if _, err := v.queueOwn(cs, fd, before, mine); !errors.Is(err, ErrOwnFork) {
		t.Errorf("%v", err)
	}
	sound(t, l, w.Case)
}
