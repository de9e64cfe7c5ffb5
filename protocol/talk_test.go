package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// TestTalk asks of random histories that are mostly content what TestHistories asks, and
// that each entry has the verdict that it would have alone: also those in the middle of a
// stretch, however terms, members, keys and what the author knows change around it.
func TestTalk(t *testing.T) {
	var all, stand atomic.Int64
	seeds(t, 40, func(seed uint64) string {
		h := talked(seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		for _, ask := range []property{converges, agrees, readAlone} {
			if d := ask(h, rng, protocol.NewCase); d != "" {
				return d
			}
		}
		c := fold(protocol.NewCase(), h.pool)
		all.Add(int64(c.Len()))
		stand.Add(int64(c.Len() - protocol.Judged(c)))
		return ""
	})
	if *oneSeed == 0 && stand.Load() < all.Load()/10 {
		t.Errorf("of %d entries another stands for %d: too few to say anything", all.Load(), stand.Load())
	}
}

// talked is a history in which who has done something talks about it.
func talked(seed uint64) *history {
	h := plays(random(seed), steady(), seed%3 == 0)
	for h.script = random(seed + 1<<33); len(h.script) > 0; {
		h.step()
		h.talk(h.ws[h.pick(len(h.ws))])
	}
	return h
}

// talk lets a daemon write several entries of content, one after the other: mostly notes
// for everybody, under the same terms and with nothing heard between.
func (h *history) talk(w *writer) {
	f := h.content(id.Everyone)
	if n := h.pick(3 * (len(h.rooms) + 1)); n < len(h.rooms) {
		f.Comp = h.rooms[n]
	}
	for range 2 + h.pick(6) {
		switch h.pick(10) {
		case 0:
			f.Agr = h.content(f.Comp).Agr
		case 1:
			f.Type = entry.Type(32 + h.pick(5)) // the last is not known
		case 2:
			h.learn(w)
		case 3:
			h.unknown(w, f)
			continue
		}
		h.write(w, f)
	}
}

// unknown writes content with a key that this version does not know.
func (h *history) unknown(w *writer, f entry.Fields) {
	n := len(h.pool)
	known := h.known
	h.known = protocol.NewCase() // must not fold it before it is marked
	h.known.Apply(h.pool[0])
	i := h.write(w, f)
	if h.known = known; i == n {
		h.pool[i].Unknown = true
		h.known.Apply(h.pool[i])
	}
}

// readAlone is that content is refused for its form if and only if its own form is so.
func readAlone(h *history, _ *rand.Rand, fresh func() *protocol.Case) string {
	c := fold(fresh(), h.pool)
	for i, e := range h.pool {
		if e.Control() {
			continue
		}
		_, known := protocol.KindName(e.Type)
		rule, _ := c.Verdict(e.ID)
		if strange := e.Unknown || !known; strange != (rule == "not-known-to-rules") {
			return fmt.Sprintf("entry %d, type %d, with unknown keys %v: %q", i, e.Type, e.Unknown, rule)
		}
	}
	return ""
}
