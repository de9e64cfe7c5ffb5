package spec_test

import (
	"bytes"
	"fmt"
	"slices"

	"cordon/spec"
)

// payload is the payload of an entry, pair by pair.
type payload []pair

func (p payload) bytes() []byte { return dict(p...) }

// with sets a key, in its place.
func (p payload) with(key uint64, value []byte) payload {
	q := p.without(key)
	at := slices.IndexFunc(q, func(x pair) bool { return x.key > key })
	if at < 0 {
		at = len(q)
	}
	return slices.Insert(q, at, pair{key, value})
}

func (p payload) without(keys ...uint64) payload {
	return slices.DeleteFunc(slices.Clone(p), func(x pair) bool { return slices.Contains(keys, x.key) })
}

// control is a status entry, content a note, genesis the opening of a case with
// as little in it as the structure asks for.
func control() payload {
	return payload{{1, num(1)}, {2, hash("case")}, {3, num(0)}, {5, num(7)}, {6, hash("prev")}, {7, arr()},
		{8, num(9)}, {9, num(1_700_000_000_000)}, {10, num(13)}, {13, dict(pair{1, num(3)})}}
}

func content() payload {
	return payload{{1, num(1)}, {2, hash("case")}, {3, num(1)}, {5, num(7)}, {6, hash("prev")}, {7, arr()},
		{8, num(9)}, {9, num(1_700_000_000_000)}, {10, num(33)}, {12, hash("agreement")}, {14, bodyRef(500)}}
}

func genesis() payload {
	return payload{{1, num(1)}, {3, num(0)}, {5, num(0)}, {7, arr()}, {8, num(0)}, {9, num(1_700_000_000_000)},
		{10, num(1)}, {13, dict(pair{1, hash("nonce")})}}
}

func first() payload {
	return control().without(6).with(5, num(0)).with(7, arr(hash("dep")))
}

func bodyRef(size uint64) []byte { return arr(hash("content"), num(size), hash("kc")) }

// deps are n sorted hashes.
func deps(n int) []byte {
	var all [][]byte
	for i := range n {
		all = append(all, hash(fmt.Sprint("dep ", i)))
	}
	slices.SortFunc(all, bytes.Compare)
	return arr(all...)
}

// e is a vector of the entry family whose envelope is sound.
type e struct {
	name, verdict string
	p             payload
	comment       string
}

func entryFamily() *spec.Family {
	f := &spec.Family{Family: "entry", Comment: "One entry each, as in spec/protocol.md §4. The reader says which " +
		"rule it breaks, judges its signature with the key beside it, and computes its id."}
	key := keyOf("A")
	for _, v := range slices.Concat(entriesValid(), entriesFields(), entriesTogether(), entriesInside()) {
		raw := v.p.bytes()
		x := spec.Vector{Name: v.name, Comment: v.comment, Verdict: v.verdict, Hex: sealed("entry", key, raw),
			Key: spec.Bytes(pubOf("A"))}
		if v.verdict == spec.Valid {
			x.ID = idOf("entry", key, raw)
			x.Unknown = slices.ContainsFunc(v.p, func(p pair) bool { return p.key < 64 && !known(p.key) })
			if len(x.Hex) < 600 {
				x.Layout = layout(x.Hex)
			}
		}
		f.Vectors = append(f.Vectors, x)
	}
	addAll(f, entrySizes(key)...)
	addAll(f, entryRawPayloads(key)...)
	return addAll(f, entryEnvelopes(key)...)
}

func known(k uint64) bool { return k >= 1 && k <= 14 && k != 4 }

