package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// property is what must hold of every history, for a case that fresh makes; it
// returns what is wrong.
type property func(h *history, rng *rand.Rand, fresh func() *protocol.Case) string

// TestHistories asks of random histories what LEDGER §3.8 promises of all of them.
func TestHistories(t *testing.T) {
	seeds(t, 40, func(seed uint64) string {
		h := plays(random(seed), steady(), seed%3 == 0)
		for _, p := range []struct {
			name string
			ask  property
		}{
			{"P3.1, any order", converges}, {"the oracle", agrees}, {"P3.6, no double endorser", oneChild},
			{"P3.7, member after a removal", admittedAgain}, {"P3.9, pins", neverSilent}, {"what certifies stays", onlyGrows},
		} {
			if d := p.ask(h, rand.New(rand.NewPCG(seed, 0)), protocol.NewCase); d != "" {
				return p.name + ": " + d
			}
		}
		return ""
	})
}

// TestHistoriesNotice: with a rule switched off, the property that rests on it breaks.
func TestHistoriesNotice(t *testing.T) {
	for _, tc := range []struct {
		rule string
		hint uint64
		ask  property
	}{
		{"a removal voids what it did not see", 14, converges},
		{"a fork takes the force of earlier acts", 204, converges},
		{"a removal wins over what is concurrent", 155, converges},
		{"an act waits for its config", 110, converges},
		{"a cut voids what is above it", 5, agrees},
		{"a forked steward has no power", 2, agrees},
		{"a revocation takes an act's force", 204, agrees},
		{"what is finalised stands", 4, agrees},
		{"an act is done under the chain", 2, agrees},
		{"stewards vote for an ordinary config", 4, agrees},
		{"only the first vote counts", 4, agrees},
		{"what is named as lapsed has lapsed", 1, agrees},
		{"a quorum needs no succession", 7, agrees},
		{"a steward that was heard is not silent", 6, agrees},
		{"silence lasts 14 days", 33, agrees},
		{"no cut is below what is finalised", 37, agrees},
		{"who is dropped has no vote", 2, agrees},
		{"a fork closes the key", 76, agrees},
		{"claims outlive removals", 24, agrees},
		{"it takes a majority to ask more", 85, agrees},
		{"a removal takes no word back", 6048, converges},
		{"yes and no at once is no", 893, agrees},
		{"a dropped steward's word falls", 132, agrees},
		{"a forked steward's word falls", 5, agrees},
		{"who comes in signs what is in force", 114, agrees},
		{"an end is for good", 18, agrees},
		{"the end of a merged case holds", 1, agrees},
		{"no later statement moves an end later", 144, agrees},
		{"an end is agreed on since a merge", 52, agrees},
		{"only the first vote counts", 405, oneChild},
		{"what is named as lapsed has lapsed", 537, oneChild},
		{"stewards vote for an ordinary config", 591, oneChild},
		{"a removal wins over what is concurrent", 155, admittedAgain},
	} {
		notices(t, tc.rule, tc.hint, func(seed uint64) string {
			return tc.ask(plays(random(seed), steady(), seed%3 == 0), rand.New(rand.NewPCG(seed, 0)),
				func() *protocol.Case { return protocol.Broken(tc.rule) })
		})
	}
}

// converges is P3.1: one by one or in batches, once or again, in whatever causal
// order entries come, the case is the same, and so is its digest.
func converges(h *history, rng *rand.Rand, fresh func() *protocol.Case) string {
	a := fold(fresh(), h.pool)
	want, again := h.shown(a), h.shuffled(rng.IntN)
	for _, b := range []struct {
		name string
		c    *protocol.Case
	}{
		{"another order", fold(fresh(), h.shuffled(rng.IntN))},
		{"batches", batches(fresh(), again, rng.IntN)},
		{"one batch, and all again", fold(batches(fresh(), again, func(int) int { return 1 }), again)},
	} {
		if got := h.shown(b.c); got != want || a.Digest() != b.c.Digest() {
			return fmt.Sprintf("%s, another case:\n%s", b.name, diff(want, got))
		}
	}
	return ""
}

// agrees compares the fold with the oracle.
func agrees(h *history, _ *rand.Rand, fresh func() *protocol.Case) string {
	c := fold(fresh(), h.pool)
	return newWorld(c, h.pool).disagree(h, c)
}

// doubled says whether some organisation has two votes that count for two children of
// one config and kind, neither of which knew the other: the proof that it forked, or had
// two daemons that vote.
func (h *history) doubled(c *protocol.Case) bool {
	type ballot struct {
		org    id.OrgID
		parent id.ConfigID
		kind   uint8
	}
	votes := map[ballot][]int{}
	for i, e := range h.pool {
		m, _ := protocol.Read(e)
		v, ok := m.(*protocol.Endorse)
		if rule, _ := c.Verdict(e.ID); !ok || rule != "" {
			continue
		}
		f := h.confs[slices.IndexFunc(h.confs, func(x proposed) bool { return x.ID == v.Config })]
		o, _ := protocol.Author(c, e.ID)
		b := ballot{o, *f.Parent, f.Kind}
		for _, k := range votes[b] {
			other, _ := protocol.Read(h.pool[k])
			if other.(*protocol.Endorse).Config != v.Config && !h.past[i].has(k) && !h.past[k].has(i) {
				return true
			}
		}
		votes[b] = append(votes[b], i)
	}
	return false
}

