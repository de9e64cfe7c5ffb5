package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// TestFromAdmission: in random histories, whoever is admitted without the history gets
// nothing that was written before, and folds what the gate lets out, in any order, to
// the verdicts that everybody else has.
func TestFromAdmission(t *testing.T) {
	var sum late
	seeds(t, 60, func(seed uint64) string {
		return sum.asks(seed, func(*history, []protocol.Anchor) []protocol.Anchor { return nil })
	})
	if n, w := sum.newcomers.Load(), sum.withheld.Load(); n < 10 || w < 100 {
		t.Errorf("%d histories with a newcomer, %d entries withheld: too few to say anything", n, w)
	}
}

// TestFromAdmissionNotices: the same with anchors that say too little of the past, and
// with none.
func TestFromAdmissionNotices(t *testing.T) {
	for name, change := range map[string]func(*history, []protocol.Anchor) []protocol.Anchor{
		"no past but the case's beginning": func(h *history, hist []protocol.Anchor) []protocol.Anchor {
			for i := range hist {
				hist[i].Past = []id.EntryID{h.pool[0].ID}
			}
			return hist
		},
		"no anchor": func(*history, []protocol.Anchor) []protocol.Anchor { return []protocol.Anchor{} },
	} {
		var sum late
		noticed := false
		for seed := uint64(0); seed < 60 && !noticed; seed++ {
			noticed = sum.asks(seed, change) != ""
		}
		if !noticed {
			t.Errorf("%s: nothing is wrong in 60 histories", name)
		}
	}
}

// late counts what was asked of histories with a newcomer.
type late struct{ newcomers, withheld atomic.Int64 }

// asks is TestFromAdmission for one history; change gives other anchors, nil the same.
func (l *late) asks(seed uint64, change func(*history, []protocol.Anchor) []protocol.Anchor) string {
	h, old, admit := anchored(seed, change)
	full := fold(protocol.NewCase(), h.pool)
	if rule, known := full.Verdict(admit); !known || rule != "" {
		return ""
	}
	x := h.ds[len(h.ds)-1]
	if _, ok := full.History(x.Org.ID); !ok || !full.Member(x.Org.ID) { // it was admitted again, or removed
		return ""
	}
	l.newcomers.Add(1)
	var given []*entry.Sealed
	own := func(kid id.Kid) bool { o, ok := full.OrgOf(kid); return ok && o == x.Org.ID }
	for i, e := range h.pool {
		got := full.MaySend(e.ID, protocol.Header, to(x), from(h.ds[0]))
		switch {
		case e.Control(), own(e.Kid): // what a key of its own wrote it has, also from before it certified that
			given = append(given, e)
		case got.Send && i < old:
			return fmt.Sprintf("entry %d, of before the admission, would be sent", i)
		case got.Send:
			given = append(given, e)
		case got.Gate == "G6":
			l.withheld.Add(1)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 3))
	for range 3 {
		c, all := protocol.NewCase(), protocol.NewCase()
		if left := anyOrder(c, given, rng); left > 0 {
			return fmt.Sprintf("%d of %d entries find no place", left, len(given))
		}
		if d := sameVerdicts(h, full, c, given); d != "" {
			return "the newcomer: " + d
		}
		if left := anyOrder(all, h.pool, rng); left > 0 {
			return fmt.Sprintf("%d entries of all find no place", left)
		}
		if got, want := h.shown(all), h.shown(full); got != want {
			return "all of it in an order that begins feeds at their anchors:\n" + diff(want, got)
		}
	}
	return ""
}

// anchored is a history in the middle of which an organisation is admitted from then
// on; old is how many entries there were.
func anchored(seed uint64, change func(*history, []protocol.Anchor) []protocol.Anchor) (h *history, old int, admit id.EntryID) {
	h = plays(random(seed), steady(), seed%2 == 0)
	h.notes()
	x := *gorse
	h.ds, h.later = append(h.ds, &x), append(h.later, 0)
	w := h.powerful(h.ws[0])
	w.seen = w.seen.or(h.control())
	if !able(h.ds[w.org]) {
		return h, 0, admit
	}
	old = len(h.pool)
	hist := h.known.FromNow(x.Org.ID, h.ds[w.org].Org.ID)
	if other := change(h, slices.Clone(hist)); other != nil {
		hist = other
	}
	i := h.act(w, &protocol.Ident{Events: x.Org.Events})
	h.idents = append(h.idents, shownEvents{i, len(h.ds) - 1, len(x.Org.Events)})
	m := *admitOf(h.known, h.ds[w.org], &x, protocol.Observer, "late")
	m.Hist = hist
	admit = h.pool[h.act(w, &m)].ID
	h.learn(h.join(len(h.ds)-1, "Gorse/1", nil))
	h.notes()
	for h.script = random(seed + 1<<32); len(h.script) > 0; {
		h.step()
	}
	h.notes()
	return h, old, admit
}

