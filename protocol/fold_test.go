package protocol_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

var scripts = rapid.SliceOfN(rapid.Uint16(), 20, 260)

// diff are the lines in which two texts differ.
func diff(a, b string) string {
	var out strings.Builder
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(x), len(y)) {
		if i >= len(x) || i >= len(y) {
			fmt.Fprintln(&out, "one is longer")
			break
		}
		if x[i] != y[i] {
			fmt.Fprintf(&out, "- %s\n+ %s\n", x[i], y[i])
		}
	}
	return out.String()
}

// TestAnyOrder is LEDGER's P3.1 and P4.1 for histories that shrink.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := play(scripts.Draw(t, "script"), steady())
		if d := converges(h, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "order"), 0)), protocol.NewCase); d != "" {
			t.Fatal(d)
		}
	})
}

// TestTimeMovesNothing is LEDGER's P2.1 and P2.2: claimed times that never step
// back in a feed, one of them absurd, leave the fold as it is. Between the two
// times that a succession compares the same passes in both.
func TestTimeMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		script := scripts.Draw(t, "script")
		offsets := rapid.SliceOfN(rapid.Uint64Range(0, 1<<42), len(orgNames), len(orgNames)).Draw(t, "clocks")
		// Near 2^53, and with room to go on: at the limit itself two entries of one
		// place would have one time, be one entry, and no fork.
		offsets[rapid.IntRange(0, len(orgNames)-1).Draw(t, "absurd")] = entry.MaxTime - 1<<40
		a := play(script, steady())
		now := uint64(0)
		b := play(script, func(i int) uint64 { now += 7; return offsets[i] + now })
		if a.rivals() || a.tied() {
			t.Skip("ids decide between two configs, or two plans")
		}
		if len(a.pool) != len(b.pool) {
			t.Fatalf("%d entries, %d with other clocks: the test does not compare like with like", len(a.pool), len(b.pool))
		}
		x, y := a.shown(fold(protocol.NewCase(), a.pool)), b.shown(fold(protocol.NewCase(), b.pool))
		if x != y {
			t.Fatalf("two clocks, two cases:\n%s", diff(x, y))
		}
	})
}

// rivals says whether two configs of one parent are certified.
func (h *history) rivals() bool {
	of := map[id.ConfigID]bool{}
	for _, x := range h.confs {
		if x.Parent != nil && protocol.Certified(h.known, x.ID) {
			if of[*x.Parent] {
				return true
			}
			of[*x.Parent] = true
		}
	}
	return false
}

// tied says whether two plans side by side are for one instant.
func (h *history) tied() bool {
	for i, x := range h.plans {
		for _, y := range h.plans[i+1:] {
			a, b := h.at[x], h.at[y]
			if h.instant(a) == h.instant(b) && !h.past[a].has(b) && !h.past[b].has(a) {
				return true
			}
		}
	}
	return false
}

// instant is what the plan at a place is for.
func (h *history) instant(at int) uint64 {
	m, err := protocol.Read(h.pool[at])
	if err != nil {
		panic(err)
	}
	return m.(*protocol.ReleasePlan).At
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
		for _, w := range h.ws {
			m := &protocol.Status{RM: protocol.RMValid}
			f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}
			var r *protocol.Refusal
			if errors.As(h.known.May(w.kid, f), &r) && r.Rule == "feed-forked" {
				continue // Deps goes on from one branch, this daemon from another
			}
			f.Deps = h.known.Deps(w.kid, id.Control)
			e := h.pool[h.write(w, f)]
			if rule, _ := h.known.Verdict(e.ID); strings.HasPrefix(rule, "dep") {
				t.Fatal(rule)
			}
			if heads := protocol.HeadsOutside(h.known, e.ID); len(e.Deps) < entry.MaxDeps && heads > 0 && len(h.forks) == 0 {
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
	// Output: the report is received, and only one that is valid or deferred becomes accepted: next is valid or invalid
}
