package daemon

import (
	"net/http"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// hold answers POST /peers/{org}/hold and, with on false, /resume: whether everything of
// every case is held back from an organisation (gate G0). It counts from the next frame.
func (s *service) hold(on bool) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		org, err := s.findOrg(r.PathValue("org"))
		if err != nil {
			return nil, err
		}
		if org == s.org.ID {
			return nil, &api.Error{Kind: api.Refused, Rule: "own", Text: "this is our own organisation", Try: "to take a daemon of ours out of service: cordon daemon --help"}
		}
		if err := s.dir.setHold(org, on); err != nil {
			return or[any](nil, err, seePeers)
		}
		if !on {
			s.net.Resume(org)
		}
		return s.peer(org)
	}
}

// setHold holds everything back from an organisation, or no more.
func (d *directory) setHold(o id.OrgID, on bool) error {
	d.edit.Lock()
	defer d.edit.Unlock()
	k, ok := d.orgs[o]
	if !ok {
		return errNothing
	}
	if k.hold == on {
		return nil
	}
	n := k.clone()
	n.hold = on
	return d.save(n)
}

// holds says whether everything is held back from an organisation.
func (d *directory) holds(o id.OrgID) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	k, ok := d.orgs[o]
	return ok && k.hold
}
