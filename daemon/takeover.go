package daemon

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// PromoteOptions says how a standby becomes active.
type PromoteOptions struct {
	KeyOptions
	Reason string // of the revocation of the daemon that was active; default unspecified
	Force  bool   // although entries of that one are not here, or nobody can say
}

// PromoteDaemon makes the daemon of a home the one that decides for its
// organisation, and revokes the one that did, if one does. While that one is
// connected it runs, and this is refused: of two that decide, one's acts would fall. So
// it is, unless forced, where this one lacks entries of that one.
func PromoteDaemon(ctx context.Context, dir string, o PromoteOptions) (*api.KeyChange, error) {
	why, err := parseReason(o.Reason, identity.Unspecified)
	if err != nil {
		return nil, err
	}
	return atRoot(dir, o.KeyOptions, func(a *keyActs) (*api.KeyChange, error) {
		k, err := loadOwn(a.h.path("keys"))
		if err != nil {
			return nil, lostKeys(err)
		}
		us, ok := a.org.Daemon(k.kid())
		switch {
		case !ok || us.Revoked || exists(a.h.next("identity.pem")):
			return nil, &api.Error{Kind: api.Refused, Rule: "key-revoked", Text: "this daemon is to have new keys first", Try: "cordon key renew; cordon daemon"}
		case us.Can(identity.CapSteward):
			return nil, &api.Error{Kind: api.Exists, Text: "this daemon is the active one already", Try: "cordon daemon list"}
		}
		former, lost := activeOf(a.org)
		var behind []id.CaseID
		if lost {
			var err error
			if behind, err = a.mayFollow(ctx, former, o.Force); err != nil {
				return nil, err
			}
		}
		root, err := a.root.inForce(a.org)
		if err != nil {
			return nil, err
		}
		if err := a.takeOver(root, k, former, lost, why); err != nil {
			return nil, err
		}
		us, _ = a.org.Daemon(us.Kid)
		c := &api.KeyChange{Kid: &us.Kid, Until: certEnds(us), Role: roleOf(us), Behind: behind}
		if lost {
			c.Former = &former.Kid
		}
		return c, saveChain(a.h.identity(), a.org)
	})
}

// takeOver signs the revocation of the former daemon, where one is lost, and our
// certificate with all caps: both or none.
func (a *keyActs) takeOver(root ed25519.PrivateKey, k *keys, former identity.Daemon, lost bool, why identity.Reason) error {
	org := a.org
	var events [][]byte
	if lost {
		event, err := org.RevokeDaemon(root, former.Kid, why)
		if err != nil {
			return fmt.Errorf("revoke: %w", err)
		}
		if org, err = org.Extend(event); err != nil {
			return fmt.Errorf("revoke: %w", err)
		}
		events = append(events, event)
	}
	event, err := org.CertifyDaemon(root, k.agreeing(), k.certificate(time.Now()))
	if err != nil {
		return certifyError(err, org)
	}
	return a.signed(append(events, event)...)
}

// mayFollow refuses while a daemon of ours is connected, and, unless forced, where
// entries of it are not here, or our own does not run and nobody can say. It names
// the cases in which its entries are not here.
func (a *keyActs) mayFollow(ctx context.Context, d identity.Daemon, force bool) ([]id.CaseID, error) {
	client, err := api.New(string(a.h))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	l, err := client.Daemons(ctx)
	if e, ok := errors.AsType[*api.Error](err); ok && e.Kind == api.Unavailable {
		if force {
			return nil, nil
		}
		return nil, &api.Error{Kind: api.Unavailable, Text: "this daemon does not run: nobody can say whether it has what the active one wrote", Try: "cordon daemon, then again; to go on all the same: --force"}
	}
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(l.Daemons, func(row api.DaemonRow) bool { return row.Kid == d.Kid })
	if at < 0 {
		return nil, nil
	}
	row, kid := l.Daemons[at], d.Kid.String()[:12]
	switch {
	case row.Connected:
		return nil, &api.Error{Kind: api.Refused, Rule: "still-active", Text: kid + " is active and connected: it runs, nothing was changed",
			Try: "stop it, then again; to switch while both run, there: cordon daemon yield; if a thief runs it: cordon key revoke " + kid + " --reason stolen, then again"}
	case len(row.Ahead) > 0 && !force:
		return nil, &api.Error{Kind: api.Refused, Rule: "behind", Text: fmt.Sprintf("%s has written what is not here, in %d of our cases: what it decided there would fall; nothing was changed", kid, len(row.Ahead)),
			Try: "start it, or wait for a member that has it (cordon daemon list); if both are lost for good: --force"}
	}
	return row.Ahead, nil
}
