package peer

import (
	"bytes"
	"errors"
	"slices"

	"cordon/ledger"
	"cordon/protocol/id"
)

// Forget drops a case from memory, as before and after it is erased: no session names
// it any more, and what it was about to send of it is not sent.
func (n *Node) Forget(c id.CaseID) {
	n.cases.forget(c)
	n.fetch.forget(c)
	n.asks.forget(c)
	n.mu.Lock()
	delete(n.tells, c)
	n.mu.Unlock()
	for _, s := range n.with() {
		s.forget(c)
	}
	n.reshare()
}

// ForgetErased deletes what the shelves of this package say of erased cases.
func ForgetErased(l *ledger.Ledger) error {
	var errs []error
	for _, name := range []string{shelfJoining, shelfHeard, shelfBodies, shelfAhead} {
		shelf := l.Shelf(name)
		var gone [][]byte
		errs = append(errs, shelf.All(func(key, _ []byte) bool {
			if len(key) >= id.Size && l.Erased(id.CaseID(key[:id.Size])) {
				gone = append(gone, bytes.Clone(key))
			}
			return true
		}))
		for _, key := range gone {
			errs = append(errs, shelf.Delete(key))
		}
	}
	return errors.Join(errs...)
}

// The shelves whose keys begin with a case.
const (
	shelfJoining = "peer-joining"
	shelfHeard   = "peer-heard"
	shelfBodies  = "peer-bodies"
	shelfAhead   = "peer-ahead"
)

func (x *cases) forget(c id.CaseID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.all, c)
}

func (f *fetcher) forget(c id.CaseID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.cases, c)
	for e, a := range f.asks {
		if a.c == c {
			delete(f.asks, e)
		}
	}
}

func (a *asks) forget(c id.CaseID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for f := range a.all[c] {
		a.dropLocked(c, f)
	}
	delete(a.all, c)
}

// forget drops what is due of a case; reshare drops the case.
func (s *session) forget(c id.CaseID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &s.due
	delete(d.vec, c)
	delete(d.ihave, c)
	delete(d.proof, c)
	delete(d.genesis, c)
	d.live = slices.DeleteFunc(d.live, func(o offer) bool { return o.c == c })
}
