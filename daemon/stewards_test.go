package daemon_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// stewards is o's view of who decides.
func (o *org) stewards(c string) *api.Stewards {
	o.t.Helper()
	s, err := o.Stewards(o.t.Context(), c)
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

// decide waits until all of them see exactly these stewards, in this order.
func decide(t *testing.T, c string, at []*org, want ...*org) {
	t.Helper()
	for _, o := range at {
		eventually(t, o.name+" sees the new stewards", func() bool {
			s := o.stewards(c)
			if len(s.Stewards) != len(want) {
				return false
			}
			for i, x := range want {
				if s.Stewards[i].Org != x.id {
					return false
				}
			}
			return true
		})
	}
}

// changes proposes other stewards.
func (o *org) changes(c string, r api.ChangeStewards) *api.Change {
	o.t.Helper()
	p, err := o.ChangeStewards(o.t.Context(), c, r)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

// endorses waits until o sees a proposal and gives it its voice.
func (o *org) endorses(c string, config id.ConfigID) {
	o.t.Helper()
	eventually(o.t, o.name+" endorses", func() bool {
		_, err := o.Endorse(o.t.Context(), c, config.String()[:12], api.Vote{})
		return err == nil
	})
}

// TestStewardsOutliveTheOpener: two stewards go on without the one that opened
// the case, admit, drop it and remove it.
func TestStewardsOutliveTheOpener(t *testing.T) {
	t.Parallel()
	a, b, c, d := newOrg(t, "Alder", "coordinator"), newOrg(t, "Birch", "vendor"), newOrg(t, "Cedar", "vendor"), newOrg(t, "Dogwood", "vendor")
	befriend(a, b, c, d)
	k := a.open("goes on", []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	a.admits(k, c, "dependent-vendor")
	eventually(t, "the sole steward's own checkpoint", func() bool {
		s := a.stewards(k)
		return s.N > 0 && len(s.Owes) == 0 && len(s.Proposals) == 0
	})
	if _, err := b.ChangeStewards(t.Context(), k, api.ChangeStewards{Add: []string{"Birch"}}); kindOf(err) != api.Refused {
		t.Errorf("a participant proposes: %v", err)
	}
	if p := a.changes(k, api.ChangeStewards{Add: []string{"Birch", "Cedar"}}); !p.InForce || p.Quorum != 2 {
		t.Errorf("a sole steward's proposal: %+v", p)
	}
	decide(t, k, []*org{a, b, c}, a, b, c)
	agree(t, k, a, b, c)
	a.stop()

	b.admits(k, d, "dependent-vendor")
	c.sees(k, d)
	p := b.changes(k, api.ChangeStewards{Drop: []string{"Alder"}, Lead: "Cedar"})
	if p.InForce || p.Need != 2 || len(p.Endorsed) != 1 || len(p.Missing) != 2 || len(p.Dropped) != 1 || p.Dropped[0] != a.id {
		t.Errorf("proposed: %+v", p)
	}
	c.endorses(k, *p.Config)
	decide(t, k, []*org{b, c, d}, c, b)
	if _, err := b.Remove(t.Context(), k, "Alder", "has not answered for weeks"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the opener is out", func() bool {
		x, ok := d.sees(k, a)
		return ok && x.Removed
	})
	if _, err := d.Say(t.Context(), k, api.Say{Text: "the case goes on"}); err != nil {
		t.Fatal(err)
	}
	b.reads(k, "the case goes on")
	c.reads(k, "the case goes on")
	agree(t, k, b, c, d)
	for _, o := range []*org{b, c, d} {
		if v, err := o.Case(t.Context(), k); err != nil || v.State != "ok" || len(v.Refused) != 0 {
			t.Errorf("%s: %+v, %v", o.name, v, err)
		}
	}
}

// TestCheckpointOfThree: after a day and 32 entries the stewards' daemons agree on
// a checkpoint with nobody awake.
func TestCheckpointOfThree(t *testing.T) {
	t.Parallel()
	a, b, c, k := trio(t, "checkpoint", "Aspen", "Beech", "Catalpa")
	a.changes(k, api.ChangeStewards{Add: []string{"Beech", "Catalpa"}})
	decide(t, k, []*org{a, b, c}, a, b, c)
	n := a.stewards(k).N
	for i := range 34 {
		if _, err := b.RM(t.Context(), k, []string{"valid", "accept", "defer"}[min(i, 2-i%2)]); err != nil {
			t.Fatal(err)
		}
	}
	agree(t, k, a, b, c)
	for _, o := range []*org{b, c} { // no clock but the lead's decides when
		o.ahead.Store(int64(48 * time.Hour))
	}
	if s := a.stewards(k); s.N != n || len(s.Proposals)+len(s.Owes) != 0 {
		t.Errorf("before a day is over: %+v", s)
	}
	a.ahead.Store(int64(25 * time.Hour))
	for _, o := range []*org{a, b, c} {
		eventually(t, o.name+" sees the checkpoint", func() bool { return o.stewards(k).N == n+1 })
	}
}

// TestSuccession: in a case of two, the member replaces a steward that has fallen
// silent, and not before it has waited.
func TestSuccession(t *testing.T) {
	t.Parallel()
	a, b := newOrg(t, "Acacia", "coordinator"), newOrg(t, "Banyan", "vendor")
	befriend(a, b)
	k := a.open("silent", []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	eventually(t, "the checkpoint after the admission", func() bool { return a.stewards(k).N == 1 })
	agree(t, k, a, b)
	a.stop()
	r := api.ChangeStewards{Drop: []string{"Acacia"}, Add: []string{"Banyan"}, Succession: true}
	if _, err := b.ChangeStewards(t.Context(), k, r); kindOf(err) != api.Pending {
		t.Fatalf("the first run: %v", err)
	}
	before := len(b.lines(k))
	b.ahead.Store(int64(13 * 24 * time.Hour))
	if _, err := b.ChangeStewards(t.Context(), k, r); kindOf(err) != api.Pending {
		t.Errorf("after 13 days: %v", err)
	}
	if n := len(b.lines(k)); n != before {
		t.Errorf("the silence is noted again: %d entries, then %d", before, n)
	}
	b.ahead.Store(int64(14*24*time.Hour + time.Minute))
	if p := b.changes(k, r); !p.InForce || p.Kind != "succession" || p.Need != 1 {
		t.Errorf("after 14 days: %+v", p)
	}
	decide(t, k, []*org{b}, b)
	told := func(o *org) bool {
		n, err := o.Next(t.Context(), k)
		return err == nil && slices.ContainsFunc(n.Suggest, func(x api.Suggestion) bool {
			return strings.HasPrefix(x.Text, "we are a steward no more") && strings.Contains(x.Text, "one that is now: Banyan")
		})
	}
	a.ahead.Store(b.ahead.Load())
	a.start()
	decide(t, k, []*org{a}, b)
	if x := a.stewards(k).Succeeded; x == nil || x.By != b.id || !slices.Equal(x.Endorsed, []id.OrgID{b.id}) || !slices.Equal(x.Stewards, []id.OrgID{b.id}) || !told(a) {
		t.Errorf("who comes back is told: %+v", x)
	}
	if b.stewards(k).Succeeded != nil || told(b) {
		t.Error("who succeeded it is told that it was succeeded")
	}
	if p := b.changes(k, api.ChangeStewards{Add: []string{"Acacia"}}); !p.InForce {
		t.Errorf("%+v", p)
	}
	decide(t, k, []*org{a}, b, a)
	if a.stewards(k).Succeeded != nil || told(a) {
		t.Error("who is a steward again is told that it is none")
	}
}

// TestSucceededIsRemoved: who succeeded a steward decides: it may remove it.
func TestSucceededIsRemoved(t *testing.T) {
	t.Parallel()
	a, b := newOrg(t, "Cassia", "coordinator"), newOrg(t, "Dahlia", "vendor")
	befriend(a, b)
	k := a.open("removed", []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	eventually(t, "the checkpoint after the admission", func() bool { return a.stewards(k).N == 1 })
	agree(t, k, a, b)
	a.stop()
	r := api.ChangeStewards{Drop: []string{"Cassia"}, Add: []string{"Dahlia"}, Succession: true}
	if _, err := b.ChangeStewards(t.Context(), k, r); kindOf(err) != api.Pending {
		t.Fatalf("the first run: %v", err)
	}
	b.ahead.Store(int64(14*24*time.Hour + time.Minute))
	b.changes(k, r)
	if _, err := b.Remove(t.Context(), k, "Cassia", "gone"); err != nil {
		t.Error(err)
	}
}

// TestSilenceIsShown: who waits for a succession sees so, and every other member is
// asked to note the silence too.
func TestSilenceIsShown(t *testing.T) {
	t.Parallel()
	a, b, c, k := trio(t, "silent", "Acer", "Bay", "Citrus")
	agree(t, k, a, b, c)
	eventually(t, "the checkpoint after the admissions", func() bool { return len(a.stewards(k).Owes) == 0 })
	agree(t, k, a, b, c)
	a.stop()
	if _, err := b.RM(t.Context(), k, "valid"); err != nil {
		t.Fatal(err)
	}
	agree(t, k, b, c)
	if q := c.stewards(k).Silence; q != nil {
		t.Errorf("nobody has noted it: %+v", q)
	}
	r := api.ChangeStewards{Drop: []string{"Acer"}, Add: []string{"Bay"}, Succession: true}
	if _, err := b.ChangeStewards(t.Context(), k, r); kindOf(err) != api.Pending {
		t.Fatalf("the first run: %v", err)
	}
	agree(t, k, b, c)
	suggested := func(o *org, word string) bool {
		n, err := o.Next(t.Context(), k)
		return err == nil && slices.ContainsFunc(n.Suggest, func(x api.Suggestion) bool { return strings.Contains(x.Text, word) })
	}
	if !suggested(c, "Bay noted that nothing comes from Acer: note it too") || suggested(b, "note it too") {
		t.Error("who has not noted it is asked to")
	}
	if !suggested(c, "ORG: a member") {
		t.Error("whom the command must name beside is not said")
	}
	lost := r
	lost.Add = []string{"ORG"}
	_, err := c.ChangeStewards(t.Context(), k, lost)
	ruled(t, err, "", "cordon case show "+k[:12])
	_, err = b.Invite(t.Context(), k, api.Invite{Org: "ORG", Role: "observer"})
	ruled(t, err, "", "cordon peer list")
	q := c.stewards(k).Silence
	if q == nil || len(q.Silent) != 1 || q.Silent[0] != a.id || len(q.Noted) != 1 || q.Noted[0].Org != b.id || len(q.Missing) != 1 || q.From != nil {
		t.Fatalf("to who has not noted it: %+v", q)
	}
	if _, err := c.ChangeStewards(t.Context(), k, r); kindOf(err) != api.Pending {
		t.Fatalf("the other notes it: %v", err)
	}
	agree(t, k, b, c)
	for _, o := range []*org{b, c} {
		v, err := o.Case(t.Context(), k)
		if err != nil || v.Authority.Silence == nil || len(v.Authority.Silence.Noted) != 2 || v.Authority.Silence.From == nil {
			t.Fatalf("%s: %+v, %v", o.name, v.Authority.Silence, err)
		}
		o.ahead.Store(int64(14*24*time.Hour + time.Minute))
		if !suggested(o, "our voice counts now") {
			t.Errorf("%s is not asked to propose", o.name)
		}
	}
	b.changes(k, r)
	agree(t, k, b, c)
	if !suggested(c, "waits for our vote") || suggested(c, "our voice counts now") || suggested(b, "our voice counts now") {
		t.Error("a proposal waits for a vote")
	}
	c.endorses(k, *c.stewards(k).Proposals[0].Config)
	decide(t, k, []*org{b, c}, b)
	if q := c.stewards(k).Silence; q != nil {
		t.Errorf("the succession is in force: %+v", q)
	}
}

// TestAlive: a quiet steward's daemon says every five days that it is there.
func TestAlive(t *testing.T) {
	t.Parallel()
	a := newOrg(t, "Ailanthus", "coordinator")
	k := a.open("quiet", []byte("r"))
	alive := func() (n int) {
		for _, l := range a.lines(k) {
			if l.Type == "alive" {
				n++
			}
		}
		return n
	}
	eventually(t, "its address", func() bool { // its last word for now
		return slices.ContainsFunc(a.lines(k), func(l api.LogLine) bool { return l.Type == "address" })
	})
	a.stop()
	a.ahead.Store(int64(4 * 24 * time.Hour))
	a.start()
	if n := alive(); n != 0 {
		t.Errorf("after four days it has said %d times that it is there", n)
	}
	for i := 1; i <= 2; i++ {
		a.ahead.Store(int64(i) * int64(5*24*time.Hour+time.Minute))
		eventually(t, "the sign of life", func() bool { return alive() == i })
	}
	const day = 24 * time.Hour
	a.ahead.Store(int64(300 * day)) // its clock is wrong for a while, and what it writes then says so for ever
	if _, err := a.RM(t.Context(), k, "valid"); err != nil {
		t.Fatal(err)
	}
	a.ahead.Store(int64(11 * day)) // then it is right again, and days pass
	eventually(t, "the sign of life of who wrote in a year's time", func() bool {
		a.ahead.Add(int64(day / 4))
		return alive() > 2
	})
	if passed := time.Duration(a.ahead.Load()); passed > 100*day {
		t.Errorf("it says that it is there after %v", passed)
	}
}

// copied is a second home with everything that is in o's, whose daemon is stopped.
func (o *org) copied() *org {
	o.t.Helper()
	home, err := os.MkdirTemp("", "cordon")
	if err == nil {
		o.t.Cleanup(func() { os.RemoveAll(home) })
		err = os.CopyFS(home, os.DirFS(o.home))
	}
	if err != nil {
		o.t.Fatal(err)
	}
	return &org{t: o.t, name: o.name + ", copied", home: home, id: o.id, log: &logged{}}
}

// TestForkIsProven: a member shows the case that a key has signed two notes at
// one place when no steward is there to do it.
func TestForkIsProven(t *testing.T) {
	t.Parallel()
	a, b, c, d := newOrg(t, "Azalea", "coordinator"), newOrg(t, "Box", "vendor"), newOrg(t, "Crocus", "vendor"), newOrg(t, "Daphne", "vendor")
	befriend(a, b, c, d)
	k := a.open("forked", []byte("r"))
	for _, o := range []*org{b, c, d} {
		a.admits(k, o, "observer")
	}
	agree(t, k, a, b, c, d)
	b.stop()
	two := b.copied()
	b.start()
	if _, err := b.Say(t.Context(), k, api.Say{Text: "one"}); err != nil {
		t.Fatal(err)
	}
	c.reads(k, "one")
	d.reads(k, "one")
	for _, o := range []*org{a, b, c, d} {
		o.stop()
	}
	two.start()
	t.Cleanup(two.stop)
	if _, err := two.Say(t.Context(), k, api.Say{Text: "two"}); err != nil {
		t.Fatal(err)
	}
	c.start()
	d.start()
	proofs := func(o *org) (n int) {
		for _, l := range o.lines(k) {
			if l.Type == "fork" && l.Refused == "" && l.About == b.id.String() {
				n++
			}
		}
		return n
	}
	for _, o := range []*org{c, d} {
		eventually(t, o.name+" sees the proof", func() bool { return proofs(o) > 0 })
	}
	agree(t, k, c, d)
	if n := proofs(c); n > 2 {
		t.Errorf("%d proofs", n)
	}
	eventually(t, "the copy stops by itself", func() bool {
		_, err := two.Say(t.Context(), k, api.Say{Text: "three"})
		return kindOf(err) == api.Fork
	})
	if _, err := c.Say(t.Context(), k, api.Say{Text: "we go on"}); err != nil {
		t.Error(err)
	}
	d.reads(k, "we go on")
}
