package protocol

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/model"
)

// Chronicle is the course of a case, by the times that its entries claim: nobody vouches
// for those, and an entry that claims to be older than one before it counts as just as old.
type Chronicle struct {
	Events  []Happened             // that last to the end, in their order
	RM      map[id.OrgID]Spent[RM] // of members only, while they are members
	Embargo Spent[EM]
	CS      Spent[string]
}

// Happened is an event of the case state and the time from which on it holds: Unix
// milliseconds, claimed.
type Happened struct {
	Event model.Event
	T     uint64
}

// Spent is how long each state lasted, in milliseconds.
type Spent[S comparable] map[S]uint64

// Chronicled folds the entries of a whole case anew, one after another in a causal order that
// is the same for all who hold them, and notes how long each state lasts; the last ones
// until a time.
func Chronicled(entries []*entry.Sealed, until uint64) Chronicle {
	es := slices.SortedFunc(slices.Values(entries), func(a, b *entry.Sealed) int {
		return cmp.Or(cmp.Compare(a.LC, b.LC), bytes.Compare(a.ID[:], b.ID[:]))
	})
	h := Chronicle{RM: map[id.OrgID]Spent[RM]{}, Embargo: Spent[EM]{}, CS: Spent[string]{}}
	c, now := NewCase(), uint64(0)
	cs := "vfdpxa"
	for i, e := range es {
		c.Apply(e)
		if e.Comp != id.Control && i+1 < len(es) {
			continue
		}
		now = max(now, e.T)
		was := cs
		cs = c.CS()
		h.turn(was, cs, now)
		next := max(now, until)
		if at := nextControl(es[i+1:]); at != nil {
			next = max(now, at.T)
		}
		h.spend(c, next-now)
	}
	return h
}

// nextControl is the first control entry; nil: there is none.
func nextControl(es []*entry.Sealed) *entry.Sealed {
	if i := slices.IndexFunc(es, func(e *entry.Sealed) bool { return e.Comp == id.Control }); i >= 0 {
		return es[i]
	}
	return nil
}

// turn notes the letters that one step of the case state raises, and takes back those that
// it lowers: a vendor that comes later is not as far as the others. An exploit makes public:
// raised together, X is the first (spec/model.md §5).
func (h *Chronicle) turn(was, is string, now uint64) {
	for _, e := range []model.Event{"V", "F", "D", "X", "P", "A"} {
		before, after := strings.Contains(was, string(e)), strings.Contains(is, string(e))
		switch {
		case after && !before:
			h.Events = append(h.Events, Happened{e, now})
		case before && !after:
			h.Events = slices.DeleteFunc(h.Events, func(x Happened) bool { return x.Event == e })
		}
	}
}

// spend counts a time in which nothing changes.
func (h *Chronicle) spend(c *Case, ms uint64) {
	h.Embargo[c.Embargo().State] += ms
	h.CS[c.CS()] += ms
	for _, p := range c.Participants() {
		if !p.Admitted {
			continue
		}
		if h.RM[p.Org] == nil {
			h.RM[p.Org] = Spent[RM]{}
		}
		h.RM[p.Org][p.RM] += ms
	}
}

// History is the order of the events, as the model writes it.
func (h Chronicle) History() string {
	var b strings.Builder
	for _, x := range h.Events {
		b.WriteString(string(x.Event))
	}
	return b.String()
}
