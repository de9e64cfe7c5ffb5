package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"cordon/ledger"
	"cordon/peer"
	"cordon/protocol/id"
)

// A renewal lies in keys/next until the daemon starts: its three keys, and the
// events that certify them, whose file comes last and stands for "complete".
// Transport keys of former daemons lie in keys/former, each under its kid: peers
// that missed the renewal still wait for them (herald.go).

func (h home) next(name string) string { return h.path("keys", "next", name) }

// promote takes a renewal over, if there is one. What a crash interrupts, the next
// start does again, by this function.
func (h home) promote(led *ledger.Ledger) error {
	if !exists(h.next("identity.pem")) {
		return nil
	}
	lock, err := h.lockIdentity()
	if err != nil {
		return err
	}
	defer lock.Close()
	org, err := newestChain(h.identity(), h.next("identity.pem"))
	if err != nil {
		return err
	}
	dir := h.path("keys", "next")
	if !exists(h.next("sign.key")) { // all keys have moved
		dir = h.path("keys")
	}
	sign, err := loadSeed(filepath.Join(dir, "sign.key"), nil)
	if err != nil {
		return err
	}
	kid := (&keys{sign: sign}).kid()
	if d, ok := org.Daemon(kid); !ok || d.Revoked {
		return fmt.Errorf("%s: %w", dir, errors.New("the renewed key is not certified"))
	}
	// The store first: a key that it does not know never signs, and one that it knows
	// from before a restore neither.
	if err := led.AcceptRestore(kid); err != nil && !errors.Is(err, ledger.ErrRestored) {
		return err
	}
	if err := saveChain(h.identity(), org); err != nil {
		return err
	}
	if err := h.moveKeys(); err != nil {
		return err
	}
	return os.RemoveAll(h.path("keys", "next"))
}

// moveKeys puts the keys of the renewal in their place, the signing key last: it
// names the daemon whose transport key is kept.
func (h home) moveKeys() error {
	for _, name := range []string{"peer.key", "kem.key", "sign.key"} {
		if !exists(h.next(name)) {
			continue
		}
		if name == "peer.key" {
			if err := h.keepFormer(); err != nil {
				return err
			}
		}
		if err := os.Rename(h.next(name), h.path("keys", name)); err != nil {
			return err
		}
	}
	if err := syncDir(h.path("keys")); err != nil {
		return err
	}
	return os.Remove(h.next("identity.pem"))
}

// keepFormer keeps the transport key that is about to be replaced, if it is here.
func (h home) keepFormer() error {
	sign, err := loadSeed(h.path("keys", "sign.key"), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a backup without keys
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(h.path("keys", "peer.key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(h.path("keys", "former"), 0o700); err != nil {
		return err
	}
	return replace(h.path("keys", "former", (&keys{sign: sign}).kid().String()+".key"), text)
}

// former are the daemons that this home was before.
func (h home) former() ([]peer.Former, error) {
	files, err := os.ReadDir(h.path("keys", "former"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []peer.Former
	for _, f := range files {
		kid, err := id.Parse[id.Kid](strings.TrimSuffix(f.Name(), ".key"))
		if err != nil {
			continue // of an interrupted write
		}
		key, err := loadSeed(h.path("keys", "former", f.Name()), nil)
		if err != nil {
			return nil, err
		}
		out = append(out, peer.Former{Kid: kid, Transport: key})
	}
	return out, nil
}
