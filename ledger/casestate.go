package ledger

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// maxFeedsLoaded is how many feeds may be in memory before idle cases are let
// go; a case counts for one more.
const maxFeedsLoaded = 20_000

// caseState is one case: small while it is idle, with its view while it is used.
type caseState struct {
	l  *Ledger
	id id.CaseID

	accepting sync.Mutex // held by the one Accept that runs, until it has queued its batch

	mu    sync.Mutex
	quiet *sync.Cond // on mu: pins fell to 0, or shut ended
	k     ringKey    // changed when the case is sealed anew; guarded by mu
	pins  int        // calls and queued commits that hold view; guarded by mu
	view  *caseView  // nil while idle; guarded by mu
	shut  bool       // is sealed anew: who wants in waits; guarded by mu
	gone  bool       // erased; guarded by mu
}

func newCaseState(l *Ledger, k ringKey) *caseState {
	cs := &caseState{l: l, id: k.id, k: k}
	cs.quiet = sync.NewCond(&cs.mu)
	return cs
}

// caseView is what is in memory of a case in use. It goes only when nobody holds it.
type caseView struct {
	l     *Ledger
	id    id.CaseID
	num   caseNum
	box   *box
	index index
	size  int // feeds counted in Ledger.feeds, and one for the case; guarded by mu

	mu      *sync.Mutex                  // the caseState's
	feeds   map[id.Feed][]*feed          // branches in the order of their numbers; guarded by mu
	byNum   []*feed                      // byNum[0] is feed 1; guarded by mu
	erased  map[[16]byte]bool            // bodies, by what is hidden of their hash and kc; fixed
	keys    map[id.Kid]ed25519.PublicKey // guarded by mu
	anchors map[id.Feed]Anchor           // of feeds that do not begin at seq 0; guarded by mu, never changed in place
	forked  map[id.Kid]bool              // has a feed with branches; guarded by mu
	last    Pos                          // given out; guarded by mu
	durable Pos                          // synced: what readers see; guarded by mu
}

// feed is a feed, or one branch of a forked feed.
type feed struct {
	name    id.Feed
	signing sync.Mutex              // held while Begin makes the next entry
	named   map[id.EntryID]struct{} // deps this process named in it; guarded by signing

	num     feedNum // 0 until its first entry is queued; guarded by caseState.mu
	parent  feedNum // branch: the feed that holds the other entry at from
	from    uint32  // branch: seq of its first entry
	next    tip     // the last entry, queued or stored; guarded by caseState.mu
	durable tip     // the last synced entry; guarded by caseState.mu
}

// tip is the last entry of a feed; n is 0 while there is none.
type tip struct {
	n  uint32 // seq + 1
	id id.EntryID
	lc uint64
	t  uint64
}

// tipAt is the tip of a feed whose last entry is s.
func tipAt(s *entry.Sealed) tip { return tip{uint32(s.Seq) + 1, s.ID, s.LC, s.T} }

// The row of a feed:
//
//	kid 32 · comp 32 · parent 4 · from 4 · seq 4 · id 32 · lc 8 · t 8
const feedRowSize = 32 + 32 + 4 + 4 + 4 + 32 + 8 + 8

func (f *feed) row(t tip) []byte {
	b := make([]byte, 0, feedRowSize)
	b = append(append(b, f.name.Kid[:]...), f.name.Comp[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(f.parent))
	b = binary.BigEndian.AppendUint32(b, f.from)
	b = binary.BigEndian.AppendUint32(b, t.n-1)
	b = append(b, t.id[:]...)
	b = binary.BigEndian.AppendUint64(b, t.lc)
	return binary.BigEndian.AppendUint64(b, t.t)
}

func parseFeed(num feedNum, b []byte) (*feed, error) {
	if len(b) != feedRowSize {
		return nil, errRow
	}
	u32, u64 := binary.BigEndian.Uint32, binary.BigEndian.Uint64
	f := &feed{
		name: id.Feed{Kid: id.Kid(b[:32]), Comp: id.Comp(b[32:64])},
		num:  num, parent: feedNum(u32(b[64:])), from: u32(b[68:]),
		next: tip{u32(b[72:]) + 1, id.EntryID(b[76:108]), u64(b[108:]), u64(b[116:])},
	}
	f.durable = f.next
	return f, nil
}

// enter loads the case and holds its view until leave.
func (l *Ledger) enter(c id.CaseID) (*caseState, *caseView, error) {
	cs, err := l.find(c)
	if err != nil {
		return nil, nil, err
	}
	v, err := cs.hold()
	if err != nil {
		return nil, nil, fmt.Errorf("load case: %w", err)
	}
	return cs, v, nil
}

func (cs *caseState) hold() (*caseView, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for cs.shut {
		cs.quiet.Wait()
	}
	if cs.gone {
		return nil, ErrNotFound
	}
	if cs.view == nil {
		v, err := cs.load() // disk under the lock: others of this case need what it loads
		if err != nil {
			return nil, err
		}
		cs.view = v
		v.counted(len(v.byNum) + 1)
		cs.l.letGo(cs)
	}
	cs.pins++
	return cs.view, nil
}

func (cs *caseState) leave() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.unpin()
}

