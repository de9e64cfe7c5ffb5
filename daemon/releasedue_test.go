package daemon

import (
	"slices"
	"strings"
	"testing"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/link"
)

// TestReleaseNotice: what each is told before the instant and at it, by its own clock.
func TestReleaseNotice(t *testing.T) {
	a, b := link.NewDaemon(nil, "Lead"), link.NewDaemon(nil, "Vendor")
	b.Case, b.Held = a.Case, a.Held
	a.Open("notice", link.Terms(), protocol.Coordinator) // an embargo of 45 days
	a.Admit(b, protocol.MitigatingVendor)
	const day = 24 * 3600 * 1000
	instant := link.Start + 46*day
	told := func(d *link.Daemon, at uint64, text string, rank int) {
		t.Helper()
		x := &adviser{k: d.Case, now: api.Instant(at), embargo: d.Case.Embargo()}
		x.us.Org = d.Org.ID
		x.release()
		if text == "" && len(x.all) > 0 || text != "" && (len(x.all) != 1 || !strings.Contains(x.all[0].Text, text) || x.all[0].rank != rank) {
			t.Errorf("told at %d: %+v, want %q", int64(at-instant), x.all, text)
		}
	}
	told(b, link.Start, "", 0)
	plan := a.Act(&protocol.ReleasePlan{At: instant})
	told(a, instant-3*day, "1 not ready", rankIf)
	told(b, instant-3*day, "1 not ready; say whether we are ready", rankAnswer)
	told(b, instant+1, "we have not said that we are ready", rankClock)
	told(a, instant+1, "the instant has come: publish from ", rankClock)
	b.Say(&protocol.ReleaseReady{Plan: plan.ID, State: protocol.ReadyToRelease})
	told(b, instant-1, "0 not ready", rankIf)
	told(b, instant, "0 not ready", rankIf)
	told(b, instant+1, "the instant has come: publish from ", rankClock)
	told(b, instant+day, "the instant has come: publish; once", rankClock)

	// The embargo binds beyond the instant: the plan releases nobody.
	a.Act(&protocol.ReleasePlan{At: link.Start + 40*day})
	told(b, link.Start+41*day, "the embargo still binds: do not publish", rankClock)
	told(b, link.Start+45*day, "we have not said that we are ready", rankClock)

	// Public is public: there is nothing left to wait for.
	a.Say(&protocol.Claim{What: protocol.Public})
	if claims := a.Case.Claims(); !slices.ContainsFunc(claims, func(c protocol.Assertion) bool { return c.Confirmed }) {
		a.Act(&protocol.Confirm{Claim: claims[0].ID})
	}
	told(b, link.Start+45*day, "", 0)
	told(a, link.Start+45*day, "", 0)
}
