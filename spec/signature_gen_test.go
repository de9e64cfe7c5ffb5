package spec_test

import (
	"crypto/ed25519"
	"fmt"
	"math/big"

	"cordon/spec"
)

// signatureFamily are keys and signatures at the edges of Ed25519, where
// libraries differ ("Taming the many EdDSAs", Chalkias, Garillot, Nikolaenko 2020).
func signatureFamily() *spec.Family {
	f := &spec.Family{Family: "signature", Comment: "A signature (hex) over message by key. The rule is " +
		"spec/protocol.md §3.3: first the key (bad-key), then [S]B = R + [k]A without cofactor, R compared as bytes (bad-signature)."}
	c := ed25519Curve()
	addAll(f, signaturesPlain(c)...)
	addAll(f, signaturesByR(c)...)
	addAll(f, signaturesMixed(c)...)
	return addAll(f, keysBad(c)...)
}

func sv(name, verdict string, key, message, sig []byte, comment string) spec.Vector {
	return spec.Vector{Name: name, Verdict: verdict, Key: key, Message: message, Hex: sig, Comment: comment}
}

func signaturesPlain(c curve) []spec.Vector {
	key, pub, m := keyOf("A"), []byte(pubOf("A")), []byte("cordon")
	sig := ed25519.Sign(key, m)
	s := fromLittle(sig[32:])
	plus := func(n *big.Int) []byte { return cat(sig[:32], little(new(big.Int).Add(s, n), 0)) }
	twice := new(big.Int).Lsh(c.l, 1)
	top := append([]byte(nil), sig...)
	top[63] |= 0x80
	return []spec.Vector{
		sv("plain", "valid", pub, m, sig, "as crypto/ed25519 signs"),
		sv("plain-empty", "valid", pub, nil, ed25519.Sign(key, nil), "of nothing"),
		sv("rfc-8032-1", "valid", hx("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), nil,
			hx("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
			"RFC 8032 §7.1, test 1"),
		sv("rfc-8032-3", "valid", hx("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"), hx("af82"),
			hx("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
			"RFC 8032 §7.1, test 3"),
		sv("other-message", "bad-signature", pub, []byte("cordon."), sig, "of another message"),
		sv("other-key", "bad-signature", pubOf("B"), m, sig, "by another key"),
		sv("s-plus-l", "bad-signature", pub, m, plus(c.l), "S + L: the same scalar written higher. Readers that take it see two signatures for one"),
		sv("s-plus-2l", "bad-signature", pub, m, plus(twice), "S + 2L"),
		sv("s-equals-l", "bad-signature", pub, m, cat(sig[:32], little(c.l, 0)), "S = L"),
		sv("s-0", "bad-signature", pub, m, cat(sig[:32], make([]byte, 32)), "S = 0"),
		sv("s-top-bit", "bad-signature", pub, m, top, "the top bit of S set"),
		sv("s-max", "bad-signature", pub, m, cat(sig[:32], hx("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")), "S = 2^256 - 1"),
		sv("r-0", "bad-signature", pub, m, cat(make([]byte, 32), sig[32:]), "R all zero"),
		sv("r-max", "bad-signature", pub, m, cat(hx("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"), sig[32:]), "R = 2^256 - 1"),
		sv("all-zero", "bad-signature", pub, m, make([]byte, 64), "64 zeros"),
		sv("short", "bad-signature", pub, m, sig[:63], "63 bytes"),
		sv("long", "bad-signature", pub, m, cat(sig, hx("00")), "65 bytes"),
		sv("halves-swapped", "bad-signature", pub, m, cat(sig[32:], sig[:32]), "S before R"),
		sv("negated-r", "bad-signature", pub, m, flipTop(sig, 31), "-R"),
	}
}

func flipTop(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[at] ^= 0x80
	return b
}

// signaturesByR have an R of small order, or one written in a second way. The
// author of a key can make them; with S = k·a the equation holds where R is the identity.
func signaturesByR(c curve) []spec.Vector {
	seed, pub, m := keyOf("A").Seed(), []byte(pubOf("A")), []byte("small R")
	a, zero := scalarOf(seed), new(big.Int)
	with := func(r []byte) []byte { return cat(r, c.answer(zero, c.challenge(r, pub, m), a)) }
	t := c.torsion()
	one, pPlus1 := big.NewInt(1), new(big.Int).Add(c.p, big.NewInt(1))
	all := []spec.Vector{
		sv("r-identity", "valid", pub, m, with(little(one, 0)),
			"R is the identity and the equation holds: RFC 8032 takes it, and so do we. Only the key's owner can make it"),
		sv("r-identity-sign", "bad-signature", pub, m, with(little(one, 1)),
			"the identity with the sign of x set: -0. The point is equal, the bytes are not"),
		sv("r-identity-high", "bad-signature", pub, m, with(little(pPlus1, 0)), "the identity as y = p + 1"),
		sv("r-identity-high-sign", "bad-signature", pub, m, with(little(pPlus1, 1)), "the identity as y = p + 1, sign set"),
	}
	for i := int64(1); i < 8; i++ {
		r := encode(c.times(big.NewInt(i), t))
		all = append(all, sv(fmt.Sprintf("r-torsion-%d", i), "bad-signature", pub, m, with(r),
			"R of small order: holds only when multiplied by the cofactor, as in ZIP-215 and in batches"))
	}
	return all
}

// signaturesMixed are by a key with a component of small order: A = a·B + T.
// Without cofactor the equation holds iff 8 divides k.
func signaturesMixed(c curve) []spec.Vector {
	t, a := c.torsion(), scalarOf(keyOf("mixed").Seed())
	pub := encode(c.add(c.times(a, c.base), t))
	r := big.NewInt(8675309)
	rb := encode(c.times(r, c.base))
	pick := func(want bool) ([]byte, []byte) {
		for i := 0; ; i++ {
			m := fmt.Appendf(nil, "mixed %d", i)
			k := c.challenge(rb, pub, m)
			if (new(big.Int).And(k, big.NewInt(7)).Sign() == 0) == want {
				return m, cat(rb, c.answer(r, k, a))
			}
		}
	}
	m0, s0 := pick(true)
	m1, s1 := pick(false)
	mixedR := encode(c.add(c.times(r, c.base), t))
	k := c.challenge(mixedR, pubOf("A"), m0)
	return []spec.Vector{
		sv("mixed-key-holds", "valid", pub, m0, s0, "a key with a component of order 8, and a challenge that 8 divides"),
		sv("mixed-key-fails", "bad-signature", pub, m1, s1, "the same key, a challenge that 8 does not divide: holds only with cofactor"),
		sv("mixed-r", "bad-signature", pubOf("A"), m0, cat(mixedR, c.answer(r, k, scalarOf(keyOf("A").Seed()))),
			"R with a component of order 8: holds only with cofactor"),
	}
}

// keysBad must not enter an identity chain. For keys of small order S = 0 and a
// fitting R verify for many messages; with the identity, for every message.
func keysBad(c curve) []spec.Vector {
	m, t := []byte("any message"), c.torsion()
	forged := cat(little(big.NewInt(1), 0), make([]byte, 32))
	var all []spec.Vector
	for i := range int64(8) {
		k := encode(c.times(big.NewInt(i), t))
		all = append(all, sv(fmt.Sprintf("key-torsion-%d", i), "bad-key", k, m, forged,
			"one of the 8 points of small order; S = 0 and R the identity verify for one message in its order, or all"))
	}
	for _, y := range []int64{0, 1} {
		for sign := range uint(2) {
			all = append(all, sv(fmt.Sprintf("key-y-p-plus-%d-sign-%d", y, sign), "bad-key",
				little(new(big.Int).Add(c.p, big.NewInt(y)), sign), m, forged, "small order, written with y above the field"))
		}
	}
	for _, y := range []int64{2, 3, 18} {
		all = append(all, sv(fmt.Sprintf("key-y-p-plus-%d", y), "bad-key",
			little(new(big.Int).Add(c.p, big.NewInt(y)), 0), m, forged, "y = p + n: a second way to write n"))
	}
	off := big.NewInt(2)
	for {
		if _, ok := c.lift(off, 0); !ok {
			break
		}
		off.Add(off, big.NewInt(1))
	}
	minus1 := new(big.Int).Sub(c.p, big.NewInt(1))
	return append(all,
		sv("key-identity-sign", "bad-key", little(big.NewInt(1), 1), m, forged, "the identity with the sign of x set"),
		sv("key-minus-1-sign", "bad-key", little(minus1, 1), m, forged, "y = -1 with the sign of x set"),
		sv("key-max", "bad-key", hx("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"), m, forged, "all ones"),
		sv("key-short", "bad-key", pubOf("A")[:31], m, forged, "31 bytes"),
		sv("key-long", "bad-key", cat(pubOf("A"), hx("00")), m, forged, "33 bytes"),
		sv("key-empty", "bad-key", nil, m, forged, "no bytes"),
		sv("key-off-curve", "bad-signature", little(off, 0), m, forged, "y of no point: a key under which nothing verifies"),
	)
}
