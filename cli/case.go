package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

// caseVerbs open, read and steer cases.
var caseVerbs = []verb{
	{use: "open", short: "open a case: a title, a report, an embargo", json: true, run: (*call).caseOpen,
		example: `  cordon case open --title 'Overflow in libfoo' --report report.md --embargo 45d`,
		flags: func(f *pflag.FlagSet) {
			f.String("title", "", "`TITLE`; sealed, only the case's members see it")
			f.String("report", "", "`FILE` of any kind; arrives byte for byte")
			f.String("embargo", "", "length of the embargo, like `45d` or 12h; default: our policy's, else 45d")
			f.String("embargo-until", "", "`TIME` of its end, RFC 3339 with zone: 2027-01-31T12:00:00Z")
			f.String("contact", "", "invite nobody below this `LEVEL` of contact: tofu, domain, vouched, verified; default: contact in config.toml, else tofu")
			must(cobra.MarkFlagRequired(f, "title"))
			must(cobra.MarkFlagRequired(f, "report"))
		}},
	{use: "list", short: "list the cases", json: true, run: (*call).caseList},
	{use: "show CASE", short: "who is in it, in what state, until when", json: true, run: (*call).caseShow},
	{use: "next CASE", short: "what we may do now, and what the model suggests", json: true, run: (*call).caseNext,
		long: nextLong},
	{use: "log CASE", short: "every entry, in order", json: true, run: (*call).caseLog,
		flags: func(f *pflag.FlagSet) { f.Bool("follow", false, "go on as entries arrive") }},
	{use: "exports CASE", short: "what was handed out of a case at this machine, and to whom", json: true, run: (*call).caseExports},
	{use: "contact CASE LEVEL", short: "invite nobody below a level: tofu, domain, vouched, verified", run: (*call).caseContact,
		long: `Invite nobody into this case whom you know less surely than LEVEL (cordon peer
list shows it). It binds this daemon alone: other stewards have their own. Who
is in the case stays in it.`},
	{use: "invite CASE ORG", short: "invite a pinned organisation", confirm: true, run: (*call).caseInvite,
		long: `Invite a pinned organisation. It sees the agreement, the role and your teaser,
nothing else, until it has signed; then your daemon lets it in, at any hour.

A member that is invited takes a further role, and is given no more by it.

With --history from-admission it is given the notes, files and findings that are
written once it is in, for everybody, and none of before: not the title, not the
report. Who is in the case, its states, embargo and claims it sees from the
beginning. That cannot be made more later: where its copy has begun, it begins.`,
		flags: func(f *pflag.FlagSet) {
			f.String("role", "", "`ROLE`: mitigating-vendor, dependent-vendor, coordinator, reporter, deployer, observer")
			f.String("history", "", "`HOW` much of what was written before it gets: full, from-admission; default full")
			f.String("teaser", "", "`TEXT` of at most 280 bytes that is sent BEFORE they sign; default none")
			must(cobra.MarkFlagRequired(f, "role"))
		}},
	mergeVerb, splitVerb, eraseCaseVerb,
	{use: "pin CASE [CONFIG]", short: "decide a conflict about who decides", json: true, confirm: true, run: (*call).casePin, long: pinLong},
	{use: "remove CASE ORG", short: "stop a participant: it gets nothing more", confirm: true, run: (*call).caseRemove,
		flags: func(f *pflag.FlagSet) {
			f.String("reason", "", "`TEXT`, for the members that stay")
			must(cobra.MarkFlagRequired(f, "reason"))
		}},
}

