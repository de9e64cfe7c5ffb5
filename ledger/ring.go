package ledger

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"

	"cordon/protocol/id"
)

// Formats of the keys file, its first byte inside the seal. Stored: never reused.
const (
	ringFirst byte = 1 // had no shelf key: shelves were sealed under the store key
	ringNow   byte = 2
)

// Flags of the keys file. Stored: never reused.
const (
	ringStale byte = 1
	ringOld   byte = 2
)

// ring is the keys file. What is not in it can be read by nobody: to write it is what
// erases (spec/store.md §3).
//
//	format 1 · flags 1 · shelf key 32 · former shelf key 32 · cases 4 · a row each · 32 of each grave
type ring struct {
	shelf  [32]byte // shelves are sealed under it
	former [32]byte // and rows that were not yet sealed anew under this; else zero
	old    bool     // or under the store key: the store is of the first format
	stale  bool     // shelves may still speak of an erased case
	cases  []ringKey
	erased [][32]byte // graves of the cases that were erased
}

// ringKey is a case's number, key, index key and id. The index key stays when the case is
// sealed anew: it opens nothing.
//
//	num 4 bytes · key 32 bytes · index key 32 bytes · case id 32 bytes
type ringKey struct {
	num   caseNum
	key   [32]byte
	index [32]byte
	id    id.CaseID
}

const (
	ringHead     = 1 + 1 + 32 + 32 + 4
	ringKeySize  = 4 + 32 + 32 + id.Size
	ringFirstKey = 4 + 32 + id.Size // in the first format
)

var errRing = errors.New("keys file: this build does not know its format")

// grave is what is kept of an erased case: it is known again by it, and not by who
// does not know its id.
func grave(c id.CaseID) [32]byte { return sha256.Sum256(append([]byte("cordon-erased/1"), c[:]...)) }

// newRingKey draws a key for a case and a number that nothing bears. Called with
// creating held.
func (l *Ledger) newRingKey(c id.CaseID) (k ringKey, err error) {
	l.last++
	k.num, k.id = l.last, c
	rand.Read(k.key[:]) // never fails (crypto/rand)
	k.index, err = indexKey(k.key)
	return k, err
}

// writeRing makes r the keys file. Called with creating held.
func (l *Ledger) writeRing(r ring) error {
	if err := l.files.write(fileKeys, r.append(nil)); err != nil {
		return err
	}
	l.ring = r
	return nil
}

func (f *files) readRing() (ring, error) {
	b, err := f.read(fileKeys)
	if errors.Is(err, fs.ErrNotExist) {
		return ring{}, nil
	}
	if err != nil {
		return ring{}, err
	}
	switch {
	case len(b) > 0 && b[0] == ringFirst:
		return parseFirstRing(b[1:])
	case len(b) < ringHead || b[0] != ringNow:
		return ring{}, errRing
	}
	return parseRing(b)
}

func (r ring) append(b []byte) []byte {
	b = slices.Grow(b, ringHead+len(r.cases)*ringKeySize+32*len(r.erased))
	b = append(b, ringNow, 0)
	if r.stale {
		b[1] |= ringStale
	}
	if r.old {
		b[1] |= ringOld
	}
	b = append(append(b, r.shelf[:]...), r.former[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.cases)))
	for _, k := range r.cases {
		b = binary.BigEndian.AppendUint32(b, uint32(k.num))
		b = append(append(append(b, k.key[:]...), k.index[:]...), k.id[:]...)
	}
	for _, g := range r.erased {
		b = append(b, g[:]...)
	}
	return b
}

func parseRing(b []byte) (r ring, err error) {
	r.stale, r.old = b[1]&ringStale != 0, b[1]&ringOld != 0
	r.shelf, r.former = [32]byte(b[2:34]), [32]byte(b[34:66])
	n := uint64(binary.BigEndian.Uint32(b[66:]))
	b = b[ringHead:]
	if uint64(len(b)) < n*ringKeySize || (uint64(len(b))-n*ringKeySize)%32 != 0 {
		return r, errRing
	}
	for ; n > 0; n-- {
		r.cases = append(r.cases, ringKey{caseNum(binary.BigEndian.Uint32(b)), [32]byte(b[4:36]), [32]byte(b[36:68]), id.CaseID(b[68:100])})
		b = b[ringKeySize:]
	}
	for g := range slices.Chunk(b, 32) {
		r.erased = append(r.erased, [32]byte(g))
	}
	return r, nil
}

// parseFirstRing reads the first format: number, key and id of each case.
func parseFirstRing(b []byte) (r ring, err error) {
	if len(b)%ringFirstKey != 0 {
		return r, errRing
	}
	for row := range slices.Chunk(b, ringFirstKey) {
		k := ringKey{num: caseNum(binary.BigEndian.Uint32(row)), key: [32]byte(row[4:36]), id: id.CaseID(row[36:68])}
		if k.index, err = indexKey(k.key); err != nil {
			return r, err
		}
		r.cases = append(r.cases, k)
	}
	return r, nil
}
