package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"cordon/daemon/api"
	"cordon/protocol/identity"
)

// Our identity events lie in up to three places: in the home (identity.pem), in a
// renewal that the next start takes over (keys/next), and beside the root, where
// every act of the root notes them first. The last outlives a home that was
// restored from an old backup: the root never signs two events at one index.

// loadChain reads and verifies the events of one file; nil where there is none.
func loadChain(path string) (*identity.Org, error) {
	events, err := loadEvents(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	org, err := identity.Replay(events)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return org, nil
}

// newestChain is the longest chain of several files, each a part of it.
func newestChain(paths ...string) (*identity.Org, error) {
	var newest *identity.Org
	for _, path := range paths {
		org, err := loadChain(path)
		if err != nil {
			return nil, err
		}
		switch {
		case org == nil || newest != nil && newest.Extends(org):
		case newest == nil || org.Extends(newest):
			newest = org
		default:
			return nil, &api.Error{Kind: api.Fork, Text: fmt.Sprintf("%s contradicts another copy of our identity events: the root signed two histories", path),
				Try: "keep the one that other organisations have pinned, move the other away"}
		}
	}
	if newest == nil {
		return nil, &api.Error{Kind: api.Internal, Text: fmt.Sprintf("%s: there are no identity events", paths[0]), Try: "bring identity.pem back from a backup of this home, or from the folder of the root keys"}
	}
	return newest, nil
}

// saveChain puts events in the place of those of a file.
func saveChain(path string, org *identity.Org) error {
	text, err := eventsText(org.Events)
	if err != nil {
		return err
	}
	return replace(path, text)
}

// lockIdentity keeps two acts of the root, and the daemon, from writing our events
// at once.
func (h home) lockIdentity() (*flock.Flock, error) {
	l := flock.New(h.path("identity.lock"), flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return nil, fmt.Errorf("lock %s: %w", h.identity(), err)
	}
	return l, nil
}

// replace puts a file for the owner only in the place of the former, or makes it:
// after a crash it is the old one or the new one.
func replace(path string, content []byte) error {
	beside := path + ".new"
	if err := os.Remove(beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := create(beside, content); err != nil {
		return err
	}
	if err := os.Rename(beside, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// exists says whether there is a file.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
