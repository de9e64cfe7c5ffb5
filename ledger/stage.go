package ledger

import (
	"encoding/binary"

	"cordon/protocol/entry"
)

// A row of the entry table:
//
//	flags 1 · pos 8 · the entry as it was received
const (
	flagCovered  byte = 1 // its own signature was not checked, or is bad
	entryRowHead      = 1 + 8
)

// stage collects the rows of one commit of one case, and moves the case's state
// in memory along with them. From newStage to queue the case's mutex is held.
type stage struct {
	v     *caseView
	c     *commit
	first Pos
	runs  []run
}

func newStage(cs *caseState, v *caseView) *stage {
	return &stage{v: v, first: v.last + 1,
		c: &commit{batch: v.l.db.NewBatch(), cs: cs, view: v, done: make(chan struct{})}}
}

// add appends s to f, which is the right place for it: Begin or Accept has
// checked everything.
func (st *stage) add(f *feed, s *entry.Sealed, covered bool) Entry {
	v := st.v
	if f.num == 0 {
		v.byNum = append(v.byNum, f)
		f.num = feedNum(len(v.byNum))
		v.counted(1)
	}
	v.last++
	e := Entry{Sealed: s, Pos: v.last, Covered: covered}
	st.putEntry(f.num, e)
	p := placeOf(f.num, s)
	v.box.set(st.c.batch, keyHashed(tableIndex, v.num, v.box.hide(s.ID[:])), p.append(nil))
	v.index.enqueue(s.ID, p)
	st.c.ids = append(st.c.ids, s.ID)
	st.runs = appendRun(st.runs, f.num, uint32(s.Seq))
	f.next = tip{uint32(s.Seq) + 1, s.ID, s.LC, s.T}
	st.moved(f)
	for _, pub := range taught(s) {
		if kid, isNew := v.learn(pub); isNew {
			v.box.set(st.c.batch, keyHashed(tableKey, v.num, v.box.hide(kid[:])), pub)
		}
	}
	if s.Genesis() {
		v.box.set(st.c.batch, keyCase(v.num), s.ID[:])
	}
	return e
}

func (st *stage) putEntry(f feedNum, e Entry) {
	var head [entryRowHead]byte
	if e.Covered {
		head[0] = flagCovered
	}
	binary.BigEndian.PutUint64(head[1:], uint64(e.Pos))
	st.v.box.set(st.c.batch, keyEntry(st.v.num, f, uint32(e.Seq)), head[:], e.Raw)
}

// moved notes the newest tip of f.
func (st *stage) moved(f *feed) {
	for i := len(st.c.tips) - 1; i >= 0; i-- {
		if st.c.tips[i].feed == f {
			st.c.tips[i].tip = f.next
			return
		}
	}
	st.c.tips = append(st.c.tips, tipOf{f, f.next})
}

// queue completes the rows and hands them to the group commit.
func (st *stage) queue() (*commit, error) {
	v, c := st.v, st.c
	if len(st.runs) > 0 {
		v.box.set(c.batch, keyArrival(v.num, st.first), sealRuns(st.runs))
		c.last = v.last
	}
	for _, t := range c.tips {
		v.box.set(c.batch, keyFeed(v.num, t.feed.num), t.feed.row(t.tip))
	}
	return c, v.l.queue.add(c)
}

func parseEntryRow(row []byte) (Entry, error) {
	if len(row) < entryRowHead {
		return Entry{}, errRow
	}
	s, err := entry.Parse(row[entryRowHead:])
	if err != nil {
		return Entry{}, err
	}
	return Entry{s, Pos(binary.BigEndian.Uint64(row[1:])), row[0]&flagCovered != 0}, nil
}
