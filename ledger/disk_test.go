package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// TestNothingInClear fills a store with known ids, texts and keys, and looks for
// them, raw, in hex and in base64, in every byte that the store wrote, before and
// after a restart that moves everything out of the write-ahead log.
func TestNothingInClear(t *testing.T) {
	dir := t.TempDir()
	l := must(Open(dir, Options{StoreKey: testKey}))(t)
	key := feedgen.Key(31, 0)
	g := opened(t, l, 31, key)
	c := g.CaseID()
	title, shelf := []byte("canary: heap overflow in frobnicator"), []byte("canary-invitation-of-acme")
	f := status(c, g.ID)
	f.Ctl = canon.MustMarshal(map[uint64]any{1: 2, 9: string(title)})
	s := must(l.Append(t.Context(), f, key))(t)
	n := must(l.Append(t.Context(), note(c, 0, s.ID), key))(t)
	ct := []byte("canary sealed chunk that is stored as a value")
	sum := sha256.Sum256(ct)
	cek := sha256.Sum256([]byte("canary key"))
	ref := entry.BodyRef{Hash: sha256.Sum256(sum[:]), Size: uint64(len(ct)), KC: sha256.Sum256(append([]byte("cordon-kc/1"), cek[:]...))}
	for _, err := range []error{
		l.PutChunk(c, ref, 0, ct), l.PutKey(c, ref, cek),
		l.Shelf("canary-shelf").Put(shelf, title),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	kid, pub := kidOf(key), key.Public().(ed25519.PublicKey)
	canaries := map[string][]byte{
		"case id": c[:], "entry id": n.ID[:], "title": title, "shelf key": shelf, "shelf": []byte("canary-shelf"), "chunk": ct,
		"body key": cek[:], "body hash": ref.Hash[:], "kid": kid[:], "public key": pub,
		"store key": append([]byte{1, 2, 3}, make([]byte, 29)...), "media type": []byte("application/cordon"), "entry": n.Raw[:60],
	}
	if hits := inClear(t, dir, canaries); len(hits) > 0 {
		t.Errorf("in the clear: %v", hits)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = must(Open(dir, Options{StoreKey: testKey}))(t)
	if err := l.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if hits := inClear(t, dir, canaries); len(hits) > 0 {
		t.Errorf("in the clear after a restart: %v", hits)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	leak := filepath.Join(dir, "leak") // negative control
	if err := os.WriteFile(leak, []byte(base64.StdEncoding.EncodeToString(append([]byte("x"), title...))), 0o600); err != nil {
		t.Fatal(err)
	}
	if hits := inClear(t, dir, canaries); len(hits) != 1 {
		t.Errorf("the search finds %v, want the leak", hits)
	}
	if _, err := Open(dir, Options{StoreKey: [32]byte{9}}); !errors.Is(err, ErrStoreKey) {
		t.Errorf("another store key: %v", err)
	}
}

// inClear names what stands in the clear in the files below dir.
func inClear(t *testing.T, dir string, canaries map[string][]byte) (hits []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		b, err := os.ReadFile(path)
		for name, canary := range canaries {
			if slices.ContainsFunc(forms(canary), func(form []byte) bool { return bytes.Contains(b, form) }) {
				hits = append(hits, name+" in "+d.Name())
			}
		}
		return err
	})
	if err != nil || files < 4 {
		t.Fatalf("%d files: %v", files, err)
	}
	return hits
}

// forms are the ways in which bytes could be written down: base64 at each of the
// three places that a run of bytes can have in it.
func forms(b []byte) [][]byte {
	out := [][]byte{b, []byte(hex.EncodeToString(b)), bytes.ToUpper([]byte(hex.EncodeToString(b)))}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for skip := range 3 {
			s := enc.EncodeToString(append(make([]byte, skip), b...))
			out = append(out, []byte(s[4:len(s)-2]))
		}
	}
	return out
}

