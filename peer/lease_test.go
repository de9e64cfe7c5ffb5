package peer_test

import (
	"sync/atomic"
	"testing"
	"time"

	"cordon/peer/peertest"
	"cordon/protocol"
)

// TestLeaseStopsBodies is P5.5: where no steward was heard for long, or a clock has
// stepped back, control entries flow between members and bodies do not; once the time
// is known again, they do.
func TestLeaseStopsBodies(t *testing.T) {
	t.Parallel()
	orgs := newOrgs(t, 3)
	a, b, c3 := orgs[0], orgs[1], orgs[2]
	var back atomic.Int64
	for _, o := range []*peertest.Org{b, c3} {
		o.Clock = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
	}
	peertest.Meet(orgs...)
	start(t, orgs...)
	c := must(a.Open())(t)
	admit(t, c, a, b)
	admit(t, c, a, c3)
	same(t, c, orgs...)
	n := must(b.Note(c, []byte("with a lease")))(t)
	reads(t, c, n.ID, []byte("with a lease"), c3)
	until(t, "the steward was heard", orgs, func() bool { return !b.Node.StewardHeard(c).IsZero() && !c3.Node.StewardHeard(c).IsZero() })
	if err := a.Stop(); err != nil {
		t.Fatal(err)
	}
	until(t, "the steward is gone", orgs, func() bool { return !connected(b, a.ID) && !connected(c3, a.ID) })
	back.Store(int64(time.Hour))
	n = must(b.Note(c, []byte("without one")))(t)
	must(b.Write(c, &protocol.Status{RM: protocol.RMValid}))(t)
	same(t, c, b, c3)
	if raw, err := c3.Body(c, n.ID); err == nil {
		t.Fatalf("a body came without a lease: %q", raw)
	}
	back.Store(0)
	reads(t, c, n.ID, []byte("without one"), c3)
}