func entriesValid() []e {
	zero16 := dict(pair{1, arr(num(1), num(2))})
	return []e{
		{"control", "valid", control(), "a status: valid (rm 3), seq 7 of a feed in comp 0"},
		{"content", "valid", content(), "a note, seq 7 of a feed in comp 1"},
		{"genesis", "valid", genesis(), "opens a case: no key 2, no deps, lc 0. What is inside ctl is judged by the fold, not here"},
		{"first-of-a-feed", "valid", first(), "seq 0: no prev, one dep"},
		{"compartment", "valid", content().with(3, hash("compartment")), "content in the compartment that this entry opened"},
		{"deps-16", "valid", control().with(7, deps(16)), "as many deps as are allowed"},
		{"seq-0-deps-16", "valid", first().with(7, deps(16)), "the first entry of a feed, 16 deps"},
		{"cfg", "valid", control().with(10, num(4)).with(11, hash("config")), "a steward's act cites a config"},
		{"seq-limit-control", "valid", control().with(5, num(65535)), "the last seq of a control feed"},
		{"seq-limit-content", "valid", content().with(5, num(1<<20-1)), "the last seq of a content feed"},
		{"lc-limit", "valid", control().with(8, num(1<<53)), "the highest Lamport number"},
		{"t-limit", "valid", control().with(9, num(1<<53)), "the latest time: 2^53 ms. A wrong clock is never invalid"},
		{"t-0", "valid", control().with(9, num(0)), "the earliest time"},
		{"body-1-byte", "valid", content().with(14, bodyRef(1)), "the smallest body"},
		{"body-265-mib", "valid", content().with(14, bodyRef(265<<20)), "the largest body"},
		{"body-grown", "valid", content().with(14, arr(hash("content"), num(5), hash("kc"), num(1), zero16)),
			"the array of key 14 has items of a later version: ignored"},
		{"type-unknown-control", "valid", control().with(10, num(31)), "a control type nobody knows: valid here, refused by the fold"},
		{"type-unknown-content", "valid", content().with(10, num(65535)), "a content type nobody knows"},
		{"unknown-15", "valid", control().with(15, num(1)), "a reserved key: stored, forwarded, and the fold refuses it"},
		{"unknown-4", "valid", control().with(4, num(1)), "the reserved key 4"},
		{"unknown-0", "valid", control().with(0, txt("x")), "key 0 has no meaning either"},
		{"unknown-63", "valid", content().with(63, arr(dict())), "the last reserved key"},
		{"ext-64", "valid", control().with(64, txt("an extension")), "the first extension key: ignored by who does not know it"},
		{"ext-65535", "valid", content().with(65535, str([]byte{1})), "the last extension key"},
		{"ext-many", "valid", content().with(64, num(1)).with(65, arr(num(1))).with(1000, dict()), "three extensions"},
		{"ctl-empty", "valid", control().with(13, dict()), "an empty ctl: the structure does not forbid it, the fold does"},
		{"ctl-negative-key", "valid", control().with(13, hx("a1 20 00")), "{-1: 0}: ctl is a map with integer keys"},
		{"depth-8", "valid", control().with(64, bytes.Repeat(hx("81"), 6)).with(65, num(0)).with(64, hx("81 81 81 81 81 81 81 00")),
			"seven arrays in the payload's map make eight levels"},
	}
}

