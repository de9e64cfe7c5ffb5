package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Erasing is destroying keys: what Pebble deletes stays on the disk until it happens
// to rewrite it. The keys file is the one place where a key lies, and to replace it is
// the commit point of each erasure (spec/store.md §8). The sealed rows go afterwards,
// to make room; a row of tableNode has announced it, so that a crash keeps none of them.

// nodeDoomed is the row, by second byte, that announces that the rows of a case number
// go, unless the keys file names it.
const nodeDoomed byte = 3

func keyDoomed(num caseNum) []byte {
	return binary.BigEndian.AppendUint32([]byte{byte(tableNode), nodeDoomed}, uint32(num))
}

// EraseCase destroys a case's key and forgets the case, but for what it takes to know
// it again: no entry of it is accepted any more (ErrErased). It waits until nobody uses
// the case; if ctx ends first, nothing has happened. Durable when it returns nil. What
// shelves say of the case is the caller's to delete, before RenewShelves.
func (l *Ledger) EraseCase(ctx context.Context, c id.CaseID) error {
	l.creating.Lock()
	defer l.creating.Unlock()
	cs, err := l.find(c)
	if err != nil || !cs.born() {
		return ErrNotFound
	}
	if err := cs.shutOut(ctx); err != nil {
		return fmt.Errorf("erase a case: %w", err)
	}
	defer cs.letIn()
	if err := l.putNode(keyDoomed(cs.k.num), nil); err != nil {
		return fmt.Errorf("erase a case: %w", err)
	}
	next := l.ring
	next.cases = slices.DeleteFunc(slices.Clone(next.cases), func(k ringKey) bool { return k.id == c })
	next.erased = append(slices.Clone(next.erased), grave(c))
	next.stale = true
	// Commit point: after it nobody can read the case any more, after a crash neither.
	if err := l.destroy(next); err != nil {
		return fmt.Errorf("erase a case: %w", err)
	}
	l.mu.Lock()
	delete(l.cases, c)
	l.graves[grave(c)] = true
	l.mu.Unlock()
	num := cs.k.num
	cs.mu.Lock()
	cs.gone, cs.k = true, ringKey{}
	cs.mu.Unlock()
	return l.drop(num)
}

// Erased says whether the case was erased here.
func (l *Ledger) Erased(c id.CaseID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.graves[grave(c)]
}

// Welcome lets an erased case be accepted again, which begins it anew.
func (l *Ledger) Welcome(c id.CaseID) error {
	l.creating.Lock()
	defer l.creating.Unlock()
	next := l.ring
	next.erased = slices.DeleteFunc(slices.Clone(next.erased), func(g [32]byte) bool { return g == grave(c) })
	if err := l.writeRing(next); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.graves, grave(c))
	return nil
}

// EraseBody destroys a body: it seals all else that is kept of the case under a new key,
// which takes time and room as the case is large, and forgets the old one. The body is
// not taken again (ErrErased). It waits until nobody uses the case, and who wants to use
// it meanwhile waits; if ctx ends before it has begun, nothing has happened. Durable when
// it returns nil; written is how many bytes were sealed anew.
func (l *Ledger) EraseBody(ctx context.Context, c id.CaseID, ref entry.BodyRef) (written int64, err error) {
	l.creating.Lock()
	defer l.creating.Unlock()
	cs, err := l.find(c)
	if err != nil || !cs.born() {
		return 0, ErrNotFound
	}
	if err := cs.shutOut(ctx); err != nil {
		return 0, fmt.Errorf("erase a body: %w", err)
	}
	defer cs.letIn()
	old := cs.k
	k, err := l.newRingKey(c)
	if err != nil {
		return 0, err
	}
	k.index = old.index
	for _, num := range []caseNum{old.num, k.num} {
		if err := l.putNode(keyDoomed(num), nil); err != nil {
			return 0, fmt.Errorf("erase a body: %w", err)
		}
	}
	written, err = l.sealAnew(old, k, ref)
	if err == nil {
		next := l.ring
		next.cases = slices.Clone(next.cases)
		next.cases[slices.IndexFunc(next.cases, func(r ringKey) bool { return r.id == c })] = k
		// Commit point: before it the case is as it was, after it the body is gone.
		err = l.destroy(next)
	}
	if err != nil { // it was not destroyed: the case is as it was
		return 0, errors.Join(fmt.Errorf("erase a body: %w", err), l.drop(k.num))
	}
	cs.mu.Lock()
	cs.k = k
	cs.mu.Unlock()
	if err := l.drop(old.num); err != nil {
		return written, err
	}
	return written, l.db.Delete(keyDoomed(k.num), pebble.Sync)
}

