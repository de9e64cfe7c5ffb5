package daemon

import (
	"errors"
	"net/http"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// getStatus answers GET /status.
func (s *service) getStatus(*http.Request) (any, error) {
	inbox, err := s.inv.list()
	if err != nil {
		return nil, err
	}
	releases, err := s.notices()
	if err != nil {
		return nil, err
	}
	cert, _ := s.org.Daemon(s.kid)
	stopped := ""
	if err := s.mayWrite(); err != nil {
		stopped = err.Error()
	}
	return &api.Status{
		Schema: "cordon.status/1", Org: s.org.ID, Name: s.org.Name, Role: s.cfg.Role, Fingerprint: words(s.org.ID),
		Kid: s.kid, CertUntil: time.Unix(int64(cert.NotAfter), 0).UTC(), Stopped: stopped,
		Listen: append([]string{}, s.net.Addrs()...), Relays: s.relays(), Peers: s.dir.list(s.links()),
		Cases: len(s.led.Cases()), Inbox: len(inbox), Releases: releases, Full: s.full(),
	}, nil
}

// full lists who has filled its room in a case.
func (s *service) full() (rows []api.FullRow) {
	for _, f := range s.net.Full() {
		row := api.FullRow{Org: f.Org, Name: "nobody", Case: f.Case, Bytes: f.Bytes, Room: s.cfg.room()}
		_ = s.cases.With(f.Case, func(k *protocol.Case) error { // a damaged case does not hide the others
			if o, ok := k.Org(f.Org); ok {
				row.Name = o.Name
			}
			return nil
		})
		rows = append(rows, row)
	}
	return rows
}

// relays are those that we named, and whether we have a place there.
func (s *service) relays() (rows []api.RelayRow) {
	faults := s.net.Relays()
	for _, a := range s.cfg.Relays {
		rows = append(rows, api.RelayRow{Addr: a, Fault: faults[a]})
	}
	return rows
}

// standing is how we stand with the daemons of an organisation.
type standing struct {
	connected bool
	fault     *api.Fault // the last
}

// links are how we stand with everybody.
func (s *service) links() map[id.OrgID]standing {
	out := map[id.OrgID]standing{}
	for _, p := range s.net.Status() {
		l := out[p.Org]
		l.connected = l.connected || p.Connected
		if f := p.Fault; f.Rule != "" && (l.fault == nil || f.At.After(l.fault.At)) {
			l.fault = &api.Fault{Rule: f.Rule, At: f.At.UTC(), Times: f.Times}
			if until := f.Until.UTC(); f.Until.After(s.now()) {
				l.fault.Until = &until
			}
		}
		out[p.Org] = l
	}
	return out
}

// getCard answers GET /card.
func (s *service) getCard(w http.ResponseWriter, _ *http.Request) error {
	raw, err := s.self.raw()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(identity.Armour(raw)) // an error here: the caller has gone
	return nil
}

// getPeers answers GET /peers.
func (s *service) getPeers(*http.Request) (any, error) {
	return &api.Peers{Schema: "cordon.peers/1", Peers: s.dir.list(s.links())}, nil
}

// addPeer answers POST /peers: it pins a card, or takes a vouch. With
// choose a person follows the card's history, of two that were seen.
func (s *service) addPeer(r *http.Request) (any, error) {
	text, err := readUpTo(r.Body, maxRequest)
	if err != nil {
		return nil, err
	}
	if vouch, err := identity.UnarmourVouch(text); err == nil {
		org, err := s.dir.take(vouch)
		if err != nil {
			return nil, err
		}
		return s.peer(org)
	}
	raw, err := identity.Unarmour(text)
	if err != nil {
		return nil, &api.Error{Kind: api.Invalid, Rule: rule(err), Text: "this is not exactly one armoured card or vouch", Try: "give the output of: cordon card"}
	}
	card, err := identity.OpenCard(raw)
	if err != nil {
		return nil, &api.Error{Kind: api.Invalid, Rule: rule(err), Text: "the card does not verify: " + err.Error(), Try: "ask for it again; it may have been altered on its way"}
	}
	if card.Org.ID == s.org.ID {
		return s.addSibling(card)
	}
	pin := s.dir.pin
	if r.URL.Query().Get("choose") != "" {
		pin = s.dir.choose
	}
	if err := pin(card); err != nil {
		return nil, err
	}
	return s.peer(card.Org.ID)
}

// rule is the stable name at the bottom of an error of the pure packages.
func rule(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// getInbox answers GET /inbox.
func (s *service) getInbox(*http.Request) (any, error) {
	items, err := s.inv.list()
	if err != nil {
		return nil, err
	}
	return &api.Inbox{Schema: "cordon.inbox/1", Items: items}, nil
}

// acceptInvite answers POST /inbox/{id}/accept.
func (s *service) acceptInvite(r *http.Request) (any, error) {
	var q api.Accept
	if err := readJSON(r.Body, &q); err != nil {
		return nil, err
	}
	x, err := s.inv.accept(r.PathValue("id"), q.TakeErased)
	if err != nil {
		return nil, err
	}
	return &api.Written{Schema: writtenSchema, ID: x.String()}, nil
}

// declineInvite answers POST /inbox/{id}/decline.
func (s *service) declineInvite(r *http.Request) (any, error) {
	x, err := s.inv.decline(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return &api.Written{Schema: writtenSchema, ID: x.String()}, nil
}

const writtenSchema = "cordon.written/1"
