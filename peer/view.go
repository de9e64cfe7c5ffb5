package peer

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// cases is what sync remembers of every case between two frames: who is a member
// by the fold, and how far others were told. All of it is made again from the
// ledger at start; the rows of two shelves say which cases are being joined and
// when a steward was last heard.
type cases struct {
	c       *Config
	joining *ledger.Shelf
	heard   *ledger.Shelf
	old     bool // the store is an old copy, or another copy of this home has written: it may have forgotten members

	mu  sync.Mutex
	all map[id.CaseID]*known
}

// known is one case. Its fields are guarded by cases.mu, but for the first three.
type known struct {
	step   sync.Mutex   // held while entries are passed on, never while the disk writes
	cursor ledger.Pos   // entries up to here were; guarded by step
	taking atomic.Int64 // batches that sessions have given to the ledger and not yet passed on

	key     []byte // HKDF-SHA256(CaseID, "sync")
	view    view
	version uint64    // grows with every change of what is stored
	stored  time.Time // when the last entry for every member came; zero since start: none
	heard   time.Time // when a steward was last heard

	begins []protocol.Anchor // where feeds begin here that are not given to us from their beginning
	untold bool              // the ledger has not been told of begins

	room   room
	guides map[id.OrgID]bool // while we join: who let us in, and the members that it has named; nil otherwise
	joined bool              // the joining is over, and its row is still there
}

// view is what a fold says of organisations.
type view struct {
	members  map[id.OrgID]bool
	removed  map[id.OrgID]bool // were members; are told so and get nothing else
	left     map[id.OrgID]bool // were members until their own exit, or until their admission lost its force; get nothing, may still bring what is held
	stewards map[id.OrgID]bool
	given    []protocol.Anchor              // from where on we are given feeds, but not from their beginning
	partial  map[id.OrgID][]protocol.Anchor // below which others may hold nothing
	keys     int                            // that the case certifies
}

