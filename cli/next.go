package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"cordon/daemon/api"
)

const nextLong = `Say what we may do in a case now, and what the formal model suggests, the most
urgent first. What is allowed is asked of the rules of the case, as the command
itself would ask them; the suggestions are those of "cordon model rules", each
with its name. MUST NOT and SHOULD NOT beside a command that is allowed: the
rules take it, and the model advises against it.`

func (c *call) caseNext() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	n, err := client.Next(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	return c.show(n, func(w io.Writer) { nextText(w, n, c.now()) })
}

func nextText(w io.Writer, n *api.Next, now time.Time) {
	fmt.Fprintln(w, clip(titleOf(n.Heading), width))
	fmt.Fprintln(w)
	own := "report " + n.RM
	if n.VFD != "" {
		own += ", fix " + vfdWords(n.VFD)
	}
	field(w, "we", own)
	field(w, "state", n.CS+": "+stateWords(n.CS))
	field(w, "embargo", embargoText(n.Embargo, now))
	clocksText(w, n.Clocks, shortID(n.Case.String()), now)
	if len(n.Suggest) == 0 {
		fmt.Fprintln(w, "\nThe model suggests nothing.")
	} else {
		fmt.Fprintln(w, "\nThe model suggests:")
	}
	for _, x := range n.Suggest {
		text := safe(x.Text) + " (" + x.Strength + ", " + x.Rule + ")"
		if x.Due != nil {
			text = "until " + when(*x.Due, now) + ": " + text
		}
		for i, line := range wrap(text, width-4) {
			fmt.Fprintln(w, []string{"  - ", "    "}[min(i, 1)]+line)
		}
		for _, command := range append([]string{x.Command}, x.Or...) {
			if command != "" {
				fmt.Fprintln(w, "      "+safe(command))
			}
		}
	}
	if n.Stopped != "" {
		fmt.Fprintln(w, "\nThis daemon writes nothing now, whatever the rules of the case would take.")
		return
	}
	if len(n.May) == 0 {
		fmt.Fprintln(w, "\nThe rules of the case take nothing from us now.")
		return
	}
	fmt.Fprintln(w, "\nAllowed now:")
	for _, m := range n.May {
		line := "  " + safe(m.Command)
		if strings.HasSuffix(m.Strength, "NOT") {
			line += "  " + strings.Repeat(" ", max(0, 46-columns(line))) + m.Strength + " (" + m.Rule + ")"
		}
		fmt.Fprintln(w, line)
	}
}
