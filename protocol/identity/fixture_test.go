package identity

import (
	"crypto/ed25519"
	"crypto/hpke"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
)

// keyOf is a repeatable key.
func keyOf(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

func pub(name string) ed25519.PublicKey { return public(keyOf(name)) }

func kemOf(name string) []byte {
	ikm := make([]byte, 32)
	copy(ikm, name)
	k, err := hpke.MLKEM768X25519().DeriveKeyPair(ikm)
	if err != nil {
		panic(err)
	}
	return k.PublicKey().Bytes()
}

var kem0 = kemOf("kem") // deriving is slow; one will do

// ownKeys are a daemon's own keys.
func ownKeys(name string) Keys { return Keys{Sig: keyOf(name), Peer: keyOf(name + "/peer")} }

// daemonOf is a certificate to be; all keys follow from the name.
func daemonOf(name string, caps ...Cap) Daemon {
	return Daemon{
		Kid: cose.Thumbprint(pub(name)), Sig: pub(name), Peer: pub(name + "/peer"), KEM: kem0,
		Caps: caps, NotAfter: 1_900_000_000,
	}
}

func created(t testing.TB) *Org {
	t.Helper()
	raw, err := Create(keyOf("root"), pub("root2"), "Acme PSIRT", []string{"acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	return replayed(t, raw)
}

func replayed(t testing.TB, events ...[]byte) *Org {
	t.Helper()
	o, err := Replay(events)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func extended(t testing.TB, o *Org, raw []byte, err error) *Org {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	n, err := o.Extend(raw)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// certified is o with daemonOf(name, caps...).
func certified(t testing.TB, o *Org, name string, caps ...Cap) *Org {
	t.Helper()
	raw, err := o.CertifyDaemon(keyOf("root"), ownKeys(name), daemonOf(name, caps...))
	return extended(t, o, raw, err)
}

// acme has one daemon, "d1", with all caps.
func acme(t testing.TB) *Org {
	t.Helper()
	return certified(t, created(t), "d1", CapWrite, CapConsent, CapSteward, CapInvite)
}

// signed signs any map as an event of o: what a hostile root can write.
func signed(o *Org, root string, payload map[uint64]any) []byte {
	m := map[uint64]any{1: uint64(1), 2: uint64(len(o.ids))}
	if len(o.ids) > 0 {
		m[3] = o.ids[len(o.ids)-1][:]
	}
	for k, v := range payload {
		if m[k] = v; v == nil {
			delete(m, k)
		}
	}
	raw, _ := cose.Seal(cose.Ident, keyOf(root), canon.MustMarshal(m))
	return raw
}
