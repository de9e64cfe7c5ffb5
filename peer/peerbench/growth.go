package peerbench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cordon/ledger"
	"cordon/ledger/ledgerbench"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

// The requirements on two daemons that share 1,000 cases and have nothing new.
const (
	growthBytes = 100_000
	growthTime  = 300 // ms
	growthTurns = 5
	markers     = 2 // cases in which something is written to see the end of a comparison
)

// Growth is what it costs two daemons that share many cases to see that nothing is
// new, from the first byte of a session to when both have compared all of them; and
// how that grows with the number of cases in which something is new. Bytes are those
// that arrive on streams at both ends.
func Growth(ctx context.Context, dir string, cases int) (rs []ledgerbench.Result, err error) {
	g, err := newGrown(ctx, dir, cases)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := errors.Join(g.a.Start(), g.b.Start()); err != nil {
		return nil, err
	}
	first, err := g.compared(ctx, 0)
	if err != nil {
		return nil, err
	}
	same := make([]round, growthTurns)
	for i := range same {
		if same[i], err = g.again(ctx, 0); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(same, func(x, y round) int { return cmp.Compare(x.took, y.took) })
	mid, most := same[growthTurns/2], slices.MaxFunc(same, func(x, y round) int { return cmp.Compare(x.bytes, y.bytes) })
	what := fmt.Sprintf("%d shared cases, nothing new, ", cases)
	required := func(name string, value float64, unit string, limit float64) ledgerbench.Result {
		return ledgerbench.Result{Name: what + name, Value: value, Unit: unit, Limit: limit, LimitName: "required", Want: 1, AtMost: true}
	}
	rs = []ledgerbench.Result{
		required("bytes of a reconnect, both directions, the most of 5", float64(most.bytes), "bytes", growthBytes),
		required("first comparison after both started", millis(first.took), "ms", growthTime),
		required("time of a reconnect, median of 5", millis(mid.took), "ms", growthTime),
	}
	grows, err := g.grows(ctx, cases, mid)
	return append(rs, grows...), err
}

// grows compares what 100 cases with a new entry cost with what 10 cost, per entry.
func (g *grown) grows(ctx context.Context, cases int, nothing round) ([]ledgerbench.Result, error) {
	few, many := max(1, cases/100), max(2, cases/10)
	a, err := g.again(ctx, few)
	if err != nil {
		return nil, err
	}
	b, err := g.again(ctx, many)
	if err != nil {
		return nil, err
	}
	each := func(r round, n int) float64 { return float64(r.bytes-nothing.bytes) / float64(n) }
	return []ledgerbench.Result{{
		Name:  fmt.Sprintf("%d shared cases, %d of them with a new entry, bytes for each beyond nothing new", cases, many),
		Value: each(b, many), Unit: "bytes", Limit: each(a, few), LimitName: fmt.Sprintf("the same with %d", few), Want: 1.2, AtMost: true,
	}}, nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// grown is two organisations that share many cases.
type grown struct {
	pair
	cases []id.CaseID // the first are markers
	taps  [2]tap
}

// tap counts what arrives at one end.
type tap struct {
	bytes atomic.Int64
	first atomic.Int64 // when the first of a session came, in Unix nanoseconds
}

func (t *tap) take(b []byte) {
	t.first.CompareAndSwap(0, time.Now().UnixNano())
	t.bytes.Add(int64(len(b)))
}

func (t *tap) reset() {
	t.bytes.Store(0)
	t.first.Store(0)
}

// round is one comparison of everything.
type round struct {
	took  time.Duration
	bytes int64
}

// newGrown has A open all cases and admit B, and gives B what A then holds: how it
// came there is not measured.
func newGrown(ctx context.Context, dir string, cases int) (*grown, error) {
	g := &grown{cases: make([]id.CaseID, cases)}
	s := schedule()
	s.Dial, s.DialMax = 200*time.Millisecond, 200*time.Millisecond // each round of it asks every case for who is in it: peertest's directory does
	var err error
	if g.a, err = peertest.New("a", filepath.Join(dir, "a"), s); err != nil {
		return nil, err
	}
	if g.b, err = peertest.New("b", filepath.Join(dir, "b"), s); err != nil {
		return nil, errors.Join(err, g.a.Close())
	}
	peertest.Meet(g.a, g.b)
	g.a.Tap, g.b.Tap = g.taps[0].take, g.taps[1].take
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := w; i < cases && errs[w] == nil; i += len(errs) {
				g.cases[i], errs[w] = g.share(ctx)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// share opens one case at A that B is in and holds.
func (g *grown) share(ctx context.Context) (id.CaseID, error) {
	c, err := g.a.Open()
	if err != nil {
		return c, err
	}
	if err := g.a.Admit(c, g.b, protocol.Coordinator); err != nil {
		return c, err
	}
	list, err := g.a.Ledger.Tail(c, 0, 100)
	if err != nil {
		return c, err
	}
	var raws [][]byte
	for _, e := range list {
		raws = append(raws, e.Raw)
	}
	if res, err := g.b.Ledger.Accept(ctx, c, raws); err != nil || res.Stored != len(raws) {
		return c, fmt.Errorf("stored %d of %d: %w", res.Stored, len(raws), err)
	}
	return c, nil
}

// again ends the session, writes an entry in n cases, half of them at each end, and
// waits until the two have met again and compared everything.
func (g *grown) again(ctx context.Context, n int) (round, error) {
	g.a.Node.Drop(g.b.ID)
	g.b.Node.Drop(g.a.ID)
	if err := g.wait(ctx, func() bool { return !g.met(g.a) && !g.met(g.b) }); err != nil {
		return round{}, err
	}
	for i := range g.taps {
		g.taps[i].reset()
	}
	for i, c := range g.cases[markers : markers+n] {
		if _, err := g.note([]*peertest.Org{g.a, g.b}[i%2], c); err != nil {
			return round{}, err
		}
	}
	return g.compared(ctx, n)
}

// met says whether an end has a session.
func (g *grown) met(o *peertest.Org) bool {
	for _, p := range o.Node.Status() {
		if p.Connected {
			return true
		}
	}
	return false
}

func (g *grown) note(o *peertest.Org, c id.CaseID) (ledger.Entry, error) {
	return o.Write(c, &protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1000"}})
}

// compared waits until both ends have taken the TAGS of the other, and everything
// that they brought. Frames are taken in turn: an entry that is written at either end
// once its TAGS have arrived is taken after them.
func (g *grown) compared(ctx context.Context, n int) (r round, err error) {
	arrived := func() bool {
		for i := range g.taps {
			if g.taps[i].bytes.Load() < int64(len(g.cases)*tagPair) {
				return false
			}
		}
		return true
	}
	if err := g.wait(ctx, arrived); err != nil {
		return r, fmt.Errorf("TAGS arrive: %w", err)
	}
	for i, o := range []*peertest.Org{g.a, g.b} {
		other := []*peertest.Org{g.b, g.a}[i]
		e, err := g.note(o, g.cases[i])
		if err != nil {
			return r, err
		}
		if err := g.wait(ctx, func() bool { _, err := other.Ledger.Entry(g.cases[i], e.ID); return err == nil }); err != nil {
			return r, fmt.Errorf("the marker arrives: %w", err)
		}
	}
	if err := g.wait(ctx, func() bool { return g.same(n) }); err != nil {
		return r, fmt.Errorf("what is new arrives: %w", err)
	}
	begin := min(g.taps[0].first.Load(), g.taps[1].first.Load())
	return round{time.Since(time.Unix(0, begin)), g.taps[0].bytes.Load() + g.taps[1].bytes.Load()}, nil
}

// tagPair is how many bytes of TAGS a case takes at least: a tag and a mark.
const tagPair = 32

// same says whether both ends hold the same of the cases that were written to.
func (g *grown) same(n int) bool {
	for _, c := range g.cases[:markers+n] {
		if count(g.a.Ledger, c) != count(g.b.Ledger, c) {
			return false
		}
	}
	return true
}
