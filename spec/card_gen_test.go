package spec_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"

	"cordon/spec"
)

// cardOf is the payload of A's card.
func cardOf() payload {
	return payload{{1, num(1)}, {2, orgA().bytes()}, {3, txt("A")}, {4, arr(txt("/ip4/192.0.2.1/tcp/4433"))},
		{5, dict()}, {6, num(1_700_000_000_000)}}
}

func cardFamily() *spec.Family {
	f := &spec.Family{Family: "card", Comment: "One card each (spec/identity.md §8). The reader verifies chain and " +
		"signature, and computes the card's id."}
	key := keyOf("A")
	c := func(name, verdict string, p payload, comment string) {
		v := spec.Vector{Name: name, Verdict: verdict, Hex: sealed("card", key, p.bytes()), Comment: comment}
		if verdict == spec.Valid {
			v.ID = idOf("card", key, p.bytes())
		}
		f.Vectors = append(f.Vectors, v)
	}
	addr := func(s ...string) payload {
		var all [][]byte
		for _, x := range s {
			all = append(all, txt(x))
		}
		return cardOf().with(4, arr(all...))
	}
	var many []string
	for i := range 17 {
		many = append(many, fmt.Sprintf("/dns/a%d.example/tcp/1", i))
	}
	r1 := keyOf("A root")
	flipped := bytes.Clone(orgA().raw[1])
	flipped[len(flipped)-1] ^= 1
	c("card", "valid", cardOf(), "one address, no policy")
	c("no-address", "valid", addr(), "an organisation that only dials")
	c("16-addresses", "valid", addr(many[:16]...), "as many addresses as are allowed")
	c("policy", "valid", cardOf().with(5, dict(pair{1, num(45)}, pair{2, num(2)})), "asks for 45 days, and for a confirmed domain")
	c("policy-full", "valid", cardOf().with(5, dict(pair{1, num(45)}, pair{2, num(2)}, pair{3, num(7)}, pair{4, num(90)}, pair{5, num(14)},
		pair{6, num(24)}, pair{7, num(72)}, pair{8, num(336)})), "all that a policy can say")
	c("policy-unknown", "valid", cardOf().with(5, dict(pair{9, arr(txt("later"))})), "a policy that this version does not know: ignored, signed")
	c("v-2", "bad-field", cardOf().with(1, num(2)), "version 2")
	c("chain-empty", "broken-chain", cardOf().with(2, arr()), "no events")
	c("chain-of-b", "name-differs", cardOf().with(2, organisation("B").bytes()), "the chain of B under the name of A")
	c("chain-forged", "bad-signature", cardOf().with(2, chainOf{}.put(orgA().raw[0]).put(flipped).bytes()), "one bit of a signature in the chain")
	c("chain-text", "bad-field", cardOf().with(2, txt("chain")), "text for a chain")
	c("name-other", "name-differs", cardOf().with(3, txt("B")), "another name than the chain's")
	c("name-old", "name-differs", cardOf().with(2, orgA().add(r1, meta("A 2")).bytes()), "the name before a meta")
	c("address-p2p", "not-an-address", addr("/ip4/192.0.2.1/tcp/1/p2p/12D3KooW"), "names a peer: who answers is for the chain to say")
	c("address-relay", "valid", addr("/ip4/192.0.2.1/tcp/1/p2p/12D3KooW/p2p-circuit"), "at a relay")
	c("address-relay-twice", "not-an-address", addr("/ip4/192.0.2.1/tcp/1/p2p/12D3KooW/p2p-circuit/p2p/12D3KooX/p2p-circuit"), "at a relay behind a relay")
	c("address-relay-of", "not-an-address", addr("/ip4/192.0.2.1/tcp/1/p2p/12D3KooW/p2p-circuit/p2p/12D3KooX"), "names a peer behind a relay")
	c("address-relay-alone", "not-an-address", addr("/p2p/12D3KooW/p2p-circuit"), "a relay without an address")
	c("address-bare", "not-an-address", addr("192.0.2.1:4433"), "no multiaddr")
	c("address-blank", "not-an-address", addr("/dns/a b/tcp/1"), "a blank")
	c("address-long", "too-large", addr("/dns/"+strings.Repeat("a", 252)), "257 bytes")
	c("address-twice", "bad-field", addr("/ip4/192.0.2.1/tcp/1", "/ip4/192.0.2.1/tcp/1"), "an address twice")
	c("17-addresses", "too-large", addr(many...), "one more than allowed")
	c("policy-0-days", "bad-field", cardOf().with(5, dict(pair{1, num(0)})), "zero is written by leaving the key out")
	c("policy-clock-0-hours", "bad-field", cardOf().with(5, dict(pair{6, num(0)})), "a clock that would have run out")
	c("policy-least-above-usual", "bad-field", cardOf().with(5, dict(pair{1, num(45)}, pair{3, num(46)})), "the shortest embargo is longer than the usual one")
	c("policy-reply-2-days", "bad-field", cardOf().with(5, dict(pair{5, num(2)})), "less than the 72 hours that everybody has")
	c("policy-trust-5", "bad-field", cardOf().with(5, dict(pair{2, num(5)})), "a level that does not exist")
	c("t-over", "bad-field", cardOf().with(6, num(1<<53+1)), "time above 2^53")
	c("missing-policy", "wrong-fields", cardOf().without(5), "no policy")
	c("unknown-key", "wrong-fields", cardOf().with(7, num(0)), "a key nobody knows")
	c("not-canonical", "head-not-shortest", cardOf().with(5, hx("b8 00")), "an empty policy, counted in two bytes")
	c("32-kib", "valid", fullCard(0), "18 certificates, and a policy that nobody knows up to 32 KiB")
	c("32-kib-and-one", "too-large", fullCard(1), "one byte more")
	return addAll(f, cardsSigned()...)
}

