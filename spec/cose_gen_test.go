package spec_test

import (
	"crypto/ed25519"
	"crypto/sha256"
)

// kidOf is the COSE key thumbprint (RFC 9679) of a key:
//
//	a3        map of 3
//	01 01     kty: OKP
//	20 06     crv: Ed25519
//	21 58 20  x, 32 bytes
func kidOf(pub []byte) []byte {
	h := sha256.Sum256(cat(hx("a3 0101 2006 21 5820"), pub))
	return h[:]
}

// protected is the header {1: -19, 4: kid, 16: typ}.
func protected(role string, kid []byte) []byte {
	return cat(hx("a3 0132 04"), str(kid), hx("10"), txt("application/cordon-"+role+"+cbor"))
}

// toBeSigned is the Sig_structure of RFC 9052 §4.4.
func toBeSigned(role string, prot, payload []byte) []byte {
	return arr(txt("Signature1"), str(prot), str([]byte("cordon/1/"+role)), str(payload))
}

// envelope is the array of four, whatever its parts are.
func envelope(prot, unprotected, payload, sig []byte) []byte {
	return arr(str(prot), unprotected, str(payload), str(sig))
}

// sealed is a signed object as it should be.
func sealed(role string, key ed25519.PrivateKey, payload []byte) []byte {
	prot := protected(role, kidOf(key.Public().(ed25519.PublicKey)))
	return envelope(prot, hx("a0"), payload, ed25519.Sign(key, toBeSigned(role, prot, payload)))
}

// signedAs is an object with any protected header, signed over just that.
func signedAs(role string, prot, payload []byte, key ed25519.PrivateKey) []byte {
	return envelope(prot, hx("a0"), payload, ed25519.Sign(key, toBeSigned(role, prot, payload)))
}

// idOf is the id of an object that sealed wrote.
func idOf(role string, key ed25519.PrivateKey, payload []byte) []byte {
	h := sha256.Sum256(toBeSigned(role, protected(role, kidOf(key.Public().(ed25519.PublicKey))), payload))
	return h[:]
}
