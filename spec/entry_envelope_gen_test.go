package spec_test

import (
	"bytes"
	"crypto/ed25519"

	"cordon/spec"
)

// filled is p with an extension that makes the sealed entry exactly size bytes.
func filled(key ed25519.PrivateKey, p payload, size int) []byte {
	room := size - len(sealed("entry", key, p.with(64, str(make([]byte, 300))).bytes())) + 300
	for n := room - 8; ; n++ {
		raw := sealed("entry", key, p.with(64, str(make([]byte, n))).bytes())
		if len(raw) >= size {
			return raw
		}
	}
}

func entrySizes(key ed25519.PrivateKey) []spec.Vector {
	v := func(name, verdict string, raw []byte, comment string) spec.Vector {
		return spec.Vector{Name: name, Verdict: verdict, Hex: raw, Comment: comment, Key: spec.Bytes(pubOf("A"))}
	}
	return []spec.Vector{
		v("size-content-8-kib", "valid", filled(key, content(), 8<<10), "a content entry of 8192 bytes"),
		v("size-content-over", "too-large", filled(key, content(), 8<<10+1), "a content entry of 8193 bytes"),
		v("size-control-over-8-kib", "valid", filled(key, control(), 8<<10+1), "a control entry of 8193 bytes"),
		v("size-control-64-kib", "valid", filled(key, control(), 64<<10), "a control entry of 65536 bytes"),
		v("size-control-over", "too-large", filled(key, control(), 64<<10+1), "a control entry of 65537 bytes"),
		v("size-junk", "too-large", make([]byte, 64<<10+1), "65537 zeros: size is judged before anything is read"),
	}
}

// entryRawPayloads have a payload that is no map of the usual kind.
func entryRawPayloads(key ed25519.PrivateKey) []spec.Vector {
	v := func(name, verdict string, payload []byte, comment string) spec.Vector {
		return spec.Vector{Name: name, Verdict: verdict, Hex: sealed("entry", key, payload), Comment: comment,
			Key: spec.Bytes(pubOf("A"))}
	}
	good := control()
	swapped := append(payload{good[1], good[0]}, good[2:]...)
	twice := append(payload{good[0], good[0]}, good[1:]...)
	negative := cat(head(5, uint64(len(good)+1)), good.bytes()[1:], hx("20 00"))
	return []spec.Vector{
		v("payload-none", "truncated", nil, "no payload"),
		v("payload-array", "bad-field", hx("80"), "an array"),
		v("payload-number", "bad-field", hx("00"), "a number"),
		v("payload-bytes", "bad-field", str(good.bytes()), "the map inside bytes once more"),
		v("payload-null", "simple-value", hx("f6"), "null"),
		v("payload-trailing", "trailing-bytes", cat(good.bytes(), hx("00")), "a byte after the map, signed too"),
		v("payload-two-maps", "trailing-bytes", cat(good.bytes(), hx("a0")), "two maps: decoders that stop early see only the first"),
		v("payload-unsorted", "map-keys-not-sorted", swapped.bytes(), "key 2 before key 1"),
		v("payload-twice", "map-key-twice", twice.bytes(), "key 1 twice"),
		v("payload-negative-key", "bad-field", negative, "the payload's keys are not negative"),
		v("payload-text-key", "map-key-not-integer", hx("a1 61 76 01"), "{\"v\": 1}"),
		v("payload-indefinite", "indefinite-length", cat(hx("bf"), good.bytes()[1:], hx("ff")), "the map until break"),
		v("payload-long-head", "head-not-shortest", cat(hx("b8 0a"), good.bytes()[1:]), "ten pairs, counted in two bytes"),
		v("payload-cut", "truncated", good.bytes()[:len(good.bytes())-1], "the last byte is missing, the signature fits"),
		v("payload-one-pair-more", "truncated", cat(hx("ab"), good.bytes()[1:]), "claims a pair more than it has"),
		v("payload-one-pair-less", "trailing-bytes", cat(hx("a9"), good.bytes()[1:]), "claims a pair less than it has"),
		v("payload-tag", "tag", cat(hx("d8 3d"), good.bytes()), "tagged as a CWT"),
		v("payload-float-v", "float", control().with(1, hx("f9 3c 00")).bytes(), "version 1.0"),
		v("payload-deep", "too-deep", bytes.Repeat(hx("81"), 2000), "2,000 arrays"),
	}
}

