package spec_test

import (
	"bytes"
	"strings"

	"cordon/spec"
)

// c is a vector of the canon family, written by hand.
type c struct{ name, verdict, hex, comment string }

var canonByHand = []c{
	// What is allowed.
	{"uint-0", "valid", "00", "0"},
	{"uint-23", "valid", "17", "23, the last that fits the first byte"},
	{"uint-24", "valid", "18 18", "24, the first with an argument byte"},
	{"uint-255", "valid", "18 ff", "255"},
	{"uint-256", "valid", "19 01 00", "256"},
	{"uint-65536", "valid", "1a 00 01 00 00", "2^16"},
	{"uint-2-32", "valid", "1b 00 00 00 01 00 00 00 00", "2^32"},
	{"uint-max", "valid", "1b ff ff ff ff ff ff ff ff", "2^64 - 1"},
	{"nint-1", "valid", "20", "-1"},
	{"nint-19", "valid", "32", "-19, the algorithm number of Ed25519"},
	{"nint-min", "valid", "3b ff ff ff ff ff ff ff ff", "-2^64, below what int64 holds"},
	{"bytes-empty", "valid", "40", "h''"},
	{"bytes-any", "valid", "44 00 ff f6 c0", "bytes are not looked into"},
	{"text-empty", "valid", "60", "empty text"},
	{"text-utf8", "valid", "65 c3 a9 e2 82 ac", "é and the euro sign"},
	{"text-4-byte", "valid", "64 f0 9f 94 92", "U+1F512, four bytes"},
	{"text-nul", "valid", "61 00", "U+0000 is valid UTF-8"},
	{"text-last-code-point", "valid", "64 f4 8f bf bf", "U+10FFFF"},
	{"text-bom", "valid", "63 ef bb bf", "U+FEFF stays: no reader strips a byte order mark"},
	{"text-not-normalised", "valid", "63 65 cc 81", "e and a combining accent: no normalisation is asked for"},
	{"false", "valid", "f4", "false"},
	{"true", "valid", "f5", "true"},
	{"array-empty", "valid", "80", "[]"},
	{"map-empty", "valid", "a0", "{}"},
	{"map-sorted", "valid", "a2 01 02 18 40 03", "{1: 2, 64: 3}"},
	{"map-negative-keys", "valid", "a4 01 00 18 18 00 20 00 38 18 00", "{1: 0, 24: 0, -1: 0, -25: 0}: bytewise order of the encoded keys puts negative ones last"},
	{"depth-8", "valid", "81 81 81 81 81 81 81 81 00", "eight arrays, one in the other"},
	{"depth-8-mixed", "valid", "a1 01 81 a1 01 81 a1 01 81 a1 01 80", "four maps and four arrays"},

	// Cut short.
	{"nothing", "truncated", "", "no byte at all"},
	{"uint-cut-1", "truncated", "18", "an argument byte is announced and missing"},
	{"uint-cut-2", "truncated", "19 01", "one of two argument bytes"},
	{"uint-cut-4", "truncated", "1a 01 00 00", "three of four argument bytes"},
	{"uint-cut-8", "truncated", "1b 01 00 00 00 00 00 00", "seven of eight argument bytes"},
	{"bytes-cut", "truncated", "42 01", "one of two bytes"},
	{"text-cut", "truncated", "63 61 62", "two of three bytes"},
	{"array-cut", "truncated", "82 01", "one of two items"},
	{"map-cut-pair", "truncated", "a1", "the pair is missing"},
	{"map-cut-value", "truncated", "a1 01", "the value is missing"},
	{"map-cut-second", "truncated", "a2 01 02", "one of two pairs"},
	{"nested-cut", "truncated", "81 82 00", "the inner array lacks an item"},

	// A length that the input cannot hold. No memory may be taken for it.
	{"bytes-1-gib", "truncated", "5a 40 00 00 00 00", "claims 1 GiB, brings one byte"},
	{"bytes-2-63", "truncated", "5b 80 00 00 00 00 00 00 00", "claims 2^63 bytes: negative as int64"},
	{"bytes-max", "truncated", "5b ff ff ff ff ff ff ff ff 00", "claims 2^64 - 1 bytes"},
	{"text-1-gib", "truncated", "7a 40 00 00 00 61", "claims 1 GiB of text"},
	{"text-max", "truncated", "7b ff ff ff ff ff ff ff ff", "claims 2^64 - 1 bytes of text"},
	{"array-1-gi", "truncated", "9a 40 00 00 00 00", "claims 2^30 items, brings one"},
	{"array-2-63", "truncated", "9b 80 00 00 00 00 00 00 00 00", "claims 2^63 items"},
	{"array-max", "truncated", "9b ff ff ff ff ff ff ff ff", "claims 2^64 - 1 items"},
	{"map-1-gi", "truncated", "ba 40 00 00 00 00 00", "claims 2^30 pairs, brings one"},
	{"map-2-63", "truncated", "bb 80 00 00 00 00 00 00 00", "claims 2^63 pairs: twice that overflows 64 bits"},
	{"map-max", "truncated", "bb ff ff ff ff ff ff ff ff", "claims 2^64 - 1 pairs"},
	{"nested-huge", "truncated", "81 9b ff ff ff ff ff ff ff ff", "the huge claim stands inside an array"},
	{"nine-bytes", "truncated", "9b 00 00 7f ff ff ff ff ff", "nine bytes that made a CBOR library ask for 2^47 items"},

	// Bytes after the item.
	{"trailing-item", "trailing-bytes", "00 00", "two items"},
	{"trailing-in-front-of-nothing", "trailing-bytes", "80 ff", "a break after the item"},
	{"trailing-junk", "trailing-bytes", "a0 f7", "undefined after an empty map"},

	// Heads that could be shorter.
	{"uint-0-in-1", "head-not-shortest", "18 00", "0 with an argument byte"},
	{"uint-23-in-1", "head-not-shortest", "18 17", "23 with an argument byte"},
	{"uint-255-in-2", "head-not-shortest", "19 00 ff", "255 in two bytes"},
	{"uint-65535-in-4", "head-not-shortest", "1a 00 00 ff ff", "65535 in four bytes"},
	{"uint-in-8", "head-not-shortest", "1b 00 00 00 00 ff ff ff ff", "2^32 - 1 in eight bytes"},
	{"nint-in-1", "head-not-shortest", "38 00", "-1 with an argument byte"},
	{"nint-in-2", "head-not-shortest", "39 00 18", "-25 in two bytes"},
	{"bytes-length-in-1", "head-not-shortest", "58 01 00", "one byte, length in an argument byte"},
	{"bytes-length-in-2", "head-not-shortest", "59 00 01 00", "one byte, length in two"},
	{"text-length-in-1", "head-not-shortest", "78 01 61", "one letter, length in an argument byte"},
	{"text-length-in-8", "head-not-shortest", "7b 00 00 00 00 00 00 00 01 61", "one letter, length in eight"},
	{"array-length-in-1", "head-not-shortest", "98 01 00", "one item, length in an argument byte"},
	{"map-length-in-1", "head-not-shortest", "b8 01 01 00", "one pair, length in an argument byte"},
	{"map-key-in-1", "head-not-shortest", "a1 18 01 00", "key 1 with an argument byte"},
	{"map-value-in-1", "head-not-shortest", "a1 01 18 01", "value 1 with an argument byte"},
	{"reserved-28", "head-not-shortest", "1c", "low bits 28: reserved by RFC 8949"},
	{"reserved-29", "head-not-shortest", "5d", "low bits 29"},
	{"reserved-30", "head-not-shortest", "9e", "low bits 30"},

	// Indefinite length.
	{"indefinite-bytes", "indefinite-length", "5f 41 00 ff", "bytes in chunks"},
	{"indefinite-text", "indefinite-length", "7f 61 61 ff", "text in chunks"},
	{"indefinite-array", "indefinite-length", "9f 00 ff", "array until break"},
	{"indefinite-map", "indefinite-length", "bf 01 00 ff", "map until break"},
	{"indefinite-empty-array", "indefinite-length", "9f ff", "empty array until break"},
	{"indefinite-inside", "indefinite-length", "81 9f ff", "inside a definite array"},
	{"indefinite-uint", "indefinite-length", "1f", "low bits 31 on an integer: not well formed at all"},
	{"break-alone", "indefinite-length", "ff", "a break with nothing to end"},
	{"break-as-item", "indefinite-length", "82 00 ff", "a break where an item is due"},

	// Tags.
	{"tag-bignum", "tag", "c2 41 01", "2(h'01'): an integer in disguise"},
	{"tag-time", "tag", "c1 00", "1(0): epoch time"},
	{"tag-cbor", "tag", "d8 18 41 00", "24(h'00'): encoded CBOR"},
	{"tag-self-described", "tag", "d9 d9 f7 00", "55799(0): the magic number"},
	{"tag-cose-sign1", "tag", "d2 80", "18([]): a tagged COSE_Sign1"},
	{"tag-inside", "tag", "81 c0 60", "inside an array"},
	{"tag-as-key", "tag", "a1 c0 60 00", "as a map key"},
	{"tag-max", "tag", "db ff ff ff ff ff ff ff ff 00", "the highest tag number"},

	// Floats.
	{"float-half-0", "float", "f9 00 00", "0.0"},
	{"float-half-1", "float", "f9 3c 00", "1.0"},
	{"float-half-nan", "float", "f9 7e 00", "NaN, the preferred one"},
	{"float-half-inf", "float", "f9 7c 00", "infinity"},
	{"float-half-minus-0", "float", "f9 80 00", "-0.0"},
	{"float-single", "float", "fa 47 c3 50 00", "100000.0"},
	{"float-double", "float", "fb 3f f1 99 99 99 99 99 9a", "1.1"},
	{"float-double-nan", "float", "fb 7f f8 00 00 00 00 00 01", "a NaN with a payload"},
	{"float-as-key", "float", "a1 f9 3c 00 00", "as a map key"},
	{"float-inside", "float", "a1 01 f9 3c 00", "as a map value"},

	// Simple values.
	{"null", "simple-value", "f6", "null: some decoders make an empty struct of it"},
	{"undefined", "simple-value", "f7", "undefined"},
	{"null-inside", "simple-value", "a1 01 f6", "null as a value"},
	{"simple-0", "simple-value", "e0", "simple(0), unassigned"},
	{"simple-19", "simple-value", "f3", "simple(19), unassigned"},
	{"simple-255", "simple-value", "f8 ff", "simple(255) in two bytes"},
	{"simple-true-long", "simple-value", "f8 15", "true in two bytes: not well formed"},
	{"simple-28", "simple-value", "fc", "low bits 28 of major type 7"},

	// Text that is not UTF-8.
	{"text-lone-continuation", "text-not-utf8", "61 80", "a continuation byte alone"},
	{"text-overlong-slash", "text-not-utf8", "62 c0 af", "the slash in two bytes"},
	{"text-overlong-3", "text-not-utf8", "63 e0 80 af", "the slash in three bytes"},
	{"text-surrogate", "text-not-utf8", "63 ed a0 80", "U+D800, a surrogate"},
	{"text-above-unicode", "text-not-utf8", "64 f4 90 80 80", "U+110000"},
	{"text-cut-inside", "text-not-utf8", "62 61 c3", "ends inside a character"},
	{"text-ff", "text-not-utf8", "61 ff", "a byte that never occurs"},
	{"text-latin-1", "text-not-utf8", "64 63 61 66 e9", "café in Latin-1"},
	{"text-bad-inside", "text-not-utf8", "a1 01 61 fe", "as a map value"},

	// Map keys.
	{"key-text", "map-key-not-integer", "a1 61 61 00", "{\"a\": 0}"},
	{"key-bytes", "map-key-not-integer", "a1 41 01 00", "{h'01': 0}"},
	{"key-array", "map-key-not-integer", "a1 80 00", "{[]: 0}"},
	{"key-map", "map-key-not-integer", "a1 a0 00", "{{}: 0}"},
	{"key-bool", "map-key-not-integer", "a1 f5 00", "{true: 0}"},
	{"key-null", "simple-value", "a1 f6 00", "{null: 0}"},
	{"keys-unsorted", "map-keys-not-sorted", "a2 02 00 01 00", "2 before 1"},
	{"keys-unsorted-sizes", "map-keys-not-sorted", "a2 18 40 00 01 00", "64 before 1"},
	{"keys-unsorted-sign", "map-keys-not-sorted", "a2 20 00 01 00", "-1 before 1"},
	{"keys-old-order", "map-keys-not-sorted", "a2 20 00 18 18 00", "-1 before 24: the length-first order of RFC 7049"},
	{"keys-unsorted-late", "map-keys-not-sorted", "a4 01 00 02 00 04 00 03 00", "1, 2, 4, 3"},
	{"keys-unsorted-inside", "map-keys-not-sorted", "a1 01 a2 02 00 01 00", "in an inner map"},
	{"key-twice", "map-key-twice", "a2 01 00 01 00", "1 and 1, equal values"},
	{"key-twice-differs", "map-key-twice", "a2 01 00 01 01", "1 and 1, other values"},
	{"key-twice-negative", "map-key-twice", "a2 20 00 20 00", "-1 and -1"},
	{"key-twice-apart", "map-keys-not-sorted", "a3 01 00 02 00 01 00", "1, 2, 1: seen as wrong order"},
	{"key-twice-long", "head-not-shortest", "a2 01 00 18 01 00", "1 and 1 written longer"},

	// Depth.
	{"depth-9", "too-deep", "81 81 81 81 81 81 81 81 81 00", "nine arrays"},
	{"depth-9-empty", "too-deep", "81 81 81 81 81 81 81 81 80", "nine arrays, the last empty"},
	{"depth-9-maps", "too-deep", "a1 01 a1 01 a1 01 a1 01 a1 01 a1 01 a1 01 a1 01 a0", "nine maps"},
	{"depth-9-second", "too-deep", "82 00 81 81 81 81 81 81 81 81 00", "the second item is the deep one"},
}

