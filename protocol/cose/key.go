package cose

import (
	"crypto/ed25519"
	"encoding/hex"
)

// KeyOK says whether pub may enter an identity chain (spec/protocol.md §3.3):
// 32 bytes, canonical (y < 2^255 - 19) and none of the 8 points of small order.
// crypto/ed25519.Verify accepts the identity point for any message; this is what
// keeps such keys out.
func KeyOK(pub ed25519.PublicKey) bool {
	if len(pub) != ed25519.PublicKeySize {
		return false
	}
	var y [32]byte
	copy(y[:], pub)
	y[31] &= 0x7f // the sign of x
	if !below(y, fieldPrime) {
		return false
	}
	for _, s := range smallOrder {
		if y == s {
			return false
		}
	}
	return true
}

// below compares little-endian numbers.
func below(a, b [32]byte) bool {
	for i := 31; i >= 0; i-- {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// fieldPrime is 2^255 - 19, little-endian (RFC 8032 §5.1).
var fieldPrime = fixed("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")

// smallOrder are the y coordinates of the 8 points of small order, without the
// sign of x: 0 and the two of order 8, 1 and -1. Encodings with y >= p never get here.
var smallOrder = [][32]byte{
	fixed("0000000000000000000000000000000000000000000000000000000000000000"),
	fixed("0100000000000000000000000000000000000000000000000000000000000000"),
	fixed("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
	fixed("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
	fixed("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
}

func fixed(s string) [32]byte {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		panic("cose: a constant of this file is not 32 bytes of hex")
	}
	return [32]byte(b)
}
