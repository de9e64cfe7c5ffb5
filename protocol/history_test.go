package protocol_test

import (
	"fmt"
	"slices"
	"strings"

	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// history is a set of entries that several daemons wrote with different
// knowledge, in the order of writing, which is one causal order of many.
type history struct {
	script  []uint16 // every choice, in turn; zero when it is used up
	ds      []*link.Daemon
	pool    []*entry.Sealed
	claims  []id.EntryID
	rooms   []id.Comp
	readers map[id.Comp][]int
	keys    int
}

func (h *history) pick(n int) int {
	if len(h.script) == 0 {
		return 0
	}
	v := int(h.script[0])
	h.script = h.script[1:]
	return v % n
}

// orgNames are the same in every history: making keys is what costs time.
var orgNames = []string{"Alder", "Birch", "Cedar", "Dogwood", "Elm"}

// play makes a history from a script; clock gives the time that the i-th
// organisation's daemons claim.
func play(script []uint16, clock func(i int) uint64) *history {
	h := &history{script: script, readers: map[id.Comp][]int{}}
	for i, name := range orgNames {
		d := link.NewDaemon(nil, name)
		d.Clock = func() uint64 { return clock(i) }
		h.ds = append(h.ds, d)
	}
	h.add(h.ds[0].Open("history", link.Terms(), protocol.MitigatingVendor))
	for _, d := range h.ds[1 : 1+h.pick(len(h.ds))] {
		h.ds[0].Admit(d, protocol.Role(1+h.pick(6)))
	}
	h.gather(h.ds[0])
	for len(h.script) > 0 {
		h.step()
	}
	return h
}

// steady is one clock for everybody; it ticks, so that no two entries are equal.
func steady() func(int) uint64 {
	now := link.Start
	return func(int) uint64 { now++; return now }
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// able says whether the daemon's key is certified and not revoked, so that it
// can sign invites, accepts and cards.
func able(d *link.Daemon) bool {
	x, ok := d.Org.Daemon(d.Kid)
	return ok && !x.Revoked
}

func (h *history) add(es ...*entry.Sealed) {
	h.pool = append(h.pool, es...)
}

// learn gives a daemon what was written until some moment.
func (h *history) learn(d *link.Daemon, until int) {
	for _, e := range h.pool[:until] {
		d.Accept(e)
	}
}

// step lets one daemon do one thing. Nothing keeps it to the rules.
func (h *history) step() {
	i := h.pick(len(h.ds))
	d := h.ds[i]
	if d.Case.Len() == 0 || h.pick(3) == 0 {
		h.learn(d, len(h.pool)-h.pick(len(h.pool))/2)
	}
	h.act(d, i)
	h.gather(d)
}

// gather takes what a daemon wrote into the pool, in the order of writing.
func (h *history) gather(d *link.Daemon) {
	var fresh []*entry.Sealed
	for x, e := range d.Held {
		if !slices.ContainsFunc(h.pool, func(p *entry.Sealed) bool { return p.ID == x }) {
			fresh = append(fresh, e)
		}
	}
	slices.SortFunc(fresh, func(a, b *entry.Sealed) int { return int(a.LC) - int(b.LC) })
	h.add(fresh...)
}

func (h *history) act(d *link.Daemon, i int) {
	switch op := h.pick(32); {
	case op < 4:
		h.admit(d)
	case op < 8: // mostly who may; now and then who may not
		if h.pick(4) > 0 && h.ds[0].Case.Len() > 0 {
			d = h.ds[0]
		}
		d.Act(&protocol.Remove{Org: h.ds[h.pick(len(h.ds))].Org.ID, Code: 1})
		h.gather(d)
	case op < 9:
		d.Say(&protocol.Exit{Code: 2})
	case op < 16:
		d.Say(&protocol.Status{RM: protocol.RM(2 + h.pick(5))})
	case op < 18:
		d.Say(&protocol.Status{Fix: protocol.Fix(2 + h.pick(2))})
	case op < 20:
		h.claims = append(h.claims, d.Say(&protocol.Claim{What: protocol.What(1 + h.pick(3))}).ID)
	case op < 21:
		h.confirm(d)
	case op < 23:
		h.open(d, i)
	case op < 27:
		h.tell(d)
	case op < 28:
		d.Say(&protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", 1000+h.pick(9))}})
	case op < 29:
		h.rekey(d)
	case op < 31:
		h.fork(d)
	default:
		h.strange(d)
	}
}

func (h *history) admit(d *link.Daemon) {
	if h.pick(4) > 0 {
		d = h.ds[0]
	}
	o := h.ds[h.pick(len(h.ds))]
	if o != d && able(d) && able(o) && d.Case.Len() > 0 {
		d.Act(d.Admission(o, protocol.Role(1+h.pick(6)), fmt.Sprint(h.pick(3))))
		h.gather(d)
	}
}

func (h *history) confirm(d *link.Daemon) {
	if len(h.claims) > 0 {
		d.Say(&protocol.Confirm{Claim: h.claims[h.pick(len(h.claims))]})
	}
}

func (h *history) open(d *link.Daemon, i int) {
	readers := []id.OrgID{d.Org.ID}
	for j, o := range h.ds {
		if j != i && h.pick(2) == 1 {
			readers = append(readers, o.Org.ID)
		}
	}
	h.rooms = append(h.rooms, id.Comp(d.Say(protocol.NewCompartment(readers...)).ID))
}

func (h *history) tell(d *link.Daemon) {
	comp := id.Everyone
	if n := h.pick(len(h.rooms) + 1); n > 0 {
		comp = h.rooms[n-1]
	}
	d.Tell(protocol.Note, comp)
}

// rekey certifies another key and lets some daemon bring it into the case, or
// revokes the one in use, or makes the chain ambiguous.
func (h *history) rekey(d *link.Daemon) {
	if len(d.Org.Events) > 8 {
		return
	}
	h.keys++
	name := fmt.Sprintf("%s/%d", d.Org.Name, h.keys)
	bearer := h.ds[h.pick(len(h.ds))]
	if bearer.Case.Len() == 0 {
		return
	}
	was := d.Org
	var event []byte
	switch h.pick(6) {
	case 4:
		h.usurp(d)
		return
	case 5: // badly signed; its own well-signed twin may come too
		event = d.Certify(name, identity.CapWrite, identity.CapConsent, identity.CapInvite)
		h.shows(bearer, was, event)
		event = slices.Clone(event)
		event[len(event)-1] ^= 1
		bearer = h.ds[h.pick(len(h.ds))]
	case 0:
		if !able(d) {
			return
		}
		event = must(d.Org.RevokeDaemon(d.Root, d.Kid, 1))
		d.Org = must(d.Org.Extend(event))
	case 1:
		event = must(d.Org.Rename(d.Root, name, nil))
		if h.pick(2) == 0 {
			d.Org = must(d.Org.Extend(event))
		}
	default:
		event = d.Certify(name, identity.CapWrite, identity.CapConsent, identity.CapInvite)
		if h.pick(2) == 0 {
			defer d.Use(name)
		}
	}
	h.shows(bearer, was, event)
}

// shows lets a daemon bring an event, and the chain before it where the case
// lacks it.
func (h *history) shows(bearer *link.Daemon, before *identity.Org, event ...[]byte) {
	if bearer.Case.Len() == 0 {
		return
	}
	events := event
	if _, ok := bearer.Case.Org(before.ID); !ok {
		events = append(slices.Clone(before.Events), event...)
	}
	bearer.Say(&protocol.Ident{Events: events})
	h.gather(bearer)
}

// usurp certifies another organisation's key, which agrees, and now and then revokes it.
func (h *history) usurp(d *link.Daemon) {
	o := h.ds[h.pick(len(h.ds))]
	k, ok := o.Org.Daemon(o.Kid)
	if _, mine := d.Org.Daemon(o.Kid); mine || !ok {
		return
	}
	k.Caps = []identity.Cap{identity.CapWrite}
	was := d.Org
	events := [][]byte{must(d.Org.CertifyDaemon(d.Root, elsewhere(o), k))}
	d.Org = must(d.Org.Extend(events[0]))
	if h.pick(2) == 0 {
		events = append(events, must(d.Org.RevokeDaemon(d.Root, o.Kid, 1)))
		d.Org = must(d.Org.Extend(events[1]))
	}
	h.shows(d, was, events...)
}

// fork writes after an entry that is not the last of its feed.
func (h *history) fork(d *link.Daemon) {
	var own []*entry.Sealed
	for _, e := range h.pool {
		if e.Kid == d.Kid && d.Held[e.ID] != nil && !e.Genesis() && e.Control() {
			own = append(own, e)
		}
	}
	f := entry.Fields{Deps: []id.EntryID{h.pool[0].ID}}
	var prev *entry.Sealed
	if n := h.pick(len(own) + 1); n > 0 {
		prev, f.Deps = own[n-1], nil
	} else if d == h.ds[0] && d.Kid == h.pool[0].Kid {
		prev, f.Deps = h.pool[0], nil
	}
	var m protocol.Message = &protocol.Status{RM: protocol.RM(2 + h.pick(5))}
	switch h.pick(4) {
	case 0, 1:
		m = &protocol.Remove{Org: h.ds[h.pick(len(h.ds))].Org.ID}
		cfg := d.Case.Config().ID
		f.Cfg = &cfg
	case 2:
		m = &protocol.Address{Addrs: []string{fmt.Sprintf("/ip4/127.0.0.2/tcp/%d", 1000+h.pick(9))}}
	}
	f.Type, f.Ctl = m.Type(), protocol.Ctl(m)
	d.WriteAfter(prev, f)
}

// strange writes what rules 1 do not know, or know to be wrong.
func (h *history) strange(d *link.Daemon) {
	deps := d.Case.Deps(d.Kid, id.Control)
	switch h.pick(4) {
	case 0:
		d.Write(entry.Fields{Type: 20, Ctl: canon.MustMarshal(map[uint64]uint64{1: 1}), Deps: deps})
	case 1:
		d.Write(entry.Fields{Type: 13, Ctl: canon.MustMarshal(map[uint64]uint64{1: 3, 9: 1}), Deps: deps})
	case 2:
		d.Write(entry.Fields{Type: 13, Ctl: canon.MustMarshal(map[uint64]uint64{}), Deps: deps})
	case 3:
		if g := h.pool[0].ID; !slices.Contains(deps, g) && len(d.Held) > 3 {
			deps = append(deps, g)
			slices.SortFunc(deps, func(a, b id.EntryID) int { return strings.Compare(a.String(), b.String()) })
		}
		s := &protocol.Status{RM: protocol.RMValid}
		d.Write(entry.Fields{Type: s.Type(), Ctl: protocol.Ctl(s), Deps: deps})
	}
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

// fold applies entries to a case, each as often as times says.
func fold(c *protocol.Case, es []*entry.Sealed) *protocol.Case {
	for _, e := range es {
		c.Apply(e)
	}
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
	em := c.Embargo()
	fmt.Fprintf(&b, "%v %v %v %s %s\n", em.State, em.ExitPending, em.End, c.CS(), c.State())
	for _, comp := range h.rooms {
		fmt.Fprintf(&b, "%x\n", c.Readers(comp))
	}
	for _, d := range h.ds {
		o, ok := c.Org(d.Org.ID)
		if ok {
			fmt.Fprintf(&b, "%s %d %v %v\n", o.Name, len(o.Events), c.Member(d.Org.ID), len(c.Removed(d.Org.ID)))
		}
	}
	fmt.Fprintf(&b, "%d claims %d\n", c.Len(), len(c.Claims()))
	return b.String()
}
