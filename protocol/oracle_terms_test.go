package protocol_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/id"
)

// offer is an agreement as the oracle reads it.
type offer struct {
	id.AgrID
	protocol.Record
	by []*said // what carries it, terms 0 by genesis
}

// offers are the agreements of terms 0 and of all proposals that the past alone does
// not refuse.
func (w *world) offers() map[id.AgrID]*offer {
	if w.agreements != nil {
		return w.agreements
	}
	w.agreements = map[id.AgrID]*offer{}
	for _, s := range w.es { // a causal order: parents first
		var a protocol.Agreement
		switch m := s.m.(type) {
		case *protocol.Genesis:
			a = m.Terms
		case *protocol.EmbargoPropose:
			if a = m.Terms; len(w.broken(s)) > 0 || len(w.unoffered(s, m)) > 0 {
				continue
			}
		default:
			continue
		}
		if w.agreements[a.ID()] == nil {
			w.agreements[a.ID()] = &offer{AgrID: a.ID(), Record: must(a.Open())}
		}
		x := w.agreements[a.ID()]
		x.by = append(x.by, s)
	}
	return w.agreements
}

// known: a past has an entry that carries the agreement.
func (w *world) agreed(a id.AgrID, past map[id.EntryID]bool) bool {
	x := w.offers()[a]
	return x != nil && slices.ContainsFunc(x.by, func(s *said) bool { return past[s.ID] })
}

// cites are the rules of the past for who speaks as a steward, if it does.
func (w *world) cites(s *said) []string {
	if s.Cfg == nil {
		return nil
	}
	return w.byPast(s)
}

// unoffered are the rules that a proposal breaks by its past alone.
func (w *world) unoffered(s *said, m *protocol.EmbargoPropose) []string {
	b := w.cites(s)
	r, err := m.Terms.Open()
	switch {
	case err != nil || r.Parent == nil || r.End == nil:
		b = append(b, "bad-agreement")
	case !w.agreed(*r.Parent, s.past):
		b = append(b, "agreement-unknown")
	}
	return b
}

// voiced are the rules for who speaks of the embargo: as a steward's act where a config
// is cited, else as a member.
func (v *view) voiced(s *said) []string {
	if s.Cfg != nil {
		return v.steward(s)
	}
	return v.memberThen(s)
}

// speaks are voiced, and what came since.
func (v *view) speaks(s *said) []string {
	b := v.voiced(s)
	if s.Cfg == nil && !v.unremoved(s) {
		b = append(b, "removed")
	}
	return b
}

// unheard are the rules that an answer to an agreement breaks by its past alone.
func (v *view) unheard(s *said, a id.AgrID) []string {
	b := v.w.cites(s)
	if !v.w.agreed(a, s.past) {
		b = append(b, "agreement-unknown")
	}
	return b
}

// answering are the rules of an answer to an agreement.
func (v *view) answering(s *said, a id.AgrID) []string {
	if b := v.unheard(s, a); len(b) > 0 {
		return b
	}
	return v.speaks(s)
}

// sound says whether an acceptance breaks none but the rule of what came since. That one is
// not asked: it rests on removals, which rest on the terms that were in force before them.
func (v *view) sound(s *said, a id.AgrID) bool {
	yes, ok := v.sounds[s.ID]
	if !ok {
		yes = len(v.w.broken(s)) == 0 && len(v.unheard(s, a)) == 0 && len(v.voiced(s)) == 0
		v.sounds[s.ID] = yes
	}
	return yes
}

func relaxes(b, a protocol.Record) bool {
	return b.Terms == a.Terms && b.TextHash == a.TextHash && ends(b) <= ends(a)
}

func ends(r protocol.Record) uint64 {
	if r.End == nil {
		return 0
	}
	return *r.End
}

// words are the stewards that have given their word for an agreement by a past, each with
// the numbers of the configs under which.
func (v *view) words(x *offer, past map[id.EntryID]bool) map[id.OrgID][]int {
	of := map[id.OrgID][]int{}
	for _, word := range v.spoken(x, past) {
		of[word.org] = append(of[word.org], slices.Index(v.links(), *word.Cfg))
	}
	return of
}

// spoken is where stewards have given their words for an agreement by a past; nil: by everything.
func (v *view) spoken(x *offer, past map[id.EntryID]bool) (all []*said) {
	for _, s := range v.w.es {
		m, ok := s.m.(*protocol.EmbargoAccept)
		if !ok || m.Agr != x.AgrID || past != nil && !past[s.ID] || !v.sound(s, m.Agr) {
			continue
		}
		if s.Cfg != nil && len(v.judge(s)) == 0 {
			all = append(all, s)
		}
		for _, p := range x.by {
			if p.Cfg == nil || p.org == s.org || !s.past[p.ID] || len(v.judge(p)) > 0 {
				continue
			}
			withdrawn := slices.ContainsFunc(v.w.es, func(r *said) bool {
				m, ok := r.m.(*protocol.EmbargoReject)
				return ok && m.Agr == x.AgrID && r.org == p.org && s.past[r.ID] && len(v.w.broken(r)) == 0 && v.w.agreed(m.Agr, r.past) && v.w.cites(r) == nil
			})
			if !withdrawn {
				all = append(all, p)
			}
		}
	}
	return all
}

// active says whether an agreement is by a past.
func (v *view) active(a id.AgrID, past map[id.EntryID]bool) bool {
	x := v.w.offers()[a]
	if x.Parent == nil {
		return true
	}
	words := v.words(x, past)
	carried := relaxes(x.Record, v.w.offers()[*x.Parent].Record) && len(words) > 0
	for n, c := range v.links() {
		if !past[c] {
			continue
		}
		stewards, given := v.w.sound(c).Stewards, 0
		for _, o := range stewards {
			if slices.ContainsFunc(words[o], func(at int) bool { return at <= n }) {
				given++
			}
		}
		carried = carried || 2*given > len(stewards)
	}
	return carried && v.active(*x.Parent, past)
}

