package peerbench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"cordon/ledger"
	"cordon/ledger/ledgerbench"
	"cordon/protocol/id"
)

const callers = 64

// Load is appends that are due at a rate, whether or not those before them have ended.
type Load struct {
	Rate  int // a second
	Slice int // appends in each turn
	Turns int
}

// Loads are those that say enough within half a minute.
func Loads() []Load { return []Load{{10, 10, 10}, {1000, 250, 10}} }

// Sustained is a minute at the higher rate.
func Sustained() []Load { return []Load{{1000, 60_000, 1}} }

// Live is the time from when an append at A is due to the entry being stored and
// visible at B. It stands beside two synced commits, one after the other, in two bare
// Pebble stores under the same load, half of it before each turn and half after.
func Live(ctx context.Context, dir string, loads []Load) (rs []ledgerbench.Result, err error) {
	p, err := newPair(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	var bare [2]*ledgerbench.Commits
	for i := range bare {
		if bare[i], err = ledgerbench.NewCommits(filepath.Join(dir, fmt.Sprint("bare", i))); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, bare[i].Close()) }()
	}
	commit := func(caller int) error { return errors.Join(bare[0].One(caller), bare[1].One(caller)) }
	l, err := newLive(p)
	if err != nil {
		return nil, err
	}
	for _, load := range loads {
		var times, limits []time.Duration
		bare := func() (err error) {
			d, err := offer(load.Rate, load.Slice/2, commit)
			limits = append(limits, d...)
			return err
		}
		for range load.Turns {
			d, err := between(bare, func() ([]time.Duration, error) { return l.offer(ctx, load.Rate, load.Slice) })
			if err != nil {
				return nil, err
			}
			times = append(times, d...)
		}
		rs = append(rs, liveResults(load, times, limits)...)
	}
	return rs, nil
}

// between calls what once before and once after do: the disk is another by the minute.
func between(what func() error, do func() ([]time.Duration, error)) ([]time.Duration, error) {
	if err := what(); err != nil {
		return nil, err
	}
	d, err := do()
	return d, errors.Join(err, what())
}

func liveResults(load Load, times, limits []time.Duration) []ledgerbench.Result {
	what := fmt.Sprintf("append at A visible at B, loopback, %d/s offered, %d turns of %.3g s, ",
		load.Rate, load.Turns, float64(load.Slice)/float64(load.Rate))
	return []ledgerbench.Result{
		{Name: what + "median", Value: micros(at(times, 0.5)), Unit: "µs", Limit: micros(at(limits, 0.5)) + 1000,
			LimitName: "two synced commits at the same rate + 1 ms", Want: 1, AtMost: true},
		{Name: what + "p99", Value: micros(at(times, 0.99)), Unit: "µs", Limit: 2*micros(at(limits, 0.99)) + 3000,
			LimitName: "2 × two synced commits at their p99, at the same rate, + 3 ms", Want: 1, AtMost: true},
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// at is the part-th of the times: 0.5 is the median.
func at(times []time.Duration, part float64) time.Duration {
	slices.Sort(times)
	return times[min(int(part*float64(len(times))), len(times)-1)]
}

// offer has do called n times at a rate, by 64 callers, and returns how long after it
// was due each call ended.
func offer(rate, n int, do func(caller int) error) ([]time.Duration, error) {
	times := make([]time.Duration, n)
	err := paced(rate, n, func(caller, i int, due time.Time) error {
		err := do(caller)
		times[i] = time.Since(due)
		return err
	})
	return times, err
}

// paced calls do n times at a rate: call i of n as soon as it is due and a caller is free.
func paced(rate, n int, do func(caller, i int, due time.Time) error) error {
	next := make(chan int, n)
	begin := time.Now()
	due := func(i int) time.Time { return begin.Add(time.Duration(i) * time.Second / time.Duration(rate)) }
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range next {
				if errs[c] == nil {
					errs[c] = do(c, i, due(i))
				}
			}
		})
	}
	for i := range n {
		<-time.After(time.Until(due(i)))
		next <- i
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

// live appends at A and looks at B.
type live struct {
	pair
	append func(context.Context) (ledger.Entry, error)
	at     ledger.Pos // of B's case, seen so far
}

func newLive(p pair) (*live, error) {
	add, err := p.a.Appender(p.c)
	if err != nil {
		return nil, err
	}
	end, err := p.b.Ledger.End(p.c)
	return &live{p, add, end}, err
}

// offer is offer for appends; each ends when B holds its entry.
func (l *live) offer(ctx context.Context, rate, n int) ([]time.Duration, error) {
	ids, dues := make([]id.EntryID, n), make([]time.Time, n)
	var seen map[id.EntryID]time.Time
	var failed error
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { seen, failed = l.watch(ctx, n) })
	err := paced(rate, n, func(_, i int, due time.Time) error {
		e, err := l.append(ctx)
		ids[i], dues[i] = e.ID, due
		return err
	})
	if err != nil {
		cancel()
	}
	wg.Wait()
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	times := make([]time.Duration, n)
	for i := range times {
		times[i] = seen[ids[i]].Sub(dues[i])
	}
	return times, nil
}

// watch notes when each of the next n entries is visible at B.
func (l *live) watch(ctx context.Context, n int) (map[id.EntryID]time.Time, error) {
	w := l.b.Ledger.Subscribe()
	defer w.Close()
	seen := make(map[id.EntryID]time.Time, n)
	for {
		list, err := l.b.Ledger.Tail(l.c, l.at, n)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		for _, e := range list {
			seen[e.ID], l.at = now, e.Pos
		}
		if len(seen) >= n {
			return seen, nil
		}
		select {
		case <-w.C:
			w.Changed()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
