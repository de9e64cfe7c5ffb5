package ledger

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// run is n consecutive entries of one feed that arrived one after the other. A
// row of the arrival table is runs that were committed together, from the row's
// pos on.
//
//	each run: uvarints feed · seq · n
type run struct {
	feed feedNum
	seq  uint32
	n    uint32
}

// maxRuns is how many runs a row has at most: a reader opens a whole row.
const maxRuns = 256

func lengthOf(runs []run) Pos {
	var n Pos
	for _, r := range runs {
		n += Pos(r.n)
	}
	return n
}

// appendRun adds one place, lengthening the last run where it fits.
func appendRun(runs []run, f feedNum, seq uint32) []run {
	if n := len(runs); n > 0 && runs[n-1].feed == f && runs[n-1].seq+runs[n-1].n == seq {
		runs[n-1].n++
		return runs
	}
	return append(runs, run{f, seq, 1})
}

func sealRuns(runs []run) []byte {
	b := make([]byte, 0, 8*len(runs))
	for _, r := range runs {
		b = binary.AppendUvarint(b, uint64(r.feed))
		b = binary.AppendUvarint(b, uint64(r.seq))
		b = binary.AppendUvarint(b, uint64(r.n))
	}
	return b
}

func parseRuns(b []byte) ([]run, error) {
	var runs []run
	for len(b) > 0 {
		var v [3]uint64
		for i := range v {
			n, size := binary.Uvarint(b)
			if size <= 0 {
				return nil, errRow
			}
			v[i], b = n, b[size:]
		}
		runs = append(runs, run{feedNum(v[0]), uint32(v[1]), uint32(v[2])})
	}
	return runs, nil
}

// arrivals opens the row that it stands on.
func (v *caseView) arrivals(it *pebble.Iterator) ([]run, error) {
	sealed, err := it.ValueAndErr()
	if err != nil {
		return nil, err
	}
	plain, err := v.box.open(it.Key(), sealed)
	if err != nil {
		return nil, err
	}
	return parseRuns(plain)
}

func posOf(key []byte) Pos { return Pos(binary.BigEndian.Uint64(key[5:])) }
