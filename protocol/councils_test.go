package protocol_test

import (
	"bytes"
	"slices"

	"cordon/protocol"
	"cordon/protocol/id"
)

// propose proposes some config after one that is known.
func (h *history) propose(w *writer) {
	kind := protocol.Ordinary
	if h.chance(5) {
		kind = protocol.Succession
	}
	h.proposeAs(h.powerful(w), kind)
}

// proposeAs is the place of a new proposal in h.confs; -1 when there is none.
func (h *history) proposeAs(w *writer, kind uint8) int {
	known := h.knownTo(w)
	if len(known) == 0 {
		return -1
	}
	p := known[h.pick(len(known))]
	if h.pick(3) > 0 {
		p = known[len(known)-1]
		for _, x := range slices.Backward(h.known.Chain()) {
			if i := slices.IndexFunc(known, func(k proposed) bool { return k.ID == x.ID }); i >= 0 {
				p = known[i]
				break
			}
		}
	}
	f := h.next(w, p, kind)
	if h.chance(8) {
		h.spoil(&f)
	}
	return h.putForward(w, p, f)
}

func (h *history) putForward(w *writer, p proposed, f protocol.Config) int {
	at := h.say(w, &protocol.Propose{Config: f})
	f.ID = id.ConfigID(h.pool[at].ID)
	x := proposed{Config: f, at: at, fin: slices.Clone(f.Heads)}
	for _, q := range p.fin {
		if !slices.ContainsFunc(f.Heads, func(y protocol.Place) bool { return y.Kid == q.Kid }) {
			x.fin = append(x.fin, q)
		}
	}
	h.confs = append(h.confs, x)
	return len(h.confs) - 1
}

// next is a config after p as w might propose it.
func (h *history) next(w *writer, p proposed, kind uint8) protocol.Config {
	s := h.bench(w, p, kind)
	f := protocol.Config{Parent: &p.ID, N: p.N + 1, Stewards: s, Quorum: uint8(len(s)/2 + 1), Rules: p.Rules, Kind: kind}
	if int(f.Quorum) < len(s) && h.chance(4) {
		f.Quorum++
	}
	if h.chance(60) {
		f.Rules++
	}
	var gone []id.OrgID
	for _, o := range p.Stewards {
		if !slices.Contains(s, o) {
			gone = append(gone, o)
			f.Cuts = append(f.Cuts, protocol.Cut{Org: o, Places: h.places(w, p, []id.OrgID{o}, 4)})
		}
	}
	slices.SortFunc(f.Cuts, func(a, b protocol.Cut) int { return bytes.Compare(a.Org[:], b.Org[:]) })
	if h.pick(3) > 0 {
		f.Heads = h.places(w, p, p.Stewards, 3)
	}
	if kind == protocol.Succession {
		f.Basis = append([]protocol.Place{}, h.places(w, proposed{}, gone, 6)...)
	}
	f.Lapsed = h.lapsed(w, p, kind)
	return f
}

// lapsed are the proposals beside its own that w names as lapsed: mostly those that have,
// by what it knows.
func (h *history) lapsed(w *writer, p proposed, kind uint8) []id.ConfigID {
	var beside []id.ConfigID
	for _, x := range h.knownTo(w) {
		if x.Parent != nil && *x.Parent == p.ID && x.Kind == kind {
			beside = append(beside, x.ID)
		}
	}
	if len(beside) == 0 {
		return nil
	}
	if h.chance(6) {
		return beside[h.pick(len(beside)):][:1]
	}
	c := protocol.NewCase()
	for i, e := range h.pool {
		if w.seen.has(i) {
			c.Add(e)
		}
	}
	c.Settle()
	return protocol.LapsedIn(c, p.ID, kind)
}

