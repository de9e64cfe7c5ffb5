package peer

import (
	"bytes"
	"slices"
	"time"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/id"
)

const (
	window     = 4096    // a session that was asked for more content of a case than that is asked for no other feed of it
	wantRanges = 512     // in one WANT
	maxAsked   = 1 << 20 // entries that count as asked for, whatever a peer says it has
	maxProbes  = 16      // heads of one frame below which a fork is looked for
	probeDepth = 255     // entries below a head that differs from ours at its seq
)

// reask turns to others for what was not answered. Whoever did not answer is taken
// not to have it, until it says so again.
func (n *Node) reask(list []lost) {
	cases := map[id.CaseID]bool{}
	for _, l := range list {
		cases[l.c] = true
		if sh := l.by.sharing(l.c); sh != nil {
			l.by.mu.Lock()
			delete(sh.heads, l.f)
			l.by.asked = max(0, l.by.asked-sh.asked)
			sh.asked = 0
			l.by.mu.Unlock()
		}
	}
	for c := range cases {
		for _, s := range n.with() {
			if s.sharing(c) != nil {
				if err := s.pull(c); err != nil {
					s.end(err)
				}
			}
		}
	}
}

// pull asks for what the other side is known to hold and we do not: all control
// feeds, for they depend on each other, then content feeds while the window has room.
// A range is asked for to its end: to cut it would cut a stretch of covered entries,
// which would be sent twice. How fast it comes is up to our reading.
func (s *session) pull(c id.CaseID) error {
	if !s.brings(c) {
		return nil
	}
	heads, err := s.n.c.Ledger.Heads(c)
	if err != nil {
		return internal("heads", err)
	}
	have := map[id.Feed]id.Seq{}
	for _, h := range heads {
		have[h.Feed] = max(have[h.Feed], h.Seq+1)
	}
	begins, err := s.n.begins(c, s.contact.Org, have)
	if err != nil {
		return err
	}
	st, _ := s.n.cases.standing(c, s.contact.Org)
	s.mu.Lock()
	sh := s.shared[c]
	if sh == nil {
		s.mu.Unlock()
		return nil
	}
	var missing []wire.Range
	for f, m := range sh.heads {
		n := have[f]
		switch {
		case st.strange && f.Comp != id.Control: // until the control plane has shown who it is
		case m.seq >= n && (n < begins(f) || sh.unfit[f]): // it can bring nothing that fits on what is here
		case m.seq >= n && f.Comp != id.Control && s.full(c, f.Kid):
		case m.seq >= n:
			if f.Kid == s.n.c.Kid {
				n = 0 // another copy of us wrote it, and may have gone its own way anywhere below
			}
			missing = append(missing, wire.Range{Feed: f, From: n, To: m.seq})
		default:
			defer s.n.asks.settle(c, f, n-1)
		}
	}
	room := window - sh.asked
	s.mu.Unlock()
	slices.SortFunc(missing, compareRanges)
	return s.want(sh, missing, room)
}

// compareRanges puts control before content.
func compareRanges(a, b wire.Range) int {
	if x, y := a.Feed.Comp == id.Control, b.Feed.Comp == id.Control; x != y {
		if x {
			return -1
		}
		return 1
	}
	return a.Feed.Compare(b.Feed)
}

// want queues WANT for as much of the ranges as there is room for.
func (s *session) want(sh *shared, missing []wire.Range, room int) error {
	until := time.Now().Add(s.n.c.Schedule.Retry)
	var ranges []wire.Range
	for _, r := range missing {
		if room <= 0 && r.Feed.Comp != id.Control {
			break
		}
		from, ok := s.n.asks.claim(sh.id, r.Feed, r.From, r.To, s, until)
		if !ok {
			continue
		}
		r.From = from
		ranges = append(ranges, r)
		room -= int(r.To-r.From) + 1
	}
	return s.askFor(sh, ranges)
}

