package ledger

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	mrand "math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// bulk is a sealed body of random bytes: whole chunks, and one of 77 bytes.
type bulk struct {
	ref    entry.BodyRef
	cek    [32]byte
	hashes [][32]byte
	chunks [][]byte
}

func newBulk(whole int) *bulk {
	b := &bulk{cek: [32]byte{5}}
	var all []byte
	for i := range whole + 1 {
		ct := make([]byte, sealedChunk)
		if i == whole {
			ct = ct[:77]
		}
		rand.Read(ct)
		h := sha256.Sum256(ct)
		b.chunks, b.hashes, all = append(b.chunks, ct), append(b.hashes, h), append(all, h[:]...)
		b.ref.Size += uint64(len(ct))
	}
	b.ref.Hash, b.ref.KC = sha256.Sum256(all), sha256.Sum256(append([]byte("cordon-kc/1"), b.cek[:]...))
	return b
}

// put stores hashes and the first n chunks.
func (b *bulk) put(t testing.TB, l *Ledger, c id.CaseID, n int) {
	t.Helper()
	if err := l.PutHashes(c, b.ref, b.hashes); err != nil {
		t.Fatal(err)
	}
	for i, ct := range b.chunks[:n] {
		if err := l.PutChunk(c, b.ref, i, ct); err != nil {
			t.Fatal(err)
		}
	}
}

// same fails unless the first n chunks read back.
func (b *bulk) same(t testing.TB, l *Ledger, c id.CaseID, n int) {
	t.Helper()
	for i, ct := range b.chunks[:n] {
		if got := must(l.Chunk(c, b.ref, i))(t); !bytes.Equal(got, ct) {
			t.Errorf("chunk %d differs", i)
		}
	}
}

func TestBodies(t *testing.T) {
	fs := vfs.NewMem()
	l := openFS(t, fs)
	key := feedgen.Key(32, 0)
	c := opened(t, l, 32, key).CaseID()
	b := newBulk(2)
	ref, chunks := b.ref, b.chunks
	if err := l.PutChunk(c, ref, 0, chunks[0]); !errors.Is(err, ErrNotFound) {
		t.Errorf("a chunk before the hashes: %v", err)
	}
	if err := l.PutHashes(c, ref, b.hashes[:2]); !errors.Is(err, ErrBody) {
		t.Errorf("hashes of another body: %v", err)
	}
	b.put(t, l, c, 1)
	for i, x := range []struct {
		at int
		ct []byte
	}{{1, chunks[0]}, {1, chunks[0][:5]}, {1, chunks[2]}, {3, chunks[2]}, {-1, chunks[0]}, {2, chunks[2]}} {
		if err := l.PutChunk(c, ref, x.at, x.ct); !errors.Is(err, ErrBody) {
			t.Errorf("%d, a chunk that is not the next: %v", i, err)
		}
	}
	if err := l.PutChunk(c, ref, 0, make([]byte, sealedChunk)); err != nil {
		t.Errorf("a chunk that is held comes again: %v", err)
	}
	if err := l.PutKey(c, ref, [32]byte{6}); !errors.Is(err, ErrBody) {
		t.Errorf("another key: %v", err)
	}
	if st := must(l.BodyState(c, ref))(t); st != (BodyState{Have: 1, Total: 3}) || st.Whole() {
		t.Errorf("state: %+v", st)
	}
	b.put(t, l, c, 3)
	if must(l.HoldsKeys(c))(t) {
		t.Error("the key of some body is here before it was put")
	}
	if err := l.PutKey(c, ref, b.cek); err != nil {
		t.Fatal(err)
	}
	if !must(l.HoldsKeys(c))(t) {
		t.Error("the key of no body is here after it was put")
	}
	closeOnce(t, l)
	l = openFS(t, fs)
	if st := must(l.BodyState(c, ref))(t); !st.Whole() || !st.Key {
		t.Errorf("state after reopening: %+v", st)
	}
	b.same(t, l, c, 3)
	for _, size := range []uint64{ref.Size + 1, ref.Size + pieceSize, ref.Size - 1} { // as a hostile entry may claim
		claimed := ref
		claimed.Size = size
		if got := must(l.Chunk(c, claimed, 2))(t); !bytes.Equal(got, chunks[2]) {
			t.Errorf("the last chunk of a body said to have %d bytes: %d bytes", size, len(got))
		}
	}
	if _, err := l.Chunk(c, ref, 3); !errors.Is(err, ErrNotFound) {
		t.Errorf("a chunk behind the last: %v", err)
	}
	if got := must(l.Key(c, ref))(t); got != b.cek {
		t.Error("key differs")
	}
	if got := must(l.Hashes(c, ref))(t); len(got) != 3 || got[2] != b.hashes[2] {
		t.Error("hashes differ")
	}
	if _, err := l.Chunk(c, entry.BodyRef{Size: 1}, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown body: %v", err)
	}
	if st := must(l.BodyState(c, entry.BodyRef{Size: 1}))(t); st != (BodyState{Total: 1}) {
		t.Errorf("state of an unknown body: %+v", st)
	}
}

