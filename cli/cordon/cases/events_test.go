package cases

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// script is how a record is played: what the record leaves open is decided here, and
// nowhere else.
type script struct {
	file   string
	opener string        // who opens the case
	length time.Duration // of the embargo that the opener begins with: its own default; 0: the record's first
	heir   string        // the coordinator that takes the lead over with its first ack
	inside map[string]string
	// inside: who was let in by statements of the record that name no day, and before which
	// event that is played: its day and organisation.
	late  map[string]string // who accepts a longer embargo late: after an event of its own of this kind; "": after one more note
	alone map[string]bool   // who asks and gets no answer
	voice string            // who claims what outsiders have published; not the lead
}

// telling is a record being played.
type telling struct {
	*play
	*script
	rec    *record
	shift  time.Duration // from the record's time to ours
	k      *matter       // nil until it is open
	second *matter       // the same flaw, found by somebody else, with another coordinator
	ends   int           // of rec.Embargo that were proposed
	owing  map[string]func()
	early  map[string]string // a fix that was there before its owner was in: ready or deployed
	count  struct{ acts, notes, before, outside, none, uncertain int }
	unsaid []string // what could not be mapped, for the transcript
}

// tell plays a record from its first event to its last. The embargo's dates are moved by
// one offset, so that the first event is now: distances stay as they were. Events come one
// after the other; an entry's own time is that of the play.
func tell(p *play, s *script, rec *record) *telling {
	p.t.Helper()
	g := &telling{play: p, script: s, rec: rec, owing: map[string]func(){}, early: map[string]string{}}
	g.shift = time.Since(day(p.t, rec.Events[0].T)).Truncate(time.Second)
	for _, e := range rec.Events {
		g.now = e.T
		for len(g.rec.times) > 0 && g.k != nil && !g.rec.times[0].at.After(day(p.t, e.T)) {
			g.told(g.rec.times[0])
			g.rec.times = g.rec.times[1:]
		}
		g.admits(e)
		p.log("%s: %s%s", g.orgs[e.Org].name, e.Note, doubt(e))
		if e.Uncertain {
			g.count.uncertain++
		}
		acts, verbs, before := g.acts, g.verbs, g.count.before
		g.event(e)
		switch {
		case g.count.before > before:
		case g.verbs > verbs:
			g.count.acts++
		case g.acts > acts:
			g.count.notes++
		}
		if g.k != nil {
			g.together(g.k)
		}
		g.pays(e)
	}
	for _, k := range p.cases {
		g.settled(k)
	}
	p.t.Logf("%d events: %d became acts, %d notes only, %d happened before the case; %d were of who is in no case, noted by its lead; "+
		"for %d Cordon has no word: %v; %d were uncertain", len(rec.Events), g.count.acts, g.count.notes, g.count.before, g.count.outside,
		g.count.none, g.unsaid, g.count.uncertain)
	return g
}

func doubt(e event) string {
	switch {
	case e.Partial && e.Uncertain:
		return " (a hint; uncertain)"
	case e.Partial:
		return " (a hint)"
	case e.Uncertain:
		return " (uncertain)"
	}
	return ""
}

func (g *telling) who(key string) *org { return g.orgs[key] }

// lead is who leads the case.
func (g *telling) lead() *org { return g.k.lead }

// told lets in who was told on a day of which no event says by whom.
func (g *telling) told(x listedAt) {
	if o := g.who(x.org); o != nil && !g.k.has(o) && o != g.lead() {
		g.log("%s: was told by then; the record does not say by whom", o.name)
		g.enter(o)
	}
}

// admits lets in those of whom the record says no day, before an event that the script names.
func (g *telling) admits(e event) {
	for _, l := range g.rec.Organisations {
		if at, ok := g.inside[l.ID]; ok && at == e.T+" "+e.Org && !g.k.has(g.who(l.ID)) {
			g.log("%s: is inside the embargo by now; the day is not published", l.Name)
			g.enter(g.who(l.ID))
		}
	}
}

