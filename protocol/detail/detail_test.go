package detail_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/detail"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

var x, y = id.EntryID{1}, id.EntryID{2}

// full and least are each kind with all it can say, and with as little as it may.
var (
	full = []detail.Message{
		&detail.Vulnerability{Of: x, Name: "Overflow", IDs: []string{"CVE-2026-0001", "GHSA-x"}, CWE: []uint32{787}, CVSS: "CVSS:3.1/AV:N/AC:L"},
		&detail.Product{Vuln: x, Product: "libfoo", PURL: "pkg:generic/libfoo", CPE: "cpe:2.3:a:x:y", Versions: "<2", Status: detail.NotAffected,
			Justification: 5, FixedIn: "2.4.1", Statement: "two\nlines"},
		&detail.Verification{Vuln: x, Result: detail.Partly, Product: "libfoo", Version: "2", Note: "n"},
		&detail.Mitigation{Label: "fix", Remedy: 1, Version: "2", Vulns: []id.EntryID{y, x}, For: []protocol.Role{protocol.DependentVendor, protocol.Deployer},
			Artefact: y, Digest: [32]byte{3}, Note: "n"},
		&detail.Test{Mitigation: x, Result: detail.Fail, Product: "libfoo", Version: "2", Digest: [32]byte{4}, Note: "n"},
		&detail.Finding{Mitigation: x, Text: "t"},
		&detail.Bundle{Label: "2.4.1", Mitigations: []id.EntryID{y, x}, Note: "n"},
	}
	least = []detail.Message{
		&detail.Vulnerability{Name: "Overflow"},
		&detail.Product{Vuln: x, Product: "libfoo", Status: detail.Affected},
		&detail.Verification{Vuln: x, Result: detail.Reproduced},
		&detail.Mitigation{Label: "fix", Remedy: 7},
		&detail.Test{Mitigation: x, Result: detail.Pass, Product: "libfoo"},
		&detail.Finding{Text: "t"},
		&detail.Bundle{Label: "2.4.1", Mitigations: []id.EntryID{x}},
	}
)

// TestReadsBack: what Encode writes, Read reads, whole and with keys of a later version.
func TestReadsBack(t *testing.T) {
	kinds := map[entry.Type]bool{}
	for _, m := range append(full, least...) {
		raw, err := detail.Encode(m)
		if err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		got, err := detail.Read(m.Type(), raw)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%T: %+v, %v", m, got, err)
		}
		if got, err := detail.Read(m.Type(), with(raw, 64, "later")); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%T with an extension: %+v, %v", m, got, err)
		}
		if _, err := detail.Read(m.Type(), with(raw, 63, "later")); !errors.Is(err, detail.ErrUnknown) {
			t.Errorf("%T with an unknown key: %v", m, err)
		}
		if again, err := detail.Encode(got); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%T: %x, was %x", m, again, raw)
		}
		for n := range raw {
			if _, err := detail.Read(m.Type(), raw[:n]); err == nil {
				t.Errorf("%T: %d of %d bytes are read", m, n, len(raw))
			}
		}
		kinds[m.Type()] = detail.Is(m.Type())
	}
	if len(kinds) != 7 || detail.Is(protocol.Note) {
		t.Errorf("kinds: %v", kinds)
	}
}

// with adds a key to an encoded map.
func with(raw []byte, key uint64, v any) []byte {
	m := map[uint64]any{}
	r := canon.NewReader(raw)
	last := int64(-1)
	n, _ := r.Map()
	for range n {
		k, _ := r.Key(&last)
		b, _ := r.Raw()
		m[k] = rawValue(b)
	}
	m[key] = v
	return canon.MustMarshal(m)
}

type rawValue []byte

func (b rawValue) MarshalCBOR() ([]byte, error) { return b, nil }

