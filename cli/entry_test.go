package cli

import (
	"crypto/ed25519"
	"encoding/json"
	"io"
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

func sample(t testing.TB) *entry.Sealed { return sampleAt(t, 1e12) }

// sampleAt is an entry whose author claims the given time, in Unix ms.
func sampleAt(t testing.TB, ms uint64) *entry.Sealed {
	f := entry.Fields{Case: id.CaseID{1}, Comp: id.Everyone, Seq: 7, Prev: id.EntryID{2}, LC: 9, T: ms, Type: 33,
		Agr: &id.AgrID{3}, Body: &entry.BodyRef{Hash: [32]byte{1}, Size: 500, KC: [32]byte{2}}}
	s, err := f.Seal(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEntryViewOfAnything: whatever a file holds, there is a verdict with a rule
// by its stable name, and something to print.
func TestEntryViewOfAnything(t *testing.T) {
	authentic := [][]byte{sample(t).Raw, sampleAt(t, entry.MaxTime).Raw}
	name := regexp.MustCompile(`^[a-z0-9-]+$`)
	rapid.Check(t, func(t *rapid.T) {
		raw := append([]byte(nil), rapid.SampledFrom(authentic).Draw(t, "of")...)
		switch rapid.SampledFrom([]string{"as it is", "flip", "cut", "grow", "noise"}).Draw(t, "how") {
		case "flip":
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "by")
		case "cut":
			raw = raw[:rapid.IntRange(0, len(raw)).Draw(t, "to")]
		case "grow":
			raw = append(raw, rapid.SliceOfN(rapid.Byte(), 1, 9).Draw(t, "more")...)
		case "noise":
			raw = rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		}
		v, s := viewOf(raw)
		if v.Valid != (s != nil) || v.Valid != (v.Rule == "") {
			t.Fatalf("valid %v, rule %q, entry %v", v.Valid, v.Rule, s != nil)
		}
		if !v.Valid && !name.MatchString(v.Rule) {
			t.Fatalf("the rule is no stable name: %q", v.Rule)
		}
		if _, err := json.Marshal(v); err != nil {
			t.Fatal(err)
		}
		v.details(io.Discard, time.Now())
		v.verdict(io.Discard)
	})
}

func TestEntryView(t *testing.T) {
	s := sample(t)
	v, _ := viewOf(s.Raw)
	if !v.Valid || v.Type != "note" || *v.ID != s.ID || *v.Seq != 7 || v.Comp != "1" || v.Body.Size != 500 || v.Signature != signatureUnknown {
		t.Errorf("%+v", v)
	}
}

func TestDiagnostic(t *testing.T) {
	for in, want := range map[string]string{
		"\xa0":                         "{}",
		"\xa2\x01\x42\x00\xff\x02\x05": "{1: h'00ff', 2: 5}",
		"\xa1\x20\x83\x01\x61a\xf5":    `{-1: [1, "a", true]}`,
		"\xa1\x01\x44abcd":             "{1: h'616263…' /4 bytes/}",
	} {
		if got := diagnostic([]byte(in), 3); got != want {
			t.Errorf("% x: %s, want %s", in, got, want)
		}
	}
}