// notes lets every daemon write for everybody, after it has heard what there is, and one
// of them fork.
func (h *history) notes() {
	for _, w := range h.ws {
		h.write(w, h.content(id.Everyone))
		w.seen = w.seen.or(h.control())
		for range 3 {
			h.write(w, h.content(id.Everyone))
		}
	}
	h.script = append(h.script, uint16(len(h.pool)))
	h.forkContent(h.ws[h.pick(len(h.ws))])
}

var gorse = link.NewDaemon(nil, "Gorse")

// anyOrder adds entries in a random order, again and again, until no more are taken; left
// is how many are not.
func anyOrder(c *protocol.Case, es []*entry.Sealed, rng *rand.Rand) (left int) {
	es = slices.Clone(es)
	rng.Shuffle(len(es), func(i, j int) { es[i], es[j] = es[j], es[i] })
	for before := len(es) + 1; len(es) > 0 && len(es) < before; {
		before = len(es)
		es = slices.DeleteFunc(es, c.Add)
	}
	c.Settle()
	return len(es)
}

// sameVerdicts compares what two folds say of entries, and the control plane's digest.
func sameVerdicts(h *history, full, part *protocol.Case, es []*entry.Sealed) string {
	if full.Digest() != part.Digest() {
		return "another digest"
	}
	for _, e := range es {
		want, _ := full.Verdict(e.ID)
		if got, known := part.Verdict(e.ID); !known || got != want {
			return fmt.Sprintf("entry %d: %q, everybody else says %q", h.at[e.ID], got, want)
		}
	}
	theirs := *h
	theirs.pool = es
	return newWorld(part, es).disagree(&theirs, part)
}

// TestFalseAnchorBeside: an admit that is not honoured says something else of an entry than
// one that is; the one that is counts, whichever came first.
func TestFalseAnchorBeside(t *testing.T) {
	a, b, c, x := trio()
	old := a.Tell(protocol.Subject, id.Everyone)
	two := a.Say(&protocol.Propose{Config: a.Case.NextConfig(a.Kid, []id.OrgID{a.Org.ID, b.Org.ID}, 2)})
	a.Say(&protocol.Endorse{Config: id.ConfigID(two.ID)})
	f := b.Case.NextConfig(b.Kid, []id.OrgID{b.Org.ID}, 1)
	cfg := id.ConfigID(b.Say(&protocol.Propose{Config: f}).ID)
	for _, lie := range []func(*protocol.Anchor){
		func(h *protocol.Anchor) { h.Past = []id.EntryID{id.EntryID(a.Case.ID())} },
		func(h *protocol.Anchor) { h.Kid = c.Kid },
		func(h *protocol.Anchor) { h.Seq++ },
		func(h *protocol.Anchor) { h.LC++ },
	} {
		m := b.Admission(c, protocol.Observer, "false")
		m.Hist = a.Case.FromNow(x.Org.ID, a.Org.ID)
		lie(&m.Hist[0])
		e := b.Write(entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &cfg, Deps: b.Case.Deps(b.Kid, id.Control)})
		if rule, _ := a.Case.Verdict(e.ID); rule != "config-not-in-chain" {
			t.Fatalf("the false one: %q", rule)
		}
	}
	m := a.Admission(x, protocol.Observer, "late")
	m.Hist = a.Case.FromNow(x.Org.ID, a.Org.ID)
	a.Act(m)
	note := a.Tell(protocol.Note, id.Everyone)
	var held []*entry.Sealed
	for _, e := range a.Held {
		if e != old {
			held = append(held, e)
		}
	}
	for seed := range uint64(20) {
		part := protocol.NewCase()
		if left := anyOrder(part, held, rand.New(rand.NewPCG(seed, 0))); left > 0 {
			t.Fatalf("seed %d: %d entries find no place", seed, left)
		}
		if got, ok := part.AnchorOf(note); !ok || !slices.Equal(got.Past, m.Hist[0].Past) || got.LC != m.Hist[0].LC {
			t.Errorf("seed %d: %+v", seed, got)
		}
		if rule, _ := part.Verdict(note.ID); rule != "" {
			t.Errorf("seed %d: the note is refused: %s", seed, rule)
		}
	}
}

// TestGivenLess: a member that is given less than the invite told is known, who is given
// as much as it told is not.
func TestGivenLess(t *testing.T) {
	for name, c := range map[string]struct{ told, given, less bool }{
		"all, and given all":                  {false, false, false},
		"all, and given from admission":       {false, true, true},
		"from admission, and given so":        {true, true, false},
		"from admission, and given all of it": {true, false, false},
	} {
		a, _, _, x := trio()
		a.Tell(protocol.Subject, id.Everyone)
		a.FromAdmission = c.told
		m := a.Admission(x, protocol.Observer, "late")
		if c.given {
			m.Hist = a.Case.FromNow(x.Org.ID, a.Org.ID)
		}
		e := a.Act(m)
		if rule, _ := a.Case.Verdict(e.ID); rule != "" {
			t.Fatalf("%s: %s", name, rule)
		}
		if got := a.Case.GivenLess(x.Org.ID); got != c.less {
			t.Errorf("%s: %v", name, got)
		}
	}
}
