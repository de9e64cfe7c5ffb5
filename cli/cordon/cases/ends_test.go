package cases

import (
	"slices"
	"strings"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// signed has the lead say something that reaches all who have signed the terms in force;
// who has not has the entry and not its body.
func (p *play) signed(k *matter, s string) {
	p.t.Helper()
	note := p.says(k, k.lead, s)
	for _, o := range k.in {
		if o == k.lead || o.stop == nil {
			continue
		}
		want := "here"
		if !p.full(k, o) {
			want = "awaited"
		}
		p.until(o.name+": the body of a note is "+want, func() (ok bool) {
			err := o.Log(p.t.Context(), k.id, false, 0, func(l api.LogLine) bool {
				ok = ok || l.ID.String() == note && l.Body == want
				return !ok
			})
			return err == nil && ok
		})
	}
}

// stewards has a steward propose other stewards, and others endorse that; it returns when
// all members see them, in the order of their ranks.
func (p *play) stewards(k *matter, by *org, args []string, endorse []*org, want ...*org) {
	p.t.Helper()
	p.until("no checkpoint is under way", func() bool {
		s, err := by.Stewards(p.t.Context(), k.id)
		return err == nil && len(s.Owes)+len(s.Proposals) == 0
	})
	var c api.Change
	p.reads(p.does(by, append([]string{"steward", "propose", k.id, "--json"}, args...)...), &c)
	for _, o := range endorse {
		p.until(o.name+" hears of other stewards", func() bool {
			s, err := o.Stewards(p.t.Context(), k.id)
			return err == nil && slices.ContainsFunc(s.Proposals, func(x api.Change) bool { return *x.Config == *c.Config })
		})
		p.does(o, "steward", "endorse", k.id, c.Config.String())
	}
	for _, x := range k.in {
		if x.stop == nil {
			continue
		}
		p.until(x.name+" sees the new stewards", func() bool {
			v, err := x.Case(p.t.Context(), k.id)
			return err == nil && slices.EqualFunc(v.Stewards, want, func(s id.OrgID, o *org) bool { return s == o.id })
		})
	}
	k.lead = want[0]
	p.together(k)
}

// handsOver makes o the one steward of a case.
func (p *play) handsOver(k *matter, o *org) {
	p.t.Helper()
	p.stewards(k, k.lead, []string{"--add", o.id.String(), "--drop", k.lead.id.String(), "--lead", o.id.String()}, nil, o)
}

// over checks the end of a case: all members hold and show the same, the embargo is over,
// nothing was refused, and the state of the case is one of those that are wanted.
func (p *play) over(k *matter, cs ...string) {
	p.t.Helper()
	p.settled(k)
	first := p.view(k.lead, k)
	if !slices.ContainsFunc(cs, func(s string) bool { return strings.HasSuffix(first.CS, s) }) {
		p.t.Errorf("at the end the state is %s, not %v", first.CS, cs)
	}
	for _, o := range k.in {
		v := p.view(o, k)
		if v.Digest != first.Digest || v.CS != first.CS || v.State != "ok" || v.Embargo.State != "exited" || v.Forks > 0 || len(v.Refused) > 0 {
			p.t.Errorf("%s: digest %.8s, state %s, %s, embargo %s, %d forks, refused %+v", o.name, v.Digest, v.CS, v.State, v.Embargo.State, v.Forks, v.Refused)
		}
		in := 0
		for _, x := range v.Participants {
			at := slices.IndexFunc(k.in, func(m *org) bool { return m.id == x.Org })
			if x.Admitted != (at >= 0) || at >= 0 && (k.in[at].joined && !slices.Contains(x.Roles, k.in[at].role)) {
				p.t.Errorf("%s shows %s as %+v", o.name, x.Name, x)
			}
			if at >= 0 {
				in++
			}
		}
		if in != len(k.in) {
			p.t.Errorf("%s shows %d members, not %d", o.name, in, len(k.in))
		}
	}
	p.t.Logf("at the end: %s, embargo %s, %d entries, %d members of %d organisations", first.CS, first.Embargo.State, first.Entries, len(k.in), len(p.order))
}

// outside checks that an organisation is in no case and has heard of none.
func (g *telling) outside(key string) {
	g.t.Helper()
	o := g.who(key)
	s, err := o.Status(g.t.Context())
	if err != nil || s.Cases+s.Inbox > 0 || len(g.yes[o]) > 0 {
		g.t.Errorf("%s sees %d cases and %d invitations, %v", o.name, s.Cases, s.Inbox, err)
	}
}

// whole checks that no event of the record was dropped.
func (g *telling) whole() {
	g.t.Helper()
	if c := g.count; c.acts+c.notes+c.before != len(g.rec.Events) {
		g.t.Errorf("of %d events %d became acts, %d notes, and %d were before the case", len(g.rec.Events), c.acts, c.notes, c.before)
	}
}
