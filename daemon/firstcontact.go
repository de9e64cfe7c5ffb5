package daemon

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"cordon/daemon/api"
	"cordon/daemon/domain"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// vouchLasts is how long our word for an organisation counts.
const vouchLasts = 365 * 24 * time.Hour

// readPeer reads which pinned organisation a request is about, and the request.
func (s *service) readPeer(r *http.Request) (id.OrgID, api.Act, error) {
	var a api.Act
	org, err := s.findOrg(r.PathValue("org"))
	if err != nil {
		return org, a, err
	}
	if _, ok := s.dir.pinned(org); !ok {
		return org, a, errNotPinned
	}
	return org, a, readJSON(r.Body, &a)
}

// peer is one organisation of the directory, alone.
func (s *service) peer(org id.OrgID) (*api.PeerRow, error) {
	for _, row := range s.dir.list(s.links()) {
		if row.Org == org {
			row.Schema = "cordon.peer/1"
			return &row, nil
		}
	}
	return nil, errNothing
}

// getPeer answers GET /peers/{org}.
func (s *service) getPeer(r *http.Request) (any, error) {
	org, err := s.findOrg(r.PathValue("org"))
	if err != nil {
		return nil, err
	}
	row, err := s.peer(org)
	return or(row, err, seePeers)
}

// compareWords answers POST /peers/{org}/words. How many words differ is all that is
// told: who has none of them cannot find them out here.
func (s *service) compareWords(r *http.Request) (any, error) {
	org, a, err := s.readPeer(r)
	if err != nil {
		return nil, err
	}
	want, said := identity.Words(org), strings.Fields(strings.ToLower(a.Text))
	if len(said) != len(want) {
		return nil, invalid("an organisation has %d words, these are %d", len(want), len(said))
	}
	differ := 0
	for i, w := range want {
		if said[i] != w {
			differ++
		}
	}
	if differ > 0 {
		return nil, &api.Error{Kind: api.Refused, Rule: "words-differ", Text: fmt.Sprintf("%d of the %d words differ: nothing was changed", differ, len(want)),
			Try: "let them read the words of their own daemon once more: cordon status"}
	}
	if err := s.dir.speak(org, func(c *contact) { c.Words, c.Anew = s.now(), false }); err != nil {
		return nil, err
	}
	return s.peer(org)
}

// checkDomain answers POST /peers/{org}/check.
func (s *service) checkDomain(r *http.Request) (any, error) {
	org, a, err := s.readPeer(r)
	if err != nil {
		return nil, err
	}
	chain, ok := s.dir.org(org)
	if !ok {
		return nil, errNotPinned
	}
	names := chain.Domains
	switch {
	case len(names) == 0:
		return nil, &api.Error{Kind: api.Refused, Rule: "no-domain", Text: "the organisation names no domain as its own: there is nothing to ask",
			Try: "compare the words instead: cordon peer verify ORG WORD…"}
	case a.What != "" && !slices.Contains(names, a.What):
		return nil, &api.Error{Kind: api.Refused, Rule: "no-domain", Text: "that is no domain that the organisation names as its own", Try: "cordon peer show ORG"}
	case a.What != "":
		names = []string{a.What}
	}
	out := &api.Check{Schema: "cordon.check/1", Looks: []api.Look{}}
	for _, name := range names {
		looks := s.ways.Check(r.Context(), name, org, s.now())
		if err := r.Context().Err(); err != nil {
			return nil, err // who asked has gone: it is no answer of the domain
		}
		if err := s.dir.speak(org, func(c *contact) { c.asked(name, looks, s.now()) }); err != nil {
			return nil, err
		}
		for _, l := range looks {
			out.Looks = append(out.Looks, api.Look{Domain: name, Way: l.Way, Where: l.Where, Want: l.Want, Fault: l.Fault})
		}
		if out.Confirmed = domain.Confirms(looks); out.Confirmed {
			break
		}
	}
	row, err := s.peer(org)
	if err != nil {
		return nil, err
	}
	out.Peer = *row
	return out, nil
}

// vouch answers POST /peers/{org}/vouch: our word for whom we have verified.
func (s *service) vouch(w http.ResponseWriter, r *http.Request) error {
	org, _, err := s.readPeer(r)
	if err != nil {
		return err
	}
	row, err := s.peer(org)
	if err != nil {
		return err
	}
	if row.Contact != identity.TrustVerified.String() {
		return &api.Error{Kind: api.Refused, Rule: "not-verified", Text: "you vouch only for whom you have verified yourself",
			Try: fmt.Sprintf("compare the words by telephone: cordon peer verify %.12s WORD…", org)}
	}
	if err := s.certified(); err != nil {
		return err
	}
	now := s.now()
	raw, err := identity.SealVouch(s.keys.sign, identity.Vouch{Voucher: s.org.ID, Org: org, Name: row.Name,
		T: uint64(now.UnixMilli()), Until: uint64(now.Add(vouchLasts).UnixMilli())})
	if err == nil {
		_, err = identity.OpenVouch(raw, s.org)
	}
	if err != nil {
		return fmt.Errorf("vouch: %w", err)
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(identity.ArmourVouch(raw)) // an error here: the caller has gone
	return nil
}
