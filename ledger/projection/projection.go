// Package projection keeps one folded protocol.Case for each case of a ledger.
// A Case that With hands out is the fold of everything the ledger held when With
// was called. The package has no goroutines and remembers nothing on disk: what
// it holds can be folded again at will.
//
// Main path: New, then Cases.With.
package projection

import (
	"errors"
	"fmt"
	"sync"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// ErrOrder says that the ledger gave an entry before its prev or a dep: its
// arrival log is broken.
var ErrOrder = errors.New("arrival order is not causal")

// step is how many entries are read at a time.
const step = 512

// Cases are the folds of the cases of one ledger. Its methods may be called
// from any goroutine.
type Cases struct {
	l   *ledger.Ledger
	pin func(*protocol.Case) error // nil: no case is pinned

	mu    sync.Mutex
	folds map[id.CaseID]*fold // guarded by mu
}

type fold struct {
	mu sync.Mutex // held while the case is read or brought up to date
	at ledger.Pos // the newest entry folded; guarded by mu
	c  *protocol.Case
}

// New makes the folds of l; each is made when it is first asked for.
func New(l *ledger.Ledger) *Cases { return &Cases{l: l, folds: map[id.CaseID]*fold{}} }

// PinBy has every case pinned by pin, which With calls before anybody sees the case
// as it now is, under the case's lock. It is called once, before the first With.
func (cs *Cases) PinBy(pin func(*protocol.Case) error) { cs.pin = pin }

// With folds what has arrived since the last call, and calls f with the case. f
// must not change the case (its pin excepted), keep it, or call With for the same case. The error
// is f's, ledger.ErrNotFound for a case the ledger does not hold, or a failure
// to read.
func (cs *Cases) With(c id.CaseID, f func(*protocol.Case) error) error {
	if !cs.l.Has(c) {
		return ledger.ErrNotFound
	}
	fd := cs.fold(c)
	fd.mu.Lock()
	defer fd.mu.Unlock()
	if err := fd.catchUp(cs.l, c); err != nil {
		return fmt.Errorf("fold case: %w", err)
	}
	if cs.pin != nil {
		if err := cs.pin(fd.c); err != nil {
			return fmt.Errorf("pin case: %w", err)
		}
	}
	return f(fd.c)
}

// Forget drops the fold of a case from memory; the next With makes it anew.
func (cs *Cases) Forget(c id.CaseID) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.folds, c)
}

func (cs *Cases) fold(c id.CaseID) *fold {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	fd := cs.folds[c]
	if fd == nil {
		fd = &fold{c: protocol.NewCase()}
		cs.folds[c] = fd
	}
	return fd
}

// catchUp folds to the end of the arrival log, and judges what came once. After an
// error the fold stands where it was, whole.
func (fd *fold) catchUp(l *ledger.Ledger, c id.CaseID) error {
	defer fd.c.Settle()
	for {
		es, err := l.Tail(c, fd.at, step)
		if err != nil {
			return err
		}
		for _, e := range es {
			if !fd.c.Add(e.Sealed) {
				return fmt.Errorf("entry %d: %w", e.Pos, ErrOrder)
			}
			fd.at = e.Pos
		}
		if len(es) < step {
			return nil
		}
	}
}
