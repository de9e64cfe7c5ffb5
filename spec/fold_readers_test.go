package spec_test

import (
	"bytes"
	"testing"

	"cordon/daemon/api"
	"cordon/daemon/foldfile"
	"cordon/spec"
)

// readFold folds the bytes as `cordon fold` does, and compares every verdict and
// what the case comes to.
func readFold(t *testing.T, v *spec.Vector) error {
	f, err := foldfile.Fold(t.Context(), v.Hex)
	if err != nil {
		return err
	}
	sameID(t, v, f.Case)
	sameVerdicts(t, v, f)
	want := v.Fold
	if f.Digest != hexOf(want.Digest) || f.State != want.State {
		t.Errorf("%s: digest %s, state %s, want %x, %s", v.Name, f.Digest, f.State, []byte(want.Digest), want.State)
	}
	var members, chain, signed []spec.Bytes
	for _, p := range f.Participants {
		if p.Admitted {
			members = append(members, p.Org[:])
		}
		if p.Admitted && p.Consent == "signatory" {
			signed = append(signed, p.Org[:])
		}
	}
	if want.Embargo != "" {
		if f.Embargo.State != want.Embargo || f.Embargo.Agreement == nil || !bytes.Equal(f.Embargo.Agreement[:], want.Agreement) {
			t.Errorf("%s: embargo %+v, want %s under %x", v.Name, f.Embargo, want.Embargo, []byte(want.Agreement))
		}
		if want.Ends != 0 && (f.Embargo.End == nil || uint64(f.Embargo.End.UnixMilli()) != want.Ends) {
			t.Errorf("%s: the embargo ends at %v, want %d", v.Name, f.Embargo.End, want.Ends)
		}
		if !equalBytes(sortedBytes(signed), want.Signed) {
			t.Errorf("%s: signed %x, want %x", v.Name, signed, want.Signed)
		}
	}
	for _, c := range f.Chain {
		chain = append(chain, c.Config[:])
	}
	var stewards []spec.Bytes
	for _, o := range f.Stewards {
		stewards = append(stewards, o[:])
	}
	for _, x := range []struct {
		what       string
		have, want []spec.Bytes
	}{{"stewards", stewards, want.Stewards}, {"members", sortedBytes(members), want.Members}, {"chain", chain, want.Chain}} {
		if !equalBytes(x.have, x.want) {
			t.Errorf("%s: %s %x, want %x", v.Name, x.what, x.have, x.want)
		}
	}
	return nil
}

// sameVerdicts compares the verdicts on all entries. Bytes that are no entry have
// no id: the rules that reject them are compared in the order of the file.
func sameVerdicts(t *testing.T, v *spec.Vector, f *api.Fold) {
	t.Helper()
	have := map[string]api.FoldEntry{}
	var nameless []string
	for _, e := range f.Entries {
		if e.ID == nil {
			nameless = append(nameless, e.Rule)
			continue
		}
		have[e.ID.String()] = e
	}
	if len(have)+len(nameless) != len(v.Fold.Entries) {
		t.Errorf("%s: %d entries, want %d", v.Name, len(f.Entries), len(v.Fold.Entries))
	}
	for _, w := range v.Fold.Entries {
		if len(w.ID) == 0 {
			if len(nameless) == 0 || nameless[0] != w.Rule {
				t.Errorf("%s: %s: %v, want %s", v.Name, w.What, nameless, w.Rule)
				continue
			}
			nameless = nameless[1:]
			continue
		}
		if e := have[hexOf(w.ID)]; e.Verdict != w.Verdict || e.Rule != w.Rule {
			t.Errorf("%s: %s %s %x: %s %s, want %s %s", v.Name, e.Kind, w.What, w.ID[:4], e.Verdict, e.Rule, w.Verdict, w.Rule)
		}
	}
}

func hexOf(b []byte) string { h, _ := spec.Bytes(b).MarshalText(); return string(h) }

func equalBytes(a, b []spec.Bytes) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
