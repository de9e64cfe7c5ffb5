package link_test

import (
	"testing"

	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// TestStoreAndForward is LEDGER's P5.6: A admits B and C, who do not know each
// other's cards; A stops; B's note reaches C.
func TestStoreAndForward(t *testing.T) {
	for seed := range uint64(20) {
		net := link.New(seed)
		net.Loss, net.Twice = 0.2, 0.1
		a, b, c := link.NewDaemon(net, "A"), link.NewDaemon(net, "B"), link.NewDaemon(net, "C")
		outsider := link.NewDaemon(net, "D")
		link.Knows(a, b, c, outsider)
		leaked := 0
		net.Spy(func(_, to int, _ []byte) {
			if to == 3 {
				leaked++
			}
		})
		a.Open("case", link.Terms(), protocol.Coordinator)
		a.Tell(protocol.Subject, id.Everyone)
		a.Admit(b, protocol.Reporter)
		a.Admit(c, protocol.MitigatingVendor)
		for range 30 {
			a.Sync()
			net.Run(10_000)
		}
		if b.Case.Digest() != a.Case.Digest() || c.Case.Digest() != a.Case.Digest() {
			t.Fatalf("seed %d: the case has not reached everybody", seed)
		}
		net.Part(0)
		note := b.Tell(protocol.Note, id.Everyone)
		for range 30 {
			b.Sync()
			c.Sync()
			net.Run(10_000)
		}
		if rule, known := c.Case.Verdict(note.ID); !known || rule != "" {
			t.Fatalf("seed %d: B's note at C: known %v, refused %q", seed, known, rule)
		}
		if leaked != 0 {
			t.Fatalf("seed %d: %d frames went to an organisation that was never admitted", seed, leaked)
		}
	}
}

// TestPartitionHeals: two halves of a case go on alone and end up equal.
func TestPartitionHeals(t *testing.T) {
	net := link.New(7)
	net.Loss = 0.3
	ds := []*link.Daemon{link.NewDaemon(net, "A"), link.NewDaemon(net, "B"), link.NewDaemon(net, "C"), link.NewDaemon(net, "D")}
	link.Knows(ds...)
	ds[0].Open("case", link.Terms(), protocol.MitigatingVendor)
	for _, d := range ds[1:] {
		ds[0].Admit(d, protocol.DependentVendor)
	}
	sync := func() {
		for range 40 {
			for _, d := range ds {
				d.Sync()
			}
			net.Run(100_000)
		}
	}
	sync()
	net.Part(2, 3)
	for _, d := range ds {
		d.Say(&protocol.Status{RM: protocol.RMValid})
		d.Tell(protocol.Note, id.Everyone)
	}
	sync()
	if ds[0].Case.Digest() == ds[2].Case.Digest() {
		t.Fatal("the partition lets entries through")
	}
	net.Heal()
	sync()
	for i, d := range ds {
		if d.Case.Digest() != ds[0].Case.Digest() || d.Case.Len() != ds[0].Case.Len() {
			t.Errorf("daemon %d differs after the partition healed", i)
		}
		for _, p := range d.Case.Participants() {
			if p.RM != protocol.RMValid {
				t.Errorf("daemon %d: %s is %v", i, p.Name, p.RM)
			}
		}
	}
}
