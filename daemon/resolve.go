package daemon

import (
	"errors"
	"strings"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// minPrefix is the shortest prefix of an id that names something.
const minPrefix = 8

// prefixOf says whether name is the id, or a prefix long enough to mean it.
func prefixOf(name, full string) bool {
	return len(name) >= minPrefix && strings.HasPrefix(full, name)
}

// named is something that a person may name.
type named[T any] struct {
	it   T
	id   string
	name string // may be "": not known yet
}

// pick finds what word means: an id or prefix of one, else exactly a name, else
// the only name that begins with it whatever the case of its letters.
func pick[T any](word string, all []named[T]) (T, error) {
	var none T
	for _, is := range []func(named[T]) bool{
		func(n named[T]) bool { return prefixOf(word, n.id) },
		func(n named[T]) bool { return n.name == word },
		func(n named[T]) bool {
			return n.name != "" && strings.HasPrefix(strings.ToLower(n.name), strings.ToLower(word))
		},
	} {
		var found []T
		for _, n := range all {
			if is(n) {
				found = append(found, n.it)
			}
		}
		switch {
		case len(found) == 1 && word != "":
			return found[0], nil
		case len(found) > 1:
			return none, &api.Error{Kind: api.Invalid, Text: "the name means more than one", Try: "use more of it, or the id"}
		}
	}
	return none, errNothing
}

// or gives an answer that knows of nothing the line where to look. It depends on
// what was looked for, never on what there is.
func or[T any](it T, err error, try string) (T, error) {
	if !errors.Is(err, errNothing) {
		return it, err
	}
	e := *errNothing
	e.Try = try
	return it, &e
}

// seeCases and seePeers are where names can be looked up.
const (
	seeCases = "cordon case list; an id takes 8 of its digits or more"
	seePeers = "cordon peer list; an id takes 8 of its digits or more"
	// seeMembers is where an organisation of a case can be looked up.
	seeMembers = "cordon case show CASE; an id takes 8 of its digits or more"
)

// findCase is the case that a word means: an id, a prefix, or its title.
func (s *service) findCase(word string) (id.CaseID, error) {
	if c, err := id.Parse[id.CaseID](word); err == nil {
		if !s.led.Has(c) {
			return or(c, errNothing, seeCases)
		}
		return c, nil
	}
	var all []named[id.CaseID]
	for _, c := range s.led.Cases() {
		all = append(all, named[id.CaseID]{it: c, id: c.String(), name: s.title(c)})
	}
	c, err := pick(word, all)
	return or(c, err, seeCases)
}

// findOrg is the organisation that a word means, among ours and those in the directory.
func (s *service) findOrg(word string) (id.OrgID, error) {
	o, err := s.pickOrg(word, nil)
	return or(o, err, seePeers)
}

// pickOrg is findOrg among those given beside, too, without the hint.
func (s *service) pickOrg(word string, beside map[id.OrgID]string) (id.OrgID, error) {
	all := []named[id.OrgID]{{it: s.org.ID, id: s.org.ID.String(), name: s.org.Name}}
	for _, row := range s.dir.list(nil) {
		all = append(all, named[id.OrgID]{it: row.Org, id: row.Org.String(), name: row.Name})
		delete(beside, row.Org)
	}
	for o, name := range beside {
		if o != s.org.ID {
			all = append(all, named[id.OrgID]{it: o, id: o.String(), name: name})
		}
	}
	return pick(word, all)
}

// findEntry is the entry of a case that a word means, of one type or of any (0).
func (s *service) findEntry(c id.CaseID, word string, typ entry.Type) (ledger.Entry, error) {
	if x, err := id.Parse[id.EntryID](word); err == nil {
		e, err := s.led.Entry(c, x)
		if err == nil && typ != 0 && e.Type != typ {
			return ledger.Entry{}, errNothing
		}
		return e, err
	}
	var all []named[ledger.Entry]
	err := s.each(c, 0, func(e ledger.Entry) error {
		if typ == 0 || e.Type == typ {
			all = append(all, named[ledger.Entry]{it: e, id: e.ID.String()})
		}
		return nil
	})
	if err != nil {
		return ledger.Entry{}, err
	}
	return pick(word, all)
}

// page is how many entries are held at once where a case is walked through.
const page = 256

// each yields the entries of a case that arrived after pos, in order of arrival.
func (s *service) each(c id.CaseID, after ledger.Pos, yield func(ledger.Entry) error) error {
	for {
		entries, err := s.led.Tail(c, after, page)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := yield(e); err != nil {
				return err
			}
			after = e.Pos
		}
		if len(entries) < page {
			return nil
		}
	}
}
