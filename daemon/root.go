package daemon

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"cordon/daemon/api"
	"cordon/protocol/identity"
)

// rootKeys is the folder of the organisation's root, which lies apart from the
// home when nobody needs it:
//
//	root.key       the root in force
//	next.key       the one that follows it, committed to beforehand
//	identity.pem   the events that it has signed; public
type rootKeys struct {
	dir string
	ask func() (string, error) // for a passphrase
}

func (r rootKeys) path(name string) string { return filepath.Join(r.dir, name) }

// The new next root while a rotation is under way.
const nextRoot = "next.key.new"

// inForce is the root in force of an organisation. A rotation that was interrupted
// after the event was noted is finished first.
func (r rootKeys) inForce(org *identity.Org) (ed25519.PrivateKey, error) {
	if err := r.finish(org); err != nil {
		return nil, err
	}
	root, err := r.load("root.key")
	if err != nil {
		return nil, err
	}
	if !org.Root().Equal(root.Public()) {
		return nil, &api.Error{Kind: api.Refused, Rule: "wrong-root", Text: r.path("root.key") + " is not the root key in force of this organisation: nothing was changed",
			Try: "--root with the folder of the newest root keys; where only the next root is left: cordon key rotate"}
	}
	return root, nil
}

func (r rootKeys) load(name string) (ed25519.PrivateKey, error) {
	key, err := loadSeed(r.path(name), r.ask)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, r.absent(name)
	}
	return key, err
}

// absent says that a root key is not where it was looked for.
func (r rootKeys) absent(name string) error {
	return &api.Error{Kind: api.NotFound, Text: r.path(name) + " does not exist: the root keys are not here",
		Try: "--root FOLDER: the place to which the folder root was moved that cordon init made"}
}

// note keeps what the root has signed beside it, before it goes anywhere.
func (r rootKeys) note(org *identity.Org) error {
	if err := saveChain(r.path("identity.pem"), org); err != nil {
		return fmt.Errorf("the folder of the root keys must be writable: it notes what the root signs: %w", err)
	}
	return nil
}

// rotate signs the event that puts the next root in force, and writes the root that
// is to follow it. finish ends what it begins, once the event is noted.
func (r rootKeys) rotate(org *identity.Org) ([]byte, error) {
	if err := r.finish(org); err != nil {
		return nil, err
	}
	next, err := r.load("next.key")
	if err != nil {
		return nil, err
	}
	public, after, _ := ed25519.GenerateKey(nil)
	event, err := org.Rotate(next, public)
	if errors.Is(err, identity.ErrRoot) {
		return nil, &api.Error{Kind: api.Refused, Rule: "wrong-root", Text: r.path("next.key") + " is not the root key that was committed to: nothing was changed",
			Try: "--root with the folder of the newest root keys"}
	}
	if err != nil {
		return nil, fmt.Errorf("rotate the root: %w", err)
	}
	text, err := os.ReadFile(r.path("next.key"))
	if err != nil {
		return nil, err
	}
	passphrase := ""
	if protected(text) { // the new one as the former
		if passphrase, err = r.ask(); err != nil {
			return nil, err
		}
	}
	if err := os.Remove(r.path(nextRoot)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := saveKey(r.path(nextRoot), pemSeed, after.Seed(), passphrase); err != nil {
		return nil, err
	}
	return event, syncDir(r.dir)
}

// finish gives the files the names that the newest event says they have.
func (r rootKeys) finish(org *identity.Org) error {
	if !exists(r.path(nextRoot)) {
		return nil
	}
	if exists(r.path("next.key")) {
		next, err := r.load("next.key")
		if err != nil {
			return err
		}
		if !org.Root().Equal(next.Public()) {
			return nil // the rotation never took place; the next one writes another
		}
		if err := os.Rename(r.path("next.key"), r.path("root.key")); err != nil {
			return err
		}
	}
	if err := os.Rename(r.path(nextRoot), r.path("next.key")); err != nil {
		return err
	}
	return syncDir(r.dir)
}
