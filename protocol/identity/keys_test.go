package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"testing"

	"cordon/protocol/cose"
)

// Each place of a chain has its own key.
func TestKeysApart(t *testing.T) {
	o := acme(t)
	for name, c := range map[string]struct{ sig, peer string }{
		"the root signs":                {"root", "d2/peer"},
		"the root as transport key":     {"d2", "root"},
		"one key for both":              {"d2", "d2"},
		"another's transport key":       {"d2", "d1/peer"},
		"another's signing key to talk": {"d2", "d1"},
		"another's transport key signs": {"d1/peer", "d2/peer"},
	} {
		k := Keys{Sig: keyOf(c.sig), Peer: keyOf(c.peer)}
		if _, err := o.CertifyDaemon(keyOf("root"), k, daemonOf("d2", CapWrite)); !errors.Is(err, ErrReused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	certified(t, o, "d2", CapWrite)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Keys that crypto/ed25519 would take and that verify anything, or that have two
// encodings, do not enter a chain (P1.4's edge keys).
func TestBadKeys(t *testing.T) {
	o := acme(t)
	identityPoint := make([]byte, 32)
	identityPoint[0] = 1
	for name, bad := range map[string][]byte{
		"identity point": identityPoint,
		"order 8":        unhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
		"y = p + 3":      unhex("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
	} {
		d := daemonOf("d2", CapWrite)
		claims := ed25519.PrivateKey(append(keyOf("d2").Seed(), bad...)) // says it belongs to bad
		for _, k := range []Keys{{Sig: claims, Peer: keyOf("d2/peer")}, {Sig: keyOf("d2"), Peer: claims}} {
			if _, err := o.CertifyDaemon(keyOf("root"), k, d); !errors.Is(err, cose.ErrKey) {
				t.Errorf("%s among %x: %v", name, k, err)
			}
		}
		if _, err := Create(keyOf("root"), bad, "Acme", nil); !errors.Is(err, cose.ErrKey) {
			t.Errorf("next root, %s: %v", name, err)
		}
	}
	// With the identity point as root, one signature fits every message. Signed
	// by nobody: 64 bytes R = identity, S = 0.
	hash := commit(pub("root2"))
	raw := signed(&Org{}, "root", map[uint64]any{4: uint64(1), 5: identityPoint, 6: hash[:], 7: "Acme", 8: []string{}})
	if _, err := Replay([][]byte{raw}); !errors.Is(err, cose.ErrKey) {
		t.Errorf("identity point as root: %v", err)
	}
	short := daemonOf("d2", CapWrite)
	short.KEM = short.KEM[:kemSize-1]
	if _, err := o.CertifyDaemon(keyOf("root"), ownKeys("d2"), short); !errors.Is(err, ErrField) {
		t.Errorf("short kem key: %v", err)
	}
	wild := daemonOf("d2", CapWrite)
	wild.KEM = bytes.Repeat([]byte{0xff}, kemSize) // coefficients not reduced mod q (FIPS 203 §7.2)
	if _, err := o.CertifyDaemon(keyOf("root"), ownKeys("d2"), wild); !errors.Is(err, cose.ErrKey) {
		t.Errorf("kem key out of range: %v", err)
	}
}
