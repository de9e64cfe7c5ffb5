package ledgerbench

import (
	"context"
	"crypto/ed25519"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"cordon/ledger"
	"cordon/ledger/feedgen"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

const (
	callers    = 64
	feeds      = 8
	appendTime = time.Second
	oneTime    = 500 * time.Millisecond
)

// Appends is the rate of durable appends by 64 callers on 8 feeds of one case.
// Its limit is the lesser of Pebble's synced commits for 64 writers and the
// signatures that all cores can make.
func Appends(ctx context.Context, dir string) (Result, error) {
	return median(dir, func(dir string) (Result, error) {
		commits, _, err := pebbleCommits(dir, callers, limitTime)
		if err != nil {
			return Result{}, err
		}
		limit, name := commits, "pebble synced commits, 64 writers"
		if signs := signRate(); signs < limit {
			limit, name = signs, "ed25519 sign, all cores"
		}
		times, took, err := appendAll(ctx, dir, feeds, callers, appendTime)
		rate := float64(len(times)) / took.Seconds()
		return Result{"durable appends, 64 callers on 8 feeds", rate, "entries/s", limit, name, 0.5, false}, err
	})
}

// SingleAppend is the median time of one append by a lone caller. Its limit is
// one synced Pebble commit, one signature and 30 µs.
func SingleAppend(ctx context.Context, dir string) (Result, error) {
	return median(dir, func(dir string) (Result, error) {
		_, before, err := pebbleCommits(filepath.Join(dir, "1"), 1, oneTime)
		if err != nil {
			return Result{}, err
		}
		times, _, err := appendAll(ctx, dir, 1, 1, oneTime)
		if err != nil {
			return Result{}, err
		}
		_, after, err := pebbleCommits(filepath.Join(dir, "2"), 1, oneTime)
		slices.Sort(times)
		one := micros(times[len(times)/2])
		limit := micros(before+after)/2 + micros(signTime()) + 30
		return Result{"single append, median", one, "µs", limit, "synced commit + signature + 30 µs", 1, true}, err
	})
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// signTime is the median time of one signature.
func signTime() time.Duration {
	key, msg := feedgen.Key(1, 1), make([]byte, 500)
	times := make([]time.Duration, 501)
	for i := range times {
		at := time.Now()
		ed25519.Sign(key, msg)
		times[i] = time.Since(at)
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// appendAll appends for d and returns the time of each append, and of all.
func appendAll(ctx context.Context, dir string, feeds, callers int, d time.Duration) ([]time.Duration, time.Duration, error) {
	l, err := ledger.Open(filepath.Join(dir, "store"), ledger.Options{StoreKey: storeKey()})
	if err != nil {
		return nil, 0, err
	}
	keys := make([]ed25519.PrivateKey, feeds)
	for i := range keys {
		keys[i] = feedgen.Key(3, i)
	}
	g, err := l.Append(ctx, feedgen.GenesisFields(3, keys), keys[0])
	if err != nil {
		return nil, 0, err
	}
	var mu sync.Mutex
	var times []time.Duration
	var wg sync.WaitGroup
	start := time.Now()
	for i := range callers {
		wg.Go(func() {
			f := entry.Fields{Case: g.CaseID(), Comp: id.Control, Deps: []id.EntryID{g.ID}}
			feedgen.Fill(&f, 0)
			var mine []time.Duration
			for time.Since(start) < d && ctx.Err() == nil {
				at := time.Now()
				if _, e := l.Append(ctx, f, keys[i%feeds]); e != nil {
					mu.Lock()
					err = e
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, mine...)
		})
	}
	wg.Wait()
	took := time.Since(start)
	if err != nil {
		return nil, 0, err
	}
	return times, took, l.Close()
}
