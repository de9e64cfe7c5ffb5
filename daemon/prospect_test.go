package daemon_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
)

// ruled fails unless an error is of a rule, and leads on.
func ruled(t *testing.T, err error, rule, try string) {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.Rule != rule || !strings.Contains(e.Try, try) || e.Try == "" {
		t.Errorf("want %s and to try %s: %+v", rule, try, err)
	}
}

// TestVotesAreSpent: two stewards vote for a proposal each. They are warned before, and
// told afterwards that neither is carried, why, and what remains.
func TestVotesAreSpent(t *testing.T) {
	t.Parallel()
	a, b, c, k := trio(t, "spent", "Abelia", "Bryony", "Clover")
	eventually(t, "the checkpoint after the admissions", func() bool { s := a.stewards(k); return len(s.Owes)+len(s.Proposals) == 0 })
	a.changes(k, api.ChangeStewards{Add: []string{"Bryony"}})
	decide(t, k, []*org{a, b, c}, a, b)
	x := a.changes(k, api.ChangeStewards{Add: []string{"Clover"}})
	if x.Stuck != nil || len(x.Warnings) != 0 {
		t.Errorf("the first: %+v", x)
	}
	eventually(t, "the other sees it and its vote", func() bool {
		s := b.stewards(k)
		return len(s.Proposals) == 1 && len(s.Proposals[0].Endorsed) == 1
	})
	if p := b.stewards(k).Proposals[0]; len(p.Warnings) != 0 {
		t.Errorf("nothing else is proposed: %+v", p)
	}
	drop := api.ChangeStewards{Drop: []string{"Abelia"}, Plan: true}
	if p := b.changes(k, drop); len(p.Missing) != 1 || len(p.Warnings) < 2 ||
		p.Warnings[0] != "This cannot be carried: Abelia has voted for "+x.Config.String()[:12]+"." ||
		!strings.Contains(p.Warnings[1], "spends our vote") || !strings.Contains(p.Warnings[1], "by Abelia (1 of 2 voices)") {
		t.Errorf("the plan: %+v", p)
	}
	drop.Plan = false
	y := b.changes(k, drop)
	if y.Stuck == nil || !strings.Contains(y.Stuck.Text, "Abelia has voted for "+x.Config.String()[:12]) || !strings.Contains(y.Stuck.Remains, "propose it again") {
		t.Errorf("the second: %+v", y.Stuck)
	}
	agree(t, k, a, b, c)
	for _, o := range []*org{a, b, c} {
		for _, p := range o.stewards(k).Proposals {
			if p.Stuck == nil || len(p.Stuck.Spent) != 1 {
				t.Errorf("%s: %+v", o.name, p)
			}
		}
		n, err := o.Next(t.Context(), k)
		if err != nil || len(n.Suggest) == 0 {
			t.Fatal(n, err)
		}
		told := false
		for _, x := range n.Suggest {
			if strings.Contains(x.Text, "no change of stewards that is proposed can be carried any more") {
				told = true
				if others := strings.Contains(x.Text, "That is for the stewards: Abelia, Bryony"); others != (o == c) || (x.Strength == "MAY") != (o == c) {
					t.Errorf("%s is asked for what it can do, who cannot is told who can: %+v", o.name, x)
				}
			}
			if strings.Contains(x.Command, "steward endorse") {
				t.Errorf("%s is asked to vote: %+v", o.name, x)
			}
		}
		if !told {
			t.Errorf("%s: %+v", o.name, n.Suggest)
		}
	}
	_, err := a.Endorse(t.Context(), k, y.Config.String(), api.Vote{})
	ruled(t, err, "already-endorsed", "steward list")
	if !strings.Contains(err.Error(), "propose it again") {
		t.Errorf("what to do: %v", err)
	}
	z := a.changes(k, api.ChangeStewards{Add: []string{"Clover"}}) // what nobody could carry: every vote for it is free
	if z.Stuck != nil || len(z.Endorsed) != 1 || z.Endorsed[0] != a.id {
		t.Errorf("proposed again: %+v", z)
	}
	_, err = a.ChangeStewards(t.Context(), k, api.ChangeStewards{Add: []string{"Clover"}})
	if kindOf(err) != api.Exists || strings.Contains(err.(*api.Error).Try, "endorse") {
		t.Errorf("just this, by who has endorsed it: %+v", err)
	}
	b.endorses(k, *z.Config)
	decide(t, k, []*org{a, b, c}, a, b, c)
}