// enter lets organisations into the case, and takes up what they had done by then.
func (g *telling) enter(who ...*org) {
	g.joins(g.k, who...)
	for _, o := range who {
		if want := g.early[o.key]; want != "" {
			g.fixes(g.k, o, want)
			delete(g.early, o.key)
		}
	}
}

// before counts what happened while nobody had a case.
func (g *telling) before(e event) {
	g.count.before++
	if want, ok := fixKinds[e.Kind]; ok {
		g.early[e.Org] = want
	}
	g.log("    before the case: nobody has one to write it into")
}

// none counts what Cordon has no word for; it is said all the same, as a note.
func (g *telling) none(e event, why string) {
	g.count.none++
	g.unsaid = append(g.unsaid, e.T+" "+e.Org+" "+e.Kind+": "+why)
	g.log("    NOT MAPPED: %s", why)
}

// note has the organisation of an event say it; for who is in no case the lead does.
func (g *telling) note(e event, prefix string) {
	o := g.who(e.Org)
	s := prefix + e.Kind + ": " + e.Note + doubt(e)
	if k := g.of(o); k != nil {
		g.says(k, o, s)
		return
	}
	if g.k == nil {
		g.before(e)
		return
	}
	g.count.outside++
	g.says(g.k, g.lead(), fmt.Sprintf("heard of %s (%s, in no case of ours): %s", o.name, o.id, s))
}

// pays takes up what somebody had put off until after an event of theirs.
func (g *telling) pays(e event) {
	for key, kind := range g.late {
		if pay := g.owing[key]; pay != nil && (kind == "" || e.Org == key && e.Kind == kind) {
			delete(g.owing, key)
			pay()
		}
	}
}

var fixKinds = map[string]string{"fix-ready": "ready", "fix-deployed": "deployed"}

// event maps one event to verbs.
func (g *telling) event(e event) {
	o := g.who(e.Org)
	switch e.Kind {
	case "report":
		g.report(e, o)
	case "invite":
		g.invite(e, o)
	case "accept":
		g.accept(e, o)
	case "ack":
		g.ack(e, o)
	case "valid":
		g.note(e, "")
		if k := g.of(o); k != nil {
			g.accepted(k, o)
		}
		g.status(o)
	case "propose-embargo", "revise-embargo":
		g.embargoes(e, o)
	case "fix-ready", "fix-deployed":
		g.fix(e, o)
	case "public":
		g.public(e, o)
	case "exploit-public":
		g.bad(e, o, "exploit")
	case "attacks-observed":
		g.bad(e, o, "attack")
	case "publish":
		g.publish(e, o)
	case "end-embargo":
		g.end(e, o)
	default:
		g.note(e, "")
		g.none(e, "no such kind of event")
	}
}

// report: to who opens, it opens the case; to somebody else it is a second one; from a
// member it is an invitation.
func (g *telling) report(e event, o *org) {
	switch {
	case g.k == nil && (e.Org == g.opener || slices.Contains(e.To, g.opener)):
		end := day(g.t, g.rec.Embargo[0].Proposed).Add(g.shift)
		if g.length > 0 {
			end = time.Now().Add(g.length)
		}
		g.k = g.opens(g.who(g.opener), g.rec.Title, e.Note, end)
		for _, x := range append([]string{e.Org}, e.To...) {
			if x != g.opener {
				g.enter(g.who(x))
			}
		}
		for _, x := range g.rec.times {
			if x.at.Before(day(g.t, e.T)) {
				g.told(x)
			}
		}
	case g.of(o) == nil && len(e.To) == 1 && g.of(g.who(e.To[0])) == nil:
		to := g.who(e.To[0])
		g.second = g.opens(to, g.rec.Title+" (second finder)", e.Note, time.Now().Add(45*24*time.Hour))
		g.joins(g.second, o)
	case g.second != nil && g.second.has(o) && slices.Contains(e.To, g.opener):
		g.merge(e)
	case g.k.has(o) && o == g.lead():
		for _, x := range e.To {
			g.enter(g.who(x))
		}
		g.note(e, "")
	default:
		g.note(e, "")
	}
}

