package daemon

import (
	"time"

	"cordon/protocol/id"
)

// settleTime is how long after its start a daemon waits, at most, before it writes
// on in a case.
const settleTime = 5 * time.Second

// settle waits, in the first seconds after the start, until a case in which this
// key has written was compared with a member: a home that was brought back from a
// backup as a whole, keys and all, learns in that time what it has forgotten, and
// then stops (spec/store.md §6). With nobody there to ask, it writes after all.
func (s *service) settle(c id.CaseID) {
	if time.Now().After(s.settling) || !s.wroteIn(c) {
		return
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for time.Now().Before(s.settling) {
		if level, err := s.level(c); level || err != nil {
			return
		}
		if _, elsewhere := s.led.OwnFork(); elsewhere {
			return
		}
		select {
		case <-s.stopping:
			return
		case <-again.C:
		}
	}
}
