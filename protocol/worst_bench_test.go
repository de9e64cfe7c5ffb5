package protocol_test

import (
	"crypto/ed25519"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// addAll folds entries as one batch.
func addAll(c *protocol.Case, es []*entry.Sealed) *protocol.Case {
	for _, e := range es {
		if !c.Add(e) {
			panic("not in a causal order")
		}
	}
	c.Settle()
	return c
}

// ways are the two that a case can be folded.
var ways = []struct {
	name string
	fold func(*protocol.Case, []*entry.Sealed) *protocol.Case
}{{"batch", addAll}, {"single", fold}}

// BenchmarkWorst is LEDGER's P3.10: 50,000 entries made to be slow, in one batch
// and one by one. What it takes of a busy machine says cpu-ms; beside it stands what it
// takes, as ed-ms, to check as many signatures one after the other.
func BenchmarkWorst(b *testing.B) {
	for _, w := range slices.Concat(worst, costly) {
		b.Run(w.name, func(b *testing.B) {
			es := w.make(50_000)
			for _, way := range ways {
				b.Run(way.name, func(b *testing.B) {
					b.ReportAllocs()
					var live, cpu float64
					var checked int
					for b.Loop() {
						b.StopTimer()
						before, start := heap(), busy()
						b.StartTimer()
						c := way.fold(protocol.NewCase(), es)
						b.StopTimer()
						cpu = busy() - start
						live = heap() - before
						checked = protocol.Checked(c)
						runtime.KeepAlive(es)
						b.StartTimer()
					}
					b.ReportMetric(live/1e6, "MB")
					b.ReportMetric(cpu, "cpu-ms")
					b.ReportMetric(checking(50_000), "ed-ms")
					b.ReportMetric(float64(checked), "signatures")
				})
			}
		})
	}
}

// checking is what checking so many signatures takes of the processor, in milliseconds,
// by a sample.
func checking(signatures int) float64 {
	const sample = 2_000
	key, msg := ed25519.NewKeyFromSeed(link.Seed("worst", "sig")), make([]byte, 500)
	pub, sig := key.Public().(ed25519.PublicKey), ed25519.Sign(key, msg)
	start := busy()
	for range sample {
		if !ed25519.Verify(pub, msg, sig) {
			panic("not signed")
		}
	}
	return (busy() - start) / sample * float64(signatures)
}

// heap is what lives, in bytes.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// busy is the processor time of this process, in milliseconds.
func busy() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Sec+u.Stime.Sec)*1e3 + float64(u.Utime.Usec+u.Stime.Usec)/1e3
}

// TestWorst is P3.10 without a clock: what such entries take of memory, kept and in
// all, and how often one is judged, has a bound that grows with their number alone. Of
// the signatures inside them, fewer are checked than one for two entries, and three for
// each where they are costly; with fewer entries the limits are in proportion.
func TestWorst(t *testing.T) {
	size := volume(2_000, 50_000)
	limits := protocol.LimitsOf(uint16(protocol.MaxCarried*size/50_000), uint16(protocol.MaxStewardCarried*size/50_000))
	for i, w := range slices.Concat(worst, costly) {
		es := w.make(size)
		judged := 0
		var before, after runtime.MemStats
		live := heap()
		runtime.ReadMemStats(&before)
		c := addAll(protocol.Counted(&judged, limits), es)
		runtime.ReadMemStats(&after)
		n, sizes := float64(len(es)+500), 0 // 500: what a case takes at least
		for _, e := range es {
			sizes += len(e.Raw)
		}
		kept, all := (heap()-live)/n, float64(after.TotalAlloc-before.TotalAlloc)/n
		runtime.KeepAlive(c)
		runtime.KeepAlive(es)
		times, checked := float64(judged)/n, protocol.Checked(c)
		if i < len(worst) && float64(checked) > n/2 || float64(checked) > 3*n {
			t.Errorf("%s: %d entries, %d signatures inside them are checked", w.name, len(es), checked)
		}
		if kept > 200e6/50_000 || all > 9_000+6*float64(sizes)/n || times > 20 {
			t.Errorf("%s: an entry of %.0f bytes takes %.0f, %.0f on the way, and is judged %.1f times", w.name, float64(sizes)/n, kept, all, times)
		} else {
			t.Logf("%s: %d entries, %.0f bytes each, %.0f on the way, judged %.1f times, %d signatures", w.name, len(es), kept, all, times, checked)
		}
	}
}

// TestWorstUnlimited: without the limits, what TestWorst counts grows with what the
// entries carry.
func TestWorstUnlimited(t *testing.T) {
	none := 0
	for _, make := range []func(int) []*entry.Sealed{repeatedCuts, admissions, readmissions, inventions, carriedForks, histories} {
		es := make(200)
		free := addAll(protocol.Counted(&none, protocol.LimitsOf(1<<16-1, 1<<16-1)), es)
		held := addAll(protocol.Counted(&none, protocol.LimitsOf(8, 16)), es)
		if free, held := protocol.Checked(free), protocol.Checked(held); free < 100 || held > 50 {
			t.Errorf("%d signatures checked without limits, %d with them", free, held)
		}
	}
}

