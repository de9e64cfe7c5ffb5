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
	vainRow   = time.Second // what is further apart than this, and twice the pause, is not in a row
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
	pause, stir := s.vain(sh, res.Stored)
	if pause > 0 && stir == nil {
		return nil
	}
	under, err := s.under(sh.id, raws, res.Rejected)
	if err != nil {
		return err
	}
	if pause == 0 {
		return s.again(sh, under, res.Stored == 0)
	}
	s.n.spawn(func() {
		select {
		case <-s.stop:
			return
		case <-time.After(pause):
		case <-stir:
		}
		s.mu.Lock()
		sh.stir = nil
		s.mu.Unlock()
		if err := s.again(sh, under, true); err != nil {
			s.end(err)
		}
	})
	return nil
}

// lacks says whether an entry was not taken for want of another, or of who its key is.
func lacks(err error) bool {
	return errors.Is(err, ledger.ErrMissing) || errors.Is(err, ledger.ErrUnknownKid)
}

// again asks for what is missing, whatever the other side was asked for already, and for what
// is below the heads under. tell: it is told what we hold, and says what it holds.
func (s *session) again(sh *shared, under []wire.Head, tell bool) error {
	s.mu.Lock()
	tell = tell || sh.heads == nil
	s.mu.Unlock()
	if tell {
		s.dueVec(sh.id)
	}
	if err := s.probe(sh.id, under); err != nil {
		return err
	}
	s.n.asks.clear(sh.id, s)
	return s.pull(sh.id)
}

// vain notes that entries came of which something below is missing, and says how long to wait
// before that is asked for, the longer the more times in a row nothing could be stored, and
// what is closed when something comes from others meanwhile; nil where an ask waits already.
func (s *session) vain(sh *shared, stored int) (pause time.Duration, stir chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if stored > 0 || now.Sub(sh.late) > 2*s.vainPause(sh.vain)+vainRow {
		sh.vain = 0
	}
	if stored > 0 {
		return 0, nil
	}
	sh.vain++
	sh.late = now
	if pause = s.vainPause(sh.vain); pause == 0 || sh.stir != nil {
		return pause, nil
	}
	sh.stir = make(chan struct{})
	return pause, sh.stir
}

// vainPause is how long after so many times in a row it is asked again.
func (s *session) vainPause(vain int) time.Duration {
	if vain <= maxVain {
		return 0
	}
	return min(firstVain<<min(vain-maxVain-1, 20), s.n.c.Schedule.Retry)
}

// stir lets what waits to be asked for again be asked for now, in all sessions: something of
// the case has come.
func (n *Node) stir(c id.CaseID) {
	for _, s := range n.with() {
		s.mu.Lock()
		if sh := s.shared[c]; sh != nil && sh.stir != nil {
			select {
			case <-sh.stir:
			default:
				close(sh.stir)
			}
		}
		s.mu.Unlock()
	}
}

// under are the places below entries that came and whose prev is not here: where another
// entry is, they are on a branch that fits on none of ours. Of a feed it is the first.
func (s *session) under(c id.CaseID, raws [][]byte, rejected []ledger.Rejection) (under []wire.Head, err error) {
	looked := map[id.Feed]bool{}
	for _, r := range rejected {
		if len(under) == maxProbes || !errors.Is(r.Err, ledger.ErrMissing) {
			continue
		}
		e, err := entry.Parse(raws[r.Index])
		if err != nil || e.Seq == 0 || looked[e.Feed()] {
			continue
		}
		looked[e.Feed()] = true
		if _, err = s.n.c.Ledger.Entry(c, e.Prev); errors.Is(err, ledger.ErrNotFound) {
			under = append(under, wire.Head{Feed: e.Feed(), Seq: e.Seq - 1, ID: [16]byte(e.Prev[:16])})
		} else if err != nil {
			return nil, internal("entry", err)
		}
	}
	return under, nil
}
