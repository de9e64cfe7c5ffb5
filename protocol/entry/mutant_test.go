package entry_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/canon/canontest"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/spec"
)

// parts are what an entry of the corpus is made of.
type parts struct{ prot, payload, sig []byte }

func (p parts) join(unprotected byte) []byte {
	b := []byte{0x84}
	b = append(b, canon.MustMarshal(p.prot)...)
	b = append(b, unprotected)
	b = append(b, canon.MustMarshal(p.payload)...)
	return append(b, canon.MustMarshal(p.sig)...)
}

// corpus are the valid entries of the vectors, apart from the largest.
func corpus(t testing.TB) []parts {
	t.Helper()
	var all []parts
	for _, v := range vectors(t) {
		if v.Verdict != spec.Valid || len(v.Hex) > 2048 {
			continue
		}
		r := canon.NewReader(v.Hex)
		_, err1 := r.Array()
		prot, err2 := r.Bytes()
		_, err3 := r.Map()
		payload, err4 := r.Bytes()
		sig, err5 := r.Bytes()
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(v.Name, err)
		}
		all = append(all, parts{prot, payload, sig})
	}
	return all
}

// mutant is number i of a seed: a damaged payload, header or envelope.
func mutant(seed, i uint64, all []parts) []byte {
	rng := rand.New(rand.NewPCG(seed, i))
	p := all[rng.IntN(len(all))]
	switch rng.IntN(8) {
	case 0:
		p.prot = canontest.Mutate(rng.IntN, p.prot)
	case 1, 2:
		return canontest.Mutate(rng.IntN, p.join(0xa0))
	default:
		p.payload = canontest.Mutate(rng.IntN, p.payload)
	}
	return p.join(0xa0)
}

// volume is 50,000 mutants, or a million with CORDON_VOLUME=gate.
func volume() uint64 {
	if os.Getenv("CORDON_VOLUME") != "" {
		return 1_000_000
	}
	return 50_000
}

// setting reads a number of the environment.
func setting(name string, otherwise uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// TestMutants: no mutant panics, and what is accepted is canonical
// in envelope, header and payload by the oracle's judgement.
//
//	CORDON_VOLUME=gate go test -run '^TestMutants$' -v ./protocol/entry     a million
//	CORDON_SEED=7 CORDON_MUTANT=12 go test -run '^TestMutants$' ./protocol/entry   one of them
func TestMutants(t *testing.T) {
	seed, all := setting("CORDON_SEED", rand.Uint64()), corpus(t)
	first, end := uint64(0), volume()
	if os.Getenv("CORDON_MUTANT") != "" {
		first = setting("CORDON_MUTANT", 0)
		end = first + 1
	}
	accepted, at := 0, first
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("panic: %v", r)
		}
		if t.Failed() {
			t.Logf("replay: CORDON_SEED=%d CORDON_MUTANT=%d go test -run '^TestMutants$' ./protocol/entry", seed, at)
		}
	}()
	for ; at < end; at++ {
		raw := mutant(seed, at, all)
		s, err := entry.Parse(raw)
		if err == nil {
			accepted++
			soundParts(t, s, raw)
		} else if s != nil || !named(err) {
			t.Fatalf("an error without a rule's name, or an entry beside it: %v", err)
		}
	}
	t.Logf("seed %d: %d mutants, %d accepted, all of them canonical", seed, end-first, accepted)
	if first == 0 && accepted < int(end/1000) {
		t.Error("almost none is accepted: the test compares nothing")
	}
}

// soundParts asks the oracle about every part of an accepted entry.
func soundParts(t *testing.T, s *entry.Sealed, raw []byte) {
	t.Helper()
	r := canon.NewReader(raw)
	_, err1 := r.Array()
	prot, err2 := r.Bytes()
	_, err3 := r.Map()
	payload, err4 := r.Bytes()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{raw, prot, payload} {
		if !canontest.Oracle(b) && !canontest.BeyondOracle(b) {
			t.Fatalf("accepted, and not canonical: %x", b)
		}
	}
	// Nothing but the known header has that kid and role.
	want, _ := cose.Seal(cose.Entry, key(1), payload)
	if len(want) != len(raw) || !bytes.Equal(want[:9], raw[:9]) {
		t.Fatalf("another header: %x", prot)
	}
	if s.LC > entry.MaxTime || len(s.Deps) > entry.MaxDeps || s.Type == 0 {
		t.Fatalf("beyond the limits: %+v", s.Fields)
	}
}

