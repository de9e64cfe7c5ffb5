package spec_test

import (
	"fmt"
	"strings"

	"cordon/spec"
)

// detailOf is a kind of structured body: the least that it may say, all that it can
// say, and its keys.
type detailOf struct {
	kind        uint16
	name        string
	least, full payload
	must        []uint64
	keys        []detailKey
	rules       []detailRule
}

// detailKey is a key with values at its limits.
type detailKey struct {
	key   uint64
	name  string
	edges []edge
}

// edge is a value just inside a limit or just outside.
type edge struct {
	name, verdict, comment string
	value                  []byte
}

// detailRule is a body about what keys are to each other.
type detailRule struct {
	name, verdict, comment string
	p                      payload
}

func detailFamily() *spec.Family {
	f := &spec.Family{Family: "detail", Comment: "The raw bytes of one structured body each (spec/details.md), and the kind of the entry that it is of."}
	for _, d := range detailKinds() {
		put := func(name, verdict, comment string, raw []byte) {
			v := spec.Vector{Name: d.name + "-" + name, Verdict: verdict, Comment: comment, Hex: raw, Kind: d.kind}
			if name == "full" {
				v.Layout = layout(raw)
			}
			f.Vectors = append(f.Vectors, v)
		}
		put("least", "valid", "as little as it may say", d.least.bytes())
		put("full", "valid", "all it can say", d.full.bytes())
		d.shape(put)
		for _, k := range d.must {
			put(fmt.Sprint("without-", k), "bad-detail", fmt.Sprintf("key %d is missing", k), d.full.without(k).bytes())
		}
		for _, k := range d.keys {
			for _, e := range k.edges {
				put(k.name+"-"+e.name, e.verdict, k.name+": "+e.comment, d.least.with(k.key, e.value).bytes())
			}
		}
		for _, r := range d.rules {
			put(r.name, r.verdict, r.comment, r.p.bytes())
		}
	}
	f.Vectors = append(f.Vectors, detailBytes()...)
	return f
}

// shape is what every kind has in common: keys that are not known, and the map.
func (d *detailOf) shape(put func(name, verdict, comment string, raw []byte)) {
	least, next := d.least, d.full[len(d.full)-1].key+1
	put("key-0", "detail-unknown", "key 0", least.with(0, num(1)).bytes())
	put("key-next", "detail-unknown", "the key after the last that is known", least.with(next, num(1)).bytes())
	put("key-63", "detail-unknown", "the last key that a reader must know", least.with(63, num(1)).bytes())
	put("ext-64", "valid", "the first key that is passed over", least.with(64, txt("later")).bytes())
	put("ext-65535", "valid", "the last one", least.with(65535, arr(num(1), hx("f5"))).bytes())
	put("ext-65536", "bad-detail", "extension keys end at 65535", least.with(65536, num(1)).bytes())
	put("key-negative", "bad-detail", "key -1", cat(head(5, uint64(len(least)+1)), least.bytes()[1:], hx("20 01")))
	put("empty", "bad-detail", "an empty map", payload{}.bytes())
	put("array", "bad-detail", "an array around the map", arr(least.bytes()))
	put("cut", "bad-detail", "the last byte is missing", least.bytes()[:len(least.bytes())-1])
	put("trailing", "bad-detail", "a byte after the map", cat(least.bytes(), hx("00")))
	put("indefinite", "bad-detail", "a map of no stated length", cat(hx("bf"), least.bytes()[1:], hx("ff")))
}

// lineEdges are lines that begin with start, if they do not break a limit.
func lineEdges(start string) []edge {
	return []edge{
		{"256", "valid", "256 bytes", txt(start + strings.Repeat("l", 256-len(start)))},
		{"257", "bad-detail", "257 bytes", txt(start + strings.Repeat("l", 257-len(start)))},
		{"none", "bad-detail", "no text: absent is written by leaving it out", txt("")},
		{"two-lines", "bad-detail", "two lines", txt(start + "l\nl")},
		{"turned", "bad-detail", "turns the reading direction", txt(start + "l\u202el")},
		{"bytes", "bad-detail", "a byte string", str([]byte(start + "l"))},
	}
}

func textEdges() []edge {
	return []edge{
		{"16-kib", "valid", "16384 bytes", txt(strings.Repeat("t", 16<<10))},
		{"over-16-kib", "bad-detail", "16385 bytes", txt(strings.Repeat("t", 16<<10+1))},
		{"none", "bad-detail", "no text: absent is written by leaving it out", txt("")},
		{"control", "valid", "two lines, a terminal escape and a zero byte: it is escaped when shown", txt("t\n\x1b]0;t\x07\x00")},
		{"not-utf8", "bad-detail", "a byte that is no UTF-8", txt("\xff")},
		{"bytes", "bad-detail", "a byte string", str([]byte("t"))},
	}
}

