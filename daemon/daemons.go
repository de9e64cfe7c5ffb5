package daemon

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// getDaemons answers GET /daemons.
func (s *service) getDaemons(*http.Request) (any, error) {
	l := &api.Daemons{Schema: "cordon.daemons/1", Org: s.org.ID, Name: s.org.Name, Warnings: []api.Warning{}}
	net := map[id.Kid]peer.PeerStatus{}
	for _, p := range s.net.Status() {
		if p.Org == s.org.ID {
			net[p.Kid] = p
		}
	}
	if us, _ := s.org.Daemon(s.kid); !us.Revoked && !us.Can(identity.CapSteward) {
		var err error
		if l.Copied, err = s.copied.show(); err != nil {
			return nil, err
		}
	}
	active := false
	for _, d := range s.org.Daemons() {
		row := s.daemonRow(d, net[d.Kid])
		if row.Role == roleActive && !row.This {
			var err error
			if row.Ahead, err = s.behind(d.Kid); err != nil {
				return nil, err
			}
		}
		if us, _ := s.org.Daemon(s.kid); us.Can(identity.CapSteward) && row.Role == roleStandby && row.Connected {
			var err error
			if row.InStep, err = s.standbyInStep(d.Kid); err != nil {
				return nil, err
			}
		}
		l.Daemons = append(l.Daemons, row)
		active = active || row.Role == roleActive
		if w := s.daemonWarning(row); w != nil {
			l.Warnings = append(l.Warnings, *w)
		}
	}
	if !active {
		l.Warnings = append(l.Warnings, api.Warning{Text: "no daemon of this organisation is active: nobody can open a case, admit or remove",
			Try: "on the machine that is to be active: cordon daemon promote --root FOLDER"})
	}
	return l, nil
}

// What a daemon is among those of its organisation.
const (
	roleActive  = "active"
	roleStandby = "standby"
)

// errStandby says that another daemon of ours decides.
var errStandby = &api.Error{Kind: api.Refused, Rule: "cap-missing", Text: "this daemon is a standby: it reads and writes, and does not decide for the organisation",
	Try: "on the active daemon; which one that is: cordon daemon list"}

// mayDecide refuses what only the active daemon does.
func (s *service) mayDecide() error {
	if us, _ := s.org.Daemon(s.kid); !us.Can(identity.CapSteward) {
		return errStandby
	}
	return nil
}

func roleOf(d identity.Daemon) string {
	if d.Can(identity.CapSteward) {
		return roleActive
	}
	return roleStandby
}

func (s *service) daemonRow(d identity.Daemon, net peer.PeerStatus) api.DaemonRow {
	row := api.DaemonRow{KeyRow: s.keyRow(d), Connected: net.Connected || d.Kid == s.kid, Addrs: []string{}}
	if row.State == "certified" {
		row.Role = roleOf(d)
	}
	known, late := s.dir.sib.get(d.Kid)
	seen := known.Seen
	switch {
	case row.Connected:
		seen = s.now()
	case d.Revoked:
		seen = late
	case net.Since.After(seen):
		seen = net.Since
	}
	if row.This {
		known.Addrs = s.self.current()
	}
	row.Addrs = append(row.Addrs, known.Addrs...)
	if !seen.IsZero() {
		seen = seen.UTC().Truncate(time.Second)
		row.LastSeen = &seen
	}
	return row
}

// behind are the cases in which the active daemon of ours has written what is not
// here, and those that a sibling has begun to bring.
func (s *service) behind(active id.Kid) ([]id.CaseID, error) {
	cases, err := s.net.Ahead(active)
	if err != nil {
		return nil, err
	}
	for _, c := range s.led.Cases() {
		begun := false
		err := s.cases.With(c, func(k *protocol.Case) error {
			_, shown := k.OrgOf(s.kid)
			out := slices.ContainsFunc(k.Participants(), func(p protocol.Participant) bool { return p.Org == s.org.ID && !p.Admitted })
			begun = !shown && !out
			return nil
		})
		if err != nil {
			return nil, err
		}
		if begun && !slices.Contains(cases, c) {
			cases = append(cases, c)
		}
	}
	return cases, nil
}

// unseen says of how many cases this daemon cannot tell whether it has what the others
// have: what a lost daemon decided there, and is not here, falls with its key.
func (s *service) unseen() string {
	k := new(api.Keys)
	if err := s.compare(k); err != nil || len(k.Cases) == 0 {
		return ""
	}
	return fmt.Sprintf("; cases here not compared with a member since: %d", len(k.Cases))
}

// isOut says whether peers talk to this daemon no more, by its own certificate.
func (s *service) isOut() bool {
	d, ok := s.org.Daemon(s.kid)
	return !ok || !d.InForce(uint64(s.now().Unix()))
}

// daemonWarning is what a person should do about a daemon; nil: nothing.
func (s *service) daemonWarning(row api.DaemonRow) *api.Warning {
	w := &api.Warning{Kid: &row.Kid}
	kid := row.Kid.String()[:12]
	switch {
	case row.This:
		k := new(api.Keys)
		if s.keyState(k); k.State == "ok" {
			return nil
		}
		w.Text, w.Try = k.Text, "cordon key status"
	case s.isOut(): // that is why others are not connected
		return nil
	case row.State == "revoked" && row.LastSeen != nil:
		w.Text = kid + " is revoked and runs: whoever has not heard of it takes it for ours"
		w.Try = "stop it; new keys make it a standby: cordon key renew, there"
	case row.State == "revoked" || row.Connected:
		return nil
	case row.State == "expired":
		w.Text, w.Try = "the certificate of "+kid+" has ended: it writes nothing", "cordon key renew, there"
	case len(row.Addrs) == 0:
		was := " is not connected"
		if row.LastSeen == nil {
			was = " was never connected"
		}
		w.Text, w.Try = kid+was+", and nothing says where it is reached", "there: cordon card; here: cordon peer add FILE"
	case row.Role == roleActive && len(row.Ahead) > 0:
		w.Text = fmt.Sprintf("%s, which is active, is not connected, and has written what is not here; cases: %d", kid, len(row.Ahead))
		w.Try = "start it, or wait for a member that has it; if both are lost for good, here: cordon daemon promote --force --root FOLDER"
	case row.Role == roleActive:
		w.Text = kid + ", which is active, is not connected" + s.unseen()
		w.Try = "start it; if it is lost for good, here: cordon daemon promote --root FOLDER"
	default:
		w.Text, w.Try = kid+", a standby, is not connected", "start it; if it is lost for good: cordon key revoke "+kid
	}
	return w
}
