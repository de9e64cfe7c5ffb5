package protocol_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/protocol"
)

// TestChronicle: the events come in their order, each state has its time, and the order in
// which the entries are given changes nothing.
func TestChronicle(t *testing.T) {
	s := newNegotiation()
	all := slices.Clone(inOrder(s.a))
	first, last := ^uint64(0), uint64(0)
	for _, e := range all {
		first, last = min(first, e.T), max(last, e.T)
	}
	until := last + 1000
	h := protocol.Chronicled(all, until)
	if h.History() != "V" {
		t.Errorf("history %q", h.History())
	}
	sum := func(m protocol.Spent[string]) (n uint64) {
		for _, ms := range m {
			n += ms
		}
		return n
	}
	if got := sum(h.CS); got != until-first {
		t.Errorf("the case state lasted %d ms in all, the case %d", got, until-first)
	}
	if h.Embargo[protocol.EMExited] < 1000 || h.Embargo[protocol.EMActive] == 0 && first != last {
		t.Errorf("embargo %v", h.Embargo)
	}
	for range 5 {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		again := protocol.Chronicled(all, until)
		if !slices.Equal(again.Events, h.Events) || !maps.Equal(again.CS, h.CS) || !maps.Equal(again.Embargo, h.Embargo) {
			t.Fatalf("another order gives %v, not %v", again, h)
		}
	}
}
