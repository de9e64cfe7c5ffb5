package sim

import (
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// cheat is what only who cheats has, and what a person last decided.
type cheat struct {
	hidden  map[id.EntryID]int // the nodes, as a set, that are not given an entry
	deaf    bool               // takes nothing from honest members; keeps it
	missed  []give
	shift   int64 // added to the time that its entries claim
	refusal error // why the last thing was not written
	pinned  *id.ConfigID
}

// claims is the time that the node's entries claim: its clock, unless it lies.
func (n *Node) claims() uint64 {
	if n.w.Script.Honest || n.shift == 0 {
		return n.clock()
	}
	return uint64(max(0, min(entry.MaxTime, int64(n.clock())+n.shift)))
}

// date sets how far from the truth its times are, either way.
func (n *Node) date(s Step) string {
	n.shift = []int64{0, int64(Hour), 15 * int64(Day), 3653 * int64(Day), entry.MaxTime}[s.X%5]
	if s.Y%2 == 1 {
		n.shift = -n.shift
	}
	return fmt.Sprintf("by %d s", n.shift/1000)
}

// overhear keeps what a deaf node does not want to know; of its own kind it hears.
func (n *Node) overhear(g give, from *Node) {
	if from.hostile {
		n.take(g, from)
		return
	}
	n.missed = append(n.missed, g)
}

func (n *Node) deafen(Step) string {
	n.deaf = true
	return "to honest members"
}

func (n *Node) listen() string {
	n.deaf = false
	for _, g := range n.missed {
		n.take(g, n)
	}
	n.missed = nil
	return "again"
}

// hide keeps from some nodes, X, some of what it holds: removals, what others
// wrote, what it wrote last, all control entries.
func (n *Node) hide(s Step) string {
	of := []string{"removals", "what others wrote", "its last word", "control entries"}[s.Y%4]
	for _, e := range n.disk {
		switch {
		case s.Y%4 == 0 && e.Type != 5, s.Y%4 == 1 && e.Kid == n.Kid, s.Y%4 == 2 && e != n.disk[len(n.disk)-1], s.Y%4 == 3 && !e.Control():
			continue
		}
		n.hidden[e.ID] |= s.X
	}
	return fmt.Sprintf("%s from %b", of, s.X)
}

// anything is a message that a cheat writes, whatever the rules say.
func (n *Node) anything(s Step) protocol.Message {
	o := n.someone(s.Y).Org.ID
	switch s.X % 12 {
	case 0, 1:
		return &protocol.Remove{Org: o, Code: uint8(s.Y % 15)}
	case 2:
		return &protocol.Claim{What: protocol.Public + protocol.What(s.Y%3)}
	case 3: // it alone decides
		return &protocol.Propose{Config: n.Case.NextConfig(n.Kid, []id.OrgID{n.Org.ID}, 1)}
	case 4:
		if p, ok := pick(n.Case.Proposals(), s.Y); ok {
			return &protocol.Endorse{Config: p.ID}
		}
	case 5:
		return &protocol.Exit{Code: uint8(s.Y % 15)}
	case 6:
		return &protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/10.1.0.%d/tcp/%d", s.Y%250, 1+s.X%60000)}}
	case 7:
		return protocol.NewCompartment(n.Org.ID, o)
	case 8: // cut at nothing
		f := n.Case.NextConfig(n.Kid, []id.OrgID{n.Org.ID}, 1)
		for i := range f.Cuts {
			f.Cuts[i].Places = nil
		}
		return &protocol.Propose{Config: f}
	case 9:
		return &protocol.Status{Fix: protocol.FixReady}
	case 10:
		return &protocol.Alive{}
	}
	return &protocol.Status{RM: protocol.RMInvalid + protocol.RM(s.Y%5)}
}

// blurt writes anything, as a steward's act where it is one.
func (n *Node) blurt(s Step) string {
	switch {
	case s.X%29 == 0:
		f := entry.Fields{Type: 20, Ctl: canon.MustMarshal(map[uint64]uint64{1: uint64(s.Y)}), Deps: n.deps(id.Control)}
		return n.done(n.Write(f))
	case s.X%7 == 0:
		return n.tell(protocol.Note, id.Everyone)
	case s.X%11 == 0:
		return n.admit(s)
	}
	m := n.anything(s)
	switch m.(type) {
	case *protocol.Remove:
		return n.act(m)
	}
	return n.say(m)
}

// fork signs a second entry at a place that is taken, and shows some nodes, X, the
// one, the others the other.
func (n *Node) fork(s Step) string {
	var own []*entry.Sealed
	for _, e := range n.disk {
		if e.Kid == n.Kid && e.Seq > 0 && n.Held[e.Prev] != nil {
			own = append(own, e)
		}
	}
	e, ok := pick(own, s.Y)
	if !ok {
		return ""
	}
	prev := n.Held[e.Prev]
	f := entry.Fields{Comp: e.Comp, Type: e.Type, Agr: e.Agr, Body: &entry.BodyRef{Hash: [32]byte{3}, Size: uint64(1 + s.X), KC: [32]byte{4}}}
	if e.Control() {
		m := n.anything(Step{X: s.X, Y: s.Y / 2})
		cfg := n.Case.Config().ID
		f = entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Cfg: &cfg}
	}
	twin := n.WriteAfter(prev, f)
	if _, known := n.w.pool.at[twin.ID]; known {
		return ""
	}
	for _, x := range n.disk {
		if x.Feed() == e.Feed() && x.Seq >= e.Seq {
			n.hidden[x.ID] |= s.X
		}
	}
	n.keep(twin)
	n.hidden[twin.ID] |= ^s.X
	return fmt.Sprintf("%s beside %s, for %b", n.w.name(twin.ID), n.w.name(e.ID), s.X)
}

