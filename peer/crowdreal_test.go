package peer_test

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"reflect"
	"sync"
	"testing"
	"time"

	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
)

// census counts the frames that daemons get, by kind.
type census struct {
	mu   sync.Mutex
	n    map[string]int
	torn int // pieces that are no whole frames
}

func (c *census) tap(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := bytes.NewReader(b); r.Len() > 0; {
		raw, err := wire.ReadFrame(r, nil, wire.MaxFrame)
		var f wire.Frame
		if err == nil {
			f, err = wire.Parse(raw)
		}
		if err != nil {
			c.torn++
			return
		}
		c.n[reflect.TypeOf(f).Elem().Name()]++
	}
}

func (c *census) take() (n map[string]int, torn int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, torn = c.n, c.torn
	c.n, c.torn = map[string]int{}, 0
	return n, torn
}

// TestCrowdIsLikeDaemons holds the model against whole daemons: with the same lines and as
// many entries, as many ENTRIES, IHAVE and ACK come, give or take one of twenty, and an
// entry is with all as soon. The control is a model that tells on to fewer.
func TestCrowdIsLikeDaemons(t *testing.T) {
	const writers = 3
	// So many that one of twenty is over four times what the counts vary by from run to run.
	for n, each := range map[int]int{5: 160, 12: 32} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			simulate(t, n, 1, 2, func(w *world) {
				real, last := w.count(writers, each)
				set := crowdSet{seed: w.draw.Uint64(), size: n, writers: writers, lines: w.far, tell: 8, entry: 500, heads: n}
				model, modelLast := countCrowd(set, each)
				t.Logf("daemons: %v, all after %v; model: %v, all after %v", real, last, model, modelLast)
				if d := last - modelLast; d.Abs() > 10*time.Millisecond {
					t.Errorf("an entry is with all after %v, in the model after %v", last, modelLast)
				}
				if why := unlike(real, model); why != "" {
					t.Error(why)
				}
				set.tell = 2
				if fewer, _ := countCrowd(set, each); unlike(real, fewer) == "" {
					t.Errorf("negative control: a model that tells two is like them: %v", fewer)
				}
			})
		})
	}
}

// unlike says what is not as often in the one as in the other.
func unlike(real, model map[string]int) string {
	for frame, kind := range map[string]string{"Entries": "ENTRIES", "IHave": "IHAVE", "Ack": "ACK"} {
		a, b := float64(real[frame]), float64(model[kind])
		if math.Abs(a-b) > 0.05*max(a, b) {
			return fmt.Sprintf("%s: %v, in the model %v", kind, a, b)
		}
	}
	return ""
}

// count has daemons write in turn, and counts what comes of it, and how long an entry took.
func (w *world) count(writers, each int) (map[string]int, time.Duration) {
	c := &census{n: map[string]int{}}
	for i, o := range w.orgs {
		o.Tap = c.tap
		w.restart(i, o.Disk)
		w.plug(i, true)
	}
	w.settle(func() error {
		for _, o := range w.orgs {
			for _, p := range w.orgs {
				if o != p && !connected(o, p.ID) {
					return fmt.Errorf("%s and %s have no session", o.Chain.Name, p.Chain.Name)
				}
			}
		}
		return w.same()
	})
	pass(2 * crowdTimes.Tags)
	c.take()
	var slowest time.Duration
	for i := range writers * each {
		o := w.orgs[i%writers]
		begin := time.Now()
		e, err := o.Write(w.c, &protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/192.0.2.1/tcp/%d", 1+i)}})
		if err != nil {
			w.t.Fatal(err)
		}
		for !w.everywhere(e.ID) {
			pass(time.Millisecond)
		}
		slowest = max(slowest, time.Since(begin))
		pass(2 * time.Second)
	}
	n, torn := c.take()
	if torn > 0 {
		w.t.Errorf("%d pieces of what came are no frames: the count is worth nothing", torn)
	}
	return n, slowest
}

func (w *world) everywhere(x id.EntryID) bool {
	for _, o := range w.orgs {
		if _, err := o.Ledger.Entry(w.c, x); err != nil {
			return false
		}
	}
	return true
}

// countCrowd is count of the model.
func countCrowd(set crowdSet, each int) (map[string]int, time.Duration) {
	w := newCrowd(set)
	w.run(time.Minute)
	clear(w.frames)
	for i := range set.writers * each {
		w.write(i % set.writers)
		w.run(2 * time.Second)
	}
	n := maps.Clone(w.frames)
	var slowest time.Duration
	for f := range set.writers {
		for seq, at := range w.orgs[f].came[f] {
			for _, o := range w.orgs {
				slowest = max(slowest, o.came[f][seq]-at)
			}
		}
	}
	return n, slowest
}