// destroy makes r the keys file, to destroy what the present one has. Where that is not
// known to have happened, the process ends: what would be written on under a key that
// may be destroyed would go with it.
func (l *Ledger) destroy(r ring) error {
	err := l.writeRing(r)
	if errors.Is(err, errUncertain) {
		engineLog{l.log}.Fatalf("%v", err)
	}
	return err
}

// shutOut waits until nobody uses the case, and then keeps everybody out until letIn.
// Who is inside may go in again, so that nobody waits for himself.
func (cs *caseState) shutOut(ctx context.Context) error {
	unhook := context.AfterFunc(ctx, func() {
		cs.mu.Lock()
		defer cs.mu.Unlock()
		cs.quiet.Broadcast()
	})
	defer unhook()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for cs.pins > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		cs.quiet.Wait()
	}
	cs.shut = true
	return nil
}

// letIn ends shutOut; what is in memory of the case is read again.
func (cs *caseState) letIn() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.view != nil {
		cs.view.counted(-cs.view.size)
		cs.view = nil
	}
	cs.shut = false
	cs.quiet.Broadcast()
}

// sealBatch is how many bytes are sealed anew at a time.
const sealBatch = 1 << 20

// sealAnew copies all rows of a case but those of one body to the number of another key,
// and marks the body as erased. Durable when it returns nil; nobody reads it before the
// keys file names the key.
func (l *Ledger) sealAnew(old, k ringKey, without entry.BodyRef) (written int64, err error) {
	from, err := newBoxOf(old.key, old.index, l.nonces)
	if err != nil {
		return 0, err
	}
	to, err := newBoxOf(k.key, k.index, l.nonces)
	if err != nil {
		return 0, err
	}
	hash, kc := from.hide(without.Hash[:]), from.hide(without.KC[:])
	w := l.db.NewBatch()
	defer func() { w.Close() }()
	for _, t := range caseTables {
		err := scan(l.db, from, keyOf(t, old.num), func(key, plain []byte) (bool, error) {
			if ofBody(t, key, hash, kc) {
				return true, nil
			}
			to.set(w, append(keyOf(t, k.num), key[5:]...), plain)
			if w.Len() < sealBatch {
				return true, nil
			}
			written += int64(w.Len())
			err := w.Commit(pebble.NoSync)
			w.Reset()
			return true, err
		})
		if err != nil {
			return 0, err
		}
	}
	to.set(w, keyHashed(tableErased, k.num, hash))
	to.set(w, keyHashed(tableErased, k.num, kc))
	written += int64(w.Len())
	return written, w.Commit(pebble.Sync)
}

// ofBody says whether a row is one of a body's.
func ofBody(t table, key []byte, hash, kc [16]byte) bool {
	switch t {
	case tableHashes, tablePiece, tableHeld:
		return [16]byte(key[5:21]) == hash
	case tableCEK:
		return [16]byte(key[5:21]) == kc
	}
	return false
}

// drop deletes all rows of a number, and what announced it. After a crash the next
// start does it again.
func (l *Ledger) drop(num caseNum) error {
	w := l.db.NewBatch()
	defer w.Close()
	for _, t := range caseTables {
		prefix := keyOf(t, num)
		if err := w.DeleteRange(prefix, after(prefix), nil); err != nil {
			return err
		}
	}
	if err := w.Delete(keyDoomed(num), nil); err != nil {
		return err
	}
	return w.Commit(pebble.Sync)
}

// sweep ends what a crash has cut off: it drops the announced numbers that the keys
// file does not name. Called by open.
func (l *Ledger) sweep() error {
	live := map[caseNum]bool{}
	for _, k := range l.ring.cases {
		live[k.num] = true
	}
	var doomed []caseNum
	err := scan(l.db, l.box, []byte{byte(tableNode), nodeDoomed}, func(key, _ []byte) (bool, error) {
		if len(key) != 6 {
			return false, errRow
		}
		doomed = append(doomed, caseNum(binary.BigEndian.Uint32(key[2:])))
		return true, nil
	})
	for _, num := range doomed {
		if err == nil && live[num] {
			err = l.db.Delete(keyDoomed(num), pebble.Sync)
		} else if err == nil {
			err = l.drop(num)
		}
	}
	return err
}

// erasedBody says whether a body was erased here.
func (v *caseView) erasedBody(ref entry.BodyRef) bool {
	return len(v.erased) > 0 && (v.erased[v.bodyName(ref)] || v.erased[v.keyName(ref)])
}
