package ledger

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// testKey is the store key of every test store.
var testKey = [32]byte{1, 2, 3}

// openMem opens a store in memory; it is closed at the end of the test.
func openMem(t testing.TB) *Ledger {
	t.Helper()
	return openFS(t, vfs.NewMem())
}

func openFS(t testing.TB, fs vfs.FS) *Ledger {
	t.Helper()
	l, err := open(fs, "store", Options{StoreKey: testKey, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOnce(t, l) })
	return l
}

// closeOnce closes l unless the test has done so.
func closeOnce(t testing.TB, l *Ledger) {
	l.queue.mu.Lock()
	closed := l.queue.closed
	l.queue.mu.Unlock()
	if closed {
		return
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func world(t testing.TB, seed uint64, n int) *feedgen.World {
	t.Helper()
	return must(feedgen.New(seed, n))(t)
}

// must ends the test on an error.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func raws(es ...*entry.Sealed) [][]byte {
	out := make([][]byte, len(es))
	for i, e := range es {
		out[i] = append([]byte(nil), e.Raw...)
	}
	return out
}

// accept fails the test unless everything is stored.
func accept(t testing.TB, l *Ledger, c id.CaseID, es ...*entry.Sealed) Result {
	t.Helper()
	r := must(l.Accept(t.Context(), c, raws(es...)))(t)
	if r.Stored != len(es) {
		t.Fatalf("stored %d of %d: %+v", r.Stored, len(es), r.Rejected)
	}
	return r
}

// ids are the ids of everything in the case, by Tail.
func ids(t testing.TB, l *Ledger, c id.CaseID) map[id.EntryID]bool {
	t.Helper()
	all := map[id.EntryID]bool{}
	for _, e := range must(l.Tail(c, 0, 1<<20))(t) {
		all[e.ID] = true
	}
	return all
}

// sound fails the test unless Verify finds nothing wrong.
func sound(t testing.TB, l *Ledger, c id.CaseID) Report {
	t.Helper()
	r := must(l.Verify(context.Background(), c))(t)
	if r.Bad != 0 {
		t.Fatalf("verify: %+v", r)
	}
	return r
}

// spoil returns a copy of raw with another, bad signature: same id.
func spoil(raw []byte) []byte {
	out := append([]byte(nil), raw...)
	out[len(out)-1] ^= 1
	return out
}

func kidOf(key ed25519.PrivateKey) id.Kid { return cose.Thumbprint(key.Public().(ed25519.PublicKey)) }

// opened begins a case of its own with the given keys.
func opened(t testing.TB, l *Ledger, seed uint64, keys ...ed25519.PrivateKey) Entry {
	t.Helper()
	return must(l.Append(t.Context(), feedgen.GenesisFields(seed, keys), keys[0]))(t)
}

// note is a content entry of the case; its place is n.
func note(c id.CaseID, n int, deps ...id.EntryID) entry.Fields {
	f := entry.Fields{Case: c, Comp: id.Everyone, Seq: id.Seq(n), T: 1, Deps: deps}
	feedgen.Fill(&f, byte(n))
	return f
}

// status is a control entry of the case.
func status(c id.CaseID, deps ...id.EntryID) entry.Fields {
	f := entry.Fields{Case: c, Comp: id.Control, T: 1, Deps: deps}
	feedgen.Fill(&f, 0)
	return f
}

// someKeys are n keys of the seed.
func someKeys(n int) []ed25519.PrivateKey {
	keys := make([]ed25519.PrivateKey, n)
	for i := range keys {
		keys[i] = feedgen.Key(uint64(n), i)
	}
	return keys
}

func someKeysOf(keys ...ed25519.PrivateKey) []ed25519.PrivateKey { return keys }
