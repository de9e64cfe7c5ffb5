package ledger

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/id"
)

// Rows of tableNode, by second byte. Stored: never reused.
const (
	nodeGeneration byte = 1
	nodeOwn        byte = 2 // HMAC(kid)[:16]
)

// What a row of nodeOwn says of one of our keys. Stored: never reused.
const (
	ownInUse   byte = 1
	ownRetired byte = 2 // the store was restored: never sign with it again
	ownForked  byte = 3 // somebody else signs with it; the entry that shows it follows
)

// generation tells a restored store from one that merely stopped: a random
// value, renewed at each start and clean stop, first in the store and then in
// a file outside it. The file may be one behind; anything else is a backup.
//
//	now 16 bytes · before 16 bytes · restored 1 byte
type generation struct {
	now, before [16]byte
	restored    bool
}

// writerState is what forbids writing.
type writerState struct {
	mu       sync.Mutex
	gen      generation          // guarded by mu
	own      map[id.Kid]ownState // guarded by mu
	rows     []ownRow            // what openOwn found, by hidden kid; guarded by mu
	forkedBy *id.EntryID         // guarded by mu: the entry that shows it
}

type ownState struct {
	state byte
	entry id.EntryID
}

type ownRow struct {
	hidden [16]byte
	ownState
}

func keyGeneration() []byte { return []byte{byte(tableNode), nodeGeneration} }

func keyOwn(hidden [16]byte) []byte {
	return append([]byte{byte(tableNode), nodeOwn}, hidden[:]...)
}

// openGeneration compares store and file, then renews both, or remembers that
// the store has been restored.
func (l *Ledger) openGeneration() error {
	row, err := get(l.db, l.box, keyGeneration())
	if errors.Is(err, errSealed) {
		return ErrStoreKey
	}
	inStore := err == nil && len(row) == 33
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	file, err := l.files.read(fileGeneration)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	inFile := err == nil && len(file) == 16
	g := &l.writer.gen
	if inStore {
		*g = generation{[16]byte(row[:16]), [16]byte(row[16:32]), row[32] != 0}
	}
	match := inStore && inFile && ([16]byte(file) == g.now || [16]byte(file) == g.before)
	fresh := !inStore && !inFile && len(l.cases) == 0
	if !fresh && (!match || g.restored) {
		g.restored = true
		return l.putGeneration()
	}
	if inFile {
		g.now = [16]byte(file) // what the file holds is what may stay behind
	}
	return l.renewGeneration()
}

// renewGeneration draws a new value: store first, then file.
func (l *Ledger) renewGeneration() error {
	g := &l.writer.gen
	g.before = g.now
	rand.Read(g.now[:]) // never fails (crypto/rand)
	if err := l.putGeneration(); err != nil {
		return err
	}
	return l.files.write(fileGeneration, g.now[:])
}

func (l *Ledger) putGeneration() error {
	g := &l.writer.gen
	row := append(append([]byte(nil), g.now[:]...), g.before[:]...)
	row = append(row, 0)
	if g.restored {
		row[32] = 1
	}
	return l.putNode(keyGeneration(), row)
}

func (l *Ledger) putNode(key, row []byte) error {
	return l.db.Set(key, l.box.seal(key, row), pebble.Sync)
}

// closeGeneration makes a copy taken while we ran a mismatch.
func (l *Ledger) closeGeneration() error {
	l.writer.mu.Lock()
	defer l.writer.mu.Unlock()
	if l.writer.gen.restored {
		return nil
	}
	return l.renewGeneration()
}

// openOwn reads what is known of our keys. Kids stand hidden in the rows; SetOwn
// finds them by hiding the kid it is given.
func (l *Ledger) openOwn() error {
	w := &l.writer
	w.own = map[id.Kid]ownState{}
	return scan(l.db, l.box, []byte{byte(tableNode), nodeOwn}, func(key, v []byte) (bool, error) {
		if len(key) != 18 || len(v) != 1+id.Size {
			return false, errors.New("own keys: malformed row")
		}
		w.rows = append(w.rows, ownRow{[16]byte(key[2:]), ownState{v[0], id.EntryID(v[1:])}})
		return true, nil
	})
}

// SetOwn tells which keys are ours, beside those told before: an authentic
// entry of such a key that this ledger did not write stops all writing. Begin
// tells the key it signs with.
func (l *Ledger) SetOwn(kids ...id.Kid) error {
	w := &l.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, kid := range kids {
		if _, ok := w.own[kid]; ok {
			continue
		}
		state, known := l.rowOf(kid)
		if !known {
			state.state = ownInUse
		}
		if !known && !w.gen.restored {
			if err := l.putOwn(l.box.hide(kid[:]), state); err != nil {
				return fmt.Errorf("own key %v: %w", kid, err)
			}
		}
		w.own[kid] = state
		if state.state == ownForked {
			w.forkedBy = &state.entry
		}
	}
	return nil
}

