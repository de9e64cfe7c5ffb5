package body

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/big"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20"

	"cordon/protocol/id"
)

// twoChunks is a body of two full chunks.
func twoChunks(t testing.TB, fill byte) kept {
	t.Helper()
	return sealed(t, someHead(), bytes.Repeat([]byte{fill}, 2*ChunkSize-100))
}

// rehash makes the list of hashes, and the entry's content hash, those of the
// chunks as they are now: what a hostile author can do, and a relay cannot.
func (k *kept) rehash() {
	s := *k.Sealed
	s.Hashes = make([][32]byte, len(k.chunks))
	s.Ref.Size = 0
	for i, ct := range k.chunks {
		s.Hashes[i] = sha256.Sum256(ct)
		s.Ref.Size += uint64(len(ct))
	}
	s.Ref.Hash = ContentHash(s.Hashes)
	k.Sealed = &s
}

// A relay changes what it passes on.
func TestRelayTampering(t *testing.T) {
	whole := bytes.Repeat([]byte{7}, 2*ChunkSize-100)
	for name, c := range map[string]struct {
		change func(*kept)
		want   error
	}{
		"nothing (control)": {func(*kept) {}, nil},
		"a bit of chunk 0":  {func(k *kept) { k.chunks[0][5] ^= 1 }, ErrHash},
		"a bit of chunk 1":  {func(k *kept) { k.chunks[1][5] ^= 1 }, ErrHash},
		"chunk cut short":   {func(k *kept) { k.chunks[1] = k.chunks[1][:100] }, ErrSize},
		"last chunk gone":   {func(k *kept) { k.chunks = k.chunks[:1] }, ErrSize},
		"chunks exchanged":  {func(k *kept) { slices.Reverse(k.chunks) }, ErrHash},
		"hashes exchanged":  {func(k *kept) { slices.Reverse(k.Hashes) }, ErrHash},
		"hash left out":     {func(k *kept) { k.Hashes = k.Hashes[:1] }, ErrHash},
		"chunk and its hash": {func(k *kept) {
			k.chunks[1][5] ^= 1
			k.Hashes[1] = sha256.Sum256(k.chunks[1])
		}, ErrHash},
		"another key":     {func(k *kept) { k.CEK[0] ^= 1 }, ErrKey},
		"another size":    {func(k *kept) { k.Ref.Size-- }, ErrPadding},
		"impossible size": {func(k *kept) { k.Ref.Size = 5 }, ErrSize},
	} {
		k := twoChunks(t, 7)
		c.change(&k)
		got, err := k.open(place)
		if !errors.Is(err, c.want) || (err == nil) != bytes.Equal(got, whole) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// P7.5: a body, or a chunk of one, does not open in another entry's place, even
// if that entry's author makes every hash fit.
func TestMovedBody(t *testing.T) {
	k := twoChunks(t, 7)
	for name, at := range map[string]func(*AAD){
		"case": func(a *AAD) { a.Case[0] ^= 1 },
		"kid":  func(a *AAD) { a.Kid[0] ^= 1 },
		"comp": func(a *AAD) { a.Comp = id.Comp{1} },
		"seq":  func(a *AAD) { a.Seq++ },
		"type": func(a *AAD) { a.Type++ },
	} {
		moved := place
		at(&moved)
		if _, err := k.open(moved); !errors.Is(err, ErrSealed) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if _, err := k.open(place); err != nil {
		t.Errorf("control: %v", err)
	}
}

// P7.5: chunks in another order, left out, or from another body of the same place.
func TestMovedChunk(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*kept)
		want   error
	}{
		"nothing (control)": {func(*kept) {}, nil},
		"exchanged":         {func(k *kept) { slices.Reverse(k.chunks) }, ErrSealed},
		"first twice":       {func(k *kept) { k.chunks[1] = k.chunks[0] }, ErrSealed},
		"last left out":     {func(k *kept) { k.chunks = k.chunks[:1] }, ErrSealed},
		"first left out":    {func(k *kept) { k.chunks = k.chunks[1:] }, ErrSealed},
		"one put between":   {func(k *kept) { k.chunks = append(k.chunks[:1:1], k.chunks...) }, ErrPadding},
		"from another body": {func(k *kept) { k.chunks[1] = foreign(t) }, ErrSealed},
	} {
		k := twoChunks(t, 7)
		c.change(&k)
		k.rehash()
		if _, err := k.open(place); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// foreign is chunk 1 of a body with another key.
func foreign(t testing.TB) []byte {
	_, chunks, err := SealBytes(someHead(), make([]byte, 2*ChunkSize-100), place, drawn(2))
	if err != nil {
		t.Fatal(err)
	}
	return chunks[1]
}

// The author itself seals a text that breaks the rules of padding.
func TestHostileText(t *testing.T) {
	h := someHead()
	h.Size = 5
	head, err := h.encode()
	if err != nil {
		t.Fatal(err)
	}
	good := append(append(bytes.Clone(head), "hello"...), 0)
	long := make([]byte, ChunkSize+ChunkSize/16)
	far := h
	far.Size = ChunkSize - 1000 // its padding ends in the second chunk
	farHead, _ := far.encode()
	for name, c := range map[string]struct {
		text []byte
		want error
	}{
		"control":               {good, nil},
		"padding not zero":      {append(bytes.Clone(good[:47]), 1), ErrPadding},
		"no padding":            {good[:47], ErrPadding},
		"too much padding":      {append(bytes.Clone(good), 0, 0), ErrPadding},
		"a chunk of padding":    {append(bytes.Clone(good), long...), ErrPadding},
		"raw shorter than said": {append(bytes.Clone(farHead), make([]byte, 100)...), ErrPadding},
		"no head":               {make([]byte, 48), ErrHead},
	} {
		k := hostile(c.text)
		if _, err := k.open(place); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hostile seals any text as a body.
func hostile(text []byte) kept {
	k := kept{Sealed: &Sealed{CEK: [32]byte{3}}}
	for i := 0; len(text) > 0; i++ {
		n := min(len(text), ChunkSize)
		k.chunks = append(k.chunks, newAEAD(k.CEK).Seal(nil, nonce(i, n == len(text)), text[:n], place.encode()))
		text = text[n:]
	}
	k.rehash()
	k.Ref.KC = KeyCommitment(k.CEK)
	return k
}

// Padding that begins in one chunk and ends, not zero, in a later one.
func TestPaddingAcrossChunks(t *testing.T) {
	h := someHead()
	h.Size = 33*ChunkSize + 1
	head, _ := h.encode()
	text := append(head, make([]byte, Padme(uint64(len(head))+h.Size)-uint64(len(head)))...)
	if k := hostile(text); k.Ref.Size != 34*(ChunkSize+Overhead) {
		t.Fatalf("size %d", k.Ref.Size)
	} else if _, err := k.open(place); err != nil {
		t.Fatalf("control: %v", err)
	}
	text[len(text)-1] = 1
	if _, err := hostile(text).open(place); !errors.Is(err, ErrPadding) {
		t.Fatal(err)
	}
}

// Reading goes on failing after an error, and a store's own error comes through.
func TestOpenErrorsStick(t *testing.T) {
	k := twoChunks(t, 7)
	lost := errors.New("disk")
	_, r, err := Open(k.Ref, k.Hashes, k.CEK, place, func(i int) ([]byte, error) {
		if i == 1 {
			return nil, lost
		}
		return k.chunks[i], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, lost) {
			t.Fatal(err)
		}
	}
}

// A large body passes through without being held: 64 MiB in less than 4 MiB.
func TestMemory(t *testing.T) {
	const size = 64 << 20
	h := someHead()
	h.Size = size
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	store := make([]byte, 0, ChunkSize+Overhead)
	s, err := Seal(h, io.LimitReader(zeros{}, size), place, drawn(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, r, err := Open(s.Ref, s.Hashes, s.CEK, place, func(i int) ([]byte, error) {
		// The text is known: each chunk can be made again when it is asked for.
		text := make([]byte, 0)
		if i == 0 {
			text = s.head
		}
		total := int(s.Ref.Size) - len(s.Hashes)*Overhead
		store = store[:min(ChunkSize, total-i*ChunkSize)]
		clear(store)
		copy(store, text)
		return newAEAD(s.CEK).Seal(store[:0], nonce(i, i == len(s.Hashes)-1), store, place.encode()), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, r); n != size || err != nil {
		t.Fatalf("%d bytes, %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("%d bytes allocated", got)
	}
}

// P7.3: ChaCha20-Poly1305 commits to no key. One chunk is made that opens under
// two keys, to two texts with a sound head each; the key commitment tells them
// apart, whichever of the two the author committed to.
func TestTwoKeyBody(t *testing.T) {
	src := rand.New(rand.NewChaCha8([32]byte{73}))
	keys := [2][32]byte{{1}, {2}}
	ct := salamander(t, src, keys)
	for i := range keys {
		k := kept{Sealed: &Sealed{CEK: keys[i]}, chunks: [][]byte{ct}}
		k.rehash()
		k.Ref.KC = KeyCommitment(keys[1-i])
		if _, err := newAEAD(keys[i]).Open(nil, nonce(0, true), ct, place.encode()); err != nil {
			t.Fatalf("control: the chunk does not open under key %d: %v", i, err)
		}
		if _, err := k.open(place); !errors.Is(err, ErrKey) {
			t.Errorf("key %d: %v", i, err)
		}
	}
}

// salamander makes a ciphertext of four blocks and a tag that is valid under both
// keys with the nonce and place of a body's only chunk. Poly1305 is a polynomial
// over 2^130-5 in the blocks; with the keys known, two blocks are chosen so that
// both polynomials give the same tag.
func salamander(t *testing.T, src *rand.Rand, keys [2][32]byte) []byte {
	t.Helper()
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 130), big.NewInt(5))
	top := new(big.Int).Lsh(big.NewInt(1), 128)
	var r, s [2]*big.Int
	for i, k := range keys {
		r[i], s[i] = oneTimeKey(t, k)
	}
	for range 10_000 {
		ct := make([]byte, 64)
		for i := range ct[:32] {
			ct[i] = byte(src.Uint32())
		}
		tag := new(big.Int).SetBits([]big.Word{big.Word(src.Uint64()), big.Word(src.Uint64())})
		// For each key: known + x r^3 + y r^2 = tag - s, and its multiples of 2^128 above, mod p.
		var want [2]*big.Int
		for i := range keys {
			sum := new(big.Int).Sub(tag, s[i])
			sum.Mod(sum, top)
			want[i] = sum.Sub(sum, evaluate(ct, r[i], p)).Mod(sum, p)
		}
		x, y := solve(r, want, p)
		if x == nil || x.Cmp(top) >= 0 || y.Cmp(top) >= 0 {
			continue // a block has 128 bits: one try in 16 fits
		}
		copy(ct[32:48], little(x))
		copy(ct[48:64], little(y))
		return append(ct, little(tag)...)
	}
	t.Fatal("no chunk under two keys found")
	return nil
}

// oneTimeKey is r and s of Poly1305 for a body's only chunk (RFC 8439 §2.6).
func oneTimeKey(t *testing.T, key [32]byte) (r, s *big.Int) {
	c, err := chacha20.NewUnauthenticatedCipher(key[:], nonce(0, true))
	if err != nil {
		t.Fatal(err)
	}
	k := make([]byte, 32)
	c.XORKeyStream(k, k)
	for _, i := range []int{3, 7, 11, 15} {
		k[i] &= 15
	}
	for _, i := range []int{4, 8, 12} {
		k[i] &= 252
	}
	return fromLittle(k[:16]), fromLittle(k[16:])
}

// evaluate is Poly1305's polynomial at r for the place's AAD and ct (RFC 8439 §2.5, §2.8).
func evaluate(ct []byte, r, p *big.Int) *big.Int {
	aad := place.encode()
	msg := append([]byte{}, aad...)
	msg = append(msg, make([]byte, (16-len(aad)%16)%16)...)
	msg = append(msg, ct...)
	msg = append(msg, byte(len(aad)), 0, 0, 0, 0, 0, 0, 0, byte(len(ct)), 0, 0, 0, 0, 0, 0, 0)
	acc := new(big.Int)
	for ; len(msg) > 0; msg = msg[16:] {
		acc.Add(acc, fromLittle(append(bytes.Clone(msg[:16]), 1)))
		acc.Mul(acc, r).Mod(acc, p)
	}
	return acc
}

// solve finds x and y with x r^3 + y r^2 = want for both r.
func solve(r, want [2]*big.Int, p *big.Int) (x, y *big.Int) {
	var c [2]*big.Int // x r + y = want / r^2
	for i := range r {
		inv := new(big.Int).ModInverse(new(big.Int).Mul(r[i], r[i]), p)
		c[i] = inv.Mul(inv, want[i]).Mod(inv, p)
	}
	d := new(big.Int).Sub(r[0], r[1])
	x = d.ModInverse(d.Mod(d, p), p)
	if x == nil {
		return nil, nil
	}
	x.Mul(x, new(big.Int).Sub(c[0], c[1])).Mod(x, p)
	y = new(big.Int).Sub(c[0], new(big.Int).Mul(x, r[0]))
	return x, y.Mod(y, p)
}

func fromLittle(b []byte) *big.Int {
	b = bytes.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

func little(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 16))
	slices.Reverse(b)
	return b
}

// What an author seals may be anything; what opens went in.
func FuzzOpen(f *testing.F) {
	k := sealed(f, someHead(), []byte("hello"))
	f.Add(append(bytes.Clone(k.head), "hello\x00"...))
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 {
			return
		}
		raw, err := hostile(text).open(place)
		if err != nil {
			return
		}
		h, n, err := parseHead(text)
		if err != nil || h.Size != uint64(len(raw)) || !bytes.HasPrefix(text[n:], raw) {
			t.Fatalf("%x opened as %x", text, raw)
		}
	})
}
