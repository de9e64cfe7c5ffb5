package daemon

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/identity"
)

// KeyOptions says where the root lies.
type KeyOptions struct {
	Root string // folder of the root keys; default: root in the home
}

// keyActs is one act of the root under way. The daemon may run: it reads our
// identity only at its start, and whoever called asks it to begin anew.
type keyActs struct {
	h    home
	root rootKeys
	ask  func() (string, error)
	org  *identity.Org // the newest chain known here
}

// atRoot opens home and root, lets act change the chain, and notes the result:
// beside the root, then where the daemon reads it. The first is the commit point;
// after a crash there the next act finds the event.
func atRoot(dir string, o KeyOptions, act func(*keyActs) (*api.KeyChange, error)) (*api.KeyChange, error) {
	if err := home(dir).check(); err != nil {
		return nil, err
	}
	lock, err := home(dir).lockIdentity()
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	a, err := inHome(dir, o)
	if err != nil {
		return nil, err
	}
	if !exists(a.h.next("identity.pem")) { // the home may know less: of an act that was interrupted, or from a backup
		if err := saveChain(a.h.identity(), a.org); err != nil {
			return nil, err
		}
	}
	c, err := act(a)
	if err != nil {
		return nil, err
	}
	c.Schema, c.Org, c.Name, c.Events, c.Root = keyChangeSchema, a.org.ID, a.org.Name, len(a.org.Events), a.root.dir
	return c, a.root.finish(a.org)
}

// inHome reads the newest chain of a home and its root, and changes nothing.
func inHome(dir string, o KeyOptions) (*keyActs, error) {
	ask := once(func() (string, error) { return askPassphrase("passphrase of the root keys: ") })
	a := &keyActs{h: home(dir), ask: ask, root: rootKeys{dir: o.Root, ask: ask}}
	if o.Root == "" {
		a.root.dir = a.h.path("root")
	}
	var err error
	a.org, err = newestChain(a.h.identity(), a.h.next("identity.pem"), a.root.path("identity.pem"))
	return a, err
}

const keyChangeSchema = "cordon.key-change/1"

// signed takes an event of the root into our chain and notes it.
func (a *keyActs) signed(events ...[]byte) error {
	org := a.org
	var err error
	for _, e := range events {
		if org, err = org.Extend(e); err != nil {
			return err
		}
	}
	if err := a.root.note(org); err != nil {
		return err
	}
	a.org = org
	return nil
}

// RotateRoot puts the root in force that was committed to, and commits to a new one.
// The former root, lost or stolen, is of no use afterwards.
func RotateRoot(dir string, o KeyOptions) (*api.KeyChange, error) {
	return atRoot(dir, o, func(a *keyActs) (*api.KeyChange, error) {
		event, err := a.root.rotate(a.org)
		if err != nil {
			return nil, err
		}
		if err := a.signed(event); err != nil {
			return nil, err
		}
		return &api.KeyChange{}, saveChain(a.h.identity(), a.org)
	})
}

// NameDomains puts domains in the place of those that the organisation named as its
// own until now.
func NameDomains(dir string, domains []string, o KeyOptions) (*api.KeyChange, error) {
	if err := checkDomains(domains); err != nil {
		return nil, err
	}
	return atRoot(dir, o, func(a *keyActs) (*api.KeyChange, error) {
		root, err := a.root.inForce(a.org)
		if err != nil {
			return nil, err
		}
		event, err := a.org.Rename(root, a.org.Name, domains)
		if err != nil {
			return nil, fmt.Errorf("name domains: %w", err)
		}
		if err := a.signed(event); err != nil {
			return nil, err
		}
		return &api.KeyChange{}, saveChain(a.h.identity(), a.org)
	})
}

// MayRevoke says what RevokeKey would refuse; of the root keys only whether they are
// there. It changes nothing, and asks for no passphrase.
func MayRevoke(dir, kid, reason string, o KeyOptions) error {
	why, err := parseReason(reason, identity.Unspecified)
	if err != nil {
		return err
	}
	if err := home(dir).check(); err != nil {
		return err
	}
	a, err := inHome(dir, o)
	if err != nil {
		return err
	}
	if _, err = a.revocable(kid, why); err != nil || exists(a.root.path("root.key")) || exists(a.root.path(nextRoot)) {
		return err
	}
	return a.root.absent("root.key")
}

