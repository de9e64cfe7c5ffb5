package peer_test

import (
	"testing"
	"time"

	"cordon/peer"
	"cordon/peer/peertest"
)

// TestSmallerDials: of two that can reach each other the smaller id dials, and they have
// one connection.
func TestSmallerDials(t *testing.T) {
	t.Parallel()
	schedule := peertest.Fast()
	schedule.Dial, schedule.DialMax = 2*time.Second, 2*time.Second
	orgs := newOrgsOn(t, 6, schedule)
	start(t, orgs...)
	peertest.Meet(orgs...)
	for _, o := range orgs {
		for _, p := range orgs {
			if o != p {
				until(t, "all have met", orgs, func() bool { return connected(o, p.ID) })
			}
		}
	}
	for _, o := range orgs {
		if all, smaller := o.Node.Conns(); all != len(orgs)-1 || smaller != all {
			t.Errorf("%d connections with %d others, %d of them dialled by the smaller id", all, len(orgs)-1, smaller)
		}
	}
}

// TestTurns: in a large case a difference of marks is looked into with some members.
func TestTurns(t *testing.T) {
	t.Parallel()
	const times = 10_000
	if n := peer.Turns(8, times); n != times {
		t.Errorf("in a case of 8: %d of %d", n, times)
	}
	if n := peer.Turns(80, times); n < times/20 || n > times/5 {
		t.Errorf("in a case of 80: %d of %d, not about a tenth", n, times)
	}
}
