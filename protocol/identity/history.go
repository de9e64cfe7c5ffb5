package identity

import (
	"fmt"
	"strings"

	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// Event is one event of a chain, for people. Its id stands for all before it too, so
// that two organisations that compare the words of one (Words) compare the history up
// to there.
type Event struct {
	ID   [32]byte
	Says string // by the event alone, in a few words; holds text of its organisation
}

// History lists the events of a chain, from create on.
func (o *Org) History() []Event {
	out := make([]Event, len(o.Events))
	for i, raw := range o.Events {
		out[i].ID = o.ids[i]
		if obj, err := cose.Parse(cose.Ident, raw); err == nil { // it is verified: no Org exists else
			if e, err := parseEvent(obj.Payload); err == nil {
				out[i].Says = e.says()
			}
		}
	}
	return out
}

func (e *event) says() string {
	short := func(k id.Kid) string { return k.String()[:12] }
	switch e.op {
	case opAdd:
		caps := make([]string, len(e.caps))
		for i, c := range e.caps {
			caps[i] = c.String()
		}
		return "certifies daemon " + short(cose.Thumbprint(e.sig)) + " (" + strings.Join(caps, " ") + ")"
	case opRevoke:
		return fmt.Sprintf("revokes daemon %s (%v)", short(e.kid), Reason(e.reason))
	case opRotate:
		return "rotates the root"
	}
	s := "is named " + e.name
	if e.op == opCreate {
		s = "is created as " + e.name
	}
	if len(e.domains) > 0 {
		s += ", with " + strings.Join(e.domains, ", ")
	}
	return s
}

// Parts is the place of the first event in which two chains differ; of two of which
// one extends the other, the length of the shorter.
func (o *Org) Parts(p *Org) int {
	n := min(len(o.ids), len(p.ids))
	for i := range n {
		if o.ids[i] != p.ids[i] {
			return i
		}
	}
	return n
}
