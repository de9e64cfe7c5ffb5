package protocol_test

import (
	"fmt"
	"slices"

	"cordon/protocol"
	"cordon/protocol/id"
)

// linked lists the honoured statements about other cases.
func (v *view) linked() (all []*said) {
	for _, s := range v.w.es {
		if _, ok := s.m.(*protocol.CaseLink); ok && len(v.judge(s)) == 0 {
			all = append(all, s)
		}
	}
	return all
}

func linkOf(s *said) *protocol.CaseLink { return s.m.(*protocol.CaseLink) }

func merges(s *said) bool {
	return linkOf(s).Relation == protocol.GoesOnIn || linkOf(s).Relation == protocol.TookOver
}

// knew are the stewards that gave their word for an agreement with some merge with the
// other case in the past of where they spoke, each with the numbers of the configs.
func (v *view) knew(x *offer, pair id.Pair) map[id.OrgID][]int {
	told := func(s *said) bool {
		return slices.ContainsFunc(v.linked(), func(l *said) bool { return linkOf(l).Pair == pair && merges(l) && s.past[l.ID] })
	}
	of := map[id.OrgID][]int{}
	for _, word := range v.spoken(x, nil) {
		if told(word) {
			of[word.org] = append(of[word.org], slices.Index(v.links(), *word.Cfg))
		}
	}
	return of
}

// agreedSince is spec/kinds.md, case-link.
func (v *view) agreedSince(now *offer, pair id.Pair) bool {
	for x := now; x != nil; x = v.above(x) {
		words := v.knew(x, pair)
		for n, c := range v.links() {
			given := 0
			for _, o := range v.w.sound(c).Stewards {
				if slices.ContainsFunc(words[o], func(at int) bool { return at <= n }) {
					given++
				}
			}
			if 2*given > len(v.w.sound(c).Stewards) {
				return true
			}
		}
	}
	return false
}

// above is the agreement that another follows; nil for terms 0.
func (v *view) above(x *offer) *offer {
	if x.Parent == nil {
		return nil
	}
	return v.w.offers()[*x.Parent]
}

// disagreeOnLinks compares the end of the embargo, and what is said of other cases.
func (v *view) disagreeOnLinks(c *protocol.Case, now *offer) string {
	var inForce []*said
	for _, s := range v.linked() {
		if !slices.ContainsFunc(v.linked(), func(x *said) bool { return x.past[s.ID] && linkOf(x).Pair == linkOf(s).Pair }) {
			inForce = append(inForce, s)
		}
	}
	end := ends(now.Record)
	for _, s := range v.linked() { // also one that another took the place of
		if u := linkOf(s).Until; merges(s) && u > 0 && u < end && !v.agreedSince(now, linkOf(s).Pair) {
			end = u
		}
	}
	if got := c.Embargo(); got.End != end || got.Agreed != ends(now.Record) {
		return fmt.Sprintf("the embargo ends at %d, by its terms at %d in the fold, %d", got.End, got.Agreed, end)
	}
	ls := c.Links()
	for _, s := range inForce {
		want := protocol.Link{Pair: linkOf(s).Pair, Relation: linkOf(s).Relation, Until: linkOf(s).Until, By: s.org, Entry: s.ID}
		if !slices.Contains(ls, want) {
			return fmt.Sprintf("the statement %v is not in force in the fold", s.ID)
		}
	}
	if len(ls) != len(inForce) {
		return fmt.Sprintf("%d statements about other cases are in force in the fold, %d", len(ls), len(inForce))
	}
	return ""
}
