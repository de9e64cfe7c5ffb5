package cli

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

// mergeVerb makes one case of two.
var mergeVerb = verb{use: "merge CASE INTO", short: "let a case go on in another, as a steward of both", json: true, confirm: true, run: (*call).caseMerge,
	long: `Let CASE go on in the case INTO; you are a steward of both. Nothing is copied and
both records stay: members of CASE are invited into INTO for a role that they lack
there, and who does not accept stays in CASE alone. Of two embargoes the earlier end holds until
the stewards agree on new terms. CASE then takes no invitation and no proposal;
invitations into it that nobody has answered are withdrawn.
What follows is printed first; on a terminal you are asked. It can be run again
where it was interrupted.`}

func (c *call) caseMerge() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	q := api.Merge{Into: c.args[1], Plan: true}
	plan, err := client.Merge(c.ctx, c.args[0], q)
	if err != nil {
		return err
	}
	if !c.flag("json") {
		mergeText(c.err, plan, c.now())
	}
	if err := c.confirmed("merge", "%q goes on in %q for good.", titleOf(plan.Heading), titleOf(into(plan))); err != nil {
		return err
	}
	q.Plan = false
	m, err := client.Merge(c.ctx, c.args[0], q)
	if err != nil {
		return err
	}
	return c.show(m, func(w io.Writer) {
		for _, x := range m.Members {
			if x.Why != nil && x.State == "not-invited" {
				fmt.Fprintf(w, "%s was not invited: %s\n", safe(x.Name), safe(x.Why.Text))
			}
		}
		fmt.Fprintln(w, "Merged.")
		field(w, "embargo", embargoText(m.Embargo, c.now()))
		fmt.Fprintf(w, "  next: cordon case next %s\n", shortID(m.Into.String()))
	})
}

// into is the heading of the case that another is merged into.
func into(m *api.Merged) api.Heading { return api.Heading{Title: m.IntoTitle, Cut: m.IntoCut} }

// mergeText is what follows from a merge.
func mergeText(w io.Writer, m *api.Merged, now time.Time) {
	field(w, "merge", clip(titleOf(m.Heading), 60)+" ("+shortID(m.Case.String())+")")
	field(w, "into", clip(titleOf(into(m)), 60)+" ("+shortID(m.Into.String())+")")
	field(w, "its embargo", embargoText(m.Was, now))
	field(w, "then holds", embargoText(m.Embargo, now))
	for _, x := range m.Members {
		switch x.State {
		case "to-invite":
			field(w, "is invited", safe(x.Name)+" as "+x.Role)
		case "invited":
			field(w, "has been", safe(x.Name)+": its answer is awaited")
		default:
			field(w, "NOT INVITED", safe(x.Name)+": "+safe(x.Why.Text)+"\n"+safe(x.Why.Try))
		}
	}
	for _, x := range m.Withdrawn {
		field(w, "is withdrawn", safe(x.Name)+": the invitation as "+x.Role+", not answered yet\nto ask it anew: "+
			fmt.Sprintf("cordon case invite %s %.12s --role %s", shortID(m.Into.String()), x.Org, x.Role))
	}
	if len(m.Members) > 0 {
		fmt.Fprintln(w, "Who does not accept stays in the old case alone. Nothing is copied:\ntell who comes what it must know.")
	}
}

// splitVerb opens a child of a case.
var splitVerb = verb{use: "split CASE", short: "open a child of a case, under the same embargo, as a steward", json: true, confirm: true, run: (*call).caseSplit,
	long: `Open a child of CASE, whose steward you are, for a part of its matter: another
product family, say. The terms in force are carried over. The child begins with the
report that you give it; nothing else is copied. Members of CASE are invited into it
with --with. When the embargo of one of the two ends otherwise, your daemon says so
in the other, and in the other children. It can be run again where it was interrupted.`,
	example: `  cordon case split 3f2a9c01 --title 'in routers' --with Beta --with Gamma`,
	flags: func(f *pflag.FlagSet) {
		f.String("title", "", "`TITLE` of the child; sealed, only its members see it")
		f.StringArray("with", nil, "`ORG`, a member of CASE, that is invited; may be repeated")
		f.String("report", "", "`FILE` that the child begins with; default an empty one")
		must(cobra.MarkFlagRequired(f, "title"))
	}}

func (c *call) caseSplit() error {
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	report, name := io.Reader(strings.NewReader("")), c.text("report")
	if name != "" {
		f, err := openFile(name)
		if err != nil {
			return err
		}
		defer f.Close()
		report = f
	}
	q := api.Split{Title: c.text("title"), With: c.list("with"), Media: media(name)}
	if name != "" {
		q.File = filepath.Base(name)
	}
	err = c.confirmed("split", "A child of %q is opened under its embargo: %s. Into it are invited: %s.",
		titleOf(k.Heading), embargoText(k.Embargo, c.now()), safe(strings.Join(append([]string{"you"}, q.With...), ", ")))
	if err != nil {
		return err
	}
	w, err := client.Split(c.ctx, c.args[0], q, report)
	if err != nil {
		return err
	}
	if err := c.show(w, func(out io.Writer) { fmt.Fprintln(out, w.Case) }); err != nil || c.flag("json") {
		return err
	}
	for _, x := range w.Warnings {
		c.note("cordon: %s\n  try: %s", safe(x.Text), safe(x.Try))
	}
	c.note("Split off, under the terms in force. Invited: %s.", orNobody(names(k, w.To)))
	c.note("  see: cordon case show %s", shortID(w.Case.String()))
	return nil
}

func orNobody(who string) string { return cmp.Or(who, "nobody") }

// sooner says to whom an earlier end tells something, before it is proposed, and asks.
func (c *call) sooner(k *api.Case, until time.Time) error {
	if k.Embargo.End == nil || !until.Before(*k.Embargo.End) {
		return nil
	}
	var told, byHand []string
	for _, l := range k.Links {
		switch {
		case l.Relation == "took-over" || l.Relation == "goes-on-in":
		case l.Told:
			told = append(told, fmt.Sprintf("%s (%s)", titleOf(l.Heading), shortID(l.Case.String())))
		default:
			byHand = append(byHand, nameOf(k, l.By))
		}
	}
	if len(told)+len(byHand) == 0 {
		return nil
	}
	text := "An earlier end here may reveal something about the cases that were split from the same matter."
	if len(told) > 0 {
		text += " These are told first, now: " + strings.Join(told, ", ") + "."
	}
	if len(byHand) > 0 {
		text += " You do not decide in all of them: tell by hand, first, who linked them: " + strings.Join(slices.Compact(byHand), ", ") + "."
	}
	if !isTerminal(c.in) || c.flag("yes") {
		c.note("%s", strings.Join(wrap(text, width), "\n"))
	}
	return c.confirmed("propose", "%s", text)
}

// linksText are the cases that belong to one.
func linksText(w io.Writer, k *api.Case, now time.Time) {
	words := map[string]string{"goes-on-in": "MERGED INTO", "took-over": "took over", "split-off": "child", "split-from": "split from", "sibling": "sibling"}
	for _, l := range k.Links {
		name := "another case"
		if l.Case != nil {
			name = titleOf(l.Heading) + " (" + shortID(l.Case.String()) + ")"
		}
		until := "; no embargo there"
		if l.Until != nil {
			until = "; embargo there until " + when(*l.Until, now)
		}
		field(w, words[l.Relation], name+until)
	}
}
