package daemon

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
	"os"

	"cordon/daemon/api"
)

// maxUpload is the largest report or attachment (spec/protocol.md §4.4).
const maxUpload = 256 << 20

// spool keeps an upload while it comes in: its length must be known, and the
// case's write lock must not wait for a slow sender. The file has no name and
// is encrypted under a key that only this process knows, so a crash leaves
// nothing readable. Only its maker reads it: no integrity is needed.
type spool struct {
	f     *os.File
	block cipher.Block
	size  uint64
}

// newSpool reads in to its end; a longer one than maxUpload is invalid.
func newSpool(dir string, in io.Reader) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, "upload")
	if err != nil {
		return nil, err
	}
	s := &spool{f: f}
	if err := os.Remove(f.Name()); err != nil {
		return nil, s.fail(err)
	}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	if s.block, err = aes.NewCipher(key[:]); err != nil {
		return nil, s.fail(err)
	}
	n, err := io.Copy(f, cipher.StreamReader{S: s.stream(), R: io.LimitReader(in, maxUpload+1)})
	if err != nil {
		return nil, s.fail(err)
	}
	if n > maxUpload {
		return nil, s.fail(invalid("a file may have %d MiB, this one has more", maxUpload>>20))
	}
	s.size = uint64(n)
	return s, nil
}

// stream starts the key stream; the key is used for one file, so the counter
// may start at zero.
func (s *spool) stream() cipher.Stream {
	return cipher.NewCTR(s.block, make([]byte, aes.BlockSize))
}

// open reads the upload from its start; one reader at a time.
func (s *spool) open() (io.Reader, error) {
	if _, err := s.f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewind upload: %w", err)
	}
	return cipher.StreamReader{S: s.stream(), R: s.f}, nil
}

func (s *spool) close() { s.f.Close() }

func (s *spool) fail(err error) error {
	s.close()
	if _, ok := err.(*api.Error); ok {
		return err
	}
	return fmt.Errorf("take upload: %w", err)
}
