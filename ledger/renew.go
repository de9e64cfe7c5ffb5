package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// shelfBoxes open the rows of shelves; now seals them.
type shelfBoxes struct {
	now    *box
	former *box // nil but while rows are sealed anew
}

// shelfOpener opens the rows that a reader meets, whatever is sealed anew meanwhile.
type shelfOpener struct {
	l     *Ledger
	begun *shelfBoxes // when the reader began
}

func (l *Ledger) openShelf() opener { return shelfOpener{l, l.shelves.Load()} }

func (o shelfOpener) open(key, value []byte) ([]byte, error) {
	for _, b := range []*shelfBoxes{o.begun, o.l.shelves.Load()} {
		if plain, err := b.open(key, value); err == nil {
			return plain, nil
		}
	}
	return nil, fmt.Errorf("table %d: %w", key[0], errSealed)
}

func (b *shelfBoxes) open(key, value []byte) ([]byte, error) {
	plain, err := b.now.open(key, value)
	if err != nil && b.former != nil {
		plain, err = b.former.open(key, value)
	}
	return plain, err
}

// openShelves draws the shelf key of a store that has none, and ends what a crash has
// cut off.
func (l *Ledger) openShelves() (err error) {
	l.creating.Lock()
	defer l.creating.Unlock()
	if l.ring.shelf == ([32]byte{}) {
		next := l.ring
		next.old = true
		rand.Read(next.shelf[:]) // never fails (crypto/rand)
		if err := l.writeRing(next); err != nil {
			return err
		}
	}
	boxes := new(shelfBoxes)
	if boxes.now, err = newBox(l.ring.shelf, l.nonces); err != nil {
		return err
	}
	unfinished := l.ring.former != [32]byte{}
	if unfinished {
		if boxes.former, err = newBox(l.ring.former, l.nonces); err != nil {
			return err
		}
	} else if l.ring.old {
		boxes.former, unfinished = l.box, true
	}
	l.shelves.Store(boxes)
	if unfinished {
		return l.sealShelves(l.ring.stale)
	}
	return nil
}

// Stale says that a case was erased and RenewShelves has not been called since: a crash
// came between. What shelves say of erased cases is to be deleted first.
func (l *Ledger) Stale() bool {
	l.creating.Lock()
	defer l.creating.Unlock()
	return l.ring.stale
}

// RenewShelves seals the rows of all shelves under a new key and destroys the old one:
// what was deleted from a shelf before can be read by nobody then. Durable when it
// returns nil; after a crash before, the next Open ends it.
func (l *Ledger) RenewShelves() error {
	l.creating.Lock()
	defer l.creating.Unlock()
	next := l.ring
	next.former = next.shelf
	rand.Read(next.shelf[:]) // never fails (crypto/rand)
	now, err := newBox(next.shelf, l.nonces)
	if err != nil {
		return err
	}
	if err := l.writeRing(next); err != nil {
		return err
	}
	l.shelving.Lock()
	l.shelves.Store(&shelfBoxes{now, l.shelves.Load().now})
	l.shelving.Unlock()
	return l.sealShelves(false)
}

// sealShelves seals every row that is not sealed under the shelf key, and then forgets
// the former one. Called with creating held.
func (l *Ledger) sealShelves(stale bool) error {
	from := []byte{byte(tableShelf)}
	for from != nil {
		var err error
		if from, err = l.sealShelfRows(from); err != nil {
			return fmt.Errorf("seal shelves anew: %w", err)
		}
	}
	next := l.ring
	next.former, next.old, next.stale = [32]byte{}, false, stale
	// Commit point: what was sealed under the former key can be read by nobody any more.
	if err := l.writeRing(next); err != nil {
		return err
	}
	l.shelves.Store(&shelfBoxes{now: l.shelves.Load().now})
	return nil
}

// sealShelfRows seals about sealBatch bytes of rows, from a key on, and says where to
// go on; nil: there are no more. Nobody writes a row meanwhile.
func (l *Ledger) sealShelfRows(from []byte) (next []byte, err error) {
	l.shelving.Lock()
	defer l.shelving.Unlock()
	boxes := l.shelves.Load()
	w := l.db.NewBatch()
	defer w.Close()
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: after([]byte{byte(tableShelf)})})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		if w.Len() >= sealBatch {
			next = slices.Clone(it.Key())
			break
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, err
		}
		if _, err := boxes.now.open(it.Key(), value); err == nil {
			continue
		}
		plain, err := boxes.former.open(it.Key(), value)
		if err != nil {
			return nil, err
		}
		boxes.now.set(w, it.Key(), plain)
	}
	if err := it.Error(); err != nil {
		return nil, err
	}
	return next, w.Commit(pebble.Sync)
}
