package protocol

import (
	"bytes"
	"cmp"
	"slices"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// MaxAnchors is how many feeds an admit may name; its size sets a lower limit.
const MaxAnchors = 1 << 10

// Anchor is where a feed for everybody begins for an organisation that is not given
// what was written before its admission: behind the entry that it names, which is the
// last that is not given. It says of that entry what whoever never holds it needs to
// judge the next (spec/kinds.md, admit).
type Anchor struct {
	Kid   id.Kid
	Seq   id.Seq
	Entry id.EntryID
	LC    uint64
	Past  []id.EntryID // the control entries in its past that are in the past of no other of them; sorted
}

// Feed is the feed that the anchor is of.
func (a Anchor) Feed() id.Feed { return id.Feed{Kid: a.Kid, Comp: id.Everyone} }

func (a Anchor) compare(b Anchor) int { return bytes.Compare(a.Kid[:], b.Kid[:]) }

// inOrder says whether a list is sorted and has nothing twice.
func inOrder[T any](list []T, compare func(a, b T) int) bool {
	for i := range list[min(1, len(list)):] {
		if compare(list[i], list[i+1]) >= 0 {
			return false
		}
	}
	return true
}

func readAnchor(r *canon.Reader, a *Anchor) error {
	if n, err := r.Array(); err != nil || n != 6 {
		return errMalformed
	}
	if err := readHash(r, &a.Kid); err != nil {
		return err
	}
	if comp, err := r.Uint(); err != nil || comp != 1 {
		return errMalformed
	}
	seq, err := r.Uint()
	if err != nil || seq >= entry.MaxSeqContent {
		return errMalformed
	}
	a.Seq = id.Seq(seq)
	if err := readHash(r, &a.Entry); err != nil {
		return err
	}
	if a.LC, err = r.Uint(); err != nil || a.LC > entry.MaxTime {
		return errMalformed
	}
	return listOf(0, &a.Past, 1, MaxAnchors, readHash[id.EntryID], nil).Read(r)
}

func writeAnchor(a Anchor) any {
	past := make([]any, len(a.Past))
	for i, x := range a.Past {
		past[i] = x[:]
	}
	return []any{a.Kid[:], uint64(1), uint64(a.Seq), a.Entry[:], a.LC, past}
}

// before is the entry that e names as prev, and its seq: the one that is here, else what an
// anchor says of it; nil where neither is.
func (c *Case) before(e *entry.Sealed, union func(s, t *shelf) *shelf) (*node, id.Seq) {
	if n, seq := c.find(e.Prev); n != nil {
		return n, seq
	}
	a, ok := c.AnchorOf(e)
	if !ok {
		return nil, 0
	}
	n := &node{id: a.Entry, kid: a.Kid, comp: id.Everyone, seq: a.Seq, lc: a.LC, why: notKnown(), branch: &branch{feed: &feed{name: a.Feed()}}}
	for _, p := range a.Past {
		n.past = n.past.join(c.nodes[p].past, union)
	}
	return n, n.seq
}

// AnchorOf is what an admit says of the entry that e names as prev, if all that the anchor
// names is here. Where several do, one that is honoured now comes first, then the first
// of them in the order of the case: honest stewards say the same.
func (c *Case) AnchorOf(e *entry.Sealed) (best Anchor, ok bool) {
	var by *node
	for _, g := range c.given[e.Prev] {
		n, a := g.by, g.by.msg.(*Admit).Hist[g.at]
		if a.Feed() != e.Feed() || a.Seq+1 != e.Seq || !c.shows(a) {
			continue
		}
		if by == nil || n.honoured() && !by.honoured() || n.honoured() == by.honoured() && c.compareNodes(n, by) < 0 {
			best, by = a, n
		}
	}
	return best, by != nil
}

// given is an anchor of an admit, by its place there.
type given struct {
	by *node
	at int
}

// shows says whether all that an anchor names of the control plane is here.
func (c *Case) shows(a Anchor) bool {
	return !slices.ContainsFunc(a.Past, func(p id.EntryID) bool { return c.nodes[p] == nil })
}

// within is gate G6: what o has written itself, all where a live admit gives it all
// history, else what stands above an anchor and what is of a feed without one.
func (c *Case) within(o *org, n *node, seq id.Seq) bool {
	if n.org == o {
		return true
	}
	for _, k := range o.liveIn(c.all) {
		m, ok := k.msg.(*Admit)
		if !ok || m.Hist == nil {
			return true
		}
		a, ok := FindAnchor(m.Hist, id.Feed{Kid: n.kid, Comp: n.comp})
		if !ok || c.overAnchor(a, n.branch, seq) {
			return true
		}
	}
	return false
}

// FindAnchor is the anchor of a feed in a list by key.
func FindAnchor(hist []Anchor, f id.Feed) (Anchor, bool) {
	i, ok := slices.BinarySearchFunc(hist, f.Kid, func(a Anchor, k id.Kid) int { return bytes.Compare(a.Kid[:], k[:]) })
	if !ok || f.Comp != id.Everyone {
		return Anchor{}, false
	}
	return hist[i], true
}

// overAnchor says whether what stands in a branch at seq is above an anchor along its feed. Who holds the feed from
// a higher anchor on alone cannot follow it down so far, and takes it for the same
// unless the key has forked.
func (c *Case) overAnchor(a Anchor, b *branch, seq id.Seq) bool {
	at, low := c.content.find(a.Entry)
	for b != at {
		from := b.from
		if from == nil || from.id == a.Entry {
			return from != nil
		}
		if b, _ = c.content.find(from.id); b == nil {
			return from.seq > a.Seq && !c.forked[a.Kid] && len(c.closed[a.Kid]) == 0
		}
		seq = from.seq + 1 // what stands above that
	}
	return low < seq
}

// History says from where on a member is given what is for everybody: limited is false
// for all of it; else the anchors of its feeds by key, and what has none from the
// beginning. The list belongs to the case.
func (c *Case) History(o id.OrgID) (hist []Anchor, limited bool) {
	for i, k := range c.orgOrNone(o).liveIn(c.all) {
		m, ok := k.msg.(*Admit)
		switch {
		case !ok || m.Hist == nil:
			return nil, false
		case i == 0:
			hist = m.Hist
		default:
			hist = lower(hist, m.Hist)
		}
		limited = true
	}
	return hist, limited
}

// Partial are the anchors below which an organisation's ledger may hold nothing: of each
// feed the highest of all its admissions, whatever it was given later. The list belongs
// to the case.
func (c *Case) Partial(o id.OrgID) (hist []Anchor) {
	for _, k := range c.orgOrNone(o).admits {
		m, ok := k.msg.(*Admit)
		switch {
		case !ok || len(m.Hist) == 0:
		case hist == nil:
			hist = m.Hist
		default:
			hist = slices.Concat(m.Hist, hist)
			slices.SortFunc(hist, func(a, b Anchor) int { return cmp.Or(a.compare(b), cmp.Compare(b.Seq, a.Seq)) })
			hist = slices.CompactFunc(hist, func(a, b Anchor) bool { return a.Kid == b.Kid })
		}
	}
	return hist
}

// GivenLess says whether a member is not given the history though an invite that it has
// accepted told that it would be.
func (c *Case) GivenLess(o id.OrgID) bool {
	_, limited := c.History(o)
	return limited && slices.ContainsFunc(c.orgOrNone(o).liveIn(c.all), func(k *node) bool {
		m, ok := k.msg.(*Admit)
		return ok && m.Hist != nil && !m.invite.FromAdmission
	})
}

// Since says since when a member is given what is for everybody, where that is not all of
// it: the earliest of its admissions, Unix milliseconds by their author's clock.
func (c *Case) Since(o id.OrgID) (ms uint64, limited bool) {
	if _, limited = c.History(o); !limited {
		return 0, false
	}
	for i, k := range c.orgOrNone(o).liveIn(c.all) {
		if i == 0 || k.t < ms {
			ms = k.t
		}
	}
	return ms, true
}

// lower is what two admissions give together: of each feed the lower anchor, none
// where one of them has none.
func lower(x, y []Anchor) []Anchor {
	both := []Anchor{}
	for _, a := range x {
		if b, ok := FindAnchor(y, a.Feed()); ok {
			both = append(both, slices.MinFunc([]Anchor{a, b}, func(a, b Anchor) int { return cmp.Compare(a.Seq, b.Seq) }))
		}
	}
	return both
}

// Begins are the anchors at which our own ledger may begin a feed that it does not have:
// those of History, others' feeds alone, where all that the anchor names is here.
func (c *Case) Begins(us id.OrgID) (begins []Anchor) {
	hist, _ := c.History(us)
	for _, a := range hist {
		if o, _ := c.holder(a.Kid, c.all); (o == nil || o.id != us) && c.shows(a) {
			begins = append(begins, a)
		}
	}
	return begins
}

// FromNow are the anchors for an organisation that is admitted now and is not given what
// was written before: the tips of all feeds for everybody that are not its own. Who was
// given no more itself names what it does not hold either.
func (c *Case) FromNow(o, us id.OrgID) []Anchor {
	hist := []Anchor{}
	for name, f := range c.feeds {
		if x, _ := c.holder(name.Kid, c.all); name.Comp != id.Everyone || x != nil && x.id == o {
			continue
		}
		tip := f.branches[0].last()
		for _, b := range f.branches[1:] {
			if x := b.last(); x.seq > tip.seq || x.seq == tip.seq && compareEntries(x.id, tip.id) < 0 {
				tip = x
			}
		}
		hist = append(hist, Anchor{Kid: name.Kid, Seq: tip.seq, Entry: tip.id, LC: tip.lc, Past: c.frontier(tip.past)})
	}
	ours, _ := c.History(us)
	for _, a := range ours {
		if c.feeds[a.Feed()] == nil {
			hist = append(hist, a)
		}
	}
	slices.SortFunc(hist, Anchor.compare)
	return hist
}

// frontier are the entries of a past that are in the past of no other there.
func (c *Case) frontier(past vector) (top []id.EntryID) {
	var tips []*node
	for place, n := range past.all() {
		b := c.control[place]
		tips = append(tips, b.entries[id.Seq(n)-1-b.start()])
	}
	// Whoever forks at will has made many tips: what is in a past has a lower lc, so that
	// one pass from the highest finds all.
	slices.SortFunc(tips, func(a, b *node) int { return cmp.Compare(b.lc, a.lc) })
	var covered vector
	for _, n := range tips {
		if !covered.has(n) {
			top, covered = append(top, n.id), covered.union(n.past)
		}
	}
	slices.SortFunc(top, compareEntries)
	return top
}
