package identity

import (
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// op is the kind of an identity event. The numbers travel.
type op uint64

const (
	opCreate op = 1
	opAdd    op = 2 // daemon+
	opRevoke op = 3 // daemon-
	opRotate op = 4
	opMeta   op = 5
)

// event is the payload of an identity event (spec/cordon.cddl, ident-payload):
//
//	a7             map of 7: a create
//	01 01          1: version
//	02 00          2: index
//	04 01          4: create
//	05 58 20 …     5: root
//	06 58 20 …     6: SHA-256 of the next root
//	07 64 41 63 6d 65   7: "Acme"
//	08 80          8: no domains
//
// A kind has exactly the keys that keysOf names. A new key means a new kind: a
// reader that does not know all of a chain must not trust it.
type event struct {
	index    uint64
	prev     [32]byte
	op       op
	root     ed25519.PublicKey
	next     [32]byte
	name     string
	domains  []string
	sig      ed25519.PublicKey
	peer     ed25519.PublicKey
	kem      []byte
	caps     []Cap
	notAfter uint64
	kid      id.Kid
	reason   uint64
	holds    [ed25519.SignatureSize]byte // by sig
	carries  [ed25519.SignatureSize]byte // by peer
}

// keysOf is the set of payload keys that a kind of event has, a bit a key.
func keysOf(o op) uint64 {
	switch o {
	case opCreate:
		return set(1, 2, 4, 5, 6, 7, 8)
	case opAdd:
		return set(1, 2, 3, 4, 9, 10, 11, 12, 13, 16, 17)
	case opRevoke:
		return set(1, 2, 3, 4, 14, 15)
	case opRotate:
		return set(1, 2, 3, 4, 5, 6)
	case opMeta:
		return set(1, 2, 3, 4, 7, 8)
	}
	return 0
}

func set(keys ...uint) (s uint64) {
	for _, k := range keys {
		s |= 1 << k
	}
	return s
}

// parseEvent reads a canonical payload. Keys and texts are judged here; how the
// event goes on from those before it is apply's.
func parseEvent(payload []byte) (*event, error) {
	e := new(event)
	seen, err := readMap(payload, e.field)
	if err != nil {
		return nil, err
	}
	if seen != keysOf(e.op) {
		return nil, ErrFields
	}
	return e, nil
}

// readMap reads a canonical map with keys below 64, calls field for each, and
// returns the set of the keys.
func readMap(b []byte, field func(k uint64, r *canon.Reader) error) (uint64, error) {
	r := canon.NewReader(b)
	n, err := r.Map()
	if err != nil {
		return 0, err
	}
	var seen uint64
	last := int64(-1)
	for range n {
		k, err := r.Key(&last)
		if err != nil {
			return 0, err
		}
		if k >= 64 {
			return 0, ErrFields
		}
		seen |= 1 << k
		if err := field(k, r); err != nil {
			return 0, fmt.Errorf("key %d: %w", k, err)
		}
	}
	return seen, nil
}

func (e *event) field(k uint64, r *canon.Reader) (err error) {
	switch k {
	case 1:
		_, err = number(r, 1, 1)
	case 2:
		e.index, err = number(r, 0, MaxEvents-1)
	case 3:
		err = fixed(r, e.prev[:])
	case 4:
		var n uint64
		n, err = number(r, 1, uint64(opMeta))
		e.op = op(n)
	case 5:
		e.root, err = key(r)
	case 6:
		err = fixed(r, e.next[:])
	case 7:
		e.name, err = name(r)
	case 8:
		e.domains, err = texts(r, MaxDomains, checkDomain)
	case 9:
		e.sig, err = key(r)
	case 10:
		e.peer, err = key(r)
	case 11:
		e.kem, err = kem(r)
	case 12:
		e.caps, err = caps(r)
	case 13:
		e.notAfter, err = number(r, 0, MaxTime)
	case 14:
		err = fixed(r, e.kid[:])
	case 15:
		e.reason, err = number(r, 0, maxReason)
	case 16:
		err = fixed(r, e.holds[:])
	case 17:
		err = fixed(r, e.carries[:])
	default:
		return ErrFields
	}
	return err
}

// maxReason is the highest reason code of a revocation (spec/identity.md §8.2).
const maxReason = 15

func number(r *canon.Reader, lo, hi uint64) (uint64, error) {
	n, err := r.Uint()
	if err != nil || n < lo || n > hi {
		return 0, ErrField
	}
	return n, nil
}

func fixed(r *canon.Reader, dst []byte) error {
	b, err := r.Fixed(len(dst))
	if err != nil {
		return ErrField
	}
	copy(dst, b)
	return nil
}

func key(r *canon.Reader) (ed25519.PublicKey, error) {
	b, err := r.Fixed(ed25519.PublicKeySize)
	if err != nil {
		return nil, ErrField
	}
	if !cose.KeyOK(b) {
		return nil, cose.ErrKey
	}
	return b, nil
}

func kem(r *canon.Reader) ([]byte, error) {
	b, err := r.Fixed(kemSize)
	if err != nil {
		return nil, ErrField
	}
	if _, err := hpke.MLKEM768X25519().NewPublicKey(b); err != nil {
		return nil, cose.ErrKey
	}
	return b, nil
}

func caps(r *canon.Reader) ([]Cap, error) {
	n, err := r.Array()
	if err != nil || n == 0 || n > int(CapInvite) {
		return nil, ErrField
	}
	list := make([]Cap, n)
	least := uint64(CapWrite)
	for i := range list {
		c, err := number(r, least, uint64(CapInvite))
		if err != nil {
			return nil, err
		}
		list[i], least = Cap(c), c+1
	}
	return list, nil
}

func name(r *canon.Reader) (string, error) {
	s, err := r.Text()
	if err != nil {
		return "", ErrField
	}
	return s, checkName(s)
}

// texts reads an array of at most most texts, no two the same.
func texts(r *canon.Reader, most int, check func(string) error) ([]string, error) {
	n, err := r.Array()
	if err != nil {
		return nil, ErrField
	}
	if n > most {
		return nil, ErrSize
	}
	list := make([]string, n)
	for i := range list {
		if list[i], err = r.Text(); err != nil {
			return nil, ErrField
		}
	}
	return list, checkTexts(list, most, check)
}

// commit is what key 6 says of a root key.
func commit(root ed25519.PublicKey) [32]byte { return sha256.Sum256(root) }
