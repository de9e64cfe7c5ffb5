package protocol_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// TestProspects: a proposal that is said to be open is carried once those vote who
// still can, and one that is not by no vote of anybody that knows what is here. The
// same holds for what is said of a new one.
func TestProspects(t *testing.T) {
	reached := map[string]int{}
	for seed := range uint64(240) {
		newBallots(seed).judge(t, reached)
	}
	for _, want := range []string{"open ordinary", "spent ordinary", "open succession", "spent succession", "heard", "again", "never again"} {
		if reached[want] == 0 {
			t.Errorf("nothing of this: %s, of %v", want, reached)
		}
	}
}

// TestProspectOfNewcomer: who was admitted after the silent were last seen has no vote
// in their succession, and a succession to it comes to nothing.
func TestProspectOfNewcomer(t *testing.T) {
	ds := together("A", "B", "C")
	a, b, c := ds[0], ds[1], ds[2]
	now := link.Start
	c.Clock = func() uint64 { return now }
	endorse(a, propose(a, 2, a, b, c))
	d := link.NewDaemon(nil, "D")
	c.Admit(d, protocol.MitigatingVendor)
	d.Case, d.Held = a.Case, a.Held
	c.Say(&protocol.Alive{})
	now += protocol.Silence
	to := func(next ...*link.Daemon) id.ConfigID {
		return id.ConfigID(c.Say(&protocol.Propose{Config: c.Case.Succeed(c.Kid, orgs(next...), uint8(len(next)))}).ID)
	}
	if p, x := c.Case.Preview(c.Case.Succeed(c.Kid, orgs(c, d), 2)); x.Open || !slices.Equal(x.Outside, orgs(d)) || p.Need != 1 || !slices.Equal(p.Missing, orgs(c)) {
		t.Errorf("before it is proposed: %+v, %+v", p, x)
	}
	x, y := to(c, d), to(c)
	if p, ok := c.Case.Prospects()[x]; !ok || p.Open || !slices.Equal(p.Outside, orgs(d)) {
		t.Errorf("to a newcomer: %+v", p)
	}
	if p, ok := c.Case.Prospects()[y]; !ok || !p.Open || len(p.Outside) != 0 {
		t.Errorf("to who was there: %+v", p)
	}
	c.Say(&protocol.Endorse{Config: x})
	if p := c.Case.Prospects()[y]; p.Open || len(p.Spent) != 1 || p.Spent[0] != (protocol.Elsewhere{Org: c.Org.ID, On: x}) || protocol.Certified(c.Case, x) {
		t.Errorf("the vote is spent: %+v", p)
	}
}

// ballots is a case of a few stewards and members that know all at once, with
// proposals and votes at random.
type ballots struct {
	rng   *rand.Rand
	ds    []*link.Daemon
	there []*link.Daemon // who writes: the lead may be gone
	now   uint64
}

func newBallots(seed uint64) *ballots {
	b := &ballots{rng: rand.New(rand.NewPCG(seed, 8)), now: link.Start}
	b.ds = together(orgNames[:2+b.rng.IntN(4)]...)
	for _, d := range b.ds {
		d.Clock = func() uint64 { return b.now }
	}
	if k := 1 + b.rng.IntN(len(b.ds)); k > 1 {
		endorse(b.ds[0], propose(b.ds[0], uint8(k/2+1+b.rng.IntN(k-k/2)), b.ds[:k]...))
	}
	b.there = b.ds[b.rng.IntN(2):]
	for range 3 + b.rng.IntN(12) {
		b.step()
	}
	return b
}

func (b *ballots) kase() *protocol.Case { return b.ds[0].Case }

func (b *ballots) any() *link.Daemon { return b.there[b.rng.IntN(len(b.there))] }

// step is a proposal, a vote, a word or the passing of time.
func (b *ballots) step() {
	d, c := b.any(), b.kase()
	switch b.rng.IntN(7) {
	case 0, 1:
		n := 1 + b.rng.IntN(len(b.there))
		next := b.some(b.there, n)
		if stewards := c.Stewards(); b.rng.IntN(2) == 0 && slices.Contains(stewards, d.Org.ID) {
			propose(d, uint8(n/2+1), next...)
		} else {
			d.Say(&protocol.Propose{Config: c.Succeed(d.Kid, orgs(next...), uint8(n/2+1))})
		}
	case 2, 3, 4:
		if ps := c.Proposals(); len(ps) > 0 {
			b.votes(d, ps[b.rng.IntN(len(ps))])
		}
	case 5:
		if b.rng.IntN(2) == 0 {
			d.Say(&protocol.Alive{})
		}
	case 6:
		b.now += protocol.Silence
	}
}