// entriesFields break one field each.
func entriesFields() []e {
	z, every := str(make([]byte, 32)), str(append(make([]byte, 31), 1))
	short, long := str(make([]byte, 31)), str(bytes.Repeat([]byte{7}, 33))
	return []e{
		{"v-0", "bad-field", control().with(1, num(0)), "version 0"},
		{"v-2", "bad-field", control().with(1, num(2)), "version 2"},
		{"v-text", "bad-field", control().with(1, txt("1")), "version as text"},
		{"v-negative", "bad-field", control().with(1, hx("20")), "version -1"},
		{"case-short", "bad-field", control().with(2, short), "31 bytes"},
		{"case-long", "bad-field", control().with(2, long), "33 bytes"},
		{"case-zero", "bad-field", control().with(2, z), "a hash is never zero: zero would read as genesis"},
		{"case-text", "bad-field", control().with(2, txt("0123456789abcdef0123456789abcdef")), "32 letters, not 32 bytes"},
		{"case-empty", "bad-field", control().with(2, str(nil)), "no bytes"},
		{"comp-2", "bad-field", content().with(3, num(2)), "comp is 0, 1 or an id"},
		{"comp-short", "bad-field", content().with(3, short), "31 bytes"},
		{"comp-alias-1", "bad-field", content().with(3, every), "the number 1 in 32 bytes: a second name for everybody"},
		{"comp-alias-0", "bad-field", control().with(3, z), "32 zero bytes: a second name for control"},
		{"comp-true", "bad-field", content().with(3, hx("f5")), "true is no 1"},
		{"comp-array", "bad-field", content().with(3, arr(num(1))), "an array"},
		{"seq-negative", "bad-field", control().with(5, hx("20")), "-1"},
		{"seq-2-20", "bad-field", content().with(5, num(1<<20)), "2^20: beyond every feed"},
		{"seq-2-32", "bad-field", content().with(5, num(1<<32)), "2^32: 0 in 32 bits"},
		{"seq-max", "bad-field", content().with(5, num(1<<64-1)), "2^64 - 1"},
		{"seq-bytes", "bad-field", control().with(5, str([]byte{7})), "as bytes"},
		{"prev-short", "bad-field", control().with(6, short), "31 bytes"},
		{"prev-zero", "bad-field", control().with(6, z), "a hash is never zero"},
		{"prev-number", "bad-field", control().with(6, num(6)), "a number"},
		{"deps-17", "bad-field", control().with(7, deps(17)), "one more than allowed"},
		{"deps-map", "bad-field", control().with(7, dict()), "a map"},
		{"deps-bytes", "bad-field", control().with(7, hash("dep")), "one id, not an array of one"},
		{"deps-short-id", "bad-field", control().with(7, arr(short)), "an id of 31 bytes"},
		{"deps-zero-id", "bad-field", control().with(7, arr(z)), "a hash is never zero"},
		{"deps-number", "bad-field", control().with(7, arr(num(1))), "a number for an id"},
		{"lc-2-53", "bad-field", control().with(8, num(1<<53+1)), "above 2^53"},
		{"lc-negative", "bad-field", control().with(8, hx("28")), "-9"},
		{"lc-0", "bad-field", control().with(8, num(0)), "only genesis has lc 0"},
		{"t-2-53", "bad-field", control().with(9, num(1<<53+1)), "above 2^53: no longer exact in every language"},
		{"t-negative", "bad-field", control().with(9, hx("20")), "before 1970"},
		{"t-max", "bad-field", control().with(9, num(1<<64-1)), "2^64 - 1"},
		{"type-0", "bad-field", control().with(10, num(0)), "types start at 1"},
		{"type-65536", "bad-field", control().with(10, num(65536)), "types end at 65535"},
		{"type-text", "bad-field", control().with(10, txt("status")), "types are numbers"},
		{"cfg-short", "bad-field", control().with(11, short), "31 bytes"},
		{"cfg-zero", "bad-field", control().with(11, z), "a hash is never zero"},
		{"agr-long", "bad-field", content().with(12, long), "33 bytes"},
		{"agr-zero", "bad-field", content().with(12, z), "a hash is never zero"},
		{"ctl-array", "bad-field", control().with(13, arr()), "an array"},
		{"ctl-bytes", "bad-field", control().with(13, str(dict())), "a map inside bytes"},
		{"ctl-true", "bad-field", control().with(13, hx("f5")), "true"},
		{"body-2-items", "bad-field", content().with(14, arr(hash("content"), num(5))), "the key commitment is missing"},
		{"body-empty", "bad-field", content().with(14, arr()), "an empty array"},
		{"body-size-0", "bad-field", content().with(14, bodyRef(0)), "a sealed body has at least its tag"},
		{"body-size-over", "bad-field", content().with(14, bodyRef(265<<20+1)), "one byte more than allowed"},
		{"body-size-max", "bad-field", content().with(14, bodyRef(1<<64-1)), "2^64 - 1: no reader may reserve that"},
		{"body-hash-short", "bad-field", content().with(14, arr(short, num(5), hash("kc"))), "31 bytes"},
		{"body-hash-zero", "bad-field", content().with(14, arr(z, num(5), hash("kc"))), "a hash is never zero"},
		{"body-kc-zero", "bad-field", content().with(14, arr(hash("content"), num(5), z)), "a commitment is never zero"},
		{"body-order", "bad-field", content().with(14, arr(num(5), hash("content"), hash("kc"))), "size before hash"},
		{"body-map", "bad-field", content().with(14, dict(pair{1, hash("content")})), "a map"},
		{"ext-65536", "bad-field", control().with(65536, num(1)), "extension keys end at 65535"},
		{"ext-2-32", "bad-field", control().with(1<<32, num(1)), "a key of 2^32"},
		{"ext-max", "bad-field", control().with(1<<64-1, num(1)), "a key of 2^64 - 1"},
	}
}

