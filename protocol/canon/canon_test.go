package canon_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/canon/canontest"
	"cordon/spec"

	"pgregory.net/rapid"
)

// corpus are the vectors of a family.
func corpus(t testing.TB, family string) []spec.Vector {
	t.Helper()
	f, err := spec.Read(family)
	if err != nil {
		t.Fatal(err)
	}
	return f.Vectors
}

// agree compares the walk with its oracle (P1.2).
func agree(t testing.TB, b []byte) {
	t.Helper()
	if err := canon.Check(b); (err == nil) != canontest.Oracle(b) && !canontest.BeyondOracle(b) {
		t.Fatalf("the walk says %v, the oracle %v, of %x", err, canontest.Oracle(b), b)
	}
}

// TestP12Corpus: the walk and decoding, encoding again and comparing agree on every vector.
func TestP12Corpus(t *testing.T) {
	for _, v := range append(corpus(t, "canon"), corpus(t, "entry")...) {
		agree(t, v.Hex)
	}
}

// TestP12Generated: whatever the encoder writes, the walk accepts, and any one
// byte after it or missing from it is refused.
func TestP12Generated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := canon.MustMarshal(value(t, canon.MaxDepth))
		if err := canon.Check(b); err != nil {
			t.Fatalf("%x: %v", b, err)
		}
		if err := canon.Check(append(b, 0)); !errors.Is(err, canon.ErrTrailing) {
			t.Fatalf("%x00: %v", b, err)
		}
		if err := canon.Check(b[:len(b)-1]); !errors.Is(err, canon.ErrTruncated) && !errors.Is(err, canon.ErrText) {
			t.Fatalf("%x: %v", b[:len(b)-1], err)
		}
	})
}

// value draws what the form allows, at most depth arrays and maps deep.
func value(t *rapid.T, depth int) any {
	kinds := 5
	if depth > 0 {
		kinds = 7
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.Uint64().Draw(t, "uint")
	case 1:
		return rapid.Int64().Draw(t, "int")
	case 2:
		return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
	case 3:
		return rapid.StringN(0, 40, 120).Draw(t, "text")
	case 4:
		return rapid.Bool().Draw(t, "bool")
	case 5:
		items := make([]any, rapid.IntRange(0, 4).Draw(t, "items"))
		for i := range items {
			items[i] = value(t, depth-1)
		}
		return items
	}
	m := map[int64]any{}
	for range rapid.IntRange(0, 4).Draw(t, "pairs") {
		m[rapid.Int64().Draw(t, "key")] = value(t, depth-1)
	}
	return m
}

