package protocol

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// CaseLink says that this case and another belong together. Who is in both finds the
// other by its Pair; who is not learns that there is one, and nothing that names it.
type CaseLink struct {
	Pair     id.Pair
	Relation Relation
	Until    uint64 // Unix milliseconds: the end of the embargo in the other, as the author has it; 0: it has none
}

// Relation is what the other case is to this one. The numbers travel.
type Relation uint8

// The relations of cases.
const (
	GoesOnIn  Relation = 1 // this one was merged into the other
	TookOver  Relation = 2 // the other was merged into this one
	SplitOff  Relation = 3 // the other is a child
	SplitFrom Relation = 4 // the other is the parent
	Sibling   Relation = 5 // both are children of one parent
)

var relationNames = []string{1: "goes-on-in", 2: "took-over", 3: "split-off", 4: "split-from", 5: "sibling"}

func (r Relation) String() string { return word(relationNames, uint8(r)) }

// merges says whether two cases are one from now on.
func (r Relation) merges() bool { return r == GoesOnIn || r == TookOver }

// PairOf is what a case says of another: SHA-256("cordon/1/link" || this || other). Ids
// of cases have full entropy, so that only who knows both can tell.
func PairOf(this, other id.CaseID) id.Pair {
	return sha256.Sum256(slices.Concat([]byte("cordon/1/link"), this[:], other[:]))
}

var caseLinkKind = kind{
	typ: 24, name: "case-link", cap: identity.CapSteward, who: inForce,
	make: func() Message { return new(CaseLink) }, once: checkLinked, enter: enterLinked, check: checkCaseLink, holds: empowered,
}

// Type is the kind's number.
func (*CaseLink) Type() entry.Type { return caseLinkKind.typ }

func (m *CaseLink) fields() []field {
	return []field{hash(1, &m.Pair), number(2, &m.Relation, uint64(GoesOnIn), uint64(Sibling)),
		number(3, &m.Until, 1, entry.MaxTime).Optional(func() bool { return m.Until != 0 })}
}

// MaxLinks is of how many other cases an organisation says something in a case, at most.
const MaxLinks = 64

// checkLinked judges by the past alone whether the author may speak of one more case.
func checkLinked(c *Case, n *node) *Refusal {
	if r := cites(c, n); r != nil {
		return r
	}
	of, this := 0, n.msg.(*CaseLink).Pair
	for pair, firsts := range n.org.linked {
		if pair != this && slices.ContainsFunc(firsts, n.past.has) {
			of++
		}
	}
	if of >= MaxLinks {
		return refuse("too-many-links", "the organisation has linked %d other cases to this one, which is the limit", MaxLinks)
	}
	return nil
}

// enterLinked keeps the first that an organisation says of a case: what has that in its past.
func enterLinked(_ *Case, n *node) {
	pair := n.msg.(*CaseLink).Pair
	if slices.ContainsFunc(n.org.linked[pair], n.past.has) {
		return
	}
	if n.org.linked == nil {
		n.org.linked = map[id.Pair][]*node{}
	}
	n.org.linked[pair] = append(n.org.linked[pair], n)
}

func checkCaseLink(c *Case, n *node) *Refusal {
	if !n.own {
		return nil
	}
	m := n.msg.(*CaseLink)
	if x := c.links[m.Pair]; x != nil && len(x.now) == 1 && *x.now[0].msg.(*CaseLink) == *m {
		return refuse("no-change", "that is what the case says of the other already")
	}
	if into, gone := c.MergedInto(); gone && m.Relation == GoesOnIn && into != m.Pair {
		return c.mergedAway()
	}
	return nil
}

// linked is what is said of one other case: the statements in force, none in the past of
// another, the first that said that the two were merged, and of all that did the earliest
// end.
type linked struct {
	now, merged []*node
	until       uint64 // 0: none
}

