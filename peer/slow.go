package peer

import (
	"time"

	"cordon/peer/wire"
	"cordon/protocol/id"
)

// Whoever is bringing a body is not given up for being slow (spec/sync.md §8).

// goesOnLocked gives s more time for the body of a, which it is bringing, and for those that
// it was asked for later: answers come in the order of the asks. What was asked before a gets
// none: it was passed over. The caller holds f.mu.
func (f *fetcher) goesOnLocked(s *session, a bodyAsk) {
	if a.by != s {
		return
	}
	until := time.Now().Add(f.n.c.Schedule.Retry)
	for e, b := range f.asks {
		if b.by == s && b.turn >= a.turn {
			b.until = until
			f.asks[e] = b
		}
	}
}

// piece notes that s has sent one more piece of a frame that says to be a chunk of a body.
func (f *fetcher) piece(s *session, e id.EntryID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, ok := f.asks[e]; ok && a.open(time.Now()) {
		f.goesOnLocked(s, a)
	}
}

// pieceCame is called while a frame is read, after each piece of dripSize that is not the last.
// A session that has once sent a chunk of no use is given time for whole ones only.
func (s *session) pieceCame(frame []byte) {
	var f wire.Body
	if !s.useless && f.Begins(frame) {
		s.n.fetch.piece(s, f.Entry)
	}
}

// owed is a body that s has asked for and that is not here yet.
type owed struct {
	s     *session
	c     id.CaseID
	want  wire.BodyWant
	until time.Time
}

// owe keeps in mind that s wants a body, until it will have asked somebody else.
func (f *fetcher) owe(s *session, c id.CaseID, w wire.BodyWant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.owed < maxBodies {
		s.owed++
		f.owed[w.Entry] = append(f.owed[w.Entry], owed{s, c, w, time.Now().Add(f.n.c.Schedule.Retry)})
	}
}

// pay answers those who have asked for a body before it was here.
func (f *fetcher) pay(e id.EntryID) {
	f.mu.Lock()
	list := f.owed[e]
	delete(f.owed, e)
	for _, o := range list {
		o.s.owed--
	}
	f.mu.Unlock()
	now := time.Now()
	for _, o := range list {
		if now.Before(o.until) {
			o.s.mu.Lock()
			o.s.due.jobs = append(o.s.due.jobs, &job{c: o.c, bodies: []wire.BodyWant{o.want}})
			o.s.mu.Unlock()
			o.s.poke()
		}
	}
}

// disownLocked forgets what s has asked for, and what others no longer wait for. The caller
// holds f.mu.
func (f *fetcher) disownLocked(s *session) {
	now := time.Now()
	for e, list := range f.owed {
		rest := list[:0]
		for _, o := range list {
			if o.s == s || now.After(o.until) {
				o.s.owed--
			} else {
				rest = append(rest, o)
			}
		}
		if f.owed[e] = rest; len(rest) == 0 {
			delete(f.owed, e)
		}
	}
}