// large is a case of 300 organisations, three of them stewards, and so many
// entries: status and notes in turn, each of which has seen a few others'.
func large(total int) (g *dag, tips []*entry.Sealed) {
	g = newDag(300)
	a := g.ds[0].Org.ID
	p := g.put(0, g.head(0), proposal(g.config(id.ConfigID(g.c), 1, protocol.Ordinary, a, g.ds[1].Org.ID, g.ds[2].Org.ID)))
	last := g.put(0, p, vote(p))
	tips, notes := make([]*entry.Sealed, len(g.ds)), make([]*entry.Sealed, len(g.ds))
	tips[0] = last
	for i := range g.ds[1:] {
		tips[i+1] = g.put(i+1, nil, fields(&protocol.Status{RM: protocol.RMAccepted}), last)
	}
	agr := g.ds[0].Case.Embargo().Agreement
	for i := 0; len(g.es) < total; i++ {
		o := i % len(g.ds)
		deps := []*entry.Sealed{tips[(o+7*i+1)%len(tips)]}
		if deps[0] == tips[o] {
			deps = nil
		}
		if i/len(g.ds)%4 == 3 {
			m := &protocol.Status{RM: []protocol.RM{protocol.RMDeferred, protocol.RMAccepted}[i/len(g.ds)/4%2]}
			if o == 0 {
				m = &protocol.Status{RM: protocol.RMValid}
			}
			tips[o] = g.put(o, tips[o], fields(m), deps...)
			continue
		}
		f := entry.Fields{Type: protocol.Note, Comp: id.Everyone, Agr: &agr, Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}}
		if notes[o] == nil {
			deps = tips[o : o+1]
		}
		notes[o] = g.put(o, notes[o], f, deps...)
	}
	return g, tips
}

// BenchmarkNext applies one more entry to a case of 300 organisations and 100,000
// entries, by kind: its median says median-us.
func BenchmarkNext(b *testing.B) {
	g, tips := large(100_000)
	n := len(g.es)
	c := addAll(protocol.NewCase(), g.es)
	apply := func(name string, es []*entry.Sealed, every int) { // every so many-th counts
		applied, took := 0, []float64(nil)
		b.Run(name, func(b *testing.B) {
			for ; applied < len(es); applied++ { // however often this is called, nothing is news twice
				start := time.Now()
				out := c.Apply(es[applied])
				if d := time.Since(start); applied%every == every-1 {
					took = append(took, float64(d.Nanoseconds())/1e3)
				}
				if out.Refused != "" {
					b.Fatalf("refused: %s", out.Refused)
				}
			}
			slices.Sort(took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(took[len(took)/2], "median-us")
			b.ReportMetric(took[len(took)*99/100], "p99-us")
		})
	}
	agr := g.ds[0].Case.Embargo().Agreement
	var status, notes, idents, admits, checkpoints []*entry.Sealed
	for i := range 280 {
		m := &protocol.Status{RM: protocol.RMClosed}
		tips[i+10] = g.put(i+10, tips[i+10], fields(m), tips[3])
		status = append(status, tips[i+10])
		x := g.ds[i+10]
		f := entry.Fields{Type: protocol.Note, Comp: id.Everyone, Agr: &agr, Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 1, KC: [32]byte{2}}}
		var prev *entry.Sealed
		for _, e := range slices.Backward(g.es[:n]) {
			if e.Kid == x.Kid && !e.Control() {
				prev = e
				break
			}
		}
		notes = append(notes, g.put(i+10, prev, f, tips[i+10]))
	}
	p := *c.Chain()[1].Parent
	cfg := c.Config().ID
	_ = p
	for i := range 100 {
		x := link.NewDaemon(nil, fmt.Sprintf("newcomer %d", i))
		f := fields(&protocol.Ident{Events: x.Org.Events})
		f.Cfg = &cfg
		tips[0] = g.put(0, tips[0], f)
		idents = append(idents, tips[0])
		f = fields(admitOf(c, g.ds[0], x, protocol.Deployer, "next"))
		f.Cfg = &cfg
		tips[0] = g.put(0, tips[0], f)
		admits = append(admits, tips[0])
	}
	parent, num := cfg, uint64(1)
	for range 100 {
		num++
		f := g.config(parent, num, protocol.Ordinary, g.ds[0].Org.ID, g.ds[1].Org.ID, g.ds[2].Org.ID)
		f.Heads = []protocol.Place{place(tips[0])}
		q := g.put(0, tips[0], proposal(f))
		v := g.put(1, tips[1], vote(q), q)
		tips[0], tips[1] = g.put(0, q, vote(q), v), v
		checkpoints = append(checkpoints, q, v, tips[0])
		parent = q.ID
	}
	apply("status", status, 1)
	apply("note", notes, 1)
	var both []*entry.Sealed
	for i := range idents {
		both = append(both, idents[i], admits[i])
	}
	apply("admit", both, 2)
	apply("checkpoint", checkpoints, 3)
	if len(c.Chain()) != 102 {
		b.Fatalf("a chain of %d", len(c.Chain()))
	}
}
