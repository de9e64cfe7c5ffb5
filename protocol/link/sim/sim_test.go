package sim_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cordon/protocol/link/sim"
)

// One history again, told step by step:
//
//	go test ./protocol/link/sim -run 'TestForks$' -seed 17
//
// More of them: CORDON_VOLUME=gate (.ci/run), and ten times that, CORDON_VOLUME=full (.ci/full).
var seedFlag = flag.Int64("seed", -1, "play this history alone, and tell it")

// many says whether more than a few histories are played, so that the rare ones are among them.
func many() bool { return os.Getenv("CORDON_VOLUME") != "" }

// volume is how many histories: few as a rule, gate or ten times that on demand.
func volume(few, gate int) int {
	switch os.Getenv("CORDON_VOLUME") {
	case "gate":
		return gate
	case "full":
		return 10 * gate
	}
	return few
}

// cast is made once: keys cost more than histories.
var cast = sync.OnceValue(func() *sim.Cast { return sim.NewCast(sim.MaxOrgs) })

// judge is a history's verdict.
type judge func(*sim.Script) (*sim.World, error)

func play(s *sim.Script) (*sim.World, error) {
	w := sim.Play(cast(), s, false)
	return w, sim.Check(w)
}

// hunt plays histories of a profile until one fails; it returns how often what a
// check is about was seen. few and gate are volumes.
func hunt(t *testing.T, p sim.Profile, j judge, few, gate int) map[string]int {
	t.Helper()
	if *seedFlag >= 0 {
		s := p.Draw(uint64(*seedFlag))
		if *saveFlag != "" {
			save(t, s, j)
		}
		_, err := j(s)
		t.Logf("%v\n%s", s, told(s))
		if err != nil {
			t.Errorf("seed %d: %v", s.Seed, err)
		}
		t.SkipNow()
	}
	var mu sync.Mutex
	seen := map[string]int{}
	n := volume(few, gate)
	failed := search(n, func(seed uint64) bool {
		w, err := j(p.Draw(seed))
		mu.Lock()
		defer mu.Unlock()
		for k, v := range w.Seen() {
			seen[k] += v
		}
		seen["histories"]++
		seen["acts"] += w.Acts()
		seen["entries"] += len(w.Entries())
		return err != nil
	})
	if failed >= 0 {
		report(t, p, j, uint64(failed))
	}
	t.Logf("seeds 0 to %d: %v", n-1, seen)
	return seen
}

// search plays seeds on all cores and returns the lowest that it found to fail;
// -1 when none does.
func search(n int, fails func(uint64) bool) int {
	var next, lowest atomic.Int64
	lowest.Store(int64(n))
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				seed := next.Add(1) - 1
				if seed >= lowest.Load() {
					return
				}
				if !fails(uint64(seed)) {
					continue
				}
				for old := lowest.Load(); seed < old && !lowest.CompareAndSwap(old, seed); {
					old = lowest.Load()
				}
			}
		})
	}
	wg.Wait()
	if lowest.Load() == int64(n) {
		return -1
	}
	return int(lowest.Load())
}

// report tells the shortest part of a failing history, and how to play it again.
func report(t *testing.T, p sim.Profile, j judge, seed uint64) {
	t.Helper()
	_, err := j(p.Draw(seed))
	small := sim.Shrink(p.Draw(seed), func(s *sim.Script) bool { _, err := j(s); return err != nil })
	_, why := j(small)
	t.Errorf("seed %d: %v\nagain: go test ./protocol/link/sim -run '%s$' -seed %d\nshortest: %v\n%v\n%s",
		seed, err, t.Name(), seed, why, small, told(small))
}

// told is what happened in a history.
func told(s *sim.Script) string { return strings.Join(sim.Play(cast(), s, true).Trace, "\n") }

// noticed says that a fault is found by the same histories, and by which invariant.
func noticed(t *testing.T, p sim.Profile, j judge, fault sim.Fault, by string, most int) {
	t.Helper()
	if *seedFlag >= 0 {
		return
	}
	p.Fault = fault
	var why atomic.Value
	seed := search(most, func(seed uint64) bool {
		_, err := j(p.Draw(seed))
		if err == nil || !strings.Contains(err.Error(), by) {
			return false
		}
		why.Store(fmt.Sprint(err))
		return true
	})
	if seed < 0 {
		t.Errorf("a daemon that %s: %d histories do not notice", fault, most)
		return
	}
	t.Logf("a daemon that %s: seed %d: %.150s", fault, seed, why.Load())
}

// some asks that histories had in them what a test is about.
func some(t *testing.T, seen map[string]int, what ...string) {
	t.Helper()
	for _, k := range what {
		if seen[k] == 0 {
			t.Errorf("no history had any %s", k)
		}
	}
}

var life = map[string]int{"status": 8, "fix": 2, "note": 6, "room": 1, "claim": 1, "confirm": 1, "address": 2, "exit": 1,
	"alive": 2, "admit": 5, "remove": 3, "propose": 3, "endorse": 6}

// with adds weights to others.
func with(a map[string]int, more map[string]int) map[string]int {
	out := map[string]int{}
	for k, v := range a {
		out[k] = v
	}
	for k, v := range more {
		out[k] = v
	}
	return out
}

// bargains are the acts by which an embargo is negotiated.
var bargains = map[string]int{"offer": 5, "answer": 12, "refute": 1, "end": 1}

var trouble = map[string]int{"part": 2, "heal": 2, "crash": 2, "restore": 1, "skew": 1, "recover": 1}

var lies = map[string]int{"fork": 3, "blurt": 8, "double": 3, "deafen": 1, "listen": 2, "hide": 2, "date": 2, "graft": 2,
	"copy": 2, "lie": 1, "status": 2, "note": 2, "propose": 2, "endorse": 2, "admit": 1}

// TestHistories plays everything at once (P3.1 to P3.11 and what else holds always).
func TestHistories(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{3, 6}, Cheats: 2, Opener: true, Steps: 50, Long: 4 * sim.Day, Every: 2 * sim.Hour,
		Delay: 30 * sim.Second, Loss: 0.3, Acts: with(life, trouble), Cheating: lies}
	seen := hunt(t, p, play, 15, 600)
	some(t, seen, "forks")
}

// TestNegotiations plays embargoes that are negotiated over the same network, by the same people.
func TestNegotiations(t *testing.T) {
	p := sim.Profile{Orgs: [2]int{3, 6}, Cheats: 2, Opener: true, Steps: 60, Long: 4 * sim.Day, Every: 2 * sim.Hour,
		Delay: 30 * sim.Second, Loss: 0.3, Acts: with(with(life, bargains), trouble), Cheating: with(lies, map[string]int{"offer": 2, "answer": 2})}
	seen := hunt(t, p, play, 15, 400)
	some(t, seen, "other terms in force", "open proposals")
}