// bench are stewards that might follow p's.
func (h *history) bench(w *writer, p proposed, kind uint8) []id.OrgID {
	s := slices.Clone(p.Stewards)
	add := func() {
		i := h.pick(len(h.ds))
		o, known := h.ds[i].Org.ID, slices.ContainsFunc(h.idents, func(x shownEvents) bool { return x.org == i && w.seen.has(x.at) })
		if !slices.Contains(s, o) && !slices.Contains(p.Stewards, o) && (known || h.chance(6)) {
			s = append(s, o)
		}
	}
	drop := func() {
		if len(s) > 0 {
			i := h.pick(len(s))
			s = slices.Delete(s, i, i+1)
		}
	}
	switch n := h.pick(6); {
	case kind == protocol.Succession:
		for len(s) >= int(p.Quorum) && !h.chance(6) {
			drop()
		}
		add()
		add()
	case n == 0: // a checkpoint
	case n < 3 || len(s) < 2:
		add()
		add()
	case n == 3:
		drop()
	case n == 4:
		drop()
		add()
	default:
		slices.Reverse(s)
		add()
	}
	if len(s) == 0 {
		s = append(s, h.ds[w.org].Org.ID)
	}
	return s
}

// places are the last entries that w knows of these organisations' feeds, one in
// low lower or left out; none below p's finalised one unless by chance.
func (h *history) places(w *writer, p proposed, of []id.OrgID, low int) (ps []protocol.Place) {
	for _, x := range h.ws {
		if !slices.Contains(of, h.ds[x.org].Org.ID) {
			continue
		}
		var known []int
		for _, i := range x.own[id.Control] {
			if w.seen.has(i) {
				known = append(known, i)
			}
		}
		if len(known) == 0 {
			continue
		}
		i := known[len(known)-1]
		if h.chance(low) {
			n := h.pick(len(known) + 1)
			if n == 0 {
				continue
			}
			i = known[n-1]
		}
		at := slices.IndexFunc(p.fin, func(y protocol.Place) bool { return y.Kid == x.kid })
		if at >= 0 && !h.chance(12) && !h.above(i, h.at[p.fin[at].ID]) {
			i = h.at[p.fin[at].ID]
		}
		e := h.pool[i]
		ps = append(ps, protocol.Place{Kid: e.Kid, Seq: e.Seq, ID: e.ID})
	}
	slices.SortFunc(ps, func(a, b protocol.Place) int { return bytes.Compare(a.Kid[:], b.Kid[:]) })
	return ps
}

// above says whether entry y is x or stands above it along prev.
func (h *history) above(y, x int) bool {
	for y != x {
		e := h.pool[y]
		if e.Seq == 0 {
			return false
		}
		y = h.at[e.Prev]
	}
	return true
}

// spoil makes a config break a rule.
func (h *history) spoil(f *protocol.Config) {
	switch h.pick(9) {
	case 0:
		f.N++
	case 1:
		f.Quorum = uint8(1 + h.pick(4))
	case 2:
		f.Stewards = append(f.Stewards, f.Stewards[0])
	case 3:
		f.Cuts = nil
	case 4:
		f.Kind = 3 - f.Kind
	case 5:
		f.Basis = []protocol.Place{}
	case 6:
		slices.Reverse(f.Cuts)
	case 7:
		for i := range f.Heads {
			f.Heads[i].Seq++
		}
	case 8:
		if e := h.pool[h.pick(len(h.pool))]; e.Control() {
			f.Heads = []protocol.Place{{Kid: e.Kid, Seq: e.Seq, ID: e.ID}}
		}
	}
}

// endorse lets an organisation vote for some config that it knows.
func (h *history) endorse(w *writer) {
	w = h.powerful(w)
	known := h.knownTo(w)
	if len(known) == 0 {
		return
	}
	x := known[h.pick(len(known))]
	h.vote(w, slices.IndexFunc(h.confs, func(y proposed) bool { return y.ID == x.ID }))
}

// vote endorses a config. In an honest history nobody votes beside an earlier
// vote of its organisation.
func (h *history) vote(w *writer, conf int) {
	x := h.confs[conf]
	for _, v := range h.votes {
		same := h.confs[v.conf].Parent != nil && x.Parent != nil && *h.confs[v.conf].Parent == *x.Parent
		if h.honest && v.org == w.org && same && !w.seen.has(v.at) {
			return
		}
	}
	at := h.say(w, &protocol.Endorse{Config: x.ID})
	h.votes = append(h.votes, voted{at, w.org, conf})
}

