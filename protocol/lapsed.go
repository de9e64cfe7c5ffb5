package protocol

import (
	"cmp"
	"slices"
	"sort"

	"cordon/protocol/id"
)

// maxLapsed bounds the proposals that a config names as lapsed, and so the votes after
// which an organisation may vote once more.
const maxLapsed = 8

// cast are an organisation's votes for the children of a config of one kind on one
// branch, in its order: a past has the first so many of them.
type cast struct {
	place int
	votes []*node
	on    []*config // what each is for
}

// takes notes a vote for one of x's children.
func (x *config) takes(n *node, on *config) {
	v := voter{n.org.id, on.Kind}
	mine := x.cast[v]
	i := slices.IndexFunc(mine, func(b *cast) bool { return b.place == n.branch.place })
	if i < 0 {
		i = len(mine)
		x.cast[v] = append(mine, &cast{place: n.branch.place})
	}
	b := x.cast[v][i]
	b.votes, b.on = append(b.votes, n), append(b.on, on)
}

// in is how many of the votes a past has.
func (b *cast) in(past vector) int {
	held := past.at(b.place)
	if last := len(b.votes) - 1; uint32(b.votes[last].seq) < held {
		return last + 1
	}
	return sort.Search(len(b.votes), func(i int) bool { return uint32(b.votes[i].seq) >= held })
}

// votedIn is what those of an organisation's votes were for that are in a past, cut
// after maxLapsed+1.
func votedIn(all []*cast, past vector) (xs []*config) {
	for _, b := range all {
		n := b.in(past)
		if len(all) == 1 {
			return b.on[:min(n, maxLapsed+1)]
		}
		if xs = append(xs, b.on[:n]...); len(xs) > maxLapsed {
			return xs[:maxLapsed+1]
		}
	}
	return xs
}

// ballots are the votes that a past has for the children of a config of one kind.
type ballots struct {
	c         *Case
	parent    *config
	kind      uint8
	past      vector
	certified bool        // the config is, by this past
	of        []id.OrgID  // who was asked for last,
	voted     [][]*config // and what each of them voted for, cut after maxLapsed+1
}

func (c *Case) ballotsIn(parent *config, kind uint8, past vector) *ballots {
	return &ballots{c: c, parent: parent, kind: kind, past: past, certified: c.certifiedIn(parent, past)}
}

// votes are what each of these organisations voted for, cut after maxLapsed+1.
func (b *ballots) votes(of []id.OrgID) [][]*config {
	if b.voted == nil || !slices.Equal(of, b.of) {
		b.of, b.voted = of, make([][]*config, len(of))
		for i, o := range of {
			b.voted[i] = votedIn(b.parent.cast[voter{o, b.kind}], b.past)
		}
	}
	return b.voted
}

// frees says whether who has voted for these may vote for x: all have lapsed, by what x names.
func (x *config) frees(voted []*config) bool {
	return len(voted) <= maxLapsed && !slices.ContainsFunc(voted, func(y *config) bool { return !slices.Contains(x.lapsed, y) })
}

// able counts those of these organisations that have voted for x or may, up to enough,
// and says whether one has.
func (b *ballots) able(x *config, of []id.OrgID, enough int) (n int, has bool) {
	for i, voted := range b.votes(of) {
		switch {
		case n == enough:
			return n, has
		case x.frees(voted):
			n++
		case slices.Contains(voted, x), len(voted) > maxLapsed && slices.ContainsFunc(x.votes[of[i]], b.past.has):
			n, has = n+1, true
		}
	}
	return n, has
}

// can says whether one organisation has voted for x or may.
func (b *ballots) can(x *config, o id.OrgID) bool {
	n, _ := b.able(x, []id.OrgID{o}, 1)
	return n == 1
}

// voters are those whose votes carry x, stewards by rank, members sorted, and how many
// of them it takes.
func (c *Case) voters(x *config) (os []id.OrgID, need int) {
	if x.Kind == Ordinary {
		return x.parent.Stewards, int(x.parent.Quorum)
	}
	os = c.electorate(x).list
	return os, max(1, (2*len(os)+2)/3)
}

