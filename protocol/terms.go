package protocol

import (
	"bytes"
	"cmp"
	"slices"

	"cordon/protocol/id"
)

// agreements are the agreements of a case by name: a tree whose root is terms 0.
type agreements struct {
	root  *agreed
	all   map[id.AgrID]*agreed
	texts map[[32]byte]string // by hash: most agreements of a case share one
}

// agreed is one agreement of a case.
type agreed struct {
	Agreement
	Record
	id       id.AgrID
	parent   *agreed // nil: terms 0
	children []*agreed
	carriers []*node              // what proposes it
	words    []*node              // of stewards for it, by their pasts alone
	taken    map[id.OrgID][]*node // rejections of it
}

// heard is what authority makes of the words about an agreement.
type heard struct {
	answers map[*org]*answers
	votes   []vote // towards its activation
	active  bool   // by everything folded; see settleTerms
}

// answers are what an organisation has said to an agreement.
type answers struct {
	yes, no []*node
}

// vote is an organisation's word for an agreement as a steward: under the n-th
// config of the chain, since an entry.
type vote struct {
	org id.OrgID
	n   uint64
	at  *node
	by  *node // where the organisation has spoken itself: of a proposal, which at answers, that
}

func newAgreements() agreements {
	return agreements{all: map[id.AgrID]*agreed{}, texts: map[[32]byte]string{}}
}

// of is what was said about an agreement, for reading.
func (c *Case) of(a *agreed) *heard {
	if h := c.heard[a]; h != nil {
		return h
	}
	return new(heard)
}

// hears is of for adding to it.
func (c *Case) hears(a *agreed) *heard {
	h := c.heard[a]
	if h == nil {
		h = &heard{answers: map[*org]*answers{}}
		c.heard[a] = h
	}
	return h
}

// add notes an agreement that an entry carries; one that is known already has
// another carrier.
func (g *agreements) add(x Agreement, r Record, n *node) {
	a := g.all[x.ID()]
	if a == nil {
		if kept, ok := g.texts[r.TextHash]; ok {
			x.Text = kept
		}
		g.texts[r.TextHash] = x.Text
		a = &agreed{Agreement: x, Record: r, id: x.ID(), taken: map[id.OrgID][]*node{}}
		g.all[a.id] = a
		if r.Parent == nil {
			g.root = a
		} else {
			a.parent = g.all[*r.Parent]
			a.parent.children = append(a.parent.children, a)
		}
	}
	a.carriers = append(a.carriers, n)
}

// in says whether a past has an entry that carries the agreement.
func (a *agreed) in(past vector) bool {
	return a != nil && slices.ContainsFunc(a.carriers, past.has)
}

// carrier is one entry that carries the agreement, if it is known.
func (a *agreed) carrier() []*node {
	if a == nil {
		return nil
	}
	return a.carriers[:1]
}

// inForceBy lists the stewards' words that make the agreement in force active, and
// those above it.
func (c *Case) inForceBy() (words []*node) {
	for a := c.current(); a != nil; a = a.parent {
		for _, v := range c.of(a).votes {
			words = append(words, v.at)
		}
	}
	return words
}

// before is the order in which agreements that are active side by side come: the
// earliest end first, no end being the earliest, then ids (spec/kinds.md, agreements).
func (a *agreed) before(b *agreed) bool {
	return cmp.Or(cmp.Compare(a.ends(), b.ends()), bytes.Compare(a.id[:], b.id[:])) < 0
}

// answer is what o has said, for adding to it.
func (h *heard) answer(o *org) *answers {
	if h.answers[o] == nil {
		h.answers[o] = new(answers)
	}
	return h.answers[o]
}

// carriedTerms says whether the stewards' words in a past carry an agreement, that
// below which it stands left aside: those of one where it relaxes that one, else of a majority
// of the stewards of some config of the chain, each under that config or an earlier one.
func (c *Case) carriedTerms(a *agreed, past vector) bool {
	if a.parent == nil {
		return true
	}
	first := c.wordsIn(a, past, func(vote) bool { return true })
	return len(first) > 0 && a.relaxes(&a.parent.Record) || c.majority(first, past)
}

// wordsIn are the organisations whose words for an agreement are in a past, of those that
// count, each with the first config under which.
func (c *Case) wordsIn(a *agreed, past vector, count func(vote) bool) map[id.OrgID]uint64 {
	first := map[id.OrgID]uint64{}
	for _, v := range c.of(a).votes {
		if n, ok := first[v.org]; past.has(v.at) && count(v) && (!ok || v.n < n) {
			first[v.org] = v.n
		}
	}
	return first
}

