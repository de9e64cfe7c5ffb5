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

// releaseVerbs are about publishing together.
var releaseVerbs = []verb{
	{use: "show CASE", short: "the plan, who is ready, how long until then", json: true, run: (*call).releaseShow},
	{use: "plan CASE", short: "as a steward: say when all publish", json: true, run: (*call).releasePlan, oneOf: []string{"at", "in", "none"},
		long: `Say as a steward at which instant all publish. A later plan takes its place, and
everybody answers anew; of two that were made side by side the later instant holds.
At the instant each daemon tells its own people; publishing stays their own act,
and the embargo binds as before.`,
		example: `  cordon release plan 3f2a9c01 --at 2027-01-31T12:00:00Z`,
		flags: func(f *pflag.FlagSet) {
			f.String("at", "", "`TIME`, RFC 3339 with zone: 2027-01-31T12:00:00Z")
			f.String("in", "", "`LENGTH` from now on, like 14d or 12h")
			f.Bool("none", false, "call off what is planned")
		}},
	{use: "ready CASE", short: "we are ready to publish at the planned instant", json: true, run: func(c *call) error { return c.releaseAnswer("ready", "") }},
	{use: "not-ready CASE", short: "we are not, or no more", json: true, flags: reasonFlag(true), run: (*call).releaseNotReady},
}

func (c *call) releaseShow() error {
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	r, err := client.Release(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	return c.show(r, func(w io.Writer) {
		if r.Plan == nil {
			fmt.Fprintln(w, "No release is planned. A steward plans one: cordon release plan --help")
			return
		}
		field(w, "release", releaseText(r, c.now()))
		field(w, "plan", shortID(r.Plan.String())+" by "+nameOf(k, *r.By))
		field(w, "embargo", embargoBeside(r, k.Embargo, c.now()))
		fmt.Fprintln(w)
		rows := make([][]string, len(r.Answers))
		for i, a := range r.Answers {
			role := "vendor"
			if !a.Vendor {
				role = "-"
			}
			state := a.State
			if state == "not ready" {
				state = "NOT READY"
			}
			rows[i] = []string{clip(safe(a.Name), 32), role, state}
		}
		table(w, []string{"ORGANISATION", "", "ANSWER"}, rows)
	})
}

// releaseText is the barrier in a line or two.
func releaseText(r *api.Release, now time.Time) string {
	var waits []string
	for _, a := range r.Answers {
		if a.Vendor && a.State != "ready" {
			waits = append(waits, safe(a.Name))
		}
	}
	s := "planned for " + when(*r.At, now)
	if r.State == "due" {
		s = "DUE since " + when(*r.At, now)
		if now.Before(*r.From) {
			s += "\npublish from " + r.From.UTC().Format("15:04 UTC") + " on: clocks differ, and nobody shall be early"
		}
	}
	switch {
	case len(waits) > 0:
		s += "\nnot ready: " + strings.Join(waits, ", ")
	case slices.ContainsFunc(r.Answers, func(a api.ReleaseAnswer) bool { return a.Vendor }):
		s += "\nall vendors are ready"
	}
	return s
}

// noticeText is what to know of a release in a line.
func noticeText(r api.ReleaseNotice, now time.Time) string {
	switch due := r.State == "due"; {
	case due && r.Bound:
		return "the instant has come; THE EMBARGO STILL BINDS"
	case due && r.Answer != "" && r.Answer != "ready":
		return "the instant has come, AND WE ARE NOT READY"
	case due && now.Before(r.From):
		return "the instant has come: publish from " + r.From.UTC().Format("15:04 UTC") + " on"
	case due:
		return "the instant has come: publish"
	case r.NotReady > 0:
		return fmt.Sprintf("%s, %d not ready", away(r.At, now), r.NotReady)
	}
	return away(r.At, now) + ", all vendors are ready"
}

// embargoBeside says what the end of the embargo is to the instant.
func embargoBeside(r *api.Release, e api.Embargo, now time.Time) string {
	s := embargoText(e, now)
	switch r.Embargo {
	case "after-release":
		return s + "\nIT ENDS AFTER THE RELEASE: until then nobody may publish. A steward moves one of them."
	case "before-release":
		return s + "\nit ends before the release: from then on nothing but this plan holds anybody back"
	}
	return s
}

func (c *call) releasePlan() error {
	var at time.Time
	if !c.flag("none") {
		var err error
		if at, err = c.end("in", "at"); err != nil {
			return err
		}
	}
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	w, err := client.PlanRelease(c.ctx, c.args[0], api.PlanRelease{At: at})
	if err != nil {
		return err
	}
	if err := c.show(w, func(out io.Writer) { fmt.Fprintln(out, w.ID) }); err != nil || c.flag("json") {
		return err
	}
	if at.IsZero() {
		c.note("Called off.")
		return nil
	}
	c.note("Planned for %s. Everybody answers anew: cordon release ready CASE", when(at, c.now()))
	if r, err := client.Release(c.ctx, c.args[0]); err == nil && (r.Embargo == "after-release" || r.Embargo == "before-release") {
		c.note("%s", embargoBeside(r, k.Embargo, c.now()))
	}
	return nil
}

func (c *call) releaseNotReady() error {
	reason, err := c.because()
	if err != nil {
		return err
	}
	return c.releaseAnswer("not-ready", reason)
}

func (c *call) releaseAnswer(state, reason string) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	w, err := client.AnswerRelease(c.ctx, c.args[0], state, reason)
	if err != nil {
		return err
	}
	return c.show(w, func(out io.Writer) { fmt.Fprintln(out, w.ID) })
}
