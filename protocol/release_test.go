package protocol_test

import (
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// plans is a case with a steward and two vendors.
func plans(t *testing.T) *tour {
	s := &tour{seen: map[id.EntryID]bool{}}
	s.cast("Lead", "Vendor", "Finder", "Operator", "Stranger")
	s.put("opens the case", s.a.Open(t.Name(), link.Terms(), protocol.Coordinator), "")
	s.joins(s.a, s.b, protocol.MitigatingVendor)
	s.joins(s.a, s.c, protocol.DependentVendor)
	s.rest()
	return s
}

func release(t *testing.T, d *link.Daemon, want *entry.Sealed) protocol.Release {
	t.Helper()
	r, ok := d.Case.Release()
	if ok != (want != nil) || ok && r.Plan != want.ID {
		t.Fatalf("the plan in force is %+v, %v", r, ok)
	}
	return r
}

// TestPlansInARow: a plan that knows the one before replaces it, earlier or later, and
// an answer to one is none to the other.
func TestPlansInARow(t *testing.T) {
	s := plans(t)
	a, b, c := s.a, s.b, s.c
	release(t, a, nil)
	first := a.Act(&protocol.ReleasePlan{At: link.Start + 20*day})
	b.Say(&protocol.ReleaseReady{Plan: first.ID, State: protocol.ReadyToRelease})
	if r := release(t, a, first); r.Ready() || len(r.Answers) != 2 {
		t.Errorf("one of two is ready: %+v", r)
	}
	c.Say(&protocol.ReleaseReady{Plan: first.ID, State: protocol.NotReadyRelease})
	c.Say(&protocol.ReleaseReady{Plan: first.ID, State: protocol.ReadyToRelease})
	if r := release(t, a, first); !r.Ready() {
		t.Errorf("both are ready: %+v", r)
	}
	sooner := a.Act(&protocol.ReleasePlan{At: link.Start + 10*day})
	if r := release(t, a, sooner); r.Ready() || r.Answers[0].State != protocol.ReleaseSilent {
		t.Errorf("nobody has answered the plan in force: %+v", r)
	}
	a.Act(&protocol.ReleasePlan{})
	release(t, a, nil)
	again := a.Act(&protocol.ReleasePlan{At: link.Start + 30*day})
	b.Say(&protocol.ReleaseReady{Plan: again.ID, State: protocol.ReadyToRelease})
	c.Say(&protocol.Exit{Code: 1})
	if r := release(t, a, again); !r.Ready() {
		t.Errorf("who has left holds nobody up: %+v", r)
	}
}

// TestPlansSideBySide: of plans that do not know each other the later instant holds,
// whichever comes first; to call it off holds against both.
func TestPlansSideBySide(t *testing.T) {
	s := plans(t)
	a := s.a
	three := s.puts("three stewards", a, "", nil, a, s.b, s.c)
	s.votes("the vote for them", a, three, "")
	wrote := map[*link.Daemon]bool{}
	at := func(d *link.Daemon, days uint64) *entry.Sealed {
		deps := []id.EntryID{three.ID}
		if wrote[d] {
			deps = nil // its entry before knows it
		}
		wrote[d] = true
		p := &protocol.ReleasePlan{}
		if days > 0 {
			p.At = link.Start + days*day
		}
		cfg := d.Case.Config().ID
		return d.Write(entry.Fields{Type: p.Type(), Ctl: protocol.Ctl(p), Cfg: &cfg, Deps: deps})
	}
	soon, late := at(s.b, 10), at(s.c, 20)
	verdict(t, a.Case, soon, "")
	verdict(t, a.Case, late, "")
	release(t, a, late)
	for _, es := range [][]*entry.Sealed{{soon, late}, {late, soon}} {
		c := protocol.NewCase()
		for _, e := range inOrder(a) {
			if e.ID != soon.ID && e.ID != late.ID {
				c.Apply(e)
			}
		}
		for _, e := range es {
			c.Apply(e)
		}
		if r, ok := c.Release(); !ok || r.Plan != late.ID {
			t.Errorf("another order: %+v, %v", r, ok)
		}
	}
	off := a.Act(&protocol.ReleasePlan{}) // it knows both
	verdict(t, a.Case, off, "")
	release(t, a, nil)
	far, none := at(s.b, 40), at(s.c, 0) // these know neither it nor each other
	verdict(t, a.Case, far, "")
	verdict(t, a.Case, none, "")
	release(t, a, nil)
}

// TestOwnRelease: what a daemon does not write, though it would count.
func TestOwnRelease(t *testing.T) {
	s := plans(t)
	a, b := s.a, s.b
	asks := func(what string, d *link.Daemon, m protocol.Message, rule string) {
		t.Helper()
		f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), T: link.Start + 5*day}
		if _, ok := m.(*protocol.ReleasePlan); ok {
			cfg := d.Case.Config().ID
			f.Cfg = &cfg
		}
		got := ""
		if err := d.Case.May(d.Kid, f); err != nil {
			got = err.(*protocol.Refusal).Rule
		}
		if got != rule {
			t.Errorf("%s: %q, want %q", what, got, rule)
		}
	}
	asks("an instant that has passed", a, &protocol.ReleasePlan{At: link.Start + 5*day}, "instant-in-past")
	asks("an instant ahead", a, &protocol.ReleasePlan{At: link.Start + 5*day + 1}, "")
	asks("calls off what nobody planned", a, &protocol.ReleasePlan{}, "no-change")
	first := a.Act(&protocol.ReleasePlan{At: link.Start + 10*day})
	asks("plans it again", a, &protocol.ReleasePlan{At: link.Start + 10*day}, "no-change")
	ready := &protocol.ReleaseReady{Plan: first.ID, State: protocol.ReadyToRelease}
	asks("is ready", b, ready, "")
	b.Say(ready)
	asks("is ready twice", b, ready, "no-change")
	a.Act(&protocol.ReleasePlan{At: link.Start + 11*day})
	asks("answers a plan that is no more", b, ready, "plan-superseded")
}
