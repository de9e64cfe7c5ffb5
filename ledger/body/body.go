// Package body seals and opens bodies: the detached, encrypted part of a content
// entry (spec/identity.md §7). A body is a head, raw bytes and padding, cut into
// chunks of 1 MiB that are sealed under one key drawn for this body, and bound to
// the place of its entry. The package moves no bytes and keeps none: chunks go out
// and come in by call backs, at most one in memory at a time.
//
// Main path: Seal, Sealed.Again; Open. Count, CheckHashes, CheckChunk and CheckKey
// are for who stores or forwards a body that it may not open.
package body

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"math/bits"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Sizes of spec/identity.md §7.1, in bytes.
const (
	ChunkSize = 1 << 20   // of every chunk before sealing, but the last
	Overhead  = 16        // that sealing adds to a chunk
	MaxRaw    = 256 << 20 // of the raw bytes
)

// The rules of a body, by stable name.
var (
	ErrKey     = errors.New("wrong-body-key")   // the key is not the one the entry commits to
	ErrHash    = errors.New("wrong-chunk-hash") // the chunk, or the list of hashes, is another
	ErrSealed  = errors.New("chunk-not-opened") // sealed under another key or for another entry
	ErrSize    = errors.New("wrong-body-size")  // no body has this size, or the chunks another
	ErrHead    = errors.New("bad-body-head")    // the head breaks a rule of §7.2
	ErrPadding = errors.New("wrong-padding")    // not Padmé, or not zero
	ErrLength  = errors.New("wrong-raw-length") // the raw bytes given to Seal are not Head.Size many
)

// AAD is the place of a body: what its seal is bound to beside the key. A chunk
// moved to another entry does not open.
//
//	85           array of 5: [case, kid, comp, seq, type]
//	58 20 …      case
//	58 20 …      kid
//	01           comp: 0, 1 or 32 bytes
//	07           seq
//	18 21        type
type AAD struct {
	Case id.CaseID
	Kid  id.Kid
	Comp id.Comp
	Seq  id.Seq
	Type entry.Type
}

// Of is the place of an entry's body.
func Of(e *entry.Sealed) AAD {
	return AAD{Case: e.CaseID(), Kid: e.Kid, Comp: e.Comp, Seq: e.Seq, Type: e.Type}
}

// Padme is the length that a text of n bytes is padded to: only the upper bits of
// a length show, so that at most 12 % is added and few lengths exist (PURBs,
// Nikitin et al. 2019, §4).
func Padme(n uint64) uint64 {
	if n < 2 {
		return n
	}
	e := bits.Len64(n) - 1                       // floor(log2 n)
	mask := uint64(1)<<(e-bits.Len(uint(e))) - 1 // the low bits that shall be zero
	return (n + mask) &^ mask
}

// Count is the number of chunks of a body of size sealed bytes. ErrSize: no body
// has that size.
func Count(size uint64) (int, error) {
	const full = ChunkSize + Overhead
	if size == 0 || size > entry.MaxBody {
		return 0, ErrSize
	}
	n := (size + full - 1) / full
	if size-(n-1)*full <= Overhead {
		return 0, ErrSize
	}
	return int(n), nil
}

// ChunkLen is the sealed length of chunk i of a body of size sealed bytes.
func ChunkLen(size uint64, i int) (int, error) {
	n, err := Count(size)
	if err != nil || i < 0 || i >= n {
		return 0, ErrSize
	}
	if i < n-1 {
		return ChunkSize + Overhead, nil
	}
	return int(size) - (n-1)*(ChunkSize+Overhead), nil
}

// ContentHash is the hash that the entry names: SHA-256 over the chunk hashes.
func ContentHash(hashes [][32]byte) [32]byte {
	h := sha256.New()
	for i := range hashes {
		h.Write(hashes[i][:])
	}
	return [32]byte(h.Sum(nil))
}

// KeyCommitment is what the entry says of the key (the cipher itself commits to
// none: a chunk can be made that opens under two).
func KeyCommitment(cek [32]byte) [32]byte {
	return sha256.Sum256(append([]byte("cordon-kc/1"), cek[:]...))
}

// CheckKey says whether cek is the key of the body, in constant time.
func CheckKey(ref entry.BodyRef, cek [32]byte) error {
	kc := KeyCommitment(cek)
	if subtle.ConstantTimeCompare(kc[:], ref.KC[:]) != 1 {
		return ErrKey
	}
	return nil
}

// CheckHashes says whether the hashes are those of the body's chunks.
func CheckHashes(ref entry.BodyRef, hashes [][32]byte) error {
	n, err := Count(ref.Size)
	if err != nil {
		return err
	}
	if len(hashes) != n || ContentHash(hashes) != ref.Hash {
		return ErrHash
	}
	return nil
}

// CheckChunk says whether ct is chunk i. The hashes have passed CheckHashes.
func CheckChunk(ref entry.BodyRef, hashes [][32]byte, i int, ct []byte) error {
	n, err := ChunkLen(ref.Size, i)
	if err != nil {
		return err
	}
	if len(ct) != n {
		return ErrSize
	}
	if i >= len(hashes) || sha256.Sum256(ct) != hashes[i] {
		return ErrHash
	}
	return nil
}
