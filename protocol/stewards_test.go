package protocol_test

import (
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/link"
)

// together are n organisations in one case whose daemons share one fold, so that
// each knows everything at once. The first opened it.
func together(names ...string) []*link.Daemon {
	a := link.NewDaemon(nil, names[0])
	a.Open("case", link.Terms(), protocol.Coordinator)
	ds := []*link.Daemon{a}
	for _, name := range names[1:] {
		d := link.NewDaemon(nil, name)
		a.Admit(d, protocol.MitigatingVendor)
		d.Case, d.Held = a.Case, a.Held
		ds = append(ds, d)
	}
	return ds
}

func orgs(ds ...*link.Daemon) (os []id.OrgID) {
	for _, d := range ds {
		os = append(os, d.Org.ID)
	}
	return os
}

// propose writes the next config as d sees it.
func propose(d *link.Daemon, quorum uint8, stewards ...*link.Daemon) *entry.Sealed {
	return d.Say(&protocol.Propose{Config: d.Case.NextConfig(d.Kid, orgs(stewards...), quorum)})
}

func endorse(d *link.Daemon, proposal *entry.Sealed) *entry.Sealed {
	return d.Say(&protocol.Endorse{Config: id.ConfigID(proposal.ID)})
}

// TestStewardsChange: who decides changes when a quorum of those who decided says so.
func TestStewardsChange(t *testing.T) {
	ds := together("A", "B", "C", "D")
	a, b, c, d := ds[0], ds[1], ds[2], ds[3]
	p := propose(a, 2, a, b, c)
	verdict(t, a.Case, p, "")
	if len(a.Case.Stewards()) != 1 {
		t.Fatal("a proposal alone changes the stewards")
	}
	verdict(t, a.Case, endorse(a, p), "")
	if got := a.Case.Stewards(); len(got) != 3 {
		t.Fatalf("stewards: %v", got)
	}
	x := link.NewDaemon(nil, "X")
	verdict(t, a.Case, b.Admit(x, protocol.Observer), "")
	verdict(t, a.Case, a.Act(&protocol.Remove{Org: b.Org.ID}), "subject-is-steward")
	q := propose(b, 2, b, c)
	verdict(t, a.Case, endorse(b, q), "")
	verdict(t, a.Case, endorse(a, propose(a, 2, a, b, c)), "")
	verdict(t, a.Case, endorse(a, q), "already-endorsed")
	verdict(t, a.Case, endorse(d, q), "not-a-steward")
	verdict(t, a.Case, endorse(c, q), "")
	if a.Case.Member(a.Org.ID) != true || len(a.Case.Stewards()) != 2 {
		t.Fatal("a dropped steward stays a participant")
	}
	late := a.Act(&protocol.Remove{Org: d.Org.ID})
	verdict(t, a.Case, late, "not-a-steward")
	verdict(t, a.Case, b.Act(&protocol.Remove{Org: a.Org.ID}), "")
	if c := fold(protocol.NewCase(), inOrder(a)); c.Digest() != a.Case.Digest() || len(c.Stewards()) != 2 {
		t.Error("another fold")
	}
}

// TestSucceedSilentSteward: two parties; the one that opened the case is gone.
func TestSucceedSilentSteward(t *testing.T) {
	ds := together("A", "B")
	a, b := ds[0], ds[1]
	now := link.Start
	b.Clock = func() uint64 { return now }
	b.Say(&protocol.Alive{})
	p := b.Say(&protocol.Propose{Config: b.Case.Succeed(b.Kid, orgs(b), 1)})
	verdict(t, b.Case, p, "")
	verdict(t, b.Case, endorse(b, p), "endorsed-too-early")
	now += protocol.Silence
	verdict(t, b.Case, endorse(b, p), "")
	if got := b.Case.Stewards(); len(got) != 1 || got[0] != b.Org.ID {
		t.Fatalf("stewards: %v", got)
	}
	verdict(t, b.Case, b.Act(&protocol.Remove{Org: a.Org.ID}), "")
}

