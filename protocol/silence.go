package protocol

import (
	"slices"
	"sort"

	"cordon/protocol/id"
)

// Quiet is a silence of which a succession may come: stewards of the config in force
// that have written no control entry since somebody noted it, where the others are no
// quorum or are stranded. Nothing of it decides: whose vote counts is for §6 of spec/authority.md.
type Quiet struct {
	Stewards []id.OrgID // who is silent, by rank
	Noted    []Noted    // which of the other members have noted it, sorted
	Missing  []id.OrgID // and which have not, sorted
}

// Noted is when an organisation first wrote something after all that is here of who
// is silent: Unix milliseconds, by its own clock. Its vote counts Silence later.
type Noted struct {
	Org id.OrgID
	T   uint64
}

// Quiet is the silence that is noted in the case, by what is here; ok is false when
// there is none. A silence is noted by a sign of life that is nobody's duty.
func (c *Case) Quiet() (q Quiet, ok bool) {
	if len(c.chain) == 0 {
		return q, false
	}
	tip := c.chain[len(c.chain)-1]
	for _, o := range tip.Stewards {
		if c.unheard(tip, o) {
			q.Stewards = append(q.Stewards, o)
		}
	}
	if len(q.Stewards) == 0 || len(tip.Stewards)-len(q.Stewards) >= int(tip.Quorum) && !c.ballotsIn(tip, Ordinary, c.writable()).stranded(q.Stewards) {
		return Quiet{}, false
	}
	since := &config{Config: &Config{Basis: c.placesIn(c.all, q.Stewards)}, parent: tip}
	for o, member := range c.orgs {
		if slices.Contains(q.Stewards, o) || !c.member(member) {
			continue
		}
		if t, ok := c.noted(since, &node{org: member, past: c.all}); ok {
			q.Noted = append(q.Noted, Noted{o, t})
		} else {
			q.Missing = append(q.Missing, o)
		}
	}
	slices.SortFunc(q.Noted, func(a, b Noted) int { return compareOrgs(a.Org, b.Org) })
	slices.SortFunc(q.Missing, compareOrgs)
	return q, true
}

// unheard says whether another organisation has noted that o is silent, under the
// config in force, and o has written nothing since. Who noted a silence itself, less than
// AliveAfter before, is there.
func (c *Case) unheard(tip *config, o id.OrgID) bool {
	var own []*branch
	for _, b := range c.control {
		if holder, _ := c.holder(b.feed.name.Kid, c.all); holder != nil && holder.id == o {
			own = append(own, b)
		}
	}
	sees := func(w *node) bool {
		return w.past.has(tip.node) && !slices.ContainsFunc(own, func(b *branch) bool { return w.past.at(b.place) < c.all.at(b.place) })
	}
	waits := func(w *node) bool {
		return slices.ContainsFunc(own, func(b *branch) bool { return c.notes(tip, b, len(b.entries)-1) && w.t < b.tip.t+AliveAfter })
	}
	for _, b := range c.control {
		from := sort.Search(len(b.entries), func(i int) bool { return sees(b.entries[i]) })
		for i := from; i < len(b.entries); i++ {
			if w := b.entries[i]; w.org != nil && w.org.id != o && c.notes(tip, b, i) && !waits(w) {
				return true
			}
		}
	}
	return false
}

// notes says whether the i-th entry of a branch is a sign of life that its daemon did
// not owe: of a member that is no steward, or before the last word is old.
func (c *Case) notes(tip *config, b *branch, i int) bool {
	w := b.entries[i]
	if w.kind == nil || w.kind.typ != aliveKind.typ || !w.honoured() || !c.member(c.orgs[w.org.id]) {
		return false
	}
	return !tip.steward(w.org.id) || i > 0 && w.t < b.entries[i-1].t+AliveAfter
}
