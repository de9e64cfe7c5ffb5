package peer

import (
	"fmt"

	"cordon/ledger"
	"cordon/protocol/id"
)

// Level says which members hold nothing of a case that we do not, as far as a daemon of
// theirs, connected now, has told us.
func (n *Node) Level(c id.CaseID) (orgs []id.OrgID, err error) {
	have, err := n.have(c)
	if err != nil {
		return nil, err
	}
	for _, s := range n.with() {
		if st, _ := n.cases.standing(c, s.contact.Org); st.member && s.level(c, have) {
			orgs = append(orgs, s.contact.Org)
		}
	}
	return orgs, nil
}

// have is where the next entry of each feed of a case would stand here.
func (n *Node) have(c id.CaseID) (map[id.Feed]id.Seq, error) {
	heads, err := n.c.Ledger.Heads(c)
	if err != nil {
		return nil, fmt.Errorf("heads: %w", err)
	}
	have := map[id.Feed]id.Seq{}
	for _, h := range heads {
		have[h.Feed] = max(have[h.Feed], h.Seq+1)
	}
	return have, nil
}

// level says whether the other side has told its heads and all lie below have.
func (s *session) level(c id.CaseID, have map[id.Feed]id.Seq) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shared[c]
	if sh == nil || sh.heads == nil || s.cause != nil {
		return false
	}
	for f, m := range sh.heads {
		if m.seq >= have[f] {
			return false
		}
	}
	return true
}

// unopposed leaves entries of our own key out of a batch: all, once an entry has come
// that shows that another copy of this daemon signs; before that, those of a feed of
// which the other side has told a place that is not ours. What we have written since
// must not become a fork before we know (spec/store.md §6). Asked for what it told of,
// the other side proves it or was lying: then it does without our entries.
func (s *session) unopposed(sh *shared, batch []ledger.Entry) ([]ledger.Entry, error) {
	_, elsewhere := s.n.c.Ledger.OwnFork()
	opposed := map[id.Feed]bool{}
	var out []ledger.Entry
	for _, e := range batch {
		f := e.Feed()
		no, asked := opposed[f]
		if e.Kid == s.n.c.Kid && elsewhere {
			continue
		}
		if e.Kid == s.n.c.Kid && !asked {
			s.mu.Lock()
			m, told := sh.heads[f]
			s.mu.Unlock()
			if told {
				ours, err := s.holdsAt(sh.id, f, m)
				if err != nil {
					return nil, err
				}
				no = !ours
			}
			opposed[f] = no
		}
		if !no {
			out = append(out, e)
		}
	}
	return out, nil
}

// holdsAt says whether a place is ours too.
func (s *session) holdsAt(c id.CaseID, f id.Feed, m mark) (found bool, err error) {
	err = s.n.c.Ledger.Read(c, f, m.seq, m.seq, func(e ledger.Entry) bool {
		found = [16]byte(e.ID[:16]) == m.id
		return !found
	})
	return found, internalOrNil("read", err)
}