// putOwn writes one row and keeps rows in step. Called with writer.mu held.
func (l *Ledger) putOwn(hidden [16]byte, s ownState) error {
	w := &l.writer
	if err := l.putNode(keyOwn(hidden), append([]byte{s.state}, s.entry[:]...)); err != nil {
		return err
	}
	for i := range w.rows {
		if w.rows[i].hidden == hidden {
			w.rows[i].ownState = s
			return nil
		}
	}
	w.rows = append(w.rows, ownRow{hidden, s})
	return nil
}

// mayWrite says whether kid may sign.
func (l *Ledger) mayWrite(kid id.Kid) error {
	w := &l.writer
	w.mu.Lock()
	state, known := w.own[kid]
	restored, forked := w.gen.restored, w.forkedBy != nil
	w.mu.Unlock()
	switch {
	case restored || state.state == ownRetired:
		return ErrRestored
	case forked:
		return ErrOwnFork
	case !known:
		if err := l.SetOwn(kid); err != nil {
			return err
		}
		return l.mayWrite(kid) // a row may have said retired or forked
	}
	return nil
}

// isOwn says whether kid is ours and in use, told in this run or in one before. In
// a restored store none is: what it wrote since the backup comes back to it.
func (l *Ledger) isOwn(kid id.Kid) bool {
	w := &l.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	state, ok := w.own[kid]
	if !ok {
		state, _ = l.rowOf(kid)
	}
	return state.state == ownInUse && !w.gen.restored
}

// rowOf finds what the store says of a key. Called with writer.mu held.
func (l *Ledger) rowOf(kid id.Kid) (ownState, bool) {
	if len(l.writer.rows) == 0 {
		return ownState{}, false
	}
	hidden := l.box.hide(kid[:])
	for _, r := range l.writer.rows {
		if r.hidden == hidden {
			return r.ownState, true
		}
	}
	return ownState{}, false
}

// stopWriting is the self-fork guard: x is authentic, of our key, and not ours.
// In memory it holds at once; the row outlives a restart.
func (l *Ledger) stopWriting(kid id.Kid, x id.EntryID) error {
	w := &l.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forkedBy = &x
	s := ownState{ownForked, x}
	w.own[kid] = s
	l.log.Error("an entry of our own key that this daemon did not write has arrived: writing stops")
	return l.putOwn(l.box.hide(kid[:]), s)
}

// OwnFork is the entry of our own key that we did not write, if one was seen.
func (l *Ledger) OwnFork() (id.EntryID, bool) {
	l.writer.mu.Lock()
	defer l.writer.mu.Unlock()
	if l.writer.forkedBy == nil {
		return id.EntryID{}, false
	}
	return *l.writer.forkedBy, true
}

// Restored says that the store comes from a backup (spec/store.md §6).
func (l *Ledger) Restored() bool {
	l.writer.mu.Lock()
	defer l.writer.mu.Unlock()
	return l.writer.gen.restored
}

// SignWith names the key that this daemon signs with, at its start. A store that
// was never told of it by AcceptRestore is older than the key, or another's: that
// counts as restored.
func (l *Ledger) SignWith(kid id.Kid) error {
	w := &l.writer
	w.mu.Lock()
	_, known := l.rowOf(kid)
	var err error
	if !known && !w.gen.restored {
		w.gen.restored = true
		err = l.putGeneration()
	}
	w.mu.Unlock()
	return errors.Join(err, l.SetOwn(kid))
}

// AcceptRestore names a new key: from now on this daemon signs with newKid, and never
// again with a key it used before. It ends the restored state and the state after
// OwnFork, and gives a new store its first key.
// A key that this store has seen as ours is refused with ErrRestored, unless it is
// the one that it was given last and nothing has happened since.
func (l *Ledger) AcceptRestore(newKid id.Kid) error {
	w := &l.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	hidden := l.box.hide(newKid[:])
	if row, known := l.rowOf(newKid); known {
		if row.state == ownInUse && !w.gen.restored && w.forkedBy == nil {
			return nil
		}
		return fmt.Errorf("key %v has been used by this store: %w", newKid, ErrRestored)
	}
	for _, r := range w.rows {
		if err := l.putOwn(r.hidden, ownState{ownRetired, r.entry}); err != nil {
			return err
		}
	}
	w.gen.restored = false
	// Commit point: a crash before it asks for AcceptRestore again; after it the
	// old keys are retired and the new one is learnt by its first use.
	if err := l.renewGeneration(); err != nil {
		return err
	}
	for kid := range w.own {
		w.own[kid] = ownState{state: ownRetired}
	}
	w.own[newKid] = ownState{state: ownInUse}
	w.forkedBy = nil
	return l.putOwn(hidden, ownState{state: ownInUse})
}
