package daemon

import (
	"slices"
	"testing"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/detail"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// TestLaterWords: of what one organisation says of one thing the last holds, whatever
// order it came in and whichever feed it stands in (spec/details.md §2).
func TestLaterWords(t *testing.T) {
	product := func(name string, o byte, at uint64, kid byte, s detail.Status) told {
		f := entry.Fields{T: at, LC: 100 - at, Type: protocol.ProductStatus, Comp: id.Comp{kid}}
		return told{org: id.OrgID{o}, m: &detail.Product{Product: name, Status: s},
			Entry: ledger.Entry{Sealed: &entry.Sealed{Fields: f, Kid: id.Kid{kid}, ID: id.EntryID{o, byte(at), kid}}}}
	}
	all := []told{
		product("libfoo", 1, 1, 1, detail.UnderInvestigation),
		product("libfoo", 1, 2, 2, detail.Affected), // another daemon of the same organisation
		product("libbar", 1, 1, 1, detail.Affected),
		product("libfoo", 2, 1, 3, detail.NotAffected),
		product("libfoo", 1, 3, 1, detail.Fixed),
	}
	for range 5 {
		all = append(all[1:], all[0]) // each comes first once
		d := details{said: slices.Clone(all)}
		d.settle()
		for _, x := range d.said {
			m := x.m.(*detail.Product)
			want := x.org == id.OrgID{1} && m.Product == "libfoo" && m.Status != detail.Fixed
			if x.replaced != want {
				t.Errorf("%+v of %v: replaced is %v", m, x.org[0], x.replaced)
			}
		}
		if !slices.IsSortedFunc(d.said, func(a, b told) int { return int(a.T) - int(b.T) }) {
			t.Error("not in order")
		}
	}
}
