package ledger

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"

	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Pending is an entry of ours that is signed and queued. It is not durable,
// and nobody sees it, before Wait has returned.
type Pending struct {
	entry Entry
	done  chan struct{}
}

// Wait returns once the entry is durable. If ctx ends first, the entry may
// still become durable; it is never written twice.
func (p *Pending) Wait(ctx context.Context) (Entry, error) {
	select {
	case <-p.done:
		return p.entry, nil
	case <-ctx.Done():
		return Entry{}, ctx.Err()
	}
}

// ID is the id that the entry has, durable or not.
func (p *Pending) ID() id.EntryID { return p.entry.ID }

// Append is Begin and Wait. A lone caller commits its entry itself, so ctx is
// looked at before and after that.
func (l *Ledger) Append(ctx context.Context, f entry.Fields, key ed25519.PrivateKey) (Entry, error) {
	p, err := l.begin(f, key)
	if err != nil {
		return Entry{}, err
	}
	l.queue.lead()
	return p.Wait(ctx)
}

// Begin makes the next entry of the feed of key in f.Comp of f.Case: it sets
// Seq, Prev and LC, raises T to that of prev, sorts Deps and leaves out those
// that an entry of the same feed has named or that lie in it; then signs and
// queues it. Entries of one feed are queued in the order of Begin.
//
// With a body, Seq must be the feed's next seq, since the body is sealed for
// that place: else ErrMoved. A genesis has a zero Case and creates the case.
// Other errors: ErrNotFound (case), ErrMissing and ErrDep (deps), ErrUnknownKid
// (no stored entry certifies the key), ErrForked, ErrOwnFork, ErrRestored,
// ErrClosed, and those of entry.Fields.Seal. After an error nothing was written.
func (l *Ledger) Begin(f entry.Fields, key ed25519.PrivateKey) (*Pending, error) {
	p, err := l.begin(f, key)
	if err == nil {
		l.queue.kick()
	}
	return p, err
}

// begin is Begin, but for whoever commits what is queued then.
func (l *Ledger) begin(f entry.Fields, key ed25519.PrivateKey) (*Pending, error) {
	kid := cose.Thumbprint(key.Public().(ed25519.PublicKey))
	if err := l.mayWrite(kid); err != nil {
		return nil, err
	}
	if f.Case == (id.CaseID{}) {
		return l.beginCase(f, key, kid)
	}
	cs, v, err := l.enter(f.Case)
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	_, introduces := teaches(&entry.Sealed{Fields: f}, kid)
	fd, err := v.ownFeed(id.Feed{Kid: kid, Comp: f.Comp}, introduces)
	if err != nil {
		return nil, err
	}
	fd.signing.Lock()
	defer fd.signing.Unlock()
	prev, num := v.tip(fd)
	if err := v.follow(&f, fd, num, prev); err != nil {
		return nil, err
	}
	s, err := f.Seal(key)
	if err != nil {
		return nil, fmt.Errorf("seal entry: %w", err)
	}
	p, err := v.queueOwn(cs, fd, prev, s)
	if err == nil {
		fd.remember(f.Deps)
	}
	return p, err
}

// beginCase opens a case. Its number and key are on disk before its genesis is.
func (l *Ledger) beginCase(f entry.Fields, key ed25519.PrivateKey, kid id.Kid) (*Pending, error) {
	s, err := f.Seal(key)
	if err != nil {
		return nil, fmt.Errorf("seal genesis: %w", err)
	}
	if _, ok := teaches(s, kid); !ok {
		return nil, ErrUnknownKid
	}
	l.creating.Lock()
	defer l.creating.Unlock()
	if _, err := l.find(s.CaseID()); err == nil {
		return nil, ErrMoved // the same genesis twice: its nonce was not random
	}
	cs, v, err := l.newCase(s.CaseID())
	if err != nil {
		return nil, err
	}
	defer cs.leave()
	if err := l.createCase(cs); err != nil {
		return nil, err
	}
	cs.mu.Lock()
	fd := &feed{name: s.Feed()}
	v.feeds[fd.name] = []*feed{fd}
	cs.mu.Unlock()
	return v.queueOwn(cs, fd, tip{}, s)
}

// teaches is the key of kid, if s certifies it.
func teaches(s *entry.Sealed, kid id.Kid) (ed25519.PublicKey, bool) {
	for _, pub := range taught(s) {
		if cose.Thumbprint(pub) == kid {
			return pub, true
		}
	}
	return nil, false
}

// ownFeed finds or begins a feed to write in. introduces: the entry itself
// certifies the key.
func (v *caseView) ownFeed(name id.Feed, introduces bool) (*feed, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.keys[name.Kid]; !ok && !introduces {
		return nil, ErrUnknownKid
	}
	if v.forked[name.Kid] {
		return nil, ErrForked // one fork closes the key, not only the feed (spec/store.md §7)
	}
	if len(v.feeds[name]) == 0 {
		v.feeds[name] = []*feed{{name: name}}
	}
	return v.feeds[name][0], nil
}

func (v *caseView) tip(f *feed) (tip, feedNum) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return f.next, f.num
}

// follow sets the fields that the place in the feed decides. Called with
// fd.signing held.
func (v *caseView) follow(f *entry.Fields, fd *feed, num feedNum, prev tip) error {
	if f.Body != nil && uint32(f.Seq) != prev.n {
		return ErrMoved
	}
	f.Seq, f.Prev, f.LC = id.Seq(prev.n), prev.id, prev.lc
	f.T = max(f.T, prev.t)
	deps := slices.Clone(f.Deps)
	slices.SortFunc(deps, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
	f.Deps = nil
	for _, d := range slices.Compact(deps) {
		p, err := v.dep(d)
		if err != nil {
			return err
		}
		late, err := v.afterFork(p)
		if err != nil {
			return err
		}
		if _, named := fd.named[d]; named || late || p.feed == num {
			continue
		}
		f.LC = max(f.LC, p.lc)
		f.Deps = append(f.Deps, d)
	}
	f.LC++
	return nil
}

// dep finds a dep that an own entry names.
func (v *caseView) dep(d id.EntryID) (place, error) {
	p, ok, err := v.find(d)
	switch {
	case err != nil:
		return p, err
	case !ok:
		return p, fmt.Errorf("dep %v: %w", d, ErrMissing)
	case !p.control:
		return p, fmt.Errorf("dep %v: %w", d, ErrDep)
	}
	return p, nil
}

// namedMax bounds what a feed remembers; a dep named twice is valid, only longer.
const namedMax = 4096

func (f *feed) remember(deps []id.EntryID) {
	if f.named == nil || len(f.named) > namedMax {
		f.named = map[id.EntryID]struct{}{}
	}
	for _, d := range deps {
		f.named[d] = struct{}{}
	}
}

// queueOwn queues s if the feed still ends at prev and writing is still allowed:
// if not, Accept has met an entry of our key that we did not write.
func (v *caseView) queueOwn(cs *caseState, fd *feed, prev tip, s *entry.Sealed) (*Pending, error) {
	if err := v.l.mayWrite(s.Kid); err != nil {
		return nil, err
	}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if fd.next != prev {
		return nil, ErrOwnFork
	}
	st := newStage(cs, v)
	st.c.own = true
	e := st.add(fd, s, false)
	c, err := st.queue()
	if err != nil {
		return nil, err
	}
	return &Pending{entry: e, done: c.done}, nil
}