// TestRefused: each rule of spec/details.md refuses on both sides.
func TestRefused(t *testing.T) {
	long := strings.Repeat("x", detail.MaxLine+1)
	for name, m := range map[string]detail.Message{
		"an empty vulnerability":           &detail.Vulnerability{Of: x},
		"a CVE id of another form":         &detail.Vulnerability{IDs: []string{"CVE-26-1"}},
		"no CVSS vector":                   &detail.Vulnerability{CVSS: "9.8"},
		"CWE 0":                            &detail.Vulnerability{CWE: []uint32{0}},
		"a name of two lines":              &detail.Vulnerability{Name: "a\nb"},
		"a name that turns the direction":  &detail.Vulnerability{Name: "a\u202eb"},
		"a name too long":                  &detail.Vulnerability{Name: long},
		"65 ids":                           &detail.Vulnerability{IDs: make([]string, 65)},
		"an empty id":                      &detail.Vulnerability{IDs: []string{""}},
		"a status of no vulnerability":     &detail.Product{Product: "p", Status: detail.Affected},
		"no product":                       &detail.Product{Vuln: x, Status: detail.Affected},
		"no status":                        &detail.Product{Vuln: x, Product: "p"},
		"status 5":                         &detail.Product{Vuln: x, Product: "p", Status: 5},
		"justification 6":                  &detail.Product{Vuln: x, Product: "p", Status: detail.NotAffected, Justification: 6},
		"affected and justified":           &detail.Product{Vuln: x, Product: "p", Status: detail.Affected, Justification: 1},
		"not affected without a word":      &detail.Product{Vuln: x, Product: "p", Status: detail.NotAffected},
		"no PURL":                          &detail.Product{Vuln: x, Product: "p", Status: detail.Affected, PURL: "libfoo"},
		"no CPE":                           &detail.Product{Vuln: x, Product: "p", Status: detail.Affected, CPE: "libfoo"},
		"a statement too long":             &detail.Product{Vuln: x, Product: "p", Status: detail.Affected, Statement: strings.Repeat("x", detail.MaxText+1)},
		"a verification without result":    &detail.Verification{Vuln: x},
		"a mitigation without a label":     &detail.Mitigation{Remedy: 1},
		"a mitigation that is nothing":     &detail.Mitigation{Label: "l"},
		"roles out of order":               &detail.Mitigation{Label: "l", Remedy: 1, For: []protocol.Role{2, 1}},
		"a role twice":                     &detail.Mitigation{Label: "l", Remedy: 1, For: []protocol.Role{1, 1}},
		"no role":                          &detail.Mitigation{Label: "l", Remedy: 1, For: []protocol.Role{7}},
		"a test of no product":             &detail.Test{Mitigation: x, Result: detail.Pass},
		"a test with result 3":             &detail.Test{Mitigation: x, Result: 3, Product: "p"},
		"a finding without text":           &detail.Finding{Mitigation: x},
		"a bundle of nothing":              &detail.Bundle{Label: "l"},
		"a bundle with a mitigation twice": &detail.Bundle{Label: "l", Mitigations: []id.EntryID{x, x}},
		"a bundle without a label":         &detail.Bundle{Mitigations: []id.EntryID{x}},
	} {
		if _, err := detail.Encode(m); !errors.Is(err, detail.ErrBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good, _ := detail.Encode(least[5])
	if _, err := detail.Read(protocol.Note, good); !errors.Is(err, detail.ErrUnknown) {
		t.Errorf("a note read as a detail: %v", err)
	}
	if _, err := detail.Read(protocol.Finding, append(good, 0)); !errors.Is(err, detail.ErrBad) {
		t.Errorf("trailing bytes: %v", err)
	}
	if _, err := detail.Read(protocol.Finding, make([]byte, detail.MaxSize+1)); !errors.Is(err, detail.ErrBad) {
		t.Errorf("too large: %v", err)
	}
}

// TestLyingListTakesNoMemory: a list that says it has 2^32 items is refused before room
// is made for them.
func TestLyingListTakesNoMemory(t *testing.T) {
	raw := append([]byte{0xa1, 0x03, 0x9a, 0xff, 0xff, 0xff, 0xff}, make([]byte, 64)...)
	if n := testing.AllocsPerRun(10, func() {
		if _, err := detail.Read(protocol.Vulnerability, raw); err == nil {
			t.Error("it is read")
		}
	}); n > 100 {
		t.Errorf("%v allocations", n)
	}
}

// TestKeys: what takes the place of what (spec/details.md §2).
func TestKeys(t *testing.T) {
	same := [][2]detail.Message{
		{&detail.Product{Vuln: x, Product: "p", Versions: "<2", Status: detail.Affected}, &detail.Product{Vuln: x, Product: "p", Status: detail.Fixed}},
		{&detail.Vulnerability{Of: x, Name: "a"}, &detail.Vulnerability{Of: x, IDs: []string{"CVE-2026-1"}}},
		{&detail.Test{Mitigation: x, Product: "p", Version: "1", Result: detail.Pass}, &detail.Test{Mitigation: x, Product: "p", Version: "1", Result: detail.Fail}},
		{&detail.Verification{Vuln: x}, &detail.Verification{Vuln: x, Note: "n"}},
		{&detail.Bundle{Label: "l"}, &detail.Bundle{Label: "l", Note: "n"}},
	}
	for _, s := range same {
		if s[0].Key() != s[1].Key() || s[0].Key() == "" {
			t.Errorf("%+v does not replace %+v", s[1], s[0])
		}
	}
	other := [][2]detail.Message{
		{&detail.Product{Vuln: x, Product: "p"}, &detail.Product{Vuln: x, Product: "q"}},
		{&detail.Product{Vuln: x, Product: "p"}, &detail.Product{Vuln: y, Product: "p"}},
		{&detail.Test{Mitigation: x, Product: "p", Version: "1"}, &detail.Test{Mitigation: x, Product: "p1"}},
	}
	for _, s := range other {
		if s[0].Key() == s[1].Key() {
			t.Errorf("%+v replaces %+v", s[1], s[0])
		}
	}
	for _, m := range []detail.Message{&detail.Vulnerability{}, &detail.Mitigation{}, &detail.Finding{}} {
		if m.Key() != "" {
			t.Errorf("%T is replaced by a later one", m)
		}
	}
}

// FuzzRead: any bytes are refused or read, and what is read is written the same but for
// extensions.
func FuzzRead(f *testing.F) {
	for _, m := range append(full, least...) {
		raw, err := detail.Encode(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(m.Type()), raw)
	}
	f.Fuzz(func(t *testing.T, typ uint16, raw []byte) {
		m, err := detail.Read(entry.Type(typ), raw)
		if err != nil {
			if !errors.Is(err, detail.ErrBad) && !errors.Is(err, detail.ErrUnknown) {
				t.Fatalf("no rule: %v", err)
			}
			return
		}
		m.Says()
		again, err := detail.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := detail.Read(m.Type(), again); err != nil || !reflect.DeepEqual(back, m) {
			t.Fatalf("%+v became %+v, %v", m, back, err)
		}
	})
}
