// Package cose signs and verifies the one COSE_Sign1 profile of Cordon
// (RFC 9052, spec/protocol.md §3): Ed25519 (-19, RFC 9864), a protected header
// of exactly alg, kid and typ, an empty unprotected header, an attached payload,
// and an external_aad that names the object's role, so that a signature is never
// valid in two roles. It is no general COSE library.
//
// Main path: Seal writes; Parse reads without judging the signature; Object.Verify
// judges it. The id of a signed object is SHA-256(Sig_structure).
package cose

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"

	"cordon/protocol/canon"
	"cordon/protocol/id"
)

// Role is what a signed object is; it is bound into typ (header 16) and external_aad.
type Role string

// The roles of spec/protocol.md §3.
const (
	Entry  Role = "entry"
	Invite Role = "invite"
	Accept Role = "accept"
	Card   Role = "card"
	Ident  Role = "ident"
	Cut    Role = "cut"
	Vouch  Role = "vouch"
)

// Errors of Parse and Verify, beside the canonical-form errors of package canon.
var (
	ErrProfile   = errors.New("not-cose-profile")
	ErrRole      = errors.New("wrong-role")
	ErrSignature = errors.New("bad-signature")
	ErrKey       = errors.New("bad-key")
	ErrSigner    = errors.New("unknown-signer")
)

// Object is a signed object as received: canonical and in profile; whether the
// signature holds is known only after Verify.
type Object struct {
	Raw     []byte // the whole object, aliases Parse's input
	Payload []byte // aliases Raw
	Kid     id.Kid
	ID      [32]byte // SHA-256 of the Sig_structure
	role    Role
	prot    []byte
	sig     []byte
}

// prefix is the first part of the protected header: {1: -19, 4: h'…32 bytes
//
//	a3        map of 3
//	01 32     1: -19
//	04 58 20  4: 32 bytes, the kid
var prefix = []byte{0xa3, 0x01, 0x32, 0x04, 0x58, 0x20}

// The type of a role's objects, around its name.
const (
	typBegins = "application/cordon-"
	typEnds   = "+cbor"
)

// appendProtected appends the protected header of a role and key.
func appendProtected(b []byte, role Role, kid id.Kid) []byte {
	b = append(append(b, prefix...), kid[:]...)
	b = append(b, 0x10) // 16
	b = canon.AppendHead(b, 3, uint64(len(typBegins)+len(role)+len(typEnds)))
	b = append(append(b, typBegins...), role...)
	return append(b, typEnds...)
}

// AppendSigStructure appends ["Signature1", protected, external_aad, payload]
// (RFC 9052 §4.4) to dst.
func AppendSigStructure(dst []byte, role Role, protected, payload []byte) []byte {
	aad := "cordon/1/" + string(role)
	dst = append(dst, 0x84, 0x6a)
	dst = append(dst, "Signature1"...)
	dst = append(canon.AppendHead(dst, 2, uint64(len(protected))), protected...)
	dst = append(canon.AppendHead(dst, 2, uint64(len(aad))), aad...)
	return append(canon.AppendHead(dst, 2, uint64(len(payload))), payload...)
}

// Seal signs payload, which must be canonical, and returns the object and its id.
func Seal(role Role, key ed25519.PrivateKey, payload []byte) (raw []byte, objectID [32]byte) {
	kid := Thumbprint(key.Public().(ed25519.PublicKey))
	prot := appendProtected(nil, role, kid)
	tbs := AppendSigStructure(make([]byte, 0, len(prot)+len(payload)+48), role, prot, payload)
	sig := ed25519.Sign(key, tbs)
	raw = make([]byte, 0, len(prot)+len(payload)+len(sig)+16)
	raw = append(raw, 0x84)
	raw = append(canon.AppendHead(raw, 2, uint64(len(prot))), prot...)
	raw = append(raw, 0xa0)
	raw = append(canon.AppendHead(raw, 2, uint64(len(payload))), payload...)
	raw = append(canon.AppendHead(raw, 2, uint64(len(sig))), sig...)
	return raw, sha256.Sum256(tbs)
}

// Parse reads a signed object of the given role. The whole of raw, payload
// included, is canonical afterwards; the signature is not judged.
func Parse(role Role, raw []byte) (Object, error) {
	o := Object{Raw: raw, role: role}
	if err := o.envelope(canon.NewReader(raw)); err != nil {
		if errors.Is(err, canon.ErrType) || errors.Is(err, canon.ErrRange) {
			err = ErrProfile
		}
		return Object{}, err
	}
	if err := o.header(); err != nil {
		return Object{}, err
	}
	if err := canon.Check(o.Payload); err != nil {
		return Object{}, err
	}
	var room [1 << 10]byte // on the stack; most entries fit
	o.ID = sha256.Sum256(AppendSigStructure(room[:0], o.role, o.prot, o.Payload))
	return o, nil
}

// envelope reads the array of four.
func (o *Object) envelope(r *canon.Reader) error {
	n, err := r.Array()
	if err != nil {
		return err
	}
	if n != 4 {
		return ErrProfile
	}
	if o.prot, err = r.Bytes(); err != nil {
		return err
	}
	if n, err = r.Map(); err != nil {
		return err
	}
	if n != 0 {
		return ErrProfile
	}
	if o.Payload, err = r.Bytes(); err != nil {
		return err
	}
	if o.sig, err = r.Fixed(ed25519.SignatureSize); err != nil {
		return err
	}
	if !r.Done() {
		return canon.ErrTrailing
	}
	return nil
}

// header compares the protected header with the only one this role may have.
func (o *Object) header() error {
	at := len(prefix)
	if len(o.prot) < at+id.Size || !bytes.Equal(o.prot[:at], prefix) {
		return ErrProfile
	}
	o.Kid = id.Kid(o.prot[at : at+id.Size])
	var room [96]byte // on the stack
	if !bytes.Equal(o.prot, appendProtected(room[:0], o.role, o.Kid)) {
		return ErrRole
	}
	return nil
}

func (o *Object) sigStructure() []byte {
	return AppendSigStructure(make([]byte, 0, len(o.prot)+len(o.Payload)+48), o.role, o.prot, o.Payload)
}

// Verify judges the signature with pub, which must be a sound key (KeyOK) whose
// thumbprint is the kid.
func (o *Object) Verify(pub ed25519.PublicKey) error {
	if !KeyOK(pub) {
		return ErrKey
	}
	if Thumbprint(pub) != o.Kid {
		return ErrSigner
	}
	if !ed25519.Verify(pub, o.sigStructure(), o.sig) {
		return ErrSignature
	}
	return nil
}

// Thumbprint is the SHA-256 COSE key thumbprint (RFC 9679) of an Ed25519 key:
// of {1: 1, -1: 6, -2: x}, encoded
//
//	a3        map of 3
//	01 01     kty: OKP
//	20 06     crv: Ed25519
//	21 58 20  x: 32 bytes
func Thumbprint(pub ed25519.PublicKey) id.Kid {
	b := make([]byte, 0, 40)
	b = append(b, 0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20)
	return sha256.Sum256(append(b, pub...))
}

// Open is Parse and Verify in one, for a signer known beforehand.
func Open(role Role, raw []byte, pub ed25519.PublicKey) (Object, error) {
	o, err := Parse(role, raw)
	if err != nil {
		return o, err
	}
	if err := o.Verify(pub); err != nil {
		return o, fmt.Errorf("%s: %w", role, err)
	}
	return o, nil
}