// entriesTogether break how the fields go together.
func entriesTogether() []e {
	var all []e
	for _, k := range []uint64{1, 3, 5, 7, 8, 9, 10} {
		all = append(all, e{fmt.Sprintf("missing-%d", k), "missing-field", control().without(k),
			fmt.Sprintf("key %d is missing", k)})
	}
	d0, d1 := hash("dep 0"), hash("dep 1")
	if bytes.Compare(d0, d1) > 0 {
		d0, d1 = d1, d0
	}
	return append(all, []e{
		{"missing-prev", "missing-field", control().without(6), "seq 7 without prev"},
		{"prev-at-seq-0", "missing-field", first().with(6, hash("prev")), "prev at seq 0"},
		{"no-dep-at-seq-0", "missing-field", first().with(7, arr()), "the first entry of a feed hangs on nothing"},
		{"empty-payload", "missing-field", payload{}, "an empty map"},
		{"deps-unsorted", "deps-not-sorted", control().with(7, arr(d1, d0)), "two deps in falling order"},
		{"deps-twice", "deps-not-sorted", control().with(7, arr(d0, d0)), "one dep twice"},
		{"control-with-body", "wrong-plane", control().with(14, bodyRef(5)), "a control entry has no sealed body"},
		{"control-without-ctl", "wrong-plane", control().without(13), "a control entry has a ctl"},
		{"control-with-agr", "wrong-plane", control().with(12, hash("agreement")), "agr is for content"},
		{"control-content-type", "wrong-plane", control().with(10, num(33)), "a note in comp 0"},
		{"content-with-ctl", "wrong-plane", content().with(13, dict()), "content has no ctl: detail would go to everybody"},
		{"content-without-body", "wrong-plane", content().without(14), "content has a body"},
		{"content-without-agr", "wrong-plane", content().without(12), "content names the agreement it is written under"},
		{"content-with-cfg", "wrong-plane", content().with(11, hash("config")), "cfg is for steward acts"},
		{"content-control-type", "wrong-plane", content().with(10, num(13)), "a status in comp 1"},
		{"content-control-type-comp", "wrong-plane", content().with(3, hash("compartment")).with(10, num(5)), "a removal in a compartment"},
		{"type-31-content", "wrong-plane", content().with(10, num(31)), "the last control type in comp 1"},
		{"type-32-control", "wrong-plane", control().with(10, num(32)), "the first content type in comp 0"},
		{"seq-65536-control", "seq-limit", control().with(5, num(65536)), "a control feed ends at 65535"},
		{"genesis-in-a-case", "bad-genesis", control().with(10, num(1)), "a genesis that names a case"},
		{"genesis-in-comp-1", "bad-genesis", content().with(10, num(1)), "a genesis in comp 1 of a case"},
		{"no-case", "bad-genesis", control().without(2), "no case, and no genesis"},
		{"no-case-first", "bad-genesis", first().without(2), "a first entry without its case"},
		{"genesis-other-type", "bad-genesis", genesis().with(10, num(13)), "no case, type status"},
		{"genesis-comp-1", "bad-genesis", genesis().with(3, num(1)), "genesis in comp 1"},
		{"genesis-seq-1", "bad-genesis", genesis().with(5, num(1)).with(6, hash("prev")), "genesis at seq 1"},
		{"genesis-dep", "bad-genesis", genesis().with(7, arr(hash("dep"))), "genesis depends on nothing"},
		{"genesis-lc-1", "bad-genesis", genesis().with(8, num(1)), "genesis has lc 0"},
		{"genesis-without-ctl", "bad-genesis", genesis().without(13), "genesis without ctl"},
		{"genesis-body", "bad-genesis", genesis().with(14, bodyRef(5)), "genesis with a body"},
		{"genesis-cfg", "bad-genesis", genesis().with(11, hash("config")), "genesis cites no config: it is the first"},
		{"genesis-agr", "bad-genesis", genesis().with(12, hash("agreement")), "genesis names no agreement: it brings it"},
		{"genesis-prev-at-0", "missing-field", genesis().with(6, hash("prev")), "genesis with prev"},
		{"content-genesis", "bad-genesis", content().without(2), "content without its case"},
	}...)
}

