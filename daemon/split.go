package daemon

import (
	"context"
	"net/http"
	"slices"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// split answers POST /cases/{case}/split: a child under the terms in force. Like merge it
// does what is missing; a child with the same title is the same child.
func (s *service) split(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.Split
	report, err := readUpload(r, s.home.path("tmp"), &q)
	if err != nil {
		return nil, err
	}
	defer report.close()
	if q.Title == "" {
		return nil, invalid("a case needs a title")
	}
	subject := file(protocol.Subject, id.Everyone, report, q.File, q.Media)
	subject.head.Title = q.Title
	if err := checkHead(subject.head); err != nil {
		return nil, err // before the genesis is written
	}
	s.splitting.Lock() // two that ask the same get one child
	defer s.splitting.Unlock()
	child, _ := s.begun(c, q.Title)
	with, terms, err := s.planSplit(c, child, q.With)
	if err != nil {
		return nil, s.elsewhere(c, err)
	}
	ctx := context.WithoutCancel(r.Context())
	child, err = s.childOf(ctx, c, child, subject, terms)
	if err != nil {
		return nil, err
	}
	if err := s.linkFamily(ctx, c, child); err != nil {
		return nil, err
	}
	out := &api.Written{Schema: writtenSchema, Case: &child, ID: child.String(), To: []id.OrgID{}}
	for _, p := range with {
		m := s.moved(child, p)
		if s.bring(child, &m); m.State == "invited" {
			out.To = append(out.To, p.Org)
		} else if m.Why != nil && !s.in(child, p.Org) {
			out.Warnings = append(out.Warnings, api.Warning{Text: p.Name + " was not invited: " + m.Why.Text, Try: m.Why.Try})
		}
	}
	return out, s.splits.delete(child[:])
}

// in says whether an organisation is a member of a case.
func (s *service) in(c id.CaseID, o id.OrgID) (in bool) {
	_ = s.cases.With(c, func(k *protocol.Case) error {
		in = k.Member(o)
		return nil
	})
	return in
}

// planSplit is whom a split brings into the child, which may have been begun, and its terms.
func (s *service) planSplit(c, child id.CaseID, names []string) (with []protocol.Participant, a protocol.Agreement, err error) {
	if err := s.mayDecide(); err != nil {
		return nil, a, err
	}
	var orgs []id.OrgID
	for _, n := range names {
		o, err := s.findMember(c, n)
		if err != nil {
			return nil, a, err
		}
		orgs = append(orgs, o)
	}
	err = s.cases.With(c, func(k *protocol.Case) error {
		if _, gone := k.MergedInto(); gone {
			return errMergedAway
		}
		for _, p := range k.Participants() {
			if p.Admitted && p.Org != s.org.ID && slices.Contains(orgs, p.Org) {
				with = append(with, p)
			}
		}
		for _, o := range orgs {
			if o != s.org.ID && !k.Member(o) {
				return &api.Error{Kind: api.Refused, Rule: "not-a-member", Text: "only members of the case can be brought into its child", Try: "cordon case show CASE"}
			}
		}
		a = s.carriedOver(k)
		return s.mayLink(k, child)
	})
	return with, a, err
}

// carriedOver are the terms of a child: those in force, with their text and their end, where it
// lies ahead.
func (s *service) carriedOver(k *protocol.Case) protocol.Agreement {
	e := k.Embargo()
	a, r, _ := k.Agreement(e.Agreement)
	now := s.ms()
	r.Parent, r.AnswerBy, r.Start, r.End = nil, nil, now, nil
	if (e.State == protocol.EMActive || e.State == protocol.EMRevise) && e.End > now {
		r.End = &e.End
	}
	return protocol.NewAgreement(r, a.Text)
}

// childOf is the child of c with the subject's title: the one that was begun, else a new one.
func (s *service) childOf(ctx context.Context, c, child id.CaseID, subject content, terms protocol.Agreement) (id.CaseID, error) {
	var err error
	if child == (id.CaseID{}) {
		if child, err = s.beget(ctx, c, terms); err != nil {
			return child, err
		}
	}
	if _, ok, err := s.subject(child); ok || err != nil {
		return child, err
	}
	if row, ok, err := s.minima.get(c[:]); err != nil || ok {
		if err == nil {
			err = s.minima.put(child[:], row)
		}
		if err != nil {
			return child, err
		}
	}
	_, err = s.writeContent(ctx, child, subject)
	return child, err
}

// beget opens a child of c. Its id is noted first: whatever is cut short from here on is
// named by unfinished, and done by the same request once more.
func (s *service) beget(ctx context.Context, c id.CaseID, terms protocol.Agreement) (child id.CaseID, err error) {
	f, err := s.genesis(terms)
	if err != nil {
		return child, err
	}
	e, err := f.Seal(s.keys.sign)
	if err != nil {
		return child, err
	}
	child = e.CaseID()
	if err := s.splits.put(child[:], splitRow{c}); err != nil {
		return child, err
	}
	return s.foundBy(ctx, f) // Commit point: the child is there, and known for one
}

// splitRow is a split that is not finished. Its key is the child.
type splitRow struct {
	Parent id.CaseID `json:"parent"`
}

// unfinished says what to do about a child whose split was cut short; nil: it was not.
func (s *service) unfinished(c id.CaseID) *api.Warning {
	row, ok, err := s.splits.get(c[:])
	if err != nil || !ok {
		return nil
	}
	title := "the title that it was to have"
	if t := s.title(c); t != "" {
		title = "its title"
	}
	return &api.Warning{Text: "split off, and not finished: do it again, with " + title,
		Try: "cordon case split " + row.Parent.String()[:short] + " --title TITLE --with ORG"}
}

// begun finds the child of c with a title that we have opened, or one that was left without.
func (s *service) begun(c id.CaseID, title string) (id.CaseID, bool) {
	for _, x := range s.led.Cases() {
		row, ours, _ := s.splits.get(x[:])
		ours = ours && row.Parent == c
		_ = s.cases.With(x, func(k *protocol.Case) error {
			o, _ := k.Opener()
			ours = ours || o == s.org.ID && slices.ContainsFunc(k.Links(), func(l protocol.Link) bool {
				return l.Relation == protocol.SplitFrom && l.Pair == protocol.PairOf(x, c)
			})
			return nil
		})
		if !ours {
			continue
		}
		if t := s.title(x); t == title || t == "" {
			return x, true
		}
	}
	return id.CaseID{}, false
}

// linkFamily links a child with its parent, and with the other children of which we are a steward.
func (s *service) linkFamily(ctx context.Context, c, child id.CaseID) error {
	if err := s.linkBoth(ctx, c, child, protocol.SplitFrom, protocol.SplitOff); err != nil {
		return err
	}
	others, err := s.linkedTo(c)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o.Relation != protocol.SplitOff || o.id == child || !s.leads(o.id) {
			continue
		}
		if err := s.linkBoth(ctx, o.id, child, protocol.Sibling, protocol.Sibling); err != nil {
			return err
		}
	}
	return nil
}

// leads says whether we are a steward of a case.
func (s *service) leads(c id.CaseID) (leads bool) {
	_ = s.cases.With(c, func(k *protocol.Case) error {
		leads = slices.Contains(k.Stewards(), s.org.ID)
		return nil
	})
	return leads
}
