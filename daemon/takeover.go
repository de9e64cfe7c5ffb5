package daemon

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/identity"
)

// PromoteOptions says how a standby becomes active.
type PromoteOptions struct {
	KeyOptions
	Reason string // of the revocation of the daemon that was active; default unspecified
}

// PromoteDaemon makes the daemon of a home the one that decides for its
// organisation, and revokes the one that did, if one does. While that one is
// connected it runs, and this is refused: of two that decide, one's acts would fall.
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
		if lost {
			if err := a.notRunning(ctx, former); err != nil {
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
		c := &api.KeyChange{Kid: &us.Kid, Until: certEnds(us), Role: roleOf(us)}
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

// notRunning refuses while a daemon of ours is connected. Where our own does not
// run, nobody can say.
func (a *keyActs) notRunning(ctx context.Context, d identity.Daemon) error {
	client, err := api.New(string(a.h))
	if err != nil {
		return err
	}
	defer client.Close()
	l, err := client.Daemons(ctx)
	if e, ok := errors.AsType[*api.Error](err); ok && e.Kind == api.Unavailable {
		return nil
	}
	if err != nil {
		return err
	}
	for _, row := range l.Daemons {
		if row.Kid == d.Kid && row.Connected {
			kid := d.Kid.String()[:12]
			return &api.Error{Kind: api.Refused, Rule: "still-active", Text: kid + " is active and connected: it runs, nothing was changed",
				Try: "stop it, then again; if a thief runs it: cordon key revoke " + kid + " --reason stolen, then again"}
		}
	}
	return nil
}