// fullCard has 18 certificates and a policy that makes it 32 KiB and over bytes long.
func fullCard(over int) payload {
	org := orgA()
	for i := 2; i <= 18; i++ {
		org = org.add(keyOf("A root"), certify(fmt.Sprint("A", i)).with(12, arr(num(1))))
	}
	p := func(n int) payload {
		return cardOf().with(2, org.bytes()).with(5, dict(pair{9, str(make([]byte, n))}))
	}
	const some = 1000
	return p(some + 32<<10 + over - len(sealed("card", keyOf("A"), p(some).bytes())))
}

func cardsSigned() []spec.Vector {
	v := func(name, verdict string, raw []byte, comment string) spec.Vector {
		return spec.Vector{Name: name, Verdict: verdict, Hex: raw, Comment: comment}
	}
	key, r1 := keyOf("A"), keyOf("A root")
	good := sealed("card", key, cardOf().bytes())
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	revoked := cardOf().with(2, orgA().add(r1, revoke("A")).bytes()).bytes()
	prot := protected("card", kidOf(pubOf("A")))
	stolen := envelope(prot, hx("a0"), cardOf().bytes(), ed25519.Sign(keyOf("X"), toBeSigned("card", prot, cardOf().bytes())))
	return []spec.Vector{
		v("by-the-root", "no-such-daemon", sealed("card", r1, cardOf().bytes()), "the root signs, no daemon"),
		v("by-another", "no-such-daemon", sealed("card", keyOf("X"), cardOf().bytes()), "a key that the chain does not know"),
		v("by-revoked", "no-such-daemon", sealed("card", key, revoked), "the chain inside revokes the signer"),
		v("signature", "bad-signature", flipped, "one bit of the signature"),
		v("stolen-kid", "bad-signature", stolen, "another key signs under the daemon's kid"),
		v("as-entry", "bad-signature", wrongAAD("card", "entry", key, cardOf().bytes()), "signed with external_aad cordon/1/entry"),
		v("role", "wrong-role", sealed("ident", key, cardOf().bytes()), "a card under an identity event's header"),
		v("trailing", "trailing-bytes", cat(good, hx("00")), "a byte after the card"),
		v("cut", "truncated", good[:len(good)-1], "the last byte is missing"),
	}
}

