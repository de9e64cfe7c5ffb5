// Package admission has the two signed objects by which an organisation comes
// into a case, and the commitment that keeps the case's id hidden meanwhile
// (spec/identity.md §5.4). They travel off the ledger; an admit entry carries
// both. Whether the role, the agreement or the time suits the case is not judged
// here.
//
// Main path: Commitment; SealInvite, OpenInvite; SealAccept, OpenAccept;
// Accept.Answers.
package admission

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Limits of spec/identity.md §5.4.
const (
	MaxInvite = 1 << 10 // bytes of an invite
	MaxAccept = 512     // bytes of an accept
	MaxTeaser = 280     // bytes
	MaxRole   = 6
)

// The rules of both objects, by stable name, beside those of packages canon,
// cose and identity.
var (
	ErrSize   = errors.New("too-large")
	ErrField  = errors.New("bad-field")
	ErrFields = errors.New("wrong-fields") // a key is missing, or too many
	ErrParty  = errors.New("wrong-party")  // names another organisation than the one whose chain was given
)

// Commitment is what both objects say of the case: SHA-256(case || salt). The
// salt is drawn for one invitee, so that nobody else can tell which case it is.
func Commitment(c id.CaseID, salt [32]byte) [32]byte {
	return sha256.Sum256(append(c[:], salt[:]...))
}

// Opens says whether the salt opens a commitment to the case, in constant time.
func Opens(commitment [32]byte, c id.CaseID, salt [32]byte) bool {
	return equal(commitment, Commitment(c, salt))
}

func equal(a, b [32]byte) bool { return subtle.ConstantTimeCompare(a[:], b[:]) == 1 }

// Invite asks one organisation into a case that it cannot name yet. It is signed
// by a daemon of the inviter with cap invite.
type Invite struct {
	ID         [32]byte // of the object; set by OpenInvite
	Nonce      [16]byte // the invite id, drawn at random
	Inviter    id.OrgID
	Invitee    id.OrgID
	Commitment [32]byte
	Role       uint8 // 1..MaxRole, of package protocol
	Agr        id.AgrID
	Expiry     uint64 // Unix milliseconds, compared by both sides with their own clocks
	Teaser     string // may be ""
	// FromAdmission tells that what was written for everybody before the admission will not
	// be given; the admission decides.
	FromAdmission bool

	Kid id.Kid // who signed; set by OpenInvite
	Raw []byte // set by OpenInvite
}

// SealInvite signs an invite. What it cannot judge is whether key belongs to a
// daemon of i.Inviter: OpenInvite does.
func SealInvite(key ed25519.PrivateKey, i Invite) ([]byte, error) {
	said := struct {
		V          uint64 `cbor:"1,keyasint"`
		Nonce      []byte `cbor:"2,keyasint"`
		Inviter    []byte `cbor:"3,keyasint"`
		Invitee    []byte `cbor:"4,keyasint"`
		Commitment []byte `cbor:"5,keyasint"`
		Role       uint64 `cbor:"6,keyasint"`
		Agr        []byte `cbor:"7,keyasint"`
		Expiry     uint64 `cbor:"8,keyasint"`
		Teaser     string `cbor:"9,keyasint"`
		History    uint64 `cbor:"10,keyasint,omitempty"`
	}{1, i.Nonce[:], i.Inviter[:], i.Invitee[:], i.Commitment[:], uint64(i.Role), i.Agr[:], i.Expiry, i.Teaser, 0}
	if i.FromAdmission {
		said.History = 1
	}
	payload := canon.MustMarshal(said)
	raw, _ := cose.Seal(cose.Invite, key, payload)
	_, _, err := parseInvite(raw)
	return raw, err
}

// OpenInvite verifies an invite against the chain of the organisation that it
// says it is from: signed by an unrevoked daemon with cap invite. It copies raw.
func OpenInvite(raw []byte, inviter *identity.Org) (*Invite, error) {
	i, obj, err := parseInvite(raw)
	if err != nil {
		return nil, err
	}
	if i.Inviter != inviter.ID {
		return nil, ErrParty
	}
	if err := inviter.Verify(&obj, identity.CapInvite); err != nil {
		return nil, err
	}
	return i, nil
}

// ParseInviter reads who an invite says it is from, to find the chain for
// OpenInvite. Nothing is verified.
func ParseInviter(raw []byte) (id.OrgID, error) {
	i, _, err := parseInvite(raw)
	if err != nil {
		return id.OrgID{}, err
	}
	return i.Inviter, nil
}

func parseInvite(raw []byte) (*Invite, cose.Object, error) {
	i := new(Invite)
	obj, err := parse(cose.Invite, raw, MaxInvite, 9, 10, i.field)
	if err != nil {
		return nil, obj, err
	}
	if i.Inviter == i.Invitee {
		return nil, obj, ErrParty
	}
	i.ID, i.Kid, i.Raw = obj.ID, obj.Kid, obj.Raw
	return i, obj, nil
}

func (i *Invite) field(k uint64, r *canon.Reader) error {
	switch k {
	case 1:
		return number(r, 1, 1, new(uint64))
	case 2:
		return fixed(r, i.Nonce[:])
	case 3:
		return fixed(r, i.Inviter[:])
	case 4:
		return fixed(r, i.Invitee[:])
	case 5:
		return fixed(r, i.Commitment[:])
	case 6:
		return role(r, &i.Role)
	case 7:
		return fixed(r, i.Agr[:])
	case 8:
		return number(r, 0, identity.MaxTime, &i.Expiry)
	case 9:
		return teaser(r, &i.Teaser)
	}
	i.FromAdmission = true
	return number(r, 1, 1, new(uint64))
}

// parse reads an object of a role whose payload has exactly the keys 1..n, n
// from least to most, and gives each key to field. Object.Raw is a copy.
func parse(as cose.Role, raw []byte, size, least, most int, field func(uint64, *canon.Reader) error) (cose.Object, error) {
	if len(raw) > size {
		return cose.Object{}, ErrSize
	}
	obj, err := cose.Parse(as, append([]byte(nil), raw...))
	if err != nil {
		return obj, err
	}
	r := canon.NewReader(obj.Payload)
	n, err := r.Map()
	if err != nil || n < least || n > most {
		return obj, ErrFields
	}
	last := int64(0)
	for want := uint64(1); want <= uint64(n); want++ {
		if k, err := r.Key(&last); err != nil || k != want {
			return obj, ErrFields
		}
		if err := field(want, r); err != nil {
			return obj, fmt.Errorf("key %d: %w", want, err)
		}
	}
	return obj, nil
}

func fixed(r *canon.Reader, dst []byte) error {
	b, err := r.Fixed(len(dst))
	if err != nil {
		return ErrField
	}
	copy(dst, b)
	return nil
}

func number(r *canon.Reader, lo, hi uint64, dst *uint64) error {
	n, err := r.Uint()
	if err != nil || n < lo || n > hi {
		return ErrField
	}
	*dst = n
	return nil
}

func role(r *canon.Reader, dst *uint8) error {
	var n uint64
	err := number(r, 1, MaxRole, &n)
	*dst = uint8(n)
	return err
}

func teaser(r *canon.Reader, dst *string) error {
	s, err := r.Text()
	if err != nil {
		return ErrField
	}
	*dst = s
	return identity.PlainText(s, MaxTeaser)
}
