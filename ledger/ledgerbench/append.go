package ledgerbench

import (
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"time"

	"cordon/ledger"
	"cordon/ledger/feedgen"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

const (
	callers = 64
	feeds   = 8

	// Limit and figure are measured in short slices, in turn, so that whoever
	// else uses the machine slows down both.
	turns      = 15
	limitSlice = 80 * time.Millisecond
	manySlice  = 200 * time.Millisecond // of appends by all callers
)

// Appends is the rate of durable appends by 64 callers on 8 feeds of one case.
// Its limit is the lesser of Pebble's synced commits for 64 writers and the
// signatures that all cores can make.
func Appends(ctx context.Context, dir string) (Result, error) {
	return inTurns(ctx, dir, feeds, func(w *writer, c *Commits) (Result, error) {
		most, err := together(callers, limitSlice, c.One)
		if err != nil {
			return Result{}, err
		}
		limit, name := most.rate, "pebble synced commits, 64 writers"
		if signs := signRate(); signs < limit {
			limit, name = signs, "ed25519 sign, all cores"
		}
		p, err := together(callers, manySlice, func(i int) error { return w.append(ctx, i) })
		return Result{"durable appends, 64 callers on 8 feeds", p.rate, "entries/s", limit, name, 0.5, false}, err
	})
}

// SingleAppend is the median time of one append by a lone caller. Its limit is
// one synced Pebble commit, one signature and 30 µs.
func SingleAppend(ctx context.Context, dir string) (Result, error) {
	return inTurns(ctx, dir, 1, func(w *writer, c *Commits) (Result, error) {
		commit, err := together(1, limitSlice, c.One)
		if err != nil {
			return Result{}, err
		}
		limit := micros(commit.median) + micros(signTime()) + 30
		p, err := together(1, limitSlice, func(i int) error { return w.append(ctx, i) })
		return Result{"single append, median", micros(p.median), "µs", limit, "synced commit + signature + 30 µs", 1, true}, err
	})
}

// inTurns measures limit and figure turn by turn. Both stores stay from the first
// turn to the last, so that what flushes and compactions cost is in both.
func inTurns(ctx context.Context, dir string, feeds int, once func(*writer, *Commits) (Result, error)) (Result, error) {
	return scratch(dir, func(dir string) (Result, error) {
		c, err := NewCommits(dir)
		if err != nil {
			return Result{}, err
		}
		w, err := newWriter(ctx, dir, feeds)
		if err != nil {
			return Result{}, errors.Join(err, c.Close())
		}
		r, err := median(turns, func() (Result, error) { return once(w, c) })
		return r, errors.Join(err, w.Close(), c.Close())
	})
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// writer is a ledger with one case, and feeds of it that callers append to.
type writer struct {
	*ledger.Ledger
	genesis ledger.Entry
	keys    []ed25519.PrivateKey // one a feed
}

func newWriter(ctx context.Context, dir string, feeds int) (*writer, error) {
	l, err := ledger.Open(filepath.Join(dir, "store"), ledger.Options{StoreKey: storeKey()})
	if err != nil {
		return nil, err
	}
	w := &writer{Ledger: l, keys: make([]ed25519.PrivateKey, feeds)}
	for i := range w.keys {
		w.keys[i] = feedgen.Key(3, i)
	}
	w.genesis, err = l.Append(ctx, feedgen.GenesisFields(3, w.keys), w.keys[0])
	return w, err
}

// append writes one entry for a caller, to the feed that is its own or that it
// shares with others.
func (w *writer) append(ctx context.Context, caller int) error {
	f := entry.Fields{Case: w.genesis.CaseID(), Comp: id.Control, Deps: []id.EntryID{w.genesis.ID}}
	feedgen.Fill(&f, 0)
	_, err := w.Append(ctx, f, w.keys[caller%len(w.keys)])
	return err
}
