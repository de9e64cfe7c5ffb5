package spec_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"strings"

	"cordon/spec"
)

const sampleText = "Nobody publishes before the end."

// record is an agreement's record: 45 days, TLP amber, nobody before the end.
func record() payload {
	h := sha256.Sum256([]byte(sampleText))
	return payload{{2, num(1_700_000_000_000)}, {3, num(1_703_888_000_000)}, {5, terms().bytes()}, {6, str(h[:])}}
}

func terms() payload { return payload{{1, num(1)}, {2, num(3)}, {3, num(1)}, {4, num(0)}, {5, num(1)}} }

func agreementOf(r payload, text string) []byte {
	return dict(pair{1, str(r.bytes())}, pair{2, txt(text)})
}

func agreementFamily() *spec.Family {
	f := &spec.Family{Family: "agreement", Comment: "A record beside its text: {1: record, 2: text}, as entries and invitations " +
		"carry it. The reader judges both and computes the AgrID, the SHA-256 of the record."}
	c := func(name, verdict string, r payload, text, comment string) {
		v := spec.Vector{Name: name, Verdict: verdict, Comment: comment, Hex: agreementOf(r, text)}
		if verdict == spec.Valid {
			h := sha256.Sum256(r.bytes())
			v.ID, v.Layout = h[:], layout(v.Hex)
		}
		f.Vectors = append(f.Vectors, v)
	}
	hashOf := func(s string) []byte { h := sha256.Sum256([]byte(s)); return str(h[:]) }
	c("agreement", "valid", record(), sampleText, "45 days")
	c("no-embargo", "valid", record().without(3).with(5, terms().with(3, num(2)).bytes()), sampleText, "no end, no rule of publication")
	c("child", "valid", record().with(1, hash("parent")).with(4, num(1_700_000_100_000)), sampleText, "a later agreement, with a time to answer by")
	c("no-text", "valid", record().with(6, hashOf("")), "", "an empty text")
	big := strings.Repeat("t", 32<<10)
	c("text-over", "bad-agreement", record().with(6, hashOf(big+"t")), big+"t", "a text of 32 KiB and a byte")
	c("text-other", "bad-agreement", record(), sampleText+" ", "another text than the record's")
	c("text-hash-missing", "bad-agreement", record().without(6), sampleText, "no hash of the text")
	c("end-before-start", "bad-agreement", record().with(3, num(1_600_000_000_000)), sampleText, "ends before it starts")
	c("end-is-start", "bad-agreement", record().with(3, num(1_700_000_000_000)), sampleText, "ends as it starts")
	c("end-over", "bad-agreement", record().with(3, num(1<<53+1)), sampleText, "an end above 2^53")
	c("start-missing", "bad-agreement", record().without(2), sampleText, "no start")
	c("terms-missing", "bad-agreement", record().without(5), sampleText, "no terms")
	c("terms-array", "bad-agreement", record().with(5, arr()), sampleText, "terms as an array")
	c("terms-tlp-6", "bad-agreement", record().with(5, terms().with(2, num(6)).bytes()), sampleText, "TLP 6")
	c("terms-tlp-0", "bad-agreement", record().with(5, terms().with(2, num(0)).bytes()), sampleText, "TLP 0")
	c("terms-share-2", "bad-agreement", record().with(5, terms().with(1, num(2)).bytes()), sampleText, "a rule of sharing that does not exist")
	c("terms-publish-3", "bad-agreement", record().with(5, terms().with(3, num(3)).bytes()), sampleText, "a rule of publication that does not exist")
	c("terms-use-0", "bad-agreement", record().with(5, terms().with(5, num(0)).bytes()), sampleText, "use 0")
	c("terms-retention-missing", "bad-agreement", record().with(5, terms().without(4).bytes()), sampleText, "no retention")
	c("terms-unknown", "bad-agreement", record().with(5, terms().with(6, num(1)).bytes()), sampleText, "a term nobody knows cannot be signed")
	c("unknown-key", "bad-agreement", record().with(7, num(1)), sampleText, "a key nobody knows")
	c("parent-short", "bad-agreement", record().with(1, str(make([]byte, 31))), sampleText, "a parent of 31 bytes")
	c("not-canonical", "bad-agreement", record().with(5, terms().with(2, hx("18 03")).bytes()), sampleText, "TLP 3 in two bytes: the AgrID would have two spellings")
	c("trailing", "bad-agreement", nil, sampleText, "an empty record")
	return f
}

// ctlOf is what a genesis says.
func ctlOf(org string) payload {
	return payload{{1, hash("nonce")}, {2, organisation(org).bytes()}, {3, c0(org).bytes()}, {4, agreementOf(record(), sampleText)}, {5, arr(num(2))}}
}

func c0(org string) payload {
	return payload{{2, num(0)}, {3, arr(str(orgID(org)))}, {4, num(1)}, {5, num(1)}, {6, num(1)}}
}

// g is a vector of the genesis family.
type g struct {
	name, verdict string
	ctl           payload
	comment       string
}

