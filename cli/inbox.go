package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// inboxVerbs answer what waits.
var inboxVerbs = []verb{
	{use: "accept ID", short: "sign the agreement of an invitation and join its case", confirm: true, run: (*call).inboxAccept,
		long: `Sign the agreement of an invitation. Nothing of the case has been sent before;
it arrives as soon as the inviter's daemon has seen your signature. ID may be
the inviter's name where one invitation of theirs waits.`,
		flags: func(f *pflag.FlagSet) {
			f.Duration("wait", 0, "wait up to `TIME` (20s) for the case and print its id; exit 7 if it has not come")
			f.Bool("take-erased", false, "take the case also if it was erased here before")
		}},
	{use: "decline ID", short: "refuse an invitation; the inviter is told", confirm: true, run: (*call).inboxDecline},
}

// inboxList is what the word inbox alone does.
var inboxList = verb{use: "inbox", short: "what waits for your answer", json: true, run: (*call).inbox,
	flags: func(f *pflag.FlagSet) {
		f.Duration("wait", 0, "wait up to `TIME` (20s) for something; exit 7 if nothing has come")
	}}

func (c *call) inbox() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	wait, err := c.cmd.Flags().GetDuration("wait")
	must(err)
	in, err := c.awaitInbox(client, wait)
	if err != nil {
		return err
	}
	if err := c.show(in, func(w io.Writer) { inboxText(w, in, c.now()) }); err != nil {
		return err
	}
	if wait > 0 && len(in.Items) == 0 {
		return quiet(api.ExitCode(&api.Error{Kind: api.Pending}))
	}
	return nil
}

// awaitInbox is the inbox as soon as something is in it, or after wait as it is then.
func (c *call) awaitInbox(client *api.Client, wait time.Duration) (*api.Inbox, error) {
	ctx, cancel := context.WithTimeout(c.ctx, wait)
	defer cancel()
	again := time.NewTicker(pollTime)
	defer again.Stop()
	for {
		in, err := client.Inbox(c.ctx)
		if err != nil || len(in.Items) > 0 {
			return in, err
		}
		select {
		case <-ctx.Done():
			return in, c.ctx.Err()
		case <-again.C:
		}
	}
}

// pollTime is between two looks at what is awaited.
const pollTime = 50 * time.Millisecond

func inboxText(w io.Writer, in *api.Inbox, now time.Time) {
	if len(in.Items) == 0 {
		fmt.Fprintln(w, "Nothing waits for you.")
	}
	for i, item := range in.Items {
		if i > 0 {
			fmt.Fprintln(w)
		}
		inboxItem(w, item, now)
	}
}

func inboxItem(w io.Writer, i api.InboxItem, now time.Time) {
	id := shortID(i.ID)
	field(w, i.Kind, id)
	field(w, "from", safe(i.FromName)+" ("+shortID(i.From.String())+")")
	field(w, "your role", i.Role)
	if i.Case != nil {
		field(w, "case", shortID(i.Case.String())+": a further role in a case you are in")
	}
	if i.Replaces != nil {
		field(w, "instead of", shortID(i.Replaces.String())+": the terms have changed; that one is void")
	}
	field(w, "history", historyOffered(i.History))
	if i.Teaser != "" {
		field(w, "they say", safe(i.Teaser))
	}
	terms(w, i.Agreement, now)
	switch i.State {
	case "accepted":
		field(w, "state", "signed by you; waits for "+safe(i.FromName))
		return
	case "refused":
		field(w, "state", "signed by you; "+safe(i.FromName)+" says no")
		return
	case "erased":
		field(w, "state", "signed by you; THE CASE WAS ERASED HERE, so nothing of it was taken.\nTo "+safe(i.FromName)+" you are in it: say what you want")
		field(w, "to have it", "cordon inbox accept "+id+" --take-erased")
		return
	case "withdrawn":
		field(w, "state", "WITHDRAWN by "+safe(i.FromName)+": there is nothing to sign")
		field(w, "to put away", "cordon inbox decline "+id)
		return
	}
	field(w, "answer", "cordon inbox accept "+id+"\ncordon inbox decline "+id)
	field(w, "before", when(i.Expires, now))
}

// historyOffered is what an invitation tells of what was written before.
func historyOffered(how string) string {
	if how == "from-admission" {
		return "you will get what is written from your admission on; nothing of before: no title, no report, no note, no file"
	}
	return "you will get all of it"
}

// terms shows an agreement: what a yes signs.
func terms(w io.Writer, a api.Agreement, now time.Time) {
	end := "none"
	if a.End != nil {
		end = "until " + when(*a.End, now)
	}
	field(w, "embargo", end)
	fmt.Fprintln(w, "you would sign this:")
	for _, line := range wrap(strings.TrimSpace(safeText(a.Text)), width-2) {
		fmt.Fprintln(w, strings.TrimRight("  "+line, " "))
	}
}

