package protocol_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// power is what others than one organisation have of a case: the chain, who is a
// member, the agreement, the verdicts of what they wrote.
func (h *history) power(c *protocol.Case, but int, upTo int) string {
	var b strings.Builder
	for _, x := range c.Chain() {
		fmt.Fprintf(&b, "config %d\n", h.at[x.ID])
	}
	for i, d := range h.ds {
		if i != but {
			fmt.Fprintf(&b, "%s %v\n", d.Org.Name, c.Member(d.Org.ID))
		}
	}
	em := c.Embargo()
	fmt.Fprintf(&b, "%x %d\n", em.Agreement, em.End)
	for i, e := range h.pool[:upTo] {
		if o, _ := protocol.Author(c, e.ID); but < 0 || o != h.ds[but].Org.ID {
			rule, _ := c.Verdict(e.ID)
			fmt.Fprintf(&b, "%d %s\n", i, rule)
		}
	}
	return b.String()
}

// adds folds what h has beside n entries into c.
func (h *history) adds(c *protocol.Case, n int) *protocol.Case { return fold(c, h.pool[n:]) }

// short is a script for a short history.
func short(seed uint64, n int) []uint16 {
	rng := rand.New(rand.NewPCG(seed, 2))
	script := make([]uint16, n+rng.IntN(n))
	for i := range script {
		script[i] = uint16(rng.Uint32())
	}
	return script
}

// meddle lets an organisation write anything anywhere: on any branch, with any
// knowledge. It votes for no succession, which is a member's right.
func (h *history) meddle(org, entries int) {
	for range entries {
		var of []*writer
		for _, w := range h.ws {
			if w.org == org {
				of = append(of, w)
			}
		}
		w := of[h.pick(len(of))]
		h.learn(w)
		prev := -1
		if own := w.own[id.Control]; len(own) > 0 && !h.chance(6) {
			prev = own[len(own)-1]
			if h.pick(2) == 0 {
				prev = own[h.pick(len(own))]
			}
		} else if w == h.ws[0] {
			prev = 0
		}
		know := w.seen.upTo(len(h.pool) - h.pick(len(h.pool)))
		if f, ok := h.mischief(w); ok {
			h.writeAfter(w, prev, f, know.or(h.needs(f)))
		}
	}
}

// needs is what an entry must have seen to be of any effect.
func (h *history) needs(f entry.Fields) (in set) {
	var xs []id.EntryID
	if f.Cfg != nil {
		xs = append(xs, *f.Cfg)
	}
	m, _ := protocol.Read(&entry.Sealed{Fields: f})
	switch m := m.(type) {
	case *protocol.Endorse:
		xs = append(xs, m.Config)
	case *protocol.Propose:
		xs = append(xs, *m.Config.Parent)
	}
	for _, x := range xs {
		if i, ok := h.at[x]; ok {
			in = in.or(h.past[i]).with(i)
		}
	}
	return in
}

// mischief is something that an organisation might write to get power.
func (h *history) mischief(w *writer) (f entry.Fields, ok bool) {
	var m protocol.Message
	x := h.confs[h.pick(len(h.confs))]
	d, o := h.ds[w.org], h.ds[h.pick(len(h.ds))]
	switch h.pick(12) {
	case 0, 1:
		m, f.Cfg = &protocol.Remove{Org: o.Org.ID}, &x.ID
	case 2:
		if o == d || !able(o) || !able(d) {
			return f, false
		}
		m, f.Cfg = admitOf(h.known, d, o, protocol.Role(1+h.pick(6)), fmt.Sprint(h.pick(5))), &x.ID
	case 3, 4:
		m = &protocol.Propose{Config: h.next(w, x, protocol.Ordinary)}
	case 5:
		m = &protocol.Propose{Config: h.next(w, x, protocol.Succession)}
	case 6, 7, 8:
		if x.Kind == protocol.Succession {
			return f, false
		}
		m = &protocol.Endorse{Config: x.ID}
	case 9:
		k, known := d.Org.Daemon(w.kid)
		if len(d.Org.Events) > 9 || !known || k.Revoked {
			return f, false
		}
		event := must(d.Org.RevokeDaemon(d.Root, w.kid, 1))
		cut := h.cut(w, d, w.kid)
		d.Org = must(d.Org.Extend(event))
		m, f.Cfg = &protocol.Ident{Events: [][]byte{event}, Cut: cut}, &x.ID
	case 10:
		m = &protocol.Exit{}
	default:
		m = &protocol.Status{RM: protocol.RM(2 + h.pick(5))}
	}
	f.Type, f.Ctl = m.Type(), protocol.Ctl(m)
	return f, true
}