// TestHeardAgain: a steward that comes back after votes for its succession were given
// leaves a proposal that nobody is to wait for.
func TestHeardAgain(t *testing.T) {
	t.Parallel()
	a, b, c, k := trio(t, "heard", "Arnica", "Betony", "Comfrey")
	eventually(t, "the checkpoint after the admissions", func() bool { s := a.stewards(k); return len(s.Owes)+len(s.Proposals) == 0 })
	agree(t, k, a, b, c)
	a.stop()
	r := api.ChangeStewards{Drop: []string{"Arnica"}, Add: []string{"Betony"}, Succession: true}
	if _, err := b.ChangeStewards(t.Context(), k, r); kindOf(err) != api.Pending {
		t.Fatal(err)
	}
	for _, o := range []*org{a, b, c} {
		o.ahead.Store(int64(14*24*time.Hour + time.Minute))
	}
	p := b.changes(k, r)
	eventually(t, "the other sees the proposal", func() bool { return len(c.stewards(k).Proposals) == 1 })
	_, err := b.Endorse(t.Context(), k, p.Config.String(), api.Vote{})
	ruled(t, err, "already-endorsed", "steward list")
	a.start()
	for _, o := range []*org{b, c} {
		eventually(t, o.name+" hears the steward", func() bool { return o.stewards(k).Proposals[0].Stuck != nil })
		x := o.stewards(k).Proposals[0].Stuck
		if len(x.Heard) != 1 || x.Heard[0] != a.id || !strings.Contains(x.Text, "Arnica has written since") ||
			!strings.Contains(x.Remains, "a change that Arnica carries") ||
			!strings.HasSuffix(x.Remains, "are free for a new proposal once another one is endorsed by Comfrey") {
			t.Errorf("%s: %+v", o.name, x)
		}
	}
	_, err = c.Endorse(t.Context(), k, p.Config.String(), api.Vote{})
	ruled(t, err, "steward-was-heard", "steward list")
	if p := a.changes(k, api.ChangeStewards{Add: []string{"Betony", "Comfrey"}}); !p.InForce {
		t.Errorf("who is back: %+v", p)
	}
	decide(t, k, []*org{b, c}, a, b, c)
	if s := b.stewards(k); len(s.Proposals) != 0 {
		t.Errorf("every vote is new: %+v", s.Proposals)
	}
}

