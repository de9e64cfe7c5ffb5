package sim_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"cordon/protocol/entry"
	"cordon/protocol/link/sim"
)

// Volumes are those of the threat model's first tier: a tenth of the whole.

// TestForks is A2: two entries at one place, shown to disjoint members of a network
// with few links; one round of sync after it is whole, every honest member holds
// the proof, and the key is closed everywhere.
func TestForks(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{4, 7}, Cheats: 2, Steps: 16, Long: sim.Day, Every: 2 * sim.Hour, Delay: 2 * sim.Second, Loss: 0.2,
		All: true, Sparse: true, Prompt: true, Acts: map[string]int{"status": 3, "note": 3, "part": 3, "heal": 1, "address": 1},
		Cheating: map[string]int{"fork": 6, "blurt": 3, "note": 2, "status": 2, "hide": 1, "deafen": 1}}
	some(t, hunt(t, p, play, 25, 1000), "forks")
	noticed(t, p, play, sim.ShowsNoForks, "fork", 200)
	noticed(t, p, play, sim.ForgetsForks, "", 200)
}

// TestGrafts is A3: what was signed for one place is taken at no other.
func TestGrafts(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{4, 4}, Cheats: 1, Steps: 60, Long: 2 * sim.Day, Every: 2 * sim.Hour, Delay: sim.Second,
		Acts: life, Cheating: lies}
	seed := uint64(max(0, *seedFlag))
	taken, tried := grafts(p, seed, volume(5_000, 100_000))
	t.Logf("seed %d: %d attempts, %d taken", seed, tried, taken)
	if taken > 0 || tried == 0 {
		t.Errorf("%d of %d moved entries are taken; again: go test ./protocol/link/sim -run 'TestGrafts$' -seed %d", taken, tried, seed)
	}
	p.Fault = sim.SkipsSignatures
	if taken, tried := grafts(p, seed, 1000); taken == 0 {
		t.Errorf("a daemon that %s takes none of %d", p.Fault, tried)
	}
}

// grafts moves entries of one case to places of another, or of their own, all
// pairs by turns, and counts what a daemon takes.
func grafts(p sim.Profile, seed uint64, most int) (taken, tried int) {
	rng := rand.New(rand.NewPCG(seed, 3))
	w := sim.Play(cast(), p.Draw(seed), false)
	other := sim.Play(cast(), p.Draw(seed+1), false)
	corpus := append(w.Entries(), other.Entries()...)
	keys := sim.Keys(cast())
	for tried < most {
		x, y := corpus[rng.IntN(len(corpus))], w.Entries()[rng.IntN(len(w.Entries()))]
		to := rng.IntN(len(w.Nodes) - 1)
		for how := range 7 {
			raw := sim.Graft(x, y, how, keys[y.Kid])
			if e, err := entry.Parse(raw); err == nil && (e.ID == x.ID || e.ID == y.ID) {
				continue // it did not move, or y came with another signature
			}
			tried++
			if w.Offer(to, raw) {
				taken++
			}
		}
		tried += 2
		if x.CaseID() != y.CaseID() && w.Offer(to, x.Raw) || w.Offer(to, otherVersion(x.Raw)) {
			taken++
		}
	}
	return taken, tried
}

// otherVersion is an entry that says that it is of version 2.
func otherVersion(raw []byte) []byte {
	return bytes.Replace(raw, []byte{0x01, 0x01, 0x02, 0x58, 0x20}, []byte{0x01, 0x02, 0x02, 0x58, 0x20}, 1)
}

// TestTimes is A4, and P2.1: who lies about the time of what it writes moves no
// rule; the same history without those lies comes to the same case.
func TestTimes(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{3, 5}, Cheats: 2, Steps: 30, Long: 3 * sim.Day, Every: 3 * sim.Hour, Delay: 20 * sim.Second, Loss: 0.1,
		Acts:     with(life, map[string]int{"part": 1, "heal": 2}),
		Cheating: map[string]int{"date": 6, "blurt": 6, "status": 3, "note": 3, "claim": 1, "deafen": 1, "listen": 2, "endorse": 2, "propose": 2}}
	both := func(s *sim.Script) (*sim.World, error) {
		w, err := play(s)
		if err != nil {
			return w, err
		}
		truthful := *s
		truthful.Honest = true
		v := sim.Play(cast(), &truthful, false)
		if a, b := w.Shape(), v.Shape(); a != b {
			return w, errors.New("without the lies the case is another one: " + firstDifference(a, b))
		}
		return w, nil
	}
	hunt(t, p, both, 12, 1000)
	noticed(t, p, both, sim.TrustsTimes, "", 100)
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + " / " + y[i]
		}
	}
	return "one is longer"
}

