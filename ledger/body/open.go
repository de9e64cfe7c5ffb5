package body

import (
	"bytes"
	"crypto/cipher"
	"io"

	"cordon/protocol/entry"
)

// Open opens a body for reading: key, hashes and the first chunk are checked at
// once, each further chunk when the reader gets there: length, hash, then seal.
// chunk(i) returns chunk i, which Open does not keep or change. The reader gives
// exactly Head.Size bytes, then io.EOF if the padding is as it must be; a caller
// that needs the whole must therefore read to io.EOF. The errors are those of this
// package, and chunk's own.
func Open(ref entry.BodyRef, hashes [][32]byte, cek [32]byte, at AAD, chunk func(i int) ([]byte, error)) (Head, io.Reader, error) {
	if err := CheckKey(ref, cek); err != nil {
		return Head{}, nil, err
	}
	if err := CheckHashes(ref, hashes); err != nil {
		return Head{}, nil, err
	}
	o := &opening{ref: ref, hashes: hashes, aead: newAEAD(cek), aad: at.encode(), chunk: chunk}
	if err := o.load(); err != nil {
		return Head{}, nil, err
	}
	h, n, err := parseHead(o.text)
	if err != nil {
		return Head{}, nil, err
	}
	if Padme(uint64(n)+h.Size) != ref.Size-uint64(len(hashes))*Overhead {
		return Head{}, nil, ErrPadding
	}
	o.text, o.left = o.text[n:], h.Size
	return h, o, nil
}

// OpenBytes is Open for a body that is small enough to be held in memory.
func OpenBytes(ref entry.BodyRef, hashes [][32]byte, cek [32]byte, at AAD, chunks [][]byte) (Head, []byte, error) {
	h, r, err := Open(ref, hashes, cek, at, func(i int) ([]byte, error) {
		if i >= len(chunks) {
			return nil, ErrSize
		}
		return chunks[i], nil
	})
	if err != nil {
		return h, nil, err
	}
	var raw bytes.Buffer
	_, err = raw.ReadFrom(r)
	return h, raw.Bytes(), err
}

// opening is a body being read; it holds one opened chunk.
type opening struct {
	ref    entry.BodyRef
	hashes [][32]byte
	aead   cipher.AEAD
	aad    []byte
	chunk  func(int) ([]byte, error)

	buf  []byte
	text []byte // what of the opened chunk has not been read
	next int    // chunk to be loaded
	left uint64 // raw bytes not yet read
	err  error  // that ended the reading
}

// load opens the next chunk; io.EOF after the last.
func (o *opening) load() error {
	if o.next == len(o.hashes) {
		return io.EOF
	}
	ct, err := o.chunk(o.next)
	if err != nil {
		return err
	}
	if err := CheckChunk(o.ref, o.hashes, o.next, ct); err != nil {
		return err
	}
	text, err := o.aead.Open(o.buf[:0], nonce(o.next, o.next == len(o.hashes)-1), ct, o.aad)
	if err != nil {
		return ErrSealed
	}
	o.buf, o.text = text, text
	o.next++
	return nil
}

func (o *opening) Read(p []byte) (int, error) {
	if o.err == nil && len(o.text) == 0 && o.left > 0 {
		o.err = o.load()
	}
	if o.err == nil && o.left == 0 {
		o.err = o.padding()
	}
	if o.err != nil {
		return 0, o.err
	}
	if uint64(len(p)) > o.left {
		p = p[:o.left]
	}
	n := copy(p, o.text)
	o.text, o.left = o.text[n:], o.left-uint64(n)
	return n, nil
}

// padding reads what follows the raw bytes: zeros up to the end, io.EOF.
func (o *opening) padding() error {
	for {
		if len(bytes.Trim(o.text, "\x00")) != 0 {
			return ErrPadding
		}
		if err := o.load(); err != nil {
			return err
		}
	}
}
