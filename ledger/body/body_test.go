package body

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

var place = AAD{Case: id.CaseID{1}, Kid: id.Kid{2}, Comp: id.Everyone, Seq: 7, Type: 33}

// drawn is a reader of repeatable random bytes.
func drawn(seed byte) io.Reader { return rand.NewChaCha8([32]byte{seed}) }

func someHead() Head {
	return Head{Label: 4, Sharing: 1, Agr: id.AgrID{9}}
}

// kept is a body as a store holds it.
type kept struct {
	*Sealed
	chunks [][]byte
}

func (k kept) open(at AAD) ([]byte, error) {
	_, raw, err := OpenBytes(k.Ref, k.Hashes, k.CEK, at, k.chunks)
	return raw, err
}

func sealed(t testing.TB, h Head, raw []byte) kept {
	t.Helper()
	s, chunks, err := SealBytes(h, raw, place, drawn(1))
	if err != nil {
		t.Fatal(err)
	}
	return kept{s, chunks}
}

func TestPadme(t *testing.T) {
	// The values up to 64 from the definition in PURBs §4, by a slower way: the
	// least number not below n whose bits under the top floor(log2 floor(log2 n))+1 are zero.
	for n := uint64(2); n < 1<<16; n++ {
		e := 0
		for n>>(e+1) > 0 {
			e++
		}
		s := 0
		for e>>s > 0 {
			s++
		}
		step := uint64(1) << (e - s)
		want := (n + step - 1) / step * step
		if got := Padme(n); got != want {
			t.Fatalf("Padme(%d) = %d, want %d", n, got, want)
		}
	}
	for n, want := range map[uint64]uint64{0: 0, 1: 1, 2: 2, 9: 10, 100: 104, 1000: 1024, 1 << 20: 1 << 20,
		MaxRaw + maxHead: 264 << 20} {
		if got := Padme(n); got != want {
			t.Errorf("Padme(%d) = %d, want %d", n, got, want)
		}
	}
	if n, err := Count(264<<20 + 264*Overhead); n != 264 || err != nil {
		t.Errorf("the largest body: %d chunks, %v", n, err)
	}
}

func TestPadmeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(2, 1<<40).Draw(t, "n")
		p := Padme(n)
		if p < n || Padme(p) != p || float64(p-n) > 0.12*float64(n) {
			t.Fatalf("Padme(%d) = %d", n, p)
		}
		if m := rapid.Uint64Range(n, 1<<40).Draw(t, "m"); Padme(m) < p {
			t.Fatalf("not monotone: %d -> %d, %d -> %d", n, p, m, Padme(m))
		}
	})
}

func TestCount(t *testing.T) {
	const full = ChunkSize + Overhead
	for _, c := range []struct {
		size uint64
		n    int
	}{{17, 1}, {full - 1, 1}, {full, 1}, {full + 17, 2}, {2 * full, 2}, {entry.MaxBody, 265}} {
		n, err := Count(c.size)
		if n != c.n || err != nil {
			t.Errorf("Count(%d) = %d, %v", c.size, n, err)
		}
		var sum uint64
		for i := range n {
			l, err := ChunkLen(c.size, i)
			if err != nil {
				t.Fatal(err)
			}
			sum += uint64(l)
		}
		if sum != c.size {
			t.Errorf("size %d: chunks sum to %d", c.size, sum)
		}
	}
	for _, size := range []uint64{0, 1, 16, full + 1, full + 16, entry.MaxBody + 1, 1 << 63} {
		if _, err := Count(size); !errors.Is(err, ErrSize) {
			t.Errorf("Count(%d): %v", size, err)
		}
	}
	for _, i := range []int{-1, 1} {
		if _, err := ChunkLen(17, i); !errors.Is(err, ErrSize) {
			t.Errorf("ChunkLen(17, %d): %v", i, err)
		}
	}
}