// inviteOf is the payload of an invite by A of B.
func inviteOf() payload {
	n := fixed("invite id")
	return payload{{1, num(1)}, {2, str(n[:16])}, {3, str(orgID("A"))}, {4, str(orgID("B"))}, {5, hash("commitment")},
		{6, num(2)}, {7, hash("agreement")}, {8, num(1_700_000_000_000)}, {9, txt("")}}
}

func acceptOf() payload {
	return payload{{1, num(1)}, {2, hash("invite")}, {3, hash("commitment")}, {4, str(orgID("A"))}, {5, num(2)}, {6, hash("agreement")}}
}

// offers makes the vectors that invite and accept have in common; party is the
// key that names the signer's organisation, role that of the role.
func offers(kind string, good payload, party, role uint64, capless []byte) []spec.Vector {
	key := keyOf("A")
	v := func(name, verdict string, raw []byte, comment string) spec.Vector {
		x := spec.Vector{Name: name, Verdict: verdict, Hex: raw, Comment: comment, Chain: orgA().bytes()}
		return x
	}
	s := func(p payload) []byte { return sealed(kind, key, p.bytes()) }
	valid := v(kind, "valid", s(good), "by A's daemon")
	valid.ID, valid.Layout = idOf(kind, key, good.bytes()), layout(s(good))
	flipped := bytes.Clone(s(good))
	flipped[len(flipped)-1] ^= 1
	without := v("cap", "cap-missing", s(good), "the daemon lacks the cap")
	without.Chain = cat(hx("82"), str(orgA().raw[0]), str(capless))
	revoked := v("revoked", "no-such-daemon", s(good), "the daemon is revoked")
	revoked.Chain = orgA().add(keyOf("A root"), revoke("A")).bytes()
	last := good[len(good)-1].key
	all := []spec.Vector{valid, without, revoked,
		v("v-0", "bad-field", s(good.with(1, num(0))), "version 0"),
		v("party-other", "wrong-party", s(good.with(party, str(orgID("X")))), "names another organisation than the chain's"),
		v("party-short", "bad-field", s(good.with(party, str(make([]byte, 31)))), "an OrgID of 31 bytes"),
		v("role-0", "bad-field", s(good.with(role, num(0))), "role 0"),
		v("role-7", "bad-field", s(good.with(role, num(7))), "role 7"),
		v("role-text", "bad-field", s(good.with(role, txt("vendor"))), "a role as text"),
		v("missing-first", "wrong-fields", s(good.without(1)), "no version"),
		v("missing-last", "wrong-fields", s(good.without(last)), "the last key is missing"),
		v("unknown-key", "wrong-fields", s(good.with(11, num(0))), "a key that is not known"),
		v("payload-array", "wrong-fields", sealed(kind, key, hx("80")), "an array"),
		v("by-another", "no-such-daemon", sealed(kind, keyOf("X"), good.bytes()), "a key that the chain does not know"),
		v("by-the-root", "no-such-daemon", sealed(kind, keyOf("A root"), good.bytes()), "the root signs"),
		v("signature", "bad-signature", flipped, "one bit of the signature"),
		v("as-entry", "bad-signature", wrongAAD(kind, "entry", key, good.bytes()), "signed with external_aad cordon/1/entry"),
		v("header-entry", "wrong-role", sealed("entry", key, good.bytes()), "under an entry's header"),
		v("trailing", "trailing-bytes", cat(s(good), hx("00")), "a byte after it"),
		v("cut", "truncated", s(good)[:50], "50 bytes of it"),
		v("not-canonical", "head-not-shortest", s(good.with(role, hx("18 02"))), "role 2 in two bytes"),
		v("null", "simple-value", s(good.with(last, hx("f6"))), "null for the last value"),
	}
	return all
}

