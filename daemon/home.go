package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"cordon/daemon/api"
	"cordon/ledger"
)

// A home is the folder with all state of one daemon:
//
//	config.toml       what a person may change
//	identity.pem      our identity events; public
//	root/root.key     the organisation's root key: may (should) be moved offline
//	root/next.key     the root key that follows it, committed to beforehand
//	root/identity.pem the events that the root has signed
//	keys/sign.key     signs our entries; in no backup
//	keys/peer.key     our transport identity
//	keys/kem.key      opens what is sealed to us
//	keys/store.key    seals the store at rest
//	keys/generation   tells the store from an old copy of it
//	keys/next/        a renewal that the next start takes over (promote.go)
//	keys/former/      transport keys of the daemons that this home was before
//	store/            the ledger
//	tmp/              uploads on their way in, encrypted, unlinked
//	cordon.sock       the local API
//	lock              held while a daemon runs
//	identity.lock     held while our events change
//
// Everything is for the owner only: folders 0700, files 0600.
type home string

func (h home) path(parts ...string) string {
	return filepath.Join(append([]string{string(h)}, parts...)...)
}

func (h home) config() string   { return h.path("config.toml") }
func (h home) identity() string { return h.path("identity.pem") }

// check refuses a home that does not exist, that others may look into, or that
// init has not finished.
func (h home) check() error {
	info, err := os.Stat(string(h))
	if errors.Is(err, fs.ErrNotExist) {
		return &api.Error{Kind: api.NotFound, Text: fmt.Sprintf("%s does not exist", h), Try: "make one: cordon init"}
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return invalid("%s is no folder", h)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &api.Error{
			Kind: api.Invalid,
			Text: fmt.Sprintf("%s has mode %04o: others on this machine may look into it", h, mode),
			Try:  fmt.Sprintf("chmod 700 %s", h),
		}
	}
	if _, err := os.Stat(h.config()); errors.Is(err, fs.ErrNotExist) {
		return &api.Error{
			Kind: api.NotFound,
			Text: fmt.Sprintf("%s has no config.toml: it is no home of a daemon, or init was interrupted in it", h),
			Try:  "cordon init, with a new or empty folder",
		}
	}
	return nil
}

// lock makes us the one daemon of the home until unlocked.
func (h home) lock() (*flock.Flock, error) {
	l := flock.New(h.path("lock"), flock.SetPermissions(0o600))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", h, err)
	}
	if !ok {
		return nil, &api.Error{Kind: api.Exists, Text: fmt.Sprintf("a daemon runs in %s already", h), Try: "cordon status"}
	}
	return l, nil
}

// openStore opens the home's ledger; log may be nil.
func (h home) openStore(key [32]byte, log *slog.Logger) (*ledger.Ledger, error) {
	return ledger.Open(h.path("store"), ledger.Options{StoreKey: key, Log: log, Generation: h.path("keys", "generation")})
}

// folders makes the home and folders in it, for the owner only.
func (h home) folders(names ...string) error {
	for _, d := range append([]string{""}, names...) {
		if err := os.MkdirAll(h.path(d), 0o700); err != nil {
			return err
		}
		if err := os.Chmod(h.path(d), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// create writes a new file for the owner only and makes it durable. It never
// overwrites.
func create(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	return err
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
