package peerbench

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	mrand "math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"cordon/ledger/ledgerbench"
	"cordon/peer/peertest"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// The requirements of THREATS' A7 on what time says, and how often each answer is timed.
const (
	probeWelch = 4.5  // of |t|
	probeArea  = 0.02 // of the classifier's area, from a half
	probeEach  = 16   // frames of a probe, for one answer that is timed
	probeWarm  = 200  // answers that do not count
)

// Probe is whether the time that a daemon takes to pass over frames tells one who is in
// another of its cases whether the case they name is there: one that is, one that others
// have, one that was erased, each against tags that name nothing. After each probe comes
// a question about the own case, whose answer is timed. The control is a probe with the
// tag of the own case, which is work: it has to be told apart.
func Probe(ctx context.Context, dir string, times int) (rs []ledgerbench.Result, err error) {
	p, err := newProbed(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	samples := make([][]float64, len(p.classes))
	for i := range probeWarm + times*len(p.classes) {
		class := mrand.IntN(len(p.classes)) // in no order that a drift could follow
		took, err := p.time(p.classes[class].tag())
		if err != nil {
			return nil, fmt.Errorf("probe %d: %w", i, err)
		}
		if i >= probeWarm {
			samples[class] = append(samples[class], took.Seconds())
		}
	}
	for i, c := range p.classes[1:] {
		t, area := welch(samples[0], samples[i+1]), math.Abs(area(samples[0], samples[i+1])-0.5)
		what := fmt.Sprintf("timings of silence, %s against no case, some %d each, ", c.name, times)
		rs = append(rs,
			ledgerbench.Result{Name: what + "Welch's |t|", Value: t, Unit: "", Limit: probeWelch, LimitName: "required", Want: 1, AtMost: !c.control},
			ledgerbench.Result{Name: what + "classifier's area from a half", Value: area, Unit: "", Limit: probeArea, LimitName: "required", Want: 1, AtMost: !c.control})
	}
	return rs, nil
}

// probed is a daemon with cases, and who probes it.
type probed struct {
	pair
	o       *peertest.Org
	raw     *peertest.Raw
	own     wire.Tag
	ask     wire.Range
	done    uint64 // ENTRIES that came
	classes []class
}

// class is what a probe may name.
type class struct {
	name    string
	tag     func() wire.Tag
	control bool
}

func newProbed(ctx context.Context, dir string) (*probed, error) {
	two, err := newPair(ctx, filepath.Join(dir, "pair"))
	if err != nil {
		return nil, err
	}
	p := &probed{pair: two}
	if err := p.prepare(ctx, dir); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *probed) prepare(ctx context.Context, dir string) (err error) {
	if p.o, err = peertest.New("o", filepath.Join(dir, "o"), schedule()); err != nil {
		return err
	}
	peertest.Meet(p.a, p.o)
	own, err := p.a.Open()
	if err != nil {
		return err
	}
	if err := p.a.Admit(own, p.o, protocol.Observer); err != nil {
		return err
	}
	others, err := p.b.Open()
	if err != nil {
		return err
	}
	erased, err := p.a.Open()
	if err != nil {
		return err
	}
	p.a.Node.Forget(erased)
	if err := p.a.Ledger.EraseCase(ctx, erased); err != nil {
		return err
	}
	raw, err := p.a.Card()
	if err != nil {
		return err
	}
	card, err := identity.OpenCard(raw)
	if err != nil {
		return err
	}
	if p.raw, err = p.o.Raw(ctx, card); err != nil {
		return err
	}
	p.own, p.ask = p.raw.Tag(own), wire.Range{Feed: id.Feed{Kid: p.a.Kid, Comp: id.Control}}
	names := func(c id.CaseID) func() wire.Tag { return func() wire.Tag { return p.raw.Tag(c) } }
	p.classes = []class{
		{"no case", func() (t wire.Tag) { _, _ = rand.Read(t[:]); p.raw.Tag(own); return t }, false}, // never fails (crypto/rand); each class makes a tag
		{"a case that there is", names(p.c), false},
		{"a case of others", names(others), false},
		{"an erased case", names(erased), false},
		{"the control: the own case", names(own), true},
	}
	return nil
}

func (p *probed) close() (err error) {
	if p.raw != nil {
		err = p.raw.Close()
	}
	if p.o != nil {
		err = errors.Join(err, p.o.Close())
	}
	return errors.Join(err, p.pair.close())
}

// time probes with a tag and asks; it returns how long the answer took.
func (p *probed) time(tag wire.Tag) (time.Duration, error) {
	frames := make([]wire.Frame, 0, probeEach+2)
	if p.done > 0 {
		frames = append(frames, &wire.Ack{Number: p.done, Held: 1})
	}
	nothing := wire.Range{Feed: id.Feed{Kid: p.o.Kid, Comp: id.Everyone}}
	for range probeEach {
		frames = append(frames, &wire.Want{Tag: tag, Done: p.done, Ranges: []wire.Range{nothing}})
	}
	frames = append(frames, &wire.Want{Tag: p.own, Done: p.done, Ranges: []wire.Range{p.ask}})
	begin := time.Now()
	if err := p.raw.Send(frames...); err != nil {
		return 0, err
	}
	for {
		f, err := p.raw.Next(30 * time.Second)
		if err != nil {
			return 0, err
		}
		if _, ok := f.(*wire.Entries); ok {
			p.done++
			return time.Since(begin), nil
		}
	}
}

// welch is |t| of Welch's test, over what is below the 95th percentile of both together,
// as dudect crops: what lies above is the machine's.
func welch(x, y []float64) float64 {
	both := slices.Sorted(slices.Values(slices.Concat(x, y)))
	most := both[len(both)*95/100]
	moments := func(list []float64) (mean, varOfMean float64) {
		n := 0.0
		for _, v := range list {
			if v <= most {
				n++
				mean += v
			}
		}
		mean /= n
		for _, v := range list {
			if v <= most {
				varOfMean += (v - mean) * (v - mean)
			}
		}
		return mean, varOfMean / (n - 1) / n
	}
	mx, vx := moments(x)
	my, vy := moments(y)
	return math.Abs(mx-my) / math.Sqrt(vx+vy)
}

// area is the probability that one of y took longer than one of x: the area under the
// curve of the best classifier that knows one timing and has one threshold.
func area(x, y []float64) float64 {
	type one struct {
		v float64
		y bool
	}
	var all []one
	for _, v := range x {
		all = append(all, one{v, false})
	}
	for _, v := range y {
		all = append(all, one{v, true})
	}
	slices.SortFunc(all, func(a, b one) int { return cmp.Compare(a.v, b.v) })
	below, sum := 0, 0
	for _, o := range all {
		if o.y {
			sum += below
		} else {
			below++
		}
	}
	return float64(sum) / float64(len(x)*len(y))
}
