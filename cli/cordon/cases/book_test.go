package cases

import (
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// book is what each organisation has agreed to, kept from what was done in the play
// alone: it asks no daemon who may have what.
type book struct {
	known map[id.AgrID]agreed
	yes   map[*org][]consent
	said  map[int]saying
	acts  int // of the play so far; everything written bears the number of its act
}

// agreed are the terms of an agreement, as far as they decide whom it binds.
type agreed struct {
	c      id.CaseID
	parent id.AgrID // zero: none
	end    int64    // Unix milliseconds; 0: no embargo, the earliest end there is
	rest   api.AgreementTerms
	active bool
}

// consent is one yes of an organisation. It counts from a place in what its daemon was
// sent, until an act of the play; 0: until the end.
type consent struct {
	agr   id.AgrID
	from  int
	until int
}

// saying is something that was written: in which case, by whom, for whom; no readers: for all.
type saying struct {
	c       string
	by      *org
	readers []*org
}

func newBook() *book {
	return &book{known: map[id.AgrID]agreed{}, yes: map[*org][]consent{}, said: map[int]saying{}}
}

// enters notes terms; what is in force has been proposed before, but for the first.
func (b *book) enters(c id.CaseID, a api.AgreementTerms, parent id.AgrID, active bool) {
	was, met := b.known[a.ID]
	if met {
		was.active = was.active || active
		b.known[a.ID] = was
		return
	}
	n := agreed{c: c, parent: parent, rest: a, active: active}
	if a.End != nil {
		n.end = a.End.UnixMilli()
	}
	n.rest.ID, n.rest.Start, n.rest.End, n.rest.AnswerBy = id.AgrID{}, time.Time{}, nil, nil
	b.known[a.ID] = n
}

// signs notes a yes that o's daemon is about to give.
func (b *book) signs(o *org, a id.AgrID) {
	b.yes[o] = append(b.yes[o], consent{agr: a, from: o.got.size()})
}

// ends notes that o has agreed to nothing any longer: it is out, or has withdrawn.
func (b *book) ends(o *org, c id.CaseID) {
	b.acts++
	for i, y := range b.yes[o] {
		if b.known[y.agr].c == c && y.until == 0 {
			b.yes[o][i].until = b.acts
		}
	}
}

// relaxes says whether b asks nothing that a does not: all equal, and it ends no later.
func (k *book) relaxes(b, a agreed) bool {
	return a.c == b.c && a.rest == b.rest && b.end <= a.end
}

// covers says whether who accepted a gets what is written under x (spec/kinds.md,
// Agreements): x is a or relaxes it, or one of these is active and follows x.
func (k *book) covers(a, x id.AgrID) bool {
	for b, terms := range k.known {
		if b != a && !k.relaxes(terms, k.known[a]) {
			continue
		}
		if b == x {
			return true
		}
		for up := terms.parent; terms.active && up != (id.AgrID{}); up = k.known[up].parent {
			if up == x {
				return true
			}
		}
	}
	return false
}

// may says whether o may have been sent what act n wrote under agreement x at place at
// of what came to it; at < 0: at any time.
func (k *book) may(o *org, n int, x id.AgrID, at int) bool {
	s := k.said[n]
	if s.readers != nil && !slices.Contains(s.readers, o) {
		return false
	}
	return slices.ContainsFunc(k.yes[o], func(y consent) bool {
		return k.covers(y.agr, x) && (at < 0 || at >= y.from) && (y.until == 0 || n < y.until)
	})
}

// must says whether o is to have what act n wrote under x, in the end.
func (k *book) must(o *org, n int, x id.AgrID) bool {
	s := k.said[n]
	if s.readers != nil && !slices.Contains(s.readers, o) {
		return false
	}
	return slices.ContainsFunc(k.yes[o], func(y consent) bool { return k.covers(y.agr, x) && y.until == 0 })
}