// double votes for two proposals that follow one config, in two branches of its
// feed: one for some nodes, X, one for the others. It makes them where there are none.
func (n *Node) double(s Step) string {
	if !slices.Contains(n.Case.Stewards(), n.Org.ID) {
		return ""
	}
	var ps []id.ConfigID
	for _, p := range n.Case.Proposals() {
		if p.Kind == protocol.Ordinary && slices.Contains(p.Missing, n.Org.ID) {
			ps = append(ps, p.ID)
		}
	}
	for i := 0; len(ps) < 2; i++ {
		now := n.Case.Config()
		next := slices.Clone(now.Stewards)
		if i%2 == 0 && len(next) > 1 {
			next = slices.DeleteFunc(next, func(o id.OrgID) bool { return o == n.someone(s.Y).Org.ID && o != n.Org.ID })
		}
		slices.Reverse(next)
		n.say(&protocol.Propose{Config: n.Case.NextConfig(n.Kid, next, majority(len(next)))})
		ps = append(ps, n.w.pool.last().ID)
	}
	one := n.say(&protocol.Endorse{Config: ps[s.Y%len(ps)]})
	first := n.w.pool.last()
	m := &protocol.Endorse{Config: ps[(s.Y+1)%len(ps)]}
	twin := n.WriteAfter(n.Held[first.Prev], entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), Deps: first.Deps})
	n.hidden[first.ID] |= s.X
	n.keep(twin)
	n.hidden[twin.ID] |= ^s.X
	return fmt.Sprintf("%s and %s", one, n.w.name(twin.ID))
}

// graft sends what it holds with something of it changed and the signature left,
// or an entry of another case.
func (n *Node) graft(s Step) string {
	e, ok := pick(n.disk, s.X)
	if !ok {
		return ""
	}
	at, _ := pick(n.disk, s.Y)
	raws := give{Graft(e, at, s.Y, n.Key), n.w.cast.elsewhere[s.X%len(n.w.cast.elsewhere)].Raw}
	for _, to := range n.w.Nodes {
		n.w.send(n, to, raws)
	}
	return fmt.Sprintf("%s to the place of %s", n.w.name(e.ID), n.w.name(at.ID))
}

