package peer

import (
	"sync"
	"time"

	"cordon/ledger"
	"cordon/protocol/id"
)

// asks remembers which entries were asked of whom, over all sessions, so that what
// several members offer comes once.
type asks struct {
	mu  sync.Mutex
	all map[id.CaseID]map[id.Feed]ask
}

// ask is a range that was asked for, up to seq to.
type ask struct {
	to    id.Seq
	by    *session
	until time.Time
}

// maxClaims is how many feeds one session may have been asked about at a time.
const maxClaims = 1 << 14

// claim is what of from..to is left to ask for; it is asked by s now.
func (a *asks) claim(c id.CaseID, f id.Feed, from, to id.Seq, s *session, until time.Time) (id.Seq, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, ok := a.all[c][f]; ok && time.Now().Before(old.until) && old.to >= from {
		from = old.to + 1
	}
	_, again := a.all[c][f]
	if from > to || !again && s.claims >= maxClaims {
		return 0, false
	}
	if a.all == nil {
		a.all = map[id.CaseID]map[id.Feed]ask{}
	}
	if a.all[c] == nil {
		a.all[c] = map[id.Feed]ask{}
	}
	a.dropLocked(c, f)
	a.all[c][f] = ask{to, s, until}
	s.claims++
	return from, true
}

// clear forgets what was asked of s in a case.
func (a *asks) clear(c id.CaseID, s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for f, k := range a.all[c] {
		if k.by == s {
			a.dropLocked(c, f)
		}
	}
}

// dropLocked forgets one ask, if it is there. The caller holds a.mu.
func (a *asks) dropLocked(c id.CaseID, f id.Feed) {
	if k, ok := a.all[c][f]; ok {
		k.by.claims--
		delete(a.all[c], f)
	}
}

// touch gives whoever is answering more time.
func (a *asks) touch(c id.CaseID, list []ledger.Entry, by *session, until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var last id.Feed
	for _, e := range list {
		if f := e.Feed(); f != last {
			last = f
			if k, ok := a.all[c][f]; ok && k.by == by {
				k.until = until
				a.all[c][f] = k
			}
		}
	}
}

// settle forgets what came, or what was asked of s when it ended.
func (a *asks) settle(c id.CaseID, f id.Feed, have id.Seq) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if k, ok := a.all[c][f]; ok && k.to <= have {
		a.dropLocked(c, f)
		if len(a.all[c]) == 0 {
			delete(a.all, c)
		}
	}
}

// lost is an ask that was not answered.
type lost struct {
	c  id.CaseID
	f  id.Feed
	by *session
}

// expire takes the asks that ran out, and all of s if s is not nil.
func (a *asks) expire(s *session) (out []lost) {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for c, feeds := range a.all {
		for f, k := range feeds {
			if k.by == s || now.After(k.until) {
				a.dropLocked(c, f)
				out = append(out, lost{c, f, k.by})
			}
		}
		if len(feeds) == 0 {
			delete(a.all, c)
		}
	}
	return out
}
