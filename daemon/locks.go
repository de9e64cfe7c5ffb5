package daemon

import (
	"sync"

	"cordon/protocol/id"
)

// locks serialise our own writing, one lock a case and compartment. Control
// entries of a case are written one after the other, so that each is checked
// against what the one before began; a large attachment does not hold them up.
type locks struct {
	mu   sync.Mutex
	held map[place]*held // mu
}

type place struct {
	c    id.CaseID
	comp id.Comp
}

type held struct {
	mu    sync.Mutex
	users int // who holds or waits; locks.mu
}

func newLocks() *locks { return &locks{held: map[place]*held{}} }

// lock waits for the place and returns what frees it.
func (l *locks) lock(c id.CaseID, comp id.Comp) (unlock func()) {
	at := place{c, comp}
	l.mu.Lock()
	h := l.held[at]
	if h == nil {
		h = &held{}
		l.held[at] = h
	}
	h.users++
	l.mu.Unlock()
	h.mu.Lock()
	return func() {
		h.mu.Unlock()
		l.mu.Lock()
		defer l.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(l.held, at)
		}
	}
}
