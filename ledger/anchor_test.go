package ledger

import (
	"crypto/ed25519"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// twoStores is a case with a feed of n notes in one store, and a genesis alone in another.
func twoStores(t *testing.T, n int, fs vfs.FS) (part *Ledger, genesis Entry, notes []*entry.Sealed, key ed25519.PrivateKey) {
	t.Helper()
	keys := someKeys(2)
	full := openMem(t)
	genesis = opened(t, full, 7, keys...)
	for i := range n {
		notes = append(notes, must(full.Append(t.Context(), note(genesis.CaseID(), i, genesis.ID), keys[1]))(t).Sealed)
	}
	part = openFS(t, fs)
	accept(t, part, genesis.CaseID(), genesis.Sealed)
	return part, genesis, notes, keys[1]
}

func anchorAt(e *entry.Sealed) Anchor {
	return Anchor{Feed: e.Feed(), Seq: e.Seq, Entry: e.ID, LC: e.LC}
}

// rules are the kinds of rejection of a batch, by place; nil where it was stored.
func rulesOf(t *testing.T, l *Ledger, c id.CaseID, es ...*entry.Sealed) []error {
	t.Helper()
	out := make([]error, len(es))
	for _, x := range must(l.Accept(t.Context(), c, raws(es...)))(t).Rejected {
		out[x.Index] = x.Err
	}
	return out
}

// TestBeginAtAnchor: a feed begins above the anchor that was told, never below, and
// goes on as any other; the store is found whole, also after it was opened again.
func TestBeginAtAnchor(t *testing.T) {
	fs := vfs.NewMem()
	l, g, notes, _ := twoStores(t, 8, fs)
	c := g.CaseID()
	if got := rulesOf(t, l, c, notes[4], notes[5]); !errors.Is(got[0], ErrMissing) {
		t.Fatalf("before the anchor: %v", got)
	}
	if err := l.BeginAt(c, []Anchor{anchorAt(notes[3])}); err != nil {
		t.Fatal(err)
	}
	for i, err := range rulesOf(t, l, c, notes[:4]...) {
		if !errors.Is(err, ErrBelow) {
			t.Errorf("entry %d: %v", i, err)
		}
	}
	accept(t, l, c, notes[4], notes[5])
	if r := sound(t, l, c); r.Entries != 3 || r.Forks != 0 {
		t.Errorf("%+v", r)
	}
	closeOnce(t, l)
	l = openFS(t, fs)
	accept(t, l, c, notes[6:]...)
	sound(t, l, c)
	if err := l.BeginAt(c, nil); err != nil { // all history, given later
		t.Fatal(err)
	}
	for i, err := range rulesOf(t, l, c, notes[:4]...) {
		if !errors.Is(err, ErrBelow) {
			t.Errorf("a feed that has begun, entry %d: %v", i, err)
		}
	}
	if as := must(l.Anchors(c))(t); len(as) != 1 || as[0] != anchorAt(notes[3]) {
		t.Errorf("%+v", as)
	}
}

// TestAnchorChanges: a feed that has not begun begins where it was said last.
func TestAnchorChanges(t *testing.T) {
	l, g, notes, _ := twoStores(t, 6, vfs.NewMem())
	c := g.CaseID()
	for _, list := range [][]Anchor{{anchorAt(notes[4])}, {anchorAt(notes[1])}, {anchorAt(notes[1])}} {
		if err := l.BeginAt(c, list); err != nil {
			t.Fatal(err)
		}
	}
	accept(t, l, c, notes[2:]...)
	sound(t, l, c)

	l, _, _, _ = twoStores(t, 6, vfs.NewMem())
	for _, list := range [][]Anchor{{anchorAt(notes[4])}, nil} {
		if err := l.BeginAt(c, list); err != nil {
			t.Fatal(err)
		}
	}
	accept(t, l, c, notes...)
}

// TestWrongAnchor: what an anchor says of an entry has to fit the one above it.
func TestWrongAnchor(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Anchor)
		want   error
	}{
		"id":        {func(a *Anchor) { a.Entry[0] ^= 1 }, ErrBelow},
		"seq below": {func(a *Anchor) { a.Seq-- }, ErrMissing},
		"seq above": {func(a *Anchor) { a.Seq++ }, ErrBelow},
		"lc":        {func(a *Anchor) { a.LC += 5 }, ErrLamport},
	} {
		t.Run(name, func(t *testing.T) {
			l, g, notes, _ := twoStores(t, 6, vfs.NewMem())
			a := anchorAt(notes[2])
			tc.change(&a)
			if err := l.BeginAt(g.CaseID(), []Anchor{a}); err != nil {
				t.Fatal(err)
			}
			if got := rulesOf(t, l, g.CaseID(), notes[3:]...); !errors.Is(got[0], tc.want) {
				t.Errorf("%v", got)
			}
			sound(t, l, g.CaseID())
		})
	}
}

// TestForkAtAnchor: two entries right above an anchor are a fork, as elsewhere; one below
// it is nothing that can be held.
func TestForkAtAnchor(t *testing.T) {
	fs := vfs.NewMem()
	l, g, notes, key := twoStores(t, 5, fs)
	c := g.CaseID()
	if err := l.BeginAt(c, []Anchor{anchorAt(notes[2])}); err != nil {
		t.Fatal(err)
	}
	other := func(after *entry.Sealed) *entry.Sealed {
		f := note(c, int(after.Seq)+1)
		f.Prev, f.LC, f.T = after.ID, after.LC+1, after.T+9
		return must(f.Seal(key))(t)
	}
	accept(t, l, c, notes[3:]...)
	accept(t, l, c, other(notes[2]))
	if got := rulesOf(t, l, c, other(notes[1])); !errors.Is(got[0], ErrBelow) {
		t.Errorf("%v", got)
	}
	closeOnce(t, l)
	l = openFS(t, fs)
	if r := sound(t, l, c); r.Forks != 1 {
		t.Errorf("%+v", r)
	}
	if forks := must(l.Forks(c))(t); len(forks) != 1 || forks[0].Seq != 3 || forks[0].A != notes[3].ID {
		t.Errorf("%+v", forks)
	}
}

// TestAnchorsOutlive: an anchor outlives a power cut once BeginAt has returned, a body's
// erasure, which seals the case anew, and a change of the store's key.
func TestAnchorsOutlive(t *testing.T) {
	fs := vfs.NewCrashableMem()
	l, g, notes, _ := twoStores(t, 6, fs)
	c := g.CaseID()
	if err := l.BeginAt(c, []Anchor{anchorAt(notes[2])}); err != nil {
		t.Fatal(err)
	}
	cut := fs.CrashClone(vfs.CrashCloneCfg{})
	l = openFS(t, cut)
	accept(t, l, c, notes[3], notes[4])
	if _, err := l.EraseBody(t.Context(), c, *notes[3].Body); err != nil {
		t.Fatal(err)
	}
	if as := must(l.Anchors(c))(t); len(as) != 1 || as[0] != anchorAt(notes[2]) {
		t.Errorf("%+v", as)
	}
	closeOnce(t, l)
	l = openFS(t, cut)
	accept(t, l, c, notes[5])
	sound(t, l, c)
	if err := l.EraseCase(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	it := must(l.db.NewIter(&pebble.IterOptions{LowerBound: []byte{byte(tableAnchor)}, UpperBound: []byte{byte(tableAnchor) + 1}}))(t)
	if it.First() {
		t.Error("the anchors of an erased case are left")
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}
}
