package daemon

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// certificate is how long a daemon's first certificate lasts; the rules allow 400 days.
const certificate = 397 * 24 * time.Hour

// InitOptions says what kind of daemon Init makes.
type InitOptions struct {
	Name       string   // the organisation's
	Role       string   // vendor (default), coordinator or reporter
	Listen     []string // multiaddrs; default: any address and free port, TCP and QUIC
	Relays     []string // multiaddrs with peer ids; may be empty
	Domains    []string // the organisation's own; they are to confirm it (spec/identity.md §8.7.2)
	Unattended bool     // keys as plain files: the daemon starts with nobody there
}

// Created is what Init made.
type Created struct {
	Org         id.OrgID
	Name        string
	Fingerprint string // 12 words
	Root        string // the folder that may be moved offline
}

// Init makes a home: keys, identity, config. It refuses a home that has any of
// these (api.Exists) and leaves it as it is. Without Unattended it asks for a
// passphrase, which then protects the root keys and the store key. The process gets
// a umask of 077.
func Init(dir string, o InitOptions) (*Created, error) {
	unix.Umask(0o077)
	h := home(dir)
	c, err := h.prepare(o)
	if err != nil {
		return nil, err
	}
	passphrase := ""
	if !o.Unattended {
		if passphrase, err = newPassphrase(); err != nil {
			return nil, err
		}
	}
	return h.fill(c, o.Domains, passphrase)
}

// prepare makes the config, and refuses a home in which something lies or in which
// the daemon could not start.
func (h home) prepare(o InitOptions) (config, error) {
	c := config{Name: o.Name, Role: o.Role, Listen: o.Listen, Relays: o.Relays}
	if c.Role == "" {
		c.Role = "vendor"
	}
	if len(c.Listen) == 0 {
		c.Listen = defaultListen()
	}
	if err := c.check(); err != nil {
		return c, err
	}
	if err := checkDomains(o.Domains); err != nil {
		return c, err
	}
	if _, err := api.SocketPath(string(h)); err != nil {
		return c, err // before anything is made: the daemon could not start in it
	}
	return c, h.empty()
}

// checkDomains judges the domains that an organisation names as its own.
func checkDomains(domains []string) error {
	if err := identity.CheckDomains(domains); err != nil {
		return invalid("domains: at most %d different host names in lower case, like psirt.example.org", identity.MaxDomains)
	}
	return nil
}

// empty refuses a home in which Init would have to overwrite.
func (h home) empty() error {
	for _, name := range []string{"config.toml", "identity.pem", "root", "keys", "store"} {
		_, err := os.Lstat(h.path(name))
		if err == nil {
			return &api.Error{
				Kind: api.Exists,
				Text: fmt.Sprintf("%s exists: this is the home of a daemon already, nothing was changed", h.path(name)),
				Try:  "another --home",
			}
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// fill makes everything; config.toml comes last and stands for "complete".
func (h home) fill(c config, domains []string, passphrase string) (*Created, error) {
	if err := h.folders("root", "keys"); err != nil {
		return nil, err
	}
	k, err := newKeys()
	if err != nil {
		return nil, err
	}
	org, err := h.found(c.Name, domains, k, passphrase)
	if err != nil {
		return nil, err
	}
	if err := k.save(h, passphrase); err != nil {
		return nil, err
	}
	if err := h.newStore(k, nil); err != nil {
		return nil, err
	}
	return &Created{Org: org.ID, Name: org.Name, Fingerprint: words(org.ID), Root: h.path("root")}, h.complete(c)
}

// complete writes config.toml, by which a home is one.
func (h home) complete(c config) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	if err := create(h.config(), text); err != nil {
		return err
	}
	return syncDir(string(h))
}

// found makes the root keys and the organisation's first two identity events:
// its creation and the certificate of this daemon.
func (h home) found(name string, domains []string, k *keys, passphrase string) (*identity.Org, error) {
	_, root, _ := ed25519.GenerateKey(nil)
	nextPub, next, _ := ed25519.GenerateKey(nil)
	if err := saveKey(h.path("root", "root.key"), pemSeed, root.Seed(), passphrase); err != nil {
		return nil, err
	}
	if err := saveKey(h.path("root", "next.key"), pemSeed, next.Seed(), passphrase); err != nil {
		return nil, err
	}
	if err := syncDir(h.path("root")); err != nil {
		return nil, err
	}
	created, err := identity.Create(root, nextPub, name, domains)
	if err != nil {
		return nil, fmt.Errorf("create identity: %w", err)
	}
	org, err := identity.Replay([][]byte{created})
	if err != nil {
		return nil, fmt.Errorf("create identity: %w", err)
	}
	certified, err := org.CertifyDaemon(root, k.agreeing(), k.certificate(time.Now()))
	if err != nil {
		return nil, fmt.Errorf("certify daemon: %w", err)
	}
	if org, err = org.Extend(certified); err != nil {
		return nil, fmt.Errorf("certify daemon: %w", err)
	}
	return org, errors.Join(saveChain(h.path("root", "identity.pem"), org), saveChain(h.identity(), org))
}

// newStore makes the store, which knows its first key from the start: one that
// does not know the key of its home is not the one that the key has written in. note,
// if not nil, notes there what is known of other daemons of ours.
func (h home) newStore(k *keys, note func(*ledger.Ledger) error) error {
	if err := os.MkdirAll(h.path("store"), 0o700); err != nil {
		return err
	}
	led, err := h.openStore(k.store, nil)
	if err != nil {
		return openError(h, err)
	}
	err = led.AcceptRestore(k.kid())
	if err == nil && note != nil {
		err = note(led)
	}
	return errors.Join(err, led.Close())
}

// agreeing are the keys that sign for their certificate.
func (k *keys) agreeing() identity.Keys { return identity.Keys{Sig: k.sign, Peer: k.peer} }

// certificate is what else the root certifies.
func (k *keys) certificate(now time.Time) identity.Daemon {
	return identity.Daemon{
		KEM:      k.kem.PublicKey().Bytes(),
		Caps:     []identity.Cap{identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite},
		NotAfter: uint64(now.Add(certificate).Unix()),
	}
}
