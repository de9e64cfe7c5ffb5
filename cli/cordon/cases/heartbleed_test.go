package cases

import (
	"slices"
	"testing"
	"time"
)

// heartbleed: the project opens and leads. Red Hat names the day, which is earlier than
// the project's own default. Two of those that asked got no answer.
var heartbleed = script{
	file: "../../../daemon/demo/heartbleed-2014.json", opener: "openssl", length: 45 * 24 * time.Hour,
	alone: map[string]bool{"canonical": true, "gentoo": true}, voice: "google",
}

func TestHeartbleed(t *testing.T) {
	p := newPlay(t)
	rec := load(t, heartbleed.file)
	for _, o := range rec.Organisations {
		p.add(o.ID, o.Name, o.Role)
	}
	p.acquaint(p.order...)
	g := tell(p, &heartbleed, rec)
	g.over("PXA")
	if g.second == nil || len(g.second.in) != 3 {
		t.Fatalf("the second report is not a case of three: %+v", g.second)
	}
	for _, o := range g.second.in {
		if !g.k.has(o) || p.me(g.second, o).RM != "closed" {
			t.Errorf("%s has not come over from the second case", o.name)
		}
	}
	for _, key := range []string{"canonical", "gentoo", "amazon", "yahoo", "github", "bitcoin", "cra", "mumsnet", "rapid7"} {
		g.outside(key)
	}
	checked(p)
}

// over checks the end of a case: all members hold the same, the embargo is over, and what
// is confirmed is what the record says; nothing was refused.
func (g *telling) over(pxa string) {
	g.t.Helper()
	first := g.view(g.k.lead, g.k)
	for _, o := range g.k.in {
		v := g.view(o, g.k)
		if v.Digest != first.Digest || v.CS != first.CS || v.State != "ok" || v.Embargo.State != "exited" || v.CS[3:] != pxa || v.Forks > 0 {
			g.t.Errorf("%s: digest %.8s, state %s, %s, embargo %s, %d forks", o.name, v.Digest, v.CS, v.State, v.Embargo.State, v.Forks)
		}
		if len(v.Refused) > 0 {
			g.t.Errorf("%s: refused: %+v", o.name, v.Refused)
		}
		at := slices.IndexFunc(g.rec.Organisations, func(l listed) bool { return l.ID == o.key })
		if at < 0 {
			g.t.Errorf("%s is no organisation of the record", o.name)
		}
	}
	if g.count.acts+g.count.before != len(g.rec.Events) {
		g.t.Errorf("%d events, of which %d became acts and %d were before the case", len(g.rec.Events), g.count.acts, g.count.before)
	}
	g.t.Logf("at the end: %s, embargo %s, %d entries, %d members of %d organisations", first.CS, first.Embargo.State, first.Entries, len(g.k.in), len(g.order))
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
