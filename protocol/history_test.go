package protocol_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// history is a set of entries that several daemons wrote with different
// knowledge, in the order of writing, which is one causal order of many.
// Nothing keeps the daemons to the rules.
type history struct {
	script []uint16 // every choice, in turn; zero when it is used up
	clock  func(i int) uint64
	later  []uint64 // by organisation: what it has waited, milliseconds
	honest bool     // no organisation votes for two children of one config
	calm   bool     // nobody forks

	ds    []*link.Daemon // organisations: their chains as they know them, their root keys
	ws    []*writer
	pool  []*entry.Sealed
	at    map[id.EntryID]int // place in the pool
	past  []set              // by place: the control entries before it
	known *protocol.Case     // everything: where to aim

	confs  []proposed
	idents []shownEvents
	votes  []voted
	forks  [][2]int
	claims []id.EntryID
	plans  []id.EntryID
	rooms  []id.Comp
	terms  []protocol.Agreement // that were proposed
	keys   int
}

// writer is a daemon: a key with what it has seen.
type writer struct {
	org  int
	name string
	key  ed25519.PrivateKey
	kid  id.Kid
	own  map[id.Comp][]int
	tip  map[id.Comp]int // where it goes on
	seen set             // control entries
}

// proposed is a config of the history, C0 first.
type proposed struct {
	protocol.Config
	at  int
	fin []protocol.Place
}

// shownEvents are identity events that an entry brings.
type shownEvents struct{ at, org, to int }

// voted is an endorsement.
type voted struct{ at, org, conf int }

// set is a set of places in the pool.
type set []uint64

func (s set) has(i int) bool { return i/64 < len(s) && s[i/64]>>(i%64)&1 == 1 }

// with is s and i; s may be overwritten.
func (s set) with(i int) set {
	for len(s) <= i/64 {
		s = append(s, 0)
	}
	s[i/64] |= 1 << (i % 64)
	return s
}

// or is what is in s or in t; s may be overwritten.
func (s set) or(t set) set {
	for len(s) < len(t) {
		s = append(s, 0)
	}
	for i, w := range t {
		s[i] |= w
	}
	return s
}

// upTo is what of s is below n.
func (s set) upTo(n int) set {
	out := slices.Clone(s)
	for i := range out {
		switch {
		case 64*i >= n:
			out[i] = 0
		case 64*i+64 > n:
			out[i] &= 1<<(n-64*i) - 1
		}
	}
	return out
}

func (s set) down(yield func(int) bool) {
	for i, w := range slices.Backward(s) {
		for w != 0 {
			b := 63 - bits.LeadingZeros64(w)
			w &^= 1 << b
			if !yield(64*i + b) {
				return
			}
		}
	}
}

func (h *history) pick(n int) int {
	if len(h.script) == 0 {
		return 0
	}
	v := int(h.script[0])
	h.script = h.script[1:]
	return v % n
}

// chance is true once in n.
func (h *history) chance(n int) bool { return h.pick(n) == n-1 }

// oneOf picks an item; ok is false when there is none.
func oneOf[T any](h *history, xs []T) (x T, ok bool) {
	if len(xs) == 0 {
		return x, false
	}
	return xs[h.pick(len(xs))], true
}

// orgNames are the same in every history: making keys is what costs time.
var orgNames = []string{"Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir"}

var newcomers = sync.OnceValue(func() (ds []*link.Daemon) {
	for _, name := range orgNames {
		ds = append(ds, link.NewDaemon(nil, name))
	}
	return ds
})

// play makes a history from a script; clock gives the time that the i-th
// organisation's daemons claim.
func play(script []uint16, clock func(i int) uint64) *history { return plays(script, clock, false) }

