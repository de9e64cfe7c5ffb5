package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

// reasonFlag is a reason that is written for the members.
func reasonFlag(must bool) func(*pflag.FlagSet) {
	text := "`TEXT`, for the members"
	if !must {
		text += "; default none"
	}
	return func(f *pflag.FlagSet) { f.String("reason", "", text) }
}

// embargoVerbs act on the embargo.
var embargoVerbs = []verb{
	{use: "show CASE", short: "the terms in force, what is proposed, who has answered", json: true, run: (*call).embargoShow},
	{use: "propose CASE", short: "propose another end, or other terms", json: true, confirm: true, run: (*call).embargoPropose, oneOf: []string{"until", "for"},
		long: `Propose another end of the embargo, or other terms; what is not named stays as
it is. The terms in force bind until a proposal takes their place: an earlier end
as soon as one steward has accepted it, all else when more than half of the
stewards have. Whoever proposes has accepted by that. A proposal by a steward takes
effect with the first yes of another organisation, if that makes enough stewards.

Who has not accepted terms that ask more keeps what it has, and is sent nothing
that is written under them. Several proposals may be open; of those that come
into force side by side the earliest end holds.`,
		example: `  cordon embargo propose 3f2a9c01 --for 30d
  cordon embargo propose 3f2a9c01 --until 2027-01-31T12:00:00Z --answer-by 5d
  cordon embargo propose 3f2a9c01 --for 120d --justify 'the tier needs a mask change'`,
		flags: func(f *pflag.FlagSet) {
			f.String("until", "", "`TIME` of the end, RFC 3339 with zone: 2027-01-31T12:00:00Z")
			f.String("for", "", "`LENGTH` from now on, like 45d or 12h")
			f.String("justify", "", "`TEXT`: why longer than 90 days; becomes a part of the agreement")
			f.String("tlp", "", "`LABEL`: clear, green, amber, amber+strict, red")
			f.String("text", "", "`FILE` with another text of the whole agreement")
			f.String("answer-by", "", "`LENGTH` of the time to answer, at least 72h; default 7d")
		}},
	{use: "accept CASE [ID]", short: "accept proposed terms; without ID those in force", run: (*call).embargoAccept},
	{use: "reject CASE ID", short: "reject proposed terms, or withdraw our consent", flags: reasonFlag(false), run: (*call).embargoReject,
		long: `Reject proposed terms, or withdraw our consent to terms that we had accepted. It
speaks for us alone: the others may go on. To leave the case as well: embargo leave.`},
	{use: "end CASE", short: "end the embargo for everybody, at once and for good", confirm: true, flags: reasonFlag(true), run: (*call).embargoEnds,
		long: `End the embargo for everybody, at once and for good: there is no second one in a
case. Only a steward can. It restrains nobody any longer, and obliges nobody to
publish. For an earlier end that lies ahead: embargo propose --until.`},
	{use: "leave CASE", short: "leave the embargo, and with it the case", confirm: true, flags: reasonFlag(true), run: (*call).leave,
		long: `Leave the embargo, and with it the case. There is no way back but a new
invitation; what was received stays under the agreement. Who decides in the case
alone makes others stewards first (cordon steward propose): without one, nobody
can invite or remove until the members have succeeded it, which takes 14 days.`},
}

