package peer

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"sync"
	"time"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/id"
)

const (
	maxBodies = 64 // that one session may be asked for at a time
	sweepStep = 256
)

// fetcher asks for bodies whose entries are here. Small ones come beside their
// entry, large ones are asked for as soon as the entry came; a sweep of each case
// finds the rest. The row of a case says how far a sweep has found nothing missing:
// after a restart it goes on there, whatever a crash has cut off.
type fetcher struct {
	n     *Node
	shelf *ledger.Shelf // case -> place, 8 bytes big-endian
	wake  chan struct{} // one slot

	mu    sync.Mutex
	cases map[id.CaseID]*lacking
	open  map[id.EntryID]bodyAsk
}

// lacking is a case. Guarded by fetcher.mu; the places are moved by run alone.
type lacking struct {
	low  ledger.Pos // all bodies of entries up to it are here
	next ledger.Pos // the sweep goes on behind it
	seen ledger.Pos // the first missing one of this sweep; 0: none yet
	more bool       // entries came since the sweep began
	idle bool       // nothing is missing
}

// bodyAsk is a body asked for.
type bodyAsk struct {
	c     id.CaseID
	by    *session
	have  int // chunks that it has brought us to
	until time.Time
}

func newFetcher(n *Node) (*fetcher, error) {
	f := &fetcher{n: n, shelf: n.c.Ledger.Shelf("peer-bodies"), wake: make(chan struct{}, 1),
		cases: map[id.CaseID]*lacking{}, open: map[id.EntryID]bodyAsk{}}
	rows := map[id.CaseID]ledger.Pos{}
	err := f.shelf.All(func(key, row []byte) bool {
		if c, ok := id.FromBytes[id.CaseID](key); ok && len(row) == 8 {
			rows[c] = ledger.Pos(binary.BigEndian.Uint64(row))
		}
		return true
	})
	if err != nil {
		return nil, internal("read how far bodies are here", err)
	}
	for _, c := range n.c.Ledger.Cases() {
		k := n.cases.get(c)
		f.cases[c] = &lacking{low: rows[c], next: rows[c], idle: k != nil && rows[c] >= k.cursor}
	}
	return f, nil
}

// poke makes run look again soon.
func (f *fetcher) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// note tells that entries came whose bodies may be missing.
func (f *fetcher) note(c id.CaseID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.cases[c]
	if l == nil {
		l = &lacking{}
		f.cases[c] = l
	}
	l.more, l.idle = true, false
}

// run sweeps every Schedule.Retry, and sooner when a session opened or the bodies
// asked for have come.
func (f *fetcher) run(ctx context.Context) {
	tick := time.NewTicker(f.n.c.Schedule.Retry)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-f.wake:
		}
		f.expire()
		for _, c := range f.list() {
			if err := f.sweep(c); err != nil {
				f.n.log.Warn("look for missing bodies", "err", reason(err))
			}
		}
	}
}

func (f *fetcher) list() (out []id.CaseID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c, l := range f.cases {
		if !l.idle {
			out = append(out, c)
		}
	}
	return out
}

func (f *fetcher) expire() {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for e, a := range f.open {
		if now.After(a.until) {
			delete(f.open, e)
		}
	}
}

// sweep asks for bodies that are missing, as many as may be asked for now.
func (f *fetcher) sweep(c id.CaseID) error {
	sources := f.sources(c)
	if len(sources) == 0 {
		return nil
	}
	f.mu.Lock()
	l := f.cases[c]
	if l == nil {
		f.mu.Unlock()
		return nil
	}
	at := l.next
	if at == l.low {
		l.seen, l.more = 0, false
	}
	f.mu.Unlock()
	for {
		list, err := f.n.c.Ledger.Tail(c, at, sweepStep)
		if err != nil {
			return internal("tail", err)
		}
		if len(list) == 0 {
			return f.swept(c, l, at)
		}
		for _, e := range list {
			if e.Body != nil {
				held, _, err := f.n.holdsBody(c, e)
				if err != nil {
					return err
				}
				if !held {
					f.mu.Lock()
					if l.seen == 0 {
						l.seen = e.Pos
					}
					f.mu.Unlock()
					if !f.ask(sources[rand.IntN(len(sources))], c, e) {
						return nil // full; the next time goes on here
					}
				}
			}
			at = e.Pos
			f.mu.Lock()
			l.next = at
			f.mu.Unlock()
		}
	}
}

// swept ends a sweep at its last place: nothing missing, or begin again at the
// first that is.
func (f *fetcher) swept(c id.CaseID, l *lacking, end ledger.Pos) error {
	f.mu.Lock()
	low := end
	if l.seen > 0 {
		low = l.seen - 1
	}
	moved := low != l.low
	l.low, l.next = low, low
	l.idle = l.seen == 0 && !l.more
	f.mu.Unlock()
	if !moved {
		return nil
	}
	return f.shelf.Put(c[:], binary.BigEndian.AppendUint64(nil, uint64(low)))
}

// sources are the sessions with those who may bring something of the case.
func (f *fetcher) sources(c id.CaseID) (out []*session) {
	for _, s := range f.n.with() {
		if st, _ := f.n.cases.standing(c, s.contact.Org); st.brings() && s.sharing(c) != nil {
			out = append(out, s)
		}
	}
	return out
}

// ask asks s for a body, from the first chunk that is missing. False says that s
// has enough to do; a body that is asked for already is no reason for that.
func (f *fetcher) ask(s *session, c id.CaseID, e ledger.Entry) bool {
	f.mu.Lock()
	if _, ok := f.open[e.ID]; ok {
		f.mu.Unlock()
		return true
	}
	busy := 0
	for _, a := range f.open {
		if a.by == s {
			busy++
		}
	}
	if busy >= maxBodies {
		f.mu.Unlock()
		return false
	}
	f.open[e.ID] = bodyAsk{c: c, by: s, until: time.Now().Add(f.n.c.Schedule.Retry)}
	f.mu.Unlock()
	sh := s.sharing(c)
	st, err := f.n.c.Ledger.BodyState(c, *e.Body)
	if err != nil || sh == nil {
		return true
	}
	err = s.queue(&wire.Want{Tag: sh.out, Bodies: []wire.BodyWant{{Entry: e.ID, From: uint32(st.Have)}}})
	if err != nil {
		s.end(err)
	}
	return true
}

// asked says whether s was asked for the body of e.
func (f *fetcher) asked(s *session, e id.EntryID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open[e].by == s
}

// got notes that s has brought something of a body. Only what moves it on gives s
// more time, and only when all of it is here is it no longer asked for: nobody
// keeps the others from being asked, or from answering, by bringing nothing of use.
func (f *fetcher) got(s *session, c id.CaseID, e ledger.Entry) error {
	f.mu.Lock()
	_, ok := f.open[e.ID]
	f.mu.Unlock()
	if !ok {
		return nil
	}
	held, st, err := f.n.holdsBody(c, e)
	if err != nil {
		return err
	}
	f.mu.Lock()
	a, ok := f.open[e.ID]
	switch {
	case !ok:
	case held:
		delete(f.open, e.ID)
	case a.by == s && st.Have > a.have:
		a.have, a.until = st.Have, time.Now().Add(f.n.c.Schedule.Retry)
		f.open[e.ID] = a
	}
	idle := held && len(f.open) == 0
	f.mu.Unlock()
	if idle {
		f.poke()
	}
	return nil
}

// lost forgets what was asked of a session that ended.
func (f *fetcher) lost(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e, a := range f.open {
		if a.by == s {
			delete(f.open, e)
		}
	}
	f.poke()
}