func plays(script []uint16, clock func(i int) uint64, honest bool) *history {
	h := opened(script, clock)
	h.honest, h.calm = honest, h.pick(5) < 2
	for _, i := range rand.New(rand.NewPCG(uint64(h.pick(9)), 0)).Perm(len(h.ds) - 1)[:2+h.pick(len(h.ds)-2)] {
		h.admitAs(h.ws[0], i+1, protocol.Role(1+h.pick(6)), "0")
	}
	for range h.pick(3) {
		h.proposeAs(h.ws[0], protocol.Ordinary)
		h.carry()
	}
	for _, w := range h.ws {
		h.learn(w)
	}
	for len(h.script) > 0 {
		h.step()
	}
	return h
}

// opened is a case that the first organisation has opened, nobody else in it.
func opened(script []uint16, clock func(i int) uint64) *history {
	h := &history{script: script, clock: clock, later: make([]uint64, len(orgNames)),
		at: map[id.EntryID]int{}, known: protocol.NewCase()}
	for i, d := range newcomers() {
		own := *d
		h.ds = append(h.ds, &own)
		h.join(i, orgNames[i]+"/1", nil)
	}
	h.open()
	return h
}

// seated is a case of all organisations, the first n its stewards.
func seated(script []uint16, n int) *history {
	h := opened(script, steady())
	for i := range h.ds[1:] {
		h.admitAs(h.ws[0], i+1, protocol.Role(1+i%6), "0")
	}
	p := h.confs[0]
	f := protocol.Config{Parent: &p.ID, N: 1, Rules: 1, Kind: protocol.Ordinary, Quorum: uint8(n/2 + 1)}
	for _, d := range h.ds[:n] {
		f.Stewards = append(f.Stewards, d.Org.ID)
	}
	h.vote(h.ws[0], h.putForward(h.ws[0], p, f))
	for _, w := range h.ws {
		w.seen = w.seen.or(h.control())
	}
	return h
}

// steady is one clock for everybody; it ticks, so that no two entries are equal.
func steady() func(int) uint64 {
	now := link.Start
	return func(int) uint64 { now++; return now }
}

