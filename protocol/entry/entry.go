// Package entry reads and writes entries: the signed units of a feed
// (spec/protocol.md §4). It knows the envelope and the payload's structure and
// limits; it does not know what a type means (package protocol), nor whether an
// entry is next in its feed (package ledger).
//
// Main path: Draft.Seal writes; Parse reads without judging the signature;
// Sealed.Verify judges it.
package entry

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// Limits of spec/protocol.md §4.4. An entry shows its own limits.
const (
	MaxControl    = 64 << 10 // bytes of a control entry
	MaxContent    = 8 << 10  // bytes of a content entry
	MaxDeps       = 16
	MaxSeqControl = 1 << 16   // seq of a control entry is below
	MaxSeqContent = 1 << 20   // seq of a content entry is below
	MaxTime       = 1 << 53   // t and lc are at most
	MaxBody       = 265 << 20 // sealed bytes of a body: a 256 MiB attachment and its head, padded to 264 MiB, and tags
	extFirst      = 64        // keys from here on are ignored if unknown
	extLast       = 65535
)

// The rules of the payload's structure, by stable name.
var (
	ErrSize      = errors.New("too-large")
	ErrField     = errors.New("bad-field")
	ErrMissing   = errors.New("missing-field")
	ErrPlane     = errors.New("wrong-plane")
	ErrGenesis   = errors.New("bad-genesis")
	ErrDepsOrder = errors.New("deps-not-sorted")
	ErrSeqLimit  = errors.New("seq-limit")
)

// Type is a message's registry number (spec/cordon.cddl). Numbers below
// FirstContent are of the control plane.
type Type uint16

// FirstContent is the lowest number of a content type.
const FirstContent Type = 32

// BodyRef is what an entry says of its sealed body (spec/protocol.md §7).
type BodyRef struct {
	Hash [32]byte // of the chunk hashes
	Size uint64   // sealed bytes, all chunks
	KC   [32]byte // commitment to the key
}

// Fields are the payload of an entry. In genesis Case is zero.
type Fields struct {
	Case id.CaseID
	Comp id.Comp
	Seq  id.Seq
	Prev id.EntryID // zero iff Seq is 0
	Deps []id.EntryID
	LC   uint64 // Lamport number
	T    uint64 // claimed Unix milliseconds
	Type Type
	Cfg  *id.ConfigID
	Agr  *id.AgrID
	Ctl  []byte   // canonical map, control entries only
	Body *BodyRef // content entries only
}

// Sealed is an entry as it was received: canonical, well formed and within the
// limits. Whether it is authentic is known after Verify, or by a cover (ledger).
type Sealed struct {
	Fields
	ID      id.EntryID
	Kid     id.Kid
	Raw     []byte // owned by whoever gave it to Parse
	Unknown bool   // has a payload key below 64 that this build does not know
	obj     cose.Object
}

// Feed is the feed that the entry belongs to, inside its case.
func (s *Sealed) Feed() id.Feed { return id.Feed{Kid: s.Kid, Comp: s.Comp} }

// Control says whether the entry is of the control plane.
func (s *Sealed) Control() bool { return s.Comp == id.Control }

// Genesis says whether the entry opens a case.
func (s *Sealed) Genesis() bool { return s.Case == id.CaseID{} }

// CaseID is the case that the entry belongs to; for genesis its own id.
func (s *Sealed) CaseID() id.CaseID {
	if s.Genesis() {
		return id.CaseID(s.ID)
	}
	return s.Case
}

// Verify judges the entry's own signature.
func (s *Sealed) Verify(pub ed25519.PublicKey) error { return s.obj.Verify(pub) }

// Parse reads an entry: envelope, canonical form, structure, limits. The result
// aliases raw. Errors name the rule: canon.Error, or an error of packages cose
// and entry.
func Parse(raw []byte) (*Sealed, error) {
	if len(raw) > MaxControl {
		return nil, ErrSize
	}
	obj, err := cose.Parse(cose.Entry, raw)
	if err != nil {
		return nil, err
	}
	s := &Sealed{ID: obj.ID, Kid: obj.Kid, Raw: raw, obj: obj}
	seen, err := s.read(obj.Payload)
	if err != nil {
		return nil, err
	}
	if err := s.check(seen); err != nil {
		return nil, err
	}
	return s, nil
}

// keys is the set of payload keys below 64 that were present.
type keys uint64

func (k keys) has(n uint) bool { return k&(1<<n) != 0 }

// read fills the fields; the payload is canonical already.
func (s *Sealed) read(payload []byte) (keys, error) {
	var seen keys
	r := canon.NewReader(payload)
	n, err := r.Map()
	if err != nil {
		return 0, fmt.Errorf("payload: %w", ErrField)
	}
	last := int64(-1)
	for range n {
		k, err := r.Key(&last)
		if err != nil {
			return 0, fmt.Errorf("payload key: %w", ErrField)
		}
		if k >= extFirst {
			if k > extLast {
				return 0, field(k)
			}
			if _, err := r.Raw(); err != nil {
				return 0, err
			}
			continue
		}
		seen |= 1 << k
		if err := s.field(k, r); err != nil {
			return 0, err
		}
	}
	return seen, nil
}

func field(k uint64) error { return fmt.Errorf("key %d: %w", k, ErrField) }

