package cose_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/canon/canontest"
	"cordon/protocol/cose"
	"cordon/spec"

	gocose "github.com/veraison/go-cose"
	"pgregory.net/rapid"
)

// ed is alg -19 for go-cose, which knows -8 only: it computes the message to be
// signed, the signature is crypto/ed25519's.
type ed struct {
	pub  ed25519.PublicKey
	seen *[]byte // the Sig_structure go-cose made
}

func (e ed) Algorithm() gocose.Algorithm { return -19 }

func (e ed) Verify(content, sig []byte) error {
	*e.seen = bytes.Clone(content)
	if !ed25519.Verify(e.pub, content, sig) {
		return gocose.ErrVerification
	}
	return nil
}

func key(b byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)) }

func pub(b byte) ed25519.PublicKey { return key(b).Public().(ed25519.PublicKey) }

var roles = []cose.Role{cose.Entry, cose.Invite, cose.Accept, cose.Card, cose.Ident, cose.Cut}

// TestOracle: a COSE library of others' reads what Seal writes, verifies it over
// its own Sig_structure with our external_aad, and that structure is the one ids
// are made of.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		role := rapid.SampledFrom(roles).Draw(t, "role")
		payload := canon.MustMarshal(rapid.SliceOfN(rapid.Byte(), 0, 70_000).Draw(t, "payload"))
		raw, objectID := cose.Seal(role, key(1), payload)
		var m gocose.UntaggedSign1Message
		if err := m.UnmarshalCBOR(raw); err != nil {
			t.Fatal(err)
		}
		var tbs []byte
		if err := m.Verify([]byte("cordon/1/"+string(role)), ed{pub(1), &tbs}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(tbs, cose.AppendSigStructure(nil, role, m.Headers.RawProtected[2:], payload)) {
			t.Fatalf("another Sig_structure: %x", tbs)
		}
		if sha256.Sum256(tbs) != objectID {
			t.Fatal("the id is not the hash of the Sig_structure")
		}
		if !bytes.Equal(m.Payload, payload) || !canontest.Oracle(raw) {
			t.Fatal("another payload, or not canonical")
		}
		if err := m.Verify([]byte("cordon/1/other"), ed{pub(1), &tbs}); err == nil {
			t.Fatal("go-cose verifies under another role: the comparison is worth nothing")
		}
	})
}

// TestOracleWiderThanProfile is the control: what go-cose takes and the profile
// does not is refused by Parse.
func TestOracleWiderThanProfile(t *testing.T) {
	m := gocose.UntaggedSign1Message{Payload: []byte{0xa0}, Signature: make([]byte, 64)}
	m.Headers.Protected = gocose.ProtectedHeader{int64(1): int64(-19), int64(4): make([]byte, 32)}
	m.Headers.Unprotected = gocose.UnprotectedHeader{int64(99): int64(1)}
	raw, err := m.MarshalCBOR()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.UnmarshalCBOR(raw); err != nil {
		t.Fatal(err)
	}
	if _, err := cose.Parse(cose.Entry, raw); !errors.Is(err, cose.ErrProfile) {
		t.Errorf("a free header in both places: %v", err)
	}
}

// TestOneRole: a signature of one role is valid in no other, with the header of
// either role.
func TestOneRole(t *testing.T) {
	for _, mine := range roles {
		raw, id := cose.Seal(mine, key(1), []byte{0xa0})
		for _, other := range roles {
			o, err := cose.Open(other, raw, pub(1))
			if mine == other {
				if err != nil || o.ID != id {
					t.Errorf("%s: %v", mine, err)
				}
				continue
			}
			if !errors.Is(err, cose.ErrRole) {
				t.Errorf("%s as %s: %v", mine, other, err)
			}
			forged := bytes.Clone(raw)
			theirs, _ := cose.Seal(other, key(1), []byte{0xa0})
			copy(theirs[len(theirs)-64:], forged[len(forged)-64:])
			if _, err := cose.Open(other, theirs, pub(1)); !errors.Is(err, cose.ErrSignature) {
				t.Errorf("signature of %s under %s: %v", mine, other, err)
			}
		}
	}
}

// TestResealIsNoFork: the id does not cover the signature.
func TestResealIsNoFork(t *testing.T) {
	raw, id := cose.Seal(cose.Entry, key(1), []byte{0xa0})
	raw[len(raw)-1] ^= 1
	o, err := cose.Parse(cose.Entry, raw)
	if err != nil || o.ID != id {
		t.Fatalf("%v, id %x, want %x", err, o.ID, id)
	}
	if err := o.Verify(pub(1)); !errors.Is(err, cose.ErrSignature) {
		t.Error(err)
	}
	if err := o.Verify(pub(2)); !errors.Is(err, cose.ErrSigner) {
		t.Error(err)
	}
}

// TestP14: keys and signatures at the edges (P1.4). Of each key that KeyOK
// refuses, the control says whether crypto/ed25519 alone would have taken it.
func TestP14(t *testing.T) {
	f, err := spec.Read("signature")
	if err != nil {
		t.Fatal(err)
	}
	wouldPass := 0
	for _, v := range f.Vectors {
		ok := cose.KeyOK(ed25519.PublicKey(v.Key))
		if ok == (v.Verdict == cose.ErrKey.Error()) {
			t.Errorf("%s: KeyOK %v, want the verdict %s", v.Name, ok, v.Verdict)
		}
		if len(v.Key) != ed25519.PublicKeySize {
			continue
		}
		verified := ed25519.Verify(ed25519.PublicKey(v.Key), v.Message, v.Hex)
		if ok && verified != (v.Verdict == spec.Valid) {
			t.Errorf("%s: verified %v, want the verdict %s", v.Name, verified, v.Verdict)
		}
		if !ok && verified {
			wouldPass++
		}
	}
	if wouldPass == 0 {
		t.Error("crypto/ed25519 refuses every bad key by itself: the control is worth nothing")
	}
	t.Logf("crypto/ed25519 alone accepts %d forgeries that KeyOK stops", wouldPass)
}

// TestBadKeyUnderItsOwnKid: an object whose kid is a bad key's own thumbprint,
// with a signature that verifies for every message, does not open.
func TestBadKeyUnderItsOwnKid(t *testing.T) {
	identity := make(ed25519.PublicKey, 32)
	identity[0] = 1
	raw, _ := cose.Seal(cose.Entry, key(1), []byte{0xa0})
	kid := cose.Thumbprint(identity)
	copy(raw[9:], kid[:])
	copy(raw[len(raw)-64:], append(bytes.Clone(identity), make([]byte, 32)...))
	o, err := cose.Parse(cose.Entry, raw)
	if err != nil || o.Kid != kid {
		t.Fatal(err, o.Kid)
	}
	if err := o.Verify(identity); !errors.Is(err, cose.ErrKey) {
		t.Errorf("the identity point as a key: %v", err)
	}
}

// FuzzParse: no input panics, and what is accepted is canonical in all its parts.
func FuzzParse(f *testing.F) {
	for i, role := range roles {
		raw, _ := cose.Seal(role, key(byte(i)), []byte{0xa1, 1, 2})
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, role := range roles {
			o, err := cose.Parse(role, b)
			if err == nil && (canon.Check(b) != nil || canon.Check(o.Payload) != nil) {
				t.Fatalf("accepted %x", b)
			}
			_ = o.Verify(pub(0))
		}
	})
}