// TestRemovals is A5: members are removed while they write, and go on writing.
func TestRemovals(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{3, 4}, Cheats: 1, Steps: 14, Long: sim.Day, Every: 4 * sim.Hour, Delay: sim.Hour, Loss: 0.1,
		Acts:     map[string]int{"remove": 6, "admit": 4, "status": 4, "note": 4, "claim": 1, "address": 1, "part": 2, "heal": 2, "exit": 1},
		Cheating: map[string]int{"blurt": 4, "status": 4, "note": 4, "deafen": 1, "listen": 1, "hide": 1, "claim": 1}}
	seen := hunt(t, p, play, 60, 10_000)
	some(t, seen, "told of its removal", "no-longer-a-member")
	if many() {
		some(t, seen, "removed")
	}
	noticed(t, p, play, sim.SkipsGate, "which is no member", 300)
	noticed(t, p, play, sim.DropsRefused, "", 300)
}

// TestStolenKeys is A6: a thief signs beside the organisation, which takes another
// key; the proof of the fork or the revocation decides, the same everywhere.
func TestStolenKeys(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{3, 4}, Thief: true, Steps: 20, Long: 2 * sim.Day, Every: 2 * sim.Hour, Delay: 20 * sim.Second, Loss: 0.1,
		Acts:     map[string]int{"admit": 3, "remove": 1, "status": 3, "note": 2, "recover": 2, "part": 2, "heal": 2, "propose": 1, "endorse": 2},
		Cheating: map[string]int{"blurt": 6, "fork": 2, "admit": 2, "remove": 2, "deafen": 1, "listen": 1, "date": 1, "hide": 1}}
	seen := hunt(t, p, play, 25, 2000)
	some(t, seen, "forks", "recovered", "recovered stewards")
	if many() {
		some(t, seen, "forked-authority", "revoked-authority")
	}
	noticed(t, p, play, sim.ShowsNoForks, "fork", 100)
	noticed(t, p, play, sim.IgnoresItsClone, "has signed without it", 300)
}

// TestClocks is F6: five daemons whose clocks jump by minutes, hours and ten
// years. The embargo ends for nobody by another's clock.
func TestClocks(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{5, 5}, Cheats: 1, Steps: 50, Long: 8 * sim.Day, Every: 4 * sim.Hour, Delay: 20 * sim.Second, Loss: 0.1,
		Acts: with(life, map[string]int{"skew": 12, "part": 1, "heal": 2, "crash": 1}), Cheating: map[string]int{"date": 3, "status": 1, "blurt": 1}}
	hunt(t, p, play, 12, 100)
	noticed(t, p, play, sim.ClockOfOthers, "embargo is over", 100)
	noticed(t, p, play, sim.TrustsTimes, "", 100)
}

// TestPresentSteward is P3.12: cheats that stop listening and let their clocks
// run ahead do not succeed a steward that is there.
func TestPresentSteward(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{5, 6}, All: true, Cheats: 2, Steps: 20, Long: 45 * sim.Day, Every: 12 * sim.Hour, Delay: 60 * sim.Second, Loss: 0.2,
		Acts: map[string]int{"status": 3, "note": 2, "crash": 1}, Cheating: map[string]int{"coup": 3, "abet": 4, "deafen": 1, "listen": 1, "alive": 2}}
	hunt(t, p, play, 6, 300)
	noticed(t, p, play, sim.NeverAlive, "succeeds it", 50)
}

