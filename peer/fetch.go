package peer

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/id"
)

const (
	maxBodies = 64 // that one session may be asked for at a time
	sweepStep = 256
	maxPause  = 60 // times Schedule.Retry, between two sweeps that bring nothing
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
	asks  map[id.EntryID]bodyAsk
	count uint64                // asks so far
	owed  map[id.EntryID][]owed // asked of us before they are here
}

// lacking is a case. Guarded by fetcher.mu; the places are moved by run alone.
// Sweeps come with every Schedule.Retry; when every source was asked in vain, each
// pause is twice the one before, until something of the case comes or somebody new
// is there to ask.
type lacking struct {
	low  ledger.Pos // all bodies of entries up to it are here
	next ledger.Pos // the sweep goes on behind it
	seen ledger.Pos // the first missing one of this sweep; 0: none yet
	more bool       // entries came since the sweep began
	idle bool       // nothing is missing

	turn  int       // grows with each sweep that asked: the next asks another source
	vain  int       // sweeps that asked, since there was hope
	asked bool      // somebody, since the last sweep ended
	due   time.Time // no sweep before
}

// pause is how long no sweep follows one that asked, if so many have asked in vain.
func pause(vain, sources int, retry time.Duration) time.Duration {
	if vain <= sources {
		return 0 // the next asks somebody else
	}
	return min(retry<<min(vain-sources, 10), maxPause*retry)
}

// bodyAsk is a body asked for. Once until has passed another may be asked, and until
// one is, what comes late from by is still taken: over a slow link, all that comes.
type bodyAsk struct {
	c     id.CaseID
	by    *session
	have  int // chunks that it has brought us to
	most  int // bytes of a frame
	until time.Time
	turn  uint64 // answers come in the order of the asks
}

// open says whether an answer is waited for.
func (a bodyAsk) open(now time.Time) bool { return !now.After(a.until) }