// Golden: fixed seeds give fixed bytes. Changing this changes the format.
func TestGolden(t *testing.T) {
	aad := "85" + // [
		"5820" + "01" + hex.EncodeToString(make([]byte, 31)) + // case
		"5820" + "02" + hex.EncodeToString(make([]byte, 31)) + // kid
		"01" + "07" + "1821" // comp 1, seq 7, type 33 ]
	if got := hex.EncodeToString(place.encode()); got != aad {
		t.Errorf("aad %s", got)
	}
	if got := hex.EncodeToString(nonce(258, true)); got != "000000000000010200000001" {
		t.Errorf("nonce %s", got)
	}
	k := sealed(t, someHead(), []byte("hello"))
	head := "a4" + "0104" + "0201" + "035820" + "09" + hex.EncodeToString(make([]byte, 31)) + "0405"
	if got := hex.EncodeToString(k.head); got != head {
		t.Errorf("head %s", got)
	}
	// 42 bytes of head and 5 of text are 47, padded to 48, and the tag.
	if k.Ref.Size != 48+Overhead {
		t.Errorf("size %d", k.Ref.Size)
	}
	text := append(append(bytes.Clone(k.head), "hello"...), 0)
	want := newAEAD(k.CEK).Seal(nil, nonce(0, true), text, place.encode())
	if !bytes.Equal(k.chunks[0], want) {
		t.Errorf("chunk %x", k.chunks[0])
	}
	h0 := sha256.Sum256(want)
	if k.Ref.Hash != sha256.Sum256(h0[:]) {
		t.Error("content hash")
	}
	if k.Ref.KC != sha256.Sum256(append([]byte("cordon-kc/1"), k.CEK[:]...)) {
		t.Error("key commitment")
	}
	comp := place
	comp.Comp = id.Comp{5}
	if b := comp.encode(); len(b) != len(place.encode())+33 || canon.Check(b) != nil {
		t.Errorf("aad of a compartment %x", b)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 2000), rapid.IntRange(ChunkSize-200, ChunkSize+200),
			rapid.IntRange(2*ChunkSize-200, 3*ChunkSize)).Draw(t, "n")
		raw := make([]byte, n)
		src := rand.NewChaCha8([32]byte{rapid.Byte().Draw(t, "seed")})
		src.Read(raw)
		h := Head{Label: 2, Sharing: 1, Agr: id.AgrID{1}, Title: "Heap over-read", File: "report.txt", Media: "text/plain",
			Answers: []id.EntryID{{3}, {1}}, Salt: &[32]byte{8}}
		s, chunks, err := SealBytes(h, raw, place, src)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		got, r, err := Open(s.Ref, s.Hashes, s.CEK, place, func(i int) ([]byte, error) {
			if i != calls {
				t.Fatalf("chunk %d asked as number %d", i, calls)
			}
			calls++
			return chunks[i], nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "slowly") {
			r = iotest.HalfReader(r)
		}
		var out bytes.Buffer
		if _, err := out.ReadFrom(r); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), raw) || calls != len(chunks) {
			t.Fatal("another text")
		}
		if got.Title != h.Title || got.File != h.File || got.Media != h.Media || got.Size != uint64(n) ||
			!slices.Equal(got.Answers, h.Answers) || *got.Salt != *h.Salt || got.Agr != h.Agr || got.Label != 2 {
			t.Fatalf("another head: %+v", got)
		}
	})
}

