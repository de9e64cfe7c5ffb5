package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

// daemonVerbs are about this daemon and this build.
var daemonVerbs = []verb{
	{use: "init", short: "make keys, configuration and card of an organisation's daemon", run: (*call).init,
		long: `Make the home of a daemon: keys, configuration, card. Nothing is overwritten.
Asks for what the flags do not say; with --unattended it asks nothing and keeps
the keys as files that only you can read, so that the daemon can start alone.`,
		example: "  cordon init --name 'Example PSIRT' --role vendor --unattended",
		flags: func(f *pflag.FlagSet) {
			f.String("name", "", "the organisation's `NAME`, as others will see it")
			homeFlags(f)
			f.StringArray("domain", nil, "`DOMAIN` of yours that will confirm who you are, may be repeated")
		}},
	{use: "status", short: "what this daemon is and sees", json: true, run: (*call).status,
		flags: func(f *pflag.FlagSet) {
			f.Duration("wait", 0, "wait up to `TIME` (10s) for the daemon to answer")
		}},
	{use: "card", short: "print this organisation's signed card, to give to others", run: (*call).card},
	{use: "verify [CASE]", short: "check every stored hash and signature again", json: true, run: (*call).verify},
	{use: "demo", short: "play a whole real case between organisations, here", run: (*call).demo},
	{use: "bench", short: "measure this machine and this build", json: true, run: (*call).bench,
		long: `Measure this machine and this build, each figure beside a limit that is measured
in the same run on the same disk. A ratio above 1 is better than the limit.
Takes some minutes: a store of a million entries is written.`,
		flags: func(f *pflag.FlagSet) {
			f.Bool("full", false, "also what takes long: twenty minutes more")
			f.String("only", "", "nothing but the parts whose names contain `TEXT`")
		}},
	{use: "relay", short: "pass connections on to daemons that nobody can dial; reads nothing", run: (*call).relay,
		long: `Pass connections on to daemons that nobody can dial, behind a NAT say: run it
where everybody can dial it. It keeps one key in --home, is in no case, and reads
nothing: what it carries is encrypted from end to end. It does see who connects to
whom, when, and how much. Only daemons of the organisations whose cards you give
may wait at it; when their keys change, give their new cards.`,
		example: "  cordon --home relay relay --listen /ip4/203.0.113.5/tcp/4500 --for our.card",
		flags: func(f *pflag.FlagSet) {
			f.StringArray("for", nil, "`FILE` with a card of who may wait here, may be repeated")
			f.StringArray("listen", nil, "`MULTIADDR` to listen at, may be repeated")
		}},
	{use: "version", short: "what this binary is", json: true, run: (*call).version},
}

// homeFlags are those of each verb that makes a home.
func homeFlags(f *pflag.FlagSet) {
	f.String("role", "", "`ROLE` of yours in cases you open: vendor (default), coordinator, reporter")
	f.Bool("unattended", false, "ask nothing; keys without passphrase")
	f.StringArray("relay", nil, "`MULTIADDR` of a relay at which to wait, if nobody can dial you; may be repeated")
	f.StringArray("listen", nil, "`MULTIADDR` to listen at, may be repeated; port 0 takes a free one and keeps it")
}

func (c *call) initOptions() InitOptions {
	return InitOptions{Role: c.text("role"), Listen: c.list("listen"), Relays: c.list("relay"), Unattended: c.flag("unattended")}
}

// homeFlag is how this home is named on the next command line.
func (c *call) homeFlag() string {
	if c.cmd.Flags().Changed("home") {
		return " --home " + c.home
	}
	return ""
}

func (c *call) init() error {
	o := c.initOptions()
	o.Name, o.Domains = c.text("name"), c.list("domain")
	if err := c.askInit(&o); err != nil {
		return err
	}
	made, err := c.parts.Init(c.ctx, c.home, o)
	if err != nil {
		return err
	}
	home := c.homeFlag()
	field(c.out, "organisation", safe(o.Name))
	field(c.out, "id", made.Org)
	field(c.out, "fingerprint", sixes(made.Fingerprint))
	field(c.out, "home", c.home)
	field(c.out, "root keys", made.Root+": the daemon does not need them; move them to a place that is offline")
	c.say("")
	for _, d := range o.Domains {
		confirmLine(c.out, d, made.Org)
	}
	c.say("Next: run the daemon, give your card to others, pin theirs. Compare the twelve")
	c.say("words of each card by telephone: cordon peer verify")
	c.say("  cordon%s daemon", home)
	c.say("  cordon%s card", home)
	c.say("  cordon%s peer add FILE", home)
	return nil
}

// askInit asks for what the flags leave open.
func (c *call) askInit(o *InitOptions) (err error) {
	if o.Name != "" {
		return nil
	}
	if o.Unattended || !isTerminal(c.in) {
		return usage("cordon init --name 'Example PSIRT' --unattended", "--name is missing: how others will see your organisation")
	}
	in := bufio.NewReader(c.in)
	if o.Name, err = c.ask(in, "name of your organisation"); err != nil {
		return err
	}
	if o.Role == "" {
		o.Role, err = c.ask(in, "your role: vendor, coordinator or reporter [vendor]")
	}
	return err
}

