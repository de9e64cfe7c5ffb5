package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

func (c *call) caseLog() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	names := c.orgNames(client)
	var broken error
	day, last := "", uint64(0)
	each := func(l api.LogLine) bool {
		last = max(last, l.Pos)
		if c.flag("json") {
			broken = emitLine(c.out, l)
			return broken == nil
		}
		if name, ok := names[l.About]; ok {
			l.About = name
		}
		l.What = strings.TrimSpace(l.What + " " + proposedWords(l, names))
		day, broken = logText(c.out, l, day)
		return broken == nil
	}
	for {
		err := client.Log(c.ctx, c.args[0], c.flag("follow"), last, each)
		if !c.flag("follow") || broken != nil || last == 0 {
			return errors.Join(err, broken)
		}
		if c.ctx.Err() == nil {
			c.note("cordon: the daemon went away; the watch goes on when it is back")
			_, err = client.Wait(c.ctx)
		}
		if c.ctx.Err() != nil {
			return nil // ended by the one who watched
		}
		if err != nil {
			return err
		}
	}
}

// orgNames are the names of the case's organisations by id, for people.
func (c *call) orgNames(client *api.Client) map[string]string {
	names := map[string]string{}
	k, err := client.Case(c.ctx, c.args[0])
	if err != nil || c.flag("json") {
		return names // ids will do; if the case is not there, the log says so
	}
	for _, p := range k.Participants {
		names[p.Org.String()] = p.Name
	}
	return names
}

// logText prints one entry under the heading of its day, and returns that day.
func logText(w io.Writer, l api.LogLine, day string) (string, error) {
	var b strings.Builder
	t := l.T.UTC()
	if d := t.Format("2006-01-02"); d != day {
		day = d
		fmt.Fprintf(&b, "%s UTC, as the authors claim\n", day)
	}
	name := safe(l.Name)
	if name == "" {
		name = shortID(l.Org.String())
	}
	name = clip(name, 16)
	head := fmt.Sprintf("%s  %s  %s  ", t.Format("15:04:05"), shortID(l.ID.String()), name+strings.Repeat(" ", 16-columns(name)))
	for i, line := range wrap(logWords(l), width-columns(head)) {
		if i > 0 {
			head = strings.Repeat(" ", columns(head))
		}
		b.WriteString(head + line + "\n")
	}
	if l.Text != "" {
		for _, line := range wrap(safeText(l.Text), width-10) {
			b.WriteString("          " + line + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return day, err
}

// proposedWords are the stewards that a proposal names.
func proposedWords(l api.LogLine, names map[string]string) string {
	if len(l.Stewards) == 0 || l.What == "checkpoint" {
		return ""
	}
	all := make([]string, len(l.Stewards))
	for i, o := range l.Stewards {
		if all[i] = safe(names[o.String()]); all[i] == "" {
			all[i] = shortID(o.String())
		}
	}
	return fmt.Sprintf("to %s (%d of %d carry the next)", strings.Join(all, ", "), l.Quorum, len(all))
}

// about is an id in short, or a name.
func about(s string) string {
	if len(s) == 2*id.Size && strings.Trim(s, "0123456789abcdef") == "" {
		return shortID(s)
	}
	return safe(s)
}

// joins are the words between a type and what it is about, where "about" is not
// right; remarks say what a type by itself does not.
var (
	joins   = map[string]string{"admit": "of", "remove": "of", "endorse": "config", "fork": "of a key of", "release-due": "by our clock, of the plan", "release-ready": "for plan"}
	remarks = map[string]string{"alive": ": is there", "fork": ", which signed two entries at one place"}
)

// logWords says in words what one entry is.
func logWords(l api.LogLine) string {
	s := l.Type
	if l.Refused != "" {
		s = "REFUSED (" + l.Refused + "): " + s
	}
	if l.What != "" {
		s += " " + l.What
	}
	if l.Title != "" {
		s += ": " + safe(l.Title)
	}
	if l.File != "" {
		s += " " + safe(l.File)
	}
	if l.Stricter {
		s += " TLP:" + strings.ToUpper(l.TLP)
	}
	if l.Size != nil {
		s += " (" + size(int64(*l.Size)) + ")"
	}
	if l.About != "" {
		s += " " + cmp.Or(joins[l.Type], "about") + " " + about(l.About)
	}
	s += remarks[l.Type]
	if l.Comp != id.Control.String() && l.Comp != id.Everyone.String() {
		s += " [compartment " + l.Comp[:min(len(l.Comp), 8)] + "]"
	}
	if l.Ahead {
		s += " [dated ahead of our clock]"
	}
	if l.Body == "erased" {
		s += " [content erased here]"
	}
	if l.Body == "awaited" {
		s += " [content awaited]"
	}
	return s
}