// random is a script drawn from a seed.
func random(seed uint64) []uint16 {
	rng := rand.New(rand.NewPCG(seed, 1))
	script := make([]uint16, 150+rng.IntN(300))
	for i := range script {
		script[i] = uint16(rng.Uint32())
	}
	return script
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// join adds a daemon of an organisation.
func (h *history) join(org int, name string, seen set) *writer {
	k := keyOf(name)
	w := &writer{org: org, name: name, key: k.key, kid: k.kid, own: map[id.Comp][]int{}, tip: map[id.Comp]int{}, seen: slices.Clone(seen)}
	h.ws = append(h.ws, w)
	return w
}

type namedKey struct {
	key ed25519.PrivateKey
	kid id.Kid
}

var namedKeys sync.Map

// keyOf is the key drawn from a name.
func keyOf(name string) namedKey {
	if k, ok := namedKeys.Load(name); ok {
		return k.(namedKey)
	}
	k := namedKey{ed25519.NewKeyFromSeed(link.Seed(name, "sig")), link.KidOf(name)}
	namedKeys.Store(name, k)
	return k
}

func (h *history) open() {
	g := protocol.NewGenesis([32]byte{1}, h.ds[0].Org, link.Terms(), protocol.MitigatingVendor)
	w := h.ws[0]
	f := entry.Fields{T: h.clock(0), Type: g.Type(), Ctl: protocol.Ctl(g)}
	h.take(w, must(f.Seal(w.key)), nil)
	c0 := g.Config
	c0.ID = id.ConfigID(h.pool[0].ID)
	h.confs = []proposed{{Config: c0}}
	h.idents = []shownEvents{{0, 0, len(h.ds[0].Org.Events)}}
}

// take puts an entry into the pool, at the end of its author's feed.
func (h *history) take(w *writer, e *entry.Sealed, past set) int {
	i, old := h.at[e.ID]
	if !old {
		i = len(h.pool)
		h.pool, h.past, h.at[e.ID] = append(h.pool, e), append(h.past, past), i
		h.known.Apply(e)
		for _, j := range w.own[e.Comp] {
			if h.pool[j].Seq == e.Seq {
				h.forks = append(h.forks, [2]int{j, i})
			}
		}
		w.own[e.Comp] = append(w.own[e.Comp], i)
	}
	w.tip[e.Comp] = i
	if e.Control() {
		w.seen = w.seen.with(i)
	}
	return i
}

// write puts f at the end of w's feed, with everything in the past that w knows.
func (h *history) write(w *writer, f entry.Fields) int {
	prev, ok := w.tip[f.Comp]
	if !ok {
		prev = -1
	}
	return h.writeAfter(w, prev, f, w.seen)
}

// writeAfter is write after any entry of the feed (-1: at seq 0) and with any
// knowledge.
func (h *history) writeAfter(w *writer, prev int, f entry.Fields, know set) int {
	var past set
	f.Case, f.T = h.known.ID(), h.clock(w.org)+h.later[w.org]
	if prev >= 0 {
		p := h.pool[prev]
		f.Seq, f.Prev, f.LC, f.T = p.Seq+1, p.ID, p.LC, max(f.T, p.T)
		past = slices.Clone(h.past[prev])
		if p.Control() {
			past = past.with(prev)
		}
	}
	if f.Deps == nil {
		for _, d := range h.heads(know, past, prev < 0) {
			f.Deps = append(f.Deps, h.pool[d].ID)
		}
		slices.SortFunc(f.Deps, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
	}
	for _, x := range f.Deps {
		d := h.at[x]
		f.LC = max(f.LC, h.pool[d].LC)
		past = past.or(h.past[d]).with(d)
	}
	f.LC++
	return h.take(w, must(f.Seal(w.key)), past)
}

// heads are the entries of know that are in no other's past, nor in base: the
// latest sixteen.
func (h *history) heads(know, base set, first bool) (hs []int) {
	covered := slices.Clone(base)
	know.down(func(i int) bool {
		if !covered.has(i) {
			hs = append(hs, i)
			covered = covered.or(h.past[i])
		}
		return len(hs) < entry.MaxDeps
	})
	if len(hs) == 0 && first {
		hs = []int{0}
	}
	return hs
}

// say writes a control message.
func (h *history) say(w *writer, m protocol.Message) int {
	return h.write(w, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)})
}

// act writes a steward act under some config that w knows.
func (h *history) act(w *writer, m protocol.Message) int {
	f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}
	cfg := h.cite(w)
	f.Cfg = &cfg
	return h.write(w, f)
}

// cite is mostly the newest config of the chain that w knows, now and then any.
func (h *history) cite(w *writer) id.ConfigID {
	if h.pick(4) > 0 {
		for _, x := range slices.Backward(h.known.Chain()) {
			if w.seen.has(h.at[x.ID]) {
				return x.ID
			}
		}
	}
	known := h.knownTo(w)
	if len(known) == 0 {
		return id.ConfigID(h.pool[0].ID)
	}
	return known[h.pick(len(known))].ID
}

// knownTo lists the configs that w has seen proposed.
func (h *history) knownTo(w *writer) (known []proposed) {
	for _, x := range h.confs {
		if w.seen.has(x.at) {
			known = append(known, x)
		}
	}
	return known
}

// learn lets a daemon have everything, or what was written until some moment, or
// what another has.
func (h *history) learn(w *writer) {
	switch h.pick(4) {
	case 0:
		w.seen = w.seen.or(h.ws[h.pick(len(h.ws))].seen)
	case 1:
		w.seen = w.seen.or(h.control().upTo(len(h.pool) - h.pick(len(h.pool))/2))
	default:
		w.seen = w.seen.or(h.control())
	}
}

// control are all control entries.
func (h *history) control() (all set) {
	for i, e := range h.pool {
		if e.Control() {
			all = all.with(i)
		}
	}
	return all
}

