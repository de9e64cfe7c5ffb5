package daemon_test

import (
	"testing"
	"time"

	"cordon/daemon/api"
)

// TestClockAhead: people are told whose entries are dated ahead of their own clock, and
// nobody else; what stands does not change.
func TestClockAhead(t *testing.T) {
	a, b := newOrg(t, "Alnus", "coordinator"), newOrg(t, "Betula", "vendor")
	befriend(a, b)
	k := a.open("skewed", []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	show := func(o *org) *api.Case {
		c, err := o.Case(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	b.ahead.Store(int64(9 * time.Minute))
	if _, err := b.RM(t.Context(), k, "valid"); err != nil {
		t.Fatal(err)
	}
	agree(t, k, a, b)
	if got := show(a).Ahead; len(got) != 0 {
		t.Errorf("nine minutes are told of: %v", got)
	}
	b.ahead.Store(int64(72 * time.Hour))
	if _, err := b.RM(t.Context(), k, "accept"); err != nil {
		t.Fatal(err)
	}
	agree(t, k, a, b)
	if got := show(a).Ahead; len(got) != 1 || got[0].Org != b.id || got[0].T.Before(a.now().Add(71*time.Hour)) {
		t.Errorf("three days: %v", got)
	}
	if got := show(b).Ahead; len(got) != 0 {
		t.Errorf("by its own clock: %v", got)
	}
	ahead := 0
	for _, l := range a.lines(k) {
		if l.Ahead {
			ahead++
		}
		if l.Ahead && l.Org != b.id || l.Refused != "" {
			t.Errorf("%+v", l)
		}
	}
	if ahead == 0 {
		t.Error("no line of the log is marked")
	}
}
