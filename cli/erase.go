package cli

import (
	"fmt"
	"strings"

	"cordon/daemon/api"
)

// eraseCaseVerb and eraseEntryVerb destroy what is on this disk.
var (
	eraseCaseVerb = verb{use: "erase CASE", short: "destroy a case on this disk, for good", json: true, confirm: true, run: (*call).caseErase,
		long: `Destroy a case on this disk, for good: its key is destroyed, so that nobody can
read it here any more, with your store key neither. It is not fetched again, by
no way, unless you say so (cordon inbox accept --take-erased).

The other members keep theirs and are not told; neither do your other daemons
erase it. What you have signed still binds you. You stay a member of the case:
to have no part in it any more, leave first (cordon embargo leave).

A BACKUP STILL OPENS what it holds, if it holds the file store/keys: destroy
that file in your backups too. What was exported or copied out is yours to find.` + eraseLimit}
	eraseEntryVerb = verb{use: "erase CASE ID", short: "destroy the content of one entry on this disk, for good", json: true, confirm: true, run: (*call).entryErase,
		long: `Destroy the content of one entry on this disk, for good: a report, a note, a
file. The entry stays, as evidence that it was written and when; what it says is
gone here. It is not fetched again, and nobody gets it from you. Others keep
theirs.

THIS SEALS ALL ELSE OF THE CASE ANEW, under another key, and destroys the old
one: it takes time and room on the disk as the case is large. Meanwhile the
daemon does nothing in this case.

A BACKUP STILL OPENS what it holds, if it holds the file store/keys.` + eraseLimit}
)

const eraseLimit = `
What your disk itself keeps of a file that was replaced is beyond Cordon.`

func (c *call) caseErase() error { return c.erase("") }

func (c *call) entryErase() error { return c.erase(c.args[1]) }

func (c *call) erase(entry string) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	plan, err := client.Erasure(c.ctx, c.args[0], entry)
	if err != nil {
		return err
	}
	if err := c.confirmed("erase", "%s", c.erasureText(plan)); err != nil {
		return err
	}
	done, err := client.Erase(c.ctx, c.args[0], entry)
	if err != nil {
		return err
	}
	if c.flag("json") {
		return emit(c.out, done)
	}
	if done.Entry == nil {
		c.say("erased: case %s, %s, %s (%s)", shortID(done.Case.String()), count(done.Entries, "entry"), count(done.Bodies, "body"), size(int64(done.Bytes)))
	} else {
		c.say("erased: the content of entry %s (%s); %s sealed anew", shortID(done.Entry.String()), size(int64(done.Bytes)), size(done.Anew))
	}
	c.note("%s", strings.Join(wrap(c.leftText(done), width), "\n"))
	return nil
}

// erasureText is what an erasure destroys and leaves, before it is confirmed.
func (c *call) erasureText(e *api.Erasure) string {
	var s strings.Builder
	if e.Entry == nil {
		fmt.Fprintf(&s, "Case %s, %s, is destroyed on this disk, for good: %s, the content of %d here (%s).\n",
			shortID(e.Case.String()), titleOf(e.Heading), count(e.Entries, "entry"), e.Bodies, size(int64(e.Bytes)))
	} else {
		fmt.Fprintf(&s, "The content of entry %s (%s, %s) of case %s is destroyed on this disk, for good. All else of the case, %s, is sealed anew; meanwhile the daemon does nothing in it.\n",
			shortID(e.Entry.String()), e.Type, size(int64(e.Bytes)), shortID(e.Case.String()), size(e.Anew))
	}
	return s.String() + c.leftText(e)
}

// leftText is what an erasure does not touch, and what a person has to see to.
func (c *call) leftText(e *api.Erasure) string {
	var s []string
	switch {
	case e.Others == 0 && e.Siblings == 0:
		s = append(s, "No other organisation is in the case: nobody else has it.")
	case e.Others == 0:
		s = append(s, "No other organisation is in the case.")
	default:
		s = append(s, fmt.Sprintf("%s in the case: they keep theirs, and are not told.", are(e.Others, "other organisation")))
	}
	if e.Siblings > 0 {
		s = append(s, fmt.Sprintf("%s of yours: they keep theirs. Erase it there as well.", are(e.Siblings, "other daemon")))
	}
	s = append(s, "A backup of this home that holds store/keys still opens what it holds.")
	if e.Exports > 0 {
		s = append(s, "Bytes of it were handed out here "+count(e.Exports, "time")+": copies may lie elsewhere (cordon case exports).")
	}
	if e.Entry != nil {
		return strings.Join(s, "\n")
	}
	if e.OnlySteward && e.Others > 0 {
		s = append(s, "NOBODY BUT YOU decides in the case: without you no one is let in or removed, until the others replace you. Better: make another a steward before (cordon steward propose).")
	} else if e.Steward && e.Others > 0 {
		s = append(s, "You are a steward of it: your voice is missing from now on. You may be replaced.")
	}
	if e.End != nil && e.End.After(c.now()) {
		s = append(s, "The embargo until "+when(*e.End, c.now())+" still binds you.")
	}
	if e.Invited > 0 {
		s = append(s, fmt.Sprintf("%s of yours into it, not answered yet: withdrawn.", count(e.Invited, "invitation")))
	}
	return strings.Join(s, "\n")
}

// are is a number of things that are there.
func are(n int, noun string) string {
	if n == 1 {
		return "There is 1 " + noun
	}
	return "There are " + count(n, noun)
}
