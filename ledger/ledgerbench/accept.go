package ledgerbench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"cordon/ledger"
	"cordon/ledger/feedgen"
	"cordon/protocol/id"
)

const (
	authors      = 20
	batchEntries = 256
	catchUpRuns  = 8 // runs of 256 of each author
	acceptTurns  = 3
)

// CatchUp is the rate at which Accept takes what 20 authors wrote, in runs of
// 256, batch after batch from one caller that waits for one while it checks the
// next.
func CatchUp(ctx context.Context, dir string) (Result, error) {
	return acceptRate(ctx, dir, "accept, runs of 256", 2, func(w *source) ([][][]byte, error) {
		var batches [][][]byte
		for i := range authors * catchUpRuns {
			b, err := w.batch(func(int) (int, id.Comp) { return i % authors, id.Everyone })
			if err != nil {
				return nil, err
			}
			batches = append(batches, b)
		}
		return batches, nil
	})
}

// EveryRun is the same with every entry a run of its own: 256 feeds, and each
// batch has one entry of each.
func EveryRun(ctx context.Context, dir string) (Result, error) {
	return acceptRate(ctx, dir, "accept, every entry its own run", 0.65, func(w *source) ([][][]byte, error) {
		var batches [][][]byte
		for range authors * catchUpRuns / 4 {
			b, err := w.batch(func(i int) (int, id.Comp) { return i % authors, comp(i / authors) })
			if err != nil {
				return nil, err
			}
			batches = append(batches, b)
		}
		return batches, nil
	})
}

// comp is the n-th compartment that content may lie in.
func comp(n int) id.Comp {
	if n == 0 {
		return id.Everyone
	}
	return id.Comp{byte(n), 1}
}

// source writes batches of entries of 514 bytes: each names five control entries.
type source struct {
	*feedgen.World
	opening [][]byte // genesis and what the deps name
	deps    []id.EntryID
}

func newSource(seed uint64) (*source, error) {
	w, err := feedgen.New(seed, authors)
	if err != nil {
		return nil, err
	}
	s := &source{World: w, opening: [][]byte{w.Genesis.Raw}, deps: []id.EntryID{w.Genesis.ID}}
	for range 4 {
		e, err := w.Next(0, id.Control)
		if err != nil {
			return nil, err
		}
		s.opening, s.deps = append(s.opening, e.Raw), append(s.deps, e.ID)
	}
	return s, nil
}

// batch writes 256 entries, each in the feed that where names.
func (s *source) batch(where func(i int) (author int, comp id.Comp)) ([][]byte, error) {
	raws := make([][]byte, batchEntries)
	for i := range raws {
		author, comp := where(i)
		e, err := s.Next(author, comp, s.deps...)
		if err != nil {
			return nil, err
		}
		raws[i] = e.Raw
	}
	return raws, nil
}

// acceptRate judges Accept by what all cores can verify one by one.
func acceptRate(ctx context.Context, dir, name string, want float64, write func(*source) ([][][]byte, error)) (Result, error) {
	w, err := newSource(7)
	if err != nil {
		return Result{}, err
	}
	batches, err := write(w)
	if err != nil {
		return Result{}, err
	}
	return median(acceptTurns, func() (Result, error) {
		return scratch(dir, func(dir string) (Result, error) {
			limit := VerifyRate()
			rate, err := acceptAll(ctx, dir, w, batches)
			limit = (limit + VerifyRate()) / 2
			return Result{name, rate, "entries/s", limit, "ed25519 verify, all cores", want, false}, err
		})
	})
}

func acceptAll(ctx context.Context, dir string, w *source, batches [][][]byte) (float64, error) {
	l, err := ledger.Open(filepath.Join(dir, "store"), ledger.Options{StoreKey: storeKey()})
	if err != nil {
		return 0, err
	}
	if _, err := l.Accept(ctx, w.Case, w.opening); err != nil {
		return 0, err
	}
	n, start := 0, time.Now()
	var before *ledger.Accepting // a session checks the next frame while this one is synced
	finish := func() error {
		if before == nil {
			return nil
		}
		r, err := before.Wait(ctx)
		if n += r.Stored; err == nil && len(r.Rejected) > 0 {
			err = fmt.Errorf("stored %d: %v", r.Stored, r.Rejected)
		}
		return err
	}
	for _, b := range batches {
		next, err := l.BeginAccept(w.Case, b)
		if err != nil {
			return 0, err
		}
		if err := finish(); err != nil {
			return 0, err
		}
		before = next
	}
	if err := finish(); err != nil {
		return 0, err
	}
	rate := float64(n) / time.Since(start).Seconds()
	return rate, l.Close()
}
