package peer

import (
	"context"
	"maps"
	"math/rand/v2"
	"time"

	"cordon/peer/wire"
	"cordon/protocol/id"
)

// tellLocked makes a head due as IHAVE. The caller holds s.mu.
func (s *session) tellLocked(sh *shared, h wire.Head) {
	if s.due.ihave == nil {
		s.due.ihave = map[id.CaseID]map[id.Feed]wire.Head{}
	}
	if s.due.ihave[sh.id] == nil {
		s.due.ihave[sh.id] = map[id.Feed]wire.Head{}
	}
	s.due.ihave[sh.id][h.Feed] = h
	s.poke()
}

// tellLater tells a few members of heads that we accepted, after a random delay in
// which more may come.
func (n *Node) tellLater(ctx context.Context, c id.CaseID, heads map[id.Feed]wire.Head) {
	n.mu.Lock()
	pending := n.tells[c]
	if pending != nil {
		maps.Copy(pending, heads)
		n.mu.Unlock()
		return
	}
	n.tells[c] = heads
	n.mu.Unlock()
	n.spawn(func() {
		t := time.NewTimer(rand.N(n.c.Schedule.Tell + 1))
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		n.mu.Lock()
		due := n.tells[c]
		delete(n.tells, c)
		n.mu.Unlock()
		n.tell(c, due)
	})
}

// tell makes heads due at up to tellPeers random members that are not known to
// hold them.
func (n *Node) tell(c id.CaseID, heads map[id.Feed]wire.Head) {
	list := n.with()
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	told := 0
	for _, s := range list {
		if told == tellPeers {
			return
		}
		st, _ := n.cases.standing(c, s.contact.Org)
		if s.tell(c, heads) && st.member { // the removed are told of removals, by the gate, beside
			told++
		}
	}
}

// tell says whether there was something to tell.
func (s *session) tell(c id.CaseID, heads map[id.Feed]wire.Head) (told bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shared[c]
	if sh == nil {
		return false
	}
	for f, h := range heads {
		if m, ok := sh.heads[f]; !ok || m.seq < h.Seq {
			s.tellLocked(sh, h)
			told = true
		}
	}
	return told
}

// proofsDue makes the forks of a case due everywhere.
func (n *Node) proofsDue(c id.CaseID) {
	for _, s := range n.with() {
		s.mu.Lock()
		if s.shared[c] != nil {
			s.due.proofDue(c)
			s.poke()
		}
		s.mu.Unlock()
	}
}