// lapses notes what of spec/authority.md §3 a history has come to.
func (h *history) lapses(seen map[string]int) {
	w := newWorld(h.known, h.pool)
	for _, e := range h.pool {
		s := w.by[e.ID]
		if rule, _ := h.known.Verdict(e.ID); rule != "" {
			continue
		}
		switch m := s.m.(type) {
		case *protocol.Propose:
			f, p := &m.Config, w.sound(*m.Config.Parent)
			if len(f.Lapsed) > 0 {
				seen["propose that names lapsed ones"]++
			}
			if f.Kind == protocol.Succession && len(p.Stewards)-len(dropped(p, f)) >= int(p.Quorum) {
				seen["succession beside a quorum"]++
			}
		case *protocol.Endorse:
			f := w.sound(m.Config)
			if len(w.votes(s.past, *f.Parent, f.Kind)[s.org]) == 0 {
				continue
			}
			seen["vote after a vote"]++
			if protocol.Certified(h.known, m.Config) {
				seen["certified after a lapse"]++
			}
		}
	}
}

// oneChild is P3.6: while nobody votes twice, a config has at most one ordinary
// child that is certified.
func oneChild(h *history, _ *rand.Rand, fresh func() *protocol.Case) string {
	if !h.honest {
		return ""
	}
	c := fold(fresh(), h.pool)
	of := map[id.ConfigID]int{}
	for _, x := range h.confs {
		if x.Parent == nil || x.Kind != protocol.Ordinary || !protocol.Certified(c, x.ID) {
			continue
		}
		if of[*x.Parent]++; of[*x.Parent] > 1 {
			return fmt.Sprintf("config %d has two certified children", h.at[*x.Parent])
		}
	}
	return ""
}

// admittedAgain is P3.7: who is a member, or a steward, after an honoured removal
// of it has an honoured admission with that removal in its past.
func admittedAgain(h *history, _ *rand.Rand, fresh func() *protocol.Case) string {
	c := fold(fresh(), h.pool)
	w := newWorld(c, h.pool)
	for i, e := range h.pool {
		m, _ := protocol.Read(e)
		r, ok := m.(*protocol.Remove)
		if rule, _ := c.Verdict(e.ID); !ok || rule != "" || !c.Member(r.Org) || slices.Contains(c.Stewards(), r.Org) {
			continue
		}
		again := slices.ContainsFunc(h.pool, func(a *entry.Sealed) bool {
			s := w.by[a.ID]
			_, admits := s.m.(*protocol.Admit)
			p, named := s.m.(*protocol.Propose)
			rule, _ := c.Verdict(a.ID)
			return rule == "" && s.past[e.ID] && (admits && s.invitee == r.Org || named && slices.Contains(p.Config.Stewards, r.Org))
		})
		if !again {
			return fmt.Sprintf("entry %d removes a member for nothing", i)
		}
	}
	return ""
}

// neverSilent is P3.9: a daemon pins what it has acted under. Whatever comes, the
// chain passes through the pin or the case is in conflict, with both certificates;
// then no content goes out and nobody here acts. The pin changes no verdict.
func neverSilent(h *history, rng *rand.Rand, fresh func() *protocol.Case) string {
	c := fresh()
	var pin *id.ConfigID
	for _, e := range h.shuffled(rng.IntN) {
		c.Apply(e)
		chain := c.Chain()
		on := pin == nil || slices.ContainsFunc(chain, func(x protocol.Config) bool { return x.ID == *pin })
		if on != (c.State() != protocol.StateConflict) {
			return fmt.Sprintf("the chain passes through the pin: %v, and the case is %s", on, c.State())
		}
		if !on {
			if d := h.conflicts(c, *pin); d != "" {
				return d
			}
			if rng.IntN(4) == 0 { // a person decides
				pin = &chain[len(chain)-1].ID
				c.Pin(pin)
			}
			continue
		}
		switch rng.IntN(3) {
		case 0: // it was the tip for a day
			pin = &chain[len(chain)-1].ID
		case 1: // it has a certified child
			pin = &chain[max(0, len(chain)-2)].ID
		}
		c.Pin(pin)
	}
	c.Pin(nil)
	if got, want := h.shown(c), h.shown(fold(fresh(), h.pool)); got != want {
		return "a pin changes the case:\n" + diff(want, got)
	}
	return ""
}