// some are n of them in any order.
func (b *ballots) some(of []*link.Daemon, n int) (out []*link.Daemon) {
	for _, i := range b.rng.Perm(len(of))[:n] {
		out = append(out, of[i])
	}
	return out
}

// votes is a vote as a daemon gives it: it writes nothing that would not count, except
// what notes a silence.
func (b *ballots) votes(d *link.Daemon, p protocol.Proposal) {
	vote := fields(&protocol.Endorse{Config: p.ID})
	may := func() string {
		vote.T = b.now
		if err := d.Case.May(d.Kid, vote); err != nil {
			return err.(*protocol.Refusal).Rule
		}
		return ""
	}
	if may() == "silence-not-noted" {
		d.Say(&protocol.Alive{})
	}
	if may() == "endorsed-too-early" {
		b.now += protocol.Silence
	}
	if may() == "" {
		d.Say(&protocol.Endorse{Config: p.ID})
	}
}

// judge holds what is said of one of the open proposals against what becomes of it.
func (b *ballots) judge(t *testing.T, reached map[string]int) {
	t.Helper()
	ps := b.kase().Proposals()
	if len(ps) == 0 {
		return
	}
	p := ps[b.rng.IntN(len(ps))]
	x, ok := b.kase().Prospects()[p.ID]
	if !ok {
		t.Fatalf("%v is proposed, and has no prospect", p.ID)
	}
	kind := map[uint8]string{protocol.Ordinary: "ordinary", protocol.Succession: "succession"}[p.Kind]
	switch {
	case x.Open:
		reached["open "+kind]++
	case len(x.Heard) > 0:
		reached["heard"]++
	case len(x.Spent) > 0:
		reached["spent "+kind]++
	}
	again := x.Again && !x.Open
	if again {
		reached["again"]++
	} else if !x.Open {
		reached["never again"]++
	}
	if !x.Open && b.rng.IntN(2) == 0 {
		b.another(t, p, x.Again)
		return
	}
	if got := b.all(p); got != x.Open {
		t.Errorf("%s: carried: %v, said to be %+v\n%s", kind, got, x, b.shown(p))
	}
}

// another proposes the same once more, by what is known now, and lets all vote.
func (b *ballots) another(t *testing.T, p protocol.Proposal, want bool) {
	t.Helper()
	i := slices.IndexFunc(b.ds, func(d *link.Daemon) bool {
		return !b.dropped(p, d) && (p.Kind == protocol.Succession || slices.Contains(b.kase().Stewards(), d.Org.ID))
	})
	if i < 0 {
		return // only who is dropped could propose it
	}
	d := b.ds[i]
	f := b.kase().NextConfig(d.Kid, p.Stewards, p.Quorum)
	if p.Kind == protocol.Succession {
		f = b.kase().Succeed(d.Kid, p.Stewards, p.Quorum)
	}
	if _, x := b.kase().Preview(f); x.Open != want && len(x.Outside) == 0 {
		t.Errorf("before it is proposed again: %+v\n%s", x, b.shown(p))
	}
	e := d.Say(&protocol.Propose{Config: f})
	q, ok := b.kase().Proposal(id.ConfigID(e.ID))
	if !ok {
		t.Fatal("the same again is no proposal")
	}
	if got := b.all(q); got != want {
		t.Errorf("the same again: carried: %v\n%s", got, b.shown(q))
	}
}

// all lets everybody vote for a proposal, but who is to be silent, and says whether it is carried.
func (b *ballots) all(p protocol.Proposal) bool {
	for _, d := range b.some(b.ds, len(b.ds)) {
		if !protocol.Certified(b.kase(), p.ID) && (p.Kind == protocol.Ordinary || !b.dropped(p, d)) {
			b.votes(d, p)
		}
	}
	return protocol.Certified(b.kase(), p.ID)
}

// dropped says whether a proposal drops d.
func (b *ballots) dropped(p protocol.Proposal, d *link.Daemon) bool {
	return slices.Contains(b.kase().Stewards(), d.Org.ID) && !slices.Contains(p.Stewards, d.Org.ID)
}

func (b *ballots) shown(p protocol.Proposal) string {
	now, _ := b.kase().Proposal(p.ID)
	return fmt.Sprintf("of %v: %d needed, has %v, not yet %v", p.Stewards, now.Need, now.Endorsed, now.Missing)
}
