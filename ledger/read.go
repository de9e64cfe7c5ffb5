package ledger

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/id"
)

// Heads are the last entries of all feeds of the case, in the order in which
// the feeds first arrived; a forked feed has one for each branch.
func (l *Ledger) Heads(c id.CaseID) ([]Head, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	heads := make([]Head, 0, len(v.byNum))
	for _, f := range v.byNum {
		if f.durable.n > 0 {
			heads = append(heads, f.head())
		}
	}
	return heads, nil
}

// Head is the last entry of one feed, of its first branch if it is forked;
// false if the feed has none.
func (l *Ledger) Head(c id.CaseID, name id.Feed) (Head, bool, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return Head{}, false, err
	}
	defer cs.leave()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if fs := v.feeds[name]; len(fs) > 0 && fs[0].durable.n > 0 {
		return fs[0].head(), true, nil
	}
	return Head{}, false, nil
}

// head is called with caseState.mu held.
func (f *feed) head() Head {
	t := f.durable
	return Head{Feed: f.name, Seq: id.Seq(t.n - 1), ID: t.id, LC: t.lc, T: t.t}
}

// Entry finds an entry by its id; ErrNotFound if the case does not hold it.
func (l *Ledger) Entry(c id.CaseID, x id.EntryID) (Entry, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return Entry{}, err
	}
	defer cs.leave()
	p, ok, err := v.find(x)
	if err != nil {
		return Entry{}, err
	}
	if !ok {
		return Entry{}, ErrNotFound
	}
	e, err := v.entryAt(p.feed, p.seq)
	if err == nil && e.Pos > v.visible() {
		return Entry{}, ErrNotFound
	}
	return e, err
}

// visible is the newest place of arrival that is durable.
func (v *caseView) visible() Pos {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.durable
}

func (v *caseView) entryAt(f feedNum, seq uint32) (Entry, error) {
	row, err := get(v.l.db, v.box, keyEntry(v.num, f, seq))
	if err != nil {
		return Entry{}, err
	}
	e, err := parseEntryRow(row)
	if err != nil {
		return Entry{}, fmt.Errorf("stored entry: %w", err)
	}
	return e, nil
}

// Read yields the stored entries of a feed with from <= seq <= to, in the order
// of seq, until yield returns false. Of a forked feed it yields every branch,
// one after the other, each after the branch it grew from.
func (l *Ledger) Read(c id.CaseID, name id.Feed, from, to id.Seq, yield func(Entry) bool) error {
	cs, v, err := l.enter(c)
	if err != nil {
		return err
	}
	defer cs.leave()
	type stretch struct {
		num    feedNum
		lo, hi uint32 // hi is excluded
	}
	var parts []stretch
	cs.mu.Lock()
	for _, f := range v.feeds[name] {
		lo, hi := max(uint32(from), f.from), min(uint64(to)+1, uint64(f.durable.n))
		if uint64(lo) < hi {
			parts = append(parts, stretch{f.num, lo, uint32(hi)})
		}
	}
	cs.mu.Unlock()
	for _, p := range parts {
		more := true
		err := scanRange(l.db, v.box, keyEntry(v.num, p.num, p.lo), keyEntry(v.num, p.num, p.hi), func(_, row []byte) (bool, error) {
			e, err := parseEntryRow(row)
			if err != nil {
				return false, fmt.Errorf("stored entry: %w", err)
			}
			more = yield(e)
			return more, nil
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// End is the place of the newest arrival in the case: Tail from there has nothing.
func (l *Ledger) End(c id.CaseID) (Pos, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return 0, err
	}
	defer cs.leave()
	return v.visible(), nil
}

// Tail returns the entries of the case that arrived after the given place, at
// most max, in the order of arrival: prev and deps of each stand before it.
func (l *Ledger) Tail(c id.CaseID, from Pos, max int) ([]Entry, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	upTo := v.visible()
	if from >= upTo || max <= 0 {
		return nil, nil
	}
	upTo = min(upTo, from+Pos(max))
	out := make([]Entry, 0, upTo-from)
	err = v.walk(from+1, upTo, func(r run, p Pos) error {
		return scanRange(l.db, v.box, keyEntry(v.num, r.feed, r.seq), keyEntry(v.num, r.feed, r.seq+r.n), func(_, row []byte) (bool, error) {
			e, err := parseEntryRow(row)
			if err != nil {
				return false, fmt.Errorf("stored entry: %w", err)
			}
			out = append(out, e)
			return true, nil
		})
	})
	if err == nil && len(out) != int(upTo-from) {
		err = fmt.Errorf("arrival log names entries that are not stored: %w", errRow)
	}
	return out, err
}

// walk calls yield for the runs of the arrival log from place lo to hi, both
// included, cut to fit; p is the place of the run's first entry.
func (v *caseView) walk(lo, hi Pos, yield func(r run, p Pos) error) (err error) {
	prefix := keyOf(tableArrival, v.num)
	it, err := v.l.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.SeekLT(keyArrival(v.num, lo+1)); ok && posOf(it.Key()) <= hi; ok = it.Next() {
		runs, err := v.arrivals(it)
		if err != nil {
			return err
		}
		p := posOf(it.Key())
		for _, r := range runs {
			if cut, at, ok := clip(r, p, lo, hi); ok {
				if err := yield(cut, at); err != nil {
					return err
				}
			}
			p += Pos(r.n)
		}
	}
	return it.Error()
}

// clip cuts a run whose first entry arrived at p to the places lo to hi.
func clip(r run, p, lo, hi Pos) (run, Pos, bool) {
	end := p + Pos(r.n) - 1
	if end < lo || p > hi {
		return run{}, 0, false
	}
	from, to := max(p, lo), min(end, hi)
	return run{r.feed, r.seq + uint32(from-p), uint32(to-from) + 1}, from, true
}
