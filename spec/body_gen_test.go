package spec_test

import (
	"bytes"
	"crypto/sha256"
	"math/bits"
	"strings"

	"cordon/spec"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealing is a body in the making: what a vector changes stands here.
type sealing struct {
	head  payload
	raw   []byte
	pad   int  // bytes of padding; -1: Padmé's
	fill  byte // of the padding
	cek   [32]byte
	aad   []byte
	nonce []byte
}

func sound() sealing {
	return sealing{head: bodyHead(6), raw: []byte("cordon"), pad: -1, cek: fixed("cek"), aad: bodyAAD(7), nonce: make12(1)}
}

// long makes it a body that Padmé pads.
func (s *sealing) long() { s.head, s.raw = bodyHead(1000), bytes.Repeat([]byte("x"), 1000) }

func make12(last byte) []byte { n := make([]byte, 12); n[11] = last; return n }

// bodyHead has the four keys that every head has.
func bodyHead(size uint64) payload {
	return payload{{1, num(4)}, {2, num(1)}, {3, hash("agreement")}, {4, num(size)}}
}

func bodyAAD(seq uint64) []byte {
	return arr(hash("case"), str(kidOf(pubOf("A"))), num(1), num(seq), num(33))
}

// padme is the length that n is padded to (PURBs, Nikitin et al. 2019).
func padme(n int) int {
	e := bits.Len(uint(n)) - 1
	mask := 1<<(e-bits.Len(uint(e))) - 1
	return (n + mask) &^ mask
}

// seal makes the vector's fields.
func (s sealing) seal() (ct, ref []byte) {
	text := cat(s.head.bytes(), s.raw)
	if s.pad < 0 {
		s.pad = padme(len(text)) - len(text)
	}
	text = cat(text, bytes.Repeat([]byte{s.fill}, s.pad))
	a, err := chacha20poly1305.New(s.cek[:])
	if err != nil {
		panic("spec: " + err.Error())
	}
	ct = a.Seal(nil, s.nonce, text, s.aad)
	return ct, refOf(ct, s.cek, len(ct))
}

func refOf(ct []byte, cek [32]byte, size int) []byte {
	h0 := sha256.Sum256(ct)
	h := sha256.Sum256(h0[:])
	kc := sha256.Sum256(append([]byte("cordon-kc/1"), cek[:]...))
	return arr(str(h[:]), num(uint64(size)), str(kc[:]))
}

// bodyFamily is of bodies of one chunk.
func bodyFamily() *spec.Family {
	f := &spec.Family{Family: "body", Comment: "One sealed chunk (hex), which is a whole body (spec/identity.md §7), with the " +
		"key (cek), the place of its entry (aad) and what that entry says of it (ref: content hash, size, key commitment). " +
		"The reader opens it; raw is what it finds."}
	put := func(name, verdict, comment string, s sealing, ct, ref []byte) {
		v := spec.Vector{Name: name, Verdict: verdict, Comment: comment, Hex: ct, CEK: s.cek[:], AAD: bodyAAD(7), Ref: ref}
		if verdict == spec.Valid {
			v.Raw = s.raw
		}
		f.Vectors = append(f.Vectors, v)
	}
	for _, b := range bodies() {
		s := sound()
		b.change(&s)
		ct, ref := s.seal()
		put(b.name, b.verdict, b.comment, s, ct, ref)
	}
	s := sound()
	ct, ref := s.seal()
	flipped := bytes.Clone(ct)
	flipped[0] ^= 1
	other := s
	other.cek = fixed("another cek")
	put("ct-flipped", "wrong-chunk-hash", "one bit of the chunk; the entry names the hash of the true one", s, flipped, ref)
	put("ct-flipped-and-named", "chunk-not-opened", "one bit of the chunk; the entry names that chunk", s, flipped, refOf(flipped, s.cek, len(flipped)))
	put("tag-cut", "wrong-chunk-hash", "the last byte of the chunk is missing", s, ct[:len(ct)-1], ref)
	put("one-more-byte", "wrong-chunk-hash", "a byte after the chunk", s, cat(ct, hx("00")), ref)
	put("key-other", "wrong-body-key", "another key than the one committed to", other, ct, ref)
	put("key-two", "chunk-not-opened", "the entry commits to a key under which the chunk does not open (P7.3)", other, ct, refOf(ct, other.cek, len(ct)))
	put("only-a-tag", "wrong-body-size", "16 bytes: a tag around nothing", s, ct[:16], refOf(ct[:16], s.cek, 16))
	put("size-says-more", "wrong-body-size", "the entry says a byte more than there is", s, ct, refOf(ct, s.cek, len(ct)+1))
	return f
}

type bodyVector struct {
	name, verdict, comment string
	change                 func(*sealing)
}

func bodies() []bodyVector {
	head := func(p payload) func(*sealing) { return func(s *sealing) { s.head = p } }
	return []bodyVector{
		{"body", "valid", "six bytes, TLP amber+strict", func(*sealing) {}},
		{"empty", "valid", "no bytes", func(s *sealing) { s.head, s.raw = bodyHead(0), nil }},
		{"a-kilobyte", "valid", "1000 bytes", func(s *sealing) { s.long() }},
		{"zeros", "valid", "content that looks like padding", func(s *sealing) { s.raw = make([]byte, 6) }},
		{"title", "valid", "a subject with its title", head(bodyHead(6).with(5, txt("Heartbleed – überlauf")))},
		{"file", "valid", "a file with its name and type", head(bodyHead(6).with(6, txt("poc.c")).with(7, txt("text/x-c")))},
		{"reason", "valid", "a reason: the entry it is of and the salt of its commitment", head(bodyHead(6).with(8, arr(hash("entry"))).with(9, hash("salt")))},
		{"aad-seq", "chunk-not-opened", "sealed for seq 8 (P7.5)", func(s *sealing) { s.aad = bodyAAD(8) }},
		{"aad-none", "chunk-not-opened", "sealed for no place", func(s *sealing) { s.aad = nil }},
		{"not-last", "chunk-not-opened", "sealed as a chunk that others follow: a body cut short does not open", func(s *sealing) { s.nonce = make12(0) }},
		{"second-chunk", "chunk-not-opened", "sealed as chunk 1", func(s *sealing) { s.nonce[7] = 1 }},
		{"nonce-little-endian", "chunk-not-opened", "chunk 1 counted from the other end", func(s *sealing) { s.nonce[0] = 1 }},
		{"padding-not-zero", "wrong-padding", "a padding of ones: a place to hide a mark in", func(s *sealing) { s.long(); s.fill = 1 }},
		{"padding-short", "wrong-padding", "a byte of padding less than Padmé's", func(s *sealing) { s.long(); s.pad = padme(len(s.head.bytes())+1000) - len(s.head.bytes()) - 1001 }},
		{"padding-long", "wrong-padding", "far more padding than Padmé's", func(s *sealing) { s.pad = 500 }},
		{"size-more", "wrong-padding", "the head says more bytes than there are", head(bodyHead(600))},
		{"size-less", "wrong-padding", "the head says fewer bytes than there are: the rest is no zeros", head(bodyHead(4))},
		{"label-0", "bad-body-head", "label 0", head(bodyHead(6).with(1, num(0)))},
		{"label-6", "bad-body-head", "label 6", head(bodyHead(6).with(1, num(6)))},
		{"sharing-0", "bad-body-head", "onward sharing 0", head(bodyHead(6).with(2, num(0)))},
		{"no-agreement", "bad-body-head", "no agreement", head(bodyHead(6).without(3))},
		{"no-size", "bad-body-head", "no size", head(bodyHead(6).without(4))},
		{"size-256-mib", "bad-body-head", "a byte more than 256 MiB", head(bodyHead(256<<20 + 1))},
		{"unknown-key", "bad-body-head", "a key nobody knows", head(bodyHead(6).with(10, num(0)))},
		{"title-empty", "bad-body-head", "an empty title: no title is written by leaving it out", head(bodyHead(6).with(5, txt("")))},
		{"title-escape", "bad-body-head", "a terminal escape in the title", head(bodyHead(6).with(5, txt("\x1b]0;x\x07")))},
		{"title-long", "bad-body-head", "a title of 257 bytes", head(bodyHead(6).with(5, txt(strings.Repeat("t", 257))))},
		{"file-slash", "bad-body-head", "a file name with a path", head(bodyHead(6).with(6, txt("../x")))},
		{"file-backslash", "bad-body-head", "a file name with a path of another system", head(bodyHead(6).with(6, txt(`a\b`)))},
		{"file-dots", "bad-body-head", "the directory above as a file name", head(bodyHead(6).with(6, txt("..")))},
		{"salt-short", "bad-body-head", "a salt of 31 bytes", head(bodyHead(6).with(9, str(make([]byte, 31))))},
		{"answers-none", "bad-body-head", "answers nothing, and says so", head(bodyHead(6).with(8, arr()))},
		{"head-not-canonical", "bad-body-head", "label 4 in two bytes", head(bodyHead(6).with(1, hx("18 04")))},
		{"head-null", "bad-body-head", "null for a title", head(bodyHead(6).with(5, hx("f6")))},
		{"head-unsorted", "bad-body-head", "size before agreement", head(payload{{1, num(4)}, {2, num(1)}, {4, num(6)}, {3, hash("agreement")}})},
	}
}
