package protocol

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"sort"

	"cordon/protocol/id"
)

// org is an organisation in the fold.
type org struct {
	id     id.OrgID
	root   *event              // its create; nil when it is only named
	offers []*node             // its proposals of agreements
	linked map[id.Pair][]*node // its first statements about each other case, none in the past of another
	voice  []*node             // the admits that let it claim when their config is certified, whoever holds power now
	named  []*node             // certified configs that name it a steward, none in the past of another
	standing
}

// standing is what authority decides of an organisation.
type standing struct {
	admits []*node              // honoured; genesis, and configs that add it as a steward
	kills  []*node              // honoured removes, and its exits
	seats  tracks               // admits by the roles they give
	ends   tracks               // kills
	used   map[[32]byte][]*node // admits by their accepts
	rm     register
	fix    register
	opened map[*branch][]id.Seq // compartments
	addrs  map[id.Kid]*node     // the address entries in force, one a daemon
	status tracks               // sound status entries, and words about the embargo, but for those that were voided
	signed map[*agreed]bool     // agreements that it has ever accepted
}

// tracks are entries by branch, and by role where that matters. On each track the later
// has the earlier in its past, so that the last that a past has tells what all do.
type tracks map[track][]*node

type track struct {
	on   *branch
	role Role
}

func (t *tracks) put(n *node, role Role) {
	if *t == nil {
		*t = tracks{}
	}
	at := track{n.branch, role}
	(*t)[at] = append((*t)[at], n)
}

// in yields the last entry that a past has of each track.
func (t tracks) in(past vector) iter.Seq2[track, *node] {
	return func(yield func(track, *node) bool) {
		for at, ns := range t {
			if i := upTo(ns, past.at(at.on.place)); i > 0 && !yield(at, ns[i-1]) {
				return
			}
		}
	}
}

// upTo is how many of a track's entries are among the first so many of its branch.
func upTo(ns []*node, first uint32) int {
	return sort.Search(len(ns), func(i int) bool { return uint32(ns[i].seq) >= first })
}

// any says whether a past has one of them.
func (t tracks) any(past vector) bool {
	for range t.in(past) {
		return true
	}
	return false
}

// mark is an event in a register of one organisation: its admission, or what a
// status entry says.
type mark struct {
	n   *node
	val uint8
}

// compare orders marks by Lamport number, then kid, seq and value. Times and ids
// play no part (spec/kinds.md).
func (m mark) compare(o mark) int {
	return cmp.Or(cmp.Compare(m.n.lc, o.n.lc), bytes.Compare(m.n.kid[:], o.n.kid[:]),
		cmp.Compare(m.n.seq, o.n.seq), cmp.Compare(m.val, o.val))
}

// register is what was written of one thing, branch by branch: on each, a mark is
// higher than those before it.
type register map[*branch][]mark

func (r *register) put(m mark) {
	if *r == nil {
		*r = register{}
	}
	(*r)[m.n.branch] = append((*r)[m.n.branch], m)
}

// in is the register's value in a past; zero when nothing was written.
func (r register) in(c *Case, past vector) uint8 {
	var top mark
	among(c, r, past, func(ms []mark, seen id.Seq) {
		if i := sort.Search(len(ms), func(i int) bool { return ms[i].n.seq >= seen }); i > 0 {
			top = top.or(ms[i-1])
		}
	})
	return top.val
}

// last is the register's value now: entries that a removal voids do not count.
func (r register) last() uint8 {
	var top mark
	for _, ms := range r {
		for _, m := range slices.Backward(ms) {
			if m.n.honoured() {
				top = top.or(m)
				break
			}
		}
	}
	return top.val
}

// or is the higher of two marks.
func (m mark) or(o mark) mark {
	if m.n == nil || m.compare(o) < 0 {
		return o
	}
	return m
}

// among calls see with what branches of a past have, and how many of a branch's
// entries are in the past. It goes through all branches that have something, or
// through those of the past, where one that forks at will has made too many.
func among[T any](c *Case, of map[*branch]T, past vector, see func(has T, seen id.Seq)) {
	if len(of) <= pageSize {
		for b, has := range of {
			if seen := past.at(b.place); seen > 0 {
				see(has, id.Seq(seen))
			}
		}
		return
	}
	for place, seen := range past.all() {
		if has, ok := of[c.control[place]]; ok {
			see(has, id.Seq(seen))
		}
	}
}