// named says whether an error is one of the rules.
func named(err error) bool {
	if canon.Is(err) {
		return true
	}
	for _, rule := range []error{cose.ErrProfile, cose.ErrRole, entry.ErrSize, entry.ErrField, entry.ErrMissing,
		entry.ErrPlane, entry.ErrGenesis, entry.ErrDepsOrder, entry.ErrSeqLimit} {
		if errors.Is(err, rule) {
			return true
		}
	}
	return false
}

// TestMutantsControl: were the strictest decoder the check, the same mutants
// would find payloads that it takes and that are not canonical.
func TestMutantsControl(t *testing.T) {
	all, caught := corpus(t), 0
	for i := range uint64(5000) {
		r := canon.NewReader(mutant(1, i, all))
		_, err1 := r.Array()
		_, err2 := r.Bytes()
		_, err3 := r.Map()
		payload, err4 := r.Bytes()
		if errors.Join(err1, err2, err3, err4) == nil && canontest.StrictDecoder(payload) && !canontest.Oracle(payload) {
			caught++
		}
	}
	if caught < 50 {
		t.Errorf("%d of 5000 mutants would catch a lenient reader", caught)
	}
	t.Logf("%d of 5000 mutants catch the strictest decoder", caught)
}

// overhead is what a parsed entry costs beside its bytes: the value itself, its ids.
const overhead = 2 << 10

// memory is what one call of Parse allocates: the least of two, for the runtime counts
// what it allocates itself meanwhile.
func memory(raw []byte) uint64 {
	least := uint64(math.MaxUint64)
	for range 2 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = entry.Parse(raw)
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}

// TestP15: memory stays below 4 × the input and a small constant, for vectors
// and mutants, accepted or not; a refusal stays below 64 KiB and the input.
func TestP15(t *testing.T) {
	worst := 0.0
	judge := func(name string, raw []byte) {
		used := memory(raw)
		if used > 4*uint64(len(raw))+overhead {
			t.Errorf("%s: %d bytes for an input of %d", name, used, len(raw))
		}
		if _, err := entry.Parse(raw); err != nil && used > 64<<10+uint64(len(raw)) {
			t.Errorf("%s: %d bytes for a refused input of %d", name, used, len(raw))
		}
		worst = max(worst, float64(used)/float64(len(raw)+overhead))
	}
	for _, v := range vectors(t) {
		judge(v.Name, v.Hex)
	}
	seed, all := setting("CORDON_SEED", rand.Uint64()), corpus(t)
	for i := range uint64(2000) {
		judge("CORDON_SEED="+strconv.FormatUint(seed, 10)+" mutant "+strconv.FormatUint(i, 10), mutant(seed, i, all))
	}
	t.Logf("at worst %.2f × (input + %d)", worst, overhead)
}

// FuzzParseEntry: no input panics; what is accepted is canonical, within the
// limits, and has an id that its signature does not change.
func FuzzParseEntry(f *testing.F) {
	for _, v := range vectors(f) {
		if len(v.Hex) <= 4096 {
			f.Add([]byte(v.Hex))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := entry.Parse(raw)
		if err != nil {
			if !named(err) {
				t.Fatalf("an error without a rule's name: %v", err)
			}
			return
		}
		if canon.Check(raw) != nil || len(raw) > entry.MaxControl {
			t.Fatalf("accepted %x", raw)
		}
		resigned := bytes.Clone(raw)
		resigned[len(raw)-1] ^= 1
		if again, err := entry.Parse(resigned); err != nil || again.ID != s.ID {
			t.Fatalf("another signature: %v", err)
		}
	})
}
