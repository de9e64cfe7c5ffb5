package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/id"
)

// Anchor is where a feed may begin here instead of at seq 0: above an entry that is
// not given to us (spec/protocol.md §4.8). It is what an admission says of that entry.
type Anchor struct {
	Feed  id.Feed
	Seq   id.Seq
	Entry id.EntryID
	LC    uint64
}

// tip is the entry that the anchor names, as one above it sees it. Its time is not known.
func (a Anchor) tip() tip { return tip{uint32(a.Seq) + 1, a.Entry, a.LC, 0} }

// The row of a case's anchors is one after the other:
//
//	kid 32 · comp 32 · seq 4 · id 32 · lc 8
const anchorSize = 32 + 32 + 4 + 32 + 8

func (a Anchor) append(b []byte) []byte {
	b = append(append(b, a.Feed.Kid[:]...), a.Feed.Comp[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(a.Seq))
	return binary.BigEndian.AppendUint64(append(b, a.Entry[:]...), a.LC)
}

func parseAnchor(b []byte) Anchor {
	return Anchor{
		Feed: id.Feed{Kid: id.Kid(b[:32]), Comp: id.Comp(b[32:64])},
		Seq:  id.Seq(binary.BigEndian.Uint32(b[64:])), Entry: id.EntryID(b[68:100]), LC: binary.BigEndian.Uint64(b[100:]),
	}
}

// BeginAt says where the feeds of a case begin here that are not given from seq 0. It
// takes the place of what was said before, but of feeds that have begun: they stay as
// they are, and so does where they begin. What it says is durable when it returns.
func (l *Ledger) BeginAt(c id.CaseID, list []Anchor) error {
	cs, v, err := l.enter(c)
	if err != nil {
		return err
	}
	defer cs.leave()
	cs.accepting.Lock() // no batch is judged by what is changed here
	defer cs.accepting.Unlock()
	next := map[id.Feed]Anchor{}
	cs.mu.Lock()
	for _, a := range list {
		if len(v.feeds[a.Feed]) == 0 {
			next[a.Feed] = a
		}
	}
	for f, a := range v.anchors {
		if len(v.feeds[f]) > 0 {
			next[f] = a
		}
	}
	same := maps.Equal(next, v.anchors)
	cs.mu.Unlock()
	if same {
		return nil
	}
	// Commit point: an entry that begins a feed at an anchor comes after it.
	if err := v.putAnchors(next); err != nil {
		return fmt.Errorf("where feeds begin: %w", err)
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	v.anchors = next
	return nil
}

func (v *caseView) putAnchors(all map[id.Feed]Anchor) error {
	var row []byte
	for _, f := range slices.SortedFunc(maps.Keys(all), id.Feed.Compare) {
		row = all[f].append(row)
	}
	w := v.l.db.NewBatch()
	defer w.Close()
	v.box.set(w, keyOf(tableAnchor, v.num), row)
	return w.Commit(pebble.Sync)
}

func (v *caseView) loadAnchors() error {
	row, err := get(v.l.db, v.box, keyOf(tableAnchor, v.num))
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil || len(row)%anchorSize != 0 {
		return errors.Join(err, errRow)
	}
	for part := range slices.Chunk(row, anchorSize) {
		a := parseAnchor(part)
		v.anchors[a.Feed] = a
	}
	return nil
}

// Anchors are what BeginAt said last, and of feeds that have begun what it said then.
func (l *Ledger) Anchors(c id.CaseID) ([]Anchor, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return slices.Collect(maps.Values(v.anchors)), nil
}

// anchor is where a feed begins; false: at seq 0.
func (v *caseView) anchor(f id.Feed) (Anchor, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a, ok := v.anchors[f]
	return a, ok
}

// begins says whether an item is the first of its feed, at seq 0 or above an anchor, and
// what it stands above. Of a feed that begins at an anchor, what does not stand above it
// is refused.
func (a *attempt) begins(it *item) (prev tip, first bool, err error) {
	at, ok := a.b.v.anchor(it.Feed())
	switch {
	case !ok:
		return tip{}, it.Seq == 0, nil
	case it.Seq <= at.Seq, it.Seq == at.Seq+1 && it.Prev != at.Entry:
		return tip{}, false, ErrBelow
	}
	return at.tip(), it.Seq == at.Seq+1, nil
}
