package protocol_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// apart is a council of honest stewards, each with a fold of its own, and members beside
// them. They hear of each other in parts, and vote when their own case lets them.
type apart struct {
	rng   *rand.Rand
	now   uint64
	ds    []*link.Daemon // stewards, then members
	k     int            // so many are stewards
	q     uint8
	named bool // proposals name what has lapsed
}

func newApart(seed uint64, fresh func() *protocol.Case) *apart {
	rng := rand.New(rand.NewPCG(seed, 7))
	a := &apart{rng: rng, now: link.Start, k: 2 + rng.IntN(4), named: true}
	a.q = uint8(a.k/2 + 1 + rng.IntN(a.k-a.k/2))
	for i := range a.k + 1 + rng.IntN(3) {
		d := link.NewDaemon(nil, fmt.Sprint("council ", i))
		d.Case, d.Clock = fresh(), func() uint64 { return a.now }
		a.ds = append(a.ds, d)
	}
	lead := a.ds[0]
	lead.Open("apart", link.Terms(), protocol.Coordinator)
	for _, d := range a.ds[1:] {
		lead.Admit(d, protocol.MitigatingVendor)
	}
	var os []id.OrgID
	for _, d := range a.ds[:a.k] {
		os = append(os, d.Org.ID)
	}
	p := lead.Say(&protocol.Propose{Config: lead.Case.NextConfig(lead.Kid, os, a.q)})
	lead.Say(&protocol.Endorse{Config: p.ID})
	a.meet(a.ds)
	return a
}

// byClock are the entries that these have, in a causal order that is always the same.
func byClock(ds ...*link.Daemon) (es []*entry.Sealed) {
	all := map[id.EntryID]*entry.Sealed{}
	for _, d := range ds {
		maps.Copy(all, d.Held)
	}
	return slices.SortedFunc(maps.Values(all), func(a, b *entry.Sealed) int {
		return cmp.Or(cmp.Compare(a.LC, b.LC), bytes.Compare(a.ID[:], b.ID[:]))
	})
}

// meet lets these tell each other everything, also what has waited at one of them for
// what another has.
func (a *apart) meet(ds []*link.Daemon) {
	for n := -1; n < len(byClock(ds...)); {
		all := byClock(ds...)
		n = len(all)
		for _, d := range ds {
			for _, e := range all {
				d.Accept(e)
			}
		}
	}
}

// hear lets one tell another a part of what it has.
func (a *apart) hear(from, to *link.Daemon) {
	part := a.rng.IntN(8)
	for _, e := range byClock(from) {
		if a.rng.IntN(8) <= part {
			to.Accept(e)
		}
	}
}

// may says whether a daemon's own case lets it write something.
func may(d *link.Daemon, m protocol.Message) bool { return refusal(d, m) == nil }

func refusal(d *link.Daemon, m protocol.Message) error {
	f := fields(m)
	f.T = d.Clock()
	return d.Case.May(d.Kid, f)
}

// next is what a steward proposes: a checkpoint, other ranks, or one steward less. It
// tries to name as lapsed what has not.
func (a *apart) next(d *link.Daemon) *protocol.Propose {
	s := slices.Clone(d.Case.Stewards())
	q := d.Case.Config().Quorum
	switch a.rng.IntN(4) {
	case 0:
		slices.Reverse(s)
	case 1:
		if a.rng.IntN(3) == 0 && len(s) > 2 {
			s = s[:len(s)-1]
			q = uint8(len(s)/2 + 1)
		}
	}
	f := d.Case.NextConfig(d.Kid, s, q)
	if bold := a.boldly(d, f); bold != nil && may(d, bold) {
		return bold
	}
	if !a.named {
		f.Lapsed = nil
	}
	return &protocol.Propose{Config: f}
}

// boldly names everything that is proposed beside it.
func (a *apart) boldly(d *link.Daemon, f protocol.Config) *protocol.Propose {
	if !a.named || a.rng.IntN(3) == 0 {
		return nil
	}
	f.Lapsed = nil
	for _, x := range d.Case.Proposals() {
		if x.Kind == protocol.Ordinary {
			f.Lapsed = append(f.Lapsed, x.ID)
		}
	}
	slices.SortFunc(f.Lapsed, func(a, b id.ConfigID) int { return bytes.Compare(a[:], b[:]) })
	return &protocol.Propose{Config: f}
}

// play lets the stewards propose, endorse and hear of each other.
func (a *apart) play() {
	for range 10 + a.rng.IntN(40) {
		d := a.ds[a.rng.IntN(a.k)]
		switch a.rng.IntN(6) {
		case 0:
			m := a.next(d)
			if !may(d, m) {
				continue
			}
			p := d.Say(m)
			if v := (&protocol.Endorse{Config: p.ID}); a.rng.IntN(4) > 0 && may(d, v) {
				d.Say(v)
			}
		case 1, 2:
			for _, x := range slices.Backward(d.Case.Proposals()) {
				if v := (&protocol.Endorse{Config: x.ID}); a.rng.IntN(3) > 0 && may(d, v) {
					d.Say(v)
					break
				}
			}
		default:
			a.hear(a.ds[a.rng.IntN(len(a.ds))], d)
		}
	}
}

