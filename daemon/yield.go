package daemon

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// YieldOptions says to whom the active daemon hands over.
type YieldOptions struct {
	KeyOptions
	To string // the standby, by a prefix of its kid; "": the only one
}

// yieldTime is how long a standby may take to be in step.
const yieldTime = 30 * time.Second

// YieldDaemon makes a standby the active daemon and the daemon of this home, which is
// it now, a standby; both go on under the keys that they have, and nothing that either
// wrote is in doubt. It is done here, so that this one stops deciding first. The other
// must be connected and in step.
func YieldDaemon(ctx context.Context, dir string, o YieldOptions) (*api.KeyChange, error) {
	return atRoot(dir, o.KeyOptions, func(a *keyActs) (*api.KeyChange, error) {
		k, err := loadOwn(a.h.path("keys"))
		if err != nil {
			return nil, lostKeys(err)
		}
		us, ok := a.org.Daemon(k.kid())
		if !ok || us.Revoked || !us.Can(identity.CapSteward) || exists(a.h.next("identity.pem")) {
			return nil, &api.Error{Kind: api.Refused, Rule: "cap-missing", Text: "this daemon is not the active one: it has nothing to yield", Try: "on the active daemon; which one that is: cordon daemon list"}
		}
		to, err := a.successor(us.Kid, o.To)
		if err != nil {
			return nil, err
		}
		root, err := a.root.inForce(a.org)
		if err != nil {
			return nil, err
		}
		if err := a.inStep(ctx, to); err != nil {
			return nil, err
		}
		if err := a.yield(root, us, to); err != nil {
			return nil, err
		}
		return &api.KeyChange{Kid: &to.Kid, Former: &us.Kid, Until: certEnds(to), Role: roleActive}, saveChain(a.h.identity(), a.org)
	})
}

// successor is the standby that is named, or the only one.
func (a *keyActs) successor(us id.Kid, named string) (identity.Daemon, error) {
	if named != "" {
		d, err := a.find(named)
		if err == nil && d.Kid == us {
			err = invalid("that is this very daemon")
		}
		return d, err
	}
	left := slices.DeleteFunc(a.org.Daemons(), func(d identity.Daemon) bool { return d.Revoked || d.Kid == us })
	switch len(left) {
	case 0:
		return identity.Daemon{}, &api.Error{Kind: api.Refused, Rule: "no-such-daemon", Text: "no other daemon of this organisation stands by", Try: "cordon daemon add --help"}
	case 1:
		return left[0], nil
	}
	return identity.Daemon{}, invalid("several daemons stand by: name one by its kid (cordon daemon list)")
}

// inStep waits until a standby, which is connected, has all that is here.
func (a *keyActs) inStep(ctx context.Context, to identity.Daemon) error {
	client, err := api.New(string(a.h))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, yieldTime)
	defer cancel()
	again := time.NewTicker(yieldTime / 100)
	defer again.Stop()
	for {
		l, err := client.Daemons(ctx)
		at := -1
		if err == nil {
			at = slices.IndexFunc(l.Daemons, func(row api.DaemonRow) bool { return row.Kid == to.Kid })
		}
		switch {
		case ctx.Err() != nil:
			return errNotInStep(to)
		case err != nil:
			return err
		case at < 0 || !l.Daemons[at].Connected:
			return errNotInStep(to)
		case l.Daemons[at].InStep:
			return nil
		}
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
}

func errNotInStep(to identity.Daemon) error {
	return &api.Error{Kind: api.Refused, Rule: "behind", Text: to.Kid.String()[:12] + " is not connected, or has not yet all that is here; nothing was changed",
		Try: "cordon daemon list; then again, once it is in step"}
}

// yield signs both certificates anew: one without cap steward, one with it.
func (a *keyActs) yield(root ed25519.PrivateKey, us, to identity.Daemon) error {
	rest := slices.DeleteFunc(slices.Clone(us.Caps), func(c identity.Cap) bool { return c == identity.CapSteward })
	first, err := a.org.Recap(root, us.Kid, rest...)
	if err != nil {
		return certifyError(err, a.org)
	}
	org, err := a.org.Extend(first)
	if err != nil {
		return fmt.Errorf("yield: %w", err)
	}
	all := append(slices.Clone(to.Caps), identity.CapSteward)
	slices.Sort(all)
	second, err := org.Recap(root, to.Kid, slices.Compact(all)...)
	if err != nil {
		return certifyError(err, org)
	}
	return a.signed(first, second)
}

// standbyInStep says whether a standby has all that it would need here, now.
func (s *service) standbyInStep(kid id.Kid) (bool, error) {
	cases, err := s.net.InStep(kid)
	if err != nil || !cases {
		return false, err
	}
	return s.net.HasCopy(kid)
}
