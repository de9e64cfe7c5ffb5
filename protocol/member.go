package protocol

import (
	"bytes"
	"cmp"
	"slices"

	"cordon/protocol/id"
)

// org is an organisation in the fold.
type org struct {
	id    id.OrgID
	root  *event  // its create; nil when it is only named
	voice []*node // what lets it claim: admits that verify, whoever holds power now; genesis for a steward
	standing
}

// standing is what authority decides of an organisation.
type standing struct {
	admits []*node // honoured; genesis for a steward of C0
	kills  []*node // honoured removes, and its exits
	rm     []mark
	fix    []mark
	opened []*node // compartments
	addrs  *node   // the address entry in force
	status []*node // sound status entries
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

// insert keeps a register sorted.
func insert(ms []mark, m mark) []mark {
	i, _ := slices.BinarySearchFunc(ms, m, mark.compare)
	return slices.Insert(ms, i, m)
}

// lastIn is the register's value in the past of n; zero when nothing was written.
// What is in its past has a lower Lamport number, so the search begins there.
func lastIn(ms []mark, n *node) uint8 {
	from, _ := slices.BinarySearchFunc(ms, n.lc, func(m mark, lc uint64) int { return cmp.Compare(m.n.lc, lc) })
	for i := from - 1; i >= 0; i-- {
		if n.past.has(ms[i].n) {
			return ms[i].val
		}
	}
	return 0
}

// last is the register's value now: entries that a removal voids do not count.
func last(ms []mark) uint8 {
	for i := len(ms) - 1; i >= 0; i-- {
		if ms[i].n.honoured() {
			return ms[i].val
		}
	}
	return 0
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
	for _, k := range slices.Backward(o.kills) { // the latest decides most often
		if past.has(k) && !a.past.has(k) {
			return false
		}
	}
	return true
}

// memberIn says whether o is a member by a past alone.
func (o *org) memberIn(past vector) bool {
	for _, a := range slices.Backward(o.admits) {
		if past.has(a) && o.after(a, past) {
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
	for _, a := range o.liveIn(past) {
		roles = append(roles, a.roles()...)
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
	if slices.ContainsFunc(n.org.admits, n.past.has) {
		return refuse("no-longer-a-member", "the author's organisation had left the case or was removed when this was written")
	}
	return refuse("not-a-member", "the author's organisation was not admitted when this was written")
}

// byVoice is the rule for claims, confirmations and identity events: once
// admitted or a steward, whatever came since. No removal and no fork silences
// the word that something is public (spec/kinds.md, claim).
func byVoice(c *Case, n *node) *Refusal {
	for _, v := range n.org.voice {
		if n.past.has(v) {
			return nil
		}
	}
	return refuse("not-a-member", "the author's organisation was never admitted before this was written")
}

// unremoved is the second half of the status rule: some admit in the entry's
// past, and each removal or exit either saw the entry or came before that admit.
// None that is folded before the entry saw it; of later ones kill takes care.
func unremoved(c *Case, n *node) *Refusal {
	for _, a := range slices.Backward(n.org.admits) {
		if n.past.has(a) && n.org.after(a, c.all) {
			return nil
		}
	}
	return refuse(removed, "the author's organisation was removed or left, and that did not see this entry")
}

// removed is the rule of a status entry that a removal or exit voids.
const removed = "removed"

// kill records a removal or exit of o and voids the status entries it did not
// see. Only o's are looked at; none stands on an admit that saw k, which comes
// only now.
func (c *Case) kill(o *org, k *node) {
	o.kills = append(o.kills, k)
	for _, s := range o.status {
		if s.honoured() && !k.past.has(s) {
			s.rule = removed
		}
	}
}