// inForce is the current agreement by a past.
func (v *view) inForce(past map[id.EntryID]bool) (best *offer) {
	for a, x := range v.w.offers() {
		if !v.active(a, past) || !v.w.agreed(a, past) {
			continue
		}
		below := false
		for b, y := range v.w.offers() {
			below = below || y.Parent != nil && *y.Parent == a && v.active(b, past)
		}
		if !below && (best == nil || cmp.Or(cmp.Compare(ends(x.Record), ends(best.Record)), bytes.Compare(a[:], best.AgrID[:])) < 0) {
			best = x
		}
	}
	return best
}

// accepts: some yes of the organisation has every no, and of a member every removal and
// exit, in its past.
func (v *view) accepts(o id.OrgID, a id.AgrID) bool {
	yes, no := v.answers(o, a)
	return slices.ContainsFunc(yes, func(y *said) bool {
		return !slices.ContainsFunc(no, func(n *said) bool { return !y.past[n.ID] }) &&
			(!v.member(o) || !slices.ContainsFunc(v.kills(o, nil), func(k *said) bool { return !y.past[k.ID] }))
	})
}

func (v *view) answers(o id.OrgID, a id.AgrID) (yes, no []*said) {
	for _, s := range v.w.es {
		if len(v.judge(s)) > 0 {
			continue
		}
		switch m := s.m.(type) {
		case *protocol.Genesis:
			if s.org == o && m.Terms.ID() == a {
				yes = append(yes, s)
			}
		case *protocol.Admit:
			if s.invitee == o && s.agr == a {
				yes = append(yes, s)
			}
		case *protocol.EmbargoPropose:
			if s.org == o && m.Terms.ID() == a {
				yes = append(yes, s)
			}
		case *protocol.EmbargoAccept:
			if s.org == o && m.Agr == a {
				yes = append(yes, s)
			}
		case *protocol.EmbargoReject:
			if s.org == o && m.Agr == a {
				no = append(no, s)
			}
		}
	}
	return yes, no
}

func (v *view) declines(o id.OrgID, a id.AgrID) bool {
	_, no := v.answers(o, a)
	return len(no) > 0 && !v.accepts(o, a)
}

func (v *view) signs(o id.OrgID, a *offer) bool {
	for b, x := range v.w.offers() {
		if (a == x || relaxes(a.Record, x.Record)) && v.accepts(o, b) {
			return !v.declines(o, a.AgrID)
		}
	}
	return false
}

// ended: a steward of some certified config has ended the embargo, or a claim is confirmed.
func (v *view) ended() bool {
	for _, s := range v.w.es {
		if _, ok := s.m.(*protocol.EmbargoEnd); ok && len(v.judge(s)) == 0 {
			return true
		}
	}
	return v.confirmed(protocol.Public) || v.confirmed(protocol.Exploit) || v.confirmed(protocol.Attack)
}

// everSteward is the standing of ends.
func (v *view) everSteward(s *said) []string {
	for x := range s.past {
		if c := v.w.sound(x); c != nil && v.certified(x) && slices.Contains(c.Stewards, s.org) {
			return nil
		}
	}
	return []string{"not-a-steward"}
}

// disagreeOnTerms compares the embargo and who has signed what.
func (v *view) disagreeOnTerms(h *history, c *protocol.Case) string {
	all := map[id.EntryID]bool{}
	for _, s := range v.w.es {
		if s.Control() {
			all[s.ID] = true
		}
	}
	now, got := v.inForce(all), c.Embargo()
	if got.Agreement != now.AgrID {
		return fmt.Sprintf("in force is %v in the fold, %v", got.Agreement, now.AgrID)
	}
	if d := v.disagreeOnLinks(c, now); d != "" {
		return d
	}
	if over := got.State == protocol.EMExited; over && !v.ended() || v.ended() && (got.State != protocol.EMExited && got.State != protocol.EMNone || len(got.Open) > 0) {
		return fmt.Sprintf("the embargo is %s, ended: %v", got.State, v.ended())
	}
	if !v.ended() {
		want := map[[2]bool]protocol.EM{{false, false}: protocol.EMNone, {false, true}: protocol.EMProposed,
			{true, false}: protocol.EMActive, {true, true}: protocol.EMRevise}[[2]bool{now.End != nil, len(got.Open) > 0}]
		if got.State != want {
			return fmt.Sprintf("the embargo is %s in the fold, %s", got.State, want)
		}
	}
	for _, x := range got.Open {
		if o := v.w.offers()[x.ID]; *o.Parent != now.AgrID || v.active(x.ID, all) {
			return "something is open that does not follow what is in force"
		}
	}
	for _, p := range c.Participants() {
		if got.State != protocol.EMActive && got.State != protocol.EMRevise || !v.member(p.Org) {
			continue
		}
		left := slices.ContainsFunc(v.kills(p.Org, nil), func(k *said) bool { return k.org == p.Org }) && !v.memberIn(p.Org, nil)
		want := protocol.Invited
		switch {
		case left || v.declines(p.Org, now.AgrID):
			want = protocol.Declined
		case v.signs(p.Org, now):
			want = protocol.Signatory
		default:
			for a, x := range v.w.offers() {
				if x.End != nil && v.accepts(p.Org, a) {
					want = protocol.Lapsed
				}
			}
		}
		if p.Consent != want {
			return fmt.Sprintf("%s is %s in the fold, %s", p.Name, p.Consent, want)
		}
	}
	return ""
}