// TestHeardThenGone: a steward writes once, after a vote for its succession, and is never
// heard again. The members succeed it all the same: the vote comes free when the other
// has endorsed a later proposal.
func TestHeardThenGone(t *testing.T) {
	t.Parallel()
	a, b, c, k := trio(t, "gone", "Acacia", "Begonia", "Cicely")
	eventually(t, "the checkpoint after the admissions", func() bool { s := a.stewards(k); return len(s.Owes)+len(s.Proposals) == 0 })
	agree(t, k, a, b, c)
	a.stop()
	r := api.ChangeStewards{Drop: []string{"Acacia"}, Add: []string{"Begonia"}, Succession: true}
	told := func() bool {
		t.Helper()
		n, err := c.Next(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(n.Suggest, func(x api.Suggestion) bool {
			return strings.HasPrefix(x.Text, "nothing has come from Acacia for 11 days")
		})
	}
	if told() {
		t.Error("it wrote a moment ago")
	}
	c.ahead.Store(int64(11*24*time.Hour + time.Minute))
	if !told() {
		t.Error("nobody may have noticed")
	}
	c.ahead.Store(0)
	weeks := func(n int64) {
		for _, o := range []*org{a, b, c} {
			o.ahead.Store(n * int64(14*24*time.Hour+time.Minute))
		}
	}
	pending := func(o *org) {
		t.Helper()
		if _, err := o.ChangeStewards(t.Context(), k, r); kindOf(err) != api.Pending {
			t.Fatalf("%s notes the silence: %v", o.name, err)
		}
	}
	pending(b)
	weeks(1)
	p := b.changes(k, r)
	eventually(t, "the other sees the proposal", func() bool { return len(c.stewards(k).Proposals) == 1 })
	a.start()
	for _, o := range []*org{b, c} {
		eventually(t, o.name+" hears the steward", func() bool { return o.stewards(k).Proposals[0].Stuck != nil })
	}
	a.stop()
	pending(c)
	pending(b)
	weeks(2)
	q := c.changes(k, r)
	if q.Stuck == nil || len(q.Stuck.Spent) != 1 || q.Stuck.Spent[0].Config != *p.Config || !strings.Contains(q.Stuck.Remains, "propose it again") {
		t.Errorf("the vote of the other is for what it has just set free: %+v", q.Stuck)
	}
	agree(t, k, b, c)
	z := b.changes(k, r)
	if z.Stuck != nil || len(z.Endorsed) != 1 {
		t.Errorf("proposed again: %+v", z)
	}
	other := r
	other.Add = []string{c.name, b.name}
	_, err := b.ChangeStewards(t.Context(), k, other)
	if e := new(api.Error); !errors.As(err, &e) || e.Rule != "already-endorsed" || !strings.Contains(e.Text, z.Config.String()[:12]) {
		t.Errorf("once more: %v, not that its voice is on %v", err, z.Config)
	}
	c.endorses(k, *z.Config)
	decide(t, k, []*org{b, c}, b)
}

// TestStranded: two of three stewards have endorsed something each, and the third, who
// could carry either, is gone. The other two may succeed it, though they are a quorum.
func TestStranded(t *testing.T) {
	t.Parallel()
	a, b, c, k := trio(t, "stranded", "Alder", "Birch", "Cedar")
	eventually(t, "the checkpoint after the admissions", func() bool { s := a.stewards(k); return len(s.Owes)+len(s.Proposals) == 0 })
	a.changes(k, api.ChangeStewards{Add: []string{"Birch", "Cedar"}})
	decide(t, k, []*org{a, b, c}, a, b, c)
	c.stop()
	r := api.ChangeStewards{Drop: []string{"Cedar"}, Succession: true}
	_, err := a.ChangeStewards(t.Context(), k, r)
	ruled(t, err, "quorum-left", "without --succession")
	x := a.changes(k, api.ChangeStewards{Drop: []string{"Cedar"}})
	eventually(t, "the other sees the proposal and its vote", func() bool {
		s := b.stewards(k)
		return len(s.Proposals) == 1 && len(s.Proposals[0].Endorsed) == 1
	})
	y := b.changes(k, api.ChangeStewards{Lead: "Birch"})
	if x.Stuck != nil || y.Stuck != nil {
		t.Errorf("who is gone could carry either: %+v, %+v", x.Stuck, y.Stuck)
	}
	agree(t, k, a, b)
	_, err = b.Endorse(t.Context(), k, x.Config.String(), api.Vote{})
	ruled(t, err, "already-endorsed", "--drop "+c.id.String()[:12]+" --succession")
	n, err := a.Next(t.Context(), k)
	if err != nil || !slices.ContainsFunc(n.Suggest, func(x api.Suggestion) bool { return strings.Contains(x.Text, "without Cedar nothing is carried") }) {
		t.Errorf("what to do: %+v, %v", n, err)
	}
	for _, o := range []*org{a, b} {
		if _, err := o.ChangeStewards(t.Context(), k, r); kindOf(err) != api.Pending {
			t.Fatalf("%s notes the silence: %v", o.name, err)
		}
	}
	agree(t, k, a, b)
	eventually(t, "the silence is shown, of who is silent alone", func() bool {
		s := a.stewards(k).Silence
		return s != nil && len(s.Silent) == 1 && s.Silent[0] == c.id && len(s.Noted) == 2
	})
	for _, o := range []*org{a, b} {
		o.ahead.Store(int64(14*24*time.Hour + time.Minute))
	}
	z := a.changes(k, r)
	b.endorses(k, *z.Config)
	decide(t, k, []*org{a, b}, a, b)
}
