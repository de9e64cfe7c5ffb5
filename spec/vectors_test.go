package spec_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/spec"
)

// readers judge a vector of their family: nil, or an error whose innermost text
// is the rule. They also compare what they computed with what the vector says.
func readers() map[string]func(*testing.T, *spec.Vector) error {
	return map[string]func(*testing.T, *spec.Vector) error{
		"canon":     func(_ *testing.T, v *spec.Vector) error { return canon.Check(v.Hex) },
		"entry":     readEntry,
		"signature": readSignature,
		"identity":  readIdentity,
		"card":      readCard,
		"invite":    readInvite,
		"accept":    readAccept,
		"vouch":     readVouch,
		"agreement": readAgreement,
		"genesis":   readGenesis,
		"body":      readBody,
		"detail":    readDetail,
		"fold":      readFold,
		"history":   readFold,
	}
}

// TestVectors runs this implementation on every vector.
func TestVectors(t *testing.T) {
	names, err := spec.Families()
	if err != nil {
		t.Fatal(err)
	}
	read := readers()
	bad := 0
	for _, name := range names {
		f, err := spec.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if read[name] == nil {
			t.Errorf("no reader for the family %s", name)
			continue
		}
		seen := map[string]bool{}
		for _, v := range f.Vectors {
			if seen[v.Name] || v.Comment == "" || v.Verdict == "" {
				t.Errorf("%s/%s: a name twice, or no comment, or no verdict", name, v.Name)
			}
			seen[v.Name] = true
			if v.Verdict != spec.Valid {
				bad++
			}
			if have := ruleOf(read[name](t, &v)); have != v.Verdict {
				t.Errorf("%s/%s: %s, want %s (%s)", name, v.Name, have, v.Verdict, v.Comment)
			}
		}
		t.Logf("%s: %d vectors", name, len(f.Vectors))
	}
	if bad < 100 {
		t.Errorf("%d vectors are bad, want at least 100", bad)
	}
}

// ruleOf is the innermost text of an error: the rule's name.
func ruleOf(err error) string {
	if err == nil {
		return spec.Valid
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

func readEntry(t *testing.T, v *spec.Vector) error {
	s, err := entry.Parse(v.Hex)
	if err != nil {
		if s != nil {
			t.Errorf("%s: an entry beside an error", v.Name)
		}
		return err
	}
	if err := s.Verify(ed25519.PublicKey(v.Key)); err != nil {
		return err
	}
	if len(v.ID) > 0 && !bytes.Equal(v.ID, s.ID[:]) {
		t.Errorf("%s: id %x, want %x", v.Name, s.ID, []byte(v.ID))
	}
	if s.Unknown != v.Unknown {
		t.Errorf("%s: unknown %v, want %v", v.Name, s.Unknown, v.Unknown)
	}
	return nil
}

func readSignature(_ *testing.T, v *spec.Vector) error {
	if !cose.KeyOK(ed25519.PublicKey(v.Key)) {
		return cose.ErrKey
	}
	if !ed25519.Verify(ed25519.PublicKey(v.Key), v.Message, v.Hex) {
		return cose.ErrSignature
	}
	return nil
}