// merge makes one case of two reports: who leads the first comes into the second, decides
// in it too and merges it; the members of the second come into the first, each by an accept of its own.
// The earlier end holds. The embargo of the second is not ended: that would free who is bound by it.
func (g *telling) merge(e event) {
	a, b := g.k, g.second
	bring := slices.DeleteFunc(slices.Clone(b.in), a.has)
	g.joins(b, a.lead)
	g.stewards(b, b.lead, []string{"--add", a.lead.id.String()}, nil, b.lead, a.lead)
	end := g.earlier(a, b)
	g.merges(b, a, bring...)
	for _, o := range a.in {
		if got := g.terms(o, a).Embargo.End; got == nil || !got.Equal(end) {
			g.t.Errorf("%s has the end %v, the earlier of both is %v", o.name, got, end)
		}
	}
	g.says(a, b.lead, e.Kind+": "+e.Note+doubt(e))
	for _, o := range b.in {
		g.accepted(b, o)
		g.does(o, "rm", b.id, "close")
	}
	g.together(b)
	g.together(a)
}

// earlier is the earlier end of two cases.
func (g *telling) earlier(a, b *matter) time.Time {
	x, y := g.terms(a.lead, a).InForce.End, g.terms(b.lead, b).InForce.End
	if y.Before(*x) {
		return *y
	}
	return *x
}

// invite: only a steward invites; who else has told somebody says whom it needs.
func (g *telling) invite(e event, o *org) {
	k := g.k
	if g.second != nil && !k.has(o) && g.second.lead == o {
		k = g.second
	}
	g.note(e, "")
	var now []*org
	for _, key := range e.To {
		x := g.who(key)
		switch {
		case x == nil:
			continue // the reduced cast is without it
		case k.has(x):
			g.log("    %s is in it already", x.name)
		case g.alone[key]:
			g.log("    %s is not invited: it never got an answer", x.name)
		default:
			g.invites(k, x)
			if !g.answers(key) {
				now = append(now, x)
			}
		}
	}
	g.accepts(k, now...)
	for _, x := range now {
		if want := g.early[x.key]; want != "" {
			g.fixes(k, x, want)
			delete(g.early, x.key)
		}
	}
}

// answers says whether an event of the record, still to come, is the answer of an
// organisation that is invited.
func (g *telling) answers(key string) bool {
	return slices.ContainsFunc(g.rec.Events, func(e event) bool {
		return e.Org == key && (e.Kind == "accept" || e.Kind == "ack" && e.To == nil) && !day(g.t, e.T).Before(day(g.t, g.now))
	})
}

// invited is the case that an invitation of which waits for o; nil: none.
func (g *telling) invited(o *org) *matter {
	for _, k := range g.cases {
		for _, x := range g.view(k.lead, k).Participants {
			if x.Org == o.id && x.Consent == "invited" && !x.Admitted {
				return k
			}
		}
	}
	return nil
}

func (g *telling) accept(e event, o *org) {
	k := g.invited(o)
	if k == nil {
		g.log("    nobody has invited it: it gets nothing, and the lead hears of it by mail")
		g.note(e, "")
		return
	}
	g.accepts(k, o)
	g.note(e, "")
}

// ack: an answer; the first of the heir takes the lead over.
func (g *telling) ack(e event, o *org) {
	if g.k != nil && e.Org == g.heir && g.lead() != o {
		g.enter(o)
		g.handsOver(g.k, o)
		g.note(e, "")
		return
	}
	if k := g.invited(o); k != nil {
		g.accepts(k, o)
	}
	g.note(e, "")
	g.status(o)
}

// status says whether an organisation's products are affected. There is no verb for that
// yet: a note carries it.
func (g *telling) status(o *org) {
	at := slices.IndexFunc(g.rec.Organisations, func(l listed) bool { return l.ID == o.key })
	if k := g.of(o); k != nil && at >= 0 && g.rec.Organisations[at].Status != "" {
		g.says(k, o, "status of our products: "+g.rec.Organisations[at].Status)
	}
}

