package peer_test

import (
	"testing"

	"cordon/ledger"
	"cordon/peer/peertest"
	"cordon/protocol"
	"cordon/protocol/id"
)

// TestCasesAreServedInTurn: who lacks very much of one case gets what is little of others,
// and the control of the large one, before: neither who sends nor who asks lets a case wait
// for another. The control: the large one has not come by then.
func TestCasesAreServedInTurn(t *testing.T) {
	t.Parallel()
	const large, little, others = 20_000, 10, 4
	orgs := newOrgs(t, 2)
	a, b := orgs[0], orgs[1]
	peertest.Meet(a, b)
	share := func(n int) (id.CaseID, ledger.Entry) {
		c := must(a.Open())(t)
		writer := must(peertest.Identity("writer"))(t)
		for _, o := range []*peertest.Org{b, writer} {
			if err := a.Admit(c, o, protocol.Observer); err != nil {
				t.Fatal(err)
			}
		}
		list := copyCase(t, c, a, b)
		var agr id.AgrID
		if err := a.Cases.With(c, func(k *protocol.Case) error { agr = k.Embargo().Agreement; return nil }); err != nil {
			t.Fatal(err)
		}
		raws := writer.Notes(c, list[len(list)-1], agr, n)
		for len(raws) > 0 {
			part := raws[:min(256, len(raws))]
			raws = raws[len(part):]
			if res, err := a.Ledger.Accept(t.Context(), c, part); err != nil || res.Stored != len(part) {
				t.Fatalf("%+v, %v", res, err)
			}
		}
		return c, must(a.Write(c, &protocol.Address{Addrs: []string{"/ip4/192.0.2.1/tcp/1"}}))(t)
	}
	big, last := share(large)
	small := map[id.CaseID]bool{}
	for range others {
		c, _ := share(little)
		small[c] = true
	}
	held := func(c id.CaseID) (n int) {
		for _, h := range must(b.Ledger.Heads(c))(t) {
			if h.Feed.Comp != id.Control {
				n += int(h.Seq) + 1
			}
		}
		return n
	}
	start(t, a, b)
	until(t, "the little ones have come", orgs, func() bool {
		for c := range small {
			if held(c) < little {
				return false
			}
		}
		return true
	})
	if n := held(big); n > large/2 {
		t.Errorf("%d of %d entries of the large case came before the little ones", n, large)
	}
	until(t, "control of the large one has come", orgs, func() bool {
		_, err := b.Ledger.Entry(big, last.ID)
		return err == nil
	})
	if n := held(big); n > large/2 {
		t.Errorf("%d of %d entries of the large case came before its control", n, large)
	}
	until(t, "the large one has come", orgs, func() bool { return held(big) == large })
}