// orgOf finds an organisation or makes room for it.
func (c *Case) orgOf(o id.OrgID) *org {
	x := c.orgs[o]
	if x == nil {
		x = &org{id: o}
		c.orgs[o] = x
	}
	return x
}

// orgOrNone is orgOf for reading: an organisation that nothing has named is empty.
func (c *Case) orgOrNone(o id.OrgID) *org {
	if x := c.orgs[o]; x != nil {
		return x
	}
	return &org{id: o}
}

// liveIn lists the honoured admits of o in a past that no removal or exit there
// has ended (spec/protocol.md §5.1, the content rule).
func (o *org) liveIn(past vector) (live []*node) {
	for _, a := range o.admits {
		if past.has(a) && o.after(a, past) {
			live = append(live, a)
		}
	}
	return live
}

// after says whether an admit has every removal and exit of a past in its own:
// remove wins over all that is concurrent.
func (o *org) after(a *node, past vector) bool {
	for _, k := range o.ends.in(past) {
		if !a.past.has(k) {
			return false
		}
	}
	return true
}

// memberIn says whether o is a member by a past alone.
func (o *org) memberIn(past vector) bool { return o.remains(past, past) }

// remains says whether an admit of a past has every removal and exit of another in
// its own.
func (o *org) remains(past, ends vector) bool {
	for _, a := range o.seats.in(past) {
		if o.after(a, ends) {
			return true
		}
	}
	return false
}

// member says whether o is a member now (spec/protocol.md §5.1).
func (c *Case) member(o *org) bool {
	return o != nil && (c.steward(o.id) || o.memberIn(c.all))
}

// rolesIn are the roles of o by its live admits in a past, sorted.
func (o *org) rolesIn(past vector) []Role {
	var roles []Role
	for at, a := range o.seats.in(past) {
		if at.role != 0 && o.after(a, past) {
			roles = append(roles, at.role)
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

// roles are those that an admit or genesis gives.
func (n *node) roles() []Role {
	switch m := n.msg.(type) {
	case *Admit:
		return []Role{m.Role()}
	case *Genesis:
		return m.Roles
	}
	return nil
}

// byMember is the rule for content, and for address, compartment and exit: a
// member by the entry's past. What came since is no matter: content is never
// voided by a removal that it had not seen.
func byMember(c *Case, n *node) *Refusal {
	if n.org.memberIn(n.past) {
		return nil
	}
	if n.org.seats.any(n.past) {
		return refuse("no-longer-a-member", "the author's organisation had left the case or was removed when this was written")
	}
	return refuse("not-a-member", "the author's organisation was not admitted when this was written")
}

// byVoice is the rule for claims and confirmations: admitted once by a steward of
// a certified config, or named by one. No removal, no cut and no fork silences the
// word that something is public (spec/kinds.md, claim).
func byVoice(c *Case, n *node) *Refusal {
	for _, v := range n.org.voice {
		if n.past.has(v) && c.configs[*v.cfg].certified {
			return nil
		}
	}
	if slices.ContainsFunc(n.org.named, n.past.has) {
		return nil
	}
	if !n.own { // a dry run changes nothing
		c.mute[n.org.id] = true
	}
	return refuse("not-a-member", "the author's organisation was never admitted before this was written")
}

// unremoved is the second half of the status rule: some admit in the entry's
// past, and each removal or exit either saw the entry or came before that admit.
// None that is folded before the entry saw it; of later ones kill takes care.
func unremoved(c *Case, n *node) *Refusal {
	if n.org.remains(n.past, c.all) {
		return nil
	}
	return errRemoved
}

// errRemoved is what refuses a status entry that a removal or exit voids.
var errRemoved = refuse("removed", "the author's organisation was removed or left, and that did not see this entry")

// kill records a removal or exit of o and voids the status entries it did not
// see. Only o's are looked at; none stands on an admit that saw k, which comes
// only now.
func (c *Case) kill(o *org, k *node) {
	o.kills = append(o.kills, k)
	o.ends.put(k, 0)
	for at, ns := range o.status {
		seen := upTo(ns, k.past.at(at.on.place))
		for _, s := range ns[seen:] {
			if s.honoured() {
				s.why = errRemoved
			}
		}
		o.status[at] = ns[:seen]
	}
}