func (c *call) embargoShow() error {
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	t, err := client.Terms(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	return c.show(t, func(w io.Writer) { termsText(w, k, t, c.now()) })
}

// termsText is the embargo in full.
func termsText(w io.Writer, k *api.Case, t *api.Terms, now time.Time) {
	short := shortID(k.Case.String())
	field(w, "embargo", embargoText(t.Embargo, now))
	linksText(w, k, now)
	agreementText(w, t.InForce, nil, now)
	for _, s := range []struct{ state, name string }{{"signatory", "signed"}, {"lapsed", "LAPSED"}, {"invited", "NOT SIGNED"}, {"declined", "declined"}} {
		var who []string
		for _, p := range k.Participants {
			if p.Admitted && p.Consent == s.state {
				who = append(who, safe(p.Name))
			}
		}
		if len(who) > 0 {
			field(w, s.name, strings.Join(who, ", "))
		}
	}
	if t.Embargo.State == "exited" {
		fmt.Fprintln(w, "\nIt is over for good. That restrains nobody, and obliges nobody to publish.")
	}
	for i, p := range t.Embargo.Proposals {
		fmt.Fprintln(w)
		field(w, "proposed", shortID(p.ID.String())+" by "+nameOf(k, p.By)+": "+endText(p.End, now))
		agreementText(w, t.Proposed[i], &t.InForce, now)
		if p.AnswerBy != nil {
			field(w, "answer by", when(*p.AnswerBy, now))
		}
		if len(p.Accepted) > 0 {
			field(w, "accepted", names(k, p.Accepted))
		}
		if len(p.Declined) > 0 {
			field(w, "declined", names(k, p.Declined))
		}
		needs := fmt.Sprintf("%s of the stewards: %s", count(p.Need, "more word"), names(k, p.Missing))
		if slices.Contains(p.Missing, p.By) {
			needs += "; " + nameOf(k, p.By) + "'s counts with the first yes of another"
		}
		field(w, "needs", needs)
		fmt.Fprintf(w, "  cordon embargo accept %s %s\n", short, shortID(p.ID.String()))
	}
	fmt.Fprintf(w, "\n%s\n", strings.TrimRight(safeText(t.InForce.Text), "\n"))
}

func endText(end *time.Time, now time.Time) string {
	if end == nil {
		return "no embargo"
	}
	return "until " + when(*end, now)
}

// agreementText is what an agreement says beside its end and text; of one that is
// proposed only what differs from the one in force.
func agreementText(w io.Writer, a api.AgreementTerms, was *api.AgreementTerms, now time.Time) {
	if was == nil {
		field(w, "terms", shortID(a.ID.String())+" since "+when(a.Start, now))
		field(w, "TLP", a.TLP)
		return
	}
	if a.TLP != was.TLP {
		field(w, "TLP", a.TLP+"; in force is "+was.TLP)
	}
	if a.Text != was.Text {
		before := strings.Split(was.Text, "\n")
		for line := range strings.SplitSeq(a.Text, "\n") {
			if line != "" && !slices.Contains(before, line) {
				field(w, "+ text", safe(line))
			}
		}
		if !strings.HasPrefix(a.Text, was.Text) {
			field(w, "text", "differs from the one in force: --json has both")
		}
	}
}

// maxAgreement is how long the text of an agreement may be.
const maxAgreement = 32 << 10

func (c *call) embargoPropose() error {
	end, err := c.end("for", "until")
	if err != nil {
		return err
	}
	q := api.ProposeTerms{Until: end, Justify: c.text("justify"), TLP: c.text("tlp")}
	if s := c.text("answer-by"); s != "" {
		d, err := parseSpan(s)
		if err != nil {
			return usage("--answer-by 7d", "%q is no length of time", s)
		}
		if d < minAnswer {
			c.note("cordon: at least 72 hours are left to answer: --answer-by is raised to that")
		}
		q.AnswerBy = c.now().Add(d)
	}
	if name := c.text("text"); name != "" {
		f, err := openFile(name)
		if err != nil {
			return err
		}
		defer f.Close()
		text, err := readAtMost(f, name, maxAgreement)
		if err != nil {
			return err
		}
		q.Text = string(text)
	}
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	if err := c.sooner(k, end); err != nil {
		return err
	}
	w, err := client.ProposeTerms(c.ctx, c.args[0], q)
	if err != nil {
		return err
	}
	if err := c.show(w, func(out io.Writer) { fmt.Fprintln(out, w.ID) }); err != nil || c.flag("json") {
		return err
	}
	c.note("Proposed, and accepted for us. The terms in force bind until it takes their place.")
	c.note("  see: cordon embargo show %s", shortID(w.Case.String()))
	return nil
}

// minAnswer is the shortest time that a proposal leaves to answer; from longEmbargo on people ask why.
const (
	minAnswer   = 72 * time.Hour
	longEmbargo = 90 * 24 * time.Hour // longer asks for a reason
)

func (c *call) embargoAccept() error {
	id := "current"
	if len(c.args) > 1 {
		id = c.args[1]
	}
	return c.act(func(client *api.Client) (*api.Written, error) { return client.AcceptTerms(c.ctx, c.args[0], id) })
}

func (c *call) embargoReject() error {
	return c.act(func(client *api.Client) (*api.Written, error) {
		return client.RejectTerms(c.ctx, c.args[0], c.args[1], c.text("reason"))
	})
}

// because is the reason that a verb cannot do without.
func (c *call) because() (string, error) {
	if reason := c.text("reason"); reason != "" {
		return reason, nil
	}
	return "", usage("--reason TEXT", "--reason is missing")
}

func (c *call) embargoEnds() error {
	reason, err := c.because()
	if err != nil {
		return err
	}
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	var unfixed []string
	for _, p := range k.Participants {
		if p.Admitted && (p.VFD == "vfd" || p.VFD == "Vfd") {
			unfixed = append(unfixed, safe(p.Name))
		}
	}
	text := "The embargo of case %s ends for everybody, at once and for good."
	if len(unfixed) > 0 {
		text += " Without a fix are: " + strings.Join(unfixed, ", ") + "."
	}
	if err := c.confirmed("end", text, safe(c.args[0])); err != nil {
		return err
	}
	w, err := client.EndEmbargo(c.ctx, c.args[0], reason)
	if err != nil {
		return err
	}
	c.say("%s", w.ID)
	if len(unfixed) > 0 {
		c.note("Over. Vendors without a fix: %s", strings.Join(unfixed, ", "))
	}
	return nil
}

func (c *call) leave() error {
	reason, err := c.because()
	if err != nil {
		return err
	}
	err = c.confirmed("leave", "You leave case %s and get nothing more of it. There is no way back but a new "+
		"invitation. What you have received stays under the agreement you signed. If you decide in it alone, "+
		"make others stewards first: cordon steward propose.", safe(c.args[0]))
	if err != nil {
		return err
	}
	return c.act(func(client *api.Client) (*api.Written, error) { return client.Leave(c.ctx, c.args[0], reason) })
}

// end reads the two ways to say when an embargo ends: a length, or a time.
func (c *call) end(length, until string) (time.Time, error) {
	if s := c.text(length); s != "" {
		d, err := parseSpan(s)
		if err != nil {
			return time.Time{}, usage("--"+length+" 45d", "%q is no length of time", s)
		}
		return c.now().Add(d).UTC().Truncate(time.Second), nil
	}
	s := c.text(until)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, usage("--"+until+" "+c.now().UTC().AddDate(0, 0, 45).Format(time.RFC3339), "%q is no RFC 3339 time with its zone", s)
	}
	return t.UTC(), nil
}