// TestDroppedSteward is P3.2: a steward that an ordinary config has dropped writes
// anything anywhere but claims, and nothing changes for others unless somebody has
// voted twice.
func TestDroppedSteward(t *testing.T) {
	seeds(t, 40, func(seed uint64) string { return droppedSteward(seed, protocol.NewCase) })
	for rule, hint := range map[string]uint64{"a cut voids what is above it": 27, "an act is done under the chain": 26} {
		notices(t, rule, hint, func(seed uint64) string {
			return droppedSteward(seed, func() *protocol.Case { return protocol.Broken(rule) })
		})
	}
}

func droppedSteward(seed uint64, fresh func() *protocol.Case) string {
	h := seated(short(seed, 150), 2+int(seed%4))
	h.honest, h.calm = true, h.pick(2) == 0
	for len(h.script) > 120 {
		h.step()
	}
	z := h.depose()
	if z < 0 {
		return ""
	}
	return h.unchanged(z, fresh)
}

// unchanged says what an organisation that writes anything changes for others.
func (h *history) unchanged(z int, fresh func() *protocol.Case) string {
	c, n := fold(fresh(), h.pool), len(h.pool)
	before := h.power(c, z, n)
	h.meddle(z, 3+h.pick(8))
	if after := h.power(h.adds(c, n), z, n); before != after && !h.doubled(c) {
		return fmt.Sprintf("%s changes it:\n%s", h.ds[z].Org.Name, diff(before, after))
	}
	return ""
}

// depose finds a steward that an ordinary config has dropped, or lets the others
// drop one; -1 when there is none. With a succession in the chain who is dropped may
// have been present before it (spec/protocol.md §11): none, too.
func (h *history) depose() int {
	for range 3 {
		chain := h.known.Chain()
		if slices.ContainsFunc(chain, func(x protocol.Config) bool { return x.Kind == protocol.Succession }) {
			return -1
		}
		for i, x := range chain {
			for _, o := range x.Stewards {
				if i+1 < len(chain) && !slices.Contains(h.known.Stewards(), o) {
					return h.orgAt(o)
				}
			}
		}
		tip := h.known.Config()
		at := slices.IndexFunc(h.confs, func(x proposed) bool { return x.ID == tip.ID })
		i := h.pick(len(tip.Stewards))
		stay := slices.Delete(slices.Clone(tip.Stewards), i, i+1)
		if len(stay) < int(tip.Quorum) {
			return -1
		}
		w := h.steward(stay[0])
		w.seen = w.seen.or(h.control())
		f := h.next(w, h.confs[at], protocol.Ordinary)
		f.Stewards, f.Quorum = stay, uint8(len(stay)/2+1)
		f.Cuts = []protocol.Cut{{Org: tip.Stewards[i], Places: h.places(w, h.confs[at], tip.Stewards[i:i+1], 9)}}
		conf := h.putForward(w, h.confs[at], f)
		for _, o := range stay {
			w := h.steward(o)
			w.seen = w.seen.or(h.control())
			h.vote(w, conf)
		}
	}
	return -1
}

func (h *history) orgAt(o id.OrgID) int {
	for i, d := range h.ds {
		if d.Org.ID == o {
			return i
		}
	}
	return -1
}

// TestParticipantsArePowerless is P3.3: who was never named a steward writes
// anything anywhere, and nothing changes for others.
func TestParticipantsArePowerless(t *testing.T) {
	seeds(t, 40, func(seed uint64) string { return participant(seed, protocol.NewCase) })
	for rule, hint := range map[string]uint64{"only stewards remove": 4, "stewards vote for an ordinary config": 24} {
		notices(t, rule, hint, func(seed uint64) string {
			return participant(seed, func() *protocol.Case { return protocol.Broken(rule) })
		})
	}
}

