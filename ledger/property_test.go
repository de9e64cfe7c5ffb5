package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cordon/ledger/feedgen"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// history is a random set of entries of one case, in causal order.
func history(t *rapid.T, w *feedgen.World, n int) []*entry.Sealed {
	comps := []id.Comp{id.Control, id.Everyone, {7}}
	all := []*entry.Sealed{w.Genesis}
	control := []id.EntryID{w.Genesis.ID}
	for range n {
		author := rapid.IntRange(0, len(w.Keys)-1).Draw(t, "author")
		comp := rapid.SampledFrom(comps).Draw(t, "comp")
		var deps []id.EntryID
		for range rapid.IntRange(0, 3).Draw(t, "deps") {
			deps = append(deps, rapid.SampledFrom(control).Draw(t, "dep"))
		}
		slices.SortFunc(deps, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
		e, err := w.Next(author, comp, slices.Compact(deps)...)
		if err != nil {
			t.Fatal(err)
		}
		if e.Control() {
			control = append(control, e.ID)
		}
		all = append(all, e)
	}
	return all
}

// cut splits the history into batches at random places, shuffled inside.
func cut(t *rapid.T, es []*entry.Sealed) [][]*entry.Sealed {
	var batches [][]*entry.Sealed
	for len(es) > 0 {
		n := rapid.IntRange(1, min(len(es), 40)).Draw(t, "batch")
		b := slices.Clone(es[:n])
		if rapid.Bool().Draw(t, "shuffled") {
			b = rapid.Permutation(b).Draw(t, "order")
		}
		batches, es = append(batches, b), es[n:]
	}
	return batches
}

// TestCuttingDoesNotMatter is P1.6: any cutting of a delivery into batches gives
// the same accepted set; signatures that a relay alters change no set in the end
// and are repaired; and a bad signature costs what is above the last good one in
// its batch, nothing else.
func TestCuttingDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := must(feedgen.New(rapid.Uint64().Draw(rt, "seed"), 3))(t)
		all := history(rt, w, rapid.IntRange(1, 60).Draw(rt, "entries"))
		clean, relayed := openMem(t), openMem(t)
		defer closeOnce(t, clean)
		defer closeOnce(t, relayed)
		for _, b := range cut(rt, all) {
			accept(t, clean, w.Case, b...)
		}
		for _, b := range cut(rt, all) {
			batch := raws(b...)
			for i := range batch {
				if rapid.IntRange(0, 3).Draw(rt, "altered") == 0 {
					batch[i] = spoil(batch[i])
				}
			}
			r, err := relayed.Accept(t.Context(), w.Case, batch)
			if err != nil && !errors.Is(err, ErrNotFound) {
				rt.Fatal(err)
			}
			for _, x := range r.Entries {
				if x.Genesis() && x.Covered {
					rt.Fatal("an uncovered genesis was stored")
				}
			}
		}
		if relayed.Has(w.Case) {
			v := sound(t, relayed, w.Case)
			if v.Entries > len(all) {
				rt.Fatalf("%d entries of %d", v.Entries, len(all))
			}
		}
		for _, b := range cut(rt, all) { // a good holder comes by
			if _, err := relayed.Accept(t.Context(), w.Case, raws(b...)); err != nil {
				rt.Fatal(err)
			}
		}
		if !maps.Equal(ids(t, clean, w.Case), ids(t, relayed, w.Case)) {
			rt.Fatal("the sets differ")
		}
		if v := sound(t, relayed, w.Case); v.Covered != 0 || v.Entries != len(all) {
			rt.Fatalf("not repaired: %+v", v)
		}
	})
}

// TestHostileSigner is the last part of P1.6: an author that signs every k-th
// entry only gets stored what a good signature covers in one batch, and costs
// nobody else anything.
func TestHostileSigner(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := rapid.IntRange(1, 300).Draw(rt, "k")
		size := rapid.IntRange(20, MaxBatch).Draw(rt, "batch")
		w := must(feedgen.New(rapid.Uint64().Draw(rt, "seed"), 3))(t)
		l := openMem(t)
		defer closeOnce(t, l)
		accept(t, l, w.Case, w.Genesis)
		stored, stuck := 0, false
		for at := 0; at < 600; {
			n := size - 1
			var batch [][]byte
			last := -1
			for i := range n {
				e, err := w.Next(1, id.Everyone)
				if err != nil {
					rt.Fatal(err)
				}
				raw := e.Raw
				if (at+i+1)%k != 0 {
					raw = spoil(raw)
				} else {
					last = i
				}
				batch = append(batch, raw)
			}
			honest, err := w.Next(2, id.Everyone)
			if err != nil {
				rt.Fatal(err)
			}
			r, err := l.Accept(t.Context(), w.Case, append(batch, honest.Raw))
			if err != nil {
				rt.Fatal(err)
			}
			want := 1
			if !stuck {
				want, stored = last+2, stored+last+1
				stuck = last+1 < n // what is above the last good one is lost, and so is all that follows
			}
			if r.Stored != want {
				rt.Fatalf("stored %d, want %d", r.Stored, want)
			}
			at += n
		}
		h, _, err := l.Head(w.Case, id.Feed{Kid: w.Kid(1), Comp: id.Everyone})
		if err != nil || stored > 0 && int(h.Seq) != stored-1 {
			rt.Fatalf("head %+v, stored %d, %v", h, stored, err)
		}
		sound(t, l, w.Case)
	})
}

