package daemon

import (
	"net/http"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/cose"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// expiresSoon is how long before its end a certificate is to be renewed.
const expiresSoon = 30 * 24 * time.Hour

// getKeys answers GET /keys.
func (s *service) getKeys(*http.Request) (any, error) {
	root, next := cose.Thumbprint(s.org.Root()), id.Kid(s.org.NextRoot())
	k := &api.Keys{Schema: "cordon.keys/1", Org: s.org.ID, Name: s.org.Name, Fingerprint: words(s.org.ID), Root: root.String(),
		NextRoot: next.String(), Events: len(s.org.Events), Cases: []api.KeyCase{}}
	for _, d := range s.org.Daemons() {
		k.Daemons = append(k.Daemons, s.keyRow(d))
	}
	for i, e := range s.org.History() {
		k.History = append(k.History, api.Event{N: i + 1, Says: e.Says, Words: words(id.OrgID(e.ID))})
	}
	s.keyState(k)
	if !k.Fresh {
		return k, nil
	}
	if err := s.compare(k); err != nil {
		return nil, err
	}
	k.Try = "cordon key renew"
	switch {
	case k.State == "revoked": // nobody talks to it until then
		k.Try += ", if this daemon is to go on with new keys"
	case !k.Level:
		k.Try = "wait until no case is listed as behind, or nobody is left who could help; then: " + k.Try
	}
	return k, nil
}

func (s *service) keyRow(d identity.Daemon) api.KeyRow {
	row := api.KeyRow{Kid: d.Kid, This: d.Kid == s.kid, NotAfter: time.Unix(int64(d.NotAfter), 0).UTC(), State: "certified"}
	for _, c := range d.Caps {
		row.Caps = append(row.Caps, c.String())
	}
	switch {
	case d.Revoked:
		row.State, row.Why = "revoked", d.Reason.String()
	case !d.InForce(uint64(s.now().Unix())):
		row.State = "expired"
	}
	return row
}

// compare finds our cases of which no connected member has told that it has nothing
// beyond what is here.
func (s *service) compare(k *api.Keys) error {
	k.Level = true
	for _, c := range s.led.Cases() {
		level, err := s.level(c)
		if err != nil {
			return err
		}
		if !level {
			k.Level = false
			k.Cases = append(k.Cases, api.KeyCase{Case: c, Heading: s.heading(c)})
		}
	}
	return nil
}

// level says whether a case was compared with a connected member that has nothing
// beyond what is here, or has no member but us and nobody knows more of it: an old copy
// may be from before an admission.
func (s *service) level(c id.CaseID) (bool, error) {
	alone := true
	err := s.cases.With(c, func(k *protocol.Case) error {
		for _, p := range k.Participants() {
			alone = alone && (p.Org == s.org.ID || !p.Admitted)
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if alone {
		return s.nobodyKnowsMore(c)
	}
	orgs, err := s.net.Level(c)
	return len(orgs) > 0, err
}

// nobodyKnowsMore says whether all organisations that we could connect to are connected,
// and none of them that knows the case has more of it. With none to ask an old copy
// remains in doubt.
func (s *service) nobodyKnowsMore(c id.CaseID) (bool, error) {
	asked, level, err := s.net.Asked(c)
	if err != nil || !level {
		return false, err
	}
	targets := s.dir.Targets()
	for _, t := range targets {
		if !asked[t.Org] {
			return false, nil
		}
	}
	_, elsewhere := s.led.OwnFork()
	return len(targets) > 0 || !elsewhere && !s.led.Restored(), nil
}

// keyState says whether this daemon may write, and what to do where not.
func (s *service) keyState(k *api.Keys) {
	d, _ := s.org.Daemon(s.kid)
	_, elsewhere := s.led.OwnFork()
	now := s.now()
	until := time.Unix(int64(d.NotAfter), 0)
	switch {
	case d.Revoked:
		k.State, k.Fresh = "revoked", true
		k.Text = "this daemon's key is revoked (" + d.Reason.String() + "): it reads, and writes nothing"
	case elsewhere:
		k.State, k.Fresh = "used-elsewhere", true
		k.Text = "somebody else has signed with this daemon's key: another copy of this home runs, or this one is a copy from before"
	case s.led.Restored():
		k.State, k.Fresh = "restored", true
		k.Text = "the store is older than this daemon's key or its last start: it was restored from a backup, or the disk lost writes"
	case !d.InForce(uint64(now.Unix())):
		k.State, k.Try = "expired", "check the clock; then: cordon key renew"
		k.Text = "the certificate of this daemon has ended, or begins later by this clock: nothing is written, and peers do not talk to it"
	case until.Sub(now) < expiresSoon:
		k.State, k.Try = "expiring", "cordon key renew"
		k.Text = "the certificate of this daemon ends soon; afterwards it writes nothing, and peers do not talk to it"
	default:
		k.State, k.Text = "ok", "this daemon writes"
		return
	}
}

// reloadKeys answers POST /keys/reload.
func (s *service) reloadKeys(*http.Request) (any, error) {
	s.reload()
	return &api.Written{Schema: writtenSchema}, nil
}
