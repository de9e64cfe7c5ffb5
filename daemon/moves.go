package daemon

import (
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// move is an act that the fold takes from us now.
type move struct {
	command string
	code    string    // of the model's message that it is; "" for none
	about   id.AgrID  // the proposal that it answers, if it does
	due     time.Time // until when that asks for an answer
}

// offer is a message that we could write.
type offer struct {
	move
	say protocol.Message
	as  func(protocol.Message) decide
}

// moves lists what the fold takes from us now: each message that a person may think of is
// judged by the dry run that judges it when it is written.
func (s *service) moves(k *protocol.Case) (out []move) {
	if s.mayWrite() != nil {
		return nil
	}
	for _, o := range slices.Concat(s.pressing(k), s.ownSteps(), s.embargoOffers(k), s.otherOffers(k)) {
		a, err := o.as(o.say)(k)
		if err != nil || k.May(s.kid, entry.Fields{Type: o.say.Type(), Ctl: protocol.Ctl(o.say), Cfg: a.cfg, T: s.ms()}) != nil {
			continue
		}
		o.command = command(o.say)
		out = append(out, o.move)
	}
	if mayInvite(k, s.org.ID, id.OrgID{}, protocol.Observer) == nil && s.mayDecide() == nil {
		out = append(out, move{command: "cordon case invite CASE ORG --role ROLE", code: "RS"})
	}
	agr, ok := k.WritesUnder(s.org.ID)
	if ok && k.May(s.kid, entry.Fields{Comp: id.Everyone, Type: protocol.Note, Agr: &agr, T: s.ms()}) == nil {
		out = append(out, move{command: "cordon say CASE TEXT", code: "GI"})
	}
	return out
}

// pressing are the answers to what somebody claims, and to what is proposed about the stewards.
func (s *service) pressing(k *protocol.Case) (out []offer) {
	for _, c := range k.Claims() {
		if !c.Confirmed && !c.Refuted {
			out = append(out, offer{say: &protocol.Confirm{Claim: c.ID}, as: simple}, offer{say: &protocol.Refute{Claim: c.ID}, as: asSteward})
		}
	}
	proposed := outlookOf(k)
	for _, p := range proposed.ps {
		// The daemons vote on checkpoints by themselves; on what cannot be carried a vote is lost, but where it sets others free.
		if p.Config.After(k.Config()) != "checkpoint" && (proposed.of[p.ID].Open || proposed.setsFree(s.org.ID, p)) {
			out = append(out, offer{say: &protocol.Endorse{Config: p.ID}, as: simple})
		}
	}
	return out
}

// ownSteps are those of our report and fix state.
func (s *service) ownSteps() (out []offer) {
	for i, code := range []string{"RV", "RI", "RA", "RD", "RC"} {
		to := []protocol.RM{protocol.RMValid, protocol.RMInvalid, protocol.RMAccepted, protocol.RMDeferred, protocol.RMClosed}[i]
		out = append(out, offer{move{code: code}, &protocol.Status{RM: to}, simple})
	}
	return append(out,
		offer{move{code: "CF"}, &protocol.Status{Fix: protocol.FixReady}, simple},
		offer{move{code: "CD"}, &protocol.Status{Fix: protocol.FixDeployed}, simple})
}

// embargoOffers are what can be said of the embargo: the terms in force, those proposed, the end.
func (s *service) embargoOffers(k *protocol.Case) (out []offer) {
	e := k.Embargo()
	propose, accept, reject := "EP", "EA", "ER"
	if e.State == protocol.EMActive || e.State == protocol.EMRevise {
		propose, accept, reject = "EV", "EC", "EJ"
	}
	for _, p := range e.Open {
		m := move{about: p.ID}
		if p.AnswerBy > 0 {
			m.due = api.Instant(p.AnswerBy)
		}
		yes, no := m, m
		if !slices.Contains(slices.Concat(p.By, p.Accepted, p.Declined), s.org.ID) { // else it is answered
			yes.code, no.code = accept, reject
		}
		out = append(out, offer{yes, &protocol.EmbargoAccept{Agr: p.ID}, s.asParty}, offer{no, &protocol.EmbargoReject{Agr: p.ID}, simple})
	}
	now := move{about: e.Agreement}
	out = append(out, offer{now, &protocol.EmbargoAccept{Agr: e.Agreement}, s.asParty}, offer{now, &protocol.EmbargoReject{Agr: e.Agreement}, simple})
	if a, err := s.wanted(k, api.ProposeTerms{Until: s.now().Add(s.cfg.Policy.days())}); err == nil {
		out = append(out, offer{move{code: propose}, &protocol.EmbargoPropose{Terms: a}, s.asParty})
	}
	return append(out, offer{move{code: "ET"}, &protocol.EmbargoEnd{}, simple})
}

// otherOffers are what a person thinks of last.
func (s *service) otherOffers(k *protocol.Case) (out []offer) {
	for i, code := range []string{"CP", "CX", "CA"} {
		what := []protocol.What{protocol.Public, protocol.Exploit, protocol.Attack}[i]
		out = append(out, offer{move{code: code}, &protocol.Claim{What: what}, simple})
	}
	for _, p := range k.Participants() {
		if p.Admitted && p.Org != s.org.ID {
			out = append(out, offer{say: &protocol.Remove{Org: p.Org}, as: asSteward})
			break // one stands for all
		}
	}
	return append(out, offer{say: &protocol.Exit{}, as: simple})
}
