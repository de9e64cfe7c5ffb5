package entry_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"reflect"
	"slices"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/spec"

	"pgregory.net/rapid"
)

func key(b byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)) }

func pub(b byte) ed25519.PublicKey { return key(b).Public().(ed25519.PublicKey) }

func vectors(t testing.TB) []spec.Vector {
	t.Helper()
	f, err := spec.Read("entry")
	if err != nil {
		t.Fatal(err)
	}
	return f.Vectors
}

func note() entry.Fields {
	return entry.Fields{Case: id.CaseID{1}, Comp: id.Everyone, Seq: 7, Prev: id.EntryID{2}, LC: 9, T: 1e12, Type: 33,
		Agr: &id.AgrID{3}, Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 500, KC: [32]byte{2}}}
}

func status() entry.Fields {
	return entry.Fields{Case: id.CaseID{1}, Deps: []id.EntryID{{4}, {5}}, LC: 9, T: 1e12, Type: 13,
		Ctl: []byte{0xa1, 1, 3}}
}

func opening() entry.Fields {
	return entry.Fields{T: 1e12, Type: entry.TypeGenesis, Ctl: []byte{0xa1, 1, 0x41, 7}}
}

// TestP11 flips every bit of three entries: each either fails to parse, or its
// signature fails, and wherever it parses and the flip is not in the signature,
// the id is another.
func TestP11(t *testing.T) {
	for _, f := range []entry.Fields{note(), status(), opening()} {
		s, err := f.Seal(key(1))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(pub(1)); err != nil {
			t.Fatal(err)
		}
		parsed := 0
		for i := range 8 * len(s.Raw) {
			raw := bytes.Clone(s.Raw)
			raw[i/8] ^= 1 << (i % 8)
			other, err := entry.Parse(raw)
			if err != nil {
				continue
			}
			parsed++
			if other.Verify(pub(1)) == nil {
				t.Fatalf("type %d, bit %d: parses and verifies", f.Type, i)
			}
			if inSig := i/8 >= len(raw)-ed25519.SignatureSize; inSig != (other.ID == s.ID) {
				t.Fatalf("type %d, bit %d: id %v, was %v", f.Type, i, other.ID, s.ID)
			}
		}
		t.Logf("type %d: of %d flips %d parse, none verifies", f.Type, 8*len(s.Raw), parsed)
		if parsed < 512 {
			t.Error("fewer parse than the signature has bits: the test looks at nothing")
		}
	}
}

// TestSealParse: what is written is read back, field by field.
func TestSealParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := draw(t)
		s, err := f.Seal(key(1))
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		if !reflect.DeepEqual(s.Fields, f) {
			t.Fatalf("read %+v, wrote %+v", s.Fields, f)
		}
		if err := s.Verify(pub(1)); err != nil || s.Kid != cose.Thumbprint(pub(1)) || s.Unknown {
			t.Fatal(err, s.Kid, s.Unknown)
		}
	})
}

func bytes32(t *rapid.T, name string) (h [32]byte) {
	copy(h[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, name))
	h[0] |= 1 // never zero, never comp 1
	return h
}

// draw makes fields that fit together.
func draw(t *rapid.T) entry.Fields {
	f := entry.Fields{Case: bytes32(t, "case"), T: rapid.Uint64Max(entry.MaxTime).Draw(t, "t"),
		LC: rapid.Uint64Range(1, entry.MaxTime).Draw(t, "lc")}
	if f.Seq = id.Seq(rapid.Uint32Max(entry.MaxSeqControl-1).Draw(t, "seq")); f.Seq > 0 {
		f.Prev = bytes32(t, "prev")
	}
	for range rapid.IntRange(1, entry.MaxDeps).Draw(t, "deps") {
		f.Deps = append(f.Deps, bytes32(t, "dep"))
	}
	slices.SortFunc(f.Deps, func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
	f.Deps = slices.Compact(f.Deps)
	if rapid.Bool().Draw(t, "control") {
		f.Type = entry.Type(rapid.IntRange(2, 31).Draw(t, "type"))
		f.Ctl = canon.MustMarshal(map[int]any{1: rapid.Uint64().Draw(t, "ctl")})
		return f
	}
	f.Type = entry.Type(rapid.IntRange(32, 65535).Draw(t, "type"))
	if f.Comp = id.Everyone; rapid.Bool().Draw(t, "compartment") {
		f.Comp = bytes32(t, "comp")
	}
	f.Agr = new(id.AgrID(bytes32(t, "agr")))
	f.Body = &entry.BodyRef{Hash: bytes32(t, "hash"), Size: rapid.Uint64Range(1, entry.MaxBody).Draw(t, "size"), KC: bytes32(t, "kc")}
	return f
}

// TestSealRefuses: the writer obeys the reader.
func TestSealRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*entry.Fields)
		want   error
	}{
		"deps in falling order":  {func(f *entry.Fields) { slices.Reverse(f.Deps) }, entry.ErrDepsOrder},
		"no dep at seq 0":        {func(f *entry.Fields) { f.Deps = nil }, entry.ErrMissing},
		"prev left zero":         {func(f *entry.Fields) { f.Seq = 1 }, entry.ErrField},
		"seq beyond the feed":    {func(f *entry.Fields) { f.Seq, f.Prev = 65536, id.EntryID{1} }, entry.ErrSeqLimit},
		"content in control":     {func(f *entry.Fields) { f.Type = 33 }, entry.ErrPlane},
		"a body in control":      {func(f *entry.Fields) { f.Body = note().Body }, entry.ErrPlane},
		"control beyond 64 KiB":  {func(f *entry.Fields) { f.Ctl = canon.MustMarshal(map[int][]byte{1: make([]byte, 65536)}) }, entry.ErrSize},
		"genesis inside a case":  {func(f *entry.Fields) { f.Type = entry.TypeGenesis }, entry.ErrGenesis},
		"a ctl not canonical":    {func(f *entry.Fields) { f.Ctl = []byte{0xa1, 0x18, 1, 3} }, canon.ErrHead},
		"time beyond 2^53":       {func(f *entry.Fields) { f.T = 1<<53 + 1 }, entry.ErrField},
		"Lamport number 0":       {func(f *entry.Fields) { f.LC = 0 }, entry.ErrField},
		"an agreement for admit": {func(f *entry.Fields) { f.Agr = &id.AgrID{1} }, entry.ErrPlane},
	} {
		f := status()
		c.change(&f)
		if s, err := f.Seal(key(1)); !errors.Is(err, c.want) || s != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestCaseID: genesis belongs to the case that its own id names.
func TestCaseID(t *testing.T) {
	g, n := opening(), note()
	gs, err1 := g.Seal(key(1))
	ns, err2 := n.Seal(key(1))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if !gs.Genesis() || !gs.Control() || gs.CaseID() != id.CaseID(gs.ID) {
		t.Error("genesis:", gs.CaseID(), gs.ID)
	}
	if ns.Genesis() || ns.Control() || ns.CaseID() != n.Case || ns.Feed() != (id.Feed{Kid: ns.Kid, Comp: id.Everyone}) {
		t.Error("note:", ns.CaseID(), ns.Feed())
	}
}

func BenchmarkParse(b *testing.B) {
	f := note()
	s, err := f.Seal(key(1))
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%d bytes", len(s.Raw))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := entry.Parse(s.Raw); err != nil {
			b.Fatal(err)
		}
	}
}
