package ledger

import (
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/id"
)

// groupBytes is when a group is full; what waits behind it forms the next one.
const groupBytes = 2 << 20

// commit is one caller's writes, complete and sealed, and what becomes true
// for readers when they are durable. It holds its case's view (one pin).
type commit struct {
	batch *pebble.Batch
	cs    *caseState
	view  *caseView
	last  Pos // of its entries, 0 if it has none
	tips  []tipOf
	ids   []id.EntryID
	done  chan struct{} // closed when durable
}

type tipOf struct {
	feed *feed
	tip  tip
}

// queue is the group commit: one goroutine takes everything that waits into one
// synced batch. Order of the queue is order of the disk.
type queue struct {
	l       *Ledger
	sync    *pebble.WriteOptions // pebble.Sync, except in a negative control
	wake    chan struct{}        // one slot
	stopped chan struct{}

	mu      sync.Mutex
	waiting []*commit // guarded by mu
	closed  bool      // guarded by mu
}

func newQueue(l *Ledger) *queue {
	return &queue{l: l, sync: pebble.Sync, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
}

// add queues c. The caller holds the case's mutex, so that places of arrival
// are queued in their order.
func (q *queue) add(c *commit) error {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	c.cs.pins++
	q.waiting = append(q.waiting, c)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// close ends the goroutine after what is queued has been committed.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	<-q.stopped
}

// take returns the next group; false when the queue is closed and empty.
func (q *queue) take() ([]*commit, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	size, n := 0, 0
	for n < len(q.waiting) && (n == 0 || size+q.waiting[n].batch.Len() <= groupBytes) {
		size += q.waiting[n].batch.Len()
		n++
	}
	group := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	return group, n > 0 || !q.closed
}

func (q *queue) run() {
	defer close(q.stopped)
	for {
		runtime.Gosched() // whoever is about to queue gets into this group; a lone caller loses nothing
		group, open := q.take()
		switch {
		case len(group) > 0:
			q.commit(group)
		case !open:
			return
		default:
			<-q.wake
		}
	}
}

// commit makes a group durable, then visible, then tells who waits.
func (q *queue) commit(group []*commit) {
	batch := group[0].batch
	for _, c := range group[1:] {
		if err := batch.Apply(c.batch, nil); err != nil {
			engineLog{q.l.log}.Fatalf("merge batches: %v", err)
		}
	}
	// Commit point: after a crash before it, none of the group was ever there;
	// after it, all of it is, heads and indexes included.
	if err := batch.Commit(q.sync); err != nil {
		engineLog{q.l.log}.Fatalf("commit: %v", err)
	}
	changed := make([]id.CaseID, 0, len(group))
	for _, c := range group {
		c.publish()
		close(c.done)
		c.batch.Close()
		if c.last > 0 {
			changed = append(changed, c.cs.id)
		}
	}
	q.l.watch.tell(changed)
}

// publish lets readers see what is durable now.
func (c *commit) publish() {
	c.view.index.committed(c.ids)
	c.cs.mu.Lock()
	defer c.cs.mu.Unlock()
	for _, t := range c.tips {
		t.feed.durable = t.tip
	}
	c.view.durable = max(c.view.durable, c.last)
	c.cs.pins--
}
