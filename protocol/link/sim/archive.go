package sim

import (
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// archive has every entry that was ever signed, with its past worked out by
// walking prev and deps: what the judges use in place of the fold's vectors.
type archive struct {
	all    []*entry.Sealed
	msgs   []protocol.Message // nil where there is none
	author []int              // the node that wrote it
	past   []set              // control entries before it; of a control entry, itself too
	at     map[id.EntryID]int
}

func newArchive() *archive { return &archive{at: map[id.EntryID]int{}} }

// set is a set of places in the archive.
type set []uint64

func (s set) has(i int) bool { return i/64 < len(s) && s[i/64]>>(i%64)&1 == 1 }

func (s set) with(i int) set {
	for len(s) <= i/64 {
		s = append(s, 0)
	}
	s[i/64] |= 1 << (i % 64)
	return s
}

// join adds what is in o.
func (s set) join(o set) set {
	for len(s) < len(o) {
		s = append(s, 0)
	}
	for i, w := range o {
		s[i] |= w
	}
	return s
}

// add takes up an entry that a node has signed.
func (a *archive) add(e *entry.Sealed, author int) {
	if _, known := a.at[e.ID]; known {
		return
	}
	var past set
	for _, b := range append([]id.EntryID{e.Prev}, e.Deps...) {
		if at, ok := a.at[b]; ok {
			past = past.join(a.past[at])
		}
	}
	n := len(a.all)
	if e.Control() {
		past = past.with(n)
	}
	m, err := protocol.Read(e)
	if err != nil {
		m = nil
	}
	a.at[e.ID] = n
	a.all, a.msgs, a.author, a.past = append(a.all, e), append(a.msgs, m), append(a.author, author), append(a.past, past)
}

// before says whether x is in the past of y, or is y; false for what was never
// signed here.
func (a *archive) before(x, y id.EntryID) bool {
	i, ok := a.at[x]
	j, known := a.at[y]
	return ok && known && a.past[j].has(i)
}

// below says whether y is x or stands above it along prev.
func (a *archive) below(x, y id.EntryID) bool {
	for {
		if x == y {
			return true
		}
		at, ok := a.at[y]
		if !ok || a.all[at].Seq == 0 {
			return false
		}
		y = a.all[at].Prev
	}
}

// last is the newest entry.
func (a *archive) last() *entry.Sealed { return a.all[len(a.all)-1] }