// TestGraft is P1.3: an author of two cases, both held, cannot carry an entry,
// a prev or a dep of one into the other.
func TestGraft(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		here := must(feedgen.New(seed, 2))(t)
		there := must(feedgen.New(seed, 3))(t) // the same keys, another genesis
		l := openMem(t)
		defer closeOnce(t, l)
		a := history(rt, here, 20)
		b := history(rt, there, 20)
		accept(t, l, here.Case, a...)
		accept(t, l, there.Case, b...)
		x := rapid.SampledFrom(b).Draw(rt, "foreign")
		tip := rapid.SampledFrom(a[1:]).Draw(rt, "tip")
		author := slices.IndexFunc(here.Keys, func(k ed25519.PrivateKey) bool { return kidOf(k) == tip.Kid })
		tries := map[string]*entry.Sealed{"entry": x}
		for name, how := range map[string]func(*entry.Fields){
			"dep":  func(f *entry.Fields) { f.Deps = []id.EntryID{x.ID} },
			"prev": func(f *entry.Fields) { f.Prev = x.ID },
			"case": func(f *entry.Fields) { f.Case = there.Case },
		} {
			f := must(here.After(tip, author, tip.Comp, 40))(t).Fields
			how(&f)
			tries[name] = must(f.Seal(here.Keys[author]))(t)
		}
		for name, e := range tries {
			r, err := l.Accept(t.Context(), here.Case, raws(e))
			if err != nil || r.Stored != 0 || len(r.Rejected) != 1 {
				rt.Fatalf("foreign %s: %+v %v", name, r, err)
			}
		}
		sound(t, l, here.Case)
		sound(t, l, there.Case)
	})
}

// TestBranchesInAnyOrder: forks at random places, delivered in random batches,
// end in the same set and the same forked places everywhere.
func TestBranchesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := must(feedgen.New(rapid.Uint64().Draw(rt, "seed"), 2))(t)
		all := history(rt, w, 15)
		for salt := range byte(rapid.IntRange(1, 6).Draw(rt, "forks")) {
			at := rapid.SampledFrom(all[1:]).Draw(rt, "at")
			author := slices.IndexFunc(w.Keys, func(k ed25519.PrivateKey) bool { return kidOf(k) == at.Kid })
			for range rapid.IntRange(1, 3).Draw(rt, "long") {
				at = must(w.After(at, author, at.Comp, salt+1))(t)
				all = append(all, at)
			}
		}
		var first map[id.EntryID]bool
		places := map[string]bool{}
		for round := range 2 {
			l := openMem(t)
			defer closeOnce(t, l)
			for len(idsIfAny(t, l, w.Case)) < len(all) {
				order := rapid.Permutation(all).Draw(rt, "order")
				for _, b := range cut(rt, append([]*entry.Sealed{w.Genesis}, order...)) {
					if _, err := l.Accept(t.Context(), w.Case, raws(b...)); err != nil && !errors.Is(err, ErrNotFound) {
						rt.Fatal(err)
					}
				}
			}
			sound(t, l, w.Case)
			got := map[string]bool{}
			for _, f := range must(l.Forks(w.Case))(t) {
				got[f.Feed.Kid.String()+f.Feed.Comp.String()+string(rune(f.Seq))] = true
			}
			if round == 0 {
				first, places = ids(t, l, w.Case), got
			} else if !maps.Equal(first, ids(t, l, w.Case)) || !maps.Equal(places, got) {
				rt.Fatal("order of arrival shows")
			}
		}
	})
}

func idsIfAny(t testing.TB, l *Ledger, c id.CaseID) map[id.EntryID]bool {
	if !l.Has(c) {
		return nil
	}
	return ids(t, l, c)
}
