package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

// keyVerbs are about the organisation's own keys: its root, its daemons.
var keyVerbs = []verb{
	{use: "status", short: "the keys of this organisation, and whether this daemon writes", json: true, run: (*call).keyStatus,
		flags: func(f *pflag.FlagSet) {
			f.Bool("events", false, "also what the root has signed, with the words of each: for others that have seen two histories")
		}},
	{use: "renew", short: "certify this daemon anew: for longer, or with new keys", json: true, confirm: true, run: (*call).keyRenew,
		long: `Certify this daemon anew by the root. While its store and its keys are well, the
certificate is prolonged. After a restore from a backup, when a copy of this
daemon has signed, or when its keys are lost, it gets new keys: the old ones are
revoked, and it writes on in every case under the new ones.`,
		example: "  cordon key renew --root /media/usb/root",
		flags: func(f *pflag.FlagSet) {
			rootFlag(f)
			f.Bool("fresh", false, "new keys, although the old ones would do")
			f.String("reason", "", "why keys that are replaced end: superseded (default), stolen, retired")
			f.String("former", "", "`KID` of the daemon to replace, where its keys are lost")
		}},
	{use: "revoke KID", short: "end the certificate of another daemon of yours, for good", json: true, confirm: true, run: (*call).keyRevoke,
		long: `End the certificate of a daemon of this organisation, for good. In each case what
that key decided stands as far as the case had it when it hears of this; whether
less of it shall stand, say with: cordon key cut CASE ENTRY.`,
		flags: func(f *pflag.FlagSet) {
			rootFlag(f)
			f.String("reason", "", "stolen, superseded or retired")
		}},
	{use: "cut CASE ENTRY", short: "what a revoked key decided stands up to this entry", confirm: true, run: (*call).keyCut,
		long: `Say up to where the decisions of a revoked key of this organisation stand in a
case: ENTRY is the last control entry of that key that counts. Of several cuts the
lowest counts, and none is taken back. Votes for changes of stewards stand whatever
it says; a change that rests on one it leaves out is shown as disowned.`},
	{use: "rotate", short: "put the next root key in force and commit to a new one", json: true, confirm: true, run: (*call).keyRotate,
		long: `Put the root key in force that was committed to beforehand, and commit to a new
one. The former root, lost or stolen, is of no use afterwards. The organisation,
its twelve words and its daemons stay what they are.`,
		flags: rootFlag},
	{use: "domains DOMAIN…", short: "name your domains, in the place of those before", more: true, json: true, run: (*call).keyDomains,
		long: `Name the domains that are yours, in the place of those named before. Others may
ask them whether they confirm you (cordon peer check): put the line that this
prints into the security.txt of one of them.`,
		flags: rootFlag},
}

func rootFlag(f *pflag.FlagSet) {
	f.String("root", "", "`FOLDER` of the root keys; else root in the home")
}

func (c *call) keyStatus() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	k, err := client.Keys(c.ctx)
	if err != nil {
		return err
	}
	err = c.show(k, func(w io.Writer) {
		keysText(w, k, c.now())
		if c.flag("events") {
			eventsText(w, k.History)
		}
	})
	if err != nil {
		return err
	}
	if k.Fresh {
		return quiet(exitConflict)
	}
	return nil
}

// eventsText lists the events of our chain with the words of each.
func eventsText(w io.Writer, events []api.Event) {
	fmt.Fprintln(w, "\nWhat the root has signed; the words stand for the event and all before it:")
	for _, e := range events {
		field(w, fmt.Sprintf("event %d", e.N), safe(e.Says)+"\n"+sixes(e.Words))
	}
}

func keysText(w io.Writer, k *api.Keys, now time.Time) {
	field(w, "organisation", safe(k.Name))
	field(w, "id", k.Org.String())
	field(w, "fingerprint", sixes(k.Fingerprint))
	field(w, "root", shortID(k.Root)+", to be followed by "+shortID(k.NextRoot))
	field(w, "this daemon", strings.ToUpper(k.State)+": "+k.Text)
	if k.Try != "" {
		field(w, "what to do", k.Try)
	}
	fmt.Fprintln(w)
	rows := make([][]string, len(k.Daemons))
	for i, d := range k.Daemons {
		this := ""
		if d.This {
			this = "this"
		}
		state := d.State
		if d.Why != "" {
			state += " (" + d.Why + ")"
		}
		rows[i] = []string{shortID(d.Kid.String()), this, state, d.NotAfter.Format("2006-01-02"), strings.Join(d.Caps, " ")}
	}
	brokenTable(w, []string{"DAEMON", "", "STATE", "UNTIL", "MAY"}, rows)
	if len(k.Cases) > 0 {
		fmt.Fprintln(w, "\nCompared with no connected member yet:")
		for _, x := range k.Cases {
			fmt.Fprintf(w, "  %s  %s\n", shortID(x.Case.String()), clip(titleOf(x.Heading), 60))
		}
	}
}

