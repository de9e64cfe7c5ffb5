package peer

import (
	"slices"
	"testing"

	"cordon/ledger"
	"cordon/peer/wire"
)

// frameOf is an ENTRIES of n entries of some bytes each.
func frameOf(sh *shared, n, size int) arrival {
	return arrival{sh, &wire.Entries{Raws: slices.Repeat([][]byte{make([]byte, size)}, n)}}
}

// lengths are how many frames each batch has.
func lengths(in *intake) (list []int) {
	in.close()
	for batch := in.next(); batch != nil; batch = in.next() {
		list = append(list, len(batch))
	}
	return list
}

// TestIntakeKeepsCasesApart: frames are one batch only while they are of one case and
// nothing of another stands between, which is what keeps their order; those that name
// no case are none of a case.
func TestIntakeKeepsCasesApart(t *testing.T) {
	a, b := &shared{}, &shared{way: 1}
	in := newIntake()
	for _, sh := range []*shared{a, a, a, b, a, nil, nil, b, b} {
		in.put(frameOf(sh, 1, 1))
	}
	if got := lengths(in); !slices.Equal(got, []int{3, 1, 1, 2, 2}) {
		t.Errorf("batches of %v frames", got)
	}
}

// TestIntakeIsBounded: what waits is never more than one batch of the ledger, whether by
// number or by bytes; a frame with nothing in it counts too. Who puts more waits.
func TestIntakeIsBounded(t *testing.T) {
	sh := &shared{}
	for name, f := range map[string]arrival{
		"entries": frameOf(sh, 3, 1), "bytes": frameOf(sh, 1, 300<<10), "nothing": frameOf(sh, 0, 0), "one of all": frameOf(sh, ledger.MaxBatch, 4096),
	} {
		in := newIntake()
		const all = 1000
		go func() {
			for range all {
				in.put(f)
			}
			in.close()
		}()
		got := 0
		for batch := in.next(); batch != nil; batch = in.next() {
			got += len(batch)
			entries, bytes := 0, 0
			for _, a := range batch {
				n, size := a.size()
				entries, bytes = entries+n, bytes+size
			}
			if entries > ledger.MaxBatch || bytes > ledger.MaxBatchBytes {
				t.Fatalf("%s: a batch of %d entries and %d bytes", name, entries, bytes)
			}
		}
		if got != all {
			t.Errorf("%s: %d of %d frames", name, got, all)
		}
	}
}

// TestHeldIsOfEachFrame: what of a batch was rejected counts against its own frame.
func TestHeldIsOfEachFrame(t *testing.T) {
	sh := &shared{}
	b := taken{sh: sh, frames: []arrival{frameOf(sh, 2, 1), frameOf(sh, 0, 0), frameOf(sh, 1, 1), frameOf(sh, 3, 1)}}
	if n := len(b.raws()); n != 6 {
		t.Errorf("%d entries", n)
	}
	got := b.held([]ledger.Rejection{{Index: 5}, {Index: 2}, {Index: 4}})
	if !slices.Equal(got, []int{2, 0, 0, 1}) {
		t.Errorf("held %v", got)
	}
}
