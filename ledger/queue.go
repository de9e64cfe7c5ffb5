package ledger

import (
	"cmp"
	"runtime"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/id"
)

// groupBytes is when a group is full; what waits behind it forms the next one.
const groupBytes = 2 << 20

// queue is the group commit: everything that waits goes into one synced batch.
// Order of the queue is order of the disk. One goroutine commits at a time: a
// caller that finds nobody at it, which saves a lone caller two changes of
// goroutine, or else run.
type queue struct {
	l       *Ledger
	sync    *pebble.WriteOptions // pebble.Sync, except in a negative control
	wake    chan struct{}        // one slot; run has something to do
	stopped chan struct{}

	several bool // the last group had several appends; whoever has claimed the queue reads and writes it

	mu      sync.Mutex
	waiting []*commit // guarded by mu
	busy    bool      // somebody has claimed the queue; guarded by mu
	closed  bool      // guarded by mu
}

func newQueue(l *Ledger) *queue {
	return &queue{l: l, sync: pebble.Sync, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
}

// add queues c; kick or lead then sees to it. The caller holds the case's mutex,
// so that places of arrival are queued in their order.
func (q *queue) add(c *commit) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	c.cs.pins++
	q.waiting = append(q.waiting, c)
	return nil
}

// kick makes run commit what waits.
func (q *queue) kick() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// lead commits what waits here and now, unless somebody is at it, who then sees
// to the rest.
func (q *queue) lead() {
	if !q.claim() {
		return
	}
	if more, closed := q.turn(); more || closed {
		q.kick() // run may have found us at it
	}
}

// close ends run after what is queued has been committed.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.kick()
	<-q.stopped
}

func (q *queue) run() {
	defer close(q.stopped)
	for range q.wake {
		for more := true; more && q.claim(); {
			more, _ = q.turn()
		}
		q.mu.Lock()
		ended := q.closed && !q.busy && len(q.waiting) == 0
		q.mu.Unlock()
		if ended {
			return
		}
	}
}

// claim says whether the caller is the one who commits: turn is its next call.
func (q *queue) claim() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.busy {
		return false
	}
	q.busy = true
	return true
}

// turn commits one group, ends the claim, and says whether more waits and whether
// the queue was closed.
func (q *queue) turn() (more, closed bool) {
	if q.several {
		runtime.Gosched() // those whom the last group has woken get into this one; on busy cores it takes long
	}
	if group := q.take(); len(group) > 0 {
		q.several = appends(group) > 1
		q.commit(group)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	return len(q.waiting) > 0, q.closed
}

// take returns the next group.
func (q *queue) take() []*commit {
	q.mu.Lock()
	defer q.mu.Unlock()
	size, n := 0, 0
	for n < len(q.waiting) && (n == 0 || size+q.waiting[n].size <= groupBytes) {
		size += q.waiting[n].size
		n++
	}
	group := q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	return group
}

// commit makes a group durable, then visible, then tells who waits.
func (q *queue) commit(group []*commit) {
	batch := q.l.db.NewBatch()
	parts := byCase(group)
	for _, part := range parts {
		part[0].view.write(batch, part)
	}
	// Commit point: after a crash before it, none of the group was ever there;
	// after it, all of it is, heads and indexes included.
	if err := batch.Commit(q.sync); err != nil {
		engineLog{q.l.log}.Fatalf("commit: %v", err)
	}
	batch.Close()
	changed := make(map[id.CaseID]bool, len(parts))
	for _, part := range parts {
		if part[0].view.publish(part) {
			changed[part[0].view.id] = slices.ContainsFunc(part, func(c *commit) bool { return c.own })
		}
	}
	for _, c := range group {
		close(c.done)
	}
	q.l.watch.tell(changed)
}

// appends is how many of a group were written here.
func appends(group []*commit) (n int) {
	for _, c := range group {
		if c.own {
			n++
		}
	}
	return n
}

// byCase parts a group by case. Inside a case the order stays.
func byCase(group []*commit) (parts [][]*commit) {
	slices.SortStableFunc(group, func(a, b *commit) int { return cmp.Compare(a.view.num, b.view.num) })
	for len(group) > 0 {
		n := 1
		for n < len(group) && group[n].cs == group[0].cs {
			n++
		}
		parts, group = append(parts, group[:n]), group[n:]
	}
	return parts
}
