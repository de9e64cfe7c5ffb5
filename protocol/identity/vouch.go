package identity

import (
	"bytes"
	"crypto/ed25519"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// maxVouching is how long a vouch may count, in milliseconds: 400 days, as long as
// a certificate.
const maxVouching = 1000 * MaxValidity

// Vouch is one organisation's word that it has verified another: its people have
// compared the words (spec/identity.md §8.7.3). OpenVouch has verified it; whether
// it counts is for who owns a clock and a directory.
type Vouch struct {
	Voucher id.OrgID
	Org     id.OrgID // whom it is about
	Name    string   // Org's, as the voucher's chain of it had it
	T       uint64   // claimed Unix milliseconds
	Until   uint64   // Unix milliseconds; from then on it does not count
	Kid     id.Kid   // who signed; set by the reader
	Raw     []byte   // set by the reader
}

// SealVouch signs a vouch. What it cannot judge is whether key belongs to a daemon
// of v.Voucher: OpenVouch does.
func SealVouch(key ed25519.PrivateKey, v Vouch) ([]byte, error) {
	payload := canon.MustMarshal(struct {
		V       uint64 `cbor:"1,keyasint"`
		Voucher []byte `cbor:"2,keyasint"`
		Org     []byte `cbor:"3,keyasint"`
		Name    string `cbor:"4,keyasint"`
		Level   Trust  `cbor:"5,keyasint"`
		T       uint64 `cbor:"6,keyasint"`
		Until   uint64 `cbor:"7,keyasint"`
	}{1, v.Voucher[:], v.Org[:], v.Name, TrustVerified, v.T, v.Until})
	raw, _ := cose.Seal(cose.Vouch, key, payload)
	_, _, err := parseVouch(raw)
	return raw, err
}

// OpenVouch verifies a vouch against the chain of the organisation that it says it
// is of: signed by an unrevoked daemon with cap consent. It copies raw.
func OpenVouch(raw []byte, voucher *Org) (*Vouch, error) {
	v, obj, err := parseVouch(raw)
	if err != nil {
		return nil, err
	}
	if v.Voucher != voucher.ID {
		return nil, ErrParty
	}
	if err := voucher.Verify(&obj, CapConsent); err != nil {
		return nil, err
	}
	return v, nil
}

// ParseVouch reads a vouch without judging its signature: to find the chain for
// OpenVouch, and to read one again that was verified when it was kept.
func ParseVouch(raw []byte) (*Vouch, error) {
	v, _, err := parseVouch(raw)
	if err != nil {
		return nil, err
	}
	return v, nil
}

func parseVouch(raw []byte) (*Vouch, cose.Object, error) {
	if len(raw) > MaxVouch {
		return nil, cose.Object{}, ErrSize
	}
	obj, err := cose.Parse(cose.Vouch, bytes.Clone(raw))
	if err != nil {
		return nil, obj, err
	}
	v := &Vouch{Kid: obj.Kid, Raw: obj.Raw}
	seen, err := readMap(obj.Payload, v.field)
	switch {
	case err != nil:
	case seen != set(1, 2, 3, 4, 5, 6, 7):
		err = ErrFields
	case v.Voucher == v.Org:
		err = ErrParty
	case v.Until <= v.T || v.Until-v.T > maxVouching:
		err = ErrField
	}
	return v, obj, err
}

func (v *Vouch) field(k uint64, r *canon.Reader) (err error) {
	switch k {
	case 1:
		_, err = number(r, 1, 1)
	case 2:
		err = fixed(r, v.Voucher[:])
	case 3:
		err = fixed(r, v.Org[:])
	case 4:
		v.Name, err = name(r)
	case 5:
		_, err = number(r, uint64(TrustVerified), uint64(TrustVerified))
	case 6:
		v.T, err = number(r, 0, MaxTime)
	case 7:
		v.Until, err = number(r, 0, MaxTime)
	default:
		return ErrFields
	}
	return err
}
