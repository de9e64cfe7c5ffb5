package protocol_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// TestFrontiers: what an anchor names of a past, found in one pass, is what stands in no
// other's past, whatever has forked.
func TestFrontiers(t *testing.T) {
	wide := 0
	seeds(t, 30, func(seed uint64) string {
		c := fold(protocol.NewCase(), talked(seed).pool)
		fast, slow := protocol.Frontiers(c)
		for i := range fast {
			if !slices.Equal(fast[i], slow[i]) {
				return "another frontier"
			}
		}
		return ""
	})
	fast, _ := protocol.Frontiers(talked(3).known)
	for _, f := range fast {
		wide = max(wide, len(f))
	}
	if wide < 2 {
		t.Errorf("at most %d entries in a frontier: too few to say anything", wide)
	}
}

// forksAtWill is a case in which b has forked its control feed n times, and written content
// with all of that in its past.
func forksAtWill(n int) *protocol.Case {
	a, b := link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B")
	a.Open("case", link.Terms(), protocol.Coordinator)
	b.Case, b.Held = a.Case, a.Held
	x := a.Admit(b, protocol.MitigatingVendor)
	m := &protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1"}}
	first := b.Write(fields(m, x))
	var deps []*entry.Sealed
	for i := range n {
		f := fields(m)
		f.T = link.Start + uint64(i)
		deps = append(deps, b.WriteAfter(first, f))
	}
	agr := a.Case.Embargo().Agreement
	for rest := deps; len(rest) > 0; {
		k := min(len(rest), entry.MaxDeps)
		f := entry.Fields{Type: protocol.Note, Comp: id.Everyone, Agr: &agr, Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}}
		for _, d := range rest[:k] {
			f.Deps = append(f.Deps, d.ID)
		}
		slices.SortFunc(f.Deps, func(x, y id.EntryID) int { return slices.Compare(x[:], y[:]) })
		b.Write(f)
		rest = rest[k:]
	}
	return a.Case
}

// BenchmarkAnchorsOfForks is what one who forks its control feed at will costs whoever asks
// from where a newcomer would be given the case: it is asked whenever a case is shown.
func BenchmarkAnchorsOfForks(b *testing.B) {
	c := forksAtWill(4000)
	for b.Loop() {
		if hist := c.FromNow(id.OrgID{1}, id.OrgID{2}); len(hist) != 1 || len(hist[0].Past) < 1000 {
			b.Fatal("no anchors")
		}
	}
}

// TestAnchorsOfAMember: a member without power shows an invite and an accept that it has
// seen, beside anchors of its own. They give and take nothing, and where an honoured
// admission names the same entry that one counts, in any order.
func TestAnchorsOfAMember(t *testing.T) {
	a, b, c, x := trio()
	a.Tell(protocol.Subject, id.Everyone)
	b.Tell(protocol.Note, id.Everyone)
	m := a.Admission(x, protocol.Observer, "late")
	m.Hist = a.Case.FromNow(x.Org.ID, a.Org.ID)
	lie := *m
	lie.Hist = slices.Clone(m.Hist)
	for i := range lie.Hist {
		lie.Hist[i].Past = []id.EntryID{id.EntryID(a.Case.ID())}
	}
	cfg := a.Case.Config().ID
	var lies []*entry.Sealed
	for _, by := range []*link.Daemon{b, c, x} { // two members, and who is none
		f := entry.Fields{Type: lie.Type(), Ctl: protocol.Ctl(&lie), Cfg: &cfg, Deps: a.Case.Deps(by.Kid, id.Control)}
		lies = append(lies, by.Write(f))
	}
	before, _ := a.Case.History(b.Org.ID)
	admit := a.Act(m)
	note := a.Tell(protocol.Note, id.Everyone)
	for _, e := range lies {
		if rule, _ := a.Case.Verdict(e.ID); rule == "" {
			t.Fatal("honoured")
		}
	}
	if rule, _ := a.Case.Verdict(admit.ID); rule != "" {
		t.Fatalf("the control: %s", rule)
	}
	if hist, limited := a.Case.History(b.Org.ID); limited || len(hist) != len(before) {
		t.Error("a member's history has changed")
	}
	if hist, limited := a.Case.History(x.Org.ID); !limited || !reflect.DeepEqual(hist, m.Hist) || !reflect.DeepEqual(a.Case.Partial(x.Org.ID), m.Hist) {
		t.Error("the newcomer is given something else than its admission says")
	}
	var held []*entry.Sealed
	for _, e := range inOrder(a) {
		if e.Control() || e == note {
			held = append(held, e)
		}
	}
	for seed := range uint64(40) {
		part := protocol.NewCase()
		if left := anyOrder(part, held, rand.New(rand.NewPCG(seed, 0))); left > 0 {
			t.Fatalf("seed %d: %d entries find no place", seed, left)
		}
		if got, ok := part.AnchorOf(note); !ok || !slices.Equal(got.Past, m.Hist[slices.IndexFunc(m.Hist, func(h protocol.Anchor) bool { return h.Kid == a.Kid })].Past) {
			t.Errorf("seed %d: %+v", seed, got)
		}
	}
}

