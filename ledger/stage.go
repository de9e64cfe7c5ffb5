package ledger

import (
	"crypto/ed25519"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// commit is what one caller adds to a case. It is queued complete, and holds the
// case's view (one pin) until it is durable.
type commit struct {
	cs      *caseState
	view    *caseView
	entries []addition // in the order of arrival
	repairs []repair
	keys    []learnt
	size    int           // bytes of its rows, about
	own     bool          // appended here, not accepted
	done    chan struct{} // closed when durable
}

// addition is an entry and the feed that it goes to.
type addition struct {
	feed *feed
	Entry
}

// learnt is a key that an entry of the same commit teaches.
type learnt struct {
	kid id.Kid
	pub ed25519.PublicKey
}

// stage collects a commit, and moves the case's state in memory along with it.
// From newStage to queue the case's mutex is held, so nothing slow is done here:
// the rows are sealed and written by whoever commits.
type stage struct {
	v *caseView
	c *commit
}

func newStage(cs *caseState, v *caseView) *stage {
	return &stage{v, &commit{cs: cs, view: v, done: make(chan struct{})}}
}

// add appends s to f, which is the right place for it: Begin or Accept has
// checked everything.
func (st *stage) add(f *feed, s *entry.Sealed, covered bool) Entry {
	v, c := st.v, st.c
	if f.num == 0 {
		v.byNum = append(v.byNum, f)
		f.num = feedNum(len(v.byNum))
		v.counted(1)
	}
	v.last++
	e := Entry{Sealed: s, Pos: v.last, Covered: covered}
	c.entries = append(c.entries, addition{f, e})
	c.size += len(s.Raw) + besideEntry
	v.index.enqueue(s.ID, placeOf(f.num, s))
	f.next = tipAt(s)
	for _, pub := range taught(s) {
		if kid, isNew := v.learn(pub); isNew {
			c.keys = append(c.keys, learnt{kid, pub})
		}
	}
	return e
}

// repair replaces the stored copy of an entry.
func (st *stage) repair(r repair) {
	st.c.repairs = append(st.c.repairs, r)
	st.c.size += len(r.entry.Raw) + besideEntry
}

// queue hands over what was staged to the group commit.
func (st *stage) queue() (*commit, error) { return st.c, st.v.l.queue.add(st.c) }

// publish lets readers see what is durable now, the commits of one case in a
// group, and says whether there are new entries among it.
func (v *caseView) publish(part []*commit) bool {
	v.index.committed(part)
	v.mu.Lock()
	defer v.mu.Unlock()
	before := v.durable
	for _, c := range part {
		for _, a := range c.entries {
			a.feed.durable = tipAt(a.Sealed)
			v.durable = a.Pos
		}
		c.cs.unpin()
	}
	return v.durable > before
}