// canonFamily is judged by the walk alone: is this one canonical item?
func canonFamily() *spec.Family {
	f := &spec.Family{Family: "canon", Comment: "One item each. The reader says whether the bytes are " +
		"canonical CBOR as spec/protocol.md §2 has it, and else the first rule that is broken, in reading order."}
	for _, v := range canonByHand {
		f.Vectors = append(f.Vectors, spec.Vector{Name: v.name, Comment: v.comment, Verdict: v.verdict, Hex: hx(v.hex)})
	}
	deep := strings.Repeat("a101", 1000) + "a0"
	return addAll(f,
		spec.Vector{Name: "depth-100000", Verdict: "too-deep", Hex: bytes.Repeat([]byte{0x81}, 100_000),
			Comment: "100,000 arrays, one in the other: a walk that recurses without a limit dies here"},
		spec.Vector{Name: "depth-1000-maps", Verdict: "too-deep", Hex: hx(deep),
			Comment: "a thousand maps, one in the other"},
		spec.Vector{Name: "long-array", Verdict: spec.Valid, Hex: cat(hx("99 03 e8"), make([]byte, 1000)),
			Comment: "a thousand zeros in one array"},
		spec.Vector{Name: "long-array-cut", Verdict: "truncated", Hex: cat(hx("99 03 e8"), make([]byte, 999)),
			Comment: "the thousandth is missing"},
		spec.Vector{Name: "huge-each-level", Verdict: "too-deep", Hex: bytes.Repeat(hx("9b ff ff ff ff ff ff ff ff"), 9),
			Comment: "2^64 - 1 items at each of nine levels"},
	)
}

func addAll(f *spec.Family, v ...spec.Vector) *spec.Family {
	f.Vectors = append(f.Vectors, v...)
	return f
}
