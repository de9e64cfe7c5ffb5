package ledger

import (
	"errors"

	"cordon/protocol/id"
)

// MaxBranches is the number of branches of one feed that are kept. Each costs
// its author a signed, different entry; the number is above that of a large
// case's members, each of whom an author may have shown another branch.
const MaxBranches = 512

// Fork is the proof that a key signed two entries for one place. Both are
// stored; each is readable by its id.
type Fork struct {
	Feed  id.Feed
	Seq   id.Seq
	A, B  id.EntryID // A arrived first
	Known Pos        // the arrival of B
}

// Forks are the forks of the case that this ledger can prove, in the order in
// which it learnt of them.
func (l *Ledger) Forks(c id.CaseID) ([]Fork, error) {
	cs, v, err := l.enter(c)
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	cs.mu.Lock()
	var branches []*feed
	for _, f := range v.byNum {
		if f.parent != 0 && f.durable.n > 0 {
			branches = append(branches, f)
		}
	}
	cs.mu.Unlock()
	var forks []Fork
	for _, f := range branches { // num, parent and from do not change any more
		a, err := v.entryAt(f.parent, f.from)
		if err != nil {
			return nil, err
		}
		b, err := v.entryAt(f.num, f.from)
		if err != nil {
			return nil, err
		}
		forks = append(forks, Fork{f.name, id.Seq(f.from), a.ID, b.ID, b.Pos})
	}
	return forks, nil
}

// afterFork says whether the entry at p arrived after a fork of its feed was
// known. Our own entries do not depend on such a one (spec/protocol.md §4.7).
func (v *caseView) afterFork(p place) (bool, error) {
	v.mu.Lock()
	f := v.byNum[p.feed-1]
	branches := v.feeds[f.name]
	var second *feed
	if len(branches) > 1 && branches[1].durable.n > 0 {
		second = branches[1]
	}
	v.mu.Unlock()
	if second == nil {
		return false, nil
	}
	known, err := v.entryAt(second.num, second.from)
	if err != nil {
		return false, err
	}
	e, err := v.entryAt(p.feed, p.seq)
	if errors.Is(err, ErrNotFound) {
		return true, nil // still queued
	}
	return e.Pos > known.Pos, err
}
