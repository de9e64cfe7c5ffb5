package demo

import (
	"bytes"
	"context"
	_ "embed" // the remedy in words
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cordon/daemon/api"
)

//go:embed heartbeat.patch.txt
var patch []byte

const (
	title    = "OpenSSL: heartbeat answers with foreign memory"
	evidence = "https://www.openssl.org/news/secadv_20140407.txt"

	privately = "Between us: some infrastructure providers know already and are patching their own servers."
	wanted    = "We need SUSE and Debian in this before the day. Their security teams have the embargo terms."
	released  = "Our advisory DSA-2896 and the packages are built for all architectures and wait for the hour."
)

// story plays the acts in the order in which they happened.
func (p *play) story() error {
	p.tell.heading("The story")
	for _, act := range []func() error{
		p.reported, p.second, p.fixed, p.vendors, p.asked, p.merged, p.withoutSteward, p.published, p.roster,
	} {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// actor by key; the cast has it, or a test fails.
func (p *play) who(key string) *actor { return p.stage.actors[key] }

// reported: the finder's report reaches the project, which opens the case.
func (p *play) reported() error {
	e, err := p.rec.event("google", "report")
	if err != nil {
		return err
	}
	openssl, google := p.who("openssl"), p.who("google")
	p.tell.scene(e.day(), "%s: %s", google.name, e.Note)
	p.tell.sees("Who opens a case leads it. The report came by mail, so the project opens the case with it and invites the finder.")
	end, err := p.end()
	if err != nil {
		return err
	}
	w, err := openssl.api.OpenCase(p.ctx, api.OpenCase{Title: title, EmbargoUntil: end, File: "report.md", Media: "text/markdown"}, bytes.NewReader(report))
	if err != nil {
		return err
	}
	p.caseID, p.in = *w.Case, []*actor{openssl}
	p.tell.sees("Case %s is open, under embargo until %s (the planned day, moved so that it lies as far ahead of you as of them). Only %s has it.",
		short(p.caseID.String()), end.Format("2006-01-02 15:04 UTC"), openssl.name)
	if err := p.join("reporter", google); err != nil {
		return err
	}
	note, err := google.api.Say(p.ctx, p.caseID.String(), api.Say{Text: privately, To: []string{openssl.org.String()}})
	if err != nil {
		return err
	}
	p.secret, p.comp, p.said = note.ID, note.Comp, append(p.said, privately)
	d, _, err := p.spread(note, google)
	p.tell.sees("A note from %s for %s alone is there after %s. Who joins later sees that the two have a compartment, and nothing that is in it.", google.name, openssl.name, took(d))
	return err
}

// end is the planned end of the embargo, moved so that it lies as far ahead of
// now as it did when the last vendors were told.
func (p *play) end() (time.Time, error) {
	planned, err := p.rec.planned()
	if err != nil {
		return planned, err
	}
	last, err := p.rec.event("red-hat", "invite")
	if err != nil {
		return planned, err
	}
	at, err := last.at()
	if err != nil {
		return planned, err
	}
	p.shift = time.Since(at).Truncate(time.Minute)
	return planned.Add(p.shift).UTC(), nil
}

// join invites organisations at once, lets each sign, and waits until each holds
// what the steward holds.
func (p *play) join(role string, who ...*actor) error {
	steward := p.in[0]
	for _, a := range who {
		if _, err := steward.api.Invite(p.ctx, p.caseID.String(), api.Invite{Org: a.org.String(), Role: role}); err != nil {
			return fmt.Errorf("invite %s: %w", a.name, err)
		}
	}
	type result struct {
		took time.Duration
		err  error
	}
	results := make([]result, len(who))
	var wg sync.WaitGroup
	for i, a := range who {
		wg.Go(func() { results[i].took, results[i].err = p.accept(a) })
	}
	wg.Wait()
	var names, times []string
	for i, a := range who {
		if err := results[i].err; err != nil {
			return fmt.Errorf("%s joins: %w", a.name, err)
		}
		names, times = append(names, a.name), append(times, took(results[i].took))
		p.in = append(p.in, a)
	}
	if len(p.in) == 2 {
		p.tell.sees("%s is shown the terms, not the case. It signs them; %s's daemon lets it in, with nobody awake. It holds the report %s after signing.",
			list(names), steward.name, list(times))
		return nil
	}
	p.tell.sees("%s: shown the terms, signed, let in; report and history there %s after signing.", list(names), list(times))
	return nil
}

// accept signs the invitation that waits and returns how long the report took.
func (p *play) accept(a *actor) (time.Duration, error) {
	var item string
	err := until(p.ctx, "the invitation", func(ctx context.Context) (bool, error) {
		in, err := a.api.Inbox(ctx)
		if err != nil || len(in.Items) == 0 {
			return false, err
		}
		item = in.Items[0].ID
		return true, nil
	})
	if err != nil {
		return 0, err
	}
	if s, err := a.api.Status(p.ctx); err != nil || s.Cases != 0 {
		return 0, errors.Join(err, fmt.Errorf("%d cases before the signature", s.Cases))
	}
	begin := time.Now()
	if _, err := a.api.Accept(p.ctx, item); err != nil {
		return 0, err
	}
	err = until(p.ctx, "the report", func(ctx context.Context) (bool, error) {
		got, err := p.read(ctx, a)
		return bytes.Equal(got, report), err
	})
	return time.Since(begin), err
}

// second: another finder, elsewhere. Nothing of it touches the case.
func (p *play) second() error {
	e, err := p.rec.event("codenomicon", "report")
	if err != nil {
		return err
	}
	finder, ncsc := p.who("codenomicon"), p.who("ncsc-fi")
	p.tell.scene(e.day(), "%s: %s", finder.name, e.Note)
	if err := errors.Join(p.empty(finder), p.empty(ncsc)); err != nil {
		return err
	}
	p.tell.sees("Connected to %s all the while, the daemons of both see no case: they cannot tell that there is one.", p.in[0].name)
	return nil
}

// fixed: the project has a fix.
func (p *play) fixed() error {
	e, err := p.rec.event("openssl", "fix-ready")
	if err != nil {
		return err
	}
	openssl, google := p.who("openssl"), p.who("google")
	p.tell.scene(e.day(), "%s: %s", openssl.name, e.Note)
	at := p.caseID.String()
	for _, state := range []string{"valid", "accept"} {
		if _, err := openssl.api.RM(p.ctx, at, state); err != nil {
			return err
		}
	}
	if _, err := openssl.api.Attach(p.ctx, at, api.Attach{File: "remedy.txt", Media: "text/plain"}, bytes.NewReader(patch)); err != nil {
		return err
	}
	w, err := openssl.api.Fix(p.ctx, at, "ready")
	if err != nil {
		return err
	}
	d, _, err := p.spread(w, openssl)
	if err != nil {
		return err
	}
	return p.showState(google, "%s's daemon shows it after %s", google.name, took(d))
}

// showState prints the state of the case at one daemon.
func (p *play) showState(a *actor, format string, args ...any) error {
	k, err := p.view(p.ctx, a)
	if err != nil {
		return err
	}
	p.tell.sees("%s: %s (the vendor knows, has a fix, has not deployed it; not public), %d entries, embargo %s.",
		fmt.Sprintf(format, args...), k.CS, k.Entries, k.Embargo.State)
	return nil
}

// vendors: Red Hat is told, and names who else is needed.
func (p *play) vendors() error {
	first, err := p.rec.event("openssl", "invite")
	if err != nil {
		return err
	}
	redHat, suse, debian := p.who("red-hat"), p.who("suse"), p.who("debian")
	p.tell.scene(first.day(), "%s: %s", p.in[0].name, first.Note)
	if err := p.join("dependent-vendor", redHat); err != nil {
		return err
	}
	then, err := p.rec.event("red-hat", "invite")
	if err != nil {
		return err
	}
	p.tell.scene(then.day(), "%s: %s", redHat.name, then.Note)
	w, err := redHat.api.Say(p.ctx, p.caseID.String(), api.Say{Text: wanted})
	if err != nil {
		return err
	}
	p.said = append(p.said, wanted)
	d, n, err := p.spread(w, redHat)
	if err != nil {
		return err
	}
	p.tell.sees("In Cordon the steward invites: %s says whom it needs, and %d members read it after %s.", redHat.name, n, took(d))
	return p.join("dependent-vendor", suse, debian)
}

// asked: one more wants to know, and nobody is awake to answer.
func (p *play) asked() error {
	e, err := p.rec.event(outsider, "accept")
	if err != nil {
		return err
	}
	p.tell.scene(e.day(), "%s: %s", p.out.name, e.Note)
	if err := p.empty(p.out); err != nil {
		return err
	}
	s, err := p.out.api.Status(p.ctx)
	if err != nil {
		return err
	}
	connected := 0
	for _, peer := range s.Peers {
		if peer.Connected {
			connected++
		}
	}
	p.tell.sees("Its daemon is connected to %d of the members, and sees no case and no invitation. The checks below look at every byte it got.", connected)
	return nil
}

// merged: the second finding reaches the project; its finder joins.
func (p *play) merged() error {
	e, err := p.rec.event("ncsc-fi", "report")
	if err != nil {
		return err
	}
	ncsc, finder := p.who("ncsc-fi"), p.who("codenomicon")
	p.tell.scene(e.day(), "%s: %s", ncsc.name, e.Note)
	if err := p.join("coordinator", ncsc); err != nil {
		return err
	}
	if err := p.join("reporter", finder); err != nil {
		return err
	}
	w, err := ncsc.api.Attach(p.ctx, p.caseID.String(), api.Attach{File: "second-report.md", Media: "text/markdown"}, bytes.NewReader(secondReport))
	if err != nil {
		return err
	}
	d, n, err := p.spread(w, ncsc)
	if err != nil {
		return err
	}
	p.tell.sees("The second report, a file of %d bytes, is at the %d other members after %s.", len(secondReport), n, took(d))
	return nil
}

// withoutSteward: not in the record. The leading daemon is gone for a while.
func (p *play) withoutSteward() error {
	e, err := p.rec.event("debian", "fix-ready")
	if err != nil {
		return err
	}
	steward, debian := p.in[0], p.who("debian")
	p.tell.scene(e.day(), "%s: %s. And, not in the record: we stop %s's daemon first.", debian.name, strings.TrimSuffix(e.Note, "."), steward.name)
	if err := steward.stop(); err != nil {
		return err
	}
	at := p.caseID.String()
	for _, state := range []string{"valid", "accept"} {
		if _, err := debian.api.RM(p.ctx, at, state); err != nil {
			return err
		}
	}
	if _, err := debian.api.Fix(p.ctx, at, "ready"); err != nil {
		return err
	}
	w, err := debian.api.Say(p.ctx, at, api.Say{Text: released})
	if err != nil {
		return err
	}
	p.said = append(p.said, released)
	d, n, err := p.spread(w, debian, steward)
	if err != nil {
		return err
	}
	p.tell.sees("The case goes on without who opened it: the note is at %d members after %s.", n, took(d))
	begin := time.Now()
	if err := steward.start(p.ctx); err != nil {
		return err
	}
	if _, err := p.everywhere("catching up", []*actor{steward}, p.has(w.ID)); err != nil {
		return err
	}
	p.tell.sees("%s's daemon is started again and has caught up after %s.", steward.name, took(time.Since(begin)))
	return nil
}

// published: the embargo ends because the matter is public.
func (p *play) published() error {
	why, err := p.rec.event("openssl", "end-embargo")
	if err != nil {
		return err
	}
	e, err := p.rec.event("openssl", "publish")
	if err != nil {
		return err
	}
	openssl := p.who("openssl")
	p.tell.scene(why.day(), "%s: %s", openssl.name, why.Note)
	p.tell.scene(e.day(), "%s: %s", openssl.name, e.Note)
	if _, err := openssl.api.Claim(p.ctx, p.caseID.String(), "public", evidence); err != nil {
		return err
	}
	p.said = append(p.said, evidence)
	d, err := p.everywhere("ending", p.in, func(ctx context.Context, a *actor) (bool, error) {
		k, err := p.view(ctx, a)
		return err == nil && k.Embargo.State == "exited", err
	})
	if err != nil {
		return err
	}
	p.tell.sees("It states that the matter is public; a steward's word is enough. All %d daemons show the embargo as ended after %s.", len(p.in), took(d))
	p.tell.sees("Cordon itself publishes nothing: that is each organisation's own act.")
	return nil
}

// roster prints what every daemon shows at the end.
func (p *play) roster() error {
	if err := p.settle(); err != nil {
		return err
	}
	p.tell.heading("What each daemon shows now")
	for _, a := range p.in {
		k, err := p.view(p.ctx, a)
		if err != nil {
			return err
		}
		for _, m := range k.Participants {
			if m.Org == a.org {
				row := pad(a.name, 24) + pad(fmt.Sprint(k.Entries, " entries"), 14) + pad("report "+m.RM, 19) + fixWords(m.VFD)
				p.tell.print("  %s\n", strings.TrimRight(row, " "))
			}
		}
	}
	p.tell.print("  %sno case\n", pad(p.out.name, 24))
	p.tell.para("(One entry more where the note between two is.)")
	return nil
}

// fixWords is how far an organisation's own fix is.
func fixWords(vfd string) string {
	switch vfd {
	case "VFd":
		return "fix ready"
	case "VFD", "D":
		return "fix deployed"
	case "Vfd":
		return "no fix yet"
	}
	return ""
}

// short is the beginning of an id.
func short(id string) string { return id[:12] }
