package spec_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"cordon/spec"
)

// eventOf is the payload of an identity event.
type eventOf = payload

// chainOf signs events one after the other, filling in index and prev.
type chainOf struct {
	raw  [][]byte
	last []byte // id of the last event
}

// add appends an event signed by root. An event that has keys 2 or 3 keeps them.
func (c chainOf) add(root ed25519.PrivateKey, e eventOf) chainOf {
	if !e.has(2) {
		e = e.with(2, num(uint64(len(c.raw))))
	}
	if !e.has(3) && c.last != nil {
		e = e.with(3, str(c.last))
	}
	b := e.bytes()
	return chainOf{append(c.raw[:len(c.raw):len(c.raw)], sealed("ident", root, b)), idOf("ident", root, b)}
}

// put appends bytes as they are.
func (c chainOf) put(raw []byte) chainOf {
	return chainOf{append(c.raw[:len(c.raw):len(c.raw)], raw), c.last}
}

// bytes is the chain as a card carries it.
func (c chainOf) bytes() []byte {
	var items [][]byte
	for _, raw := range c.raw {
		items = append(items, str(raw))
	}
	return arr(items...)
}

// id is the OrgID.
func (c chainOf) id(root ed25519.PrivateKey, create eventOf) []byte {
	return idOf("ident", root, create.with(2, num(0)).bytes())
}

func (p payload) has(key uint64) bool { return len(p.without(key)) < len(p) }

func create(org string) eventOf {
	next := sha256.Sum256(pubOf(org + " root 2"))
	return eventOf{{1, num(1)}, {4, num(1)}, {5, str(pubOf(org + " root"))}, {6, str(next[:])}, {7, txt(org)}, {8, arr()}}
}

// kemOf is the MLKEM768X25519 key of a name.
func kemOf(name string) []byte {
	ikm := fixed("kem of " + name)
	k, err := hpke.MLKEM768X25519().DeriveKeyPair(ikm[:])
	if err != nil {
		panic("spec: kem: " + err.Error())
	}
	return k.PublicKey().Bytes()
}

// certify is a daemon+ for the signing key of a name, with all caps. Its
// organisation is the name's first letter: B2 is a daemon of B.
func certify(daemon string) eventOf {
	return eventOf{{1, num(1)}, {4, num(2)}, {9, str(pubOf(daemon))}, {10, str(pubOf(daemon + " peer"))},
		{11, str(kemOf(daemon))}, {12, arr(num(1), num(2), num(3), num(4))}, {13, num(1_800_000_000)},
	}.agreed(daemon, daemon+" peer", orgID(daemon[:1]))
}

func (p payload) value(key uint64) []byte {
	return p[slices.IndexFunc(p, func(x pair) bool { return x.key == key })].value
}

// inside is what str wrote the head of.
func inside(s []byte) []byte {
	for n := range 4 {
		if b := s[n:]; bytes.Equal(str(b), s) {
			return b
		}
	}
	panic("spec: no byte string")
}

func revoke(daemon string) eventOf {
	return eventOf{{1, num(1)}, {4, num(3)}, {14, str(kidOf(pubOf(daemon)))}, {15, num(0)}}
}

func rotate(to, next string) eventOf {
	h := sha256.Sum256(pubOf(next))
	return eventOf{{1, num(1)}, {4, num(4)}, {5, str(pubOf(to))}, {6, str(h[:])}}
}

func meta(name string, domains ...string) eventOf {
	var all [][]byte
	for _, d := range domains {
		all = append(all, txt(d))
	}
	return eventOf{{1, num(1)}, {4, num(5)}, {7, txt(name)}, {8, arr(all...)}}
}

// orgA is the organisation of most vectors: created, one daemon with all caps.
func orgA() chainOf { return organisation("A") }

func organisation(name string) chainOf {
	root := keyOf(name + " root")
	return chainOf{}.add(root, create(name)).add(root, certify(name))
}

func orgID(name string) []byte { return chainOf{}.id(keyOf(name+" root"), create(name)) }

// ch is a vector of the identity family.
type ch struct {
	name, verdict string
	c             chainOf
	comment       string
}

func identityFamily() *spec.Family {
	f := &spec.Family{Family: "identity", Comment: "A chain of identity events as key 2 of a card carries it: an array of " +
		"byte strings. The reader verifies it (spec/identity.md §8) and computes the OrgID."}
	for i, v := range append(chainsValid(), slices.Concat(chainsBroken(), chainsUnfit(), chainsUnheld(), chainsFields())...) {
		x := spec.Vector{Name: v.name, Comment: v.comment, Verdict: v.verdict, Hex: v.c.bytes()}
		if v.verdict == spec.Valid {
			x.ID = orgID("A")
		}
		if i == 0 {
			x.Layout = layout(x.Hex)
		}
		f.Vectors = append(f.Vectors, x)
	}
	return f
}