// entriesInside break the canonical form inside the payload.
func entriesInside() []e {
	ctl := func(s string) payload { return control().with(13, hx(s)) }
	return []e{
		{"inside-float", "float", ctl("a1 01 f9 3c 00"), "a float in ctl"},
		{"inside-nan", "float", control().with(64, hx("f9 7e 00")), "NaN in an extension: unknown keys are walked too"},
		{"inside-null", "simple-value", ctl("a1 01 f6"), "null in ctl"},
		{"inside-undefined", "simple-value", control().with(15, hx("f7")), "undefined under an unknown key"},
		{"inside-tag", "tag", ctl("a1 01 c1 00"), "a tag in ctl"},
		{"inside-tag-id", "tag", control().with(2, cat(hx("d8 25"), hash("case"))), "a tagged case id"},
		{"inside-indefinite", "indefinite-length", ctl("bf 01 03 ff"), "an indefinite ctl"},
		{"inside-indefinite-deps", "indefinite-length", control().with(7, hx("9f ff")), "indefinite deps"},
		{"inside-indefinite-bytes", "indefinite-length", control().with(2, cat(hx("5f"), hash("case"), hx("ff"))), "the case id in chunks"},
		{"inside-long-head", "head-not-shortest", control().with(5, hx("18 07")), "seq 7 in two bytes"},
		{"inside-long-head-8", "head-not-shortest", control().with(8, hx("1b 00 00 00 00 00 00 00 09")), "lc 9 in nine bytes"},
		{"inside-long-length", "head-not-shortest", control().with(2, cat(hx("59 00 20"), hash("case")[2:])), "32 bytes, length in two bytes"},
		{"inside-utf8", "text-not-utf8", ctl("a1 01 62 c3 28"), "text in ctl that is not UTF-8"},
		{"inside-text-key", "map-key-not-integer", ctl("a1 61 61 00"), "a text key in ctl"},
		{"inside-unsorted", "map-keys-not-sorted", ctl("a2 02 00 01 00"), "unsorted keys in ctl"},
		{"inside-twice", "map-key-twice", ctl("a2 01 00 01 00"), "a key twice in ctl"},
		{"inside-deep", "too-deep", control().with(64, hx("81 81 81 81 81 81 81 81 00")), "eight arrays in the payload's map make nine levels"},
		{"inside-huge-ctl", "truncated", ctl("bb ff ff ff ff ff ff ff ff"), "ctl claims 2^64 - 1 pairs"},
		{"inside-huge-deps", "truncated", payload{{1, num(1)}, {7, hx("9b ff ff ff ff ff ff ff ff")}}, "deps claim 2^64 - 1 ids"},
		{"inside-huge-bytes", "truncated", payload{{1, num(1)}, {2, hx("5b ff ff ff ff ff ff ff ff")}}, "the case id claims 2^64 - 1 bytes"},
		{"inside-huge-ext", "truncated", control().with(64, hx("7a 40 00 00 00")), "an extension claims 1 GiB of text"},
	}
}