// TestBodyStateReadsNoChunk: what is held of a body is asked for with every chunk
// that moves and for every line of a case's log, so it must not cost reading the
// body. Reading one chunk shows that the count of reads counts.
func TestBodyStateReadsNoChunk(t *testing.T) {
	mem := vfs.NewMem()
	var reads atomic.Int64
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt {
			reads.Add(1)
		}
		return nil
	}))
	l := openFS(t, mem)
	c := opened(t, l, 33, feedgen.Key(33, 0)).CaseID()
	b := newBulk(12)
	b.put(t, l, c, len(b.chunks))
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	closeOnce(t, l)
	l = openFS(t, fs)
	count := func(do func()) int64 {
		before := reads.Load()
		do()
		return reads.Load() - before
	}
	whole := func() {
		if st := must(l.BodyState(c, b.ref))(t); !st.Whole() {
			t.Errorf("state %+v", st)
		}
	}
	whole() // reads what Pebble reads of each file first, and the cache does not hold all chunks
	state := count(whole)
	chunks := count(func() { b.same(t, l, c, len(b.chunks)) })
	if state >= int64(len(b.chunks)) || chunks < int64(chunkPieces*(len(b.chunks)-1)) {
		t.Errorf("the state of %d chunks costs %d reads, all of them %d", len(b.chunks), state, chunks)
	}
}

// TestBodyPowerCut: whatever a cut leaves of chunks that were not synced, those that
// count as held are there; and those before a synced key always are.
func TestBodyPowerCut(t *testing.T) {
	seed := mrand.Uint64()
	t.Logf("seed %d", seed)
	rng := mrand.New(mrand.NewPCG(seed, 1))
	b := newBulk(3)
	lost := 0
	for round := range 10 {
		fs := vfs.NewCrashableMem()
		l := openFS(t, fs)
		c := opened(t, l, seed, feedgen.Key(seed, 0)).CaseID()
		synced, put := rng.IntN(len(b.chunks)), len(b.chunks)-rng.IntN(3)
		b.put(t, l, c, synced)
		if err := l.PutKey(c, b.ref, b.cek); err != nil {
			t.Fatal(err)
		}
		b.put(t, l, c, put)
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		closeOnce(t, l)
		l, err := open(after, "store", Options{StoreKey: testKey, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		st := must(l.BodyState(c, b.ref))(t)
		if !st.Key || st.Have < synced || st.Have > max(put, synced) {
			t.Errorf("round %d: %+v, %d chunks were put, %d before a sync", round, st, put, synced)
		}
		b.same(t, l, c, st.Have)
		lost += max(put, synced) - st.Have
		closeOnce(t, l)
	}
	if lost == 0 {
		t.Error("no cut lost anything: the test cuts nothing")
	}
}