func newFetcher(n *Node) (*fetcher, error) {
	f := &fetcher{n: n, shelf: n.c.Ledger.Shelf(shelfBodies), wake: make(chan struct{}, 1),
		cases: map[id.CaseID]*lacking{}, asks: map[id.EntryID]bodyAsk{}, owed: map[id.EntryID][]owed{}}
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

// hope tells that something came, or that somebody is there to ask who was not.
func (f *fetcher) hope(list []id.CaseID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range list {
		f.hopeLocked(c)
	}
}

// hopeLocked ends the pauses of a case. The caller holds f.mu.
func (f *fetcher) hopeLocked(c id.CaseID) {
	if l := f.cases[c]; l != nil {
		l.vain, l.due = 0, time.Time{}
	}
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
	now := time.Now()
	for c, l := range f.cases {
		if !l.idle && !now.Before(l.due) {
			out = append(out, c)
		}
	}
	return out
}

// expire forgets asks that ran out as long ago as the longest pause.
func (f *fetcher) expire() {
	past := time.Now().Add(-maxPause * f.n.c.Schedule.Retry)
	f.mu.Lock()
	defer f.mu.Unlock()
	for e, a := range f.asks {
		if !a.open(past) {
			delete(f.asks, e)
		}
	}
	f.disownLocked(nil)
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
			return f.swept(c, l, at, len(sources))
		}
		for _, e := range list {
			if e.Body != nil {
				held, st, err := f.n.holdsBody(c, e)
				if err != nil {
					return err
				}
				if !held && !st.Erased {
					f.mu.Lock()
					if l.seen == 0 {
						l.seen = e.Pos
					}
					f.mu.Unlock()
					if !f.askOne(sources, l.turn, c, e) {
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
func (f *fetcher) swept(c id.CaseID, l *lacking, end ledger.Pos, sources int) error {
	f.mu.Lock()
	low := end
	if l.seen > 0 {
		low = l.seen - 1
	}
	moved := low != l.low
	l.low, l.next = low, low
	l.idle = l.seen == 0 && !l.more
	if l.asked {
		l.asked = false
		l.turn++
		l.vain++
		l.due = time.Now().Add(pause(l.vain, sources, f.n.c.Schedule.Retry))
	}
	f.mu.Unlock()
	if !moved {
		return nil
	}
	if f.n.c.Ledger.Erased(c) {
		return nil
	}
	return f.shelf.Put(c[:], binary.BigEndian.AppendUint64(nil, uint64(low)))
}

// sources are the sessions with those who may bring something of the case, in an
// order that stays.
func (f *fetcher) sources(c id.CaseID) (out []*session) {
	for _, s := range f.n.with() {
		if st, _ := f.n.cases.standing(c, s.contact.Org); st.brings() && !st.strange && s.sharing(c) != nil {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b *session) int { return cmp.Compare(a.peer, b.peer) })
	return out
}

// askOne asks one of the sources for a body, in each turn another first. False says
// that all have enough to do.
func (f *fetcher) askOne(sources []*session, turn int, c id.CaseID, e ledger.Entry) bool {
	for i := range sources {
		if f.ask(sources[(turn+int(e.ID[0])+i)%len(sources)], c, e) {
			return true
		}
	}
	return false
}

// ask asks s for a body, from the first chunk that is missing. False says that s
// has enough to do; a body that is asked for already is no reason for that.
func (f *fetcher) ask(s *session, c id.CaseID, e ledger.Entry) bool {
	now := time.Now()
	f.mu.Lock()
	if a, ok := f.asks[e.ID]; ok && a.open(now) {
		f.mu.Unlock()
		return true
	}
	busy := 0
	for _, a := range f.asks {
		if a.by == s && a.open(now) {
			busy++
		}
	}
	if busy >= maxBodies {
		f.mu.Unlock()
		return false
	}
	if l := f.cases[c]; l != nil {
		l.asked = true
	}
	if s.overfull(c, e.Kid) {
		f.mu.Unlock()
		return true // as if in vain
	}
	f.count++
	f.asks[e.ID] = bodyAsk{c: c, by: s, most: longest(e.Body.Size), until: now.Add(f.n.c.Schedule.Retry), turn: f.count}
	f.mu.Unlock()
	sh := s.sharing(c)
	st, err := f.n.c.Ledger.BodyState(c, *e.Body)
	if err != nil || sh == nil {
		return true
	}
	if st.Erased {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.asks, e.ID)
		return true
	}
	f.mu.Lock()
	if a, ok := f.asks[e.ID]; ok && a.by == s {
		a.have = st.Have // what others have brought is none of its
		f.asks[e.ID] = a
	}
	f.mu.Unlock()
	err = s.ask(&wire.Want{Tag: sh.out, Bodies: []wire.BodyWant{{Entry: e.ID, From: uint32(st.Have)}}})
	if err != nil {
		s.end(err)
	}
	return true
}

// asked says whether s is who was asked last for the body of e.
func (f *fetcher) asked(s *session, e id.EntryID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asks[e].by == s
}

// got notes that s has brought something of a body. Only what moves it on gives s
// more time, and only when all of it is here is it no longer asked for: nobody
// keeps the others from being asked, or from answering, by bringing nothing of use.
func (f *fetcher) got(s *session, c id.CaseID, e ledger.Entry) error {
	f.mu.Lock()
	_, ok := f.asks[e.ID]
	waits := len(f.owed[e.ID]) > 0
	f.mu.Unlock()
	if !ok && !waits {
		return nil
	}
	held, st, err := f.n.holdsBody(c, e)
	if err != nil {
		return err
	}
	if held {
		f.pay(e.ID)
	}
	f.mu.Lock()
	a, ok := f.asks[e.ID]
	switch {
	case !ok:
	case held:
		f.goesOnLocked(s, a)
		delete(f.asks, e.ID)
		f.hopeLocked(c)
	case a.by == s && st.Have > a.have:
		a.have = st.Have
		f.asks[e.ID] = a
		f.goesOnLocked(s, a)
		f.hopeLocked(c)
	}
	again := held && f.allHereLocked()
	f.mu.Unlock()
	if again {
		f.poke()
	}
	return nil
}

// allHereLocked says whether no answer is waited for. The caller holds f.mu.
func (f *fetcher) allHereLocked() bool {
	now := time.Now()
	for _, a := range f.asks {
		if a.open(now) {
			return false
		}
	}
	return true
}

// lost forgets what was asked of a session that ended.
func (f *fetcher) lost(s *session) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e, a := range f.asks {
		if a.by == s {
			delete(f.asks, e)
		}
	}
	f.disownLocked(s)
	f.poke()
}
