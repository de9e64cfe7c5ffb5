package daemon

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/peer"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// AddOptions says how an organisation gets one more daemon.
type AddOptions struct {
	InitOptions
	Root string // folder of the root keys
	Card []byte // armoured, of a daemon that the organisation has
}

// AddDaemon makes a home for one more daemon of an organisation: its own keys,
// certified by the root beside those that the organisation has. It stands by: what
// only one may do, another goes on doing. The name is the organisation's. The
// newest chain of the card and the root's folder is gone on from; two that
// contradict each other are refused before anything is made or signed. Last, the daemon
// of the card is told, if it is reached. The process gets a umask of 077.
func AddDaemon(ctx context.Context, dir string, o AddOptions) (*api.KeyChange, error) {
	unix.Umask(0o077)
	h := home(dir)
	card, err := openOwnCard(o.Card)
	if err != nil {
		return nil, err
	}
	o.Name = card.Name
	c, err := h.prepare(o.InitOptions)
	if err != nil {
		return nil, err
	}
	ask := once(func() (string, error) { return askPassphrase("passphrase of the root keys: ") })
	root := rootKeys{dir: o.Root, ask: ask}
	if !exists(root.path("identity.pem")) && exists(root.path("root.key")) {
		return nil, &api.Error{Kind: api.NotFound, Text: root.path("identity.pem") + " does not exist: what the root has signed is not known", Try: "bring the whole folder of the root keys"}
	}
	org, err := newestWith(card.Org, root.path("identity.pem"))
	if err != nil {
		return nil, err
	}
	key, err := root.inForce(org)
	if err != nil {
		return nil, err
	}
	passphrase := ""
	if !o.Unattended {
		if passphrase, err = newPassphrase(); err != nil {
			return nil, err
		}
	}
	made, org, err := h.join(c, org, card, root, key, passphrase)
	if err != nil {
		return nil, err
	}
	if there, ok := org.Daemon(card.Kid); ok && !there.Revoked {
		made.Told = peer.RootHerald(ctx, key, peer.Target{Org: org.ID, Transport: there.Peer, Addrs: card.Addrs}, org.Events) == nil
	}
	return made, nil
}

func openOwnCard(text []byte) (*identity.Card, error) {
	raw, err := identity.Unarmour(text)
	if err != nil {
		return nil, &api.Error{Kind: api.Invalid, Rule: rule(err), Text: "this is not exactly one armoured card", Try: "give the output of: cordon card"}
	}
	card, err := identity.OpenCard(raw)
	if err != nil {
		return nil, &api.Error{Kind: api.Invalid, Rule: rule(err), Text: "the card does not verify: " + err.Error(), Try: "bring it again from the machine of the daemon: cordon card"}
	}
	return card, nil
}

// newestWith is the longer of a chain and that of a file of the same organisation.
func newestWith(org *identity.Org, path string) (*identity.Org, error) {
	there, err := loadChain(path)
	switch {
	case err != nil:
		return nil, damaged(err)
	case there == nil || org.Extends(there):
		return org, nil
	case there.ID != org.ID:
		return nil, &api.Error{Kind: api.Refused, Rule: "wrong-root", Text: path + " is of another organisation than the card: nothing was changed",
			Try: "--root with the root keys of " + org.Name}
	case there.Extends(org):
		return there, nil
	}
	return nil, errTwoHistories(path)
}

// join makes everything, as fill does; the root's word is noted beside the root
// before the home knows it, and config.toml comes last.
func (h home) join(c config, org *identity.Org, card *identity.Card, root rootKeys, key ed25519.PrivateKey, passphrase string) (*api.KeyChange, *identity.Org, error) {
	k, err := newKeys()
	if err != nil {
		return nil, nil, err
	}
	cert := k.certificate(time.Now())
	cert.Caps = capsBeside(org, k.kid(), cert.Caps)
	event, err := org.CertifyDaemon(key, k.agreeing(), cert)
	if err != nil {
		return nil, nil, certifyError(err, org)
	}
	if org, err = org.Extend(event); err != nil {
		return nil, nil, fmt.Errorf("certify the daemon: %w", err)
	}
	if err := h.folders("keys"); err != nil {
		return nil, nil, err
	}
	if err := k.save(h, passphrase); err != nil {
		return nil, nil, err
	}
	if err := h.newStore(k, func(l *ledger.Ledger) error { return siblingRows(l).put(card.Kid[:], siblingRow{Addrs: card.Addrs}) }); err != nil {
		return nil, nil, err
	}
	if err := root.note(org); err != nil {
		return nil, nil, err
	}
	// Commit point: the daemon is certified. After a crash here its keys are lost with
	// this home: another is added, and this one revoked.
	if err := saveChain(h.identity(), org); err != nil {
		return nil, nil, err
	}
	kid := k.kid()
	return &api.KeyChange{Schema: keyChangeSchema, Org: org.ID, Name: org.Name, Kid: &kid, Fresh: true, Until: certEnds(cert), Role: roleOf(cert),
		Events: len(org.Events), Root: root.dir}, org, h.complete(c)
}

// capsBeside are caps without what another daemon of the organisation alone may do.
func capsBeside(org *identity.Org, kid id.Kid, caps []identity.Cap) []identity.Cap {
	if d, ok := activeOf(org); ok && d.Kid != kid {
		return slices.DeleteFunc(slices.Clone(caps), func(c identity.Cap) bool { return c == identity.CapSteward })
	}
	return caps
}

// activeOf is the daemon that decides for an organisation, if one does.
func activeOf(org *identity.Org) (identity.Daemon, bool) {
	for _, d := range org.Daemons() {
		if !d.Revoked && d.Can(identity.CapSteward) {
			return d, true
		}
	}
	return identity.Daemon{}, false
}
