package ledger

import (
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"cordon/ledger/feedgen"
	"cordon/protocol/id"
)

// slowDisk is a disk in memory that stands still in the middle of a sync of the
// write-ahead log.
type slowDisk struct {
	fs      vfs.FS
	hold    atomic.Bool   // true: the next sync stands still, once
	held    chan struct{} // gets a value when one does
	release chan struct{} // closed by the test: it goes on
}

func newSlowDisk() *slowDisk {
	d := &slowDisk{held: make(chan struct{}, 1), release: make(chan struct{})}
	d.fs = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if sync && strings.HasSuffix(op.Path, ".log") && d.hold.CompareAndSwap(true, false) {
			d.held <- struct{}{}
			<-d.release
		}
		return nil
	}))
	return d
}

// rowsOf counts the rows of a case in a table.
func rowsOf(t *testing.T, l *Ledger, tab table, c id.CaseID) (n int) {
	t.Helper()
	cs, v, err := l.enter(c)
	if err != nil {
		t.Fatal(err)
	}
	defer cs.leave()
	err = scan(l.db, v.box, keyOf(tab, v.num), func(_, _ []byte) (bool, error) { n++; return true, nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOneGroup: what is queued while a lone caller commits becomes one commit of
// two cases: heads are written once, arrivals in rows of bounded length. All of
// it is there, in its order, before and after a restart.
func TestOneGroup(t *testing.T) {
	d := newSlowDisk()
	l := openFS(t, d.fs)
	key := feedgen.Key(6, 0)
	g, other := opened(t, l, 6, key), opened(t, l, 7, key)
	c := g.CaseID()
	d.hold.Store(true)
	lone := make(chan Entry, 1)
	go func() {
		e, err := l.Append(t.Context(), status(c, g.ID), key)
		if err != nil {
			t.Error(err)
		}
		lone <- e
	}()
	<-d.held
	const feeds, each = 150, 2
	var pending []*Pending
	for n := range each {
		for i := range feeds {
			f := note(c, n, g.ID)
			f.Comp = id.Comp{byte(i), 1}
			pending = append(pending, must(l.Begin(f, key))(t))
		}
		pending = append(pending, must(l.Begin(status(other.CaseID(), other.ID), key))(t))
	}
	close(d.release)
	want := []id.EntryID{g.ID, (<-lone).ID}
	for _, p := range pending {
		if e := must(p.Wait(t.Context()))(t); e.CaseID() == c {
			want = append(want, e.ID)
		}
	}
	check := func(l *Ledger) {
		t.Helper()
		if n := rowsOf(t, l, tableArrival, c); n != 2+2 {
			t.Errorf("%d rows of arrivals, want one for each append and two for the group", n)
		}
		if n := rowsOf(t, l, tableFeed, c); n != 1+feeds {
			t.Errorf("%d heads", n)
		}
		for from := range want {
			es := must(l.Tail(c, Pos(from), 3))(t)
			for i, e := range es {
				if e.ID != want[from+i] || e.Pos != Pos(from+i+1) {
					t.Fatalf("tail after %d: %v at %d", from, e.ID, e.Pos)
				}
			}
			if len(es) != min(3, len(want)-from) {
				t.Fatalf("tail after %d: %d entries", from, len(es))
			}
		}
		for x, n := range map[id.CaseID]int{c: len(want), other.CaseID(): 1 + each} {
			if r := sound(t, l, x); r.Entries != n {
				t.Errorf("verify: %+v", r)
			}
		}
	}
	check(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	check(openFS(t, d.fs))
}

// TestCloseWaitsForALoneCaller that commits its own entry at that moment.
func TestCloseWaitsForALoneCaller(t *testing.T) {
	d := newSlowDisk()
	l := openFS(t, d.fs)
	key := feedgen.Key(6, 0)
	g := opened(t, l, 6, key)
	d.hold.Store(true)
	lone := make(chan Entry, 1)
	go func() {
		e, err := l.Append(t.Context(), status(g.CaseID(), g.ID), key)
		if err != nil {
			t.Error(err)
		}
		lone <- e
	}()
	<-d.held
	ended := make(chan error, 1)
	go func() { ended <- l.Close() }()
	for range 10_000 { // time enough for a Close that does not wait
		runtime.Gosched()
	}
	select {
	case err := <-ended:
		t.Fatalf("Close returned before what was being written was durable: %v", err)
	default:
	}
	close(d.release)
	e := <-lone
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := openFS(t, d.fs).Entry(g.CaseID(), e.ID); err != nil {
		t.Errorf("the entry after a restart: %v", err)
	}
}
