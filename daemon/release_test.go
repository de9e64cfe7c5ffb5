package daemon

import (
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/link"
)

// TestBarrier: what each daemon makes of a plan by its own clock.
func TestBarrier(t *testing.T) {
	a, b := link.NewDaemon(nil, "Lead"), link.NewDaemon(nil, "Vendor")
	b.Case, b.Held = a.Case, a.Held
	a.Open("barrier", link.Terms(), protocol.Coordinator) // an embargo of 45 days
	a.Admit(b, protocol.MitigatingVendor)
	const day = 24 * 3600 * 1000
	show := func(at uint64) *api.Release {
		out := &api.Release{}
		if planned := showRelease(out, a.Case, api.Instant(at)); planned != (out.Plan != nil) {
			t.Errorf("planned: %v, %+v", planned, out)
		}
		return out
	}
	if r := show(link.Start); r.State != "none" || r.Schema != "cordon.release/1" || r.Answers == nil {
		t.Errorf("nothing is planned: %+v", r)
	}
	instant := link.Start + 45*day
	plan := a.Act(&protocol.ReleasePlan{At: instant})
	for _, tc := range []struct {
		at    uint64
		ready bool
		state string
	}{
		{instant - 1, false, "planned"}, {instant, false, "planned"}, {instant + 1, false, "due"},
		{instant - 1, true, "ready"}, {instant, true, "ready"}, {instant + 1, true, "due"},
	} {
		if tc.ready && !func() bool { r, _ := a.Case.Release(); return r.Ready() }() {
			b.Say(&protocol.ReleaseReady{Plan: plan.ID, State: protocol.ReadyToRelease})
		}
		r := show(tc.at)
		if r.State != tc.state || r.From.Sub(*r.At) != 5*time.Minute || r.Embargo != "with-release" {
			t.Errorf("%d after the instant, ready %v: %+v", int64(tc.at-instant), tc.ready, r)
		}
	}
	a.Act(&protocol.ReleasePlan{At: instant - 1})
	if r := show(link.Start); r.Embargo != "after-release" || r.State != "planned" {
		t.Errorf("the embargo ends later: %+v", r)
	}
	a.Act(&protocol.ReleasePlan{At: instant + 1})
	if r := show(link.Start); r.Embargo != "before-release" {
		t.Errorf("the embargo ends sooner: %+v", r)
	}
	a.Say(&protocol.EmbargoEnd{Code: 1})
	if r := show(link.Start); r.Embargo != "none" || r.State != "planned" {
		t.Errorf("the embargo is over: %+v", r)
	}
}
