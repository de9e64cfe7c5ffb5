package ledger

import (
	"errors"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/id"
)

// TestOwnWatch: a watch of what is appended here is not told of what is accepted; that of
// everything is told of both.
func TestOwnWatch(t *testing.T) {
	l := openFS(t, vfs.NewCrashableMem())
	all, own := l.Subscribe(), l.SubscribeOwn()
	defer all.Close()
	defer own.Close()
	w := must(feedgen.New(1, 1))(t)
	if r := must(l.Accept(t.Context(), w.Case, [][]byte{w.Genesis.Raw}))(t); r.Stored != 1 {
		t.Fatal(r.Rejected)
	}
	c := opened(t, l, 2, feedgen.Key(2, 0)).CaseID()
	<-own.C // as much as all.C was told after the commit that made it durable
	<-all.C
	if got := own.Changed(); !slices.Equal(got, []id.CaseID{c}) {
		t.Errorf("own: %v", got)
	}
	if got := all.Changed(); len(got) != 2 {
		t.Errorf("all: %v", got)
	}
}

// TestRejectedTwice: an entry that stands twice in a batch and is not stored is rejected
// at both places; one that is stored at neither.
func TestRejectedTwice(t *testing.T) {
	l := openFS(t, vfs.NewCrashableMem())
	w := must(feedgen.New(1, 1))(t)
	var raws [][]byte
	for range 3 {
		raws = append(raws, must(w.Next(0, id.Everyone, w.Genesis.ID))(t).Raw)
	}
	r := must(l.Accept(t.Context(), w.Case, [][]byte{w.Genesis.Raw, raws[0], raws[2], raws[0], raws[2]}))(t)
	var at []int
	for _, x := range r.Rejected {
		if at = append(at, x.Index); !errors.Is(x.Err, ErrMissing) {
			t.Error(x.Err)
		}
	}
	if r.Stored != 2 || !slices.Equal(at, []int{2, 4}) {
		t.Errorf("%d stored, rejected at %v", r.Stored, at)
	}
}