// member is a writer of an organisation with a steward's caps: its first, mostly.
func (h *history) steward(org id.OrgID) *writer {
	var of []*writer
	for _, w := range h.ws {
		if d, ok := h.ds[w.org].Org.Daemon(w.kid); h.ds[w.org].Org.ID == org && ok && d.Can(3) {
			of = append(of, w)
		}
	}
	if len(of) == 0 || !h.chance(6) {
		return h.ws[slices.IndexFunc(h.ds, func(d *link.Daemon) bool { return d.Org.ID == org })]
	}
	return of[h.pick(len(of))]
}

// shuffled is another causal order of the history, drawn from seed.
func (h *history) shuffled(pick func(int) int) []*entry.Sealed {
	placed := map[id.EntryID]bool{}
	left := slices.Clone(h.pool)
	var out []*entry.Sealed
	for len(left) > 0 {
		at := pick(len(left))
		for !ready(left[at], placed) {
			at = (at + 1) % len(left)
		}
		out = append(out, left[at])
		placed[left[at].ID] = true
		left = slices.Delete(left, at, at+1)
	}
	return out
}

func ready(e *entry.Sealed, placed map[id.EntryID]bool) bool {
	if !e.Genesis() && e.Seq > 0 && !placed[e.Prev] {
		return false
	}
	return !slices.ContainsFunc(e.Deps, func(d id.EntryID) bool { return !placed[d] })
}

// fold applies entries to a case, one by one.
func fold(c *protocol.Case, es []*entry.Sealed) *protocol.Case {
	for _, e := range es {
		c.Apply(e)
	}
	return c
}

// batches adds entries to a case and settles now and then.
func batches(c *protocol.Case, es []*entry.Sealed, pick func(int) int) *protocol.Case {
	for _, e := range es {
		c.Add(e)
		if pick(12) == 0 {
			c.Settle()
		}
	}
	c.Settle()
	return c
}

// shown is everything a case says of itself, and of each entry of the pool by
// its place there: ids are left out, so that histories that differ in ids alone
// compare.
func (h *history) shown(c *protocol.Case) string {
	var b strings.Builder
	for i, e := range h.pool {
		rule, known := c.Verdict(e.ID)
		fmt.Fprintf(&b, "%d %d %v %q\n", i, e.Type, known, rule)
	}
	for _, p := range c.Participants() {
		fmt.Fprintf(&b, "%+v\n", p)
	}
	fmt.Fprintf(&b, "%+v %s %s\n", c.Embargo(), c.CS(), c.State())
	for _, comp := range h.rooms {
		fmt.Fprintf(&b, "%x\n", c.Readers(comp))
	}
	for _, d := range h.ds {
		o, ok := c.Org(d.Org.ID)
		if ok {
			fmt.Fprintf(&b, "%s %d %v %v\n", o.Name, len(o.Events), c.Member(d.Org.ID), len(c.Removed(d.Org.ID)))
		}
	}
	b.WriteString("chain")
	for _, x := range c.Chain() {
		fmt.Fprintf(&b, " %d", h.at[x.ID])
	}
	b.WriteString("\nopen")
	for _, p := range c.Proposals() {
		fmt.Fprintf(&b, " [%d %d %x %x]", h.at[p.ID], p.Need, p.Endorsed, p.Missing)
	}
	if r, ok := c.Release(); ok {
		at := h.at[r.Plan]
		r.Plan = id.EntryID{}
		fmt.Fprintf(&b, "\nrelease %d %+v", at, r)
	}
	for _, l := range c.Links() {
		at := h.at[l.Entry]
		l.Entry = id.EntryID{}
		fmt.Fprintf(&b, "\nlink %d %+v", at, l)
	}
	fmt.Fprintf(&b, "\n%d claims %d forks %d\n", c.Len(), len(c.Claims()), len(c.Unproven()))
	return b.String()
}