// RevokeKey ends the certificate of one of our daemons, named by a prefix of its
// kid. The daemon of this home is replaced, not revoked, unless it is to retire.
func RevokeKey(dir, kid, reason string, o KeyOptions) (*api.KeyChange, error) {
	why, err := parseReason(reason, identity.Unspecified)
	if err != nil {
		return nil, err
	}
	return atRoot(dir, o, func(a *keyActs) (*api.KeyChange, error) {
		d, err := a.revocable(kid, why)
		if err != nil {
			return nil, err
		}
		root, err := a.root.inForce(a.org)
		if err != nil {
			return nil, err
		}
		event, err := a.org.RevokeDaemon(root, d.Kid, why)
		if err != nil {
			return nil, fmt.Errorf("revoke: %w", err)
		}
		if err := a.signed(event); err != nil {
			return nil, err
		}
		return &api.KeyChange{Kid: &d.Kid}, saveChain(a.h.identity(), a.org)
	})
}

// revocable is the daemon of ours whose kid begins so, if it may be revoked.
func (a *keyActs) revocable(kid string, why identity.Reason) (d identity.Daemon, err error) {
	if d, err = a.find(kid); err != nil {
		return d, err
	}
	if own, err := loadSeed(a.h.path("keys", "sign.key"), nil); err == nil && (&keys{sign: own}).kid() == d.Kid && why != identity.Retired {
		return d, &api.Error{Kind: api.Refused, Rule: "own-key", Text: "that is the key of this very daemon: revoked, it could write nothing any more",
			Try: "cordon key renew --reason stolen: it gets new keys, and the old ones are revoked; or, to write no more: cordon key revoke " + kid + " --reason retired"}
	}
	return d, nil
}

// find is the daemon of ours whose kid begins so, and is not revoked.
func (a *keyActs) find(kid string) (found identity.Daemon, err error) {
	if len(kid) < 8 {
		return found, invalid("name the key by at least 8 digits of its kid")
	}
	n := 0
	for _, d := range a.org.Daemons() {
		if strings.HasPrefix(d.Kid.String(), strings.ToLower(kid)) {
			found = d
			n++
		}
	}
	switch {
	case n == 0:
		return found, &api.Error{Kind: api.NotFound, Text: "no daemon of this organisation has such a key", Try: "cordon key status"}
	case n > 1:
		return found, invalid("several daemons of this organisation have a key that begins so: more digits")
	case found.Revoked:
		return found, &api.Error{Kind: api.Exists, Text: "that key is revoked already, for good"}
	}
	return found, nil
}

// RenewOptions says how a daemon is certified anew.
type RenewOptions struct {
	KeyOptions
	Fresh  bool   // new keys, although the old ones would do
	Reason string // of the revocation of the old ones, where they are replaced; default superseded
	Former string // the daemon to replace, where the home has lost its keys
}

// RenewKey certifies the daemon of a home anew. While its store and keys are well,
// the certificate is prolonged; else, or when Fresh, it gets new keys, and the old
// ones are revoked. New keys are taken over by the daemon's next start.
func RenewKey(ctx context.Context, dir string, o RenewOptions) (*api.KeyChange, error) {
	why, err := parseReason(o.Reason, identity.Superseded)
	if err != nil {
		return nil, err
	}
	return atRoot(dir, o.KeyOptions, func(a *keyActs) (*api.KeyChange, error) {
		if c, err := a.resume(); c != nil || err != nil {
			return c, err
		}
		old, err := a.former(o.Former)
		if err != nil {
			return nil, err
		}
		if exists(a.h.next("identity.pem")) {
			return nil, &api.Error{Kind: api.Exists, Text: "new keys are certified already and wait for the daemon's start", Try: "cordon daemon"}
		}
		sick, level, err := a.health(ctx, old)
		if err != nil {
			return nil, err
		}
		if !o.Fresh && !sick && o.Reason != "" && why != identity.Stolen {
			return nil, &api.Error{Kind: api.Invalid, Text: "a reason says why keys end, and these would do: they would only be certified for longer",
				Try: "for new keys: cordon key renew --fresh --reason " + o.Reason + "; else without it"}
		}
		root, err := a.root.inForce(a.org)
		if err != nil {
			return nil, err
		}
		switch {
		case !o.Fresh && !sick && why != identity.Stolen:
			return a.prolong(root, old)
		case sick && !level && why == identity.Superseded:
			why = identity.Unspecified // it may have written more than what is here: no cut (ownident.go)
		}
		return a.replaceKeys(root, old, why)
	})
}

