package cli

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
)

// caseWords act in a case and stand by themselves, since they are typed often.
var caseWords = []verb{
	{use: "say CASE TEXT", short: "write a note, to everybody in the case or to some", more: true, flags: noteFlags, run: (*call).sayNote,
		example: `  cordon say 3f2a9c01 'Patch builds on all branches.'
  cordon say 3f2a9c01 'Only between us.' --to 'Red Hat'`},
	{use: "attach CASE FILE", short: "add a file to a case", more: true, flags: noteFlags, run: (*call).attach},
	{use: "rm CASE STATE", short: "our report state: valid, invalid, accept, defer, close", run: (*call).rm},
	{use: "fix CASE STATE", short: "our fix: ready, deployed", run: (*call).fix},
	{use: "claim CASE WHAT [ID]", short: "say that it is public, exploited or attacked; confirm, refute", confirm: true, run: (*call).claim,
		long: `Claim that the matter is public, that an exploit is out, or that attacks are
seen: public, exploit or attack, with --evidence. Everybody in the case is
alarmed at once. The embargo ends when a steward or two organisations say so.
"cordon claim CASE confirm ID" confirms the claim of another organisation;
"cordon claim CASE refute ID --reason TEXT", by a steward, takes its alarm away
while nobody else has said the same.`,
		flags: func(f *pflag.FlagSet) {
			f.String("evidence", "", "`TEXT`: where it can be seen")
			f.String("reason", "", "`TEXT`: why the claim is wrong")
		}},
}

// word is an argument out of a fixed list.
func (c *call) word(i int, of ...string) (string, error) {
	if slices.Contains(of, c.args[i]) {
		return c.args[i], nil
	}
	return "", usage(c.cmd.CommandPath()+" --help", "%q is none of %s", c.args[i], strings.Join(of, ", "))
}

func (c *call) rm() error {
	what, err := c.word(1, "valid", "invalid", "accept", "defer", "close")
	if err != nil {
		return err
	}
	return c.act(func(client *api.Client) (*api.Written, error) { return client.RM(c.ctx, c.args[0], what) })
}

func (c *call) fix() error {
	what, err := c.word(1, "ready", "deployed")
	if err != nil {
		return err
	}
	return c.act(func(client *api.Client) (*api.Written, error) { return client.Fix(c.ctx, c.args[0], what) })
}

// act does one short act and prints what it wrote.
func (c *call) act(do func(*api.Client) (*api.Written, error)) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	w, err := do(client)
	if err != nil {
		return err
	}
	c.say("%s", w.ID)
	return nil
}

func (c *call) claim() error {
	what, err := c.word(1, "public", "exploit", "attack", "confirm", "refute")
	if err != nil {
		return err
	}
	evidence, answers := c.text("evidence"), what == "confirm" || what == "refute"
	switch {
	case answers && len(c.args) < 3:
		return usage("cordon case show CASE", "ID of the claim is missing: cordon claim CASE %s ID", what)
	case !answers && len(c.args) > 2:
		return usage("--evidence TEXT", "%q is one argument too many", c.args[2])
	case !answers && evidence == "":
		return usage("--evidence 'https://example.org/post'", "--evidence is missing: where can it be seen?")
	case what == "refute" && c.text("reason") == "":
		return usage("--reason TEXT", "--reason is missing: why is the claim wrong?")
	}
	follows := `Everybody in the case is alarmed at once, and the embargo may end by it.`
	if what == "refute" {
		follows = `The claim alarms nobody any longer, unless another organisation says the same.`
	}
	if err := c.confirmed(what, "%s", follows); err != nil {
		return err
	}
	return c.act(func(client *api.Client) (*api.Written, error) {
		switch what {
		case "confirm":
			return client.Confirm(c.ctx, c.args[0], c.args[2])
		case "refute":
			return client.Refute(c.ctx, c.args[0], c.args[2], c.text("reason"))
		}
		return client.Claim(c.ctx, c.args[0], what, evidence)
	})
}
