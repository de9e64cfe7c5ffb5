package protocol_test

import (
	"bytes"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Cases in which votes come free as often as they may (spec/authority.md §3).

// mostLapsed is how many others a proposal may name.
const mostLapsed = 8

// council is a case in which the first so many organisations are stewards, with a head
// of each that has seen their config.
func council(orgs, stewards int, quorum uint8) (g *dag, p *entry.Sealed, heads []*entry.Sealed) {
	g = newDag(orgs)
	f := g.config(id.ConfigID(g.c), 1, protocol.Ordinary, g.orgs(stewards)...)
	f.Quorum = quorum
	p = g.put(0, g.head(0), proposal(f))
	heads = append(heads, g.put(0, p, vote(p)))
	for i := 1; i < orgs; i++ {
		heads = append(heads, g.put(i, nil, alive(0), heads[0]))
	}
	return g, p, heads
}

func (g *dag) orgs(n int) (os []id.OrgID) {
	for _, d := range g.ds[:n] {
		os = append(os, d.Org.ID)
	}
	return os
}

// names says which proposals a config names as lapsed.
func names(f protocol.Config, lapsed []*entry.Sealed) protocol.Config {
	for _, x := range lapsed {
		f.Lapsed = append(f.Lapsed, id.ConfigID(x.ID))
	}
	slices.SortFunc(f.Lapsed, func(a, b id.ConfigID) int { return bytes.Compare(a[:], b[:]) })
	return f
}

// line lets an organisation propose and vote for one config after the other, each of
// which names those before it, and others vote for all of them in turn. Who votes
// elsewhere, which is in the past of after, keeps each from being carried.
func (g *dag) line(f protocol.Config, heads []*entry.Sealed, by int, others ...int) (xs []*entry.Sealed) {
	for range mostLapsed {
		x := g.put(by, heads[by], proposal(names(f, xs)))
		heads[by] = g.put(by, x, vote(x))
		xs = append(xs, x)
	}
	for _, o := range others {
		heads[o] = g.put(o, heads[o], alive(1), heads[by])
		for _, x := range xs {
			heads[o] = g.put(o, heads[o], vote(x))
		}
	}
	return xs
}

// spoil lets organisations vote for a config of their own, and one more see it.
func (g *dag) spoil(f protocol.Config, heads []*entry.Sealed, by int, others []int, seen int) (y *entry.Sealed) {
	y = g.put(by, heads[by], proposal(f))
	heads[by] = g.put(by, y, vote(y))
	for _, o := range others {
		heads[o] = g.put(o, heads[o], vote(y), heads[by])
	}
	g.sees(heads, seen, append(others, by)...)
	return y
}

// sees lets an organisation see the heads of others.
func (g *dag) sees(heads []*entry.Sealed, seen int, others ...int) {
	for at := range slices.Chunk(others, 15) {
		var deps []*entry.Sealed
		for _, o := range at {
			if !slices.ContainsFunc(others, func(z int) bool { return z != o && g.has(heads[z], heads[o]) }) {
				deps = append(deps, heads[o])
			}
		}
		heads[seen] = g.put(seen, heads[seen], alive(2), deps...)
	}
}

// has says whether an entry names another one.
func (g *dag) has(e, x *entry.Sealed) bool { return slices.Contains(e.Deps, x.ID) }

// upTo are the numbers from a to below b.
func upTo(a, b int) (is []int) {
	for i := a; i < b; i++ {
		is = append(is, i)
	}
	return is
}

// namedLapsed: of nine stewards that carry a config together one votes elsewhere, the
// others for as much as they may; then one of them proposes without end, and names it all.
func namedLapsed(n int) []*entry.Sealed {
	g, p, heads := council(9, 9, 9)
	f := g.config(p.ID, 2, protocol.Ordinary, g.orgs(9)...)
	g.spoil(f, heads, 8, nil, 0)
	xs := g.line(f, heads, 0, upTo(1, 8)...)
	g.sees(heads, 0, upTo(1, 8)...)
	for len(g.es) < n {
		heads[0] = g.put(0, heads[0], proposal(names(f, xs)))
	}
	return g.es
}

// freedVotes: stewards vote on each of their branches for as much as they may.
func freedVotes(n int) []*entry.Sealed {
	g, p, heads := council(9, 9, 9)
	f := g.config(p.ID, 2, protocol.Ordinary, g.orgs(9)...)
	g.spoil(f, heads, 8, nil, 0)
	g.manyVotes(g.line(f, heads, 0), heads, n, 1, 2, 3)
	return g.es
}

// manyVotes lets organisations vote for all of these on as many branches as they can.
func (g *dag) manyVotes(xs, heads []*entry.Sealed, n int, by ...int) {
	for _, o := range by {
		root := g.put(o, heads[o], alive(1), heads[0])
		for i := 0; i < maxBranches-1 && len(g.es) < n; i++ {
			heads[o] = root
			for _, x := range xs {
				heads[o] = g.put(o, heads[o], other(vote(x), i))
			}
		}
	}
}

// freedAndNamed: one steward does so, and another, that has seen two of its branches,
// proposes without end, and names it all.
func freedAndNamed(n int) []*entry.Sealed {
	g, p, heads := council(9, 9, 9)
	f := g.config(p.ID, 2, protocol.Ordinary, g.orgs(9)...)
	g.spoil(f, heads, 8, nil, 0)
	xs := g.line(f, heads, 0)
	g.manyVotes(xs, heads, n/2, 1)
	heads[0] = g.put(0, heads[0], alive(4), sorted(heads[1], g.es[len(g.es)-1-len(xs)])...)
	for len(g.es) < n {
		heads[0] = g.put(0, heads[0], proposal(names(f, xs)))
	}
	return g.es
}

// strandedOnes: of nine stewards five carry a config, four vote for one line, four for
// another and one for something else: a member proposes successions of that one.
func strandedOnes(n int) []*entry.Sealed {
	g, p, heads := council(10, 9, 5)
	g.strand(p, heads)
	at := heads[9]
	for len(g.es) < n {
		at = g.put(9, at, proposal(g.without(p, 8, heads[8])))
	}
	return g.es
}

// strand spends the votes of all nine, and lets the tenth see it.
func (g *dag) strand(p *entry.Sealed, heads []*entry.Sealed) {
	f := g.config(p.ID, 2, protocol.Ordinary, g.orgs(9)...)
	f.Quorum = 5
	z := g.spoil(f, heads, 8, nil, 0)
	heads[4] = g.put(4, heads[4], alive(1), heads[8])
	other := f
	other.Quorum = 6
	x := g.put(0, heads[0], proposal(f))
	heads[0] = g.put(0, x, vote(x))
	for _, o := range upTo(1, 4) {
		heads[o] = g.put(o, heads[o], vote(x), heads[0])
	}
	y := g.put(4, heads[4], proposal(other))
	heads[4] = g.put(4, y, vote(y))
	for _, o := range upTo(5, 8) {
		heads[o] = g.put(o, heads[o], vote(y), heads[4])
	}
	firsts := slices.Clone(heads)
	heads[0] = g.put(0, heads[0], alive(3), firsts[5:8]...)
	heads[4] = g.put(4, heads[4], alive(3), firsts[1:4]...)
	g.halves(heads, x, f, 0, z)
	g.halves(heads, y, other, 4, z)
	g.sees(heads, 9, upTo(1, 4)...)
	g.sees(heads, 9, upTo(5, 8)...)
}

// halves lets four stewards go on from a first vote for as much as they may. The last
// of it names what the ninth voted for: with it that could be carried.
func (g *dag) halves(heads []*entry.Sealed, first *entry.Sealed, f protocol.Config, by int, z *entry.Sealed) {
	xs := []*entry.Sealed{first}
	for len(xs) < mostLapsed {
		lapsed := xs
		if len(xs) == mostLapsed-1 {
			lapsed = append(slices.Clone(xs), z)
		}
		x := g.put(by, heads[by], proposal(names(f, lapsed)))
		heads[by] = g.put(by, x, vote(x))
		xs = append(xs, x)
	}
	for o := by + 1; o < by+4; o++ {
		heads[o] = g.put(o, heads[o], alive(1), heads[by])
		for _, x := range xs[1:] {
			heads[o] = g.put(o, heads[o], vote(x))
		}
	}
}

// without is a succession of one steward of the nine, up to an entry of it.
func (g *dag) without(p *entry.Sealed, o int, last *entry.Sealed) protocol.Config {
	f := g.config(p.ID, 2, protocol.Succession, slices.Delete(g.orgs(9), o, o+1)...)
	f.Basis = []protocol.Place{place(last)}
	f.Cuts = []protocol.Cut{{Org: g.ds[o].Org.ID, Places: f.Basis}}
	return f
}

// voteByVote: a steward votes on many branches, and another, that proposes without end,
// has seen one vote more each time.
func voteByVote(n int) []*entry.Sealed {
	g, p, heads := council(9, 9, 9)
	f := g.config(p.ID, 2, protocol.Ordinary, g.orgs(9)...)
	g.spoil(f, heads, 8, nil, 0)
	xs := g.line(f, heads, 0)
	g.seenOneByOne(n, f, xs, xs, heads, 0, 1, 2, 3)
	return g.es
}

// seenOneByOne lets an organisation name these as lapsed after each vote that others give
// for some of them on branches.
func (g *dag) seenOneByOne(n int, f protocol.Config, xs, on, heads []*entry.Sealed, by int, others ...int) {
	f = names(f, xs)
	for _, o := range others {
		root := g.put(o, heads[o], alive(1), heads[by])
		for i := 0; i < maxBranches-1; i++ {
			at := root
			for _, x := range on {
				if len(g.es) >= n {
					return
				}
				at = g.put(o, at, other(vote(x), i))
				heads[by] = g.put(by, heads[by], proposal(f), at)
			}
		}
	}
}

// lapsedSuccessions: of a hundred members a third votes for one succession, the others
// for as many as they may; then one of them proposes without end, and names them all.
func lapsedSuccessions(n int) []*entry.Sealed {
	g, xs, f, heads := electors(n, 101)
	for len(g.es) < n {
		heads[1] = g.put(1, heads[1], proposal(names(f, xs)))
	}
	return g.es
}

// electorsOneByOne: the same, and some members' keys fork: the one that proposes has seen
// one vote more each time.
func electorsOneByOne(n int) []*entry.Sealed {
	g, xs, f, heads := electors(n, 101)
	g.seenOneByOne(n, f, xs, xs, heads, 1, 2, 3, 4, 5)
	return g.es
}

func electors(n, orgs int) (g *dag, xs []*entry.Sealed, f protocol.Config, heads []*entry.Sealed) {
	orgs = min(orgs, n/80+4)
	g = newDag(orgs)
	heads = []*entry.Sealed{g.head(0)}
	for i := 1; i < orgs; i++ {
		heads = append(heads, g.put(i, nil, alive(0), heads[0]))
	}
	g.t += protocol.Silence
	f = g.config(id.ConfigID(g.c), 1, protocol.Succession, g.ds[1].Org.ID)
	f.Basis = []protocol.Place{place(heads[0])}
	f.Cuts = []protocol.Cut{{Org: g.ds[0].Org.ID, Places: f.Basis}}
	third := orgs - 1 - (orgs-2)/3 - 1
	g.spoil(f, heads, orgs-1, upTo(third, orgs-1), 1)
	xs = g.line(f, heads, 1, upTo(6, third)...)
	g.sees(heads, 1, upTo(6, third)...)
	return g, xs, f, heads
}

// deepLapsed: a long chain, and proposals at its end that name what has lapsed there.
func deepLapsed(n int) []*entry.Sealed {
	g, p, heads := deep(n, 2, 2)
	f := g.config(p.ID, uint64(n/4)+2, protocol.Ordinary, g.orgs(2)...)
	g.spoil(f, heads, 1, nil, 0)
	x := g.put(0, heads[0], proposal(f))
	heads[0] = g.put(0, x, vote(x))
	for len(g.es) < n {
		heads[0] = g.put(0, heads[0], proposal(names(f, []*entry.Sealed{x})))
	}
	return g.es
}

// deep is a chain whose last config has some of the stewards.
func deep(n, stewards int, quorum uint8) (g *dag, p *entry.Sealed, heads []*entry.Sealed) {
	g = newDag(4)
	last, parent := g.head(0), id.ConfigID(g.c)
	for i := range uint64(n / 4) {
		q := g.put(0, last, proposal(g.config(parent, i+1, protocol.Ordinary, g.ds[0].Org.ID)))
		last = g.put(0, q, vote(q))
		parent = q.ID
	}
	f := g.config(parent, uint64(n/4)+1, protocol.Ordinary, g.orgs(stewards)...)
	f.Quorum = quorum
	p = g.put(0, last, proposal(f))
	heads = append(heads, g.put(0, p, vote(p)))
	for i := 1; i < len(g.ds); i++ {
		heads = append(heads, g.put(i, nil, alive(0), heads[0]))
	}
	return g, p, heads
}

// deepStranded: a long chain, and successions at its end beside a quorum.
func deepStranded(n int) []*entry.Sealed {
	g, p, heads := deep(n, 3, 2)
	last := g.put(2, heads[2], alive(3))
	at := g.put(3, heads[3], alive(3), last)
	f := g.config(p.ID, uint64(n/4)+2, protocol.Succession, g.orgs(2)...)
	f.Basis = []protocol.Place{place(last)}
	f.Cuts = []protocol.Cut{{Org: g.ds[2].Org.ID, Places: f.Basis}}
	for len(g.es) < n {
		at = g.put(3, at, proposal(f))
	}
	return g.es
}