// entryEnvelopes break the COSE envelope or its signature.
func entryEnvelopes(key ed25519.PrivateKey) []spec.Vector {
	pub := key.Public().(ed25519.PublicKey)
	v := func(name, verdict string, raw []byte, comment string) spec.Vector {
		return spec.Vector{Name: name, Verdict: verdict, Hex: raw, Comment: comment, Key: spec.Bytes(pub)}
	}
	p := control().bytes()
	kid := kidOf(pub)
	prot := protected("entry", kid)
	sig := ed25519.Sign(key, toBeSigned("entry", prot, p))
	good := envelope(prot, hx("a0"), p, sig)
	typ := cat(hx("10"), txt("application/cordon-entry+cbor"))
	as := func(prot []byte) []byte { return signedAs("entry", prot, p, key) }
	flip := func(at int) []byte { b := bytes.Clone(good); b[at] ^= 1; return b }
	all := []spec.Vector{
		v("cose-empty", "truncated", nil, "no bytes"),
		v("cose-cut-signature", "truncated", good[:len(good)-1], "the last byte is missing"),
		v("cose-cut-half", "truncated", good[:len(good)/2], "the second half is missing"),
		v("cose-cut-array", "truncated", good[:1], "only the array's head"),
		v("cose-trailing", "trailing-bytes", cat(good, hx("00")), "a byte after the entry"),
		v("cose-twice", "trailing-bytes", cat(good, good), "two entries in one"),
		v("cose-tagged", "tag", cat(hx("d2"), good), "18(…): the tagged form"),
		v("cose-indefinite", "indefinite-length", cat(hx("9f"), good[1:], hx("ff")), "the array until break"),
		v("cose-long-head", "head-not-shortest", cat(hx("98 04"), good[1:]), "four items, counted in two bytes"),
		v("cose-three", "not-cose-profile", arr(str(prot), hx("a0"), str(p)), "no signature"),
		v("cose-five", "not-cose-profile", cat(hx("85"), good[1:], hx("00")), "a fifth item"),
		v("cose-map", "not-cose-profile", hx("a0"), "a map"),
		v("cose-bytes", "not-cose-profile", str(good), "an entry inside bytes"),
		v("cose-huge-array", "truncated", hx("9b ff ff ff ff ff ff ff ff"), "claims 2^64 - 1 items"),
		v("cose-huge-protected", "truncated", hx("84 5b ff ff ff ff ff ff ff ff"), "the protected header claims 2^64 - 1 bytes"),
		v("cose-huge-unprotected", "truncated", cat(hx("84"), str(prot), hx("bb ff ff ff ff ff ff ff ff")), "the unprotected header claims 2^64 - 1 pairs"),
		v("cose-huge-payload", "truncated", cat(hx("84"), str(prot), hx("a0 5a 40 00 00 00")), "the payload claims 1 GiB"),
		v("cose-protected-map", "not-cose-profile", arr(prot, hx("a0"), str(p), str(sig)), "the protected header not in bytes"),
		v("cose-protected-empty", "not-cose-profile", as(nil), "no protected header"),
		v("cose-payload-detached", "simple-value", arr(str(prot), hx("a0"), hx("f6"), str(sig)), "a detached payload"),
		v("cose-payload-map", "not-cose-profile", arr(str(prot), hx("a0"), p, str(sig)), "the payload not in bytes"),
		v("cose-payload-text", "not-cose-profile", arr(str(prot), hx("a0"), txt("x"), str(sig)), "a text payload"),
		v("cose-unprotected-kid", "not-cose-profile", envelope(prot, cat(hx("a1 04"), str(kid)), p, sig), "kid in the unprotected header"),
		v("cose-unprotected-any", "not-cose-profile", envelope(prot, hx("a1 18 63 00"), p, sig), "anything in the unprotected header: it is not signed"),
		v("cose-unprotected-array", "not-cose-profile", envelope(prot, hx("80"), p, sig), "an array for the unprotected header"),
		v("cose-unprotected-null", "simple-value", envelope(prot, hx("f6"), p, sig), "null for the unprotected header"),
		v("cose-sig-63", "not-cose-profile", envelope(prot, hx("a0"), p, sig[:63]), "63 bytes of signature"),
		v("cose-sig-65", "not-cose-profile", envelope(prot, hx("a0"), p, cat(sig, hx("00"))), "65 bytes of signature"),
		v("cose-sig-empty", "not-cose-profile", envelope(prot, hx("a0"), p, nil), "an empty signature"),
		v("cose-sig-text", "not-cose-profile", cat(arr(str(prot), hx("a0"), str(p), txt("x"))), "a text signature"),
	}
	all = append(all,
		v("header-alg-8", "not-cose-profile", as(cat(hx("a3 0127 04"), str(kid), typ)), "alg -8 (EdDSA), the old number"),
		v("header-alg-7", "not-cose-profile", as(cat(hx("a3 0126 04"), str(kid), typ)), "alg -7 (ES256)"),
		v("header-alg-0", "not-cose-profile", as(cat(hx("a3 0100 04"), str(kid), typ)), "alg 0"),
		v("header-alg-text", "not-cose-profile", as(cat(hx("a3 01"), txt("none"), hx("04"), str(kid), typ)), "alg \"none\""),
		v("header-no-alg", "not-cose-profile", as(cat(hx("a2 04"), str(kid), typ)), "no alg"),
		v("header-no-kid", "not-cose-profile", as(cat(hx("a2 0132"), typ)), "no kid"),
		v("header-no-typ", "not-cose-profile", as(cat(hx("a2 0132 04"), str(kid))), "no typ"),
		v("header-crit", "not-cose-profile", as(cat(hx("a4 0132 02 81 10 04"), str(kid), typ)), "an extra header: crit"),
		v("header-content-type", "not-cose-profile", as(cat(hx("a4 0132 03 00 04"), str(kid), typ)), "an extra header: content type"),
		v("header-extra-last", "not-cose-profile", as(cat(hx("a4 0132 04"), str(kid), typ, hx("18 64 00"))), "an extra header at the end"),
		v("header-unsorted", "not-cose-profile", as(cat(hx("a3 04"), str(kid), hx("0132"), typ)), "kid before alg"),
		v("header-long-key", "not-cose-profile", as(cat(hx("a3 180132 04"), str(kid), typ)), "key 1 in two bytes"),
		v("header-kid-31", "not-cose-profile", as(cat(hx("a3 0132 04"), str(kid[:31]), typ)), "a kid of 31 bytes"),
		v("header-kid-text", "not-cose-profile", as(cat(hx("a3 0132 04"), txt("0123456789abcdef0123456789abcdef"), typ)), "kid as text"),
		v("header-trailing", "wrong-role", as(cat(prot, hx("00"))), "a byte after the header's map"),
		v("header-typ-invite", "wrong-role", sealed("invite", key, p), "an invite with an entry's payload"),
		v("header-typ-number", "wrong-role", as(cat(hx("a3 0132 04"), str(kid), hx("10 00"))), "typ as a number"),
		v("header-typ-case", "wrong-role", as(cat(hx("a3 0132 04"), str(kid), hx("10"), txt("application/cordon-Entry+cbor"))), "typ with a capital"),
		v("header-typ-empty", "wrong-role", as(cat(hx("a3 0132 04"), str(kid), hx("10"), txt(""))), "an empty typ"),
		v("header-typ-key-15", "wrong-role", as(cat(hx("a3 0132 04"), str(kid), hx("0f"), txt("application/cordon-entry+cbor"))), "typ under key 15"),
		v("header-typ-long", "wrong-role", as(cat(hx("a3 0132 04"), str(kid), hx("10 79 00 1d"), []byte("application/cordon-entry+cbor"))), "typ with a length in two bytes"),
	)
	other := protected("entry", kidOf(pubOf("B")))
	identity := append([]byte{1}, make([]byte, 31)...)
	weak := v("sig-identity-key", "bad-key", envelope(protected("entry", kidOf(identity)), hx("a0"), p, cat(identity, make([]byte, 32))),
		"the key is the identity point, the kid its thumbprint: R the identity and S = 0 verify for every message")
	weak.Key = identity
	return append(all, weak,
		v("sig-other-aad", "bad-signature", envelope(prot, hx("a0"), p, ed25519.Sign(key, toBeSigned("invite", prot, p))),
			"signed with external_aad cordon/1/invite: a signature holds in one role only"),
		v("sig-no-aad", "bad-signature", envelope(prot, hx("a0"), p, ed25519.Sign(key, arr(txt("Signature1"), str(prot), str(nil), str(p)))),
			"signed with an empty external_aad"),
		v("sig-over-payload", "bad-signature", envelope(prot, hx("a0"), p, ed25519.Sign(key, p)), "signed over the payload alone"),
		v("sig-other-context", "bad-signature", envelope(prot, hx("a0"), p, ed25519.Sign(key, arr(txt("Signature"), str(prot), str([]byte("cordon/1/entry")), str(p)))),
			"signed as one of several signers (RFC 9052 context \"Signature\")"),
		v("sig-zero", "bad-signature", envelope(prot, hx("a0"), p, make([]byte, 64)), "64 zeros"),
		v("sig-of-another-entry", "bad-signature", envelope(prot, hx("a0"), p, ed25519.Sign(key, toBeSigned("entry", prot, content().bytes()))),
			"the author's signature of another entry"),
		v("sig-flip-r", "bad-signature", flip(len(good)-64), "one bit of R"),
		v("sig-flip-s", "bad-signature", flip(len(good)-32), "one bit of S"),
		v("sig-flip-payload", "bad-signature", flip(len(good)-66-1), "one bit of the payload's last value"),
		v("sig-other-kid", "unknown-signer", signedAs("entry", other, p, key), "the header names another key than the one beside it"),
		v("sig-other-key", "unknown-signer", sealed("entry", keyOf("B"), p), "signed, soundly, by another key than the one beside it"),
		v("sig-stolen-kid", "bad-signature", envelope(prot, hx("a0"), p, ed25519.Sign(keyOf("B"), toBeSigned("entry", prot, p))),
			"B signs under A's kid"),
	)
}
