package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// terms is the text of the agreement of every case that we open; its end and
// its structured terms stand in the record beside it.
const terms = `Embargo agreement.

Who signs this may receive the case and all that is written in it. Until
the embargo ends, it shares them only with the organisations admitted to
the case and with those of its own people and suppliers who need them to
prepare a fix and are bound in the same way; it publishes nothing about
them; and it uses them only to remedy the vulnerability. The embargo ends
at the time named beside this text, or before, when the vulnerability is
public, an exploit is out or attacks are seen and the case says so. Who
leaves or is removed stays bound for what it has received. The end of the
embargo obliges nobody to publish.
`

// openCase answers POST /cases: the genesis, then the subject with the report.
func (s *service) openCase(r *http.Request) (any, error) {
	var q api.OpenCase
	report, err := readUpload(r, s.home.path("tmp"), &q)
	if err != nil {
		return nil, err
	}
	defer report.close()
	if q.Title == "" {
		return nil, invalid("a case needs a title")
	}
	if q.Contact != "" {
		if _, err := parseContact(q.Contact); err != nil {
			return nil, err
		}
	}
	now := s.now()
	if q.EmbargoUntil.IsZero() {
		q.EmbargoUntil = now.Add(s.cfg.Policy.days()).UTC().Truncate(time.Second)
	}
	if !q.EmbargoUntil.After(now) {
		return nil, &api.Error{Kind: api.Refused, Rule: "end-in-past", Text: "the embargo would end in the past", Try: "give an end that lies ahead"}
	}
	subject := file(protocol.Subject, id.Everyone, report, q.File, q.Media)
	subject.head.Title = q.Title
	if err := checkHead(subject.head); err != nil {
		return nil, err // before the genesis is written
	}
	until := uint64(q.EmbargoUntil.UnixMilli())
	c, err := s.found(r.Context(), protocol.NewAgreement(protocol.Record{
		Start: uint64(now.UnixMilli()), End: &until, Terms: protocol.DefaultTerms(),
	}, terms))
	if err != nil {
		return nil, err
	}
	if q.Contact != "" {
		if err := s.minima.put(c[:], minimumRow{Contact: q.Contact}); err != nil {
			return nil, err
		}
	}
	e, err := s.writeContent(r.Context(), c, subject)
	return done(c, e, err)
}

// found opens a new case.
func (s *service) found(ctx context.Context, agreement protocol.Agreement) (id.CaseID, error) {
	f, err := s.genesis(agreement)
	if err != nil {
		return id.CaseID{}, err
	}
	return s.foundBy(ctx, f)
}

// genesis makes the genesis of a new case.
func (s *service) genesis(agreement protocol.Agreement) (f entry.Fields, err error) {
	if err := errors.Join(s.certified(), s.mayDecide()); err != nil {
		return f, err
	}
	role, _ := caseRole(s.cfg.Role) // checked when the config was read
	var nonce [32]byte
	_, _ = rand.Read(nonce[:]) // never fails (crypto/rand)
	g := protocol.NewGenesis(nonce, s.org, agreement, role)
	f = entry.Fields{Comp: id.Control, Type: g.Type(), Ctl: protocol.Ctl(g), T: s.ms()}
	return f, protocol.NewCase().May(s.kid, f)
}

// foundBy writes a genesis.
func (s *service) foundBy(ctx context.Context, f entry.Fields) (id.CaseID, error) {
	e, err := s.led.Append(context.WithoutCancel(ctx), f, s.keys.sign)
	if err != nil {
		return id.CaseID{}, fmt.Errorf("open case: %w", err)
	}
	return e.CaseID(), nil
}

// say answers POST /cases/{case}/notes.
func (s *service) say(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.Say
	if err := readJSON(r.Body, &q); err != nil {
		return nil, err
	}
	if q.Text == "" || len(q.Text) > maxText {
		return nil, invalid("a note has 1 to %d bytes of text; attach a file for more", maxText)
	}
	tlp, err := label(q.TLP)
	if err != nil {
		return nil, err
	}
	comp, to, err := s.room(r.Context(), c, q.To)
	if err != nil {
		return nil, err
	}
	x := text(protocol.Note, comp, q.Text)
	x.head.Label = tlp
	e, err := s.writeContent(r.Context(), c, x)
	return placed(c, e, comp, to, err)
}

// attach answers POST /cases/{case}/attachments.
func (s *service) attach(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.Attach
	in, err := readUpload(r, s.home.path("tmp"), &q)
	if err != nil {
		return nil, err
	}
	defer in.close()
	x := file(protocol.Attachment, id.Everyone, in, q.File, q.Media)
	if x.head.Label, err = label(q.TLP); err != nil {
		return nil, err
	}
	if err := checkHead(x.head); err != nil {
		return nil, err
	}
	comp, to, err := s.room(r.Context(), c, q.To)
	if err != nil {
		return nil, err
	}
	x.comp = comp
	e, err := s.writeContent(r.Context(), c, x)
	return placed(c, e, comp, to, err)
}

// placed is the answer to content that may be for a few.
func placed(c id.CaseID, e ledger.Entry, comp id.Comp, to []id.OrgID, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return &api.Written{Schema: writtenSchema, Case: &c, ID: e.ID.String(), Comp: comp.String(), To: to}, nil
}

// allIn refuses readers that are not in the case, also where they were when the
// compartment was opened: nothing would reach them.
func (s *service) allIn(c id.CaseID, readers []id.OrgID) error {
	return s.cases.With(c, func(k *protocol.Case) error {
		for _, o := range readers {
			if o != s.org.ID && !k.Member(o) {
				return &api.Error{Kind: api.Refused, Rule: "reader-not-a-member", Text: "one of those that shall read it is not in the case",
					Try: "cordon case show CASE"}
			}
		}
		return nil
	})
}

// room is the compartment of exactly the named organisations and ourselves: it
// is opened if there is none. Nobody named: everybody in the case.
func (s *service) room(ctx context.Context, c id.CaseID, names []string) (id.Comp, []id.OrgID, error) {
	if len(names) == 0 {
		return id.Everyone, nil, nil
	}
	readers := []id.OrgID{s.org.ID}
	for _, n := range names {
		o, err := s.findMember(c, n)
		if err != nil {
			return id.Comp{}, nil, err
		}
		readers = append(readers, o)
	}
	if err := s.allIn(c, readers); err != nil {
		return id.Comp{}, nil, err
	}
	open := protocol.NewCompartment(readers...)
	// One lock for looking and opening: two callers do not open two.
	unlock := s.locks.lock(c, id.Control)
	defer unlock()
	comp, ok, err := s.compOf(c, open.Readers)
	if err != nil || ok {
		return comp, open.Readers, err
	}
	p, err := s.beginLocked(c, simple(open))
	if err != nil {
		return id.Comp{}, nil, err
	}
	e, err := p.Wait(context.WithoutCancel(ctx))
	return id.Comp(e.ID), open.Readers, err
}
