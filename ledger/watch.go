package ledger

import (
	"sync"

	"cordon/protocol/id"
)

// Watch wakes one consumer. It carries no entries: the consumer tails the
// ledger with its own cursor.
type Watch struct {
	C <-chan struct{} // one slot; a value says that Changed has something

	c       chan struct{}
	w       *watchers
	own     bool                   // told only of cases in which an entry was appended
	changed map[id.CaseID]struct{} // guarded by w.mu
}

// watchers is everybody who subscribed.
type watchers struct {
	mu  sync.Mutex
	all map[*Watch]struct{} // guarded by mu
}

// Subscribe starts a watch of all cases; Close ends it.
func (l *Ledger) Subscribe() *Watch { return l.subscribe(false) }

// SubscribeOwn starts a watch of what is appended here, not accepted; Close ends it.
func (l *Ledger) SubscribeOwn() *Watch { return l.subscribe(true) }

func (l *Ledger) subscribe(own bool) *Watch {
	c := make(chan struct{}, 1)
	w := &Watch{C: c, c: c, w: &l.watch, own: own, changed: map[id.CaseID]struct{}{}}
	l.watch.mu.Lock()
	defer l.watch.mu.Unlock()
	if l.watch.all == nil {
		l.watch.all = map[*Watch]struct{}{}
	}
	l.watch.all[w] = struct{}{}
	return w
}

// Changed are the cases with new entries since it was last called, in no order.
func (w *Watch) Changed() []id.CaseID {
	w.w.mu.Lock()
	defer w.w.mu.Unlock()
	cases := make([]id.CaseID, 0, len(w.changed))
	for c := range w.changed {
		cases = append(cases, c)
	}
	clear(w.changed)
	return cases
}

// Close ends the watch; C stays open and silent.
func (w *Watch) Close() {
	w.w.mu.Lock()
	defer w.w.mu.Unlock()
	delete(w.w.all, w)
}

// tell wakes who watches any of the cases with new entries; true: some was appended here.
func (ws *watchers) tell(cases map[id.CaseID]bool) {
	if len(cases) == 0 {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		for c, own := range cases {
			if own || !w.own {
				w.changed[c] = struct{}{}
			}
		}
		if len(w.changed) == 0 {
			continue
		}
		select {
		case w.c <- struct{}{}:
		default:
		}
	}
}
