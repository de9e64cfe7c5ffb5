package protocol

import (
	"iter"
	"slices"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// vector says, for each control branch by its place, how many of its entries
// are in a past. Vectors are never changed after they are made; they share the
// shelves and pages in which they agree, so that one costs little more than what
// is new in it.
type vector []*shelf

const (
	pageSize  = 32
	shelfSize = 32
)

type (
	page  [pageSize]uint32
	shelf [shelfSize]*page
)

// at is the number of entries of a branch.
func (v vector) at(place int) uint32 {
	p := place / pageSize
	if s := p / shelfSize; s < len(v) && v[s] != nil && v[s][p%shelfSize] != nil {
		return v[s][p%shelfSize][place%pageSize]
	}
	return 0
}

// all yields the branches of which v has entries, by place, and how many.
func (v vector) all() iter.Seq2[int, uint32] {
	return func(yield func(int, uint32) bool) {
		for i, s := range v {
			if s == nil {
				continue
			}
			for j, p := range s {
				if p == nil {
					continue
				}
				for k, n := range p {
					if n > 0 && !yield((i*shelfSize+j)*pageSize+k, n) {
						return
					}
				}
			}
		}
	}
}

// with is v with n entries of a branch.
func (v vector) with(place int, n uint32) vector {
	at := place / pageSize
	w := make(vector, max(len(v), at/shelfSize+1))
	copy(w, v)
	s, p := new(shelf), new(page)
	if old := w[at/shelfSize]; old != nil {
		*s = *old
	}
	if old := s[at%shelfSize]; old != nil {
		*p = *old
	}
	p[place%pageSize] = n
	s[at%shelfSize] = p
	w[at/shelfSize] = s
	return w
}

// union is what is in v or in w.
func (v vector) union(w vector) vector { return v.join(w, (*shelf).union) }

func (v vector) join(w vector, union func(s, t *shelf) *shelf) vector {
	if len(v) < len(w) {
		v, w = w, v
	}
	out, copied := v, false
	for i, s := range w {
		m := union(v[i], s)
		if m == v[i] {
			continue
		}
		if !copied {
			out, copied = slices.Clone(v), true
		}
		out[i] = m
	}
	return out
}

// maxUnions is how many unions of shelves a case remembers.
const maxUnions = 1 << 12

// shelves is the union of two shelves; what many entries join alike is kept once.
func (c *Case) shelves(s, t *shelf) *shelf {
	if s == t || s == nil || t == nil {
		return s.union(t)
	}
	m, ok := c.unions[[2]*shelf{s, t}]
	if !ok {
		if len(c.unions) == maxUnions {
			clear(c.unions)
		}
		m = s.union(t)
		c.unions[[2]*shelf{s, t}] = m
	}
	return m
}

// union is the shelf that has what is in s or in t; one of the two where it has
// all of it.
func (s *shelf) union(t *shelf) *shelf {
	if s == t || t == nil {
		return s
	}
	if s == nil {
		return t
	}
	var m shelf
	for i := range m {
		m[i] = joined(s[i], t[i])
	}
	switch m {
	case *s:
		return s
	case *t:
		return t
	}
	return &m
}

// joined is the page that has the larger of both counts; one of the two where it
// has all of them.
func joined(a, b *page) *page {
	if a == b || b == nil {
		return a
	}
	if a == nil {
		return b
	}
	aHas, bHas := true, true
	for i := range a {
		aHas = aHas && a[i] >= b[i]
		bHas = bHas && b[i] >= a[i]
	}
	switch {
	case aHas:
		return a
	case bHas:
		return b
	}
	m := new(page)
	for i := range m {
		m[i] = max(a[i], b[i])
	}
	return m
}

// has says whether a control entry is in the past that v stands for.
func (v vector) has(n *node) bool { return v.at(n.branch.place) > uint32(n.seq) }

// feed is what the fold knows of one feed. A feed that is not forked is one branch.
type feed struct {
	name     id.Feed
	branches []*branch
	fork     int64 // the lowest seq with two entries; -1 when there is none
}

// branch is a chain of entries without a gap. Where a feed is forked, the entry
// that came second begins a branch; which one that is depends on arrival, what
// is in whose past does not.
type branch struct {
	feed    *feed
	place   int          // in vectors; in the content plane, in spots
	by      *org         // who wrote it; nil when nobody is known
	shared  bool         // more than one did, with one key
	from    *node        // the entry below its first, which before may have made; nil at seq 0
	entries []*node      // in the content plane, what stands for a stretch each
	ids     []id.EntryID // content plane, by seq
	tip     *node        // the last of entries
}

// start is the seq of the branch's first entry.
func (b *branch) start() id.Seq {
	if b.from == nil {
		return 0
	}
	return b.from.seq + 1
}

// next is the seq of the entry that would go on from its last.
func (b *branch) next() id.Seq {
	if b.feed.name.Comp == id.Control {
		return b.start() + id.Seq(len(b.entries))
	}
	return b.start() + id.Seq(len(b.ids))
}

// below says whether y is n or stands above it along the feed.
func (n *node) below(y *node) bool {
	for y != nil && y.branch != n.branch {
		y = y.branch.from
	}
	return y != nil && n.seq <= y.seq
}

// forkedAt says whether an entry at seq is at or above a fork.
func (f *feed) forkedAt(seq id.Seq) bool { return f.fork >= 0 && int64(seq) >= f.fork }

// forkedAt says whether n is at or above a fork of its feed, as the case has it.
func (c *Case) forkedAt(n *node) bool {
	f := c.feeds[id.Feed{Kid: n.kid, Comp: id.Control}]
	if f == nil || !f.forkedAt(n.seq) || !c.part {
		return f != nil && f.forkedAt(n.seq)
	}
	for i, b := range f.branches {
		if b.start() > n.seq || uint32(b.start()) >= c.all.at(b.place) {
			continue
		}
		for _, o := range f.branches[:i] {
			if low := max(b.start(), o.start()); low <= n.seq && c.all.at(b.place) > uint32(low) && c.all.at(o.place) > uint32(low) {
				return true
			}
		}
	}
	return false
}

// pastOf is the control past of an entry by its prev and deps, which must be
// folded already, or, of the prev, named by an anchor; nil and false when one is
// not. A dep of the content plane is left out: it is no past (badDeps refuses the
// entry). union joins two shelves.
func (c *Case) pastOf(e *entry.Sealed, union func(s, t *shelf) *shelf) (past vector, prev *node, ok bool) {
	if e.Prev != (id.EntryID{}) {
		var seq id.Seq
		if prev, seq = c.before(e, union); prev == nil || prev.branch.feed.name != e.Feed() || seq+1 != e.Seq {
			return nil, nil, false
		}
		past = prev.past
	}
	for _, d := range e.Deps {
		n, _ := c.find(d)
		if n == nil {
			return nil, nil, false
		}
		if n.control() {
			past = past.join(n.past, union)
		}
	}
	return past, prev, true
}

// badDeps judges the deps: control entries, and none in the past of another or
// of prev (spec/protocol.md §4.3); none that a closed key wrote after the proof of
// its fork that the past has (§4.7).
func (c *Case) badDeps(e *entry.Sealed, past vector, prev *node) *Refusal {
	for i, d := range e.Deps {
		n := c.nodes[d]
		if n == nil {
			return refuse("dep-not-control", "dependency %v is no control entry", d)
		}
		if r := c.afterProof(n, past); r != nil {
			return r
		}
		if prev != nil && prev.past.has(n) {
			return refuse("deps-not-minimal", "dependency %v is already in the past of the entry before", d)
		}
		for j, other := range e.Deps {
			if o := c.nodes[other]; i != j && o != nil && o.past.has(n) {
				return refuse("deps-not-minimal", "dependency %v is already in the past of dependency %v", d, other)
			}
		}
	}
	return nil
}

// afterProof says whether n was written with a key that the past proves to have
// forked, and is not among what was seen of it when that was shown; where several
// entries show it, when each was written. Proposals and votes are not asked: the
// chain that rests on them would stand where nobody can follow it.
func (c *Case) afterProof(n *node, past vector) *Refusal {
	if n.kind != nil && n.kind.chain {
		return nil
	}
	for _, f := range c.closed[n.kid] {
		if past.has(f) && !f.past.has(n) {
			return refuse("dep-after-fork", "a dependency is of a daemon key that has signed two entries at one place, and later than the proof")
		}
	}
	return nil
}

// place puts a new entry at its place: on the branch whose tip is its prev, else
// on a branch of its own. It notes a fork: a branch of its own is none where the
// feed is not here down to where it meets the others.
func (c *Case) place(n *node, name id.Feed, prev *node) {
	f := c.feeds[name]
	if f == nil {
		f = &feed{name: name, fork: -1}
		c.feeds[name] = f
	}
	if prev != nil && prev.branch.next() == n.seq {
		n.branch = prev.branch
	} else {
		n.branch = c.newBranch(f)
		if prev != nil {
			below := prev.entry(n.seq - 1)
			n.branch.from = &below
		}
	}
	if len(f.branches) > 1 && !f.forkedAt(n.seq) && f.another(n) {
		f.fork = int64(n.seq)
		c.forked[name.Kid] = true
	}
	n.branch.tip = n
	if by := n.branch.by; n.org != nil && by != n.org {
		n.branch.by, n.branch.shared = n.org, by != nil
	}
	n.branch.entries = append(n.branch.entries, n)
	if !n.control() {
		c.content.put(n.branch, n.id)
	} else {
		c.nodes[n.id] = n
		n.past = n.past.with(n.branch.place, uint32(n.seq)+1)
		c.all = c.all.with(n.branch.place, uint32(n.seq)+1)
	}
}

// another says whether another branch than that of n has an entry at its seq.
func (f *feed) another(n *node) bool {
	return slices.ContainsFunc(f.branches, func(b *branch) bool { return b != n.branch && b.start() <= n.seq && n.seq < b.next() })
}

func (c *Case) newBranch(f *feed) *branch {
	b := &branch{feed: f}
	all := &c.control
	if f.name.Comp != id.Control {
		all = &c.content.branches
	}
	b.place = len(*all)
	*all = append(*all, b)
	f.branches = append(f.branches, b)
	return b
}
