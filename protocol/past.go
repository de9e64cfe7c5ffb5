package protocol

import (
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
func (v vector) union(w vector) vector {
	if len(v) < len(w) {
		v, w = w, v
	}
	out, copied := v, false
	for i, s := range w {
		m := v[i].union(s)
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
	feed  *feed
	place int // in vectors; -1 in the content plane
	tip   *node
}

// forkedAt says whether an entry at seq is at or above a fork.
func (f *feed) forkedAt(seq id.Seq) bool { return f.fork >= 0 && int64(seq) >= f.fork }

// pastOf is the control past of an entry by its prev and deps, which must be
// folded already; nil and false when one is not. A dep of the content plane is
// left out: it is no past (badDeps refuses the entry).
func (c *Case) pastOf(e *entry.Sealed) (past vector, prev *node, ok bool) {
	if e.Prev != (id.EntryID{}) {
		if prev = c.nodes[e.Prev]; prev == nil || prev.branch.feed.name != e.Feed() || prev.seq+1 != e.Seq {
			return nil, nil, false
		}
		past = prev.past
	}
	for _, d := range e.Deps {
		n := c.nodes[d]
		if n == nil {
			return nil, nil, false
		}
		if n.control() {
			past = past.union(n.past)
		}
	}
	return past, prev, true
}

// badDeps judges the deps: control entries, and none in the past of another or
// of prev (spec/protocol.md §4.3).
func (c *Case) badDeps(e *entry.Sealed, prev *node) *Refusal {
	for i, d := range e.Deps {
		n := c.nodes[d]
		if !n.control() {
			return refuse("dep-not-control", "dependency %v is no control entry", d)
		}
		if prev != nil && prev.past.has(n) {
			return refuse("deps-not-minimal", "dependency %v is already in the past of the entry before", d)
		}
		for j, other := range e.Deps {
			if o := c.nodes[other]; i != j && o.control() && o.past.has(n) {
				return refuse("deps-not-minimal", "dependency %v is already in the past of dependency %v", d, other)
			}
		}
	}
	return nil
}

// link puts a new entry at its place: on the branch whose tip is its prev, else
// on a branch of its own. It notes a fork.
func (c *Case) link(n *node, name id.Feed, prev *node) {
	f := c.feeds[name]
	if f == nil {
		f = &feed{name: name, fork: -1}
		c.feeds[name] = f
	}
	if prev != nil && prev.branch.tip == prev {
		n.branch = prev.branch
	} else {
		if len(f.branches) > 0 && !f.forkedAt(n.seq) {
			f.fork = int64(n.seq)
			c.forked[name.Kid] = true
		}
		n.branch = c.newBranch(f)
	}
	n.branch.tip = n
	if n.control() {
		n.past = n.past.with(n.branch.place, uint32(n.seq)+1)
		c.all = c.all.with(n.branch.place, uint32(n.seq)+1)
	}
}

func (c *Case) newBranch(f *feed) *branch {
	b := &branch{feed: f, place: -1}
	if f.name.Comp == id.Control {
		b.place = len(c.control)
		c.control = append(c.control, b)
	}
	f.branches = append(f.branches, b)
	return b
}
