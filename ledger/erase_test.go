package ledger

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// erasure is a store with two cases, each with two bodies and a row on a shelf.
type erasure struct {
	fs    *vfs.MemFS
	l     *Ledger
	cases [2]id.CaseID
	gone  *bulk // bodies of the first case
	kept  *bulk
	other *bulk // of the second
	told  map[id.CaseID][]id.EntryID
}

// ownKey gives a body a key of its own.
func (b *bulk) ownKey() *bulk {
	rand.Read(b.cek[:])
	b.ref.KC = sha256.Sum256(append([]byte("cordon-kc/1"), b.cek[:]...))
	return b
}

const erasedCanary = "CANARY what a shelf says of the case"

// newErasure makes the store; the body that is kept has so many whole chunks.
func newErasure(t testing.TB, whole int, on func(*vfs.MemFS) vfs.FS) *erasure {
	t.Helper()
	e := &erasure{fs: vfs.NewCrashableMem(), gone: newBulk(0).ownKey(), kept: newBulk(whole).ownKey(), other: newBulk(0).ownKey(),
		told: map[id.CaseID][]id.EntryID{}}
	e.l = openFS(t, on(e.fs))
	for i, bodies := range [][]*bulk{{e.gone, e.kept}, {e.other}} {
		key := feedgen.Key(uint64(40+i), 0)
		g := opened(t, e.l, uint64(40+i), key)
		c := g.CaseID()
		e.cases[i] = c
		e.told[c] = append(e.told[c], g.ID)
		for n, b := range bodies {
			b.put(t, e.l, c, len(b.chunks))
			if err := e.l.PutKey(c, b.ref, b.cek); err != nil {
				t.Fatal(err)
			}
			f := note(c, n, g.ID)
			f.Body = &b.ref
			e.told[c] = append(e.told[c], must(e.l.Append(t.Context(), f, key))(t).ID)
		}
		e.told[c] = append(e.told[c], must(e.l.Append(t.Context(), status(c, g.ID), key))(t).ID)
		if err := e.l.Shelf("test").Put(c[:], append([]byte(erasedCanary), c[:]...)); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func plain(fs *vfs.MemFS) vfs.FS { return fs }

// eraseCase is all that a daemon does.
func (e *erasure) eraseCase(ctx context.Context) error {
	if err := e.l.EraseCase(ctx, e.cases[0]); err != nil {
		return err
	}
	return errors.Join(e.l.Shelf("test").Delete(e.cases[0][:]), e.l.RenewShelves())
}

// row is one of Pebble's, as it lies on the disk.
type row struct{ key, value []byte }

// rows are all that the store has now. What is deleted later may stay on the disk.
func (e *erasure) rows(t testing.TB) (all []row) {
	t.Helper()
	it := must(e.l.db.NewIter(nil))(t)
	for ok := it.First(); ok; ok = it.Next() {
		all = append(all, row{slices.Clone(it.Key()), slices.Clone(must(it.ValueAndErr())(t))})
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// bytesOf is every byte of every file below a directory.
func bytesOf(t testing.TB, fs vfs.FS, dir string) (all []byte) {
	t.Helper()
	for _, name := range must(fs.List(dir))(t) {
		path := fs.PathJoin(dir, name)
		if must(fs.Stat(path))(t).IsDir() {
			all = append(all, bytesOf(t, fs, path)...)
			continue
		}
		f := must(fs.Open(path))(t)
		all = append(all, must(io.ReadAll(f))(t)...)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// thief has the disk, the store key, and every row that ever was: whatever Pebble has
// left. It opens all that the keys on the disk open.
func (e *erasure) thief(t testing.TB, ever []row) (all []byte) {
	t.Helper()
	store := must(newBox(testKey, new(nonces)))(t)
	f := &files{fs: e.fs, dir: "store", box: store}
	all = bytesOf(t, e.fs, "store")
	ring := must(f.readRing())(t)
	all = append(all, ring.append(nil)...)
	boxes := []*box{store, must(newBox(ring.shelf, new(nonces)))(t), must(newBox(ring.former, new(nonces)))(t)}
	for _, k := range ring.cases {
		boxes = append(boxes, must(newBoxOf(k.key, k.index, new(nonces)))(t))
	}
	for _, r := range ever {
		for _, b := range boxes {
			if plain, err := b.open(r.key, r.value); err == nil {
				all = append(all, plain...)
			}
		}
	}
	return all
}

// secrets are what must be nowhere once the first case, or its one body, is erased.
func (e *erasure) secrets(t testing.TB, whole bool) map[string][]byte {
	t.Helper()
	cs := must(e.l.find(e.cases[0]))(t)
	s := map[string][]byte{"the case's key": slices.Clone(cs.k.key[:]), "the body's key": e.gone.cek[:], "the body": e.gone.chunks[0]}
	if whole {
		s["the case's index key"] = slices.Clone(cs.k.index[:])
		s["the case's id"] = e.cases[0][:]
		s["the other body's key"] = e.kept.cek[:]
		s["what a shelf says"] = append([]byte(erasedCanary), e.cases[0][:]...)
		s["an entry"] = must(e.l.Entry(e.cases[0], e.told[e.cases[0]][1]))(t).Raw
	}
	return s
}

func found(all []byte, secrets map[string][]byte) (names []string) {
	for name, s := range secrets {
		if bytes.Contains(all, s) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// left says how many of the rows lie on the disk byte for byte.
func left(disk []byte, ever []row) (n int) {
	for _, r := range ever {
		if bytes.Contains(disk, r.value) {
			n++
		}
	}
	return n
}

// TestNothingOpensAfterErase is P7.4: with the store key and every byte that ever was
// in the store, nothing of an erased case or body can be read. Rows that Pebble has
// deleted are still there, so it is the keys that matter.
func TestNothingOpensAfterErase(t *testing.T) {
	for _, whole := range []bool{true, false} {
		t.Run(fmt.Sprintf("case=%v", whole), func(t *testing.T) {
			e := newErasure(t, 1, plain)
			secrets, ever := e.secrets(t, whole), e.rows(t)
			if n := len(found(e.thief(t, ever), secrets)); n != len(secrets) {
				t.Fatalf("before: %d of %d are found: the scan sees nothing", n, len(secrets))
			}
			if whole {
				if err := e.eraseCase(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else if n := must(e.l.EraseBody(t.Context(), e.cases[0], e.gone.ref))(t); n < int64(len(e.kept.chunks[0])) {
				t.Errorf("only %d bytes were sealed anew", n)
			}
			e.check(t, true, whole)
			ever = append(ever, e.rows(t)...)
			if left(bytesOf(t, e.fs, "store"), ever) == 0 {
				t.Error("nothing of the old rows is on the disk: the test tests nothing")
			}
			if names := found(e.thief(t, ever), secrets); len(names) > 0 {
				t.Errorf("still there: %v", names)
			}
			closeOnce(t, e.l)
			e.l = openFS(t, e.fs)
			e.check(t, true, whole)
			if names := found(e.thief(t, ever), secrets); len(names) > 0 {
				t.Errorf("there after a start: %v", names)
			}
		})
	}
}

// TestDeletingErasesNothing is the negative control: rows that were deleted, even
// compacted away, open as before for who has copied the disk, or finds them on it.
func TestDeletingErasesNothing(t *testing.T) {
	e := newErasure(t, 1, plain)
	secrets, ever := e.secrets(t, true), e.rows(t)
	if err := errors.Join(e.l.drop(1), e.l.Shelf("test").Delete(e.cases[0][:])); err != nil {
		t.Fatal(err)
	}
	var onDisk []row
	disk := bytesOf(t, e.fs, "store")
	for _, r := range ever {
		if bytes.Contains(disk, r.value) {
			onDisk = append(onDisk, r)
		}
	}
	for _, name := range []string{"the body's key", "an entry", "what a shelf says"} {
		if !slices.Contains(found(e.thief(t, onDisk), secrets), name) {
			t.Errorf("%s is gone by a mere delete: the scan proves nothing", name)
		}
	}
}

// check fails unless the store is whole and the first case, or its one body, is erased
// or not.
func (e *erasure) check(t testing.TB, erased, whole bool) {
	t.Helper()
	c := e.cases[0]
	if has := e.l.Has(c); has == (erased && whole) || e.l.Erased(c) != (erased && whole) {
		t.Fatalf("has %v, erased %v", has, e.l.Erased(c))
	}
	if erased && whole {
		if _, err := e.l.Entry(c, e.told[c][0]); !errors.Is(err, ErrNotFound) {
			t.Errorf("an entry of an erased case: %v", err)
		}
	} else {
		e.checkCase(t, c)
		e.kept.same(t, e.l, c, len(e.kept.chunks))
		if st := must(e.l.BodyState(c, e.gone.ref))(t); st.Erased != erased || st.Key == erased || (st.Have == 0) != erased {
			t.Errorf("the body: %+v", st)
		}
	}
	e.checkCase(t, e.cases[1])
	e.other.same(t, e.l, e.cases[1], 1)
	if row, err := e.l.Shelf("test").Get(e.cases[1][:]); err != nil || !bytes.HasPrefix(row, []byte(erasedCanary)) {
		t.Errorf("a row of another case: %v", err)
	}
}

func (e *erasure) checkCase(t testing.TB, c id.CaseID) {
	t.Helper()
	if r := sound(t, e.l, c); r.Entries != len(e.told[c]) {
		t.Errorf("%d entries of %d", r.Entries, len(e.told[c]))
	}
	for _, x := range e.told[c] {
		if _, err := e.l.Entry(c, x); err != nil {
			t.Errorf("entry: %v", err)
		}
	}
}

// TestErasedIsNotTakenAgain: neither a genesis, nor another entry, nor chunks or the key
// of an erased body.
func TestErasedIsNotTakenAgain(t *testing.T) {
	e := newErasure(t, 1, plain)
	c, b := e.cases[0], e.gone
	raw := must(e.l.Entry(c, id.EntryID(c)))(t).Raw
	must(e.l.EraseBody(t.Context(), c, b.ref))(t)
	for _, err := range []error{e.l.PutHashes(c, b.ref, b.hashes), e.l.PutChunk(c, b.ref, 0, b.chunks[0]), e.l.PutKey(c, b.ref, b.cek)} {
		if !errors.Is(err, ErrErased) {
			t.Errorf("an erased body is taken again: %v", err)
		}
	}
	if _, err := e.l.Key(c, b.ref); !errors.Is(err, ErrNotFound) {
		t.Errorf("its key: %v", err)
	}
	// The same sealed bytes under another entry's name are the same body.
	if err := e.l.PutKey(c, entry.BodyRef{Hash: [32]byte{1}, Size: b.ref.Size, KC: b.ref.KC}, b.cek); !errors.Is(err, ErrErased) {
		t.Errorf("its key by another name: %v", err)
	}
	if _, err := e.l.Append(t.Context(), status(c, id.EntryID(c)), feedgen.Key(40, 0)); err != nil {
		t.Errorf("the case goes on: %v", err)
	}
	if err := e.eraseCase(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := e.l.Accept(t.Context(), c, [][]byte{slices.Clone(raw)}); !errors.Is(err, ErrErased) {
			t.Errorf("the genesis of an erased case: %v", err)
		}
		closeOnce(t, e.l)
		e.l = openFS(t, e.fs)
	}
	if err := e.l.EraseCase(t.Context(), c); !errors.Is(err, ErrNotFound) {
		t.Errorf("twice: %v", err)
	}
	n := opened(t, e.l, 99, feedgen.Key(99, 0)) // a number is not given out twice
	sound(t, e.l, n.CaseID())
}

// TestEraseWaits: an erasure waits for who uses the case, gives up with its context, and
// leaves everything as it was then.
func TestEraseWaits(t *testing.T) {
	e := newErasure(t, 1, plain)
	cs, _ := must2(e.l.enter(e.cases[0]))(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := e.l.EraseCase(ctx, e.cases[0]); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while it is used: %v", err)
	}
	e.check(t, false, true)
	done := make(chan error)
	go func() { done <- e.l.EraseCase(t.Context(), e.cases[0]) }()
	cs.leave()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := cs.hold(); !errors.Is(err, ErrNotFound) {
		t.Errorf("who has found it before: %v", err)
	}
}

func must2[A, B any](a A, b B, err error) func(testing.TB) (A, B) {
	return func(t testing.TB) (A, B) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
}

// TestEraseCutAnywhere cuts the power at every step that the disk is asked for during an
// erasure: what is left is the store before it or the store after it, and after the call
// has returned, the store after it.
func TestEraseCutAnywhere(t *testing.T) {
	for _, whole := range []bool{true, false} {
		before, after := 0, 0
		for step := 1; ; step++ {
			cut, erased := eraseCut(t, whole, step)
			if erased {
				after++
			} else {
				before++
			}
			if !cut || t.Failed() {
				break
			}
		}
		t.Logf("case=%v: %d cuts leave it, %d erase it", whole, before, after)
		if before < 3 || after < 3 {
			t.Errorf("case=%v: %d and %d: the cuts cut nothing", whole, before, after)
		}
	}
}

// eraseCut erases and cuts at a step; false: there are fewer, so it was cut at the end.
func eraseCut(t *testing.T, whole bool, step int) (cut, erased bool) {
	t.Helper()
	var mu sync.Mutex
	var clone *vfs.MemFS // guarded by mu
	steps := 0           // guarded by mu
	erasing := false     // guarded by mu
	rng := mrand.New(mrand.NewPCG(uint64(step), 8))
	e := newErasure(t, 0, func(fs *vfs.MemFS) vfs.FS {
		return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
			mu.Lock()
			defer mu.Unlock()
			if erasing && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				if steps++; steps == step {
					clone = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
				}
			}
			return nil
		}))
	})
	secrets, ever := e.secrets(t, whole), e.rows(t)
	mu.Lock()
	erasing = true
	mu.Unlock()
	var err error
	if whole {
		err = e.eraseCase(t.Context())
	} else {
		_, err = e.l.EraseBody(t.Context(), e.cases[0], e.gone.ref)
	}
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	cut = clone != nil
	if !cut { // the power fails when the caller has just been told
		clone = e.fs.CrashClone(vfs.CrashCloneCfg{})
	}
	erasing = false
	mu.Unlock()
	closeOnce(t, e.l)
	e.fs = clone
	e.l = openFS(t, clone)
	if e.l.Restored() {
		t.Errorf("step %d: a power cut counts as a restore", step)
	}
	erased = e.judgeCut(t, whole)
	if names := found(e.thief(t, ever), secrets); erased && len(names) > 0 {
		t.Errorf("step %d: erased, and still there: %v", step, names)
	}
	if !cut && !erased {
		t.Errorf("step %d: the call had returned", step)
	}
	closeOnce(t, e.l)
	return cut, erased
}

// judgeCut says whether the erasure has happened, ends it as a daemon does at its start,
// and fails unless all is as it was, or as it is to be.
func (e *erasure) judgeCut(t *testing.T, whole bool) (erased bool) {
	t.Helper()
	if whole {
		erased = e.l.Erased(e.cases[0])
	} else {
		erased = must(e.l.BodyState(e.cases[0], e.gone.ref))(t).Erased
	}
	if whole && erased && e.l.Stale() {
		if err := errors.Join(e.l.Shelf("test").Delete(e.cases[0][:]), e.l.RenewShelves()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.l.Shelf("test").Get(e.cases[0][:]); whole && (err == nil) == erased {
		t.Errorf("erased %v, and a row of it: %v", erased, err)
	}
	e.check(t, erased, whole)
	nums := map[caseNum]bool{}
	for _, r := range e.rows(t) {
		if r.key[0] >= byte(tableCase) {
			nums[numOf(r.key)] = true
		}
	}
	if len(nums) != len(e.l.Cases()) {
		t.Errorf("%d cases, and rows of %d numbers", len(e.l.Cases()), len(nums))
	}
	return erased
}

// TestShelvesOfTheFirstFormat: shelves that were sealed under the store key are sealed anew.
func TestShelvesOfTheFirstFormat(t *testing.T) {
	e := newErasure(t, 1, plain)
	boxes := e.l.shelves.Load()
	for _, r := range e.rows(t) {
		if r.key[0] != byte(tableShelf) {
			continue
		}
		plain := must(boxes.open(r.key, r.value))(t)
		if err := e.l.db.Set(r.key, e.l.box.seal(r.key, plain), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	first := []byte{ringFirst}
	for _, k := range e.l.ring.cases {
		first = binary.BigEndian.AppendUint32(first, uint32(k.num))
		first = append(append(first, k.key[:]...), k.id[:]...)
	}
	if err := e.l.files.write(fileKeys, first); err != nil {
		t.Fatal(err)
	}
	closeOnce(t, e.l)
	for range 2 {
		e.l = openFS(t, e.fs)
		e.check(t, false, true)
		if e.l.ring.old || e.l.ring.former != [32]byte{} {
			t.Error("it is not sealed anew")
		}
		closeOnce(t, e.l)
	}
}