func chainsValid() []ch {
	r1, r2 := keyOf("A root"), keyOf("A root 2")
	born := chainOf{}.add(r1, create("A"))
	rotated := born.add(r2, rotate("A root 2", "A root 3"))
	few := certify("A").with(12, arr(num(1)))
	return []ch{
		{"create", "valid", born, "an organisation without a daemon"},
		{"daemon", "valid", orgA(), "one daemon with all caps"},
		{"daemon-few-caps", "valid", born.add(r1, few), "a daemon that may only write"},
		{"two-daemons", "valid", orgA().add(r1, certify("A2").with(12, arr(num(1), num(2), num(4)))), "one of them with cap steward"},
		{"meta", "valid", orgA().add(r1, meta("A and sons", "a.example", "psirt.a.example")), "another name, two domains"},
		{"revoked", "valid", orgA().add(r1, revoke("A")), "daemon and its revocation"},
		{"second-steward-after-revocation", "valid", orgA().add(r1, revoke("A")).add(r1, certify("A2")), "the revoked daemon's cap steward is free again"},
		{"renewed", "valid", orgA().add(r1, certify("A").with(13, num(1_820_000_000))), "a later certificate of the same key"},
		{"renewed-transport", "valid", orgA().add(r1, certify("A").with(10, str(pubOf("A other peer"))).agreed("A", "A other peer", orgID("A"))), "the same signing key agrees to another transport key"},
		{"rotated", "valid", rotated, "the announced root takes over and signs that itself"},
		{"rotated-twice", "valid", rotated.add(keyOf("A root 3"), rotate("A root 3", "A root 4")), "and hands over again"},
		{"daemon-under-new-root", "valid", rotated.add(r2, certify("A")), "the new root certifies"},
		{"name-128", "valid", born.add(r1, meta(strings.Repeat("n", 128))), "the longest name"},
	}
}

func chainsBroken() []ch {
	r1, r2, x := keyOf("A root"), keyOf("A root 2"), keyOf("X")
	born := chainOf{}.add(r1, create("A"))
	rotated := born.add(r2, rotate("A root 2", "A root 3"))
	flipped := bytes.Clone(born.raw[0])
	flipped[len(flipped)-1] ^= 1
	many := born
	for len(many.raw) < 65 {
		many = many.add(r1, meta(fmt.Sprint("A", len(many.raw))))
	}
	return []ch{
		{"empty", "broken-chain", chainOf{}, "no event"},
		{"no-create", "broken-chain", chainOf{}.add(r1, meta("A").with(3, hash("prev"))), "begins with a meta"},
		{"create-twice", "wrong-fields", born.add(r1, create("A")), "a second create: a create has no prev"},
		{"create-twice-no-prev", "broken-chain", born.put(sealed("ident", r1, create("A").with(2, num(1)).bytes())), "a second create, without prev"},
		{"create-index-1", "broken-chain", chainOf{}.add(r1, create("A").with(2, num(1))), "a create with index 1"},
		{"index-gap", "broken-chain", born.add(r1, meta("A").with(2, num(2))), "index 2 after 0"},
		{"index-again", "broken-chain", born.add(r1, meta("A").with(2, num(0))), "index 0 after 0"},
		{"prev-other", "broken-chain", born.add(r1, meta("A").with(3, hash("prev"))), "prev is another event"},
		{"prev-skips", "broken-chain", orgA().add(r1, meta("A").with(3, str(born.last))), "prev is the event before the last"},
		{"order", "broken-chain", chainOf{raw: [][]byte{orgA().raw[1], orgA().raw[0]}}, "the second event first"},
		{"another-organisation", "broken-chain", born.put(organisation("B").raw[1]), "an event of B in A's chain"},
		{"create-by-another", "wrong-root", chainOf{}.add(x, create("A")), "a create that another key signed"},
		{"daemon-by-another", "wrong-root", born.add(x, certify("A")), "a certificate that another key signed"},
		{"daemon-by-daemon", "wrong-root", orgA().add(keyOf("A"), certify("A2")), "a daemon certifies a daemon"},
		{"daemon-by-old-root", "wrong-root", rotated.add(r1, certify("A")), "the root that was rotated away certifies"},
		{"daemon-by-next-root", "wrong-root", born.add(r2, certify("A")), "the announced root certifies before its turn"},
		{"rotate-by-old-root", "wrong-root", born.add(r1, rotate("A root 2", "A root 3")), "the old root signs the rotation"},
		{"rotate-wrong-preimage", "wrong-root", born.add(x, rotate("X", "A root 3")), "a root that was not announced (P8.3)"},
		{"rotate-back", "wrong-root", rotated.add(r1, rotate("A root", "A root 3")), "back to the first root"},
		{"signature", "bad-signature", chainOf{}.put(flipped), "one bit of the create's signature"},
		{"signature-of-other-role", "bad-signature", chainOf{}.put(wrongAAD("ident", "card", r1, create("A").with(2, num(0)).bytes())), "signed with external_aad cordon/1/card"},
		{"role", "wrong-role", chainOf{}.put(sealed("card", r1, create("A").with(2, num(0)).bytes())), "a create under a card's header"},
		{"trailing", "trailing-bytes", chainOf{}.put(cat(born.raw[0], hx("00"))), "a byte after the event"},
		{"cut", "truncated", chainOf{}.put(born.raw[0][:100]), "100 bytes of an event"},
		{"event-empty", "truncated", chainOf{}.put(nil), "an event of no bytes"},
		{"events-65", "too-large", many, "65 events"},
		{"event-5-kib", "too-large", born.add(r1, meta(strings.Repeat("n", 5000))), "an event of more than 4 KiB"},
	}
}

