package daemon

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// linkedRow names the linked cases of a case that are here: where a daemon begins again.
type linkedRow struct {
	Others []id.CaseID `json:"others"`
}

// otherCase is a linked case that is here.
type otherCase struct {
	protocol.Link
	id id.CaseID
}

// linkedTo finds those of a case's linked cases that are here, each once.
func (s *service) linkedTo(c id.CaseID) (out []otherCase, err error) {
	err = s.cases.With(c, func(k *protocol.Case) error {
		links := k.Links()
		for _, l := range slices.CompactFunc(links, func(a, b protocol.Link) bool { return a.Pair == b.Pair }) {
			if x, ok := s.caseOf(c, l.Pair); ok {
				out = append(out, otherCase{l, x})
			}
		}
		return nil
	})
	return out, err
}

// caseOf tries all cases that are here for the one that a case names by a pair.
func (s *service) caseOf(c id.CaseID, pair id.Pair) (x id.CaseID, ok bool) {
	for _, x := range s.led.Cases() {
		if x != c && protocol.PairOf(c, x) == pair {
			return x, true
		}
	}
	return x, false
}

// nameLinks adds to what a case says of others which of ours they are. It reads those: no
// case may be held.
func (s *service) nameLinks(c id.CaseID, links []api.Link) {
	for i := range links {
		if x, ok := s.caseOf(c, links[i].Pair); ok {
			links[i].Case, links[i].Heading, links[i].Told = &x, s.heading(x), s.leads(x)
		}
	}
}

// showLinks are what a case says of others, in the words of the local API.
func showLinks(k *protocol.Case) []api.Link {
	out := []api.Link{}
	for _, l := range k.Links() {
		if n := len(out); n > 0 && out[n-1].Pair == l.Pair {
			continue // said at the same time by another: the earliest end counts
		}
		out = append(out, api.Link{Pair: l.Pair, Relation: l.Relation.String(), Until: msEnd(l.Until), By: l.By})
	}
	return out
}

// elsewhere adds to a refusal in a case that goes on in another where that is.
func (s *service) elsewhere(c id.CaseID, err error) error {
	if r, ok := errors.AsType[*protocol.Refusal](err); !ok || r.Rule != "merged-away" {
		return err
	}
	e := apiError(err)
	_ = s.cases.With(c, func(k *protocol.Case) error {
		pair, _ := k.MergedInto()
		if x, ok := s.caseOf(c, pair); ok {
			e.Try = "in the case that it goes on in: cordon case show " + x.String()[:short]
		}
		return nil
	})
	return e
}

// ends are what a linked case is told of the embargo of a case.
type ends struct {
	until uint64   // in force; 0: none
	open  []uint64 // proposed: a sibling may have been told of one before
	over  bool     // before its end
}

// toTell is what c tells the case that it names by a pair; ok is false where we are no
// steward of it.
func (s *service) toTell(k *protocol.Case, pair id.Pair) (e ends, ok bool) {
	if !slices.Contains(k.Stewards(), s.org.ID) || halted(k) != nil {
		return e, false
	}
	m := k.Embargo()
	e.until, e.over = k.EndBeside(pair), m.State == protocol.EMExited
	for _, o := range m.Open {
		e.open = append(e.open, o.End)
	}
	return e, true
}

// word is the end to be said where was was said before.
func (e ends) word(was, now uint64, relation protocol.Relation) uint64 {
	switch {
	case e.over && (was == 0 || was > now):
		return now
	case e.over, relation >= protocol.SplitOff && slices.Contains(e.open, was):
		return was
	}
	return e.until
}

// tellLinked says in the linked cases of c of which we are a steward, as of c, when c's
// embargo ends, where they have it otherwise. Nothing is said twice.
func (s *service) tellLinked(ctx context.Context, c id.CaseID) error {
	if s.mayDecide() != nil || s.mayWrite() != nil {
		return nil
	}
	s.noticing.Lock()
	defer s.noticing.Unlock()
	others, err := s.linkedTo(c)
	for _, o := range others {
		var e ends
		ok := false
		wrong := s.cases.With(c, func(k *protocol.Case) error {
			e, ok = s.toTell(k, o.Pair)
			return nil
		})
		if ok && wrong == nil {
			wrong = s.relate(ctx, o.id, c, 0, e.word)
		}
		err = errors.Join(err, wrong)
	}
	return err
}

// endOf says what was said of an end, our clock and what the other case is; it returns what
// is to be said.
type endOf func(was, now uint64, relation protocol.Relation) uint64

// relate says in case x what case c is to it: a relation, 0 for the one that is said
// already, and until when its embargo runs. Where that is said it writes nothing, so that what was
// interrupted can be done again.
func (s *service) relate(ctx context.Context, x, c id.CaseID, relation protocol.Relation, until endOf) error {
	m := &protocol.CaseLink{Pair: protocol.PairOf(x, c)}
	said := errors.New("said")
	_, err := s.write(ctx, x, func(k *protocol.Case) (act, error) {
		links := k.Links()
		at := slices.IndexFunc(links, func(l protocol.Link) bool { return l.Pair == m.Pair && (relation == 0 || l.Relation == relation) })
		if relation == 0 && (at < 0 || !slices.Contains(k.Stewards(), s.org.ID)) {
			return act{}, said
		}
		was := protocol.Link{Relation: relation}
		if at >= 0 {
			was = links[at]
		}
		m.Relation, m.Until = was.Relation, until(was.Until, s.ms(), was.Relation)
		if at >= 0 && m.Until == was.Until {
			return act{}, said
		}
		return asSteward(m)(k)
	})
	if errors.Is(err, said) || relation == 0 && tolerable(err) == nil {
		return nil
	}
	return err
}

// tellFirst tells the children, parent and siblings of a case of an earlier end before it is
// proposed, as far as we are a steward of them. The caller holds noticing until it is: else
// they would be told in between that nothing has changed.
func (s *service) tellFirst(ctx context.Context, c id.CaseID, end uint64) error {
	others, err := s.linkedTo(c)
	for _, o := range others {
		if o.Relation >= protocol.SplitOff {
			err = errors.Join(err, s.relate(ctx, o.id, c, 0, func(was, now uint64, _ protocol.Relation) uint64 { return end }))
		}
	}
	return err
}

// noteLinked keeps which cases are linked to c, for after a restart.
func (s *service) noteLinked(c id.CaseID) error {
	others, err := s.linkedTo(c)
	if err != nil || len(others) == 0 {
		return err
	}
	row := linkedRow{}
	for _, o := range others {
		row.Others = append(row.Others, o.id)
	}
	slices.SortFunc(row.Others, func(a, b id.CaseID) int { return cmp.Compare(a.String(), b.String()) })
	was, _, err := s.linked.get(c[:])
	if err != nil || slices.Equal(was.Others, row.Others) {
		return err
	}
	return s.linked.put(c[:], row)
}