// item finds what ID stands for: an id or its beginning, or the name of who
// invites where only one invitation of theirs waits. Nil: nothing that we see.
func (c *call) item(client *api.Client) (*api.InboxItem, error) {
	in, err := client.Inbox(c.ctx)
	if err != nil {
		return nil, err
	}
	var found *api.InboxItem
	for _, i := range in.Items {
		if strings.HasPrefix(i.ID, c.args[0]) {
			return &i, nil
		}
		if i.State != "withdrawn" && (i.FromName == c.args[0] || i.From.String() == c.args[0]) {
			if found != nil {
				return nil, usage("cordon inbox", "%s has sent more than one invitation: name its id", safe(i.FromName))
			}
			found = &i
		}
	}
	return found, nil
}

// answer asks, on a terminal, and gives a yes or a no. It returns what was answered, if that is known.
func (c *call) answer(word string, act func(client *api.Client, id string) (*api.Written, error)) (*api.InboxItem, error) {
	client, err := c.client()
	if err != nil {
		return nil, err
	}
	i, err := c.item(client)
	if err != nil {
		return nil, err
	}
	id := c.args[0] // unknown here: the daemon gives the one answer there is for this
	if i != nil {
		id = i.ID
		var what strings.Builder
		inboxItem(&what, *i, c.now())
		if err := c.confirmed(word, "%s", &what); err != nil {
			return nil, err
		}
	}
	_, err = act(client, id)
	return i, err
}

func (c *call) inboxAccept() error {
	wait, err := c.cmd.Flags().GetDuration("wait")
	must(err)
	client, err := c.client()
	if err != nil {
		return err
	}
	before, err := client.Cases(c.ctx)
	if err != nil {
		return err
	}
	i, err := c.answer("accept", func(client *api.Client, id string) (*api.Written, error) {
		if c.flag("take-erased") {
			return client.TakeErased(c.ctx, id)
		}
		return client.Accept(c.ctx, id)
	})
	if err != nil {
		return err
	}
	if wait == 0 {
		if i != nil && i.Case != nil {
			c.note("Signed. The role is yours once %s has seen it: cordon case show %s", safe(i.FromName), shortID(i.Case.String()))
			return nil
		}
		c.note("Signed. The case arrives by itself: cordon case list")
		return nil
	}
	ctx, cancel := context.WithTimeout(c.ctx, wait)
	defer cancel()
	if i != nil && i.Case != nil {
		return c.awaitRole(ctx, client, *i.Case, i.Role)
	}
	return c.awaitCase(ctx, client, before)
}

// awaitCase prints the id of each case that was not there before, once its title is.
func (c *call) awaitCase(ctx context.Context, client *api.Client, before *api.Cases) error {
	again := time.NewTicker(pollTime)
	defer again.Stop()
	for {
		now, err := client.Cases(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		found := false
		for _, k := range arrived(before, now) {
			c.say("%s", k.Case)
			c.note("Signed, and here: %s", titleOf(k.Heading))
			found = true
		}
		if found {
			return nil
		}
		select {
		case <-ctx.Done():
			return &api.Error{Kind: api.Pending, Text: "signed; the case has not arrived yet", Try: "cordon inbox; cordon case list"}
		case <-again.C:
		}
	}
}

// awaitRole prints the id of a case that we are in once we have a further role there.
func (c *call) awaitRole(ctx context.Context, client *api.Client, of id.CaseID, role string) error {
	us, err := client.Status(c.ctx)
	if err != nil {
		return err
	}
	again := time.NewTicker(pollTime)
	defer again.Stop()
	for {
		k, err := client.Case(ctx, of.String())
		if err != nil && ctx.Err() == nil {
			return err
		}
		if k != nil && slices.ContainsFunc(k.Participants, func(p api.Participant) bool { return p.Org == us.Org && slices.Contains(p.Roles, role) }) {
			c.say("%s", of)
			c.note("Signed, and %s in: %s", role, titleOf(k.Heading))
			return nil
		}
		select {
		case <-ctx.Done():
			return &api.Error{Kind: api.Pending, Text: "signed; the role is not ours yet", Try: "cordon inbox; cordon case show " + shortID(of.String())}
		case <-again.C:
		}
	}
}

// arrived are the cases that were not there before and whose title is here.
func arrived(before, now *api.Cases) []api.CaseRow {
	if now == nil {
		return nil
	}
	return slices.DeleteFunc(now.Cases, func(k api.CaseRow) bool {
		return k.Title == "" && k.Since == nil && !k.Cut || slices.ContainsFunc(before.Cases, func(b api.CaseRow) bool { return b.Case == k.Case })
	})
}

func (c *call) inboxDecline() error {
	i, err := c.answer("decline", func(client *api.Client, id string) (*api.Written, error) { return client.Decline(c.ctx, id) })
	switch {
	case err != nil:
		return err
	case i != nil && i.State == "withdrawn":
		c.note("Put away.")
	default:
		c.note("Declined; the inviter is told.")
	}
	return nil
}
