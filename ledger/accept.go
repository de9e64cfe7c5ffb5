package ledger

import (
	"bytes"
	"context"
	"fmt"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Limits of one batch: those of a frame (spec/protocol.md §6). They also bound
// a stretch of entries that rest on one signature, so that it fits one frame.
const (
	MaxBatch      = 256
	MaxBatchBytes = 1 << 20
)

// Result is what Accept made of a batch. Every raw that is in neither Entries
// nor Rejected was held already, or is there a second time.
type Result struct {
	Stored   int          // new entries, len(Entries)
	Repaired int          // held entries whose bad or unchecked signature was replaced by a good one
	Entries  []Entry      // the new entries, in the order of arrival
	Missing  []id.EntryID // ids that authentic entries of the batch name and that are not held
	Rejected []Rejection
	Forks    int // new branches
}

// Rejection is why one raw of the batch was not stored.
type Rejection struct {
	Index int // in the batch
	Err   error
}

// Accept is BeginAccept and Wait.
func (l *Ledger) Accept(ctx context.Context, c id.CaseID, raws [][]byte) (Result, error) {
	a, err := l.BeginAccept(c, raws)
	if err != nil {
		return Result{}, err
	}
	return a.Wait(ctx)
}

// Accepting is a batch that has been checked and queued. Nobody sees its entries
// before they are durable.
type Accepting struct {
	result Result
	done   <-chan struct{} // nil: there was nothing to store
}

// Wait returns once what passed is durable. If ctx ends first, it may still
// become so.
func (a *Accepting) Wait(ctx context.Context) (Result, error) {
	if a.done == nil {
		return a.result, nil
	}
	select {
	case <-a.done:
		return a.result, nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// BeginAccept checks a batch of others' entries of case c and queues what
// passes, as one synced batch; the next batch may rest on it at once. The order
// inside the batch does not matter. A genesis whose id is c creates the case;
// without it, an unknown case is ErrNotFound. ErrBatch: too many entries or bytes.
//
// An entry is stored iff it is canonical and within limits, of this case, of a
// key that a stored entry certifies, next in its feed (or another branch of it),
// with deps that are stored control entries, lc and t in order, and covered: its
// own signature, or one above it in the same feed and batch, has been checked
// (spec/protocol.md §4.5). Entries above the last good signature of a run are
// rejected. raws belong to the ledger afterwards.
func (l *Ledger) BeginAccept(c id.CaseID, raws [][]byte) (*Accepting, error) {
	return l.BeginAcceptIf(c, raws, func(*entry.Sealed) error { return nil })
}

// BeginAcceptIf is BeginAccept of what may lets in. It is asked, in the order of the
// batch, of each entry that is above all that is held of its feed, and its error is why
// that is rejected. Of what stands beside an entry held it is not asked: that is a fork.
func (l *Ledger) BeginAcceptIf(c id.CaseID, raws [][]byte, may func(*entry.Sealed) error) (*Accepting, error) {
	b, err := openBatch(c, raws)
	if err != nil {
		return nil, err
	}
	b.may = may
	cs, v, done, err := l.enterForAccept(c, b)
	if err != nil {
		return nil, err
	}
	defer done()
	b.v = v
	commit, err := b.accept(cs)
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	a := &Accepting{result: b.result}
	if commit != nil {
		l.queue.kick()
		a.done = commit.done
	}
	return a, nil
}

// batch is one Accept under way.
type batch struct {
	v      *caseView
	may    func(*entry.Sealed) error // of BeginAcceptIf
	items  []*item                   // neither rejected nor found to be held
	result Result
	birth  bool // the case does not exist yet
}

// item is one entry of a batch, with every copy of it that came.
type item struct {
	*entry.Sealed
	at     []int           // in the batch
	copies []*entry.Sealed // same id, other signatures, not tried yet
	own    verdict         // on the signature of Sealed

	state  itemState
	err    error        // if refused
	absent []id.EntryID // if refused for want of these
	line   *line        // if placed: where
}

type verdict uint8

const (
	unchecked verdict = 0
	good      verdict = 1
	bad       verdict = 2
)

type itemState uint8

const (
	waiting itemState = 0
	placed  itemState = 1
	refused itemState = 2
)

// openBatch parses a batch on all cores and drops what is no entry of case c.
func openBatch(c id.CaseID, raws [][]byte) (*batch, error) {
	size := 0
	for _, raw := range raws {
		size += len(raw)
	}
	if len(raws) > MaxBatch || size > MaxBatchBytes {
		return nil, ErrBatch
	}
	opened := make([]*entry.Sealed, len(raws))
	errs := make([]error, len(raws))
	parallel(len(raws), 16, func(i int) { opened[i], errs[i] = entry.Parse(raws[i]) })
	b := &batch{items: make([]*item, 0, len(raws))}
	byID := make(map[id.EntryID]*item, len(raws))
	for i, s := range opened {
		switch {
		case errs[i] != nil:
			b.reject(errs[i], i)
		case s.CaseID() != c:
			b.reject(ErrCase, i)
		case byID[s.ID] != nil:
			it := byID[s.ID]
			if it.at = append(it.at, i); !bytes.Equal(it.Raw, s.Raw) {
				it.copies = append(it.copies, s)
			}
		default:
			it := &item{Sealed: s, at: []int{i}}
			byID[s.ID] = it
			b.items = append(b.items, it)
		}
	}
	return b, nil
}

func (b *batch) reject(err error, at ...int) {
	for _, i := range at {
		b.result.Rejected = append(b.result.Rejected, Rejection{i, err})
	}
}

// enterForAccept finds the case, or makes the state of a new one if the batch
// has its genesis. One Accept of a case runs at a time; done lets the next begin.
func (l *Ledger) enterForAccept(c id.CaseID, b *batch) (*caseState, *caseView, func(), error) {
	cs, v, err := l.enter(c)
	if err == nil {
		cs.accepting.Lock()
		return cs, v, func() { cs.accepting.Unlock(); cs.leave() }, nil
	}
	hasGenesis := false
	for _, it := range b.items {
		hasGenesis = hasGenesis || it.Genesis()
	}
	if !hasGenesis || !isNotFound(err) {
		return nil, nil, nil, err
	}
	l.creating.Lock()
	if _, err := l.find(c); err == nil { // somebody else made it meanwhile
		l.creating.Unlock()
		return l.enterForAccept(c, b)
	}
	b.birth = true
	cs, v, err = l.newCase(c)
	if err != nil {
		l.creating.Unlock()
		return nil, nil, nil, err
	}
	return cs, v, func() { l.creating.Unlock(); cs.leave() }, nil
}

// accept decides on every item, then queues what passed. Everything is checked
// in memory before the first write; the state of the case moves under its mutex
// as the batch is queued.
func (b *batch) accept(cs *caseState) (*commit, error) {
	repairs, err := b.dropHeld()
	if err != nil {
		return nil, err
	}
	for {
		a, err := b.settle()
		if err != nil {
			return nil, err
		}
		if b.birth && len(a.order) > 0 {
			if err := b.v.l.createCase(cs); err != nil {
				return nil, err
			}
		}
		if err := b.guard(a); err != nil {
			return nil, err
		}
		c, moved, err := b.queue(cs, a, repairs)
		if err != nil || !moved {
			b.report(a)
			return c, err
		}
	}
}

// guard is the self-fork guard: an authentic entry of a key of ours that this
// ledger does not hold was written by somebody else, whether it can be stored now
// or what it rests on is missing. Its id is kept as evidence.
func (b *batch) guard(a *attempt) error {
	strangers := map[id.Kid]bool{}
	for _, it := range b.items {
		stranger, known := strangers[it.Kid]
		if !known {
			stranger = !b.v.l.isOwn(it.Kid)
			strangers[it.Kid] = stranger
		}
		if stranger || it.state != placed && !a.authentic(it) {
			continue
		}
		strangers[it.Kid] = true // once is enough
		if err := b.v.l.stopWriting(it.Kid, it.ID); err != nil {
			return err
		}
	}
	return nil
}

// authentic judges the signature of an item that was not placed.
func (a *attempt) authentic(it *item) bool {
	pub, ok := a.pub(it)
	return ok && it.verify(pub)
}

// queue stages everything that passed. moved: Begin wrote to a feed meanwhile
// that this batch extends, so the check has to be done again.
func (b *batch) queue(cs *caseState, a *attempt, repairs []repair) (c *commit, moved bool, err error) {
	if len(a.order) == 0 && len(repairs) == 0 {
		return nil, false, nil
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if !a.current() {
		return nil, true, nil
	}
	st := newStage(cs, b.v)
	for _, it := range a.order {
		b.result.Entries = append(b.result.Entries, st.add(it.line.open(b.v), it.Sealed, it.own != good))
	}
	for _, r := range repairs {
		st.repair(r)
	}
	b.result.Stored, b.result.Repaired = len(a.order), len(repairs)
	c, err = st.queue()
	return c, false, err
}

// report completes the result: rejections, what is missing, forks.
func (b *batch) report(a *attempt) {
	for _, it := range b.items {
		if it.state == placed {
			continue
		}
		b.reject(it.err, it.at...)
		b.result.Missing = append(b.result.Missing, it.absent...)
	}
	b.result.Missing = unique(b.result.Missing)
	for _, lines := range a.lanes {
		for _, ln := range lines {
			if len(ln.items) > 0 && ln.branch {
				b.result.Forks++
			}
		}
	}
}

// repair replaces the stored copy of an entry by one with a good signature.
type repair struct {
	place place
	entry Entry
}

// dropHeld takes the items out that are stored already. Where the stored copy
// rests on a cover, and this one has another signature, a good one replaces it.
func (b *batch) dropHeld() ([]repair, error) {
	var repairs []repair
	fresh := b.items[:0]
	highest := map[id.Feed]uint32{}
	for _, it := range b.items {
		top, ok := highest[it.Feed()]
		if !ok {
			_, tips := b.v.branches(it.Feed())
			for _, t := range tips {
				top = max(top, t.n)
			}
			highest[it.Feed()] = top
		}
		if uint32(it.Seq) >= top { // above every branch: certainly new
			if err := b.may(it.Sealed); err != nil {
				b.reject(err, it.at...)
				continue
			}
			fresh = append(fresh, it)
			continue
		}
		p, held, err := b.v.find(it.ID)
		if err != nil {
			return nil, err
		}
		if !held {
			fresh = append(fresh, it)
			continue
		}
		r, ok, err := b.mend(it, p)
		if err != nil {
			return nil, err
		}
		if ok {
			repairs = append(repairs, r)
		}
	}
	b.items = fresh
	return repairs, nil
}

func (b *batch) mend(it *item, p place) (repair, bool, error) {
	held, err := b.v.entryAt(p.feed, p.seq)
	if isNotFound(err) {
		return repair{}, false, nil // queued by another call, not on disk yet
	}
	if err != nil || !held.Covered || (bytes.Equal(held.Raw, it.Raw) && len(it.copies) == 0) {
		return repair{}, false, err
	}
	pub, ok := b.v.key(it.Kid)
	if !ok || !it.verify(pub) {
		return repair{}, false, nil
	}
	return repair{p, Entry{it.Sealed, held.Pos, false}}, true, nil
}