// field reads the value of one key.
func (s *Sealed) field(k uint64, r *canon.Reader) (err error) {
	switch k {
	case 1:
		return uintAt(r, k, 1, 1, new(uint64))
	case 2:
		return idAt(r, k, (*[32]byte)(&s.Case))
	case 3:
		return s.comp(r)
	case 5:
		var seq uint64
		err = uintAt(r, k, 0, MaxSeqContent-1, &seq)
		s.Seq = id.Seq(seq)
		return err
	case 6:
		return idAt(r, k, (*[32]byte)(&s.Prev))
	case 7:
		return s.deps(r)
	case 8:
		return uintAt(r, k, 0, MaxTime, &s.LC)
	case 9:
		return uintAt(r, k, 0, MaxTime, &s.T)
	case 10:
		var t uint64
		err = uintAt(r, k, 1, 1<<16-1, &t)
		s.Type = Type(t)
		return err
	case 11:
		s.Cfg = new(id.ConfigID)
		return idAt(r, k, (*[32]byte)(s.Cfg))
	case 12:
		s.Agr = new(id.AgrID)
		return idAt(r, k, (*[32]byte)(s.Agr))
	case 13:
		if kind, ok := r.Kind(); !ok || kind != canon.KindMap {
			return field(k)
		}
		s.Ctl, err = r.Raw()
		return err
	case 14:
		return s.body(r)
	}
	s.Unknown = true
	_, err = r.Raw()
	return err
}

func uintAt(r *canon.Reader, k, lo, hi uint64, v *uint64) error {
	u, err := r.Uint()
	if err != nil || u < lo || u > hi {
		return field(k)
	}
	*v = u
	return nil
}

func idAt(r *canon.Reader, k uint64, v *[32]byte) error {
	b, err := r.Fixed(id.Size)
	if err != nil {
		return field(k)
	}
	copy(v[:], b)
	if *v == ([32]byte{}) {
		return field(k) // zero stands for "absent" in memory and is no hash
	}
	return nil
}

func (s *Sealed) comp(r *canon.Reader) error {
	kind, _ := r.Kind()
	if kind == canon.KindUint {
		var n uint64
		if err := uintAt(r, 3, 0, 1, &n); err != nil {
			return err
		}
		s.Comp[id.Size-1] = byte(n)
		return nil
	}
	if err := idAt(r, 3, (*[32]byte)(&s.Comp)); err != nil {
		return err
	}
	if s.Comp == id.Everyone {
		return field(3) // a second way to write 1
	}
	return nil
}

func (s *Sealed) deps(r *canon.Reader) error {
	n, err := r.Array()
	if err != nil || n > MaxDeps {
		return field(7)
	}
	if n == 0 {
		return nil
	}
	s.Deps = make([]id.EntryID, n)
	for i := range s.Deps {
		if err := idAt(r, 7, (*[32]byte)(&s.Deps[i])); err != nil {
			return err
		}
		if i > 0 && bytes.Compare(s.Deps[i-1][:], s.Deps[i][:]) >= 0 {
			return ErrDepsOrder
		}
	}
	return nil
}

// body reads [hash, size, kc]; the array may grow, what follows is ignored.
func (s *Sealed) body(r *canon.Reader) error {
	n, err := r.Array()
	if err != nil || n < 3 {
		return field(14)
	}
	s.Body = new(BodyRef)
	if err := idAt(r, 14, &s.Body.Hash); err != nil {
		return err
	}
	if err := uintAt(r, 14, 1, MaxBody, &s.Body.Size); err != nil {
		return err
	}
	if err := idAt(r, 14, &s.Body.KC); err != nil {
		return err
	}
	for range n - 3 {
		if _, err := r.Raw(); err != nil {
			return err
		}
	}
	return nil
}

// check judges how the fields go together (spec/protocol.md §4.2).
func (s *Sealed) check(seen keys) error {
	for _, k := range []uint{1, 3, 5, 7, 8, 9, 10} {
		if !seen.has(k) {
			return fmt.Errorf("key %d: %w", k, ErrMissing)
		}
	}
	if seen.has(6) != (s.Seq > 0) {
		return fmt.Errorf("key 6: %w", ErrMissing)
	}
	if !seen.has(2) {
		return s.checkGenesis()
	}
	if s.Seq == 0 && len(s.Deps) == 0 {
		return fmt.Errorf("key 7: %w", ErrMissing)
	}
	if s.LC == 0 {
		return field(8)
	}
	return s.checkPlane()
}

// TypeGenesis is the type of the entry that opens a case.
const TypeGenesis Type = 1

func (s *Sealed) checkGenesis() error {
	if s.Type != TypeGenesis || s.Comp != id.Control || s.Seq != 0 || len(s.Deps) != 0 ||
		s.LC != 0 || s.Ctl == nil || s.Body != nil || s.Cfg != nil || s.Agr != nil {
		return ErrGenesis
	}
	return nil
}

func (s *Sealed) checkPlane() error {
	if s.Type == TypeGenesis {
		return ErrGenesis
	}
	if s.Control() {
		switch {
		case s.Type >= FirstContent || s.Ctl == nil || s.Body != nil || s.Agr != nil:
			return ErrPlane
		case s.Seq >= MaxSeqControl:
			return ErrSeqLimit
		}
		return nil
	}
	switch {
	case s.Type < FirstContent || s.Ctl != nil || s.Body == nil || s.Agr == nil || s.Cfg != nil:
		return ErrPlane
	case len(s.Raw) > MaxContent:
		return ErrSize
	}
	return nil
}
