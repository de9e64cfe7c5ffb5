package ledger

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

var crashSeed = flag.Uint64("crash.seed", 0, "seed of TestPowerCut; 0 draws one")

// acks is what callers were told, up to the moment of the cut.
type acks struct {
	mu      sync.Mutex
	more    *sync.Cond // on mu
	entries map[id.EntryID]id.CaseID
	keys    map[[32]byte]entry.BodyRef
	theCase id.CaseID
}

func (a *acks) entry(c id.CaseID, x id.EntryID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entries[x] = c
	a.more.Signal()
}

func (a *acks) key(cek [32]byte, ref entry.BodyRef) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys[cek] = ref
}

// TestPowerCut is F2: the power fails while callers append, accept, open cases
// and store bodies; of what was not synced, a random part survives. What was
// acknowledged is there, and the store opens and agrees with itself.
func TestPowerCut(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("replay: go test ./ledger -run TestPowerCut -crash.seed=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	n, total := volume(200, 2000, 50_000), 0
	for round := range n {
		total += powerCut(t, round, rand.New(rand.NewPCG(rng.Uint64(), 3)))
		if t.Failed() {
			break
		}
	}
	t.Logf("%d cuts, %d entries acknowledged before them", n, total)
	if total == 0 {
		t.Error("nothing was acknowledged: the test tested nothing")
	}
}

func powerCut(t *testing.T, round int, rng *rand.Rand) int {
	t.Helper()
	fs := vfs.NewCrashableMem()
	l := openFS(t, fs)
	a := &acks{entries: map[id.EntryID]id.CaseID{}, keys: map[[32]byte]entry.BodyRef{}}
	a.more = sync.NewCond(&a.mu)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	seed := rng.Uint64()
	load(t, l, a, seed, stop, &wg)
	target := 1 + rng.IntN(60)
	a.mu.Lock() // held from the target on: nobody is told anything until the disk is copied
	for len(a.entries) < target {
		a.more.Wait()
	}
	after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
	told := len(a.entries)
	entries := make(map[id.EntryID]id.CaseID, told)
	for x, c := range a.entries {
		entries[x] = c
	}
	keys := a.keys
	a.keys = map[[32]byte]entry.BodyRef{}
	a.mu.Unlock()
	close(stop)
	wg.Wait()
	closeOnce(t, l)
	recovered(t, round, after, entries, keys, a.theCase)
	return told
}

// recovered opens what the cut left and checks what had been promised.
func recovered(t *testing.T, round int, fs vfs.FS, entries map[id.EntryID]id.CaseID, keys map[[32]byte]entry.BodyRef, own id.CaseID) {
	t.Helper()
	l, err := open(fs, "store", Options{StoreKey: testKey, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("round %d: the store does not open: %v", round, err)
	}
	defer closeOnce(t, l)
	if l.Restored() {
		t.Errorf("round %d: a power cut counts as a restore", round)
	}
	for x, c := range entries {
		if _, err := l.Entry(c, x); err != nil {
			t.Errorf("round %d: an acknowledged entry is lost: %v", round, err)
		}
	}
	for cek, ref := range keys {
		if got, err := l.Key(own, ref); err != nil || got != cek {
			t.Errorf("round %d: an acknowledged key is lost: %v", round, err)
		}
	}
	for _, c := range l.Cases() {
		if v := sound(t, l, c); v.Entries == 0 {
			t.Errorf("round %d: a case without a genesis", round)
		}
	}
}

// load starts the callers: three append, a fourth with the key of a body before,
// one accepts and opens cases, one stores keys of bodies.
func load(t *testing.T, l *Ledger, a *acks, seed uint64, stop chan struct{}, wg *sync.WaitGroup) {
	keys := someKeys(3)
	g := must(l.Append(t.Context(), feedgen.GenesisFields(seed, keys), keys[0]))(t)
	a.theCase = g.CaseID()
	a.entry(g.CaseID(), g.ID)
	each := func(step func(i int) error) {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := step(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	each(func(i int) error { // the entry's commit makes the key before it durable
		ref, cek := someBody(-1 - i)
		if err := l.PutOwnKey(g.CaseID(), ref, cek); err != nil {
			return err
		}
		e, err := l.Append(context.Background(), status(g.CaseID(), g.ID), keys[0])
		if err == nil {
			a.entry(g.CaseID(), e.ID)
			a.key(cek, ref)
		}
		return err
	})
	for _, k := range keys {
		each(func(int) error {
			e, err := l.Append(context.Background(), status(g.CaseID(), g.ID), k)
			if err == nil {
				a.entry(g.CaseID(), e.ID)
			}
			return err
		})
	}
	each(func(i int) error { return acceptOne(l, a, seed+uint64(i)+1) })
	each(func(i int) error {
		ref, cek := someBody(i)
		err := l.PutKey(g.CaseID(), ref, cek)
		if err == nil {
			a.key(cek, ref)
		}
		return err
	})
}

// someBody is the name of body i and its key.
func someBody(i int) (entry.BodyRef, [32]byte) {
	cek := sha256.Sum256(fmt.Append(nil, i))
	return entry.BodyRef{Hash: cek, Size: 9, KC: sha256.Sum256(append([]byte("cordon-kc/1"), cek[:]...))}, cek
}

// acceptOne accepts a new case and two batches of it.
func acceptOne(l *Ledger, a *acks, seed uint64) error {
	w, err := feedgen.New(seed, 2)
	if err != nil {
		return err
	}
	batch := [][]byte{w.Genesis.Raw}
	for range 2 {
		for i := range 6 {
			e, err := w.Next(i%2, id.Everyone, w.Genesis.ID)
			if err != nil {
				return err
			}
			batch = append(batch, e.Raw)
		}
		r, err := l.Accept(context.Background(), w.Case, batch)
		if err != nil {
			return err
		}
		for _, e := range r.Entries {
			a.entry(w.Case, e.ID)
		}
		batch = nil
	}
	return nil
}

// TestPowerCutBites is the negative control of TestPowerCut: a caller that is
// told before the sync loses what it was told, so the cut does cut.
func TestPowerCutBites(t *testing.T) {
	lost := 0
	const rounds = 20
	for round := range rounds {
		fs := vfs.NewCrashableMem()
		l := openFS(t, fs)
		key := feedgen.Key(1, 0)
		g := opened(t, l, uint64(round), key)
		l.queue.sync = pebble.NoSync
		told := must(l.Append(t.Context(), status(g.CaseID(), g.ID), key))(t).ID
		after := fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(round), 4))})
		closeOnce(t, l)
		r := openFS(t, after)
		if _, err := r.Entry(g.CaseID(), told); err != nil {
			lost++
		}
		closeOnce(t, r)
	}
	if lost <= rounds/2 {
		t.Errorf("only %d of %d runs lose what was not synced", lost, rounds)
	}
}