func inviteFamily() *spec.Family {
	f := &spec.Family{Family: "invite", Comment: "One invite each (spec/identity.md §5.4). The reader verifies it with the " +
		"chain beside it, and computes its id."}
	weak := certify("A").with(12, arr(num(1), num(2), num(3)))
	addAll(f, offers("invite", inviteOf(), 3, 6, chainOf{}.add(keyOf("A root"), create("A")).add(keyOf("A root"), weak).raw[1])...)
	c := func(name, verdict string, p payload, comment string) {
		v := spec.Vector{Name: name, Verdict: verdict, Hex: sealed("invite", keyOf("A"), p.bytes()), Comment: comment, Chain: orgA().bytes()}
		if verdict == spec.Valid {
			v.ID = idOf("invite", keyOf("A"), p.bytes())
		}
		f.Vectors = append(f.Vectors, v)
	}
	c("teaser", "valid", inviteOf().with(9, txt("A flaw in a library you ship. Sans détail.")), "a teaser")
	c("teaser-280", "valid", inviteOf().with(9, txt(strings.Repeat("é", 140))), "the longest teaser: 280 bytes")
	c("teaser-281", "too-large", inviteOf().with(9, txt(strings.Repeat("t", 281))), "one byte too many")
	c("teaser-newline", "text-not-plain", inviteOf().with(9, txt("one\ntwo")), "two lines")
	c("teaser-bytes", "bad-field", inviteOf().with(9, str([]byte("x"))), "the teaser as bytes")
	c("id-15", "bad-field", inviteOf().with(2, str(make([]byte, 15))), "an invite id of 15 bytes")
	c("to-oneself", "wrong-party", inviteOf().with(4, str(orgID("A"))), "invites itself")
	c("expiry-over", "bad-field", inviteOf().with(8, num(1<<53+1)), "expiry above 2^53")
	c("from-admission", "valid", inviteOf().with(10, num(1)), "tells that the history begins with the admission")
	c("history-0", "bad-field", inviteOf().with(10, num(0)), "all of the history is told by leaving it out")
	c("history-2", "bad-field", inviteOf().with(10, num(2)), "a history that is not known")
	c("history-null", "simple-value", inviteOf().with(10, hx("f6")), "null for the history")
	c("history-alone", "wrong-fields", inviteOf().without(9).with(10, num(1)), "the history, and no teaser")
	c("key-11", "wrong-fields", inviteOf().with(10, num(1)).with(11, num(1)), "a key after the history")
	c("size", "too-large", inviteOf().with(9, txt(strings.Repeat("t", 1024))), "more than 1 KiB")
	return f
}

func acceptFamily() *spec.Family {
	f := &spec.Family{Family: "accept", Comment: "One accept each (spec/identity.md §5.4). The reader verifies it with the " +
		"chain beside it, and computes its id."}
	weak := certify("A").with(12, arr(num(1), num(3), num(4)))
	addAll(f, offers("accept", acceptOf(), 4, 5, chainOf{}.add(keyOf("A root"), create("A")).add(keyOf("A root"), weak).raw[1])...)
	for _, v := range []struct {
		name, verdict string
		p             payload
		comment       string
	}{
		{"invite-short", "bad-field", acceptOf().with(2, str(make([]byte, 31))), "an invite's id of 31 bytes"},
		{"agreement-text", "bad-field", acceptOf().with(6, txt("terms")), "text for an AgrID"},
		{"size", "too-large", acceptOf().with(7, str(make([]byte, 512))), "more than 512 bytes"},
	} {
		addAll(f, spec.Vector{Name: v.name, Verdict: v.verdict, Comment: v.comment, Chain: orgA().bytes(),
			Hex: sealed("accept", keyOf("A"), v.p.bytes())})
	}
	return f
}
