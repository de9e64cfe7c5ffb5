package protocol_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

var scripts = rapid.SliceOfN(rapid.Uint16(), 20, 260)

// anyOrder is LEDGER's P3.1 and P4.1 for what is built: whatever order entries
// come in, the case is the same, and so is its digest. It returns what differs.
func anyOrder(fresh func() *protocol.Case, script []uint16, seed uint64) string {
	h := play(script, steady())
	rng := rand.New(rand.NewPCG(seed, 0))
	es := h.shuffled(rng.IntN)
	a, b := fold(fresh(), h.pool), fold(fresh(), es)
	fold(b, es) // again: nothing changes
	if x, y := h.shown(a), h.shown(b); x != y || a.Digest() != b.Digest() {
		return fmt.Sprintf("two orders, two cases:\n%s\n%s", x, y)
	}
	return ""
}

func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if d := anyOrder(protocol.NewCase, scripts.Draw(t, "script"), rapid.Uint64().Draw(t, "order")); d != "" {
			t.Fatal(d)
		}
	})
}

// TestAnyOrderFindsBrokenRules: each rule that makes the fold converge is needed.
func TestAnyOrderFindsBrokenRules(t *testing.T) {
	for _, rule := range []string{"a removal voids what it did not see", "a fork takes the force of earlier acts"} {
		broken := func() *protocol.Case { return protocol.Broken(rule) }
		found := false
		for seed := uint64(0); seed < 2000 && !found; seed++ {
			found = anyOrder(broken, random(seed), seed) != ""
			if found {
				t.Logf("without %q: counterexample at seed %d", rule, seed)
			}
		}
		if !found {
			t.Errorf("without %q no counterexample was found", rule)
		}
	}
}

// random is a script drawn from a seed.
func random(seed uint64) []uint16 {
	rng := rand.New(rand.NewPCG(seed, 1))
	script := make([]uint16, 220)
	for i := range script {
		script[i] = uint16(rng.Uint32())
	}
	return script
}

// TestTimeMovesNothing is LEDGER's P2.1 and P2.2: claimed times that never step
// back in a feed, one of them absurd, leave the fold as it is.
func TestTimeMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		script := scripts.Draw(t, "script")
		offsets := rapid.SliceOfN(rapid.Uint64Range(0, 1<<42), len(orgNames), len(orgNames)).Draw(t, "clocks")
		// Near 2^53, and with room to go on: at the limit itself two entries of one
		// place would have one time, be one entry, and no fork.
		offsets[rapid.IntRange(0, len(orgNames)-1).Draw(t, "absurd")] = entry.MaxTime - 1<<20
		a := play(script, steady())
		now := uint64(0)
		b := play(script, func(i int) uint64 { now += 7; return offsets[i] + now })
		if len(a.pool) != len(b.pool) {
			t.Fatalf("%d entries, %d with other clocks: the test does not compare like with like", len(a.pool), len(b.pool))
		}
		x, y := a.shown(fold(protocol.NewCase(), a.pool)), b.shown(fold(protocol.NewCase(), b.pool))
		if x != y {
			t.Fatalf("two clocks, two cases:\n%s\n%s", x, y)
		}
	})
}

// TestCheckIsApply: what the dry run refuses of itself, apart from what it asks
// of our own entries beyond the rules, Apply refuses; and it changes nothing.
func TestCheckIsApply(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := play(scripts.Draw(t, "script"), steady())
		c := protocol.NewCase()
		for _, e := range h.pool {
			before := h.shown(c)
			err := c.Check(e)
			if h.shown(c) != before {
				t.Fatal("the dry run changes the case")
			}
			if got := c.Apply(e); err == nil && got.Refused != "" {
				t.Fatalf("the dry run allows what is refused: %s", got.Refused)
			}
		}
	})
}

// TestWhatWasSaidStays is LEDGER's P3.11: content that was honoured stays so
// whatever control entries come after, unless the steward's own acts fall by a
// fork or a revoked key.
func TestWhatWasSaidStays(t *testing.T) {
	a, b := link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B")
	a.Open("case", link.Terms(), protocol.Coordinator)
	a.Tell(protocol.Subject, id.Everyone)
	a.Admit(b, protocol.Reporter)
	give(a, b)
	note := b.Tell(protocol.Note, id.Everyone)
	for _, end := range []func() *entry.Sealed{
		func() *entry.Sealed { return b.Say(&protocol.Exit{}) },
		func() *entry.Sealed { return a.Act(&protocol.Remove{Org: b.Org.ID}) },
	} {
		last := end()
		for _, first := range []*entry.Sealed{note, last} {
			c := protocol.NewCase()
			for _, e := range inOrder(a, b) {
				if e.ID != note.ID && e.ID != last.ID {
					c.Apply(e)
				}
			}
			other := note
			if first == note {
				other = last
			}
			c.Apply(first)
			out := c.Apply(other)
			if rule, known := c.Verdict(note.ID); !known || rule != "" {
				t.Errorf("the note: known %v, refused %q", known, rule)
			}
			if other == note && !out.Late {
				t.Error("content of a former member is not marked late")
			}
		}
	}
}

// give hands everything that a has to b.
func give(a, b *link.Daemon) {
	for _, e := range inOrder(a) {
		b.Accept(e)
	}
}

// inOrder lists what daemons have in a causal order.
func inOrder(ds ...*link.Daemon) []*entry.Sealed {
	h := &history{}
	seen := map[id.EntryID]bool{}
	for _, d := range ds {
		for x, e := range d.Held {
			if !seen[x] {
				h.pool = append(h.pool, e)
			}
			seen[x] = true
		}
	}
	return h.shuffled(func(int) int { return 0 })
}

// TestDepsAreMinimal: what Deps names, the fold accepts as minimal, and through
// it everything folded is in the new entry's past where 16 are enough.
func TestDepsAreMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := play(scripts.Draw(t, "script"), steady())
		for i, d := range h.ds {
			h.learn(d, len(h.pool))
			m := &protocol.Status{RM: protocol.RMValid}
			var r *protocol.Refusal
			if errors.As(d.Case.May(d.Kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}), &r) && r.Rule == "feed-forked" {
				continue // Deps goes on from one branch, this daemon from another
			}
			e := d.Say(m)
			if rule, _ := d.Case.Verdict(e.ID); rule == "deps-not-minimal" || rule == "dep-not-control" {
				t.Fatal(rule)
			}
			if heads := protocol.HeadsOutside(d.Case, e.ID); len(e.Deps) < entry.MaxDeps && heads > 0 && i == 0 {
				t.Fatalf("%d control heads are not in the past of an entry that names %d", heads, len(e.Deps))
			}
		}
	})
}

func ExampleCase_May() {
	a, b := link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B")
	a.Open("case", link.Terms(), protocol.Coordinator)
	a.Admit(b, protocol.MitigatingVendor)
	give(a, b)
	m := &protocol.Status{RM: protocol.RMAccepted}
	fmt.Println(b.Case.May(b.Kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}))
	// Output: the report is received and does not become accepted: next is valid or invalid
}