func (c *call) keyRenew() error {
	if c.flag("fresh") || c.text("former") != "" || c.text("reason") == "stolen" {
		if err := c.confirmed("renew", "The keys that this daemon has, or the one named, are revoked for good: nothing they sign from now on counts, and no backup of them is of any use."); err != nil {
			return err
		}
	}
	made, err := c.parts.RenewKey(c.ctx, c.home, RenewOptions{Root: c.text("root"), Fresh: c.flag("fresh"),
		Reason: c.text("reason"), Former: c.text("former")})
	if err != nil {
		return err
	}
	return c.keyChanged(made, func(w io.Writer) {
		field(w, "certified", made.Kid.String())
		if made.Former != nil {
			how := "This daemon tells peers with the old transport key, as soon as they are reached. Who has stolen that key may be in the way: then give them the new card: cordon card"
			if !made.Tells {
				how = "Its keys are not here to tell peers of the new one: who is not told otherwise needs the new card: cordon card"
			}
			field(w, "replaces", made.Former.String()+", which is revoked. "+how)
		}
		if made.Until != nil {
			field(w, "until", when(*made.Until, c.now()))
		}
		if made.Role == "standby" {
			field(w, "stands by", "another daemon is active: cordon daemon list")
		}
	})
}

func (c *call) keyRevoke() error {
	if err := c.parts.MayRevoke(c.ctx, c.home, c.args[0], c.text("reason"), c.text("root")); err != nil {
		return err // before anybody is asked
	}
	err := c.confirmed("revoke", "This ends the certificate of %s for good: peers end their sessions with that daemon, and nothing it writes from now on counts.", c.args[0])
	if err != nil {
		return err
	}
	made, err := c.parts.RevokeKey(c.ctx, c.home, c.args[0], c.text("reason"), c.text("root"))
	if err != nil {
		return err
	}
	return c.keyChanged(made, func(w io.Writer) {
		field(w, "revoked", made.Kid.String())
		field(w, "its acts", "stand as far as each case has them; where less shall stand: cordon key cut CASE ENTRY")
	})
}

func (c *call) keyCut() error {
	err := c.confirmed("cut", "What the key of entry %s decided in this case after it, counts no more: whom it admitted is out, whom it removed is in again. This cannot be taken back.", c.args[1])
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	done, err := client.Cut(c.ctx, c.args[0], c.args[1])
	if err != nil {
		return err
	}
	c.say("%s", done.ID)
	return nil
}

func (c *call) keyRotate() error {
	err := c.confirmed("rotate", "The next root comes into force, and the former is of no use any more. Both files in the folder of the root keys are rewritten: keep a copy of the folder afterwards.")
	if err != nil {
		return err
	}
	made, err := c.parts.RotateRoot(c.ctx, c.home, c.text("root"))
	if err != nil {
		return err
	}
	return c.keyChanged(made, func(w io.Writer) {
		field(w, "rotated", "the root of "+safe(made.Name))
		field(w, "root keys", made.Root+": both are new; renew your copies of the folder, and keep it offline")
	})
}

func (c *call) keyDomains() error {
	made, err := c.parts.NameDomains(c.ctx, c.home, c.args, c.text("root"))
	if err != nil {
		return err
	}
	return c.keyChanged(made, func(w io.Writer) {
		for _, d := range c.args {
			confirmLine(w, d, made.Org.String())
		}
	})
}

// confirmLine says what the web admin of a domain does so that it confirms an
// organisation.
func confirmLine(w io.Writer, domain, org string) {
	fmt.Fprintf(w, "So that %s confirms who you are, put this line into its\n/.well-known/security.txt (RFC 9116):\nCordon-Org: %s\n\n", safe(domain), org)
}

// keyChanged makes a running daemon begin anew with what an act of the root has
// changed, then prints it.
func (c *call) keyChanged(made *api.KeyChange, human func(io.Writer)) error {
	runs, err := c.reload(made)
	if err != nil {
		return err
	}
	return c.show(made, func(w io.Writer) {
		human(w)
		if runs {
			field(w, "daemon", "runs on with it; peers learn of it when they are connected: cordon key status")
		} else {
			field(w, "daemon", "does not run; it takes this over when it starts: cordon daemon")
		}
	})
}

// reload waits until the daemon has taken a change over; runs is false when none
// runs.
func (c *call) reload(made *api.KeyChange) (runs bool, err error) {
	client, err := c.client()
	if err != nil {
		return false, err
	}
	var e *api.Error
	if _, err := client.Reload(c.ctx); errors.As(err, &e) && e.Kind == api.Unavailable {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, c.await(client, made.Events)
}

// await waits until the daemon runs with a chain of so many events.
func (c *call) await(client *api.Client, events int) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		k, err := client.Keys(c.ctx)
		e, ok := errors.AsType[*api.Error](err)
		switch {
		case err == nil && k.Events >= events:
			return nil
		case err != nil && !(ok && e.Kind == api.Unavailable):
			return err
		}
		select {
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-again.C:
		}
	}
}
