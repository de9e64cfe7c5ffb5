// Package ledger keeps the evidence: every entry this daemon holds, as it was
// received, in feeds that are checked when they come in and never afterwards
// taken on trust. It decides only whether an entry is authentic: signed by a
// key of the case, next in its feed, canonical. What an entry means, and whether
// it is permitted, is package protocol's. It is the only importer of Pebble.
//
// Main path: Open; Begin and Wait (or Append) write our own entries; Accept
// takes others'; Heads, Entry, Read and Tail read; Subscribe wakes readers;
// Verify walks everything again. Sealed bodies lie beside the entries (PutChunk,
// PutHashes, PutKey); small node-wide tables are Shelf's. EraseCase, EraseBody and
// RenewShelves destroy keys.
//
// What is visible is durable: no reader sees an entry before the batch that
// holds it has been synced. The disk format is spec/store.md.
package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Options of Open.
type Options struct {
	StoreKey [32]byte     // every key of the store is sealed under it or derived from it
	Log      *slog.Logger // gets the disk's complaints, never case data

	// Generation is the path of the file that tells a store from an old copy of it. It
	// belongs where no backup of the store reaches. Empty: the store's, with .generation.
	Generation string
}

// Pos is an entry's place of arrival in its case here, from 1 and without gaps.
// It is private: never signed, never sent. Arrival order is a causal order.
type Pos uint64

// Entry is an entry that this ledger holds. It exists only because Append wrote
// it or Accept checked it. Raw and what aliases it is not to be changed.
type Entry struct {
	*entry.Sealed
	Pos     Pos
	Covered bool // its own signature was not checked; one above it in the feed was
}

// Head is the last entry of a feed, or of one branch of a forked feed.
type Head struct {
	Feed id.Feed
	Seq  id.Seq
	ID   id.EntryID
	LC   uint64
	T    uint64
}

// Ledger is one daemon's store. Its methods may be called from any goroutine,
// until Close.
type Ledger struct {
	db     *pebble.DB
	box    *box // of the node-wide tables
	nonces *nonces
	files  *files
	log    *slog.Logger
	queue  *queue
	writer writerState
	watch  watchers

	feeds    atomic.Int64 // in memory, and one for each case
	maxFeeds int          // above it idle cases are let go

	creating sync.Mutex // held while the keys file is replaced: a case is created or erased
	ring     ring       // the keys file; guarded by creating
	last     caseNum    // the highest number given out; guarded by creating

	shelves  atomic.Pointer[shelfBoxes]
	shelving sync.RWMutex // held to read by who writes a row, to write by who seals rows anew

	mu     sync.Mutex
	cases  map[id.CaseID]*caseState // guarded by mu
	graves map[[32]byte]bool        // ring.erased; guarded by mu
}

// Open opens the store in dir, creating it if there is none. It replays
// nothing; cases are loaded when they are first asked for. Only one process can
// have a store open. ErrStoreKey: the key does not open it.
func Open(dir string, o Options) (*Ledger, error) { return open(vfs.Default, dir, o) }

// OpenOn is Open on another file system than the machine's.
func OpenOn(fs vfs.FS, dir string, o Options) (*Ledger, error) { return open(fs, dir, o) }

func open(fs vfs.FS, dir string, o Options) (_ *Ledger, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	l := &Ledger{nonces: new(nonces), log: o.Log, maxFeeds: maxFeedsLoaded, cases: map[id.CaseID]*caseState{}, graves: map[[32]byte]bool{}}
	if l.box, err = newBox(o.StoreKey, l.nonces); err != nil {
		return nil, fmt.Errorf("store key: %w", err)
	}
	if o.Generation == "" {
		o.Generation = dir + ".generation"
	}
	l.files = &files{fs: fs, dir: dir, generation: o.Generation, box: l.box}
	opts := engineOptions(fs, o.Log)
	defer opts.Cache.Unref()
	if l.db, err = pebble.Open(fs.PathJoin(dir, "entries"), opts); err != nil {
		return nil, fmt.Errorf("open store in %s: %w", dir, err)
	}
	if err := l.openAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("open store in %s: %w", dir, err), l.db.Close())
	}
	l.queue = newQueue(l)
	go l.queue.run()
	return l, nil
}

// Close commits what is queued and closes the store. Every other call must have
// returned before it, and none may follow.
func (l *Ledger) Close() error {
	l.queue.close()
	return errors.Join(l.closeGeneration(), l.db.Close())
}

// openAll reads what lies on the disk, and ends what a crash has cut off. Nothing is
// written before the store key has opened something.
func (l *Ledger) openAll() (err error) {
	if l.ring, err = l.files.readRing(); err != nil {
		return err
	}
	if err := errors.Join(l.openCases(), l.openGeneration(), l.openOwn()); err != nil {
		return err
	}
	return errors.Join(l.sweep(), l.openShelves())
}

// openCases finds out which cases of the ring have been born: a number without a case
// row was given out before a crash and means nothing.
func (l *Ledger) openCases() error {
	born := map[caseNum]bool{}
	prefix := []byte{byte(tableCase)}
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		born[numOf(it.Key())] = true
	}
	if err := it.Close(); err != nil {
		return err
	}
	l.ring.cases = slices.DeleteFunc(l.ring.cases, func(k ringKey) bool { return !born[k.num] })
	for _, k := range l.ring.cases {
		l.cases[k.id] = newCaseState(l, k)
		l.last = max(l.last, k.num)
	}
	for _, g := range l.ring.erased {
		l.graves[g] = true
	}
	return nil
}

// Cases are the cases that this ledger holds, in the order of their ids.
func (l *Ledger) Cases() []id.CaseID {
	l.mu.Lock()
	found := make([]*caseState, 0, len(l.cases))
	for _, cs := range l.cases {
		found = append(found, cs)
	}
	l.mu.Unlock()
	all := make([]id.CaseID, 0, len(found))
	for _, cs := range found {
		if cs.born() {
			all = append(all, cs.id)
		}
	}
	slices.SortFunc(all, func(a, b id.CaseID) int { return bytes.Compare(a[:], b[:]) })
	return all
}

// Has says whether the ledger holds the case.
func (l *Ledger) Has(c id.CaseID) bool {
	cs, err := l.find(c)
	return err == nil && cs.born()
}

func (l *Ledger) find(c id.CaseID) (*caseState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if cs, ok := l.cases[c]; ok {
		return cs, nil
	}
	return nil, ErrNotFound
}

// newCase makes the state of a case that is not on disk yet: its number and key
// count once createCase has written them. The caller leaves it when done.
// Called with creating held.
func (l *Ledger) newCase(c id.CaseID) (*caseState, *caseView, error) {
	if l.Erased(c) {
		return nil, nil, ErrErased
	}
	k, err := l.newRingKey(c)
	if err != nil {
		return nil, nil, err
	}
	cs := newCaseState(l, k)
	v, err := cs.newView()
	cs.view, cs.pins = v, 1
	return cs, v, err
}

// createCase writes the key of a new case, and makes the case known. Until the
// batch with its genesis is durable, readers do not see it, and a crash leaves
// a key without a case, which the next start forgets. Called with creating held.
func (l *Ledger) createCase(cs *caseState) error {
	next := l.ring
	next.cases = append(slices.Clone(next.cases), cs.k)
	if err := l.writeRing(next); err != nil {
		return err
	}
	l.mu.Lock()
	l.cases[cs.id] = cs
	l.mu.Unlock()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.view.counted(1)
	l.letGo(cs)
	return nil
}

// born says whether the case's genesis is durable.
func (cs *caseState) born() bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.view == nil || cs.view.durable > 0
}