// newCases folds every case once.
func newCases(c *Config) (*cases, error) {
	_, elsewhere := c.Ledger.OwnFork()
	x := &cases{c: c, joining: c.Ledger.Shelf(shelfJoining), heard: c.Ledger.Shelf(shelfHeard),
		old: elsewhere || c.Ledger.Restored(), all: map[id.CaseID]*known{}}
	for _, k := range c.Ledger.Cases() {
		if err := x.load(k); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// load makes a case known; entries stored from now on are offered.
func (x *cases) load(c id.CaseID) error {
	k := &known{version: 1}
	var err error
	if k.key, err = caseKey(c); err != nil {
		return err
	}
	if k.cursor, err = x.c.Ledger.End(c); err != nil {
		return fmt.Errorf("end of a case: %w", err)
	}
	if row, err := x.joining.Get(c[:]); err == nil {
		k.guides = guides(row)
	}
	if row, err := x.heard.Get(c[:]); err == nil {
		_ = k.heard.UnmarshalBinary(row) // a row that does not read is "never"
	}
	if k.view, k.begins, err = x.fold(c); err == nil {
		err = x.beginAt(c, k.begins)
	}
	if err != nil {
		return fmt.Errorf("fold: %w", err)
	}
	if k.room, err = x.measure(c); err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	if k.guides != nil && k.view.members[x.c.Org] { // a crash came before keep
		k.guides = nil
		if err := x.joining.Delete(c[:]); err != nil {
			return err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.all[c] == nil {
		x.all[c] = k
	}
	return nil
}

// caseKey is what the tags of a case are made with.
func caseKey(c id.CaseID) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, c[:], nil, "sync", 32)
	if err != nil {
		return nil, fmt.Errorf("case key: %w", err)
	}
	return key, nil
}

// fold reads the view off the fold of everything stored.
func (x *cases) fold(c id.CaseID) (v view, begins []protocol.Anchor, err error) {
	v = view{members: map[id.OrgID]bool{}, removed: map[id.OrgID]bool{}, left: map[id.OrgID]bool{}, stewards: map[id.OrgID]bool{},
		partial: map[id.OrgID][]protocol.Anchor{}}
	err = x.c.Cases.With(c, func(k *protocol.Case) error {
		for _, o := range k.Voiced() {
			switch {
			case k.Member(o):
				v.members[o] = true
			case len(k.Removed(o)) > 0:
				v.removed[o] = true
			default:
				v.left[o] = true
			}
			if hist := k.Partial(o); hist != nil && o != x.c.Org {
				v.partial[o] = hist
			}
		}
		v.given, _ = k.History(x.c.Org)
		for _, o := range k.Stewards() {
			v.stewards[o] = true
		}
		begins = k.Begins(x.c.Org)
		v.keys = k.Keys()
		return nil
	})
	return v, begins, err
}

// refresh folds what was stored since and ends a joining that is complete. What is to
// be written of that is for keep. changed says whether anybody's standing is another.
func (x *cases) refresh(c id.CaseID) (changed bool, err error) {
	v, begins, err := x.fold(c)
	if err != nil {
		return false, err
	}
	of, err := x.certified(c, v.keys)
	if err != nil {
		return false, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	if k == nil {
		return false, nil // erased meanwhile
	}
	maps.Copy(k.room.of, of)
	changed = !k.view.equal(v)
	if !slices.EqualFunc(k.begins, begins, func(a, b protocol.Anchor) bool { return a.Entry == b.Entry }) {
		k.begins, k.untold = begins, true
	}
	k.view = v
	if k.guides != nil && v.members[x.c.Org] {
		k.guides, k.joined, changed = nil, true, true
	}
	return changed, nil
}

// passed is how far entries were passed on.
func (k *known) passed() ledger.Pos {
	k.step.Lock()
	defer k.step.Unlock()
	return k.cursor
}

// keep writes what refresh has found: where feeds begin here, and that a joining has
// ended. After a crash before it, load does so.
func (x *cases) keep(c id.CaseID) error {
	x.mu.Lock()
	k := x.all[c]
	if k == nil {
		x.mu.Unlock()
		return nil // erased meanwhile
	}
	joined, untold, begins := k.joined, k.untold, k.begins
	k.joined, k.untold = false, false
	x.mu.Unlock()
	if untold {
		if err := x.beginAt(c, begins); err != nil {
			return err
		}
	}
	if !joined {
		return nil
	}
	return x.joining.Delete(c[:])
}

func (v view) equal(w view) bool {
	return maps.Equal(v.members, w.members) && maps.Equal(v.removed, w.removed) &&
		maps.Equal(v.left, w.left) && maps.Equal(v.stewards, w.stewards)
}

// get is a case; nil if it is not known.
func (x *cases) get(c id.CaseID) *known {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.all[c]
}

// moved notes that entries were stored. open: some of them are for every member.
// Others do not make a case live: who does not read them would see that they came.
func (x *cases) moved(c id.CaseID, open bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	if k == nil {
		return // erased meanwhile
	}
	if open {
		k.stored = x.c.Now()
	}
	k.version++
}

// live says whether an entry for every member came within liveSpan.
func (x *cases) live(c id.CaseID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	return k != nil && !k.stored.IsZero() && x.c.Now().Sub(k.stored) < liveSpan
}

// turn says whether a difference of marks is followed by VEC now, not with a later TAGS:
// always in a small case; in a large one by chance, as often as comparePeers of all members.
func (x *cases) turn(c id.CaseID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	return k != nil && rand.IntN(max(len(k.view.members), 1)) < comparePeers
}

// join notes from whom to fetch a case that is not yet stored.
func (x *cases) join(c id.CaseID, from []id.OrgID) error {
	var row []byte
	for _, o := range from {
		row = append(row, o[:]...)
	}
	return x.joining.Put(c[:], row)
}

// guides reads what join has written.
func guides(row []byte) map[id.OrgID]bool {
	list := map[id.OrgID]bool{}
	for o := range slices.Chunk(row, id.Size) {
		if len(o) == id.Size {
			list[id.OrgID(o)] = true
		}
	}
	return list
}

// joinKnown puts the guides into a case that was known before its row was written:
// a genesis that came twice. Of a case that we are in, the row means nothing.
func (x *cases) joinKnown(c id.CaseID) error {
	row, err := x.joining.Get(c[:])
	if err != nil {
		return fmt.Errorf("case to join: %w", err)
	}
	x.mu.Lock()
	k := x.all[c]
	member := k != nil && k.view.members[x.c.Org]
	if k != nil && !member {
		k.guides, k.joined = guides(row), false
	}
	x.mu.Unlock()
	if member {
		return x.joining.Delete(c[:])
	}
	return nil
}

// standing is what an organisation is in a case.
type standing struct {
	member  bool // by our fold, or a guide while we join
	removed bool
	left    bool
	strange bool // nothing of these, and it may be more than we know of
	steward bool
}

// brings says whether we take entries and bodies of the case from it. Who has left
// may be the only holder of what it wrote before; whose admission has no force, of the
// entries that give it force again; who is strange, of what a restored store has lost.
func (s standing) brings() bool { return s.member || s.left || s.strange }

// standing of org in c; false when there is no relation at all.
func (x *cases) standing(c id.CaseID, org id.OrgID) (standing, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	if k == nil {
		return standing{}, false
	}
	return x.standingIn(k, org)
}

// standingIn is standing. The caller holds cases.mu.
func (x *cases) standingIn(k *known, org id.OrgID) (s standing, ok bool) {
	s = standing{
		member:  k.view.members[org] || k.guides[org],
		removed: k.view.removed[org],
		left:    k.view.left[org],
		steward: k.view.stewards[org],
	}
	ok = s.member || s.removed || s.left
	s.strange = !ok && x.strange(k)
	return s, ok
}

// shared lists the cases that org has a standing in, with their keys.
func (x *cases) shared(org id.OrgID) map[id.CaseID][]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := map[id.CaseID][]byte{}
	for c, k := range x.all {
		if _, ok := x.standingIn(k, org); ok {
			out[c] = k.key
		}
	}
	return out
}

// receives says whether the case is one of ours: we are in it, or join it.
func (x *cases) receives(c id.CaseID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	return k != nil && (k.view.members[x.c.Org] || k.guides != nil)
}

// hears says whether we take what others bring of the case: we are in it, or join it, or
// are in it no more by what is here, which others may know better.
func (x *cases) hears(c id.CaseID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	us := x.c.Org
	return k != nil && (k.guides != nil || k.view.members[us] || k.view.left[us] || k.view.removed[us])
}

// version of what is stored; it grows.
func (x *cases) version(c id.CaseID) uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	if k := x.all[c]; k != nil {
		return k.version
	}
	return 0
}

// heardGrain is how exact the time a steward was heard is kept on disk.
const heardGrain = time.Hour

// hear notes that a steward of each of these cases was heard now.
func (x *cases) hear(list ...id.CaseID) {
	now := x.c.Now()
	row, err := now.MarshalBinary()
	if err != nil {
		return
	}
	var rows []ledger.ShelfRow
	x.mu.Lock()
	for _, c := range list {
		k := x.all[c]
		if k != nil && now.Sub(k.heard).Abs() >= heardGrain {
			k.heard = now
			rows = append(rows, ledger.ShelfRow{Key: c[:], Value: row})
		}
	}
	x.mu.Unlock()
	_ = x.heard.PutAll(rows) // lost: the lease runs out an hour earlier after a restart
}

// StewardHeard is when a steward of a case was last heard; zero: never.
func (n *Node) StewardHeard(c id.CaseID) time.Time { return n.cases.lastHeard(c) }

// lastHeard is when a steward was last heard; zero: never.
func (x *cases) lastHeard(c id.CaseID) time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	if k := x.all[c]; k != nil {
		return k.heard
	}
	return time.Time{}
}

// unix is t in Unix seconds; 0 for the zero time and what lies before 1970.
func unix(t time.Time) uint64 { return uint64(max(t.Unix(), 0)) }
