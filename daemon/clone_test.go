package daemon_test

import (
	"slices"
	"testing"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
)

// TestCloneStops is P8.4 with whole daemons: a copy of a home from before writes
// while it can reach nobody. The first member that it meets has what the home wrote
// since: the copy signs nothing more, and gives that member at most the one entry
// that proves the fork.
func TestCloneStops(t *testing.T) {
	t.Parallel()
	a, b := newOrg(t, "Narwhal", "coordinator"), newOrg(t, "Ocelot", "vendor")
	befriend(a, b)
	k := a.open("cloned", []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	agree(t, k, a, b)
	b.stop()
	old := b.copied()
	b.start()
	for _, what := range []string{"valid", "accept", "defer"} {
		if _, err := b.RM(t.Context(), k, what); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Say(t.Context(), k, api.Say{Text: "of today"}); err != nil {
		t.Fatal(err)
	}
	a.reads(k, "of today")
	agree(t, k, a, b)
	b.stop()
	a.stop()

	old.start()
	t.Cleanup(old.stop)
	mine := map[string]bool{}
	for _, what := range []string{"invalid", "valid"} {
		w, err := old.RM(t.Context(), k, what)
		if err != nil {
			t.Fatal(err)
		}
		mine[w.ID] = true
	}
	w, err := old.Say(t.Context(), k, api.Say{Text: "of the copy"})
	if err != nil {
		t.Fatal(err)
	}
	mine[w.ID] = true
	if n, err := old.Next(t.Context(), k); err != nil || n.Stopped != "" || len(n.May) == 0 {
		t.Errorf("before it notices: %+v, %v", n, err)
	}
	a.start()
	eventually(t, "the copy notices", func() bool {
		keys, err := old.Keys(t.Context())
		return err == nil && keys.State == "used-elsewhere" && keys.Fresh
	})
	if _, err := old.RM(t.Context(), k, "accept"); kindOf(err) != api.Fork {
		t.Errorf("the copy writes on: %v", err)
	}
	if _, err := old.Say(t.Context(), k, api.Say{Text: "more"}); kindOf(err) != api.Fork {
		t.Errorf("the copy writes on: %v", err)
	}
	if n, err := old.Next(t.Context(), k); err != nil || n.Stopped != "used-elsewhere" || len(n.May) != 0 ||
		n.Suggest[0].Command != "cordon key status" || !slices.Contains(n.Suggest[0].Or, "cordon key renew") {
		t.Errorf("what comes first: %+v, %v", n, err)
	}
	stays(t, "the member has at most one entry of the copy", 3*quick().Tags, func() bool {
		got := 0
		for _, l := range a.lines(k) {
			if mine[l.ID.String()] {
				got++
			}
		}
		return got <= 1
	})
	if v, err := old.Verify(t.Context(), ""); err != nil || v.Forks == 0 {
		t.Errorf("the copy does not hold what showed it: %+v, %v", v, err)
	}
}

// stays looks again and again, for as long as a few rounds of sync take.
func stays(t *testing.T, what string, long time.Duration, holds func() bool) {
	t.Helper()
	end := time.NewTimer(long)
	defer end.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-end.C:
			return
		case <-again.C:
			if !holds() {
				t.Fatalf("does not stay: %s", what)
			}
		}
	}
}

// TestRevokedIsCutOff is P8.2 with whole daemons: a thief who runs a copy of a
// steward's home, connected, loses its session as soon as the member hears of the
// revocation, and gets nothing more; what it decides then reaches nobody.
func TestRevokedIsCutOff(t *testing.T) {
	t.Parallel()
	a, b := newOrg(t, "Vicuna", "coordinator"), newOrg(t, "Wombat", "vendor")
	befriend(a, b)
	k := a.open("stolen", []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	agree(t, k, a, b)
	a.stop()
	thief := a.copied()
	thief.start()
	t.Cleanup(thief.stop)
	if _, err := b.Say(t.Context(), k, api.Say{Text: "for who comes as Vicuna"}); err != nil {
		t.Fatal(err)
	}
	thief.reads(k, "for who comes as Vicuna") // the test sees what a thief gets

	if _, err := daemon.RenewKey(t.Context(), a.home, daemon.RenewOptions{Reason: "stolen"}); err != nil {
		t.Fatal(err)
	}
	a.start()
	if _, err := a.Say(t.Context(), k, api.Say{Text: "with new keys"}); err != nil {
		t.Fatal(err)
	}
	b.reads(k, "with new keys")
	if _, err := b.Say(t.Context(), k, api.Say{Text: "for Vicuna alone"}); err != nil {
		t.Fatal(err)
	}
	a.reads(k, "for Vicuna alone")
	eventually(t, "the thief is alone", func() bool {
		p, err := thief.Peers(t.Context())
		return err == nil && len(p.Peers) == 1 && !p.Peers[0].Connected
	})
	if _, err := thief.Remove(t.Context(), k, "Wombat", "by the thief"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Say(t.Context(), k, api.Say{Text: "and later"}); err != nil {
		t.Fatal(err)
	}
	b.reads(k, "and later")
	if p, ok := a.sees(k, b); !ok || !p.Admitted {
		t.Errorf("what the thief decided has come: %+v", p)
	}
	for _, l := range thief.lines(k) {
		if l.Text == "for Vicuna alone" || l.Text == "with new keys" || l.Text == "and later" {
			t.Errorf("the thief has %q", l.Text)
		}
	}
	agree(t, k, a, b)
}
