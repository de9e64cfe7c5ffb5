package ledger

import (
	"context"
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/id"
)

// Report is what Verify found in one case.
type Report struct {
	Entries int // places that the heads promise
	Bad     int // places with anything wrong, or nothing there; index rows and arrivals that do not fit
	Covered int // entries whose own signature does not hold and that a good one above covers
	Forks   int // branches
}

// Verify walks a case from the disk as if it were a stranger's: every hash,
// prev, seq, dep, number and signature of every entry, and that the indexes
// name exactly the entries. It trusts nothing that Accept noted. ctx ends it early.
func (l *Ledger) Verify(ctx context.Context, c id.CaseID) (Report, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return Report{}, err
	}
	defer cs.leave()
	a := &audit{v: v, ctx: ctx, upTo: v.visible(), bad: map[place]bool{}}
	err = errors.Join(a.feeds(), a.arrivals(), a.strays())
	a.report.Bad = len(a.bad) + a.loose
	return a.report, err
}

// audit is one Verify.
type audit struct {
	v      *caseView
	ctx    context.Context
	upTo   Pos // what arrived later is left out
	report Report
	bad    map[place]bool // by feed and seq only
	loose  int            // rows that fit no entry
}

func (a *audit) fail(f feedNum, seq uint32) { a.bad[place{feed: f, seq: seq}] = true }

// feeds walks every feed and branch from its first entry to its head.
func (a *audit) feeds() error {
	a.v.mu.Lock()
	var feeds []*feed
	var heads []tip
	for _, f := range a.v.byNum {
		if f.durable.n > 0 {
			feeds, heads = append(feeds, f), append(heads, f.durable)
		}
	}
	a.v.mu.Unlock()
	for i, f := range feeds {
		if f.parent != 0 {
			a.report.Forks++
		}
		if err := a.feed(f, heads[i]); err != nil {
			return err
		}
	}
	return nil
}

// feed walks one branch up. Entries whose own signature does not hold wait for
// a good one above them.
func (a *audit) feed(f *feed, head tip) error {
	prev := a.root(f)
	uncovered := map[uint32]bool{}
	for seq := f.from; seq < head.n; seq++ {
		if err := a.ctx.Err(); err != nil {
			return err
		}
		e, err := a.v.entryAt(f.num, seq)
		if err == nil && e.Pos > a.upTo {
			return nil
		}
		a.report.Entries++
		if err != nil {
			a.fail(f.num, seq)
			prev = tip{}
			continue
		}
		if !a.sound(f, e, seq, prev) {
			a.fail(f.num, seq)
		}
		prev = tip{seq + 1, e.ID, e.LC, e.T}
		if pub, ok := a.v.key(f.name.Kid); ok && e.Verify(pub) == nil {
			a.report.Covered += len(uncovered)
			clear(uncovered)
		} else {
			uncovered[seq] = true
		}
	}
	for seq := range uncovered {
		a.fail(f.num, seq)
	}
	if prev != head {
		a.fail(f.num, head.n-1)
	}
	return nil
}

// root is the tip that a branch grows from; zero if it is not there, and then
// the branch's first entry is bad.
func (a *audit) root(f *feed) tip {
	if f.from == 0 {
		return tip{}
	}
	holder := f
	for holder.from >= f.from && holder.parent != 0 {
		a.v.mu.Lock()
		holder = a.v.byNum[holder.parent-1]
		a.v.mu.Unlock()
	}
	if at, ok := a.v.anchor(f.name); ok && at.tip().n == f.from {
		return at.tip()
	}
	e, err := a.v.entryAt(holder.num, f.from-1)
	if err != nil {
		return tip{}
	}
	return tip{f.from, e.ID, e.LC, e.T}
}

// sound judges everything about an entry but its signature.
func (a *audit) sound(f *feed, e Entry, seq uint32, prev tip) bool {
	if e.CaseID() != a.v.id || e.Feed() != f.name || uint32(e.Seq) != seq ||
		seq != prev.n || e.Prev != prev.id || e.T < prev.t {
		return false
	}
	lc := prev.lc
	for _, d := range e.Deps {
		p, err := a.v.stored(d)
		if err != nil || !p.control {
			return false
		}
		lc = max(lc, p.lc)
	}
	if !e.Genesis() && e.LC != lc+1 {
		return false
	}
	p, err := a.v.stored(e.ID)
	return err == nil && p == placeOf(f.num, e.Sealed)
}

// arrivals checks that the log names places without a gap, and that the entry
// at each says so too.
func (a *audit) arrivals() error {
	next := Pos(1)
	err := a.v.walk(1, a.upTo, func(r run, p Pos) error {
		if p != next {
			a.loose++
		}
		for i := range r.n {
			e, err := a.v.entryAt(r.feed, r.seq+i)
			if err != nil || e.Pos != p+Pos(i) {
				a.fail(r.feed, r.seq+i)
			}
		}
		next = p + Pos(r.n)
		return a.ctx.Err()
	})
	if err == nil && next != a.upTo+1 {
		a.loose++
	}
	if Pos(a.report.Entries) != a.upTo {
		a.loose++
	}
	return err
}

// strays counts index rows: sound has found one for every entry, so any more
// name nothing.
func (a *audit) strays() error {
	prefix := keyOf(tableIndex, a.v.num)
	it, err := a.v.l.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	rows := 0
	for ok := it.First(); ok; ok = it.Next() {
		rows++
	}
	a.v.mu.Lock()
	last := int(a.v.last) // more may have been written meanwhile
	a.v.mu.Unlock()
	a.loose += max(0, rows-last)
	return errors.Join(it.Error(), it.Close())
}
