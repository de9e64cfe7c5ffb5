package cli

import (
	"fmt"
	"io"
	"time"

	"cordon/daemon/api"
)

// clockVerbs act on the legal clocks of a case.
var clockVerbs = []verb{
	{use: "done CASE CODE", short: "note here that a clock is met", run: (*call).clockDone,
		long: `Note that an authority has been told in time. The note stays on this machine and
is never sent. CODE is early-warning, notification or final-report: the clocks of
our own policy (cordon policy), which run from when this daemon first saw that
somebody says attacks are seen. Whether the law asks for it is not decided here.`},
}

func (c *call) clockDone() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	_, err = client.ClockDone(c.ctx, c.args[0], c.args[1])
	return err
}

// clocksText is a line a clock.
func clocksText(w io.Writer, clocks []api.Clock, short string, now time.Time) {
	for _, x := range clocks {
		switch {
		case x.Done != nil:
			field(w, "clock", safe(x.Code)+": met "+when(*x.Done, now))
		case x.Due.Before(now):
			field(w, "CLOCK", fmt.Sprintf("%s: WAS DUE %s\ncordon clock done %s %s", safe(x.Code), when(x.Due, now), short, safe(x.Code)))
		default:
			field(w, "CLOCK", fmt.Sprintf("%s: due %s\ncordon clock done %s %s", safe(x.Code), when(x.Due, now), short, safe(x.Code)))
		}
	}
}
