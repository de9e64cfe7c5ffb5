package spec_test

import (
	"bytes"
	"strings"

	"cordon/spec"
)

// day is a day in milliseconds.
const day = 24 * 3600 * 1000

// vouchOf is the payload of A's vouch for B.
func vouchOf() payload {
	const t = 1_700_000_000_000
	return payload{{1, num(1)}, {2, str(orgID("A"))}, {3, str(orgID("B"))}, {4, txt("B")}, {5, num(4)}, {6, num(t)}, {7, num(t + 365*day)}}
}

func vouchFamily() *spec.Family {
	f := &spec.Family{Family: "vouch", Comment: "One vouch each (spec/identity.md §8.7.3). The reader verifies it with the " +
		"chain of the voucher beside it. Whether it counts is another question."}
	key := keyOf("A")
	v := func(name, verdict string, raw []byte, comment string) *spec.Vector {
		f.Vectors = append(f.Vectors, spec.Vector{Name: name, Verdict: verdict, Hex: raw, Comment: comment, Chain: orgA().bytes()})
		return &f.Vectors[len(f.Vectors)-1]
	}
	c := func(name, verdict string, p payload, comment string) {
		v(name, verdict, sealed("vouch", key, p.bytes()), comment)
	}
	good := sealed("vouch", key, vouchOf().bytes())
	c("vouch", "valid", vouchOf(), "A vouches for B, for a year")
	f.Vectors[0].Layout = layout(good)
	c("400-days", "valid", vouchOf().with(7, num(1_700_000_000_000+400*day)), "as long as it may")
	c("name-128", "valid", vouchOf().with(4, txt(strings.Repeat("n", 128))), "the longest name")
	c("400-days-and-1-ms", "bad-field", vouchOf().with(7, num(1_700_000_000_000+400*day+1)), "a millisecond longer than it may")
	c("ends-at-once", "bad-field", vouchOf().with(7, num(1_700_000_000_000)), "ends when it begins")
	c("ends-before", "bad-field", vouchOf().with(7, num(0)), "ends before it begins")
	c("v-2", "bad-field", vouchOf().with(1, num(2)), "version 2")
	c("for-oneself", "wrong-party", vouchOf().with(3, str(orgID("A"))), "for the voucher itself")
	c("of-another", "wrong-party", vouchOf().with(2, str(orgID("X"))), "names another voucher than the chain's")
	c("org-short", "bad-field", vouchOf().with(3, str(make([]byte, 31))), "an OrgID of 31 bytes")
	c("name-empty", "text-not-plain", vouchOf().with(4, txt("")), "no name")
	c("name-turned", "text-not-plain", vouchOf().with(4, txt("B\u202e")), "a name that turns the reading direction")
	c("name-129", "too-large", vouchOf().with(4, txt(strings.Repeat("n", 129))), "a name of 129 bytes")
	c("level-2", "bad-field", vouchOf().with(5, num(2)), "a voucher that has checked a domain only")
	c("level-5", "bad-field", vouchOf().with(5, num(5)), "a level that does not exist")
	c("t-over", "bad-field", vouchOf().with(6, num(1<<53+1)).with(7, num(1<<53+2)), "times above 2^53")
	c("missing-end", "wrong-fields", vouchOf().without(7), "no end")
	c("unknown-key", "wrong-fields", vouchOf().with(8, num(0)), "a key nobody knows")
	c("not-canonical", "head-not-shortest", vouchOf().with(5, hx("18 04")), "level 4 in two bytes")
	c("size", "too-large", vouchOf().with(8, str(make([]byte, 512))), "more than 512 bytes")
	flipped := bytes.Clone(good)
	flipped[len(flipped)-1] ^= 1
	v("signature", "bad-signature", flipped, "one bit of the signature")
	v("by-another", "no-such-daemon", sealed("vouch", keyOf("X"), vouchOf().bytes()), "a key that the chain does not know")
	v("by-the-root", "no-such-daemon", sealed("vouch", keyOf("A root"), vouchOf().bytes()), "the root signs")
	v("as-card", "bad-signature", wrongAAD("vouch", "card", key, vouchOf().bytes()), "signed with external_aad cordon/1/card")
	v("header-card", "wrong-role", sealed("card", key, vouchOf().bytes()), "under a card's header")
	v("trailing", "trailing-bytes", cat(good, hx("00")), "a byte after it")
	v("cut", "truncated", good[:50], "50 bytes of it")
	v("revoked", "no-such-daemon", good, "the daemon is revoked").Chain = orgA().add(keyOf("A root"), revoke("A")).bytes()
	weak := certify("A").with(12, arr(num(1), num(3), num(4)))
	v("cap", "cap-missing", good, "the daemon lacks the cap consent").Chain =
		chainOf{}.add(keyOf("A root"), create("A")).add(keyOf("A root"), weak).bytes()
	return f
}
