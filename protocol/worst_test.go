package protocol_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// dag is a case whose entries are written without a fold, as many as one likes.
type dag struct {
	c   id.CaseID
	es  []*entry.Sealed
	lc  map[id.EntryID]uint64
	ds  []*link.Daemon
	fin map[id.ConfigID]uint64 // n of a config
	t   uint64
}

// newDag is a case of the first so many organisations, all admitted by the first.
func newDag(orgs int) *dag {
	ds := crowd(orgs)
	g := &dag{c: ds[0].Case.ID(), lc: map[id.EntryID]uint64{}, ds: ds, fin: map[id.ConfigID]uint64{}, t: link.Start}
	g.es = inOrder(ds[0])
	for _, e := range g.es {
		g.lc[e.ID] = e.LC
	}
	return g
}

// head is an organisation's last control entry so far, or the steward's.
func (g *dag) head(org int) *entry.Sealed {
	for _, e := range slices.Backward(g.es) {
		if e.Control() && e.Kid == g.ds[org].Kid {
			return e
		}
	}
	return nil
}

// put writes with an organisation's key after any entry (nil: at seq 0).
func (g *dag) put(org int, prev *entry.Sealed, f entry.Fields, deps ...*entry.Sealed) *entry.Sealed {
	d := g.ds[org]
	f.Case, f.T = g.c, g.t
	if prev != nil {
		f.Seq, f.Prev, f.LC, f.T = prev.Seq+1, prev.ID, prev.LC, max(g.t, prev.T)
	}
	for _, x := range deps {
		f.Deps = append(f.Deps, x.ID)
		f.LC = max(f.LC, x.LC)
	}
	slices.SortFunc(f.Deps, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
	f.LC++
	e := must(f.Seal(d.Key))
	g.es = append(g.es, e)
	return e
}

// alive is the smallest control entry; n makes it another one.
func alive(n int) entry.Fields {
	return other(fields(&protocol.Alive{}), n)
}

// other is f, told apart by a cfg that nobody reads.
func other(f entry.Fields, n int) entry.Fields {
	f.Cfg = &id.ConfigID{byte(n), byte(n >> 8), byte(n >> 16), 1}
	return f
}

func (g *dag) config(parent id.ConfigID, n uint64, kind uint8, stewards ...id.OrgID) protocol.Config {
	return protocol.Config{Parent: &parent, N: n, Stewards: stewards, Quorum: uint8(len(stewards)/2 + 1), Rules: 1, Kind: kind}
}

func proposal(f protocol.Config) entry.Fields { return fields(&protocol.Propose{Config: f}) }

func vote(c *entry.Sealed) entry.Fields { return fields(&protocol.Endorse{Config: c.ID}) }

// The worst that one could think of, by name. Each is a case of about n entries.
var worst = []struct {
	name string
	make func(n int) []*entry.Sealed
}{
	{"checkpoints", checkpoints},
	{"checkpoints with acts that wait", waitingActs},
	{"stewards come and go", comeAndGo},
	{"proposals of one parent", siblings},
	{"votes on branches", branchVotes},
	{"successions and votes on branches", successions},
	{"removals of old pasts", oldRemovals},
	{"claims by who is only named", namedClaims},
	{"forks below acts", forksBelowActs},
	{"cuts", repeatedCuts},
	{"proofs of one fork", proofs},
	{"joins of branches", joins},
	{"admissions", admissions},
	{"removals and admissions", readmissions},
	{"reports, removals and admissions", comebacks},
	{"acts under votes that they do not know", lostVotes},
	{"organisations that nobody knows", inventions},
	{"forks of content that are carried", carriedForks},
	{"histories of one organisation", histories},
	{"histories that are not heard of", namesUnheard},
	{"identities on branches", identities},
	{"status on another branch", registers},
	{"compartments on branches", compartments},
	{"successions nobody votes for", unvoted},
	{"successions of a lead that forks", forkedLead},
	{"proposals that name lapsed ones", namedLapsed},
	{"votes that come free on branches", freedVotes},
	{"lapsed ones with votes on branches", freedAndNamed},
	{"successions of stranded stewards", strandedOnes},
	{"successions that name lapsed ones", lapsedSuccessions},
	{"lapsed ones, seen vote by vote", voteByVote},
	{"lapsed successions, seen vote by vote", electorsOneByOne},
	{"lapsed ones at the end of a chain", deepLapsed},
	{"stranded at the end of a chain", deepStranded},
	{"large and not well formed", garbage},
	{"everything", everything},
}

// costly are those whose entries have more signatures checked than the limits of a
// feed allow it: by making feeds, or branches of one, for which a ledger asks a
// signature of their own.
var costly = []struct {
	name string
	make func(n int) []*entry.Sealed
}{
	{"admissions on branches", branchAdmissions},
	{"keys that bring themselves", newKeys},
}

// checkpoints: a sole steward that proposes and votes, again and again.
func checkpoints(n int) []*entry.Sealed {
	g := newDag(3)
	last, parent := g.head(0), id.ConfigID(g.c)
	for i := range uint64(n / 2) {
		f := g.config(parent, i+1, protocol.Ordinary, g.ds[0].Org.ID)
		f.Heads = []protocol.Place{place(last)}
		p := g.put(0, last, proposal(f))
		last = g.put(0, p, vote(p))
		parent = p.ID
	}
	return g.es
}

// waitingActs: between each proposal and its vote stands an act that cites it.
func waitingActs(n int) []*entry.Sealed {
	g := newDag(3)
	last, parent := g.head(0), id.ConfigID(g.c)
	for i := range uint64(n / 3) {
		p := g.put(0, last, proposal(g.config(parent, i+1, protocol.Ordinary, g.ds[0].Org.ID)))
		f := fields(&protocol.Remove{Org: g.ds[1].Org.ID})
		f.Cfg = (*id.ConfigID)(&p.ID)
		last = g.put(0, g.put(0, p, f), vote(p))
		parent = p.ID
	}
	return g.es
}

// comeAndGo: each config adds a steward or drops it; acts cite the oldest.
func comeAndGo(n int) []*entry.Sealed {
	g := newDag(3)
	last, parent := g.head(0), id.ConfigID(g.c)
	genesis := parent
	a, b := g.ds[0].Org.ID, g.ds[1].Org.ID
	for i := range uint64(n / 4) {
		f := g.config(parent, i+1, protocol.Ordinary, a)
		if i%2 == 0 {
			f.Stewards, f.Quorum = []id.OrgID{a, b}, 2
		} else {
			f.Cuts = []protocol.Cut{{Org: b}}
		}
		p := g.put(0, last, proposal(f))
		last = g.put(0, p, vote(p))
		if i%2 == 1 { // two votes
			bPrev := g.headOrNil(1)
			v := g.put(1, bPrev, vote(p), p)
			last = g.put(0, last, alive(0), v)
		}
		parent = p.ID
	}
	for i := range n / 4 {
		f := fields(&protocol.Remove{Org: g.ds[2].Org.ID, Code: uint8(i % 16)})
		f.Cfg = &genesis
		last = g.put(0, last, f)
	}
	return g.es
}

func (g *dag) headOrNil(org int) *entry.Sealed { return g.head(org) }

// siblings: one steward proposes children of one parent without end, and votes for
// each, which counts once.
func siblings(n int) []*entry.Sealed {
	g := newDag(3)
	last := g.head(0)
	var ps []*entry.Sealed
	for i := range n / 2 {
		f := g.config(id.ConfigID(g.c), 1, protocol.Ordinary, g.ds[0].Org.ID, g.ds[1].Org.ID)
		f.Rules = uint64(i + 1)
		last = g.put(0, last, proposal(f))
		ps = append(ps, last)
	}
	for _, p := range ps {
		last = g.put(0, last, vote(p))
	}
	return g.es
}

// maxBranches is what a ledger keeps of one feed.
const maxBranches = 512

// branchVotes: a steward of three votes on each of its branches for another
// proposal, and then once more, and so on.
func branchVotes(n int) []*entry.Sealed {
	g := newDag(4)
	a, b, c := g.ds[0].Org.ID, g.ds[1].Org.ID, g.ds[2].Org.ID
	p := g.put(0, g.head(0), proposal(g.config(id.ConfigID(g.c), 1, protocol.Ordinary, a, b, c)))
	last := g.put(0, p, vote(p))
	var ps []*entry.Sealed
	for i := range n / 4 {
		f := g.config(p.ID, 2, protocol.Ordinary, a, b)
		f.Cuts = []protocol.Cut{{Org: c}}
		f.Rules = uint64(i + 1)
		last = g.put(0, last, proposal(f))
		ps = append(ps, last)
	}
	root := g.put(1, nil, alive(0), last)
	for i := 0; len(g.es) < n; i++ {
		at := g.put(1, root, vote(ps[i%len(ps)]))
		for j := range max(1, (n-3*n/8)/maxBranches-1) {
			at = g.put(1, at, vote(ps[(i+j*7)%len(ps)]))
		}
	}
	return g.es
}

// successions: a member proposes one after the other, and votes for another on
// each of its branches, its clock where it likes.
func successions(n int) []*entry.Sealed {
	g := newDag(12)
	last := g.head(0)
	for i := range n / 4 { // the steward has written a lot
		last = g.put(0, last, alive(i))
	}
	lead := last
	var chain []*entry.Sealed
	for _, e := range g.es {
		if e.Kid == g.ds[0].Kid {
			chain = append(chain, e)
		}
	}
	at := g.put(1, nil, alive(0), lead)
	var ps []*entry.Sealed
	for i := range n / 4 {
		f := g.config(id.ConfigID(g.c), 1, protocol.Succession, g.ds[1].Org.ID)
		from := chain[len(chain)-1-i%(len(chain)/2)]
		f.Basis = []protocol.Place{place(lead)}
		f.Cuts = []protocol.Cut{{Org: g.ds[0].Org.ID, Places: []protocol.Place{place(from)}}}
		at = g.put(1, at, proposal(f))
		ps = append(ps, at)
	}
	g.t += protocol.Silence
	root := at
	for i := 0; len(g.es) < n; i++ {
		if i%maxBranches < maxBranches {
			b := g.put(1, root, vote(ps[i%len(ps)]))
			for j := range max(1, n/2/maxBranches-1) {
				b = g.put(1, b, alive(i*1000+j))
			}
		}
	}
	return g.es
}

// oldRemovals: a long chain, and acts on another daemon's feed that have seen little of it.
func oldRemovals(n int) []*entry.Sealed {
	g := newDag(4)
	a, b := g.ds[0].Org.ID, g.ds[1].Org.ID
	p := g.put(0, g.head(0), func() entry.Fields {
		f := g.config(id.ConfigID(g.c), 1, protocol.Ordinary, a, b)
		return proposal(f)
	}())
	v := g.put(0, p, vote(p))
	last, parent := v, p
	other := g.put(1, nil, alive(0), v)
	for i := range uint64(n / 4) {
		q := g.put(0, last, proposal(g.config(parent.ID, i+2, protocol.Ordinary, a, b)))
		last = g.put(0, q, vote(q))
		w := g.put(2, nil, alive(int(i)), last)
		_ = w
		parent = q
	}
	for i := range n / 4 {
		f := fields(&protocol.Remove{Org: g.ds[2].Org.ID, Code: uint8(i % 16)})
		f.Cfg = (*id.ConfigID)(&p.ID)
		other = g.put(1, other, f)
	}
	return g.es
}

// namedClaims: an organisation that nobody admitted is named in proposals without
// number, and claims.
func namedClaims(n int) []*entry.Sealed {
	g := newDag(2)
	x := link.NewDaemon(nil, "named")
	g.ds = append(g.ds, x)
	f := fields(&protocol.Ident{Events: x.Org.Events})
	f.Cfg = (*id.ConfigID)(&g.c)
	last := g.put(0, g.head(0), f)
	for i := range n / 2 {
		f := g.config(id.ConfigID(g.c), 1, protocol.Ordinary, x.Org.ID, g.ds[0].Org.ID)
		f.Rules = uint64(i + 1)
		last = g.put(0, last, proposal(f))
	}
	at := g.put(2, nil, fields(&protocol.Claim{What: protocol.Public}), last)
	for len(g.es) < n {
		at = g.put(2, at, fields(&protocol.Claim{What: protocol.Public}))
	}
	return g.es
}

// forksBelowActs: a steward's acts, and then second entries at their places, the
// highest first.
func forksBelowActs(n int) []*entry.Sealed {
	g := newDag(3)
	last := g.head(0)
	acts := []*entry.Sealed{last}
	c0 := id.ConfigID(g.c)
	for i := range n - maxBranches - len(g.es) {
		f := fields(&protocol.Remove{Org: g.ds[1].Org.ID, Code: uint8(i % 16)})
		f.Cfg = &c0
		last = g.put(0, last, f)
		acts = append(acts, last)
	}
	for i := range maxBranches - 1 {
		g.put(0, acts[len(acts)-2-i], alive(i))
	}
	return g.es
}

// proofs: a member forks; another shows it without end on its branches, and a
// third depends on what came later.
func proofs(n int) []*entry.Sealed {
	g := newDag(5)
	lead := g.head(0)
	root := g.put(1, nil, alive(0), lead)
	a, b := g.put(1, root, alive(1)), g.put(1, root, alive(2))
	m := &protocol.Fork{A: a.ID, B: b.ID}
	if bytes.Compare(a.ID[:], b.ID[:]) > 0 {
		m.A, m.B = m.B, m.A
	}
	base := g.put(2, nil, alive(0), a, b)
	var tips []*entry.Sealed
	for i := range min(maxBranches, n/4) {
		tips = append(tips, g.put(2, base, other(fields(m), i)))
	}
	late := a
	for i := range n / 4 {
		late = g.put(1, late, alive(i+9))
	}
	at := g.put(3, nil, alive(0), lead)
	for i := 0; i < len(tips); i += 15 {
		at = g.put(3, at, alive(i), tips[i:min(i+15, len(tips))]...)
	}
	for i := 0; len(g.es) < n; i++ {
		at = g.put(3, at, alive(i), late)
	}
	return g.es
}

// joins: two families of branches of one key, and entries that join both, each on
// its own.
func joins(n int) []*entry.Sealed {
	g := newDag(6)
	lead := g.head(0)
	root := g.put(1, nil, alive(0), lead)
	families := [2][]*entry.Sealed{}
	for i := range maxBranches {
		families[i%2] = append(families[i%2], g.put(1, root, alive(i+1)))
	}
	var both []*entry.Sealed
	for k, family := range families {
		at := g.put(2+k, nil, alive(0), lead)
		for i := 0; i < len(family); i += 15 {
			at = g.put(2+k, at, alive(i), family[i:min(i+15, len(family))]...)
		}
		both = append(both, at)
	}
	base := g.put(4, nil, alive(0), lead)
	for i := 0; len(g.es) < n; i++ {
		at := base
		if i >= maxBranches { // a ledger keeps no more branches: they grow instead
			at = g.es[len(g.es)-maxBranches]
			g.put(4, at, alive(i))
			continue
		}
		g.put(4, at, alive(i), sorted(slices.Clone(both)...)...)
	}
	return g.es
}

// identities: a member shows the same new identity events on each of its branches,
// and goes on where it showed them last.
func identities(n int) []*entry.Sealed {
	g := newDag(3)
	d := g.ds[1]
	var events [][]byte
	for i := range 40 {
		events = append(events, must(d.Org.Rename(d.Root, fmt.Sprint("name ", i), nil)))
		d.Org = must(d.Org.Extend(events[i]))
	}
	root := g.put(1, nil, alive(0), g.head(0))
	var at *entry.Sealed
	for i := range min(maxBranches, n/100) {
		at = g.put(1, root, other(fields(&protocol.Ident{Events: events}), i))
	}
	for i := 0; len(g.es) < n; i++ {
		at = g.put(1, at, alive(i))
	}
	return g.es
}

// registers: a member reports a lot on one branch, and nothing that counts on another,
// which is later by its Lamport numbers.
func registers(n int) []*entry.Sealed {
	g := newDag(3)
	last := g.head(0)
	root := g.put(1, nil, fields(&protocol.Status{RM: protocol.RMAccepted}), last)
	at := root
	for i := range n / 3 {
		last = g.put(0, last, alive(i))
		at = g.put(1, at, fields(&protocol.Status{RM: []protocol.RM{protocol.RMDeferred, protocol.RMAccepted}[i%2]}))
	}
	at = g.put(1, root, alive(0), last)
	for len(g.es) < n {
		at = g.put(1, at, fields(&protocol.Status{RM: protocol.RMInvalid}))
	}
	return g.es
}

// compartments: a member opens as many as it may on each of its branches.
func compartments(n int) []*entry.Sealed {
	g := newDag(3)
	root := g.put(1, nil, alive(0), g.head(0))
	m := protocol.NewCompartment(g.ds[1].Org.ID)
	for i := 0; len(g.es) < n; i++ {
		at := g.put(1, root, other(fields(m), i))
		for range max(1, n/maxBranches-1) {
			at = g.put(1, at, fields(m))
		}
	}
	return g.es
}

// unvoted: a member proposes successions without number after a config that is
// carried only then.
func unvoted(n int) []*entry.Sealed {
	g := newDag(12)
	a := g.ds[0].Org.ID
	p := g.put(0, g.head(0), proposal(g.config(id.ConfigID(g.c), 1, protocol.Ordinary, a)))
	at := g.put(1, nil, alive(0), p)
	for i := range n/2 - len(g.es) {
		f := g.config(p.ID, 2, protocol.Succession, g.ds[1].Org.ID)
		f.Basis, f.Cuts, f.Rules = []protocol.Place{place(p)}, []protocol.Cut{{Org: a}}, uint64(i+1)
		at = g.put(1, at, proposal(f))
	}
	last := g.put(0, p, vote(p))
	for len(g.es) < n {
		last = g.put(0, last, alive(0))
	}
	return g.es
}

// forkedLead: the steward that has admitted all has signed on as many branches as
// a ledger keeps, and a member proposes, and votes for, successions of it.
func forkedLead(n int) []*entry.Sealed {
	g := newDag(60)
	lead := g.head(0)
	early := g.es[1]
	var branches []*entry.Sealed
	for i := range maxBranches - 1 {
		branches = append(branches, g.put(0, early, alive(i)))
	}
	for i := 0; i < len(branches); i += 15 {
		lead = g.put(0, lead, alive(i), sorted(slices.Clone(branches[i:min(i+15, len(branches))])...)...)
	}
	at := g.put(1, nil, alive(0), lead)
	c0 := id.ConfigID(g.c)
	var ps []*entry.Sealed
	for i := range n / 50 {
		f := g.config(c0, 1, protocol.Succession, g.ds[1].Org.ID)
		f.Basis, f.Cuts, f.Rules = []protocol.Place{place(lead)}, []protocol.Cut{{Org: g.ds[0].Org.ID}}, uint64(i+1)
		at = g.put(1, at, proposal(f))
		ps = append(ps, at)
	}
	g.t += protocol.Silence
	for i := range ps[:min(len(ps), maxBranches-1)] {
		g.put(1, at, vote(ps[i]))
	}
	return g.es
}

// garbage: identity events of which none is well formed, as large as an entry.
func garbage(n int) []*entry.Sealed {
	g := newDag(2)
	at := g.put(1, nil, alive(0), g.head(0))
	m := &protocol.Ident{Events: [][]byte{make([]byte, 60_000)}}
	for range n / 20 {
		at = g.put(1, at, fields(m))
		*at = *must(entry.Parse(slices.Clone(at.Raw)))
	}
	return g.es
}

// everything is a random mix: eleven members, of whom three are stewards, one
// forks at will, and all write anything.
func everything(n int) []*entry.Sealed {
	rng := rand.New(rand.NewPCG(1, 5))
	g := newDag(12)
	a := g.ds[0].Org.ID
	p := g.put(0, g.head(0), proposal(g.config(id.ConfigID(g.c), 1, protocol.Ordinary, a, g.ds[1].Org.ID, g.ds[2].Org.ID)))
	v := g.put(0, p, vote(p))
	tips := make([][]*entry.Sealed, len(g.ds))
	tips[0] = []*entry.Sealed{v}
	for i := range g.ds[1:] {
		tips[i+1] = []*entry.Sealed{g.put(i+1, nil, alive(0), v)}
	}
	confs := []*entry.Sealed{p}
	num := map[id.EntryID]uint64{p.ID: 1}
	for len(g.es) < n {
		o := rng.IntN(len(g.ds))
		at := rng.IntN(len(tips[o]))
		prev := tips[o][at]
		var deps []*entry.Sealed
		for range rng.IntN(3) {
			q := rng.IntN(len(g.ds))
			if x := tips[q][rng.IntN(len(tips[q]))]; q != o && !slices.Contains(deps, x) {
				deps = append(deps, x)
			}
		}
		f := g.anything(rng, o, confs, num)
		e := g.put(o, prev, f, deps...)
		if f.Type == 2 {
			m, _ := protocol.Read(e)
			num[e.ID] = m.(*protocol.Propose).Config.N
			confs = append(confs, e)
		}
		if o == 3 && len(tips[o]) < maxBranches && rng.IntN(4) == 0 {
			tips[o] = append(tips[o], g.put(o, prev, alive(len(g.es))))
		}
		tips[o][at] = e
	}
	return g.es
}

func (g *dag) anything(rng *rand.Rand, o int, confs []*entry.Sealed, num map[id.EntryID]uint64) entry.Fields {
	p := confs[max(0, len(confs)-1-rng.IntN(20))]
	who := g.ds[rng.IntN(len(g.ds))].Org.ID
	switch rng.IntN(10) {
	case 0:
		f := g.config(p.ID, num[p.ID]+1, protocol.Ordinary, g.ds[0].Org.ID, g.ds[1].Org.ID, g.ds[2].Org.ID)
		return proposal(f)
	case 1, 2:
		return vote(p)
	case 3, 4:
		f := fields(&protocol.Remove{Org: who})
		f.Cfg = (*id.ConfigID)(&p.ID)
		return f
	case 5:
		return fields(&protocol.Claim{What: protocol.What(1 + rng.IntN(3))})
	case 6:
		return fields(&protocol.Status{RM: protocol.RM(2 + rng.IntN(5))})
	case 7:
		return fields(&protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", 1+rng.IntN(60000))}})
	}
	return alive(rng.IntN(1 << 20))
}
