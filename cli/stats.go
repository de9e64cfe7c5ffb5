package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"cordon/daemon/api"
)

// statsVerbs give the figures of cases.
var statsVerbs = []verb{
	{use: "stats [CASE]", short: "how cases went: what was met, skill, time in each state", json: true, run: (*call).stats,
		long: `Say how a case went, or all of them: which of the twelve orders of events that
defenders want were met, how much better than luck that is (0 is luck, 1 is
always, with the bounds at 95 %), and how long each state lasted. All times are
those that the entries claim; nobody vouches for them.`},
}

func (c *call) stats() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	s, err := client.Stats(c.ctx, c.first())
	if err != nil {
		return err
	}
	return c.show(s, func(w io.Writer) {
		for _, k := range s.Cases {
			caseStatsText(w, k, c.first() != "")
		}
		skillText(w, s)
	})
}

func caseStatsText(w io.Writer, k api.CaseStats, whole bool) {
	fmt.Fprintln(w, clip(titleOf(k.Heading), width))
	field(w, "history", fmt.Sprintf("%s; %d of 12 wanted orders met, %d missed, %d open", orNone(k.History), k.Met, k.Missed, k.Open))
	if !whole {
		return
	}
	for _, x := range k.Events {
		field(w, "  "+string(x.Event), x.T.UTC().Format("2006-01-02 15:04 UTC"))
	}
	field(w, "embargo", spentText(k.Embargo))
	field(w, "case state", spentText(k.CS))
	for _, r := range k.Reports {
		field(w, "report", safe(r.Name)+": "+spentText(r.States))
	}
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// spentText is how long each state lasted, the longest first.
func spentText(states map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(states), func(a, b string) int {
		if states[a] != states[b] {
			return int(int64(states[b]) - int64(states[a]))
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = n + " " + span(time.Duration(states[n])*time.Second)
	}
	return orNone(strings.Join(parts, ", "))
}

func skillText(w io.Writer, s *api.Stats) {
	fmt.Fprintf(w, "\nWanted orders, over %s (0 is luck, 1 is always):\n", count(len(s.Cases), "case"))
	var rows [][]string
	for _, x := range s.Skill {
		alpha, bounds := "-", "-"
		if x.Alpha != nil {
			alpha = fmt.Sprintf("%.2f", *x.Alpha)
		}
		if x.Low != nil {
			bounds = fmt.Sprintf("%.2f to %.2f", *x.Low, *x.High)
		}
		rows = append(rows, []string{fmt.Sprintf("%s before %s", x.Before, x.After), fmt.Sprintf("%d of %d", x.Met, x.Of), x.F, alpha, bounds})
	}
	table(w, []string{"ORDER", "MET", "LUCK", "SKILL", "95 %"}, rows)
	fmt.Fprintln(w, "\nTimes are what the entries claim.")
}