func (c *call) caseOpen() error {
	var end time.Time // zero: the daemon knows our policy
	var err error
	switch length, until := c.text("embargo"), c.text("embargo-until"); {
	case length != "" && until != "":
		return usage(c.cmd.CommandPath()+" --help", "give one of --embargo, --embargo-until, or none")
	case length != "" || until != "":
		if end, err = c.end("embargo", "embargo-until"); err != nil {
			return err
		}
	}
	report, name := c.in, c.text("report")
	if name != "-" {
		if report, err = openFile(name); err != nil {
			return err
		}
		defer report.Close()
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	w, err := client.OpenCase(c.ctx, api.OpenCase{
		Title: c.text("title"), Contact: c.text("contact"), EmbargoUntil: end, File: filepath.Base(name), Media: media(name),
	}, report)
	if err != nil {
		return err
	}
	if err := c.show(w, func(out io.Writer) { fmt.Fprintln(out, w.Case) }); err != nil || c.flag("json") {
		return err
	}
	if end.IsZero() {
		k, err := client.Case(c.ctx, w.Case.String())
		if err != nil || k.Embargo.End == nil {
			return err
		}
		end = *k.Embargo.End
	}
	c.note("Open, embargo until %s. Nobody but you has it.", when(end, c.now()))
	if end.Sub(c.now()) > longEmbargo {
		c.note("That is more than 90 days: whom you invite will ask why. Say it in the report or a note.")
	}
	c.note("  next: cordon case invite %s ORG --role ROLE", shortID(w.Case.String()))
	return nil
}

func (c *call) caseList() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	l, err := client.Cases(c.ctx)
	if err != nil {
		return err
	}
	return c.show(l, func(w io.Writer) {
		if len(l.Cases) == 0 {
			fmt.Fprintln(w, "No cases. See also: cordon inbox")
			return
		}
		rows := make([][]string, len(l.Cases))
		for i, k := range l.Cases {
			state := k.CS
			if k.State != "" && k.State != "ok" {
				state = strings.ToUpper(k.State)
			}
			rows[i] = []string{shortID(k.Case.String()), state, k.RM, ends(k.Embargo, k.End, c.now()), titleOf(k.Heading)}
		}
		table(w, []string{"CASE", "STATE", "WE", "EMBARGO", "TITLE"}, rows)
		for _, k := range l.Cases {
			if x := k.Unfinished; x != nil {
				fmt.Fprintln(w)
				field(w, "UNFINISHED", shortID(k.Case.String())+": "+x.Text+"\n"+x.Try)
			}
		}
	})
}

// ends is an embargo in few words.
func ends(state string, end *time.Time, now time.Time) string {
	if end == nil || state == "none" || state == "exited" {
		return state
	}
	if end.Before(now) {
		return "ended " + away(*end, now)
	}
	return "ends " + away(*end, now)
}

// titleOf is a title, which may arrive a moment after its case, or never.
func titleOf(h api.Heading) string {
	switch {
	case h.Title != "":
		return safe(h.Title)
	case h.Since != nil || h.Cut:
		return "(written before we came in)"
	}
	return "(not here yet)"
}

func (c *call) caseContact() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	_, err = client.AskContact(c.ctx, c.args[0], c.args[1])
	return err
}

func (c *call) caseInvite() error {
	given := "Once it has, it gets the whole case: report, notes and history for everybody."
	if c.text("history") == "from-admission" {
		given = `Once it has, it gets what is written for everybody from then on, and who is in
the case, in what state, until when. Title, report and notes of before: never.`
	}
	err := c.confirmed("invite", `%s is asked to sign the embargo agreement of case %s as %s.
%s`, safe(c.args[1]), safe(c.args[0]), c.text("role"), given)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	w, err := client.Invite(c.ctx, c.args[0], api.Invite{Org: c.args[1], Role: c.text("role"), Teaser: c.text("teaser"), History: c.text("history")})
	if err != nil {
		return err
	}
	c.say("%s", w.ID)
	c.note("Invited. Until it has signed, it is sent the agreement and your teaser, no more.")
	if c.text("history") == "from-admission" {
		c.note("It will see neither title nor report. Once it is in, say what it needs to know:\n  cordon say %s TEXT", safe(c.args[0]))
	}
	for _, x := range w.Warnings {
		c.note("cordon: %s\n  try: %s", safe(x.Text), safe(x.Try))
	}
	return nil
}

func (c *call) caseRemove() error {
	err := c.confirmed("remove", `%s is removed from case %s. It is told so and gets nothing more.
It keeps what it has been sent; its duties under the agreement stay.`, safe(c.args[1]), safe(c.args[0]))
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	w, err := client.Remove(c.ctx, c.args[0], c.args[1], c.text("reason"))
	if err != nil {
		return err
	}
	c.say("%s", w.ID)
	return nil
}
