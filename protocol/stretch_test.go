package protocol_test

import (
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// TestStretches: content that goes on as before costs the fold an id, and each entry is
// found as if it stood for itself: its verdict, its author, its place in the order, a
// fork in the middle.
func TestStretches(t *testing.T) {
	a, b := link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B")
	a.Open("case", link.Terms(), protocol.Coordinator)
	a.Tell(protocol.Subject, id.Everyone)
	a.Admit(b, protocol.MitigatingVendor)
	first := a.Tell(protocol.Note, id.Everyone) // names the admission
	judged := protocol.Judged(a.Case)
	notes := []*entry.Sealed{first}
	for range 99 {
		notes = append(notes, a.Tell(protocol.Note, id.Everyone))
	}
	if more := protocol.Judged(a.Case) - judged; more != 0 {
		t.Fatalf("99 notes that say nothing new to the fold: %d were judged", more)
	}
	fork := a.WriteAfter(notes[50], entry.Fields{Type: protocol.Note, Comp: id.Everyone, Agr: notes[50].Agr,
		Body: &entry.BodyRef{Hash: [32]byte{9}, Size: 9, KC: [32]byte{9}}})
	all := slices.Collect(maps.Values(a.Held))
	for seed := range uint64(20) {
		c := protocol.NewCase()
		if left := anyOrder(c, all, rand.New(rand.NewPCG(seed, 1))); left > 0 {
			t.Fatalf("seed %d: %d entries find no place", seed, left)
		}
		if c.Len() != len(all) {
			t.Errorf("seed %d: %d entries of %d", seed, c.Len(), len(all))
		}
		for i, e := range notes {
			rule, known := c.Verdict(e.ID)
			if o, _ := c.AuthorOf(e.ID); rule != "" || !known || o != a.Org.ID {
				t.Errorf("seed %d: note %d: %q, %v, by %v", seed, i, rule, known, o)
			}
			if i > 0 && (!c.Before(notes[i-1].ID, e.ID) || c.Before(e.ID, notes[i-1].ID)) {
				t.Errorf("seed %d: note %d is not shown after the one before", seed, i)
			}
		}
		want := sorted(notes[51], fork)
		if got := c.Unproven(); len(got) != 1 || got[0] != [2]id.EntryID{want[0].ID, want[1].ID} {
			t.Errorf("seed %d: the fork is %v", seed, got)
		}
		if _, known := c.Verdict(id.EntryID{1}); known {
			t.Errorf("seed %d: an entry that is not here is known", seed)
		}
	}
}

// TestClashes: ids whose first bytes somebody made alike are told apart.
func TestClashes(t *testing.T) {
	if !protocol.FoundAmongClashes(9) {
		t.Error("not found, or another")
	}
}

// TestStretchesTakeLittleMemory: a note after a note takes hardly more than its id.
func TestStretchesTakeLittleMemory(t *testing.T) {
	const n, most = 5_000, 128 // bytes
	a := link.NewDaemon(nil, "A")
	a.Open("case", link.Terms(), protocol.Coordinator)
	a.Tell(protocol.Subject, id.Everyone)
	a.Tell(protocol.Note, id.Everyone)
	notes := make([]*entry.Sealed, n)
	for i := range notes {
		notes[i] = a.Tell(protocol.Note, id.Everyone)
	}
	c := fold(protocol.NewCase(), inOrder(a)[:3])
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, e := range notes {
		if !c.Add(e) {
			t.Fatal("a note finds no place")
		}
	}
	c.Settle()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := int(after.HeapAlloc-before.HeapAlloc) / n; got > most {
		t.Errorf("%d bytes a note, allowed are %d", got, most)
	} else {
		t.Logf("%d bytes a note", got)
	}
	runtime.KeepAlive(c)
	runtime.KeepAlive(a)
	runtime.KeepAlive(notes)
}
