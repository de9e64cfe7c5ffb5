// Package sim plays cases: organisations whose daemons write, crash, lose their
// clocks and their keys, over links that delay, lose and part, with members among
// them that cheat. Time is virtual and every draw comes from one seed, so that a
// script gives one history, to the byte. It is test support, as package link is,
// from which it takes the daemon's keys and fold; what a real daemon does by
// itself its Node does: check what comes, keep it, ask the gate, show forks,
// checkpoint, say that it is alive, stop where its key speaks without it.
//
// Main path: NewCast makes the organisations once; Profile.Draw makes a Script of
// a seed; Play plays it; Check judges what came of it by the Invariants; Shrink
// finds the part of a script that still fails, and World.Trace tells it.
package sim

import (
	"container/heap"
	"crypto/ed25519"
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// Units of virtual time: milliseconds.
const (
	Second uint64 = 1000
	Hour          = 3600 * Second
	Day           = 24 * Hour
)

// Script says what happens in a history.
type Script struct {
	Seed    uint64 // draws delay, loss and order on the links
	Orgs    int    // the first opens the case
	Hostile []bool // by organisation
	Thief   bool   // one more end, which signs with a stolen key once there is one
	Steps   []Step // by time
	Links   [][2]int
	Delay   uint64  // longest on a link
	Loss    float64 // of frames, until End
	Every   uint64  // between two rounds of sync
	End     uint64  // everything heals, and nobody does anything more by choice
	Fault   Fault   // of all honest daemons
	Prompt  bool    // one round after End forks are shown to all
	Honest  bool    // who lies about the time does not, for comparison
}

// Step is one thing that somebody does, or that happens to somebody. What X and Y
// mean is the act's.
type Step struct {
	At   uint64
	Who  int
	Do   string
	X, Y int
}

// World is a history while it is played, and after.
type World struct {
	Script *Script
	Nodes  []*Node
	Trace  []string // what happened, one line each; only when asked for

	cast    *Cast
	now     uint64
	drawnAt uint64            // the time of draws
	draws   map[[2]int]uint64 // how often it was drawn for a pair
	events  queue
	drawn   uint64
	net     network
	caseID  id.CaseID
	pool    *archive
	proofs  map[proofKey]bool // signatures judged
	broken  []string          // what nodes and gates saw go wrong on the way
	tell    bool
	acts    int

	victims     map[int]bool      // organisations of which a key was stolen, by place in the cast
	recovered   map[int]int       // how often they took a spare key
	restored    map[int]bool      // organisations that restored an old copy
	blind       map[int]bool      // of these, who went on when nobody was there who knew what they had voted for
	revocations map[string]id.Kid // the key that an identity event revokes
	sides       map[string]int    // what was seen that makes a check worth its name
}

// A history that needs more than these does not come to rest.
const (
	maxEvents  = 200_000
	maxEntries = 1000
)

// Play plays a script. trace asks for World.Trace.
func Play(cast *Cast, s *Script, trace bool) *World {
	w := &World{Script: s, cast: cast, draws: map[[2]int]uint64{}, pool: newArchive(),
		proofs: map[proofKey]bool{}, tell: trace,
		victims: map[int]bool{}, restored: map[int]bool{}, blind: map[int]bool{}, recovered: map[int]int{}, revocations: map[string]id.Kid{}, sides: map[string]int{}}
	for i := range s.Orgs {
		w.join(i, s.Hostile[i])
	}
	if s.Thief {
		w.join(0, true).up = false
	}
	w.net.wire(s, len(w.Nodes))
	for i, n := range w.Nodes {
		w.after(s.Every*uint64(i)/uint64(len(w.Nodes)), n.tick)
	}
	w.Nodes[0].open()
	for _, step := range s.Steps {
		w.at(step.At, func() { w.step(step) })
	}
	w.at(s.End, w.heal)
	w.run(w.rest())
	return w
}

// rest is when everybody must have come to the same: a few rounds after the end.
func (w *World) rest() uint64 { return w.Script.End + 8*w.Script.Every + 40*w.Script.Delay }

// join adds an organisation's daemon.
func (w *World) join(org int, hostile bool) *Node {
	n := newNode(w, len(w.Nodes), org, hostile)
	w.Nodes = append(w.Nodes, n)
	return n
}

// run lets happen what is due, until a time.
func (w *World) run(until uint64) {
	for n := 0; len(w.events) > 0 && w.events[0].at <= until; n++ {
		if n > maxEvents || len(w.pool.all) > maxEntries {
			w.wrong("the daemons do not come to rest")
			return
		}
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
	w.now = until
}

// step does one step of the script.
func (w *World) step(s Step) {
	n := w.Nodes[s.Who%len(w.Nodes)]
	if (!n.up || n.Case.Len() == 0) && s.Do != "steal" || s.At >= w.Script.End {
		return // it is down, or in no case yet
	}
	if did := steps[s.Do](n, s); did != "" {
		w.acts++
		w.note(n, "%s: %s", s.Do, did)
	}
}

// heal ends partitions and loss, starts what is down, and sets the clocks right.
func (w *World) heal() {
	w.net.heal()
	if w.Script.Prompt {
		w.after(w.Script.Every+80*w.Script.Delay, w.judgeRound)
	}
	w.note(nil, "everything heals")
	for _, n := range w.Nodes {
		n.skew = 0
		if !n.up && !n.thief() && !n.gone {
			n.start()
		}
		if n.hostile {
			n.listen()
		} else if n.mute {
			n.recoverLater()
		}
	}
}

// after and at schedule something.
func (w *World) after(d uint64, do func()) { w.at(w.now+d, do) }

func (w *World) at(t uint64, do func()) {
	w.drawn++
	heap.Push(&w.events, event{t, w.drawn, do})
}

// event is something that will happen.
type event struct {
	at, drawn uint64 // of two at one time, the one that was scheduled first
	do        func()
}

// queue is a heap of events.
type queue []event

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].drawn < q[j].drawn
}