func (c *call) daemon() error { return c.parts.Daemon(c.ctx, c.home, c.err) }

// relay runs until it is interrupted.
func (c *call) relay() error {
	listen, files := c.list("listen"), c.list("for")
	if len(listen) == 0 || len(files) == 0 {
		return usage("cordon relay --listen /ip4/203.0.113.5/tcp/4500 --for our.card", "--listen and --for say where it is, and for whom")
	}
	var cards [][]byte
	for _, name := range files {
		text, err := c.readFile(name, maxCardFile)
		if err != nil {
			return err
		}
		cards = append(cards, text)
	}
	return c.parts.Relay(c.ctx, c.home, listen, cards, func(addrs []string) {
		c.say("The relay runs. For config.toml of who waits here, above its first [section]:")
		quoted := make([]string, len(addrs))
		for i, a := range addrs {
			quoted[i] = strconv.Quote(a)
		}
		c.say("relays = [%s]", strings.Join(quoted, ", "))
	})
}

func (c *call) demo() error { return c.parts.Demo(c.ctx, c.out, live(c.out)) }

func (c *call) status() error {
	wait, err := c.cmd.Flags().GetDuration("wait")
	must(err)
	client, err := c.client()
	if err != nil {
		return err
	}
	ctx, ask := c.ctx, client.Status
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
		ask = client.Wait
	}
	s, err := ask(ctx)
	if err != nil {
		return err
	}
	return c.show(s, func(w io.Writer) { statusText(w, s, c.now()) })
}

func statusText(w io.Writer, s *api.Status, now time.Time) {
	field(w, "organisation", safe(s.Name)+" ("+s.Role+")")
	field(w, "id", s.Org.String())
	field(w, "fingerprint", sixes(s.Fingerprint))
	until := "until " + when(s.CertUntil, now)
	if s.CertUntil.Sub(now) < 30*24*time.Hour {
		until += ": cordon key renew"
	}
	field(w, "certificate", until)
	if s.Stopped != "" {
		field(w, "NOT WRITING", s.Stopped+": cordon key status")
	}
	field(w, "listens at", strings.Join(s.Listen, "\n"))
	for _, r := range s.Relays {
		state := "waits there for who cannot dial it"
		if r.Fault != "" {
			state = r.Fault
		}
		field(w, "relay", r.Addr+"\n"+state)
	}
	field(w, "cases", fmt.Sprint(s.Cases))
	if s.Inbox > 0 {
		field(w, "needs you", fmt.Sprintf("%s: cordon inbox", count(s.Inbox, "invitation")))
	}
	for _, r := range s.Releases {
		name := shortID(r.Case.String())
		field(w, "release", name+": "+noticeText(r, now)+"\ncordon release show "+name)
	}
	for _, f := range s.Full {
		field(w, "FULL", fmt.Sprintf("%s has filled the %d MiB that it may fill in case %s: no more of its notes and files is taken. If they shall come, write above the first [section] of config.toml, and start the daemon again:\n  room = %d",
			safe(f.Name), f.Room>>20, shortID(f.Case.String()), 2*f.Room>>20))
	}
	fmt.Fprintln(w)
	peerTable(w, s.Peers)
}

func (c *call) card() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	card, err := client.Card(c.ctx)
	if err != nil {
		return err
	}
	_, err = c.out.Write(card)
	return err
}

func (c *call) verify() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	v, err := client.Verify(c.ctx, c.first())
	if err != nil {
		return err
	}
	if err := c.show(v, func(w io.Writer) { verifiedText(w, v) }); err != nil {
		return err
	}
	switch {
	case v.Bad > 0:
		return quiet(exitFailed)
	case v.Forks > 0:
		return quiet(exitConflict)
	}
	return nil
}

func verifiedText(w io.Writer, v *api.Verified) {
	fmt.Fprintf(w, "%s checked, %d bad, %s\n", count(v.Entries, "entry"), v.Bad, count(v.Forks, "fork"))
	if v.Covered > 0 {
		fmt.Fprintf(w, "%d of them are vouched for by a later signature of the same feed\n", v.Covered)
	}
}

// benchView is the answer of bench --json.
type benchView struct {
	Schema  string        `json:"schema"` // cordon.bench/1
	Results []BenchResult `json:"results"`
	NotRun  []string      `json:"not_run"` // parts
}

func (c *call) bench() error {
	results, notRun, err := c.parts.Bench(c.ctx, c.err, c.flag("full"), c.text("only"))
	if err != nil {
		return err
	}
	return c.show(benchView{Schema: "cordon.bench/1", Results: results, NotRun: notRun}, func(w io.Writer) {
		for _, p := range notRun {
			fmt.Fprintf(w, "NOT RUN %s\n", p)
		}
		for _, r := range results {
			verdict, bound := "met   ", "at least"
			if !r.Met {
				verdict = "MISSED"
			}
			if r.AtMost {
				bound = "at most"
			}
			fmt.Fprintf(w, "%s  %s\n        %s %s: %.2f of %s (%s); required %s %g\n",
				verdict, r.Name, figure(r.Value), r.Unit, r.Ratio, figure(r.Limit), r.LimitName, bound, r.Want)
		}
	})
}

// figure is a measured number with no more digits than it has worth.
func figure(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
