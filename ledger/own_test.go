package ledger

import (
	"testing"

	"cordon/protocol/id"
)

// TestOwnForkSeenFromAbove: an authentic entry of our key stops us even if what it
// rests on is withheld, so that it cannot be stored.
func TestOwnForkSeenFromAbove(t *testing.T) {
	w := world(t, 19, 2)
	l := openMem(t)
	accept(t, l, w.Case, w.Genesis)
	if err := l.SetOwn(w.Kid(1)); err != nil {
		t.Fatal(err)
	}
	next(t, w, 1, id.Control, w.Genesis.ID) // the clone's first, which nobody shows
	second := next(t, w, 1, id.Control)
	forged := must(l.Accept(t.Context(), w.Case, [][]byte{spoil(second.Raw)}))(t)
	if _, on := l.OwnFork(); on || forged.Stored != 0 {
		t.Fatal("a forgery stops us")
	}
	r := must(l.Accept(t.Context(), w.Case, raws(second)))(t)
	if x, on := l.OwnFork(); !on || x != second.ID || r.Stored != 0 || len(r.Missing) != 1 {
		t.Errorf("no alarm: %+v", r)
	}
}
