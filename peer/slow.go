package peer

import (
	"time"

	bodies "cordon/ledger/body"
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

// slowLine is, in bytes a second, how fast a frame must come to give a body time before it is
// here: somewhat less than what the slowest line brings (spec/sync.md §2), which others share.
const slowLine = 700

// longest is how long a frame with a chunk of a body of that size may be: one that goes on is
// not what was asked for.
func longest(body uint64) int {
	const rest = 1 << 10 // what stands beside hashes and ciphertext, and a chunk's tag, rounded up
	return int(min(body, bodies.ChunkSize)+32*(body/bodies.ChunkSize)) + rest
}

// piece notes that s has sent so much, in that time, of a frame that says to be a chunk of a body.
func (f *fetcher) piece(s *session, e id.EntryID, came int, took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.asks[e]
	slow := took > f.n.c.Schedule.Retry+time.Duration(came)*time.Second/slowLine
	if ok && a.open(time.Now()) && !slow && came <= a.most {
		f.goesOnLocked(s, a)
	}
}

// pieceCame is called while a frame is read, after each piece of dripSize that is not the last.
// A session that has once sent a chunk of no use is given time for whole ones only.
func (s *session) pieceCame(frame []byte, took time.Duration) {
	var f wire.Body
	if !s.useless && f.Begins(frame) {
		s.n.fetch.piece(s, f.Entry, len(frame), took)
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