func genesisFamily() *spec.Family {
	f := &spec.Family{Family: "genesis", Comment: "One genesis entry each. The reader judges the entry (spec/protocol.md §4), " +
		"what it opens (§4.6) and its signature by the key that it certifies itself, and computes the CaseID."}
	put := func(name, verdict string, key ed25519.PrivateKey, p payload, comment string) {
		v := spec.Vector{Name: name, Verdict: verdict, Comment: comment, Hex: sealed("entry", key, p.bytes())}
		if verdict == spec.Valid {
			v.ID = idOf("entry", key, p.bytes())
		}
		if name == "genesis" {
			v.Layout = layout(v.Hex)
		}
		f.Vectors = append(f.Vectors, v)
	}
	for _, v := range genesisCtls() {
		put(v.name, v.verdict, keyOf("A"), genesis().with(13, v.ctl.bytes()), v.comment)
	}
	whole := genesis().with(13, ctlOf("A").bytes())
	put("by-another", "key-not-certified", keyOf("X"), whole, "signed by a key that its identity events do not certify")
	put("by-the-root", "key-not-certified", keyOf("A root"), whole, "signed by the root")
	put("by-another-organisation", "key-not-certified", keyOf("B"), whole, "signed by B's daemon, opened for A")
	put("unknown-15", "not-known-to-rules", keyOf("A"), whole.with(15, num(1)), "a reserved key of the payload")
	flipped := sealed("entry", keyOf("A"), whole.bytes())
	flipped[len(flipped)-1] ^= 1
	return addAll(f, spec.Vector{Name: "signature", Verdict: "bad-signature", Hex: flipped, Comment: "one bit of the signature"})
}

func genesisCtls() []g {
	r1 := keyOf("A root")
	flipped := organisation("A")
	last := append([]byte(nil), flipped.raw[1]...)
	last[len(last)-1] ^= 1
	forged := chainOf{}.put(flipped.raw[0]).put(last)
	without := func(caps ...uint64) payload {
		var all [][]byte
		for _, c := range caps {
			all = append(all, num(c))
		}
		return ctlOf("A").with(2, chainOf{}.add(r1, create("A")).add(r1, certify("A").with(12, arr(all...))).bytes())
	}
	conf := func(key uint64, v []byte) payload { return ctlOf("A").with(3, c0("A").with(key, v).bytes()) }
	return []g{
		{"genesis", "valid", ctlOf("A"), "A opens a case as mitigating vendor, under an embargo of 45 days"},
		{"two-roles", "valid", ctlOf("A").with(5, arr(num(1), num(2))), "as reporter and vendor"},
		{"no-embargo", "valid", ctlOf("A").with(4, agreementOf(record().without(3), sampleText)), "without an end"},
		{"all-but-consent", "valid", without(1, 3, 4), "the daemon needs caps write and steward"},
		{"nonce-short", "bad-genesis", ctlOf("A").with(1, str(make([]byte, 31))), "a nonce of 31 bytes"},
		{"nonce-missing", "bad-genesis", ctlOf("A").without(1), "no nonce"},
		{"roles-none", "bad-genesis", ctlOf("A").with(5, arr()), "no role"},
		{"roles-0", "bad-genesis", ctlOf("A").with(5, arr(num(0))), "role 0"},
		{"roles-7", "bad-genesis", ctlOf("A").with(5, arr(num(7))), "role 7"},
		{"roles-unsorted", "bad-genesis", ctlOf("A").with(5, arr(num(2), num(1))), "roles in falling order"},
		{"roles-twice", "bad-genesis", ctlOf("A").with(5, arr(num(2), num(2))), "a role twice"},
		{"config-missing", "bad-genesis", ctlOf("A").without(3), "no config"},
		{"config-array", "bad-genesis", ctlOf("A").with(3, arr()), "a config as an array"},
		{"terms-missing", "bad-genesis", ctlOf("A").without(4), "no terms 0"},
		{"ctl-empty", "bad-genesis", payload{}, "an empty ctl"},
		{"ctl-unknown-key", "not-known-to-rules", ctlOf("A").with(6, num(0)), "a key of ctl that nobody knows"},
		{"events-none", "bad-genesis", ctlOf("A").with(2, arr()), "no identity event"},
		{"events-forged", "bad-identity", ctlOf("A").with(2, forged.bytes()), "one bit of a signature in the chain"},
		{"events-no-create", "identity-gap", ctlOf("A").with(2, chainOf{}.put(flipped.raw[1]).bytes()), "begins with the certificate"},
		{"events-no-daemon", "key-not-certified", ctlOf("A").with(2, chainOf{}.put(flipped.raw[0]).bytes()), "no daemon is certified"},
		{"events-revoked", "key-not-certified", ctlOf("A").with(2, organisation("A").add(r1, revoke("A")).bytes()), "the signing daemon is revoked"},
		{"cap-write", "key-not-certified", without(2, 3, 4), "the daemon lacks cap write"},
		{"cap-steward", "key-not-certified", without(1, 2, 4), "the daemon lacks cap steward"},
		{"config-other-steward", "bad-config", conf(3, arr(str(orgID("B")))), "the steward is another organisation"},
		{"config-two-stewards", "bad-config", conf(3, arr(str(orgID("A")), str(orgID("B")))), "two stewards: the second is not there to agree"},
		{"config-n-1", "bad-config", conf(2, num(1)), "the first config has number 0"},
		{"config-quorum-2", "bad-config", conf(4, num(2)), "a quorum that one steward never reaches"},
		{"config-succession", "bad-config", conf(6, num(2)), "the first config succeeds nobody"},
		{"terms-bad-text", "bad-agreement", ctlOf("A").with(4, agreementOf(record(), "another text")), "terms 0 with another text"},
		{"terms-parent", "bad-agreement", ctlOf("A").with(4, agreementOf(record().with(1, hash("parent")), sampleText)), "terms 0 have no parent"},
		{"terms-end-before-start", "bad-agreement", ctlOf("A").with(4, agreementOf(record().with(3, num(1)), sampleText)), "terms 0 end before they start"},
	}
}
