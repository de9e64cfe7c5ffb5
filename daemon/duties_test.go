package daemon

import (
	"slices"
	"testing"
	"time"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
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

// allOf is what a daemon holds, in causal order.
func allOf(d *link.Daemon) []*entry.Sealed {
	var all []*entry.Sealed
	for _, e := range d.Held {
		all = append(all, e)
	}
	slices.SortFunc(all, func(p, q *entry.Sealed) int { return int(p.LC) - int(q.LC) })
	return all
}
