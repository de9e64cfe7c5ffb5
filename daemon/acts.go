package daemon

import (
	"net/http"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// readAct reads the case and the request of a short act.
func (s *service) readAct(r *http.Request) (id.CaseID, api.Act, error) {
	var a api.Act
	c, err := s.findCase(r.PathValue("case"))
	if err == nil {
		err = readJSON(r.Body, &a)
	}
	return c, a, err
}

// done is the answer to an act.
func done(c id.CaseID, e ledger.Entry, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return &api.Written{Schema: writtenSchema, Case: &c, ID: e.ID.String()}, nil
}

// setRM answers POST /cases/{case}/rm.
func (s *service) setRM(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	to, err := protocol.ParseRM(a.What)
	if err != nil {
		return nil, invalid("%v", err)
	}
	e, err := s.write(r.Context(), c, simple(&protocol.Status{RM: to}))
	return done(c, e, err)
}

// setFix answers POST /cases/{case}/fix.
func (s *service) setFix(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	to, err := protocol.ParseFix(a.What)
	if err != nil {
		return nil, invalid("%v", err)
	}
	e, err := s.write(r.Context(), c, simple(&protocol.Status{Fix: to}))
	return done(c, e, err)
}

// claim answers POST /cases/{case}/claims: the claim, then its evidence.
func (s *service) claim(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	what, err := protocol.ParseWhat(a.What)
	if err != nil {
		return nil, invalid("%v", err)
	}
	why, err := newReason(a.Text)
	if err != nil {
		return nil, err
	}
	return s.explained(r.Context(), c, why, simple(&protocol.Claim{What: what, Evidence: why.commitment()}))
}

// confirm answers POST /cases/{case}/claims/{id}/confirm.
func (s *service) confirm(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	claim, err := s.findEntry(c, r.PathValue("id"), (*protocol.Claim)(nil).Type())
	if err != nil {
		return nil, err
	}
	e, err := s.write(r.Context(), c, simple(&protocol.Confirm{Claim: claim.ID}))
	return done(c, e, err)
}

// leave answers POST /cases/{case}/embargo/leave. The reason comes first: once
// out, we write nothing more; who reads it finds the exit by its commitment.
func (s *service) leave(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	why, err := newReason(a.Text)
	if err != nil {
		return nil, err
	}
	exit := &protocol.Exit{Reason: why.commitment()}
	err = s.cases.With(c, func(k *protocol.Case) error {
		return k.May(s.kid, entry.Fields{Type: exit.Type(), Ctl: protocol.Ctl(exit), T: s.ms()})
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.writeContent(r.Context(), c, why.content()); err != nil {
		return nil, err
	}
	e, err := s.write(r.Context(), c, simple(exit))
	return done(c, e, err)
}

// remove answers POST /cases/{case}/remove: the removal, then its reason, which
// has the removal in its past and so does not go to who was removed.
func (s *service) remove(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	why, err := newReason(a.Text)
	if err != nil {
		return nil, err
	}
	org, err := s.findMember(c, a.Org)
	if err != nil {
		return nil, err
	}
	return s.explained(r.Context(), c, why, asSteward(&protocol.Remove{Org: org, Reason: why.commitment()}))
}

// findMember is the organisation of a case that a word means. One that is known from
// elsewhere is found too: that it is no member is for the rules to say.
func (s *service) findMember(c id.CaseID, word string) (id.OrgID, error) {
	o, err := s.findKnown(c, word)
	return or(o, err, seeMembers)
}

// findGuest is the organisation that a word means, to be invited to a case: known from
// anywhere.
func (s *service) findGuest(c id.CaseID, word string) (id.OrgID, error) {
	o, err := s.findKnown(c, word)
	return or(o, err, seePeers)
}

// findKnown is the organisation that a word means, those of a case included.
func (s *service) findKnown(c id.CaseID, word string) (id.OrgID, error) {
	beside := map[id.OrgID]string{}
	err := s.cases.With(c, func(k *protocol.Case) error {
		for _, p := range k.Participants() {
			beside[p.Org] = p.Name
		}
		return nil
	})
	if err != nil {
		return id.OrgID{}, err
	}
	return s.pickOrg(word, beside)
}
