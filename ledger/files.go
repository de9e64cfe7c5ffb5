package ledger

import (
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// files are the two small files beside Pebble, each sealed under the store key and
// replaced whole (spec/store.md §3).
type files struct {
	fs         vfs.FS
	dir        string
	generation string // path of that file, which lies elsewhere
	box        *box
}

const (
	fileKeys       = "keys"       // the ring
	fileGeneration = "generation" // the generation of the last start
)

func (f *files) path(name string) string {
	if name == fileGeneration {
		return f.generation
	}
	return f.fs.PathJoin(f.dir, name)
}

// read opens the named file; fs.ErrNotExist if there is none.
func (f *files) read(name string) ([]byte, error) {
	h, err := f.fs.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	info, err := h.Stat()
	var sealed []byte
	if err == nil {
		sealed = make([]byte, info.Size())
		_, err = io.ReadFull(h, sealed)
	}
	if err := errors.Join(err, h.Close()); err != nil {
		return nil, err
	}
	plain, err := f.box.open([]byte(name), sealed)
	if err != nil {
		return nil, fmt.Errorf("%s file: %w", name, ErrStoreKey)
	}
	return plain, nil
}

// errUncertain says that a file may be the old one or the new one.
var errUncertain = errors.New("whether it is on the disk is not known")

// write replaces the named file. After a crash anywhere in it the file is the
// old one or the new one, whole. After an error it is the old one, but for
// errUncertain.
func (f *files) write(name string, plain []byte) error {
	path := f.path(name)
	temp := path + ".new"
	h, err := f.fs.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("write %s file: %w", name, err)
	}
	_, err = h.Write(f.box.seal([]byte(name), plain))
	if err == nil {
		err = h.Sync()
	}
	if err := errors.Join(err, h.Close()); err != nil {
		return fmt.Errorf("write %s file: %w", name, err)
	}
	if err := f.fs.Rename(temp, path); err != nil {
		return fmt.Errorf("write %s file: %w: %w", name, errUncertain, err)
	}
	// Commit point: once the directory is synced, the new file stands.
	d, err := f.fs.OpenDir(f.fs.PathDir(path))
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("write %s file: %w: %w", name, errUncertain, err)
	}
	return nil
}