func participant(seed uint64, fresh func() *protocol.Case) string {
	h := seated(short(seed, 150), 1+int(seed%4))
	h.honest = true
	for len(h.script) > 120 {
		h.step()
	}
	for i := range h.ds {
		if !slices.ContainsFunc(h.confs, func(x proposed) bool { return slices.Contains(x.Stewards, h.ds[i].Org.ID) }) {
			return h.unchanged(i, fresh)
		}
	}
	return ""
}

// TestDuels is P3.4: stewards propose at the same time to drop each other, vote for
// any of it, once or more, and act on: the case is the same for all, and what the
// rules say.
func TestDuels(t *testing.T) {
	ask := func(seed uint64, fresh func() *protocol.Case) string {
		h := duel(seed)
		if d := converges(h, rand.New(rand.NewPCG(seed, 0)), fresh); d != "" {
			return d
		}
		return agrees(h, nil, fresh)
	}
	seeds(t, 40, func(seed uint64) string { return ask(seed, protocol.NewCase) })
	for rule, hint := range map[string]uint64{"an act waits for its config": 8, "a cut voids what is above it": 3, "only the first vote counts": 1} {
		notices(t, rule, hint, func(seed uint64) string {
			return ask(seed, func() *protocol.Case { return protocol.Broken(rule) })
		})
	}
}

// duel is a case of two to five stewards that want each other out.
func duel(seed uint64) *history {
	n := 2 + int(seed%4)
	h := seated(short(seed, 120), n)
	p := h.confs[len(h.confs)-1]
	var rivals []int
	for _, w := range h.ws[:n] {
		var stay []id.OrgID
		for i, d := range h.ds[:n] {
			if i == w.org || h.pick(2) == 0 {
				stay = append(stay, d.Org.ID)
			}
		}
		f := h.next(w, p, protocol.Ordinary)
		f.Stewards, f.Quorum, f.Cuts = stay, uint8(len(stay)/2+1), nil
		for _, o := range p.Stewards {
			if !slices.Contains(stay, o) {
				f.Cuts = append(f.Cuts, protocol.Cut{Org: o, Places: h.places(w, p, []id.OrgID{o}, 3)})
			}
		}
		slices.SortFunc(f.Cuts, func(a, b protocol.Cut) int { return bytes.Compare(a.Org[:], b.Org[:]) })
		rivals = append(rivals, h.putForward(w, p, f))
	}
	for range 3 * n {
		w := h.ws[h.pick(n)]
		x := h.confs[rivals[h.pick(n)]]
		switch h.pick(5) {
		case 0, 1, 2: // it may have voted before: then beside that
			f := fields(&protocol.Endorse{Config: x.ID})
			prev := w.tip[id.Control]
			if at, ok := h.lastIn(w, h.past[x.at].upTo(len(h.pool)).with(x.at)); ok && h.pick(2) == 0 {
				prev = at
			}
			know := w.seen.or(h.past[x.at]).with(x.at)
			if prev != w.tip[id.Control] {
				know = h.past[x.at].upTo(len(h.pool)).with(x.at)
			}
			h.writeAfter(w, prev, f, know)
		case 3:
			h.learn(w)
		default:
			h.act(w, &protocol.Remove{Org: h.ds[h.pick(len(h.ds))].Org.ID})
		}
	}
	for _, w := range h.ws[:n] { // all have heard everything, and go on
		w.seen = w.seen.or(h.control())
		h.act(w, &protocol.Remove{Org: h.ds[len(h.ds)-1].Org.ID})
	}
	return h
}

// TestDuelOfTwo goes through every order in which the entries of two stewards that
// drop each other can arrive.
func TestDuelOfTwo(t *testing.T) {
	for _, votes := range [][2]int{{0, 1}, {1, 0}, {0, 0}, {2, 2}} {
		h := seated(nil, 2)
		p, base := h.confs[1], len(h.pool)
		var xs []int
		for i, w := range h.ws[:2] {
			f := h.next(w, p, protocol.Ordinary)
			f.Stewards, f.Quorum = []id.OrgID{h.ds[i].Org.ID}, 1
			f.Cuts = []protocol.Cut{{Org: h.ds[1-i].Org.ID}}
			f.Heads = nil
			xs = append(xs, h.putForward(w, p, f))
		}
		for i, w := range h.ws[:2] {
			tip := w.tip[id.Control]
			for j, x := range xs {
				if votes[i] == 2 || votes[i] == j {
					know := h.past[h.confs[x].at].upTo(len(h.pool)).with(h.confs[x].at)
					h.writeAfter(w, tip, fields(&protocol.Endorse{Config: h.confs[x].ID}), know)
				}
			}
			cfg := h.confs[xs[i]].ID
			f := fields(&protocol.Remove{Org: h.ds[5].Org.ID, Code: uint8(i)})
			f.Cfg = &cfg
			h.write(w, f)
		}
		want, orders := h.shown(fold(protocol.NewCase(), h.pool)), 0
		everyOrder(h.pool[:base], h.pool[base:], func(es []*entry.Sealed) {
			orders++
			if got := h.shown(fold(protocol.NewCase(), es)); got != want {
				t.Fatalf("votes %v: two orders, two cases:\n%s", votes, diff(want, got))
			}
		})
		t.Logf("votes %v: %d orders, chain of %d", votes, orders, len(fold(protocol.NewCase(), h.pool).Chain()))
	}
}

