package cli

import (
	"fmt"
	"io"
	"time"

	"cordon/daemon/api"
)

// policyVerbs show what cards say in advance.
var policyVerbs = []verb{
	{use: "policy [ORG]", short: "what a card tells others in advance; without ORG ours", json: true, run: (*call).policy,
		long: `Show what an organisation tells others in advance by its card: the embargo that
it usually asks for, the limits of what it agrees to, how long it takes to
answer, the legal clocks that an exploited vulnerability starts. It binds nobody.
Ours stands in config.toml; start the daemon again after a change:

  [policy]
  embargo_days = 45          # also of a case that is opened without an end
  min_days = 7
  max_days = 90
  reply_days = 14
  contact = "domain"         # of who invites us
  early_warning_hours = 24   # since we heard of exploitation
  notification_hours = 72
  final_report_hours = 336`},
}

func (c *call) policy() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := client.Policy(c.ctx, c.first())
	if err != nil {
		return err
	}
	return c.show(p, func(w io.Writer) { policyText(w, p) })
}

func policyText(w io.Writer, p *api.Policy) {
	days := func(name string, n uint64) {
		if n > 0 {
			field(w, name, span(time.Duration(n)*24*time.Hour))
		}
	}
	field(w, "organisation", safe(p.Name))
	days("embargo", p.EmbargoDays)
	days("at least", p.MinDays)
	days("at most", p.MaxDays)
	days("answers in", p.ReplyDays)
	if p.Contact != "" {
		field(w, "contact", "asks who invites it to be "+p.Contact)
	}
	for _, c := range p.Clocks {
		field(w, "clock", fmt.Sprintf("%s within %d h of hearing that it is exploited", safe(c.Code), c.Hours))
	}
	if p.EmbargoDays+p.MinDays+p.MaxDays+p.ReplyDays == 0 && p.Contact == "" && len(p.Clocks) == 0 {
		fmt.Fprintln(w, "It says nothing.")
	}
}
