package ledger

import (
	"encoding/binary"
	"errors"
	"sync"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

var errRow = errors.New("malformed row in the store")

// place is where an entry lies, with what a reader of deps needs of it.
//
//	uvarints: feed · seq · lc · 1 if control
type place struct {
	feed    feedNum
	seq     uint32
	lc      uint64
	control bool
}

func placeOf(f feedNum, s *entry.Sealed) place {
	return place{f, uint32(s.Seq), s.LC, s.Control()}
}

func (p place) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(p.feed))
	b = binary.AppendUvarint(b, uint64(p.seq))
	b = binary.AppendUvarint(b, p.lc)
	if p.control {
		return append(b, 1)
	}
	return append(b, 0)
}

func parsePlace(b []byte) (place, error) {
	var v [4]uint64
	for i := range v {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return place{}, errRow
		}
		v[i], b = n, b[size:]
	}
	return place{feedNum(v[0]), uint32(v[1]), v[2], v[3] == 1}, nil
}

// index finds places by entry id: those queued, those lately used, those stored.
type index struct {
	mu     sync.Mutex
	queued map[id.EntryID]place // not durable yet; guarded by mu
	recent map[id.EntryID]place // guarded by mu
	older  map[id.EntryID]place // guarded by mu; recent of before
}

const indexRecent = 512 // places a generation of the cache holds

func (x *index) cached(e id.EntryID) (place, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if p, ok := x.queued[e]; ok {
		return p, true
	}
	if p, ok := x.recent[e]; ok {
		return p, true
	}
	p, ok := x.older[e]
	if ok {
		x.keep(e, p)
	}
	return p, ok
}

// keep remembers a durable place. Called with mu held.
func (x *index) keep(e id.EntryID, p place) {
	if len(x.recent) >= indexRecent {
		x.older, x.recent = x.recent, nil
	}
	if x.recent == nil {
		x.recent = make(map[id.EntryID]place)
	}
	x.recent[e] = p
}

func (x *index) enqueue(e id.EntryID, p place) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.queued[e] = p
}

// committed moves entries from queued to the cache; content is left to the disk.
func (x *index) committed(part []*commit) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range part {
		for _, a := range c.entries {
			p := x.queued[a.ID]
			delete(x.queued, a.ID)
			if p.control {
				x.keep(a.ID, p)
			}
		}
	}
}

// find looks an id up in memory, then on disk.
func (v *caseView) find(e id.EntryID) (place, bool, error) {
	if p, ok := v.index.cached(e); ok {
		return p, true, nil
	}
	p, err := v.stored(e)
	if errors.Is(err, ErrNotFound) {
		return place{}, false, nil
	}
	if err != nil {
		return place{}, false, err
	}
	v.index.mu.Lock()
	defer v.index.mu.Unlock()
	v.index.keep(e, p)
	return p, true, nil
}

// stored looks an id up on disk; ErrNotFound.
func (v *caseView) stored(e id.EntryID) (place, error) {
	row, err := get(v.l.db, v.box, keyHashed(tableIndex, v.num, v.box.hide(e[:])))
	if err != nil {
		return place{}, err
	}
	return parsePlace(row)
}
