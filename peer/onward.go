package peer

import (
	"errors"
	"slices"
	"time"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// What could not be taken for want of something below is asked for again at once so many
// times in a row, for what is below may come any moment from others; then with pauses that
// double, from the first to Schedule.Retry (spec/sync.md §6.1).
const (
	maxVain   = 4
	firstVain = 10 * time.Millisecond
)

// onward asks for the next entries after some were taken. What the ledger could
// not take for want of something below is asked for again once that has come.
func (s *session) onward(sh *shared, raws [][]byte, res ledger.Result) error {
	if !slices.ContainsFunc(res.Rejected, func(r ledger.Rejection) bool { return lacks(r.Err) }) {
		if s.low(sh) {
			return s.pull(sh.id)
		}
		return nil
	}
	if s.vain(sh, res.Stored) {
		return nil
	}
	s.mu.Lock()
	known := sh.heads != nil
	s.mu.Unlock()
	if res.Stored == 0 || !known {
		s.dueVec(sh.id)
	}
	if err := s.below(sh, raws, res); err != nil {
		return err
	}
	return s.again(sh.id)
}

// lacks says whether an entry was not taken for want of another, or of who its key is.
func lacks(err error) bool {
	return errors.Is(err, ledger.ErrMissing) || errors.Is(err, ledger.ErrUnknownKid)
}

// again asks for what is missing, whatever the other side was asked for already.
func (s *session) again(c id.CaseID) error {
	s.n.asks.clear(c, s)
	return s.pull(c)
}

// vain notes that entries came of which something below is missing, and whether to leave
// it at that: too many times in a row nothing was stored, and a later ask is under way.
func (s *session) vain(sh *shared, stored int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stored > 0 {
		sh.vain = 0
		return false
	}
	if sh.vain++; sh.vain <= maxVain {
		return false
	}
	if sh.waits {
		return true
	}
	sh.waits = true
	pause := min(firstVain<<min(sh.vain-maxVain-1, 20), s.n.c.Schedule.Retry)
	s.n.spawn(func() {
		select {
		case <-s.stop:
			return
		case <-time.After(pause):
		}
		s.mu.Lock()
		sh.waits = false
		s.mu.Unlock()
		s.dueVec(sh.id)
		if err := s.again(sh.id); err != nil {
			s.end(err)
		}
	})
	return true
}

// below looks for the branch that entries are on which came and fit on none of ours: the
// entry below them is another than the one that we hold there, or end behind.
func (s *session) below(sh *shared, raws [][]byte, res ledger.Result) error {
	var under []wire.Head
	for _, r := range res.Rejected {
		if len(under) == maxProbes || !errors.Is(r.Err, ledger.ErrMissing) {
			continue
		}
		e, err := entry.Parse(raws[r.Index])
		if err != nil || e.Seq == 0 || !slices.Contains(res.Missing, e.Prev) {
			continue
		}
		if !slices.ContainsFunc(under, func(h wire.Head) bool { return h.Feed == e.Feed() }) { // the lowest of a stretch comes first
			under = append(under, wire.Head{Feed: e.Feed(), Seq: e.Seq - 1, ID: [16]byte(e.Prev[:16])})
		}
	}
	return s.probe(sh.id, under)
}
