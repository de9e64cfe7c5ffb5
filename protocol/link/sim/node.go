package sim

import (
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// Node is an organisation's daemon and the people beside it. A thief is a node
// with another organisation's key.
type Node struct {
	*link.Daemon
	w       *World
	end     int
	org     int // of the cast
	hostile bool

	up     bool
	gone   bool   // for good
	life   int    // counts starts: what was scheduled in an earlier life is void
	skew   int64  // of its clock, ms
	mute   bool   // it writes nothing: its key speaks without it, or its store is an old copy
	old    bool   // the latter
	key    int    // which of its keys it uses
	cloned id.Kid // the key that was seen to sign without it
	before string

	haves int // frames heard

	disk   []*entry.Sealed // what a crash leaves, in the order in which it came
	wet    []*entry.Sealed // folded, not on disk yet; nobody is told
	syncs  bool            // a sync to disk is under way
	parked []*entry.Sealed // until what they name is here

	asked  map[ask]uint64 // in which round
	next   map[id.Feed]id.Seq
	tops   map[id.EntryID]tip
	places map[place]*entry.Sealed // the first entry of each on disk
	forks  [][2]*entry.Sealed      // others at a place, beside the first
	offers map[int]offer
	cards  map[int]*identity.Org // newest chains seen, by place in the cast
	heard  map[id.OrgID]uint64   // own clock, when a control entry came
	led    uint64                // own clock, when another steward said what it has

	word     protocol.Word // its last in the case
	tip      id.ConfigID   // in force, since
	tipSince uint64

	judged int // how many entries the sets were read from
	sets   *sets

	cheat
}

// place is where an entry stands.
type place struct {
	feed id.Feed
	seq  id.Seq
}

// offer is what a node would tell another, as long as nothing changed.
type offer struct {
	disk int
	kid  id.Kid
	skew int64
	tips []tip
}

// keyName is the name of an organisation's k-th key.
func keyName(name string, k int) string { return fmt.Sprintf("%s/%d", name, k) }

func newNode(w *World, end, org int, hostile bool) *Node {
	n := &Node{Daemon: w.cast.daemons[org].Fresh(), w: w, end: end, org: org, hostile: hostile, up: true, key: 1,
		cards: map[int]*identity.Org{}, heard: map[id.OrgID]uint64{}}
	n.hidden = map[id.EntryID]int{}
	n.Daemon.Clock = n.claims
	n.reset()
	return n
}

// reset forgets what is not on disk.
func (n *Node) reset() {
	n.life++
	n.wet, n.parked, n.syncs = nil, nil, false
	n.places, n.forks, n.sets = map[place]*entry.Sealed{}, nil, nil
	n.asked, n.next, n.tops, n.offers = map[ask]uint64{}, map[id.Feed]id.Seq{}, map[id.EntryID]tip{}, map[int]offer{}
}

// Name is the node's, for people; a thief has its victim's, marked.
func (n *Node) Name() string {
	if n.thief() {
		return n.Org.Name + "*"
	}
	return n.Org.Name
}

func (n *Node) thief() bool { return n.end >= n.w.Script.Orgs }

// clock is the daemon's own clock: Unix milliseconds.
func (n *Node) clock() uint64 { return uint64(int64(link.Start+n.w.now) + n.skew) }

// open opens the case.
func (n *Node) open() {
	e := n.Open(fmt.Sprint("case ", n.w.Script.Seed), link.Terms(), protocol.Coordinator)
	n.w.caseID = e.CaseID()
	n.keep(e)
}

// keep takes up an entry that the node has just written: on disk in a moment,
// then sent.
func (n *Node) keep(e *entry.Sealed) {
	n.w.pool.add(e, n.end)
	if e.Kid == n.cloned && !n.hostile {
		n.w.wrong("%s goes on with a key that has signed without it", n.Name())
	}
	n.w.proofs[proofOf(e)] = true
	if n.hostile {
		n.hidden[e.ID] |= n.hidden[e.Prev]
	}
	n.wet = append(n.wet, e)
	if n.w.Script.Fault == SendsBeforeSync {
		n.tellAll([]*entry.Sealed{e})
	}
	n.sync()
}

// sync puts on disk what is not, which takes a moment.
func (n *Node) sync() {
	if n.syncs {
		return
	}
	n.syncs = true
	life := n.life
	n.w.after(1+n.w.draw(n.end, n.end, n.w.Script.Delay), func() {
		if n.up && n.life == life {
			n.synced()
		}
	})
}

// synced is the moment from which on a crash loses nothing of what came: now
// others are told, and the daemon does what it owes.
func (n *Node) synced() {
	fresh := n.wet
	n.wet, n.syncs = nil, false
	n.disk = append(n.disk, fresh...)
	for _, e := range fresh {
		n.index(e)
	}
	n.tellAll(fresh)
	n.duties()
}

// index notes where feeds end, and where they fork.
func (n *Node) index(e *entry.Sealed) {
	at := place{e.Feed(), e.Seq}
	if first := n.places[at]; first != nil {
		n.forks = append(n.forks, [2]*entry.Sealed{first, e})
	} else {
		n.places[at] = e
	}
	n.next[e.Feed()] = max(n.next[e.Feed()], e.Seq+1)
	delete(n.tops, e.Prev)
	n.tops[e.ID] = tip{e.ID, e.Feed()}
}

// crash ends the process, and what was not on disk with it.
func (n *Node) crash(for_ uint64) {
	n.before = ""
	if len(n.wet) == 0 {
		n.before = n.shape()
	}
	n.up = false
	life := n.life
	n.w.after(for_, func() {
		if !n.up && n.life == life {
			n.start()
		}
	})
}

// start begins anew from the disk. The case must be the one that was left.
func (n *Node) start() {
	n.reset()
	n.up = true
	n.Restart(n.disk)
	n.Case.Pin(n.pinned)
	for _, e := range n.disk {
		n.index(e)
	}
	n.w.note(n, "starts with %d entries", len(n.disk))
	if n.before != "" && n.before != n.shape() {
		n.w.wrong("%s folds another case from its disk than it had", n.Name())
	}
	n.before = ""
	if n.mute {
		n.recoverLater()
	}
}

// authentic is what a ledger asks of an entry by itself: of this case, and signed
// with the key that it names.
func (n *Node) authentic(e *entry.Sealed) bool {
	if n.w.Script.Fault == SkipsSignatures {
		return e.CaseID() == n.w.caseID
	}
	return e.CaseID() == n.w.caseID && n.w.signed(e)
}

// take takes up bytes that came: what is authentic is folded once what it names
// is here.
func (n *Node) take(raws [][]byte, from *Node) {
	for _, raw := range raws {
		e, err := entry.Parse(raw)
		if err != nil || n.Held[e.ID] != nil || slices.ContainsFunc(n.parked, func(p *entry.Sealed) bool { return p.ID == e.ID }) {
			continue
		}
		if n.authentic(e) && !n.strict(e) {
			n.parked = append(n.parked, e)
		}
	}
	n.unpark()
	n.chase(from)
}

// unpark folds what is parked and has become ready.
func (n *Node) unpark() {
	for again := true; again; {
		again = false
		waiting := n.parked
		n.parked = nil
		for _, e := range waiting {
			switch ready, sound := n.follows(e); {
			case !ready:
				n.parked = append(n.parked, e)
			case sound:
				n.fold(e)
				again = true
			}
		}
	}
}

// follows says whether what an entry names is here, and whether the entry goes on
// from it as a ledger asks: a key that the case certifies, Lamport number, time,
// deps of the control plane.
func (n *Node) follows(e *entry.Sealed) (ready, sound bool) {
	var lc, t uint64
	sound = true
	if e.Genesis() {
		return true, true
	}
	if !n.certified(e) {
		return false, false
	}
	if e.Seq > 0 {
		prev := n.Held[e.Prev]
		if prev == nil {
			return false, false
		}
		lc, t = prev.LC, prev.T
		sound = prev.Feed() == e.Feed() && prev.Seq+1 == e.Seq
	}
	for _, d := range e.Deps {
		dep := n.Held[d]
		if dep == nil {
			return false, false
		}
		lc = max(lc, dep.LC)
		sound = sound && dep.Control()
	}
	return true, sound && e.LC == lc+1 && e.T >= t || n.w.Script.Fault == SkipsSignatures
}

// certified says whether the case shows the entry's key, or the entry itself may.
func (n *Node) certified(e *entry.Sealed) bool {
	if _, ok := n.w.message(e).(*protocol.Ident); ok {
		return true
	}
	view, ok := n.Case.Org(n.w.cast.owner(e.Kid))
	if ok {
		_, ok = view.Daemon(e.Kid)
	}
	return ok
}

// fold folds an entry that came.
func (n *Node) fold(e *entry.Sealed) {
	if n.w.Script.Fault == DropsRefused && n.Case.Check(e) != nil {
		return
	}
	if n.Accept(e); n.Held[e.ID] == nil {
		return
	}
	n.wet = append(n.wet, e)
	n.sync()
	if o, ok := n.Case.OrgOf(e.Kid); ok && e.Control() {
		n.heard[o] = n.clock()
	}
	if e.Kid != n.Kid || n.hostile || n.mute {
		return
	}
	if n.cloned = n.Kid; n.w.Script.Fault != IgnoresItsClone {
		n.w.note(n, "finds %s, which its key wrote and it did not: it stops writing", n.w.name(e.ID))
		n.mute = true
		n.recoverLater()
	}
}

// chase asks for what parked entries name and is not here.
func (n *Node) chase(from *Node) {
	var w want
	for _, e := range n.parked {
		for _, x := range append([]id.EntryID{e.Prev}, e.Deps...) {
			if x != (id.EntryID{}) && n.lacks(ask{from.end, x, false}) {
				w = append(w, wish{id: x})
			}
		}
	}
	if len(w) > 0 {
		n.w.send(n, from, w)
	}
}

// ask is a question to one node: who is asked and does not answer keeps nobody
// from answering, and who did not have it when it was asked may since have told that it has.
type ask struct {
	of   int
	id   id.EntryID
	told bool
}

// lacks says whether an entry is neither here nor asked of that node in this round.
func (n *Node) lacks(a ask) bool {
	if n.Held[a.id] != nil || slices.ContainsFunc(n.parked, func(p *entry.Sealed) bool { return p.ID == a.id }) {
		return false
	}
	round := 1 + n.w.now/n.w.Script.Every
	if n.asked[a] == round {
		return false
	}
	n.asked[a] = round
	return true
}

// receive takes a frame.
func (n *Node) receive(from *Node, f any) {
	switch f := f.(type) {
	case have:
		n.haves++
		if from.org != n.org && slices.Contains(n.Case.Stewards(), from.Org.ID) {
			n.led = n.clock()
		}
		if c := n.cards[from.org]; f.card != nil && f.card != c && (c == nil || f.card.Extends(c)) {
			n.cards[from.org] = f.card
			clear(n.offers) // what the gate says hangs on it
		}
		var w want
		for _, t := range f.tips {
			if n.lacks(ask{from.end, t.id, true}) {
				w = append(w, wish{t.id, n.next[t.feed]})
			}
		}
		if len(w) > 0 {
			n.w.send(n, from, w)
		}
		n.chase(from)
	case want:
		n.serve(from, f)
	case give:
		if n.deaf {
			n.overhear(f, from)
			return
		}
		if n.heeds(from) {
			n.take(f, from)
		}
	case proof:
		if !n.deaf && (n.heeds(from) || n.accuses(from, f)) {
			n.take(f[:], from)
		}
	}
}

// heeds says whether the node takes entries from another: who has a voice and was not
// removed; anybody while it joins, is the only member that it knows of, has an old copy of
// its store, or has heard no other steward for long (spec/sync.md §6.5).
func (n *Node) heeds(from *Node) bool {
	voiced, members := n.Case.Voiced(), 0
	for _, o := range voiced {
		if n.Case.Member(o) {
			members++
		}
	}
	us, o := n.Org.ID, from.Org.ID
	unled := slices.ContainsFunc(n.Case.Stewards(), func(o id.OrgID) bool { return o != us }) &&
		max(n.clock(), n.led)-min(n.clock(), n.led) > protocol.AliveAfter
	return n.hostile || n.old || unled || !slices.Contains(voiced, us) || members == 1 && n.Case.Member(us) ||
		slices.Contains(voiced, o) && len(n.Case.Removed(o)) == 0
}

// accuses says whether a proof of who was removed counts: of the first fork of a control
// feed of another, of whose two entries one is here.
func (n *Node) accuses(from *Node, f proof) bool {
	a, errA := entry.Parse(f[0])
	b, errB := entry.Parse(f[1])
	return errA == nil && errB == nil && len(n.Case.Removed(from.Org.ID)) > 0 && (n.Held[a.ID] == nil) != (n.Held[b.ID] == nil) &&
		a.Feed() == b.Feed() && a.Seq == b.Seq && a.Control() && n.w.cast.owner(a.Kid) != from.Org.ID &&
		!slices.ContainsFunc(n.forks, func(f [2]*entry.Sealed) bool { return f[0].Feed() == a.Feed() })
}
