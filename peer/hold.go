package peer

import (
	crand "crypto/rand"

	"cordon/peer/wire"
	"cordon/protocol/id"
)

// A hold is a person's word that nothing of any case goes to an organisation. The gate
// obeys it (G0). Beside that nothing shows it: what was told last is told again, so that
// it looks like a daemon that is slow.

// held says whether a person holds everything back from the other side now.
func (s *session) held() bool {
	c, ok := s.n.allowed(s.peer)
	return ok && c.Hold
}

// oldMark is the mark that the other side was told last; of a case that it was not told
// of, one that says nothing.
func (s *session) oldMark(sh *shared) wire.Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.mine == (wire.Mark{}) {
		_, _ = crand.Read(sh.mine[:]) // never fails (crypto/rand)
	}
	return sh.mine
}

// Resume tells an organisation that was held what it was not told.
func (n *Node) Resume(org id.OrgID) {
	for _, s := range n.with() {
		if s.contact.Org == org {
			s.resume()
		}
	}
	n.reshare()
}

func (s *session) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, sh := range s.shared {
		sh.heads, sh.at, sh.vec = nil, 0, [32]byte{}
		s.dueVecLocked(c)
	}
	s.due.tagsWithin(s.n.c.Schedule.TagsDelay)
	s.poke()
}