// askFor queues WANT for exactly these ranges; what answers them is not unasked.
func (s *session) askFor(sh *shared, ranges []wire.Range) error {
	for part := range slices.Chunk(ranges, wantRanges) {
		s.mu.Lock()
		if sh.vec == [32]byte{} && slices.ContainsFunc(part, func(r wire.Range) bool { return r.Feed.Kid == s.contact.Kid }) {
			s.dueVecLocked(sh.id) // who is asked for its own entries knows first what we hold of them: unopposed
		}
		for _, r := range part {
			n := min(int(r.To-r.From)+1, maxAsked-s.asked)
			s.asked, sh.asked = s.asked+n, sh.asked+n
			s.excess += wire.MaxEntries - 1 // a feed goes on to the next checked signature
		}
		s.excess = min(s.excess, maxAsked)
		s.mu.Unlock()
		if err := s.ask(&wire.Want{Tag: sh.out, Ranges: part}); err != nil {
			return err
		}
	}
	return nil
}

// afford takes n entries of a case from what was asked for, or else from the allowance. Of a
// case that is not known, nil, they may have been asked for while it was.
func (s *session) afford(sh *shared, n int) bool {
	s.mu.Lock()
	asked := min(n, s.asked)
	if sh != nil {
		asked = min(asked, sh.asked)
		sh.asked -= asked
	}
	excess := min(n-asked, s.excess)
	s.asked -= asked
	s.excess -= excess
	if s.asked == 0 {
		s.excess = min(s.excess, window)
	}
	s.mu.Unlock()
	n -= asked + excess
	return n == 0 || s.spend.take(n, unaskedRate, unaskedBurst)
}

// low says whether most of what was asked for of a case has come.
func (s *session) low(sh *shared) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sh.asked < window/2
}

// probe looks for forks: heads of the other side at a seq where we hold another
// entry. It asks for the stretch below such a head; the ledger finds the fork in it.
func (s *session) probe(c id.CaseID, heads []wire.Head) error {
	sh := s.sharing(c)
	own, err := s.n.c.Ledger.Heads(c)
	if err != nil || sh == nil {
		return internalOrNil("heads", err)
	}
	tips := map[id.Feed][]ledger.Head{}
	for _, h := range own {
		tips[h.Feed] = append(tips[h.Feed], h)
	}
	var ranges []wire.Range
	for _, h := range heads {
		if len(ranges) == maxProbes {
			break
		}
		differs, err := s.differs(c, tips[h.Feed], h)
		if err != nil {
			return err
		}
		if differs {
			depth := min(h.Seq, probeDepth)
			if s.deeper(sh, h) {
				depth = h.Seq
			}
			ranges = append(ranges, wire.Range{Feed: h.Feed, From: h.Seq - depth, To: h.Seq})
		}
	}
	return s.askFor(sh, ranges)
}

// deeper says whether a head was probed before, in vain: then the whole feed is
// asked for. Called by the reader.
func (s *session) deeper(sh *shared, h wire.Head) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.probed == nil {
		sh.probed = map[id.Feed]id.Seq{}
	}
	seen := sh.probed[h.Feed] == h.Seq
	sh.probed[h.Feed] = h.Seq
	return seen
}

// differs says whether none of our branches has the head at its seq, though one
// reaches that far.
func (s *session) differs(c id.CaseID, tips []ledger.Head, h wire.Head) (bool, error) {
	reaches := false
	for _, t := range tips {
		if t.Seq == h.Seq && bytes.Equal(t.ID[:16], h.ID[:]) {
			return false, nil
		}
		reaches = reaches || t.Seq >= h.Seq
	}
	if !reaches {
		return false, nil
	}
	found := false
	err := s.n.c.Ledger.Read(c, h.Feed, h.Seq, h.Seq, func(e ledger.Entry) bool {
		found = found || bytes.Equal(e.ID[:16], h.ID[:])
		return !found
	})
	return !found, internalOrNil("read", err)
}

func internalOrNil(doing string, err error) error {
	if err == nil {
		return nil
	}
	return internal(doing, err)
}