// embargoes proposes the next end of the record, and before it those whose day is not published.
func (g *telling) embargoes(e event, o *org) {
	g.note(e, "")
	for g.ends < len(g.rec.Embargo) {
		x := g.rec.Embargo[g.ends]
		g.ends++
		if end := x.Proposed + x.Revised; end != "" {
			g.proposed(o, day(g.t, end).Add(g.shift))
		}
		if x.Date != "" {
			return
		}
	}
	g.none(e, "the record names no date for it")
}

// proposed proposes an end and has all agree, but for those that the script has late.
func (g *telling) proposed(o *org, end time.Time) {
	k := g.k
	if now := g.terms(k.lead, k).InForce.End; now.Equal(end) {
		g.log("    that is the end in force already")
		return
	}
	why := ""
	if time.Until(end) > 90*24*time.Hour {
		why = "all tiers need to be ready together"
	}
	longer := g.terms(k.lead, k).InForce.End.Before(end)
	var now []*org
	if k.lead != o {
		now = append(now, k.lead)
	}
	for _, x := range k.in {
		_, late := g.late[x.key]
		if x != o && x != k.lead && !late && (longer || len(now) == 0 && k.lead == o) {
			now = append(now, x)
		}
	}
	a := g.proposes(k, o, end, why, now...)
	g.together(k)
	if !longer {
		return
	}
	for key := range g.late {
		if x := g.who(key); k.has(x) {
			g.owing[key] = func() {
				g.log("%s: has not agreed to the longer embargo until now", x.name)
				g.agrees(k, x, a)
				g.together(k)
			}
		}
	}
	g.signed(k, "Only those read this who have agreed to the longer embargo.")
}

// fix: a fix state where the organisation is in the case and may have one.
func (g *telling) fix(e event, o *org) {
	g.note(e, "")
	if k := g.of(o); k != nil && !g.fixes(k, o, fixKinds[e.Kind]) {
		switch o.role {
		case "reporter", "coordinator", "observer":
			g.none(e, "a "+o.role+" has no fix of its own")
		default:
			g.log("    its fix is there already")
		}
	}
}

// public: a hint or what is uncertain is a note, never a claim by itself. What a member
// has published it claims; what an outsider has, the script's voice does.
func (g *telling) public(e event, o *org) {
	g.note(e, "")
	if e.Partial || e.Uncertain {
		g.stands(false)
		return
	}
	if !g.k.has(o) {
		o = g.who(g.voice)
	}
	was := g.view(g.lead(), g.k).Embargo.State
	g.claims(g.k, o, "public", e.Note)
	g.together(g.k)
	if was == "active" {
		g.stands(true) // one word of a member ends nothing
	}
}

// stands checks that the embargo binds everywhere, and whether its end is pending.
func (g *telling) stands(pending bool) {
	g.t.Helper()
	g.together(g.k)
	for _, o := range g.k.in {
		if e := g.view(o, g.k).Embargo; e.State != "active" || e.ExitPending != pending {
			g.t.Errorf("%s: at %s the embargo is %s, exit pending %v", g.now, o.name, e.State, e.ExitPending)
		}
	}
}

// bad: an exploit is out, or attacks are seen. The lead confirms what is certain.
func (g *telling) bad(e event, o *org, what string) {
	g.note(e, "")
	if e.Uncertain {
		return
	}
	if !g.k.has(o) {
		o = g.lead()
	}
	g.claims(g.k, o, what, e.Note)
	g.confirms(g.k, what)
}

// publish: who publishes claims that it is public, while that is not confirmed.
func (g *telling) publish(e event, o *org) {
	g.note(e, "")
	if g.k.has(o) && !e.Uncertain && !strings.Contains(g.view(o, g.k).CS, "P") {
		g.claims(g.k, o, "public", e.Note)
	}
}

// end: the lead ends the embargo; where others have claimed what ends it, it confirms that.
func (g *telling) end(e event, o *org) {
	g.note(e, "")
	switch now := g.view(g.lead(), g.k).Embargo; {
	case now.State == "exited":
		g.log("    it is over already, by the claim")
	case now.ExitPending:
		g.confirms(g.k, "public")
	default:
		g.does(g.lead(), "embargo", "end", g.k.id, "--reason", g.because(g.k, g.lead(), e.Note))
	}
}
