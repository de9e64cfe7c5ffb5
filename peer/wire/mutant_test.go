package wire

import (
	"bytes"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/canon/canontest"
)

// TestFrameMutants: no mutant of a frame panics; one that is accepted is canonical
// and writes the same bytes again, one that is refused costs less than 64 KiB and a
// small multiple of its size. A million with CORDON_VOLUME=gate.
func TestFrameMutants(t *testing.T) {
	volume := 20_000
	if os.Getenv("CORDON_VOLUME") != "" {
		volume = 1_000_000
	}
	var corpus [][]byte
	for _, f := range samples() {
		corpus = append(corpus, Append(nil, f)[4:])
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	accepted := 0
	for i := range volume {
		b := canontest.Mutate(rng.IntN, corpus[rng.IntN(len(corpus))])
		var before, after runtime.MemStats
		weigh := i%100 == 0 // reading the statistics stops the world
		if weigh {
			runtime.ReadMemStats(&before)
		}
		f, err := Parse(b)
		if weigh {
			runtime.ReadMemStats(&after)
		}
		if used := after.TotalAlloc - before.TotalAlloc; err != nil && used > 64<<10+4*uint64(len(b)) {
			t.Errorf("%d bytes for a refused frame of %d: %x", used, len(b), b)
		}
		if err != nil {
			continue
		}
		accepted++
		if canon.Check(b) != nil || !bytes.Equal(Append(nil, f)[4:], b) {
			t.Errorf("accepted, and not what it reads as: %x", b)
		}
	}
	if accepted < volume/1000 {
		t.Errorf("%d of %d mutants are accepted: the test compares nothing", accepted, volume)
	}
}