// lapsed says whether a past with these votes, which has some for x, shows that it is
// not carried any more while each organisation votes in one line (spec/authority.md §3).
func (b *ballots) lapsed(x *config) bool {
	if !b.certified || !b.past.has(x.node) || !b.some(x) {
		return false // who could vote for it nobody has to know yet
	}
	voters, need := b.c.voters(x)
	if x.Kind == Succession && len(b.c.outside(x)) > 0 {
		need = len(voters) + 1
	}
	able, voted := b.able(x, voters, need)
	return able < need && voted
}

// some says whether anybody has voted for x.
func (b *ballots) some(x *config) bool {
	for _, votes := range x.votes {
		if slices.ContainsFunc(votes, b.past.has) {
			return true
		}
	}
	return false
}

// checkLapsed judges what a proposal names as lapsed.
func (c *Case) checkLapsed(n *node, f *Config, parent *config) *Refusal {
	if len(f.Lapsed) == 0 {
		return nil
	}
	b := c.ballotsOf(n, parent, f.Kind)
	for _, at := range f.Lapsed {
		if x := c.configs[at]; x == nil || x.parent != parent || x.Kind != f.Kind || !b.lapsed(x) {
			return refuse("not-lapsed", "the config names as lapsed what is not proposed beside it, or can still be carried by what it has seen")
		}
	}
	return nil
}

// ballotsOf are those of a proposal's past. What certifies its parent is not asked again
// of what comes after it.
func (c *Case) ballotsOf(n *node, parent *config, kind uint8) *ballots {
	b := c.ballotsIn(parent, kind, n.past)
	if b.certified {
		n.certifies = parent
	}
	return b
}

// stranded says whether these votes show that the stewards that stay have spent theirs:
// neither what they voted for nor a new config is carried by them alone.
func (b *ballots) stranded(dropped []id.OrgID) bool {
	if !b.certified {
		return false
	}
	next, asked, quorum := &config{}, map[*config]bool{}, int(b.parent.Quorum)
	carry := func(x *config, of []id.OrgID) bool {
		able, _ := b.able(x, of, quorum)
		return able == quorum
	}
	stay := slices.DeleteFunc(slices.Clone(b.parent.Stewards), func(o id.OrgID) bool { return slices.Contains(dropped, o) })
	for _, voted := range slices.Clone(b.votes(stay)) {
		if len(voted) > maxLapsed {
			return false
		}
		for _, x := range voted {
			if asked[x] {
				continue
			}
			if asked[x] = true; carry(x, stay) {
				return false
			}
			if b.lapsed(x) {
				next.lapsed = append(next.lapsed, x)
			}
		}
	}
	return len(next.lapsed) > maxLapsed || !carry(next, stay)
}

// names is what a config is to name as lapsed: all that its voters voted for, of as many
// of them as fit, where all of it has lapsed. One of them comes first, then who voted least.
func (b *ballots) names(voters []id.OrgID, first id.OrgID) (xs []*config) {
	voted := map[id.OrgID][]*config{}
	for i, on := range b.votes(voters) {
		voted[voters[i]] = on
	}
	later := func(o id.OrgID) int {
		if o == first {
			return 0
		}
		return 1 + len(voted[o])
	}
	open := map[*config]bool{}
	for _, o := range slices.SortedFunc(slices.Values(voters), func(o, p id.OrgID) int { return cmp.Or(cmp.Compare(later(o), later(p)), compareOrgs(o, p)) }) {
		more := slices.DeleteFunc(slices.Clone(voted[o]), func(x *config) bool { return slices.Contains(xs, x) })
		fits := len(xs)+len(more) <= maxLapsed && !slices.ContainsFunc(more, func(x *config) bool {
			if _, asked := open[x]; !asked {
				open[x] = !b.lapsed(x)
			}
			return open[x]
		})
		if fits {
			xs = append(xs, more...)
		}
	}
	return xs
}

// name lets a config name what has lapsed by a past: first of what the organisation of the
// key that proposes it voted for.
func (c *Case) name(f *Config, past vector, kid id.Kid) {
	if c.configs[*f.Parent] == nil {
		return
	}
	x := c.drafted(f)
	author, _ := c.OrgOf(kid)
	voters, _ := c.voters(x)
	for _, y := range c.ballotsIn(x.parent, f.Kind, past).names(voters, author) {
		f.Lapsed = append(f.Lapsed, y.ID)
	}
	slices.SortFunc(f.Lapsed, compareEntries)
}