// apply lets a statement take the place of those in its past.
func (m *CaseLink) apply(c *Case, n *node) {
	c.act(n)
	if !n.honoured() {
		return
	}
	x := c.links[m.Pair]
	if x == nil {
		x = new(linked)
		c.links[m.Pair] = x
	}
	x.now = append(slices.DeleteFunc(x.now, n.past.has), n)
	if !m.Relation.merges() {
		return
	}
	if !slices.ContainsFunc(x.merged, n.past.has) {
		x.merged = append(x.merged, n)
	}
	if m.Until > 0 && (x.until == 0 || m.Until < x.until) {
		x.until = m.Until
	}
}

// needs are the statements that this one replaces.
func (m *CaseLink) needs(c *Case) []id.EntryID {
	if x := c.links[m.Pair]; x != nil {
		return ids(x.now)
	}
	return nil
}

func (m *CaseLink) says(*Case) (what, about string) { return m.Relation.String(), "" }

// mergers are the merges that a word about the embargo is to know, if it is to count for
// an end that was agreed since.
func (c *Case) mergers() (all []id.EntryID) {
	for _, x := range c.links {
		if len(x.merged) > 0 {
			all = append(all, ids(x.now)...)
		}
	}
	slices.SortFunc(all, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
	return all
}

// earliest is the earliest end that merged cases have brought, the one that but names aside, and
// whose it is: until the stewards agree on an embargo that knows of the merge, the earliest
// end holds, and no later statement takes it back (spec/kinds.md, case-link). ok is false where
// there is none.
func (c *Case) earliest(but id.Pair) (end uint64, of id.Pair, ok bool) {
	for pair, x := range c.links {
		if pair == but || x.until == 0 || c.agreedSince(x) {
			continue
		}
		if !ok || cmp.Or(cmp.Compare(x.until, end), bytes.Compare(pair[:], of[:])) < 0 {
			end, of, ok = x.until, pair, true
		}
	}
	return end, of, ok
}

// agreedSince says whether the agreement in force, or one that it follows, has the words
// of a majority of the stewards that knew of a merge. One steward is not enough, though what it
// puts forward may look like a relaxation: it would move the end later alone.
func (c *Case) agreedSince(x *linked) bool {
	for a := c.current(); a != nil; a = a.parent {
		if c.majority(c.wordsIn(a, c.all, func(v vote) bool { return slices.ContainsFunc(x.merged, v.by.past.has) }), c.all) {
			return true
		}
	}
	return false
}

// EndBeside is the end of the embargo, Unix milliseconds, 0 for none, as a linked case is
// told of it: without what that one has brought itself, so that no end is its own reason.
func (c *Case) EndBeside(pair id.Pair) uint64 {
	now := c.current()
	if now == nil || now.End == nil {
		return 0
	}
	if end, _, ok := c.earliest(pair); ok {
		return min(end, now.ends())
	}
	return now.ends()
}

// MergedInto is the case in which this one goes on; ok is false where it was not merged.
func (c *Case) MergedInto() (pair id.Pair, ok bool) {
	for p, x := range c.links {
		if slices.ContainsFunc(x.now, func(n *node) bool { return n.msg.(*CaseLink).Relation == GoesOnIn }) &&
			(!ok || bytes.Compare(p[:], pair[:]) < 0) {
			pair, ok = p, true
		}
	}
	return pair, ok
}

// mergedAway refuses what we would begin in a case that goes on in another.
func (c *Case) mergedAway() *Refusal {
	return refuse("merged-away", "this case was merged into another and goes on there")
}

// Link is a statement in force about another case.
type Link struct {
	Pair     id.Pair
	Relation Relation
	Until    uint64 // Unix milliseconds; 0: no embargo there
	By       id.OrgID
	Entry    id.EntryID
}

// Links lists the statements in force, of those about one case the earliest end first.
func (c *Case) Links() (out []Link) {
	for pair, x := range c.links {
		for _, n := range x.now {
			m := n.msg.(*CaseLink)
			out = append(out, Link{Pair: pair, Relation: m.Relation, Until: m.Until, By: n.org.id, Entry: n.id})
		}
	}
	slices.SortFunc(out, func(a, b Link) int {
		return cmp.Or(bytes.Compare(a.Pair[:], b.Pair[:]), cmp.Compare(a.Until-1, b.Until-1), bytes.Compare(a.Entry[:], b.Entry[:])) // 0 is the last
	})
	return out
}