// everyOrder yields each causal order in which rest can follow head.
func everyOrder(head, rest []*entry.Sealed, yield func([]*entry.Sealed)) {
	if len(rest) == 0 {
		yield(head)
		return
	}
	placed := map[id.EntryID]bool{}
	for _, e := range head {
		placed[e.ID] = true
	}
	for i, e := range rest {
		if ready(e, placed) {
			everyOrder(append(slices.Clip(head), e), slices.Delete(slices.Clone(rest), i, i+1), yield)
		}
	}
}

// TestLateEndorsement is P3.5: a steward that was dropped votes late for another
// child of a config that it helped to decide; others vote again, having voted.
func TestLateEndorsement(t *testing.T) {
	seeds(t, 40, func(seed uint64) string { return lateVote(seed, protocol.NewCase) })
	notices(t, "only the first vote counts", 5, func(seed uint64) string {
		return lateVote(seed, func() *protocol.Case { return protocol.Broken("only the first vote counts") })
	})
}

func lateVote(seed uint64, fresh func() *protocol.Case) string {
	n := 2 + int(seed%4)
	h := seated(short(seed, 60), n)
	h.honest, h.calm = true, true
	p := h.confs[len(h.confs)-1]
	z := h.depose()
	if z < 0 {
		return ""
	}
	w := h.steward(h.ds[z].Org.ID)
	c, before := fold(fresh(), h.pool), h.known.Chain()
	old := *w
	old.seen = h.past[p.at].upTo(len(h.pool)).with(p.at)
	x := h.putForward(&old, p, h.next(&old, p, protocol.Ordinary))
	h.vote(&old, x)
	for _, o := range p.Stewards { // in causal order after their first: no proof of anything
		if v := h.steward(o); v.org != z && h.pick(3) > 0 {
			v.seen = v.seen.or(h.control())
			h.vote(v, x)
		}
	}
	c = h.adds(c, c.Len())
	for i, x := range before {
		if chain := c.Chain(); i >= len(chain) || chain[i].ID != x.ID {
			return fmt.Sprintf("link %d of the chain is another", i)
		}
	}
	return ""
}

// TestForkBelowFinalised is P3.8: a steward's key that signs a second entry at an
// old place changes nothing at or below what a config of the chain has finalised. Only
// a removal there may have nobody left to remove, whose admission was not final.
func TestForkBelowFinalised(t *testing.T) {
	seeds(t, 40, func(seed uint64) string { return forkBelow(seed, protocol.NewCase) })
	notices(t, "what is finalised stands", 1, func(seed uint64) string {
		return forkBelow(seed, func() *protocol.Case { return protocol.Broken("what is finalised stands") })
	})
}