// twice says of which config two children are certified, that are ordinary or
// successions with one basis.
func (a *apart) twice(c *protocol.Case) string {
	seen := map[string]bool{}
	for _, e := range byClock(a.ds...) {
		m, _ := protocol.Read(e)
		p, ok := m.(*protocol.Propose)
		if !ok || !protocol.Certified(c, e.ID) {
			continue
		}
		what := fmt.Sprint(p.Config.Parent, p.Config.Kind, p.Config.Basis)
		if seen[what] {
			return fmt.Sprintf("two certified children of kind %d of one config, %d stewards, quorum %d", p.Config.Kind, a.k, a.q)
		}
		seen[what] = true
	}
	return ""
}

// carry lets these endorse what they can carry, and says whether they did: the first of
// what is proposed, or what one of them proposes.
func (a *apart) carry(ds []*link.Daemon) bool {
	tip := ds[0].Case.Config()
	for again := range 2 {
		if again == 1 {
			by := slices.IndexFunc(ds, func(d *link.Daemon) bool {
				return tip.ID == d.Case.Config().ID && slices.Contains(tip.Stewards, d.Org.ID)
			})
			if by < 0 {
				return false
			}
			f := ds[by].Case.NextConfig(ds[by].Kid, tip.Stewards, tip.Quorum)
			if !a.named {
				f.Lapsed = nil
			}
			ds[by].Say(&protocol.Propose{Config: f})
			a.meet(ds)
		}
		for _, x := range ds[0].Case.Proposals() {
			v := &protocol.Endorse{Config: x.ID}
			var can []*link.Daemon
			for _, d := range ds {
				if x.Kind == protocol.Ordinary && may(d, v) {
					can = append(can, d)
				}
			}
			if len(x.Endorsed)+len(can) < x.Need {
				continue
			}
			for _, d := range can {
				d.Say(v)
			}
			a.meet(ds)
			return ds[0].Case.Config().ID == x.ID
		}
	}
	return false
}

// succeed lets members drop who is gone.
func (a *apart) succeed(ds []*link.Daemon) string {
	var stay []id.OrgID
	for _, d := range ds {
		if slices.Contains(ds[0].Case.Stewards(), d.Org.ID) {
			stay = append(stay, d.Org.ID)
		}
	}
	by := ds[len(ds)-1] // a member
	if len(stay) == 0 {
		stay = append(stay, by.Org.ID)
	}
	f := by.Case.Succeed(by.Kid, stay, uint8(len(stay)/2+1))
	m := &protocol.Propose{Config: f}
	if err := refusal(by, m); err != nil {
		return fmt.Sprintf("%d of %d stewards are there, quorum %d, carry nothing and may not be helped: %v", len(stay), a.k, a.q, err)
	}
	p := by.Say(m)
	a.meet(ds)
	for _, d := range ds {
		d.Say(&protocol.Alive{})
	}
	a.meet(ds)
	a.now += protocol.Silence
	for _, d := range ds {
		v := &protocol.Endorse{Config: p.ID}
		if may(d, v) {
			d.Say(v)
		}
	}
	a.meet(ds)
	if ds[0].Case.Config().ID != p.ID {
		return fmt.Sprintf("a succession with %d of %d is not carried", len(ds), len(a.ds))
	}
	return ""
}

// comesFree plays a council that goes apart and meets again; some are gone then.
func comesFree(seed uint64, fresh func() *protocol.Case, change func(*apart)) string {
	a := newApart(seed, fresh)
	change(a)
	a.play()
	there := slices.Clone(a.ds)
	if seed%2 == 0 {
		there = slices.DeleteFunc(there, func(d *link.Daemon) bool { return slices.Contains(a.ds[:a.k], d) && a.rng.IntN(3) == 0 })
	}
	a.meet(there)
	d := ""
	if !a.carry(there) {
		d = "nothing is carried, and everybody is there"
		if len(there) < len(a.ds) {
			d = a.succeed(there)
		}
	}
	if two := a.twice(fold(fresh(), byClock(a.ds...))); two != "" {
		return two
	}
	return d
}

func same(*apart) {}

// TestVotesComeFree: stewards that propose and vote apart never carry two configs; and
// when they have met, they carry one, or members drop who is gone (spec/authority.md §3).
func TestVotesComeFree(t *testing.T) {
	seeds(t, 60, func(seed uint64) string { return comesFree(seed, protocol.NewCase, same) })
	for rule, hint := range map[string]uint64{"what is named as lapsed has lapsed": 574, "only the first vote counts": 24} {
		notices(t, rule, hint, func(seed uint64) string {
			a := newApart(seed, func() *protocol.Case { return protocol.Broken(rule) })
			a.play()
			return a.twice(fold(protocol.Broken(rule), byClock(a.ds...)))
		})
	}
	notices(t, "proposals name what has lapsed", 1, func(seed uint64) string {
		return comesFree(2*seed+1, protocol.NewCase, func(a *apart) { a.named = false })
	})
}