func (h *history) carryOne(*writer) { h.carry() }

// carry lets those vote who are needed for some proposal after the config in force.
func (h *history) carry() {
	var open []int
	for i, x := range h.confs {
		if x.Parent != nil && *x.Parent == h.known.Config().ID {
			open = append(open, i)
		}
	}
	if i, ok := oneOf(h, open); ok {
		h.carries(i)
	}
}

func (h *history) carries(conf int) {
	x := h.confs[conf]
	p, ok := h.known.Proposal(x.ID)
	if !ok {
		return
	}
	voters := append(slices.Clone(p.Endorsed), p.Missing...)
	from := h.pick(len(voters) + 1)
	for i := range voters {
		if i >= p.Need && h.pick(4) > 0 {
			return
		}
		w := h.steward(voters[(from+i)%len(voters)])
		w.seen = w.seen.or(h.past[x.at]).with(x.at)
		if x.Kind == protocol.Succession {
			if !h.chance(8) {
				h.say(w, &protocol.Alive{})
			}
			if !h.chance(8) {
				h.later[w.org] += protocol.Silence
			}
		}
		if h.chance(4) {
			h.learn(w)
		}
		h.vote(w, conf)
	}
}

// succeed proposes that members put others in the place of silent stewards, and
// mostly carries it.
func (h *history) succeed(w *writer) {
	if conf := h.proposeAs(w, protocol.Succession); conf >= 0 && h.pick(3) > 0 {
		h.carries(conf)
	}
}

// split lets stewards of the config in force propose and endorse something each, before
// they hear of one another; then somebody who knows all that proposes once more, and
// mostly it is carried.
func (h *history) split(w *writer) {
	at := slices.IndexFunc(h.confs, func(x proposed) bool { return x.ID == h.known.Config().ID })
	if at < 0 {
		return
	}
	p := h.confs[at]
	for _, o := range p.Stewards {
		if h.chance(4) {
			continue
		}
		s := h.steward(o)
		s.seen = s.seen.or(h.past[p.at]).with(p.at)
		h.vote(s, h.putForward(s, p, h.next(s, p, protocol.Ordinary)))
	}
	w = h.powerful(w)
	w.seen = w.seen.or(h.control())
	kind := protocol.Ordinary
	if h.chance(3) {
		kind = protocol.Succession
	}
	if conf := h.putForward(w, p, h.next(w, p, kind)); h.pick(3) > 0 {
		h.carries(conf)
	}
}

// betray lets stewards of some config of the chain propose and carry another
// child of it, as if they had not voted before.
func (h *history) betray(*writer) {
	chain := h.known.Chain()
	if h.honest || h.calm || len(chain) < 2 {
		return
	}
	n := h.pick(len(chain) - 1)
	at := slices.IndexFunc(h.confs, func(x proposed) bool { return x.ID == chain[n].ID })
	p := h.confs[at]
	conf := -1
	for i, o := range p.Stewards {
		if i > int(p.Quorum) || i == int(p.Quorum) && h.pick(2) == 0 {
			return
		}
		w := *h.steward(o) // what it says here, it says with the knowledge it had
		w.seen = h.past[p.at].upTo(len(h.pool)).with(p.at)
		if tip, ok := h.lastIn(&w, w.seen); ok {
			w.tip = map[id.Comp]int{id.Control: tip}
		} else {
			w.tip = map[id.Comp]int{}
		}
		if conf < 0 {
			conf = h.putForward(&w, p, h.next(&w, p, protocol.Ordinary))
		}
		w.seen = w.seen.or(h.past[h.confs[conf].at]).with(h.confs[conf].at)
		h.vote(&w, conf)
	}
}

// lastIn is w's last control entry in a set.
func (h *history) lastIn(w *writer, in set) (at int, ok bool) {
	for _, i := range w.own[id.Control] {
		if in.has(i) {
			at, ok = i, true
		}
	}
	return at, ok
}