// majority says whether words are those of more than half of the stewards of some config
// of the chain in a past, each under that config or an earlier one.
func (c *Case) majority(first map[id.OrgID]uint64, past vector) bool {
	if len(first) == 0 {
		return false
	}
	last := c.lastIn(past)
	for i, x := range c.chain[:last.N+1] {
		if i < int(last.N) && slices.Equal(x.Stewards, c.chain[i+1].Stewards) {
			continue // the next says the same, and counts more
		}
		words := 0
		for _, o := range x.Stewards {
			if n, ok := first[o]; ok && n <= x.N {
				words++
			}
		}
		if words > len(x.Stewards)/2 {
			return true
		}
	}
	return false
}

// activeIn says whether an agreement is active by a past: it and all above it are carried.
func (c *Case) activeIn(a *agreed, past vector) bool {
	for ; a != nil; a = a.parent {
		if !c.carriedTerms(a, past) {
			return false
		}
	}
	return true
}

// walkTerms goes through the agreements that are active by a past, and says of each
// whether none below it is.
func (c *Case) walkTerms(past vector, see func(a *agreed, leaf bool)) {
	open := []*agreed{c.terms.root}
	for len(open) > 0 {
		a := open[len(open)-1]
		open = open[:len(open)-1]
		leaf := true
		for _, b := range a.children {
			if c.carriedTerms(b, past) {
				leaf = false
				open = append(open, b)
			}
		}
		see(a, leaf)
	}
}

// currentIn is the agreement in force by a past: of those active below which none
// is active, the one that comes first.
func (c *Case) currentIn(past vector) (first *agreed) {
	c.walkTerms(past, func(a *agreed, leaf bool) {
		if leaf && (first == nil || a.before(first)) {
			first = a
		}
	})
	return first
}

// current is the agreement in force by everything folded; nil before genesis.
func (c *Case) current() *agreed { return c.inForceNow }

// settleTerms works out what is active and current by everything folded, if
// something changed.
func (c *Case) settleTerms() {
	if c.inForceNow != nil || c.terms.root == nil {
		return
	}
	for _, h := range c.heard {
		h.active = false
	}
	c.walkTerms(c.all, func(a *agreed, _ bool) { c.hears(a).active = true })
	c.inForceNow = c.currentIn(c.all)
}

// covers says whether who accepted a may have what was written under b: the same, a
// relaxation of it, or an ancestor of an active a.
func (c *Case) covers(a, b *agreed) bool {
	if a == b || b.relaxes(&a.Record) {
		return true
	}
	if !c.of(a).active {
		return false
	}
	for x := a.parent; x != nil; x = x.parent {
		if x == b {
			return true
		}
	}
	return false
}

// accepts says whether o's word for an agreement stands: some acceptance of it has every
// rejection and, where o is a member, every removal and exit of o in its past. A concurrent yes and no is a no.
func (c *Case) accepts(o *org, a *agreed) bool {
	x := c.of(a).answers[o]
	if x == nil {
		return false
	}
	member := c.member(o)
	for _, y := range slices.Backward(x.yes) {
		if y.honoured() && y.beats(x.no) && (!member || o.after(y, c.all)) {
			return true
		}
	}
	return false
}

// declines says whether o's last word to an agreement is no.
func (c *Case) declines(o *org, a *agreed) bool {
	x := c.of(a).answers[o]
	return x != nil && slices.ContainsFunc(x.no, (*node).honoured) && !c.accepts(o, a)
}

// beats says whether an acceptance has all rejections that count in its past.
func (y *node) beats(no []*node) bool {
	return !slices.ContainsFunc(no, func(n *node) bool { return n.honoured() && !y.past.has(n) })
}

// signs says whether o is bound by an agreement: it accepted it, or one that it relaxes.
func (c *Case) signs(o *org, a *agreed) bool {
	for b := range o.signed {
		if (a == b || a.relaxes(&b.Record)) && c.accepts(o, b) {
			return !c.declines(o, a)
		}
	}
	return false
}

// covered says whether an agreement that o accepted covers b, to which it has not said
// no: gate G7.
func (c *Case) covered(o *org, b *agreed) bool {
	if b == nil || c.declines(o, b) {
		return false
	}
	for a := range o.signed {
		if c.covers(a, b) && c.accepts(o, a) {
			return true
		}
	}
	return false
}
