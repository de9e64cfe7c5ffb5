package ledger

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/entry"
)

// A row of the entry table:
//
//	flags 1 · pos 8 · the entry as it was received
const (
	flagCovered  byte = 1 // its own signature was not checked, or is bad
	entryRowHead      = 1 + 8

	besideEntry = 128 // bytes of an entry's keys, index row and seals, about
)

// write puts the rows of one case's commits into w: what each entry needs, and
// then once for all of them the arrivals and the heads.
func (v *caseView) write(w *pebble.Batch, part []*commit) {
	heads := map[*feed]tip{}
	var runs []run
	var first Pos // of runs
	for _, c := range part {
		for _, a := range c.entries {
			v.writeEntry(w, a.feed.num, a.Entry)
			v.box.set(w, keyHashed(tableIndex, v.num, v.box.hide(a.ID[:])), placeOf(a.feed.num, a.Sealed).append(nil))
			if a.Genesis() {
				v.box.set(w, keyCase(v.num), a.ID[:])
			}
			heads[a.feed] = tipAt(a.Sealed)
			if len(runs) == 0 {
				first = a.Pos
			}
			if runs = appendRun(runs, a.feed.num, uint32(a.Seq)); len(runs) == maxRuns {
				v.writeArrivals(w, first, runs)
				runs = runs[:0]
			}
		}
		for _, r := range c.repairs {
			v.writeEntry(w, r.place.feed, r.entry)
		}
		for _, k := range c.keys {
			v.box.set(w, keyHashed(tableKey, v.num, v.box.hide(k.kid[:])), k.pub)
		}
	}
	if len(runs) > 0 {
		v.writeArrivals(w, first, runs)
	}
	for f, t := range heads {
		v.box.set(w, keyFeed(v.num, f.num), f.row(t))
	}
}

func (v *caseView) writeEntry(w *pebble.Batch, f feedNum, e Entry) {
	var head [entryRowHead]byte
	if e.Covered {
		head[0] = flagCovered
	}
	binary.BigEndian.PutUint64(head[1:], uint64(e.Pos))
	v.box.set(w, keyEntry(v.num, f, uint32(e.Seq)), head[:], e.Raw)
}

func (v *caseView) writeArrivals(w *pebble.Batch, first Pos, runs []run) {
	v.box.set(w, keyArrival(v.num, first), sealRuns(runs))
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
