package daemon

import (
	"cmp"
	"fmt"
	"net/http"

	"cordon/daemon/api"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// minimumRow is what this daemon asks of whom it invites into a case. It is ours:
// the other stewards of the case have their own.
type minimumRow struct {
	Contact string `json:"contact"` // a level
}

// minimum is the level of contact below which this daemon invites nobody into a case.
func (s *service) minimum(c id.CaseID) (identity.Trust, error) {
	row, _, err := s.minima.get(c[:])
	if err != nil {
		return 0, err
	}
	return identity.ParseTrust(cmp.Or(row.Contact, s.cfg.Contact, identity.TrustTOFU.String()))
}

// parseContact reads a level of contact.
func parseContact(name string) (identity.Trust, error) {
	t, err := identity.ParseTrust(name)
	if err != nil {
		return 0, invalid("contact %q: tofu, domain, vouched or verified", name)
	}
	return t, nil
}

// setMinimum answers POST /cases/{case}/contact.
func (s *service) setMinimum(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	t, err := parseContact(a.What)
	if err != nil {
		return nil, err
	}
	if err := s.minima.put(c[:], minimumRow{Contact: t.String()}); err != nil {
		return nil, err
	}
	return &api.Written{Schema: writtenSchema, Case: &c}, nil
}

// sure refuses to let in an organisation that this daemon knows less surely than it
// asks for in this case. It is asked before the invitation, and again before the
// admission: in between the level may have fallen, or the minimum risen.
func (s *service) sure(c id.CaseID, org id.OrgID) error {
	if s.dir.holds(org) {
		return &api.Error{Kind: api.Refused, Rule: "on-hold", Text: "it is on hold here: nothing of any case is sent to it",
			Try: fmt.Sprintf("cordon peer resume %.12s", org)}
	}
	has, ok := s.dir.contact(org)
	if !ok {
		return errNotPinned
	}
	least, err := s.minimum(c)
	if err != nil || has >= least {
		return err
	}
	try := map[identity.Trust]string{
		identity.TrustDomain:   "cordon peer check %.12s",
		identity.TrustVouched:  "two vouches of organisations that you have verified: cordon peer add VOUCH; or: cordon peer verify %.12s WORD…",
		identity.TrustVerified: "compare the words by telephone: cordon peer verify %.12s WORD…",
	}[least]
	return &api.Error{Kind: api.Refused, Rule: "contact-too-low", Text: fmt.Sprintf("your contact with it is %q; into this case you invite from %q on", has, least),
		Try: fmt.Sprintf(try, org)}
}
