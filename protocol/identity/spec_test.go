package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"cordon/protocol/cose"
)

// The worked example of spec/identity.md §8.8 is what this package makes.
func TestSpecExample(t *testing.T) {
	root := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	next := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	raw, err := Create(root, public(next), "Acme", nil)
	o := replayed(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	obj, err := cose.Parse(cose.Ident, raw)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := os.ReadFile("../../spec/identity.md")
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(string(spec)), "")
	w := Words(o.ID)
	kem, err := hpke.MLKEM768X25519().DeriveKeyPair(bytes.Repeat([]byte{5}, 32))
	if err != nil {
		t.Fatal(err)
	}
	daemon, transport := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32)), ed25519.NewKeyFromSeed(bytes.Repeat([]byte{4}, 32))
	d := Daemon{Sig: public(daemon), Peer: public(transport), KEM: kem.PublicKey().Bytes(), Caps: []Cap{CapWrite}, NotAfter: 1_900_000_000}
	keys := Keys{Sig: daemon, Peer: transport}
	certificate, err := o.CertifyDaemon(root, keys, d)
	if err != nil {
		t.Fatal(err)
	}
	holds, carries := agreed(o, d, keys)
	if !bytes.Contains(certificate, holds) || !bytes.Contains(certificate, carries) {
		t.Error("the certificate has other possessions")
	}
	for name, s := range map[string]string{
		"bytes of 16": hex.EncodeToString(o.holding(d)), "16": hex.EncodeToString(holds),
		"bytes of 17": hex.EncodeToString(o.carrying(d)), "17": hex.EncodeToString(carries),
		"payload": hex.EncodeToString(obj.Payload), "signature": hex.EncodeToString(raw[len(raw)-64:]),
		"kid": obj.Kid.String(), "OrgID": o.ID.String(), "words": strings.Join(w[:], ""),
	} {
		if !strings.Contains(flat, s) {
			t.Errorf("%s is not in the specification: %s", name, s)
		}
	}
}