// wrongAAD has the header of one role and the signature of another.
func wrongAAD(header, aad string, key ed25519.PrivateKey, payload []byte) []byte {
	prot := protected(header, kidOf(key.Public().(ed25519.PublicKey)))
	return envelope(prot, hx("a0"), payload, ed25519.Sign(key, toBeSigned(aad, prot, payload)))
}

func chainsUnfit() []ch {
	r1, r2 := keyOf("A root"), keyOf("A root 2")
	born := chainOf{}.add(r1, create("A"))
	return []ch{
		{"second-steward", "second-steward", orgA().add(r1, certify("A2")), "two daemons with cap steward"},
		{"revoke-unknown", "no-such-daemon", born.add(r1, revoke("A")), "revokes a daemon that was never certified"},
		{"revoke-twice", "no-such-daemon", orgA().add(r1, revoke("A")).add(r1, revoke("A")), "revokes twice"},
		{"certify-revoked", "no-such-daemon", orgA().add(r1, revoke("A")).add(r1, certify("A")), "certifies a revoked key again"},
		{"signing-is-transport", "key-reused", born.add(r1, certify("A").with(10, str(pubOf("A"))).agreed("A", "A", orgID("A"))), "one key to sign and to connect"},
		{"signing-is-root", "key-reused", born.add(r1, certify("A").with(9, str(pubOf("A root"))).agreed("A root", "A peer", orgID("A"))), "the root as a daemon's key"},
		{"transport-is-root", "key-reused", born.add(r1, certify("A").with(10, str(pubOf("A root"))).agreed("A", "A root", orgID("A"))), "the root as a transport key"},
		{"transport-shared", "key-reused", orgA().add(r1, certify("A2").with(12, arr(num(1))).with(10, str(pubOf("A peer"))).agreed("A2", "A peer", orgID("A"))), "two daemons, one transport key"},
		{"transport-was-signing", "key-reused", orgA().add(r1, certify("A2").with(12, arr(num(1))).with(10, str(pubOf("A"))).agreed("A2", "A", orgID("A"))), "the other daemon's signing key as transport key"},
		{"rotate-to-daemon", "key-reused", reusedRoot(), "the announced root is a daemon's key by now"},
		{"small-root", "bad-key", chainOf{}.add(r1, create("A").with(5, str(append([]byte{1}, make([]byte, 31)...)))), "the identity point as a root"},
		{"small-signing", "bad-key", born.add(r1, certify("A").with(9, str(make([]byte, 32)))), "a point of order 4 as a signing key"},
		{"small-transport", "bad-key", born.add(r1, certify("A").with(10, str(append([]byte{1}, make([]byte, 31)...))).agreed("A", "A peer", orgID("A")).with(17, str(anyText()))), "the identity point as a transport key, which signs everything"},
		{"high-transport", "bad-key", born.add(r1, certify("A").with(10, str(bytes.Repeat([]byte{0xff}, 32))).agreed("A", "A peer", orgID("A"))), "a transport key with y above the field"},
		{"kem-not-reduced", "bad-key", born.add(r1, certify("A").with(11, str(bytes.Repeat([]byte{0xff}, 1216))).agreed("A", "A peer", orgID("A"))), "a KEM key with coefficients of 4095 (FIPS 203 §7.2)"},
		{"rotate-to-small", "wrong-root", born.add(r2, rotate("A root 2", "A root 3").with(5, str(pubOf("X")))), "brings another root than its signer"},
	}
}

// reusedRoot announces as next root the key of a daemon.
func reusedRoot() chainOf {
	h := sha256.Sum256(pubOf("A"))
	r1, first := keyOf("A root"), create("A").with(6, str(h[:]))
	org := chainOf{}.id(r1, first)
	return chainOf{}.add(r1, first).add(r1, certify("A").agreed("A", "A peer", org)).add(keyOf("A"), rotate("A", "A root 3"))
}