// conflicts is what a case in conflict shows and does.
func (h *history) conflicts(c *protocol.Case, pin id.ConfigID) string {
	r, ok := c.Conflict()
	if !ok || !protocol.Certified(c, r.Pinned.ID) || !protocol.Certified(c, r.Chain.ID) || *r.Pinned.Parent != *r.Chain.Parent {
		return fmt.Sprintf("config %d is pinned, and no two certificates are shown", h.at[pin])
	}
	if r.Pinned.Kind == protocol.Ordinary && r.Chain.Kind == protocol.Ordinary && len(r.Both) == 0 {
		return "two ordinary configs are certified, and nobody signed both"
	}
	agr := c.Embargo().Agreement
	for _, w := range h.ws {
		for _, f := range []entry.Fields{{Type: protocol.Note, Comp: id.Everyone, Agr: &agr}, {Type: 5, Cfg: &r.Chain.ID,
			Ctl: protocol.Ctl(&protocol.Remove{Org: h.ds[0].Org.ID})}} {
			if c.May(w.kid, f) == nil {
				return "a daemon acts in a case that is in conflict"
			}
		}
	}
	for _, e := range h.pool {
		for _, d := range h.ds {
			if here := from(h.ds[0]); !e.Control() && c.MaySend(e.ID, protocol.Header, to(d), here).Send {
				return "content goes out of a case that is in conflict"
			}
		}
	}
	return ""
}

// onlyGrows: what is certified stays so, and what is confirmed; an embargo that has exited
// never comes back (P4.6).
func onlyGrows(h *history, rng *rand.Rand, fresh func() *protocol.Case) string {
	c := fresh()
	was, cs, over := map[id.ConfigID]bool{}, "pxa", false
	for _, e := range h.shuffled(rng.IntN) {
		c.Apply(e)
		for x := range was {
			if !protocol.Certified(c, x) {
				return fmt.Sprintf("config %d loses its certificate", h.at[x])
			}
		}
		for _, x := range h.confs {
			if protocol.Certified(c, x.ID) {
				was[x.ID] = true
			}
		}
		if over && c.Embargo().State != protocol.EMExited {
			return "an embargo that was over is " + string(c.Embargo().State)
		}
		over = over || c.Embargo().State == protocol.EMExited
		now := c.CS()[3:]
		for i := range now {
			if cs[i] < 'a' && now[i] >= 'a' {
				return "what was confirmed is not any more"
			}
		}
		cs = now
	}
	return ""
}

// TestHistoriesReach: random histories come to what the properties are about.
func TestHistoriesReach(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(400) {
		h := plays(random(seed+1), steady(), seed%3 == 2)
		for _, e := range h.pool {
			rule, _ := h.known.Verdict(e.ID)
			kind, _ := protocol.KindName(e.Type)
			seen[kind+" "+rule]++
		}
		em := h.known.Embargo()
		seen["embargo "+string(em.State)]++
		if em.Agreement != link.Terms().ID() {
			seen["other terms in force"]++
		}
		if em.End < em.Agreed {
			seen["another case's end"]++
		}
		for _, l := range h.known.Links() {
			if em.End == em.Agreed && l.Relation <= protocol.TookOver && l.Until > 0 && l.Until < em.End {
				seen["an end agreed since a merge"]++
			}
		}
		for _, p := range h.known.Participants() {
			seen["consent "+string(p.Consent)]++
		}
		chain := h.known.Chain()
		seen[fmt.Sprint("chain of ", len(chain))]++
		for _, x := range chain {
			if x.Kind == protocol.Succession {
				seen["succession"]++
			}
		}
		if h.rivals() {
			seen["rivals"]++
		}
		h.lapses(seen)
		if h.doubled(h.known) {
			seen["double votes"]++
		}
	}
	for _, want := range []string{"chain of 1", "chain of 2", "chain of 3", "chain of 4", "succession", "rivals", "double votes",
		"propose ", "propose that names lapsed ones", "vote after a vote", "certified after a lapse", "succession beside a quorum", "propose not-lapsed", "propose quorum-left", "propose cut-below-finalised", "propose unknown-steward", "endorse ", "endorse already-endorsed",
		"endorse steward-was-heard", "endorse endorsed-too-early", "endorse silence-not-noted", "admit ", "admit above-the-cut",
		"admit forked-authority", "admit revoked-authority", "admit config-not-in-chain", "remove ", "remove above-the-cut",
		"remove subject-is-steward", "status removed", "fork ", "fork no-fork", "ident ", "ident bad-cut", "ident config-not-certified",
		"embargo-propose ", "embargo-propose removed", "embargo-accept ", "embargo-accept above-the-cut", "embargo-accept forked-authority",
		"embargo-reject ", "embargo-end ", "embargo-end not-a-steward", "refute ", "release-plan ", "release-ready ", "case-link ", "case-link not-a-steward", "another case's end", "an end agreed since a merge", "admit agreement-not-current",
		"note agreement-not-active", "embargo active", "embargo revise", "embargo exited", "other terms in force",
		"consent signatory", "consent lapsed", "consent declined", "consent invited",
		"alive ", "alive feed-forked", "status dep-after-fork", "note ", "exit "} {
		if seen[want] == 0 {
			t.Errorf("no history has %q", want)
		}
	}
}