// Graft is an entry x with its signature, moved to the place of y in one of
// several ways: author, case, compartment, seq, prev, deps, time.
func Graft(x, y *entry.Sealed, how int, key []byte) []byte {
	f := x.Fields
	switch how % 7 {
	case 0:
		f.Seq, f.Prev = y.Seq, y.Prev
	case 1:
		f.Case = y.Case
		f.Deps = y.Deps
	case 2:
		f.Comp = y.Comp
	case 3:
		f.Seq, f.Prev, f.Deps, f.LC, f.T = y.Seq, y.Prev, y.Deps, y.LC, y.T
	case 4:
		f.T++
	case 5:
		f.LC, f.Deps = y.LC, y.Deps
	case 6:
		f.Cfg, f.Type = y.Cfg, y.Type
	}
	moved, err := f.Seal(key)
	if err != nil {
		moved = y // not even well formed: y with x's signature
	}
	raw := slices.Clone(moved.Raw)
	copy(raw[len(raw)-64:], x.Raw[len(x.Raw)-64:])
	return raw
}

// copy signs as its own what somebody else said, here or in another case.
func (n *Node) copy(s Step) string {
	e, ok := pick(n.disk, s.X)
	if s.Y%3 == 0 {
		e, ok = pick(n.w.cast.elsewhere, s.X)
	}
	if !ok || !e.Control() || e.Genesis() {
		return ""
	}
	cfg := n.Case.Config().ID
	return n.done(n.Write(entry.Fields{Type: e.Type, Ctl: e.Ctl, Cfg: &cfg, Deps: n.deps(id.Control)}))
}

// boast tells everybody of entries that do not exist.
func (n *Node) boast(s Step) string {
	for _, to := range n.w.Nodes {
		h := have{tips: []tip{{id.EntryID{1, byte(s.X), byte(s.Y)}, id.Feed{Kid: n.Kid}}, {id.EntryID{2}, id.Feed{Kid: to.Kid}}}}
		n.w.send(n, to, h)
	}
	return "of what does not exist"
}

// coup puts it in the place of the stewards as if they had fallen silent: it stops
// hearing them, and lets its clock run two weeks ahead.
func (n *Node) coup(Step) string {
	if slices.Contains(n.Case.Stewards(), n.Org.ID) {
		return ""
	}
	n.deaf = true
	n.say(&protocol.Alive{})
	did := n.say(&protocol.Propose{Config: n.Case.Succeed(n.Kid, []id.OrgID{n.Org.ID}, 1)})
	c := n.w.pool.last().ID
	n.say(&protocol.Alive{})
	n.shift += protocol.Silence + int64(Hour)
	n.say(&protocol.Endorse{Config: c})
	return did
}

// abet votes for a succession, its clock ahead.
func (n *Node) abet(Step) string {
	for _, p := range n.Case.Proposals() {
		if p.Kind != protocol.Succession || !slices.Contains(p.Missing, n.Org.ID) {
			continue
		}
		n.say(&protocol.Alive{})
		n.shift += protocol.Silence + int64(Hour)
		return n.say(&protocol.Endorse{Config: p.ID})
	}
	return ""
}

// steal gives the thief the key of an organisation, X, and a copy of its store.
func (n *Node) steal(s Step) string {
	v := n.someone(s.X)
	if !n.thief() || n.up || v.hostile || v.next[id.Feed{Kid: v.Kid}] == 0 {
		return ""
	}
	n.Daemon, n.org, n.key, n.up = v.Fresh(), v.org, v.key, true
	n.Daemon.Clock = n.claims
	n.disk = slices.Clone(v.disk)
	n.start()
	n.w.victims[v.org] = true
	return "the key of " + v.Name()
}