func forkBelow(seed uint64, fresh func() *protocol.Case) string {
	h := seated(short(seed, 150), 1+int(seed%4))
	h.honest, h.calm = true, true
	for len(h.script) > 100 {
		h.step()
	}
	tip := h.known.Config()
	at := slices.IndexFunc(h.confs, func(x proposed) bool { return x.ID == tip.ID })
	w := h.steward(tip.Stewards[h.pick(len(tip.Stewards))])
	w.seen = w.seen.or(h.control())
	f := h.next(w, h.confs[at], protocol.Ordinary)
	f.Stewards, f.Quorum, f.Cuts, f.Rules = tip.Stewards, tip.Quorum, nil, tip.Rules
	f.Heads = h.places(w, h.confs[at], tip.Stewards, 99)
	conf := h.putForward(w, h.confs[at], f)
	for _, o := range tip.Stewards {
		v := h.steward(o)
		v.seen = v.seen.or(h.control())
		h.vote(v, conf)
	}
	c, n := fold(fresh(), h.pool), len(h.pool)
	under := map[int]string{}
	for _, p := range protocol.Fin(c) {
		for i, e := range h.pool {
			if h.above(h.at[p.ID], i) && (e.Type == 4 || e.Type == 5) {
				under[i], _ = c.Verdict(e.ID)
			}
		}
	}
	for i := range under {
		for _, w := range h.ws { // a second entry in its place, or below
			if own := w.own[id.Control]; w.kid == h.pool[i].Kid && own[0] != i {
				j := own[h.pick(slices.Index(own, i))]
				m := &protocol.Remove{Org: h.ds[h.pick(len(h.ds))].Org.ID, Code: 9}
				f := fields(m)
				f.Cfg = &tip.ID
				h.writeAfter(w, j, f, h.past[j].upTo(n))
			}
		}
	}
	h.adds(c, n)
	for i, was := range under {
		if now, _ := c.Verdict(h.pool[i].ID); now != was && !(now == "subject-not-a-member" && h.unfinal(c, i, under)) {
			return fmt.Sprintf("entry %d: %q, was %q", i, now, was)
		}
	}
	if !slices.ContainsFunc(c.Chain(), func(x protocol.Config) bool { return x.ID == tip.ID }) {
		return "the chain is another"
	}
	return ""
}

// unfinal says whether the subject of removal r was admitted, before it, by an act
// that is not final and has lost its force.
func (h *history) unfinal(c *protocol.Case, r int, final map[int]string) bool {
	m, err := protocol.Read(h.pool[r])
	remove, ok := m.(*protocol.Remove)
	if err != nil || !ok {
		return false
	}
	for i, e := range h.pool[:r] {
		m, _ := protocol.Read(e)
		if admit, ok := m.(*protocol.Admit); ok && h.past[r].has(i) {
			s := said{Sealed: e}
			s.readAdmit(admit)
			_, is := final[i]
			if now, _ := c.Verdict(e.ID); s.invitee == remove.Org && !is && now == "forked-authority" {
				return true
			}
		}
	}
	return false
}

// TestSaidStays is P3.11: what a member has reported and noted stays valid
// everywhere, though it leaves or is removed, seen or not.
func TestSaidStays(t *testing.T) {
	seeds(t, 40, func(seed uint64) string { return saidStays(seed, protocol.NewCase) })
	notices(t, "content is never voided", 3, func(seed uint64) string {
		return saidStays(seed, func() *protocol.Case { return protocol.Broken("content is never voided") })
	})
}

func saidStays(seed uint64, fresh func() *protocol.Case) string {
	h := play(short(seed, 150), steady())
	for _, w := range h.ws {
		h.tell(w)
	}
	c, n := fold(fresh(), h.pool), len(h.pool)
	was := map[int]bool{}
	for i, e := range h.pool {
		rule, _ := c.Verdict(e.ID)
		was[i] = !e.Control() && rule == ""
	}
	for _, o := range h.ws {
		w, f := h.steward(h.known.Stewards()[0]), fields(&protocol.Remove{Org: h.ds[o.org].Org.ID})
		cfg := h.known.Config().ID
		f.Cfg = &cfg
		know := w.seen
		switch h.pick(4) {
		case 0:
			know = nil // but for what its feed has seen
		case 1:
			know = h.control()
		case 2:
			w, f = o, fields(&protocol.Exit{})
		}
		if prev, ok := w.tip[id.Control]; ok {
			h.writeAfter(w, prev, f, know)
		}
	}
	h.adds(c, n)
	last := slices.Clone(h.pool) // who hears of all removals before any content
	slices.SortStableFunc(last, func(a, b *entry.Sealed) int { return int(a.Type/32) - int(b.Type/32) })
	for _, c := range []*protocol.Case{c, fold(fresh(), last)} {
		for i := range was {
			if rule, _ := c.Verdict(h.pool[i].ID); was[i] && rule != "" {
				return fmt.Sprintf("content %d is refused as %s", i, rule)
			}
		}
	}
	return ""
}
