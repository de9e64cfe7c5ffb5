package spec_test

import (
	"errors"
	"testing"

	"cordon/protocol/detail"
	"cordon/protocol/entry"
	"cordon/spec"
)

func readDetail(_ *testing.T, v *spec.Vector) error {
	_, err := detail.Read(entry.Type(v.Kind), v.Hex)
	for _, rule := range []error{detail.ErrUnknown, detail.ErrBad} {
		if errors.Is(err, rule) {
			return rule
		}
	}
	return err
}

// TestEveryDetail: each kind of structured body has a vector that is valid and one for
// each rule.
func TestEveryDetail(t *testing.T) {
	f, err := spec.Read("detail")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[entry.Type]map[string]bool{}
	for _, v := range f.Vectors {
		of := entry.Type(v.Kind)
		if !detail.Is(of) {
			t.Errorf("%s: %d is no kind of detail", v.Name, of)
		}
		if seen[of] == nil {
			seen[of] = map[string]bool{}
		}
		seen[of][v.Verdict] = true
	}
	for n := range 1 << 16 {
		if of := entry.Type(n); detail.Is(of) && len(seen[of]) != 3 {
			t.Errorf("kind %d has vectors with the verdicts %v", of, seen[of])
		}
	}
}
