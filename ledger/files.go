package ledger

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cordon/protocol/id"
)

// files are the two small files beside Pebble's directory, each sealed under
// the store key and replaced whole (spec/store.md §3).
type files struct {
	fs  vfs.FS
	dir string
	box *box
}

const (
	fileKeys       = "keys"       // the case keys
	fileGeneration = "generation" // the generation of the last start
	keysFormat     = 1            // first byte of the keys file, inside the seal
)

// ringKey is one row of the keys file: a case's number, key and id.
//
//	num 4 bytes · key 32 bytes · case id 32 bytes
type ringKey struct {
	num caseNum
	key [32]byte
	id  id.CaseID
}

const ringKeySize = 4 + 32 + id.Size

// newRingKey draws a key for a case and the number above all others.
func newRingKey(ring []ringKey, c id.CaseID) ringKey {
	k := ringKey{num: 1, id: c}
	for _, old := range ring {
		k.num = max(k.num, old.num+1)
	}
	rand.Read(k.key[:]) // never fails (crypto/rand)
	return k
}

func (f *files) readRing() ([]ringKey, error) {
	b, err := f.read(fileKeys)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(b)%ringKeySize != 1 || b[0] != keysFormat {
		return nil, errors.New("keys file: this build does not know its format")
	}
	var ring []ringKey
	for b = b[1:]; len(b) > 0; b = b[ringKeySize:] {
		ring = append(ring, ringKey{caseNum(binary.BigEndian.Uint32(b)), [32]byte(b[4:36]), id.CaseID(b[36:68])})
	}
	return ring, nil
}

func (f *files) writeRing(ring []ringKey) error {
	b := make([]byte, 1, 1+len(ring)*ringKeySize)
	b[0] = keysFormat
	for _, k := range ring {
		b = binary.BigEndian.AppendUint32(b, uint32(k.num))
		b = append(append(b, k.key[:]...), k.id[:]...)
	}
	return f.write(fileKeys, b)
}

// read opens the named file; fs.ErrNotExist if there is none.
func (f *files) read(name string) ([]byte, error) {
	h, err := f.fs.Open(f.fs.PathJoin(f.dir, name))
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

// write replaces the named file. After a crash anywhere in it the file is the
// old one or the new one, whole.
func (f *files) write(name string, plain []byte) error {
	path, temp := f.fs.PathJoin(f.dir, name), f.fs.PathJoin(f.dir, name+".new")
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
		return fmt.Errorf("write %s file: %w", name, err)
	}
	// Commit point: once the directory is synced, the new file stands.
	d, err := f.fs.OpenDir(f.dir)
	if err != nil {
		return fmt.Errorf("write %s file: %w", name, err)
	}
	return errors.Join(d.Sync(), d.Close())
}