// seedOf is CORDON_SEED, or a new one; both are printed.
func seedOf(t testing.TB) uint64 {
	seed, err := strconv.ParseUint(os.Getenv("CORDON_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("replay: CORDON_SEED=%d go test -run '^%s$' ./protocol/canon", seed, t.Name())
	return seed
}

// TestP12Mutants: the walk and the oracle agree on mutants of the corpus, a
// million of them with CORDON_VOLUME=gate, and every rule of the form refuses some.
func TestP12Mutants(t *testing.T) {
	seed := seedOf(t)
	all := append(corpus(t, "canon"), corpus(t, "entry")...)
	verdicts, volume := map[error]int{}, 50_000
	if os.Getenv("CORDON_VOLUME") != "" {
		volume = 1_000_000
	}
	for i := range volume {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		v := all[rng.IntN(len(all))]
		if len(v.Hex) > 4096 {
			continue
		}
		b := canontest.Mutate(rng.IntN, v.Hex)
		agree(t, b)
		verdicts[canon.Check(b)]++
	}
	if verdicts[nil] < 1000 {
		t.Errorf("only %d mutants are canonical: the mutator has no judgement to test", verdicts[nil])
	}
	for _, rule := range []error{canon.ErrTruncated, canon.ErrTrailing, canon.ErrHead, canon.ErrIndefinite, canon.ErrTag,
		canon.ErrFloat, canon.ErrSimple, canon.ErrText, canon.ErrKeyType, canon.ErrKeyOrder, canon.ErrKeyTwice, canon.ErrDepth} {
		if verdicts[rule] < 10 {
			t.Errorf("%v refuses %d mutants: the mutator does not reach it", rule, verdicts[rule])
		}
	}
	t.Logf("of %d mutants: %v", volume, verdicts)
}

// TestP12Control: the strictest decoder alone takes three kinds of bytes that
// the form forbids, and the comparison of TestP12Mutants sees it.
func TestP12Control(t *testing.T) {
	for name, b := range map[string][]byte{
		"an integer that could be shorter": {0x18, 0x01},
		"unsorted keys":                    {0xa2, 0x02, 0x00, 0x01, 0x00},
		"null":                             {0xf6},
	} {
		if !canontest.StrictDecoder(b) {
			t.Errorf("%s: the strict decoder now refuses it; the control is worth nothing", name)
		}
		if canon.Check(b) == nil || canontest.Oracle(b) {
			t.Errorf("%s: accepted", name)
		}
	}
	caught := 0
	for i := range 2000 {
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		b := canontest.Mutate(rng.IntN, []byte{0xa2, 0x01, 0x82, 0x02, 0x18, 0x40, 0x18, 0x40, 0x61, 'x'})
		if canontest.StrictDecoder(b) != canontest.Oracle(b) {
			caught++
		}
	}
	if caught < 20 {
		t.Errorf("the mutants tell the strict decoder from the oracle %d times of 2000", caught)
	}
}

// TestRefusalTakesNoMemory: no vector, however much it claims, costs the walk
// an allocation.
func TestRefusalTakesNoMemory(t *testing.T) {
	for _, v := range corpus(t, "canon") {
		b := []byte(v.Hex)
		if n := testing.AllocsPerRun(5, func() { _ = canon.Check(b) }); n > 0 {
			t.Errorf("%s: %v allocations", v.Name, n)
		}
	}
}

// TestUnmarshalTakesNoMemory: decoding a refused vector costs less than 64 KiB
// and its own size.
func TestUnmarshalTakesNoMemory(t *testing.T) {
	for _, v := range corpus(t, "canon") {
		if v.Verdict == spec.Valid {
			continue
		}
		var before, after runtime.MemStats
		var x any
		runtime.ReadMemStats(&before)
		err := canon.Unmarshal(v.Hex, &x)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; err == nil || used > 64<<10+uint64(len(v.Hex)) {
			t.Errorf("%s: %v, %d bytes", v.Name, err, used)
		}
	}
}

// shape is a structure as the code has them: one required id, one optional number.
type shape struct {
	ID    [4]byte `cbor:"1,keyasint"`
	Count uint64  `cbor:"2,keyasint,omitempty"`
	Data  []byte  `cbor:"3,keyasint"`
}

// TestUnmarshalOneEncoding: what the decoder forgives, Unmarshal does not: a
// value has one encoding.
func TestUnmarshalOneEncoding(t *testing.T) {
	good := []byte{0xa3, 1, 0x44, 1, 2, 3, 4, 2, 5, 3, 0x41, 9}
	var s shape
	if err := canon.Unmarshal(good, &s); err != nil || s.Count != 5 {
		t.Fatal(s, err)
	}
	for name, b := range map[string][]byte{
		"a short id":              {0xa2, 1, 0x43, 1, 2, 3, 3, 0x41, 9},
		"a long id":               {0xa2, 1, 0x45, 1, 2, 3, 4, 5, 3, 0x41, 9},
		"an id of numbers":        {0xa2, 1, 0x84, 1, 2, 3, 4, 3, 0x41, 9},
		"bytes of numbers":        {0xa2, 1, 0x44, 1, 2, 3, 4, 3, 0x81, 9},
		"a missing key":           {0xa1, 1, 0x44, 1, 2, 3, 4},
		"an optional key at zero": {0xa3, 1, 0x44, 1, 2, 3, 4, 2, 0, 3, 0x41, 9},
	} {
		if err := canon.Unmarshal(b, new(shape)); !errors.Is(err, canon.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	unknown := []byte{0xa3, 1, 0x44, 1, 2, 3, 4, 3, 0x41, 9, 4, 0}
	if err := canon.Unmarshal(unknown, new(shape)); !errors.Is(err, canon.ErrUnknownField) {
		t.Errorf("an unknown key: %v", err)
	}
}

// TestReader: each method reads its kind, and refuses every other by name.
func TestReader(t *testing.T) {
	b := []byte{0x05, 0x42, 1, 2, 0x61, 'x', 0x81, 0xf5, 0xa1, 0x18, 0x40, 0x20}
	r := canon.NewReader(b)
	n, err1 := r.Uint()
	s, err2 := r.Bytes()
	x, err3 := r.Text()
	items, err4 := r.Array()
	raw, err5 := r.Raw()
	pairs, err6 := r.Map()
	last := int64(-1)
	key, err7 := r.Key(&last)
	value, err8 := r.Raw()
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8); err != nil {
		t.Fatal(err)
	}
	have := fmt.Sprint(n, s, x, items, raw, pairs, key, value, r.Done(), r.Offset())
	if want := fmt.Sprint(5, []byte{1, 2}, "x", 1, []byte{0xf5}, 1, 64, []byte{0x20}, true, len(b)); have != want {
		t.Errorf("%s, want %s", have, want)
	}
	if _, err := canon.NewReader([]byte{0x60}).Uint(); !errors.Is(err, canon.ErrType) {
		t.Error(err)
	}
	if _, err := canon.NewReader([]byte{0x41, 0}).Fixed(2); !errors.Is(err, canon.ErrRange) {
		t.Error(err)
	}
	if _, err := canon.NewReader([]byte{0xd2, 0x80}).Array(); !errors.Is(err, canon.ErrTag) {
		t.Error(err)
	}
	if _, err := canon.NewReader([]byte{0x82, 0x00}).Array(); !errors.Is(err, canon.ErrTruncated) {
		t.Error("an array of two with one byte left:", err)
	}
	if _, err := canon.NewReader([]byte{0xa2, 0x00, 0x00, 0x01}).Map(); !errors.Is(err, canon.ErrTruncated) {
		t.Error("a map of two pairs with three bytes left:", err)
	}
}

// FuzzCheck: the walk never panics, and agrees with the oracle.
func FuzzCheck(f *testing.F) {
	for _, v := range corpus(f, "canon") {
		if len(v.Hex) <= 4096 {
			f.Add([]byte(v.Hex))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		agree(t, b)
		c := bytes.Clone(b)
		_ = canon.Check(b)
		if !bytes.Equal(b, c) {
			t.Error("the walk wrote to its input")
		}
	})
}