func TestShelf(t *testing.T) {
	fs := vfs.NewMem()
	l := openFS(t, fs)
	a, b := l.Shelf("a"), l.Shelf("b")
	for _, err := range []error{a.Put([]byte("k"), []byte("1")), a.Put([]byte("k"), []byte("2")), a.Put([]byte("m"), nil), b.Put([]byte("k"), []byte("3")),
		a.PutAll(nil), a.PutAll([]ShelfRow{{[]byte("x"), []byte("4")}, {[]byte("y"), []byte("5")}})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	closeOnce(t, l)
	l = openFS(t, fs)
	a = l.Shelf("a")
	got := map[string]string{}
	if err := a.All(func(k, v []byte) bool { got[string(k)] = string(v); return true }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 4 || got["k"] != "2" || got["x"] != "4" || got["y"] != "5" {
		t.Errorf("all: %v", got)
	}
	if err := a.Delete([]byte("k")); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Get([]byte("k")); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	if v := must(l.Shelf("b").Get([]byte("k")))(t); string(v) != "3" {
		t.Errorf("the other shelf: %s", v)
	}
}

// TestRestore is P8.1 as far as the store can know it: an older copy of the
// store under the present file, or the other way round, forbids writing until a
// new key is named; an unclean stop does not.
func TestRestore(t *testing.T) {
	key, fresh := feedgen.Key(33, 0), feedgen.Key(33, 1)
	now := vfs.NewCrashableMem()
	copyOf := func() *vfs.MemFS { return copyFS(now) }
	l := openFS(t, now)
	g := opened(t, l, 33, key, fresh)
	running := copyOf() // while it runs
	closeOnce(t, l)
	stopped := copyOf()
	closeOnce(t, openFS(t, now))

	if l := openFS(t, running); l.Restored() {
		t.Error("an unclean stop counts as a restore")
	}
	for name, old := range map[string]*vfs.MemFS{"copied while running": copyFS(running), "copied while stopped": copyFS(stopped)} {
		graft(t, now, old)
		for range 2 { // it outlives a restart
			l := openFS(t, old)
			if !l.Restored() {
				t.Fatalf("%s: not noticed", name)
			}
			if _, err := l.Begin(status(g.CaseID(), g.ID), key); !errors.Is(err, ErrRestored) {
				t.Errorf("%s: begin: %v", name, err)
			}
			closeOnce(t, l)
		}
		l := openFS(t, old)
		if err := l.AcceptRestore(kidOf(key)); !errors.Is(err, ErrRestored) {
			t.Errorf("%s: the old key: %v", name, err)
		}
		if err := l.AcceptRestore(kidOf(fresh)); err != nil {
			t.Fatal(err)
		}
		closeOnce(t, l)
		l = openFS(t, old)
		if _, err := l.Begin(status(g.CaseID(), g.ID), key); !errors.Is(err, ErrRestored) {
			t.Errorf("%s: the retired key signs: %v", name, err)
		}
		must(l.Append(t.Context(), status(g.CaseID(), g.ID), fresh))(t)
		sound(t, l, g.CaseID())
		closeOnce(t, l)
	}
}

func copyFS(fs *vfs.MemFS) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: mrand.New(mrand.NewPCG(1, 1))})
}

// graft puts the generation file of one store beside another.
func graft(t *testing.T, from, to *vfs.MemFS) {
	t.Helper()
	if _, err := vfs.Clone(from, to, "store.generation", "store.generation"); err != nil {
		t.Fatal(err)
	}
}

// TestVerifyNotices breaks one row at a time on disk and expects Verify to say so.
func TestVerifyNotices(t *testing.T) {
	w := world(t, 34, 2)
	for name, damage := range map[string]func(v *caseView, e Entry) error{
		"no index row": func(v *caseView, e Entry) error {
			return v.l.db.Delete(keyHashed(tableIndex, v.num, v.box.hide(e.ID[:])), nil)
		},
		"a stray index row": func(v *caseView, e Entry) error {
			return v.put(keyHashed(tableIndex, v.num, v.box.hide([]byte("nobody"))), place{1, 1, 1, true}.append(nil), nil)
		},
		"another lc in the index": func(v *caseView, e Entry) error {
			return v.put(keyHashed(tableIndex, v.num, v.box.hide(e.ID[:])), place{2, uint32(e.Seq), 99, false}.append(nil), nil)
		},
		"no entry":      func(v *caseView, e Entry) error { return v.l.db.Delete(keyEntry(v.num, 2, uint32(e.Seq)), nil) },
		"a flipped bit": func(v *caseView, e Entry) error { return flip(v, keyEntry(v.num, 2, uint32(e.Seq))) },
		"no arrival":    func(v *caseView, e Entry) error { return v.l.db.Delete(keyArrival(v.num, 2), nil) },
		"an uncovered forgery": func(v *caseView, e Entry) error {
			return v.put(keyEntry(v.num, 2, 4), append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 6}, spoil(w.Tip(e.Feed()).Raw)...), nil)
		},
	} {
		w = world(t, 34, 2)
		l := openMem(t)
		accept(t, l, w.Case, w.Genesis)
		es := nextN(t, w, 5, 1, id.Everyone)
		accept(t, l, w.Case, es...)
		sound(t, l, w.Case)
		_, v, err := l.enter(w.Case)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(v, must(l.Entry(w.Case, es[2].ID))(t)); err != nil {
			t.Fatal(err)
		}
		if r, err := l.Verify(t.Context(), w.Case); err != nil || r.Bad == 0 {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
}

func flip(v *caseView, key []byte) error {
	b, closer, err := v.l.db.Get(key)
	if err != nil {
		return err
	}
	out := append([]byte(nil), b...)
	out[len(out)/2] ^= 4
	return errors.Join(closer.Close(), v.l.db.Set(key, out, nil))
}

// TestTwoCutsBetweenStoreAndFile: the file may stay behind any number of starts
// that were cut after the store was renewed and before the file was.
func TestTwoCutsBetweenStoreAndFile(t *testing.T) {
	fs := vfs.NewCrashableMem()
	closeOnce(t, openFS(t, fs))
	behind := copyFS(fs)
	for range 3 {
		openFS(t, fs)
		cut := copyFS(fs) // an unclean stop
		graft(t, behind, cut)
		if l := openFS(t, copyFS(cut)); l.Restored() {
			t.Fatal("a file that stayed behind counts as a restore")
		}
		fs = cut
	}
}