// TestQuiet: a silence is shown once a member has noted it on purpose, with who has
// and who has not, until a steward is heard that makes the others a quorum.
func TestQuiet(t *testing.T) {
	ds := together("A", "B", "C", "D")
	a, b, c, d := ds[0], ds[1], ds[2], ds[3]
	now := link.Start
	for _, x := range ds {
		x.Clock = func() uint64 { return now }
	}
	quiet := func(want ...*link.Daemon) (q protocol.Quiet) {
		t.Helper()
		q, ok := a.Case.Quiet()
		if !slices.Equal(q.Stewards, orgs(want...)) || ok != (len(want) > 0) {
			t.Fatalf("silent: %v, %v", q.Stewards, ok)
		}
		return q
	}
	endorse(a, propose(a, 2, a, b))
	c.Say(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1"}})
	quiet() // who writes for another reason says nothing of it
	early := now
	now++
	d.Say(&protocol.Alive{})
	q := quiet(a, b)
	if len(q.Noted) != 2 || len(q.Missing) != 0 {
		t.Fatalf("noted: %+v", q)
	}
	for _, x := range q.Noted {
		if want := map[id.OrgID]uint64{c.Org.ID: early, d.Org.ID: now}[x.Org]; x.T != want {
			t.Errorf("%v noted it at %d, want %d", x.Org, x.T, want)
		}
	}
	now += protocol.AliveAfter
	b.Say(&protocol.Alive{}) // its duty: of two with quorum 2 the other alone is none
	if q := quiet(a); len(q.Noted) != 3 {
		t.Fatalf("noted: %+v", q)
	}
	a.Say(&protocol.Alive{})
	quiet()
	now += protocol.AliveAfter
	b.Say(&protocol.Alive{})
	quiet()
	now++
	b.Say(&protocol.Alive{}) // before it was due: on purpose
	if q := quiet(a); len(q.Noted) != 1 || q.Noted[0].Org != b.Org.ID || len(q.Missing) != 2 {
		t.Fatalf("noted: %+v", q)
	}
	if got, ok := fold(protocol.NewCase(), inOrder(a)).Quiet(); !ok || !slices.Equal(got.Missing, quiet(a).Missing) {
		t.Error("another fold")
	}
	a.Say(&protocol.Alive{})
	c.Say(&protocol.Alive{})
	quiet(a) // b has noted a silence itself, a moment ago
	now += protocol.AliveAfter
	c.Say(&protocol.Alive{})
	quiet(a, b)
	c.Say(&protocol.Exit{Code: 2}) // who is gone waits for nothing
	quiet()
}

// TestSucceedHalfVoted: of two stewards that decide together the lead vanishes, after
// the other has voted for the lead's checkpoint. That vote does not keep the other from
// replacing it; it still counts, should the lead come back and complete it.
func TestSucceedHalfVoted(t *testing.T) {
	ds := together("A", "B")
	a, b := ds[0], ds[1]
	now := link.Start
	b.Clock = func() uint64 { return now }
	verdict(t, a.Case, endorse(a, propose(a, 2, a, b)), "")
	half := propose(a, 2, a, b)
	verdict(t, b.Case, endorse(b, half), "")
	b.Say(&protocol.Alive{})
	p := b.Say(&protocol.Propose{Config: b.Case.Succeed(b.Kid, orgs(b), 1)})
	now += protocol.Silence
	verdict(t, b.Case, endorse(b, p), "")
	verdict(t, b.Case, endorse(b, p), "already-endorsed")
	if got := b.Case.Stewards(); len(got) != 1 || got[0] != b.Org.ID {
		t.Fatalf("stewards: %v", got)
	}
	b.Case.Pin((*id.ConfigID)(&p.ID))
	verdict(t, a.Case, endorse(a, half), "")
	if r, ok := b.Case.Conflict(); !ok || r.Chain.ID != id.ConfigID(half.ID) || len(r.Both) != 0 {
		t.Errorf("the lead is back: %v, %+v", ok, r)
	}
}

// TestDuties: a sole steward checkpoints what it admits; with several the lead's
// vote comes last, nobody votes beside a person's proposal, and silence is broken.
func TestDuties(t *testing.T) {
	ds := together("A", "B", "C")
	a, b, c := ds[0], ds[1], ds[2]
	now := link.Start
	for _, d := range ds {
		d.Clock = func() uint64 { return now }
	}
	write := func(d *link.Daemon) (types []entry.Type) {
		for _, m := range d.Case.Duties(d.Kid, now, protocol.Word{}) {
			e := d.Say(m)
			verdict(t, d.Case, e, "")
			types = append(types, e.Type)
		}
		return types
	}
	one := func(d *link.Daemon, want entry.Type) {
		t.Helper()
		if got := write(d); len(got) != 1 || got[0] != want {
			t.Fatalf("%s writes %v by itself, want %d", d.Org.Name, got, want)
		}
	}
	none := func(d *link.Daemon) {
		t.Helper()
		if got := write(d); len(got) != 0 {
			t.Fatalf("%s writes %v by itself", d.Org.Name, got)
		}
	}
	one(a, 2)
	one(a, 3)
	none(a)
	none(b)
	endorse(a, propose(a, 2, a, b, c))
	none(a)
	for range protocol.CheckpointEntries {
		c.Say(&protocol.Address{Addrs: []string{"/ip4/127.0.0.1/tcp/1"}})
	}
	none(a)
	now += protocol.CheckpointAfter
	none(b)
	one(a, 2)
	none(a)
	one(b, 3)
	one(a, 3)
	none(c)
	now += protocol.AliveAfter
	person := propose(c, 2, a, b)
	one(a, 18)
	one(b, 18)
	none(b)
	verdict(t, a.Case, endorse(c, person), "")
}

// TestPinChangesNoVerdict: why an act is refused is not for a pin to say.
func TestPinChangesNoVerdict(t *testing.T) {
	ds := together("A", "B", "C")
	a, b := ds[0], ds[1]
	next := func(rules uint64) *entry.Sealed {
		f := a.Case.NextConfig(a.Kid, orgs(a), 1)
		f.Rules = rules
		return a.Say(&protocol.Propose{Config: f})
	}
	p := next(2)
	endorse(a, p)
	f := fields(&protocol.Remove{Org: b.Org.ID})
	f.Cfg = (*id.ConfigID)(&p.ID)
	if a.Case.Pin(&id.ConfigID{1}); a.Case.State() != protocol.StateConflict {
		t.Fatal("no conflict")
	}
	e := a.Write(f)
	verdict(t, a.Case, e, "upgrade-needed")
	verdict(t, fold(protocol.NewCase(), inOrder(a)), e, "upgrade-needed")
}

// TestVoided: of what a change takes the force of it is said whether the
// organisation that it decided about is in the case then.
func TestVoided(t *testing.T) {
	ds := together("A", "B", "C", "D", "E")
	a, b, c := ds[0], ds[1], ds[2]
	verdict(t, a.Case, endorse(a, propose(a, 2, a, b, c)), "")
	p := propose(b, 2, b, c)
	away := ds[4].Fresh()
	away.Restart(inOrder(a))
	exit := away.Say(&protocol.Exit{})
	x, y := link.NewDaemon(nil, "X"), link.NewDaemon(nil, "Y")
	want := []struct {
		e      *entry.Sealed
		of     id.OrgID
		member bool
	}{
		{a.Act(&protocol.Remove{Org: ds[3].Org.ID}), ds[3].Org.ID, true},
		{a.Act(&protocol.Remove{Org: ds[4].Org.ID}), ds[4].Org.ID, false}, // it leaves by itself, too
		{a.Admit(x, protocol.Observer), x.Org.ID, false},
		{a.Admit(y, protocol.Observer), y.Org.ID, true}, // another steward admits it, too
	}
	a.Accept(exit)
	verdict(t, a.Case, exit, "")
	verdict(t, a.Case, c.Admit(y, protocol.Deployer), "")
	f, _ := a.Case.Proposal(p.ID)
	void := a.Case.Effects(f.Config).Void
	if len(void) != len(want) {
		t.Fatalf("%+v", void)
	}
	for i, w := range want {
		if v := void[i]; v.ID != w.e.ID || v.Org == nil || *v.Org != w.of || v.Member != w.member {
			t.Errorf("%d: %+v, want %v of %v", i, v, w.member, w.of)
		}
	}
	endorse(b, p)
	endorse(c, p)
	for i, w := range want {
		verdict(t, a.Case, w.e, "above-the-cut")
		if a.Case.Member(w.of) != w.member {
			t.Errorf("%d: member %v", i, !w.member)
		}
	}
}

// TestForgone: in a conflict it is known what the acts under the other config are that
// have no force, also those after further configs there; to ask changes no verdict.
func TestForgone(t *testing.T) {
	ds := together("A", "B", "C", "D", "E")
	a := ds[0]
	before := inOrder(a)
	side := func(steward *link.Daemon) (p *entry.Sealed, acts []*entry.Sealed, all []*entry.Sealed) {
		two := a.Fresh()
		two.Restart(before)
		steward.Case, steward.Held = two.Case, two.Held
		p = propose(two, 1, steward)
		endorse(two, p)
		acts = append(acts, steward.Act(&protocol.Remove{Org: ds[3].Org.ID}))
		endorse(steward, propose(steward, 1, steward))
		acts = append(acts, steward.Act(&protocol.Remove{Org: ds[4].Org.ID}), steward.Act(&protocol.Remove{Org: a.Org.ID}))
		return p, acts, inOrder(two)
	}
	p, acts, mine := side(ds[1])
	q, others, theirs := side(ds[2])
	if p.ID.String() < q.ID.String() {
		p, acts, q, others = q, others, p, acts
	}
	c := fold(fold(protocol.NewCase(), mine), theirs)
	verdicts := func() (out []string) {
		for _, e := range append(slices.Clone(acts), others...) {
			rule, _ := c.Verdict(e.ID)
			out = append(out, rule)
		}
		return out
	}
	if lost := c.Forgone(); lost != nil {
		t.Errorf("no conflict: %+v", lost)
	}
	was, digest := verdicts(), c.Digest()
	c.Pin((*id.ConfigID)(&p.ID))
	if r, ok := c.Conflict(); !ok || r.Chain.ID != q.ID {
		t.Fatalf("%+v, %v", r, ok)
	}
	lost := c.Forgone()
	if len(lost) != len(acts) {
		t.Fatalf("%+v", lost)
	}
	for i, v := range lost {
		if v.ID != acts[i].ID || v.Org == nil || v.Member != c.Member(*v.Org) || v.Member {
			t.Errorf("%d: %+v", i, v) // the chain's steward has removed the same ones
		}
	}
	if now := verdicts(); !slices.Equal(now, was) || c.Digest() != digest {
		t.Errorf("verdicts %q, then %q", was, now)
	}
}
