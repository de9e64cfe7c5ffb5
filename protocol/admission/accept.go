package admission

import (
	"crypto/ed25519"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Accept is an organisation's yes to one invite: with it, it signs the agreement.
// It is signed by a daemon of the invitee with cap consent.
type Accept struct {
	ID         [32]byte // of the object; set by OpenAccept
	Invite     [32]byte // id of the invite
	Commitment [32]byte // of the invite
	Invitee    id.OrgID
	Role       uint8
	Agr        id.AgrID
	Kid        id.Kid // who signed; set by OpenAccept
	Raw        []byte // set by OpenAccept
}

// Accept is the answer that says yes to the invite as it stands; SealAccept signs it.
func (i *Invite) Accept() Accept {
	return Accept{Invite: i.ID, Commitment: i.Commitment, Invitee: i.Invitee, Role: i.Role, Agr: i.Agr}
}

// Answers says whether the accept is of this invite and of nothing else: its id,
// case commitment, invitee, role and agreement.
func (a *Accept) Answers(i *Invite) bool {
	return equal(a.Invite, i.ID) && equal(a.Commitment, i.Commitment) &&
		a.Invitee == i.Invitee && a.Role == i.Role && a.Agr == i.Agr
}

// SealAccept signs an accept.
func SealAccept(key ed25519.PrivateKey, a Accept) ([]byte, error) {
	payload := canon.MustMarshal(struct {
		V          uint64 `cbor:"1,keyasint"`
		Invite     []byte `cbor:"2,keyasint"`
		Commitment []byte `cbor:"3,keyasint"`
		Invitee    []byte `cbor:"4,keyasint"`
		Role       uint64 `cbor:"5,keyasint"`
		Agr        []byte `cbor:"6,keyasint"`
	}{1, a.Invite[:], a.Commitment[:], a.Invitee[:], uint64(a.Role), a.Agr[:]})
	raw, _ := cose.Seal(cose.Accept, key, payload)
	_, _, err := parseAccept(raw)
	return raw, err
}

// OpenAccept verifies an accept against the chain of the organisation that it
// says it is of: signed by an unrevoked daemon with cap consent. It copies raw.
// Which invite it is of, Answers judges.
func OpenAccept(raw []byte, invitee *identity.Org) (*Accept, error) {
	a, obj, err := parseAccept(raw)
	if err != nil {
		return nil, err
	}
	if a.Invitee != invitee.ID {
		return nil, ErrParty
	}
	if err := invitee.Verify(&obj, identity.CapConsent); err != nil {
		return nil, err
	}
	return a, nil
}

func parseAccept(raw []byte) (*Accept, cose.Object, error) {
	a := new(Accept)
	obj, err := parse(cose.Accept, raw, MaxAccept, 6, 6, a.field)
	if err != nil {
		return nil, obj, err
	}
	a.ID, a.Kid, a.Raw = obj.ID, obj.Kid, obj.Raw
	return a, obj, nil
}

func (a *Accept) field(k uint64, r *canon.Reader) error {
	switch k {
	case 1:
		return number(r, 1, 1, new(uint64))
	case 2:
		return fixed(r, a.Invite[:])
	case 3:
		return fixed(r, a.Commitment[:])
	case 4:
		return fixed(r, a.Invitee[:])
	case 5:
		return role(r, &a.Role)
	}
	return fixed(r, a.Agr[:])
}
