package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// crowd opens a case of n organisations. Their daemons share one fold: each
// knows everything at once.
func crowd(n int) []*link.Daemon {
	a := link.NewDaemon(nil, "lead")
	a.Open("crowd", link.Terms(), protocol.Coordinator)
	ds := []*link.Daemon{a}
	for i := range n - 1 {
		d := link.NewDaemon(nil, fmt.Sprintf("org %d", i))
		a.Admit(d, protocol.MitigatingVendor)
		d.Case, d.Held = a.Case, a.Held
		ds = append(ds, d)
	}
	return ds
}

// talk lets the daemons write status entries and notes in turn, one in eight a
// status entry, and returns them in order.
func talk(ds []*link.Daemon, total int) (es []*entry.Sealed) {
	steps := []protocol.RM{protocol.RMValid, protocol.RMAccepted, protocol.RMDeferred, protocol.RMAccepted}
	for i := 0; len(es) < total; i++ {
		d, round := ds[i%len(ds)], i/len(ds)
		if round%8 == 0 {
			es = append(es, d.Say(&protocol.Status{RM: steps[min(round/8, 2+round/8%2)]}))
		} else {
			es = append(es, d.Tell(protocol.Note, id.Everyone))
		}
	}
	return es
}

// BenchmarkCrowd measures a case of 300 organisations and 50,000 entries: the
// whole fold, one more status entry, the gate, a new entry's deps, the views.
func BenchmarkCrowd(b *testing.B) {
	const orgs, entries = 300, 50_000
	ds := crowd(orgs)
	es := inOrder(ds[0])
	es = append(es, talk(ds, entries-len(es))...)
	lead, to := ds[0], ds[orgs-1]
	b.Run("fold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c := fold(protocol.NewCase(), es)
			if c.Digest() != lead.Case.Digest() {
				b.Fatal("another case")
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/entry")
	})
	b.Run("apply", func(b *testing.B) {
		c := fold(protocol.NewCase(), es)
		next := talk(ds, 2*orgs)
		for b.Loop() {
			b.StopTimer()
			if c.Len() >= len(es)+len(next) {
				c = fold(protocol.NewCase(), es)
			}
			e := next[c.Len()-len(es)]
			b.StartTimer()
			c.Apply(e)
		}
	})
	note := lead.Tell(protocol.Note, id.Everyone)
	b.Run("gate", func(b *testing.B) {
		r := protocol.Recipient{Org: to.Org.ID, Key: to.Peer(), Directory: to.Org}
		here := protocol.Local{Us: lead.Org.ID, Now: link.Start / 1000, BodyHere: true}
		b.ReportAllocs()
		for b.Loop() {
			if d := lead.Case.MaySend(note.ID, protocol.Body, r, here); !d.Send {
				b.Fatal(d)
			}
		}
	})
	b.Run("deps", func(b *testing.B) {
		for b.Loop() {
			lead.Case.Deps(to.Kid, id.Control)
		}
	})
	b.Run("participants", func(b *testing.B) {
		for b.Loop() {
			if len(lead.Case.Participants()) != orgs {
				b.Fatal("somebody is missing")
			}
		}
	})
}

// BenchmarkHostile folds 50,000 status entries of one member that forks its feed
// at every second one.
func BenchmarkHostile(b *testing.B) {
	const entries = 50_000
	ds := crowd(2)
	es, d := inOrder(ds[0]), ds[1]
	es = append(es, d.Say(&protocol.Status{RM: protocol.RMAccepted}))
	var main []*entry.Sealed
	rng := rand.New(rand.NewPCG(1, 1))
	for i := 0; len(es) < entries; i++ {
		m := &protocol.Status{RM: []protocol.RM{protocol.RMDeferred, protocol.RMAccepted}[i%2]}
		f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}
		main = append(main, d.Write(f))
		f.Cfg = &id.ConfigID{byte(i), byte(i >> 8), 1} // makes it another entry
		es = append(es, main[i], d.WriteAfter(main[rng.IntN(len(main))], f))
	}
	b.ReportAllocs()
	for b.Loop() {
		fold(protocol.NewCase(), es)
	}
}
