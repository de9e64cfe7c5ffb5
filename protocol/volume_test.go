package protocol_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// volume is how much of a test is run: small as a rule, a tenth of full with
// CORDON_VOLUME=gate (.ci/run), full with CORDON_VOLUME=full (.ci/full).
func volume(small, full int) int {
	switch os.Getenv("CORDON_VOLUME") {
	case "gate":
		return max(small, full/10)
	case "full":
		return full
	}
	return small
}

// oneSeed replays one history of a property: go test ./protocol -run '^TestX$' -seed 7
var oneSeed = flag.Uint64("seed", 0, "run a property with this seed only")

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("CORDON_VOLUME") == "" {
		if err := flag.Set("rapid.checks", "20"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	os.Exit(m.Run())
}

// seeds asks a property of small random histories, or of 10,000 at full volume:
// check says what is wrong with the history of a seed.
func seeds(t *testing.T, small int, check func(seed uint64) string) {
	t.Helper()
	if *oneSeed != 0 {
		if d := check(*oneSeed); d != "" {
			t.Fatalf("seed %d: %s", *oneSeed, d)
		}
		return
	}
	if seed, d := firstOf(uint64(volume(small, 10_000)), check); d != "" {
		t.Fatalf("seed %d: %s\nreplay: go test ./protocol -run '^%s$' -seed %d", seed, d, t.Name(), seed)
	}
}

// notices is the control of a property: with a rule switched off, some history
// breaks it. hint is the seed of one; where histories have changed since it was
// noted, the first 3,000 are searched.
func notices(t *testing.T, rule string, hint uint64, check func(seed uint64) string) {
	t.Helper()
	if check(hint) != "" {
		return
	}
	seed, d := firstOf(3000, check)
	if d == "" {
		t.Errorf("without %q no history breaks the property", rule)
		return
	}
	t.Logf("without %q: seed %d, no longer %d", rule, seed, hint)
}

// firstOf runs seeds 1 to n, several at a time, until one of them fails.
func firstOf(n uint64, check func(seed uint64) string) (seed uint64, what string) {
	var next atomic.Uint64
	var mu sync.Mutex
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for s := next.Add(1); s <= n; s = next.Add(1) {
				d := check(s)
				if d == "" {
					continue
				}
				next.Store(n)
				mu.Lock()
				if seed == 0 || s < seed {
					seed, what = s, d
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return seed, what
}
