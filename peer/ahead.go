package peer

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"cordon/ledger"
	"cordon/protocol/id"
)

// What a daemon of our own organisation is known to have written, and is not here, is
// kept: if it never comes back, a person is to know before another decides in its place
// (spec/identity.md §8.11). It is noted now and then, so that a daemon that is killed
// forgets no more than the last seconds, and when the session ends. A row's key is case,
// kid and compartment, its value the seq, 8 bytes.

const aheadKey = 3 * id.Size

// noteAheads notes what our siblings are ahead, for as long as ctx lasts.
func (n *Node) noteAheads(ctx context.Context) {
	tick := time.NewTicker(n.c.Schedule.Retry / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, s := range n.with() {
			n.noteAhead(s)
		}
	}
}

// noteAhead keeps what a sibling has told of its own feeds and is not here.
func (n *Node) noteAhead(s *session) {
	if !s.sibling() {
		return
	}
	var errs []error
	for f, seq := range s.told(s.contact.Kid) {
		held, err := n.holds(f, seq)
		if err == nil && !held {
			err = n.keepAhead(f, seq)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		n.log.Warn("note what a daemon of ours has and is not here", "err", err)
	}
}

// keepAhead writes one row, if it is not there.
func (n *Node) keepAhead(f caseFeed, seq id.Seq) error {
	row := binary.BigEndian.AppendUint64(nil, uint64(seq))
	was, err := n.aheads().Get(f.key())
	if err == nil && bytes.Equal(was, row) {
		return nil
	}
	if err != nil && !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	return n.aheads().Put(f.key(), row)
}

// Ahead are the cases in which a daemon of our own organisation has written what is
// not here, as it told itself when it was last connected, or members tell now.
func (n *Node) Ahead(kid id.Kid) ([]id.CaseID, error) {
	out := map[id.CaseID]bool{}
	var errs []error
	check := func(f caseFeed, seq id.Seq) (held bool) {
		held, err := n.holds(f, seq)
		errs = append(errs, err)
		out[f.c] = out[f.c] || !held
		return held
	}
	var came [][]byte
	errs = append(errs, n.aheads().All(func(key, value []byte) bool {
		if len(key) != aheadKey || len(value) != 8 || id.Kid(key[id.Size:2*id.Size]) != kid {
			return true
		}
		f := caseFeed{id.CaseID(key[:id.Size]), id.Feed{Kid: kid, Comp: id.Comp(key[2*id.Size:])}}
		if check(f, id.Seq(binary.BigEndian.Uint64(value))) {
			came = append(came, slices.Clone(key))
		}
		return true
	}))
	for _, key := range came {
		errs = append(errs, n.aheads().Delete(key))
	}
	for _, s := range n.with() {
		for f, seq := range s.told(kid) {
			check(f, seq)
		}
	}
	var list []id.CaseID
	for c, lacks := range out {
		if lacks {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b id.CaseID) int { return slices.Compare(a[:], b[:]) })
	return list, errors.Join(errs...)
}

func (n *Node) aheads() *ledger.Shelf { return n.c.Ledger.Shelf(shelfAhead) }

// caseFeed is a feed of a case.
type caseFeed struct {
	c id.CaseID
	f id.Feed
}

func (f caseFeed) key() []byte { return slices.Concat(f.c[:], f.f.Kid[:], f.f.Comp[:]) }

// told is how far the other side says that the feeds of a key go.
func (s *session) told(kid id.Kid) map[caseFeed]id.Seq {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[caseFeed]id.Seq{}
	for c, sh := range s.shared {
		for f, m := range sh.heads {
			if f.Kid == kid {
				out[caseFeed{c, f}] = m.seq
			}
		}
	}
	return out
}

// holds says whether a feed goes as far as seq here.
func (n *Node) holds(f caseFeed, seq id.Seq) (bool, error) {
	h, ok, err := n.c.Ledger.Head(f.c, f.f)
	if errors.Is(err, ledger.ErrNotFound) {
		return false, nil
	}
	return ok && h.Seq >= seq, err
}

// InStep says whether a daemon of our own organisation is connected and holds, of every
// case that we share, just what is here, as far as it has told.
func (n *Node) InStep(kid id.Kid) (bool, error) {
	for _, s := range n.with() {
		if !s.sibling() || s.contact.Kid != kid {
			continue
		}
		for c := range n.cases.shared(n.c.Org) {
			have, err := n.have(c)
			if err != nil {
				return false, err
			}
			if !s.level(c, have) || !s.holdsAll(c, have) {
				return false, nil
			}
		}
		return true, nil
	}
	return false, nil
}

// holdsAll says whether the other side has told that it holds have, and has nothing
// of the case on the way.
func (s *session) holdsAll(c id.CaseID, have map[id.Feed]id.Seq) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shared[c]
	if sh == nil || sh.way > 0 {
		return false
	}
	for f, n := range have {
		if m, ok := sh.heads[f]; !ok || m.seq+1 < n {
			return false
		}
	}
	return true
}
