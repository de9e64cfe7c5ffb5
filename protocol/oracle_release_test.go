package protocol_test

import (
	"bytes"
	"cmp"
	"fmt"

	"cordon/protocol"
)

// readies are spec/kinds.md, release-ready.
func (v *view) readies(s *said, m *protocol.ReleaseReady) []string {
	b := v.memberThen(s)
	if x := v.w.by[m.Plan]; x == nil || !s.past[m.Plan] || x.Type != (&protocol.ReleasePlan{}).Type() {
		b = append(b, "plan-unknown")
	}
	if !v.unremoved(s) {
		b = append(b, "removed")
	}
	return b
}

// plan is the plan in force.
func (v *view) plan() (top *said, at uint64) {
	for _, s := range v.w.es {
		m, ok := s.m.(*protocol.ReleasePlan)
		if !ok || len(v.judge(s)) > 0 {
			continue
		}
		replaced := false
		for _, x := range v.w.es {
			_, ok := x.m.(*protocol.ReleasePlan)
			replaced = replaced || ok && x.past[s.ID] && len(v.judge(x)) == 0
		}
		mine := m.At
		if mine == 0 {
			mine = 1 << 63
		}
		if !replaced && (top == nil || mine > at || mine == at && bytes.Compare(s.ID[:], top.ID[:]) < 0) {
			top, at = s, mine
		}
	}
	return top, at
}

// disagreeOnRelease compares the plan in force and who has answered it.
func (v *view) disagreeOnRelease(h *history, c *protocol.Case) string {
	top, at := v.plan()
	r, ok := c.Release()
	if ok != (top != nil && at != 1<<63) || ok && (r.Plan != top.ID || r.At != at) {
		return fmt.Sprintf("the plan is %+v, %v in the fold, %v at %d", r, ok, top != nil, at)
	}
	for _, a := range r.Answers {
		var last *said
		for _, s := range v.w.es {
			m, ok := s.m.(*protocol.ReleaseReady)
			if ok && s.org == a.Org && m.Plan == r.Plan && len(v.judge(s)) == 0 && (last == nil || before(last, s)) {
				last = s
			}
		}
		want := protocol.ReleaseSilent
		if last != nil {
			want = last.m.(*protocol.ReleaseReady).State
		}
		if a.State != want || !v.member(a.Org) {
			return fmt.Sprintf("the answer of %v is %v in the fold, %v", a.Org, a.State, want)
		}
	}
	return ""
}

// before is the order of registers.
func before(a, b *said) bool {
	value := func(s *said) protocol.Readiness { return s.m.(*protocol.ReleaseReady).State }
	return cmp.Or(cmp.Compare(a.LC, b.LC), bytes.Compare(a.Kid[:], b.Kid[:]), cmp.Compare(a.Seq, b.Seq), cmp.Compare(value(a), value(b))) < 0
}