// TestSilentSteward: who falls silent for good is succeeded by the members.
func TestSilentSteward(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{2, 5}, Steps: 6, Long: 45 * sim.Day, Every: 12 * sim.Hour, Delay: 60 * sim.Second, Loss: 0.2,
		Acts: map[string]int{"status": 3, "note": 2}, Fixed: []sim.Step{{At: sim.Day, Do: "vanish"}}}
	succeeded := func(s *sim.Script) (*sim.World, error) {
		w, err := play(s)
		if err == nil && w.Gone(0) && len(w.Outcome().Members) > 0 && w.Seen()["successions"] == 0 {
			err = errors.New("nobody succeeds the steward that is gone")
		}
		return w, err
	}
	some(t, hunt(t, p, succeeded, 8, 200), "successions")
}

// TestRestarts is D2, and I8: daemons crash, and old copies of their stores are
// restored; none signs two entries at one place, or votes twice.
func TestRestarts(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{3, 4}, Steps: 50, Long: 4 * sim.Day, Every: sim.Hour, Delay: 60 * sim.Second, Loss: 0.1,
		Acts: with(life, map[string]int{"crash": 12, "restore": 4, "recover": 1, "propose": 6, "endorse": 8})}
	hunt(t, p, play, 12, 500)
	noticed(t, p, play, sim.RestoresItsKey, "", 100)
	p.Acts = map[string]int{"restore": 6, "propose": 2, "endorse": 6}
	noticed(t, p, play, sim.GoesOnAtOnce, "voted for both", 500)
	p.Acts = with(life, map[string]int{"crash": 30})
	p.Delay = sim.Hour // and as long to the disk
	noticed(t, p, play, sim.SendsBeforeSync, "sign nothing twice", 200)
}

// TestStewards: who decides changes again and again, with some that vote twice.
func TestStewards(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{4, 4}, All: true, Cheats: 1, Steps: 50, Long: 6 * sim.Day, Every: 3 * sim.Hour, Delay: 60 * sim.Second, Loss: 0.2,
		Acts:     map[string]int{"propose": 2, "endorse": 24, "admit": 3, "remove": 3, "status": 2, "part": 4, "heal": 2, "claim": 1},
		Cheating: map[string]int{"double": 8, "endorse": 2, "propose": 1, "remove": 3, "admit": 3, "deafen": 1, "listen": 2},
		Fixed: []sim.Step{{At: 2 * sim.Hour, Do: "propose", Y: 1}, {At: 6 * sim.Hour, Do: "propose", Y: 2}, {At: 9 * sim.Hour, Who: 1, Do: "endorse"},
			{At: 4 * sim.Day, Do: "propose", Y: 3}, {At: 100 * sim.Hour, Who: 1, Do: "endorse"}, {At: 101 * sim.Hour, Who: 2, Do: "endorse"}}}
	seen := hunt(t, p, play, 20, 600)
	if many() {
		some(t, seen, "above-the-cut", "two certificates", "conflicts", "carried after a lapse")
	}
}

// TestVotesApart: honest stewards propose and endorse while they are parted, and one of
// them falls silent for good: the case gets stewards all the same.
func TestVotesApart(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{3, 5}, All: true, Steps: 30, Long: 75 * sim.Day, Every: 12 * sim.Hour, Delay: 60 * sim.Second, Loss: 0.2,
		Acts: map[string]int{"propose": 8, "endorse": 4, "status": 2, "part": 5, "heal": 9},
		Fixed: []sim.Step{{At: 2 * sim.Hour, Do: "propose", Y: 1}, {At: 4 * sim.Hour, Do: "propose", Y: 2}, {At: 6 * sim.Hour, Who: 1, Do: "endorse"},
			{At: 30 * sim.Day, Who: 1, Do: "vanish"}}}
	seen := hunt(t, p, play, 10, 300)
	some(t, seen, "votes that are not free")
	if many() {
		some(t, seen, "carried after a lapse")
	}
}

// TestSameScriptSameHistory: a seed replays to the byte.
func TestSameScriptSameHistory(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{5, 6}, Cheats: 2, Thief: true, Steps: 60, Long: 4 * sim.Day, Every: 2 * sim.Hour,
		Delay: 30 * sim.Second, Loss: 0.3, Acts: with(life, trouble), Cheating: lies}
	for seed := range uint64(2) {
		if a, b := told(p.Draw(seed)), told(p.Draw(seed)); a != b {
			t.Errorf("seed %d is told in two ways: %s", seed, firstDifference(a, b))
		}
	}
}