// Push is heap.Interface's.
func (q *queue) Push(x any) { *q = append(*q, x.(event)) }

// Pop is heap.Interface's.
func (q *queue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}

// note adds a line to the trace.
func (w *World) note(n *Node, format string, args ...any) {
	if !w.tell {
		return
	}
	who := "      "
	if n != nil {
		who = fmt.Sprintf("%-6s", n.Name())
	}
	w.Trace = append(w.Trace, fmt.Sprintf("%9s  %s  %s", stamp(w.now), who, fmt.Sprintf(format, args...)))
}

// stamp writes a virtual time: day, hour and minute.
func stamp(t uint64) string {
	return fmt.Sprintf("d%02d %02d:%02d", t/Day, t%Day/Hour, t%Hour/(60*Second))
}

// wrong notes something that no daemon may do.
func (w *World) wrong(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if !slices.Contains(w.broken, s) {
		w.broken = append(w.broken, s)
		w.note(nil, "WRONG: %s", s)
	}
}

// name is an entry for people: who wrote it as the how-manyeth of all, and what.
func (w *World) name(x id.EntryID) string {
	if at, ok := w.pool.at[x]; ok {
		return fmt.Sprintf("#%d", at)
	}
	return "#?"
}

// Acts is how many steps of the script did something.
func (w *World) Acts() int { return w.acts }

// Entries are all that were ever signed, in that order.
func (w *World) Entries() []*entry.Sealed { return w.pool.all }

// Cast are organisations with their keys, and a case of theirs beside the one
// that is played. It never changes; many histories may share it.
type Cast struct {
	daemons   []*link.Daemon
	elsewhere []*entry.Sealed
	keys      map[id.Kid]signer
}

// signer is a key, and whose it is.
type signer struct {
	pub ed25519.PublicKey
	org id.OrgID
}

// names are those of the organisations.
var names = []string{"Alder", "Birch", "Cedar", "Dogwd", "Elm", "Fir", "Gorse", "Hazel", "Ivy", "Junpr", "Kauri", "Larch"}

// MaxOrgs is how many a cast has at most.
const MaxOrgs = 12

// NewCast makes n organisations with a daemon each.
func NewCast(n int) *Cast {
	c := &Cast{keys: map[id.Kid]signer{}}
	for _, name := range names[:n] {
		d := link.NewDaemon(nil, name)
		c.daemons = append(c.daemons, d)
		for k := range maxKeys {
			c.keys[link.KidOf(keyName(name, k))] = signer{Key(name, k).Public().(ed25519.PublicKey), d.Org.ID}
		}
	}
	c.elsewhere = elsewhere(c.daemons)
	return c
}

// maxKeys is how many keys an organisation may come to use.
const maxKeys = 24

// Key is an organisation's k-th signing key.
func Key(name string, k int) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(link.Seed(keyName(name, k), "sig"))
}

// owner is the organisation that a key is of.
func (c *Cast) owner(kid id.Kid) id.OrgID { return c.keys[kid].org }

// elsewhere is a small case of the same organisations.
func elsewhere(ds []*link.Daemon) []*entry.Sealed {
	a := ds[0].Fresh()
	es := []*entry.Sealed{a.Open("elsewhere", link.Terms(), protocol.Reporter), a.Tell(protocol.Subject, id.Everyone)}
	for i, o := range ds[1:] {
		b := o.Fresh()
		es = append(es, a.Act(&protocol.Ident{Events: o.Org.Events}), a.Admit(b, protocol.Reporter+protocol.Role(i%6)))
		b.Restart(es)
		e := b.Say(&protocol.Status{RM: protocol.RMValid})
		a.Accept(e)
		es = append(es, e)
	}
	return append(es, a.Say(&protocol.Claim{What: protocol.Public}), a.Act(&protocol.Remove{Org: ds[len(ds)-1].Org.ID}))
}

// Seen counts what happened that the invariants are about.
func (w *World) Seen() map[string]int { return w.sides }

// Keys are the signing keys of a cast.
func Keys(c *Cast) map[id.Kid]ed25519.PrivateKey {
	keys := map[id.Kid]ed25519.PrivateKey{}
	for _, d := range c.daemons {
		for k := range maxKeys {
			keys[link.KidOf(keyName(d.Org.Name, k))] = Key(d.Org.Name, k)
		}
	}
	return keys
}

// Outcome is what the history has come to.
func (w *World) Outcome() *Outcome { return w.outcome() }

// Gone says whether a node has vanished for good.
func (w *World) Gone(node int) bool { return w.Nodes[node].gone }

// Offer gives a node bytes out of nowhere and says whether it took them up.
func (w *World) Offer(to int, raw []byte) bool {
	n := w.Nodes[to]
	held, parked := len(n.Held), len(n.parked)
	n.take(give{raw}, n)
	return len(n.Held) > held || len(n.parked) > parked
}
