package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

// runDaemon is what the word daemon does alone.
var runDaemon = verb{use: "daemon", run: (*call).daemon}

// siblingVerbs are about the several daemons of one organisation.
var siblingVerbs = []verb{
	{use: "add", short: "make the home of one more daemon of your organisation, to stand by", json: true, run: (*call).daemonAdd,
		long: `Make the home of one more daemon of your organisation, on another machine: it has
keys of its own, which the root certifies, holds every case, reads and writes in
it, and stands by. The active daemon goes on deciding.

Bring the folder of the root keys, and the card of the active daemon (cordon card,
there), which tells what the root has signed since and where that one is reached. If
it runs and is reached, it hears of the new one at once, by the root's own key; else
take the card of the new one to it: cordon peer add.`,
		example: "  cordon daemon add --root /media/usb/root --card /media/usb/active.card",
		flags: func(f *pflag.FlagSet) {
			f.String("root", "", "`FOLDER` of the root keys, writable: it notes what the root signs")
			f.String("card", "", "`FILE` with the card of the active daemon")
			must(cobra.MarkFlagRequired(f, "root"))
			must(cobra.MarkFlagRequired(f, "card"))
			homeFlags(f)
		}},
	{use: "list", short: "which daemon is active, which stand by, is all well, what to do", json: true, run: (*call).daemonList},
	{use: "promote", short: "make this daemon the active one; the former is revoked", json: true, confirm: true, run: (*call).daemonPromote,
		long: `Make this daemon the one that decides for your organisation: opens cases, admits,
removes, votes. The one that did so is revoked for good; it must have stopped. Its
acts stand as far as each case here has them: where it is known to have written what
is not here, this is refused. With new keys (cordon key renew) its machine may stand
by afterwards.`,
		example: "  cordon daemon promote --root /media/usb/root",
		flags: func(f *pflag.FlagSet) {
			rootFlag(f)
			f.String("reason", "", "why the other one ends: unspecified (default), stolen, retired")
			f.Bool("force", false, "go on although entries of the other one are not here: what it decided there falls")
		}},
	{use: "yield [KID]", short: "let a standby be the active one; this one stands by", json: true, confirm: true, run: (*call).daemonYield,
		long: `Let a standby decide for your organisation from now on, while both run: before
maintenance of this machine, say. This daemon, the active one, stands by afterwards.
Both keep their keys, and nothing is revoked. The standby must be connected and have
all that is here: cordon daemon list. KID is needed where several stand by.`,
		example: "  cordon daemon yield --root /media/usb/root",
		flags:   rootFlag},
}

func (c *call) daemonAdd() error {
	card, err := c.readFile(c.text("card"), maxCardFile)
	if err != nil {
		return err
	}
	made, err := c.parts.AddDaemon(c.ctx, c.home, AddOptions{InitOptions: c.initOptions(), Root: c.text("root"), Card: card})
	if err != nil {
		return err
	}
	return c.show(made, func(w io.Writer) {
		field(w, "organisation", safe(made.Name))
		field(w, "id", made.Org.String())
		field(w, "this daemon", made.Kid.String()+", a standby")
		field(w, "until", when(*made.Until, c.now()))
		field(w, "home", c.home)
		if made.Told {
			field(w, "known", "to the daemon of the card, which lets it in, and tells all cases")
			fmt.Fprintln(w, "\nNext: run it, and see whether it comes to hold every case.")
			fmt.Fprintf(w, "  cordon%s daemon\n", c.homeFlag())
		} else {
			field(w, "NOT KNOWN", "to the daemon of the card, which was not reached from here")
			fmt.Fprintln(w, "\nNext: run it, and take its card to the active daemon, which tells all cases.")
			fmt.Fprintf(w, "  cordon%s daemon\n", c.homeFlag())
			fmt.Fprintf(w, "  cordon%s card >standby.card\n", c.homeFlag())
			fmt.Fprintln(w, "  cordon peer add standby.card          where the active one runs")
		}
		fmt.Fprintf(w, "  cordon%s daemon list\n", c.homeFlag())
	})
}

func (c *call) daemonList() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	l, err := client.Daemons(c.ctx)
	if err != nil {
		return err
	}
	return c.show(l, func(w io.Writer) { daemonsText(w, l, c.now()) })
}

func daemonsText(w io.Writer, l *api.Daemons, now time.Time) {
	rows := make([][]string, len(l.Daemons))
	for i, d := range l.Daemons {
		role, state := d.Role, "not connected"
		if role == "" {
			role = d.State
		}
		switch {
		case d.This:
			state = "this one"
		case d.State == "revoked":
			state = d.Why
		case d.Connected:
			state = "connected"
			if d.InStep {
				state = "connected, in step"
			}
		case d.LastSeen != nil:
			state = "last seen " + when(*d.LastSeen, now)
		}
		rows[i] = []string{shortID(d.Kid.String()), role, state, d.NotAfter.Format("2006-01-02")}
	}
	table(w, []string{"DAEMON", "ROLE", "STATE", "UNTIL"}, rows)
	if l.Copied != nil {
		fmt.Fprintln(w)
		field(w, "takes over", copiedText(l.Copied, now))
	}
	for _, x := range l.Warnings {
		fmt.Fprintln(w)
		field(w, "WARNING", x.Text)
		field(w, "what to do", x.Try)
	}
	if len(l.Daemons) == 1 {
		fmt.Fprintln(w, "\nIf this machine is lost, so is what only it holds. One more daemon, on another")
		fmt.Fprintln(w, "machine, holds every case and can take over: cordon daemon add --help")
	}
}

func (c *call) daemonYield() error {
	if err := c.confirmed("yield", "The standby decides for your organisation from now on, and this daemon stands by."); err != nil {
		return err
	}
	made, err := c.parts.YieldDaemon(c.ctx, c.home, c.first(), c.text("root"))
	if err != nil {
		return err
	}
	return c.keyChanged(made, func(w io.Writer) {
		field(w, "active", made.Kid.String())
		field(w, "stands by", made.Former.String())
		field(w, "until", when(*made.Until, c.now()))
	})
}

func copiedText(k *api.Copied, now time.Time) string {
	if k.At == nil {
		return "the cases; not yet all of whom the active one knows, and what waits there"
	}
	return "the cases; " + count(k.Organisations, "known organisation") + ", " + count(k.Invitations, "invitation") + ", as of " + when(*k.At, now)
}

func (c *call) daemonPromote() error {
	err := c.confirmed("promote", "The daemon that was active is revoked for good: nothing that it writes from now on counts. This one decides instead.")
	if err != nil {
		return err
	}
	made, err := c.parts.PromoteDaemon(c.ctx, c.home, c.text("root"), c.text("reason"), c.flag("force"))
	if err != nil {
		return err
	}
	return c.keyChanged(made, func(w io.Writer) {
		field(w, "active", made.Kid.String())
		if made.Former != nil {
			field(w, "revoked", made.Former.String()+": its acts stand as far as each case here has them")
		}
		for _, k := range made.Behind {
			field(w, "LOST", "in case "+shortID(k.String())+" it has written what is not here: what it decided there falls, unless a member still shows it")
		}
		field(w, "until", when(*made.Until, c.now()))
	})
}