func hashEdges() []edge {
	return []edge{
		{"31", "bad-detail", "31 bytes", str(tail(31))},
		{"33", "bad-detail", "33 bytes", str(tail(33))},
		{"zero", "bad-detail", "32 zero bytes, which are no hash", str(make([]byte, 32))},
		{"text", "bad-detail", "32 letters", txt(strings.Repeat("h", 32))},
	}
}

func hashesEdges() []edge {
	return []edge{
		{"64", "valid", "64 of them", deps(64)},
		{"65", "bad-detail", "65 of them", deps(65)},
		{"none", "bad-detail", "an empty list", arr()},
		{"31", "bad-detail", "the second has 31 bytes", arr(hash("entry"), str(tail(31)))},
		{"zero", "bad-detail", "the second is 32 zero bytes, which are no hash", arr(hash("entry"), str(make([]byte, 32)))},
		{"one", "bad-detail", "an id that is in no list", hash("entry")},
		{"claims", "bad-detail", "claims 2^32 - 1 ids", hx("9a ff ff ff ff")},
	}
}

// tail is n bytes, the last of which is not zero.
func tail(n int) []byte { b := make([]byte, n); b[n-1] = 1; return b }

// wordEdges are numbers that have a name, 1 to last.
func wordEdges(last uint64) []edge {
	return []edge{
		{"last", "valid", fmt.Sprintf("%d, the last", last), num(last)},
		{"over", "bad-detail", fmt.Sprintf("%d, one more than there is", last+1), num(last + 1)},
		{"0", "bad-detail", "0", num(0)},
		{"257", "bad-detail", "257, which is 1 to who keeps eight bits", num(257)},
		{"negative", "bad-detail", "-1", hx("20")},
		{"text", "bad-detail", "a name for the number", txt("1")},
		{"long", "bad-detail", "1 in two bytes", hx("18 01")},
	}
}

// detailBytes are about the bytes as a whole; one kind stands for all.
func detailBytes() []spec.Vector {
	finding := func(value []byte) []byte { return payload{{2, txt("t")}, {64, value}}.bytes() }
	filled := func(size int) []byte {
		return finding(str(make([]byte, size-len(finding(nil))-3))) // the head of so long a string has 3 bytes
	}
	v := func(name, verdict, comment string, raw []byte) spec.Vector {
		return spec.Vector{Name: name, Verdict: verdict, Comment: comment, Hex: raw, Kind: 41}
	}
	return []spec.Vector{
		v("size-64-kib", "valid", "a finding of 65536 bytes", filled(64<<10)),
		v("size-over-64-kib", "bad-detail", "a finding of 65537 bytes", filled(64<<10+1)),
		v("no-bytes", "bad-detail", "no bytes", []byte{}),
		v("depth-8", "valid", "seven arrays in the map make eight levels", finding(hx("81 81 81 81 81 81 81 00"))),
		v("depth-9", "bad-detail", "eight arrays in the map make nine levels", finding(hx("81 81 81 81 81 81 81 81 00"))),
		v("ext-map", "valid", "a map with a negative key in an extension", finding(hx("a2 00 f4 20 60"))),
		v("ext-unsorted", "bad-detail", "a map out of order in an extension: what is passed over is canonical too", finding(hx("a2 20 60 00 f4"))),
		v("ext-float", "bad-detail", "a float in an extension", finding(hx("f9 00 00"))),
		v("ext-not-utf8", "bad-detail", "a text that is none in an extension", finding(txt("\xff"))),
		v("ext-cut", "bad-detail", "an extension that claims more bytes than there are", finding(hx("58 20"))),
		v("key-twice", "bad-detail", "the text twice", payload{{2, txt("t")}, {2, txt("u")}}.bytes()),
		v("keys-unsorted", "bad-detail", "the text before the mitigation", payload{{2, txt("t")}, {1, hash("entry")}}.bytes()),
		v("key-long", "bad-detail", "key 2 in two bytes", hx("a1 18 02 61 74")),
		v("key-text", "bad-detail", "a text for a key", hx("a1 61 32 61 74")),
		v("null", "bad-detail", "null for the mitigation", payload{{1, hx("f6")}, {2, txt("t")}}.bytes()),
	}
}