// TestForksAroundAnAnchor: an author that forks its feed below, at and above the entry that
// an anchor names, in the middle of a stretch, is the same to all who hold all of it, in
// every order, also one that begins the feed at the anchor; the newcomer is given what
// descends from the anchor alone, and judges that as everybody does.
func TestForksAroundAnAnchor(t *testing.T) {
	a, b, _, x := trio()
	a.Tell(protocol.Subject, id.Everyone)
	var notes []*entry.Sealed
	for range 8 {
		notes = append(notes, b.Tell(protocol.Note, id.Everyone))
	}
	m := a.Admission(x, protocol.Observer, "late")
	m.Hist = a.Case.FromNow(x.Org.ID, a.Org.ID)
	a.Act(m)
	for range 6 {
		notes = append(notes, b.Tell(protocol.Note, id.Everyone))
	}
	given := map[id.EntryID]bool{}
	for _, e := range notes[8:] {
		given[e.ID] = true
	}
	fork := func(at int, size uint64) *entry.Sealed {
		return b.WriteAfter(notes[at], entry.Fields{Type: protocol.Note, Comp: id.Everyone, Agr: notes[at].Agr,
			Body: &entry.BodyRef{Hash: [32]byte{9}, Size: size, KC: [32]byte{9}}})
	}
	forks := map[int]*entry.Sealed{}
	for _, at := range []int{3, 6, 7, 10} { // from 6 on its entry stands beside what the anchor names, from 7 on above it
		forks[at] = fork(at, uint64(9+at))
		given[forks[at].ID] = at >= 7
	}
	all := inOrder(a)
	full := fold(protocol.NewCase(), all)
	var part []*entry.Sealed
	for _, e := range all {
		got := full.MaySend(e.ID, protocol.Header, to(x), from(a))
		if !e.Control() && e.Kid == b.Kid && got.Send != given[e.ID] {
			t.Errorf("seq %d, a fork %v: sent is %v (%s)", e.Seq, !slices.Contains(notes, e), got.Send, got.Gate)
		}
		if e.Control() || got.Send {
			part = append(part, e)
		}
	}
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 5))
		c, late := protocol.NewCase(), protocol.NewCase()
		if left := anyOrder(c, all, rng) + anyOrder(late, part, rng); left > 0 {
			t.Fatalf("seed %d: %d entries find no place", seed, left)
		}
		if c.Len() != full.Len() || c.Digest() != full.Digest() || !reflect.DeepEqual(c.Unproven(), full.Unproven()) {
			t.Errorf("seed %d: another case: %v, not %v", seed, c.Unproven(), full.Unproven())
		}
		for _, e := range all {
			want, _ := full.Verdict(e.ID)
			if got, known := c.Verdict(e.ID); !known || got != want {
				t.Errorf("seed %d: seq %d: %q, not %q", seed, e.Seq, got, want)
			}
			if full.MaySend(e.ID, protocol.Header, to(x), from(a)).Send != c.MaySend(e.ID, protocol.Header, to(x), from(a)).Send {
				t.Errorf("seed %d: seq %d leaves in one order alone", seed, e.Seq)
			}
		}
		for _, e := range part {
			want, _ := full.Verdict(e.ID)
			if got, known := late.Verdict(e.ID); !known || got != want {
				t.Errorf("seed %d: the newcomer: seq %d: %q, not %q", seed, e.Seq, got, want)
			}
		}
	}
}

// TestOfAnotherFeed: an entry that names as the one before it an entry of another feed finds
// no place: of another key, another compartment, or the middle of another's stretch.
func TestOfAnotherFeed(t *testing.T) {
	a, b, _, _ := trio()
	a.Tell(protocol.Subject, id.Everyone)
	var notes []*entry.Sealed
	for range 5 {
		notes = append(notes, b.Tell(protocol.Note, id.Everyone))
	}
	for name, prev := range map[string]*entry.Sealed{"the middle": notes[2], "the end": notes[4], "a control entry": inOrder(b)[0]} {
		f := entry.Fields{Case: a.Case.ID(), Seq: prev.Seq + 1, Prev: prev.ID, LC: prev.LC + 1, T: link.Start, Type: protocol.Note, Comp: id.Everyone,
			Agr: notes[0].Agr, Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}}
		e := must(f.Seal(a.Key))
		if before := a.Case.Len(); a.Case.Add(e) || a.Case.Len() != before || a.Case.Check(e) == nil {
			t.Errorf("%s of another feed: taken", name)
		}
	}
}

// TestAnchorsClaimMuch: an admission as full of anchors as an entry can be takes no more than
// a few times its bytes to read.
func TestAnchorsClaimMuch(t *testing.T) {
	a, _, _, x := trio()
	a.Tell(protocol.Subject, id.Everyone)
	m := a.Admission(x, protocol.Observer, "late")
	one := a.Case.FromNow(x.Org.ID, a.Org.ID)[0]
	for range 300 {
		y := one
		y.Past = make([]id.EntryID, 4)
		m.Hist = append(m.Hist, y)
	}
	raw := protocol.Ctl(m)
	if len(raw) < 60_000 {
		t.Fatalf("%d bytes: not near what an entry holds", len(raw))
	}
	got := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, _ = protocol.Read(&entry.Sealed{Fields: entry.Fields{Type: m.Type(), Ctl: raw}})
		}
	}).AllocedBytesPerOp()
	if got > 8*entry.MaxControl {
		t.Errorf("%d bytes to read one admission", got)
	}
}