// resume ends a renewal that was interrupted after the root had noted it; nil: there
// is none.
func (a *keyActs) resume() (*api.KeyChange, error) {
	if exists(a.h.next("identity.pem")) || !exists(a.h.next("sign.key")) {
		return nil, nil
	}
	k, err := loadOwn(a.h.path("keys", "next"))
	if err != nil {
		return nil, nil // not all of it was written, so the root has not signed it
	}
	d, ok := a.org.Daemon(k.kid())
	if !ok || d.Revoked {
		return nil, nil
	}
	return &api.KeyChange{Kid: &d.Kid, Fresh: true, Until: certEnds(d), Role: roleOf(d)}, saveChain(a.h.next("identity.pem"), a.org)
}

// former is the daemon of this home as our chain has it, with Kid zero where that
// is not known: the keys are lost.
func (a *keyActs) former(named string) (identity.Daemon, error) {
	sign, err := loadSeed(a.h.path("keys", "sign.key"), nil)
	if named != "" {
		old, e := a.find(named)
		if e == nil && err == nil && (&keys{sign: sign}).kid() != old.Kid { // else this home would become the other daemon, and nobody be this one
			e = &api.Error{Kind: api.Refused, Rule: "keys-not-lost", Text: "that is the key of another daemon, and this home has its own: --former is for a home that lost its keys",
				Try: "at the home of that daemon: cordon key renew; to end it: cordon key revoke " + named}
		}
		return old, e
	}
	if err == nil {
		if d, ok := a.org.Daemon((&keys{sign: sign}).kid()); ok {
			return d, nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return identity.Daemon{}, damaged(err)
	}
	left := slices.DeleteFunc(a.org.Daemons(), func(d identity.Daemon) bool { return d.Revoked })
	if len(left) == 1 {
		return left[0], nil
	}
	return identity.Daemon{}, &api.Error{Kind: api.Invalid, Text: "the keys of this daemon are not here, and the organisation has several: which of them was it?",
		Try: "cordon key status, then: cordon key renew --former KID"}
}

// health says whether the daemon must have new keys, and whether it has all that a
// connected member has of its cases: asked of the daemon, or of its store.
func (a *keyActs) health(ctx context.Context, old identity.Daemon) (sick, level bool, err error) {
	sick = old.Revoked || !exists(a.h.path("keys", "sign.key")) || !exists(a.h.path("keys", "peer.key")) || !exists(a.h.path("keys", "kem.key"))
	client, err := api.New(string(a.h))
	if err != nil {
		return false, false, err
	}
	defer client.Close()
	k, err := client.Keys(ctx)
	if err == nil {
		return sick || k.Fresh, k.Level, nil
	}
	var e *api.Error
	if !errors.As(err, &e) || e.Kind != api.Unavailable {
		return false, false, err
	}
	lock, err := a.h.lock()
	if err != nil {
		return false, false, err
	}
	defer lock.Close()
	store, err := loadStoreKey(a.h, a.ask)
	if err != nil {
		return false, false, damaged(err)
	}
	led, err := a.h.openStore(store, nil)
	if err != nil {
		return false, false, openError(a.h, err)
	}
	err = led.SignWith(old.Kid)
	_, forked := led.OwnFork()
	return sick || led.Restored() || forked, false, errors.Join(err, led.Close())
}

// prolong certifies the same keys for longer.
func (a *keyActs) prolong(root ed25519.PrivateKey, old identity.Daemon) (*api.KeyChange, error) {
	k, err := loadOwn(a.h.path("keys"))
	if err != nil {
		return nil, damaged(err)
	}
	cert := k.certificate(time.Now())
	cert.Caps = old.Caps
	event, err := a.org.CertifyDaemon(root, k.agreeing(), cert)
	if err != nil {
		return nil, certifyError(err, a.org)
	}
	if err := a.signed(event); err != nil {
		return nil, err
	}
	return &api.KeyChange{Kid: &old.Kid, Until: certEnds(cert), Role: roleOf(cert)}, saveChain(a.h.identity(), a.org)
}

// replaceKeys revokes the old daemon and certifies fresh keys in its place, which
// the next start takes over.
func (a *keyActs) replaceKeys(root ed25519.PrivateKey, old identity.Daemon, why identity.Reason) (*api.KeyChange, error) {
	var events [][]byte
	org := a.org
	if !old.Revoked {
		event, err := org.RevokeDaemon(root, old.Kid, why)
		if err != nil {
			return nil, fmt.Errorf("revoke: %w", err)
		}
		if org, err = org.Extend(event); err != nil {
			return nil, fmt.Errorf("revoke: %w", err)
		}
		events = append(events, event)
	}
	k, err := newKeys()
	if err != nil {
		return nil, err
	}
	cert := k.certificate(time.Now())
	cert.Caps = capsBeside(org, old.Kid, old.Caps)
	event, err := org.CertifyDaemon(root, k.agreeing(), cert)
	if err != nil {
		return nil, certifyError(err, org)
	}
	if err := os.RemoveAll(a.h.path("keys", "next")); err != nil { // of a renewal that was interrupted
		return nil, err
	}
	if err := os.MkdirAll(a.h.path("keys", "next"), 0o700); err != nil {
		return nil, err
	}
	if err := k.saveOwn(a.h.path("keys", "next")); err != nil {
		return nil, err
	}
	if err := a.signed(append(events, event)...); err != nil {
		return nil, err
	}
	kid := k.kid()
	return &api.KeyChange{Kid: &kid, Fresh: true, Former: &old.Kid, Tells: exists(a.h.path("keys", "peer.key")),
			Until: certEnds(cert), Role: roleOf(cert)},
		saveChain(a.h.next("identity.pem"), a.org)
}

// parseReason reads the name of a reason.
func parseReason(name string, usual identity.Reason) (identity.Reason, error) {
	if name == "" {
		return usual, nil
	}
	for _, r := range []identity.Reason{identity.Unspecified, identity.Stolen, identity.Superseded, identity.Retired} {
		if r.String() == name {
			return r, nil
		}
	}
	return 0, invalid("%q is no reason: unspecified, stolen, superseded or retired", name)
}

// certifyError says what to do where a certificate finds no room, or another
// daemon holds the cap of a steward.
func certifyError(err error, org *identity.Org) error {
	switch {
	case errors.Is(err, identity.ErrFull):
		return &api.Error{Kind: api.Refused, Rule: rule(err), Text: "the organisation's identity has no room for another certificate: what is left is kept for revocations and the root",
			Try: "found a new organisation, and let the cases admit it"}
	case errors.Is(err, identity.ErrSteward):
		if d, ok := activeOf(org); ok {
			return &api.Error{Kind: api.Refused, Rule: rule(err), Text: "another daemon decides for this organisation, " + d.Kid.String() + ": two could contradict each other",
				Try: "if that one is lost: cordon daemon promote"}
		}
	}
	return fmt.Errorf("certify the daemon: %w", err)
}

// certEnds is when a certificate ends.
func certEnds(d identity.Daemon) *time.Time {
	t := time.Unix(int64(d.NotAfter), 0).UTC()
	return &t
}

// once remembers the answer of a question to a person.
func once(ask func() (string, error)) func() (string, error) {
	answer, asked := "", false
	return func() (string, error) {
		if asked {
			return answer, nil
		}
		a, err := ask()
		if err == nil {
			answer, asked = a, true
		}
		return a, err
	}
}