func TestStreamedSealing(t *testing.T) {
	raw := bytes.Repeat([]byte("0123456789abcdef"), 3*ChunkSize/16)
	raw = raw[:len(raw)-5]
	h := someHead()
	h.Size = uint64(len(raw))
	once, err := Seal(h, iotest.OneByteReader(bytes.NewReader(raw[:ChunkSize/8])), place, drawn(1), nil)
	if !errors.Is(err, ErrLength) || once != nil {
		t.Fatalf("too few bytes: %v", err)
	}
	s, err := Seal(h, bytes.NewReader(raw), place, drawn(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	k := kept{Sealed: s}
	keep := func(i int, ct []byte) error {
		if i != len(k.chunks) {
			t.Fatalf("chunk %d", i)
		}
		k.chunks = append(k.chunks, bytes.Clone(ct))
		return nil
	}
	if err := s.Again(iotest.DataErrReader(bytes.NewReader(raw)), keep); err != nil {
		t.Fatal(err)
	}
	if got, err := k.open(place); err != nil || !bytes.Equal(got, raw) {
		t.Fatalf("opened: %v", err)
	}
	// A file that changed between the two passes is not sealed under the same nonce.
	k.chunks = nil
	raw[ChunkSize+1] ^= 1
	if err := s.Again(bytes.NewReader(raw), keep); !errors.Is(err, ErrHash) || len(k.chunks) != 1 {
		t.Fatalf("changed file: %v, %d chunks", err, len(k.chunks))
	}
}

func TestSealRefuses(t *testing.T) {
	broken := errors.New("disk")
	for name, c := range map[string]struct {
		size uint64
		raw  io.Reader
		want error
	}{
		"one byte too many, padded":   {2, bytes.NewReader(make([]byte, 3)), ErrLength},
		"one byte too many, unpadded": {6, bytes.NewReader(make([]byte, 7)), ErrLength}, // head 42: 48 needs no padding
		"one byte too few":            {4, bytes.NewReader(make([]byte, 3)), ErrLength},
		"read error":                  {4, iotest.ErrReader(broken), broken},
		"too large":                   {MaxRaw + 1, bytes.NewReader(nil), ErrHead},
	} {
		h := someHead()
		h.Size = c.size
		if _, err := Seal(h, c.raw, place, drawn(1), nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Seal(someHead(), bytes.NewReader(nil), place, bytes.NewReader(make([]byte, 31)), nil); err == nil {
		t.Error("31 random bytes made a key")
	}
	stop := errors.New("stop")
	if _, err := Seal(someHead(), bytes.NewReader(nil), place, drawn(1), func(int, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("emit: %v", err)
	}
}

func TestHeadRefused(t *testing.T) {
	long := string(bytes.Repeat([]byte("x"), 300))
	for name, change := range map[string]func(*Head){
		"no label":         func(h *Head) { h.Label = 0 },
		"unknown label":    func(h *Head) { h.Label = 6 },
		"no sharing":       func(h *Head) { h.Sharing = 0 },
		"long title":       func(h *Head) { h.Title = long },
		"escape in title":  func(h *Head) { h.Title = "a\x1b[2J" },
		"override":         func(h *Head) { h.Title = "a\u202eb" },
		"file with a path": func(h *Head) { h.File = "../x" },
		"backslash":        func(h *Head) { h.File = `a\b` },
		"file ..":          func(h *Head) { h.File = ".." },
		"media type":       func(h *Head) { h.Media = "text/plaïn" },
		"many answers":     func(h *Head) { h.Answers = make([]id.EntryID, MaxAnswers+1) },
	} {
		h := someHead()
		change(&h)
		if _, _, err := SealBytes(h, nil, place, drawn(1)); !errors.Is(err, ErrHead) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := SealBytes(someHead(), nil, place, drawn(1)); err != nil {
		t.Errorf("control: %v", err)
	}
}

func TestHeadKeys(t *testing.T) {
	good, err := someHead().encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, n, err := parseHead(append(bytes.Clone(good), "raw"...)); err != nil || n != len(good) {
		t.Fatalf("control: %d, %v", n, err)
	}
	bad := map[string][]byte{
		"unknown key":   append(append([]byte{0xa5}, good[1:]...), 0x0a, 0x01),
		"missing key":   append([]byte{0xa3}, good[1:len(good)-2]...),
		"key twice":     append(append([]byte{0xa5}, good[1:]...), 0x04, 0x00),
		"empty title":   append(append([]byte{0xa5}, good[1:]...), 0x05, 0x60),
		"ints for id":   {0xa1, 0x03, 0x81, 0x01},
		"not shortest":  append([]byte{0xa4, 0x01, 0x18, 0x04}, good[3:]...),
		"no map":        {0x80},
		"empty":         {},
		"cut":           good[:len(good)-1],
		"size too high": append(bytes.Clone(good[:len(good)-1]), 0x1a, 0x10, 0, 0, 1),
	}
	for name, b := range bad {
		if _, _, err := parseHead(b); !errors.Is(err, ErrHead) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	raw := make([]byte, 8<<20)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	h := someHead()
	h.Size = uint64(len(raw))
	for b.Loop() {
		if _, err := Seal(h, bytes.NewReader(raw), place, drawn(1), nil); err != nil {
			b.Fatal(err)
		}
	}
}
