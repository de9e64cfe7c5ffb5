package body

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Sealed is what sealing a body leaves: what its entry says of it, the key, and
// the hashes of the chunks.
type Sealed struct {
	Ref    entry.BodyRef
	CEK    [32]byte
	Hashes [][32]byte

	head []byte
	size uint64 // raw bytes
	at   AAD
}

// Seal seals h.Size bytes of raw, neither more nor less, under a key drawn from
// random (crypto/rand.Reader, but for test vectors), for the entry at the place
// at. Each chunk is given to emit in order; ct is overwritten after the call.
// A nil emit only finds out Ref, for who cannot keep a chunk before that: Again
// then gives the chunks.
func Seal(h Head, raw io.Reader, at AAD, random io.Reader, emit func(i int, ct []byte) error) (*Sealed, error) {
	head, err := h.encode()
	if err != nil {
		return nil, err
	}
	s := &Sealed{head: head, size: h.Size, at: at}
	if _, err := io.ReadFull(random, s.CEK[:]); err != nil {
		return nil, fmt.Errorf("draw a body key: %w", err)
	}
	err = s.run(raw, func(i int, ct []byte) error {
		s.Hashes = append(s.Hashes, sha256.Sum256(ct))
		s.Ref.Size += uint64(len(ct))
		if emit == nil {
			return nil
		}
		return emit(i, ct)
	})
	if err != nil {
		return nil, err
	}
	s.Ref.Hash, s.Ref.KC = ContentHash(s.Hashes), KeyCommitment(s.CEK)
	return s, nil
}

// Again seals the same raw bytes a second time and gives the chunks to emit. If
// raw has changed meanwhile, no changed chunk is emitted (two texts under one key
// and nonce would betray each other) and the error is ErrHash.
func (s *Sealed) Again(raw io.Reader, emit func(i int, ct []byte) error) error {
	return s.run(raw, func(i int, ct []byte) error {
		if err := CheckChunk(s.Ref, s.Hashes, i, ct); err != nil {
			return err
		}
		return emit(i, ct)
	})
}

// SealBytes is Seal for what is small enough to be held in memory; h.Size is set.
func SealBytes(h Head, raw []byte, at AAD, random io.Reader) (*Sealed, [][]byte, error) {
	var chunks [][]byte
	h.Size = uint64(len(raw))
	s, err := Seal(h, bytes.NewReader(raw), at, random, func(_ int, ct []byte) error {
		chunks = append(chunks, bytes.Clone(ct))
		return nil
	})
	return s, chunks, err
}

// run seals head, raw and padding, chunk by chunk, in one buffer.
func (s *Sealed) run(raw io.Reader, emit func(i int, ct []byte) error) error {
	aead, aad := newAEAD(s.CEK), s.at.encode()
	text := uint64(len(s.head)) + s.size
	left := Padme(text)
	in := io.MultiReader(bytes.NewReader(s.head), &exactly{raw, s.size}, io.LimitReader(zeros{}, int64(left-text)))
	buf := make([]byte, min(left, ChunkSize), min(left, ChunkSize)+Overhead)
	for i := 0; left > 0; i++ {
		n := min(left, ChunkSize)
		if _, err := io.ReadFull(in, buf[:n]); err != nil {
			return err
		}
		left -= n
		if left == 0 {
			if err := ended(in); err != nil {
				return err
			}
		}
		ct := aead.Seal(buf[:0], nonce(i, left == 0), buf[:n], aad)
		if err := emit(i, ct); err != nil {
			return err
		}
	}
	return nil
}

// ended is an error if there is more to read, which without padding only a
// further Read finds out.
func ended(r io.Reader) error {
	var more [1]byte
	switch n, err := io.ReadFull(r, more[:]); {
	case n > 0:
		return ErrLength
	case err != io.EOF:
		return err
	}
	return nil
}

func newAEAD(cek [32]byte) cipher.AEAD {
	a, err := chacha20poly1305.New(cek[:])
	if err != nil {
		panic("body: " + err.Error()) // only for a key that is not 32 bytes
	}
	return a
}

// nonce is the chunk's number, 8 bytes big-endian, 3 zero bytes, and 1 for the
// last chunk: a body cut short does not open.
func nonce(i int, last bool) []byte {
	n := make([]byte, chacha20poly1305.NonceSize)
	binary.BigEndian.PutUint64(n, uint64(i))
	if last {
		n[len(n)-1] = 1
	}
	return n
}

// encode writes the place as the example at AAD shows.
func (a AAD) encode() []byte {
	comp := any(a.Comp[:])
	switch a.Comp {
	case id.Control, id.Everyone:
		comp = uint64(a.Comp[id.Size-1])
	}
	return canon.MustMarshal([]any{a.Case[:], a.Kid[:], comp, uint64(a.Seq), uint64(a.Type)})
}

// exactly reads left bytes of r, and it is an error if r has fewer or more.
type exactly struct {
	r    io.Reader
	left uint64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		if err := ended(e.r); err != nil {
			return 0, err
		}
		return 0, io.EOF
	}
	if uint64(len(p)) > e.left {
		p = p[:e.left]
	}
	n, err := e.r.Read(p)
	e.left -= uint64(n)
	if err == io.EOF {
		err = nil
		if e.left > 0 {
			err = ErrLength
		}
	}
	return n, err
}

// zeros is an endless reader of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
