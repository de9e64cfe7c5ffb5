package peer

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// What an organisation writes into a case may fill Config.Room bytes of our disk,
// through whomever it comes. What goes beyond is not taken, and once something was not,
// no more content of that organisation in that case is, until the daemon starts anew
// (spec/sync.md §6.7). Entries of the control plane are always taken, and count; so is
// what a daemon of our own organisation has taken.

// errRoom is why an entry is not taken.
var errRoom = errors.New("no-room")

// room is what the organisations of one case have filled. Guarded by cases.mu.
type room struct {
	of    map[id.Kid]id.OrgID // whose a key is, as far as it was asked; zero: nobody's by what is folded
	bytes map[id.OrgID]uint64 // stored, or reserved; of all keys that are nobody's, under zero
	ahead map[id.EntryID]held // reserved
	full  map[id.OrgID]bool
}

// held is what is reserved for one entry, and of whose room: whose its key is may be
// known only later.
type held struct {
	of    id.OrgID
	bytes uint64
}

// Full is an organisation that has filled its room in a case: none of its content is
// taken there any more.
type Full struct {
	Org   id.OrgID
	Case  id.CaseID
	Bytes uint64 // what of it is here
}

// measure counts what is stored of a case.
func (x *cases) measure(c id.CaseID) (room, error) {
	r := room{of: map[id.Kid]id.OrgID{}, bytes: map[id.OrgID]uint64{}, ahead: map[id.EntryID]held{}, full: map[id.OrgID]bool{}}
	err := x.c.Cases.With(c, func(k *protocol.Case) error {
		for kid, n := range k.Sizes() {
			o, _ := k.OrgOf(kid)
			r.of[kid] = o
			r.bytes[o] += n
		}
		return nil
	})
	return r, err
}

// count counts entries that were stored. Those that were reserved are counted already.
func (x *cases) count(c id.CaseID, list []ledger.Entry) error {
	owners, err := x.owners(c, list)
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	if k == nil {
		return nil // erased meanwhile
	}
	for kid, o := range owners {
		k.room.of[kid] = o
	}
	for _, e := range list {
		if _, ok := k.room.ahead[e.ID]; ok {
			delete(k.room.ahead, e.ID)
			continue
		}
		k.room.bytes[k.room.of[e.Kid]] += protocol.Size(e.Sealed)
	}
	return nil
}

// certified are whose keys are that a case certifies, where that is more of them than were
// known; else nil. So the first entries of each cost no fold of their own.
func (x *cases) certified(c id.CaseID, keys int) (of map[id.Kid]id.OrgID, err error) {
	x.mu.Lock()
	k := x.all[c]
	more := k != nil && k.view.keys != keys
	x.mu.Unlock()
	if more {
		err = x.c.Cases.With(c, func(k *protocol.Case) error {
			of = k.Owners()
			return nil
		})
	}
	return of, err
}

// owners are whose the keys of entries are, of those that were nobody's.
func (x *cases) owners(c id.CaseID, list []ledger.Entry) (map[id.Kid]id.OrgID, error) {
	out := map[id.Kid]id.OrgID{}
	x.mu.Lock()
	if k := x.all[c]; k != nil {
		for _, e := range list {
			if k.room.of[e.Kid] == (id.OrgID{}) {
				out[e.Kid] = id.OrgID{}
			}
		}
	}
	x.mu.Unlock()
	if len(out) == 0 {
		return nil, nil
	}
	err := x.c.Cases.With(c, func(k *protocol.Case) error {
		for kid := range out {
			out[kid], _ = k.OrgOf(kid)
		}
		return nil
	})
	return out, err
}

// reserve counts an entry that is about to be stored; errRoom if it is not to be. first:
// it was not counted before. Of a key that has written nothing yet it is counted later:
// whose it is may stand in the same batch.
func (x *cases) reserve(c id.CaseID, e *entry.Sealed) (first bool, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	if k == nil || e.Control() {
		return false, nil
	}
	r := &k.room
	o, known := r.of[e.Kid]
	if _, counted := r.ahead[e.ID]; counted || !known || o == x.c.Org {
		return false, nil
	}
	size := protocol.Size(e)
	if x.c.Room > 0 && r.bytes[o]+size > x.c.Room {
		r.full[o] = true
	}
	if r.full[o] {
		return false, errRoom
	}
	r.bytes[o] += size
	r.ahead[e.ID] = held{o, size}
	return true, nil
}

// reserved is what one batch has reserved.
type reserved struct {
	s    *session
	c    id.CaseID
	list []*entry.Sealed
}

// may is for ledger.BeginAcceptIf.
func (r *reserved) may(e *entry.Sealed) error {
	if r.s.sibling() {
		return nil
	}
	first, err := r.s.n.cases.reserve(r.c, e)
	if first {
		r.list = append(r.list, e)
	}
	return err
}

// release gives back what was reserved and has not been stored.
func (r *reserved) release() {
	x := r.s.n.cases
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[r.c]
	if k == nil {
		return
	}
	for _, e := range r.list {
		k.room.bytes[k.room.ahead[e.ID].of] -= k.room.ahead[e.ID].bytes
		delete(k.room.ahead, e.ID)
	}
}

// full says whether no more content of who writes with a key is taken from the other side.
func (s *session) full(c id.CaseID, kid id.Kid) bool {
	x := s.n.cases
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	if k == nil || s.sibling() {
		return false
	}
	o, known := k.room.of[kid]
	return known && k.room.full[o]
}

// overfull says whether more than has room is here of who writes with a key: forks, which
// are evidence, have no bound of their own. Bodies of it are not taken from the other side.
func (s *session) overfull(c id.CaseID, kid id.Kid) bool {
	x := s.n.cases
	x.mu.Lock()
	defer x.mu.Unlock()
	k := x.all[c]
	if k == nil || x.c.Room == 0 || s.sibling() {
		return false
	}
	o, known := k.room.of[kid]
	return known && o != x.c.Org && k.room.bytes[o] > x.c.Room
}

// Full lists who has filled its room where, in the order of organisations.
func (n *Node) Full() (list []Full) {
	n.cases.mu.Lock()
	defer n.cases.mu.Unlock()
	for c, k := range n.cases.all {
		for o := range k.room.full {
			list = append(list, Full{o, c, k.room.bytes[o]})
		}
	}
	slices.SortFunc(list, func(a, b Full) int {
		return cmp.Or(bytes.Compare(a.Org[:], b.Org[:]), bytes.Compare(a.Case[:], b.Case[:]))
	})
	return list
}