func chainsFields() []ch {
	r1 := keyOf("A root")
	born := chainOf{}.add(r1, create("A"))
	c := func(e eventOf) chainOf { return chainOf{}.add(r1, e) }
	d := func(e eventOf) chainOf { return born.add(r1, e) }
	return []ch{
		{"v-2", "bad-field", c(create("A").with(1, num(2))), "version 2"},
		{"kind-6", "bad-field", d(meta("A").with(4, num(6))), "a kind that does not exist"},
		{"index-64", "bad-field", d(meta("A").with(2, num(64))), "index 64"},
		{"root-short", "bad-field", c(create("A").with(5, str(make([]byte, 31)))), "a root of 31 bytes"},
		{"next-long", "bad-field", c(create("A").with(6, str(make([]byte, 33)))), "33 bytes for the next root's hash"},
		{"name-bytes", "bad-field", c(create("A").with(7, str([]byte("A")))), "the name as bytes"},
		{"kem-short", "bad-field", d(certify("A").with(11, str(make([]byte, 1215))).agreed("A", "A peer", orgID("A"))), "a KEM key of 1215 bytes"},
		{"caps-none", "bad-field", d(certify("A").with(12, arr())), "no cap"},
		{"caps-0", "bad-field", d(certify("A").with(12, arr(num(0)))), "cap 0"},
		{"caps-5", "bad-field", d(certify("A").with(12, arr(num(5)))), "cap 5"},
		{"caps-unsorted", "bad-field", d(certify("A").with(12, arr(num(2), num(1)))), "caps in falling order"},
		{"caps-twice", "bad-field", d(certify("A").with(12, arr(num(1), num(1)))), "a cap twice"},
		{"not-after-over", "bad-field", d(certify("A").with(13, num(1<<53+1))), "not_after above 2^53"},
		{"reason-16", "bad-field", orgA().add(r1, revoke("A").with(15, num(16))), "reason 16"},
		{"domains-text", "bad-field", c(create("A").with(8, txt("a.example"))), "a domain, not an array of one"},
		{"domain-twice", "bad-field", d(meta("A", "a.example", "a.example")), "a domain twice"},
		{"create-without-name", "wrong-fields", c(create("A").without(7)), "create without name"},
		{"create-without-next", "wrong-fields", c(create("A").without(6)), "create without the next root"},
		{"create-with-caps", "wrong-fields", c(create("A").with(12, arr(num(1)))), "create with a daemon's field"},
		{"daemon-without-kem", "wrong-fields", d(certify("A").without(11)), "a daemon without a KEM key"},
		{"meta-with-root", "wrong-fields", d(meta("A").with(5, str(pubOf("X")))), "meta with a root"},
		{"unknown-key", "wrong-fields", d(meta("A").with(18, num(0))), "a key nobody knows: what is not understood is not trusted"},
		{"name-empty", "text-not-plain", c(create("A").with(7, txt(""))), "an empty name"},
		{"name-blank", "text-not-plain", c(create("A").with(7, txt(" A"))), "a blank in front"},
		{"name-escape", "text-not-plain", c(create("A").with(7, txt("A\x1b[31m"))), "a terminal escape"},
		{"name-newline", "text-not-plain", c(create("A").with(7, txt("A\nB"))), "a line feed"},
		{"name-bidi", "text-not-plain", c(create("A").with(7, txt("A\u202eB"))), "a right-to-left override"},
		{"name-zero-width", "text-not-plain", c(create("A").with(7, txt("A\u200bB"))), "a character of no width"},
		{"name-129", "too-large", c(create("A").with(7, txt(strings.Repeat("n", 129)))), "a name of 129 bytes"},
		{"domains-17", "too-large", d(meta("A", seventeen()...)), "17 domains"},
		{"domain-capital", "not-a-domain", d(meta("A", "A.example")), "a capital in a domain"},
		{"domain-one-label", "not-a-domain", d(meta("A", "localhost")), "one label"},
		{"domain-dot", "not-a-domain", d(meta("A", "a.example.")), "a dot at the end"},
		{"name-not-utf8", "text-not-utf8", c(create("A").with(7, hx("61 ff"))), "a name that is not UTF-8"},
		{"not-canonical", "head-not-shortest", c(create("A").with(8, hx("98 00"))), "an empty array, counted in two bytes"},
		{"null-domains", "simple-value", c(create("A").with(8, hx("f6"))), "null for no domains"},
	}
}

func seventeen() (all []string) {
	for i := range 17 {
		all = append(all, fmt.Sprintf("d%d.example", i))
	}
	return all
}
