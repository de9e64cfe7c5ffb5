package daemon

import (
	"slices"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// TestProofHasBothInItsPast: both branches of a fork have gone on, and came
// together with it; the proof still names the two entries where they part.
func TestProofHasBothInItsPast(t *testing.T) {
	a, b := link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B")
	a.Open("case", link.Terms(), protocol.Coordinator)
	a.Admit(b, protocol.MitigatingVendor)
	all := allOf(a)
	for _, says := range [][]protocol.RM{{protocol.RMValid, protocol.RMAccepted, protocol.RMDeferred}, {protocol.RMInvalid, protocol.RMClosed}} {
		copied := b.Fresh()
		copied.Restart(allOf(a))
		for _, rm := range says {
			all = append(all, copied.Say(&protocol.Status{RM: rm}))
		}
	}
	s := pinned(t)
	s.org, s.kid, s.keys.sign = a.Org, a.Kid, a.Key
	s.now = func() time.Time { return time.UnixMilli(int64(link.Start)) }
	c := a.Case.ID()
	s.take(t, c, all...)
	if err := s.led.SetOwn(s.kid); err != nil {
		t.Fatal(err)
	}
	d := newDuties(s, DefaultRounds())
	for range 2 { // once is enough
		if err := d.look(t.Context(), c, true); err != nil {
			t.Fatal(err)
		}
	}
	var proofs []string
	err := s.each(c, 0, func(e ledger.Entry) error {
		if name, _ := protocol.KindName(e.Type); name == "fork" {
			proofs = append(proofs, e.ID.String())
			return s.cases.With(c, func(k *protocol.Case) error {
				if rule, _ := k.Verdict(e.ID); rule != "" || len(k.Unproven()) != 0 {
					t.Errorf("the proof: %q, unproven %d", rule, len(k.Unproven()))
				}
				return nil
			})
		}
		return nil
	})
	if err != nil || len(proofs) != 1 {
		t.Errorf("proofs: %v, %v", proofs, err)
	}
}

// TestDutiesAfterAKill: a daemon that is killed between an admission and its look at
// the case finds after the start that it owes the checkpoint, with no other news; and
// of what it had looked at it looks at nothing again.
func TestDutiesAfterAKill(t *testing.T) {
	a, b := link.NewDaemon(nil, "A"), link.NewDaemon(nil, "B")
	a.Open("case", link.Terms(), protocol.Coordinator)
	c, before := a.Case.ID(), allOf(a)
	other := link.NewDaemon(nil, "O")
	other.Open("other", link.Terms(), protocol.Coordinator)
	a.Admit(b, protocol.MitigatingVendor)
	s := pinned(t)
	s.org, s.kid, s.keys.sign = a.Org, a.Kid, a.Key
	s.now = func() time.Time { return time.UnixMilli(int64(link.Start)) }
	s.take(t, other.Case.ID(), allOf(other)...)
	s.take(t, c, before...)
	start := func() *duties {
		d := newDuties(s, DefaultRounds())
		if err := d.load(); err != nil {
			t.Fatal(err)
		}
		return d
	}
	owed := func(want ...id.CaseID) *duties {
		t.Helper()
		d := start()
		if due := d.nowDue(); !slices.Equal(due, want) {
			t.Errorf("looked at after a start: %v, not %v", due, want)
		}
		return d
	}
	first := start()
	if first.lookAll(t.Context(), first.nowDue(), true); len(checkpoints(t, s, c)) != 0 {
		t.Fatal("a checkpoint before anybody was admitted")
	}
	owed()
	s.take(t, c, allOf(a)[len(before):]...) // killed here
	if err := s.led.SetOwn(s.kid); err != nil {
		t.Fatal(err)
	}

	second := owed(c)
	if second.lookAll(t.Context(), second.nowDue(), true); len(checkpoints(t, s, c)) != 1 {
		t.Error("no checkpoint after the start")
	}
	third := owed()

	b.Restart(allOf(a))
	s.take(t, c, b.Say(&protocol.Status{RM: protocol.RMValid}))
	third.lookAll(t.Context(), []id.CaseID{c}, false)
	writes := third.late[c]
	owed(c) // killed before it was written how far it has looked
	if err := third.flush(); err != nil || !writes || len(third.late) != 0 {
		t.Errorf("flush: %v, was to be written %v, left %d", err, writes, len(third.late))
	}
	if owed(); len(checkpoints(t, s, c)) != 1 {
		t.Error("a second checkpoint")
	}
}

// checkpoints are the proposals in a case.
func checkpoints(t *testing.T, s *service, c id.CaseID) (found []id.EntryID) {
	t.Helper()
	err := s.each(c, 0, func(e ledger.Entry) error {
		if name, _ := protocol.KindName(e.Type); name == "propose" {
			found = append(found, e.ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// allOf is what a daemon holds, in causal order.
func allOf(d *link.Daemon) []*entry.Sealed {
	var all []*entry.Sealed
	for _, e := range d.Held {
		all = append(all, e)
	}
	slices.SortFunc(all, func(p, q *entry.Sealed) int { return int(p.LC) - int(q.LC) })
	return all
}