// unpin is leave for who holds the mutex.
func (cs *caseState) unpin() {
	if cs.pins--; cs.pins == 0 {
		cs.quiet.Broadcast()
	}
}

func (cs *caseState) newView() (*caseView, error) {
	box, err := newBoxOf(cs.k.key, cs.k.index, cs.l.nonces)
	if err != nil {
		return nil, err
	}
	v := &caseView{l: cs.l, id: cs.id, num: cs.k.num, box: box, mu: &cs.mu,
		feeds: map[id.Feed][]*feed{}, anchors: map[id.Feed]Anchor{}, erased: map[[16]byte]bool{}, keys: map[id.Kid]ed25519.PublicKey{}, forked: map[id.Kid]bool{}}
	v.index.queued = map[id.EntryID]place{}
	return v, nil
}

// load reads the feeds, the keys and the last place of arrival.
func (cs *caseState) load() (*caseView, error) {
	v, err := cs.newView()
	if err != nil {
		return nil, err
	}
	err = scan(v.l.db, v.box, keyOf(tableFeed, v.num), func(key, row []byte) (bool, error) {
		num := feedNum(binary.BigEndian.Uint32(key[5:]))
		f, err := parseFeed(num, row)
		if err != nil || int(num) != len(v.byNum)+1 {
			return false, errRow
		}
		v.addFeed(f)
		v.byNum = append(v.byNum, f)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	err = scan(v.l.db, v.box, keyOf(tableKey, v.num), func(_, pub []byte) (bool, error) {
		v.learn(pub)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	err = scan(v.l.db, v.box, keyOf(tableErased, v.num), func(key, _ []byte) (bool, error) {
		v.erased[[16]byte(key[5:])] = true
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	if err := v.loadAnchors(); err != nil {
		return nil, err
	}
	v.last, err = v.lastPos()
	v.durable = v.last
	return v, err
}

// addFeed makes a feed or branch known. Called with caseState.mu held, or before
// the view is shared.
func (v *caseView) addFeed(f *feed) {
	v.feeds[f.name] = append(v.feeds[f.name], f)
	if len(v.feeds[f.name]) > 1 {
		v.forked[f.name.Kid] = true
	}
}

// lastPos is the place of the newest arrival on disk, 0 if there is none.
func (v *caseView) lastPos() (Pos, error) {
	prefix := keyOf(tableArrival, v.num)
	it, err := v.l.db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: after(prefix)})
	if err != nil {
		return 0, err
	}
	var last Pos
	if it.Last() {
		var runs []run
		if runs, err = v.arrivals(it); err == nil {
			last = posOf(it.Key()) + lengthOf(runs) - 1
		}
	}
	if e := it.Close(); err == nil {
		err = e
	}
	return last, err
}

// counted adds to the feeds in memory. Called with caseState.mu held.
func (v *caseView) counted(n int) {
	v.size += n
	v.l.feeds.Add(int64(n))
}

// letGo drops idle cases from memory if there is too much in it. by stays: its
// caller holds its mutex.
func (l *Ledger) letGo(by *caseState) {
	if l.feeds.Load() <= int64(l.maxFeeds) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, cs := range l.cases {
		if cs != by && cs.mu.TryLock() {
			if cs.view != nil && cs.pins == 0 {
				cs.view.counted(-cs.view.size)
				cs.view = nil
			}
			cs.mu.Unlock()
		}
	}
}

// branches are the branches of a feed with their tips as they are now.
func (v *caseView) branches(name id.Feed) ([]*feed, []tip) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fs := v.feeds[name]
	tips := make([]tip, len(fs))
	for i, f := range fs {
		tips[i] = f.next
	}
	return slices.Clone(fs), tips
}

func (v *caseView) key(kid id.Kid) (ed25519.PublicKey, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	pub, ok := v.keys[kid]
	return pub, ok
}
