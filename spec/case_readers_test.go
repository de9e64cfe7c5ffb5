package spec_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"testing"

	"cordon/ledger/body"
	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/spec"
)

// agreementMap is {1: record, 2: text}.
type agreementMap struct {
	Record []byte `cbor:"1,keyasint"`
	Text   string `cbor:"2,keyasint"`
}

func readAgreement(t *testing.T, v *spec.Vector) error {
	var m agreementMap
	if err := canon.Unmarshal(v.Hex, &m); err != nil {
		return err
	}
	a := protocol.Agreement{Raw: m.Record, Text: m.Text}
	if _, err := a.Open(); err != nil {
		return ruled(err)
	}
	sameID(t, v, a.ID())
	return nil
}

// ruled is a refusal's rule as an error.
func ruled(err error) error {
	var r *protocol.Refusal
	if errors.As(err, &r) {
		return errors.New(r.Rule)
	}
	return err
}

// readGenesis judges as a daemon does: form, the fold's verdict, the signature
// by the key that the fold then knows.
func readGenesis(t *testing.T, v *spec.Vector) error {
	e, err := entry.Parse(v.Hex)
	if err != nil {
		return err
	}
	c := protocol.NewCase()
	if out := c.Apply(e); out.Refused != "" {
		return errors.New(out.Refused)
	}
	org, _ := c.OrgOf(e.Kid)
	o, _ := c.Org(org)
	d, ok := o.Daemon(e.Kid)
	if !ok {
		t.Errorf("%s: honoured, and its key is not known", v.Name)
		return nil
	}
	if err := e.Verify(d.Sig); err != nil {
		return err
	}
	sameID(t, v, [32]byte(c.ID()))
	return nil
}

func readBody(t *testing.T, v *spec.Vector) error {
	ref, at := refAt(t, v)
	_, raw, err := body.OpenBytes(ref, [][32]byte{sha256.Sum256(v.Hex)}, [32]byte(v.CEK), at, [][]byte{v.Hex})
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, v.Raw) {
		t.Errorf("%s: %x, want %x", v.Name, raw, []byte(v.Raw))
	}
	return nil
}

// refAt reads what the entry says of the body, and its place.
func refAt(t *testing.T, v *spec.Vector) (ref entry.BodyRef, at body.AAD) {
	r := canon.NewReader(v.Ref)
	_, err1 := r.Array()
	h, err2 := r.Fixed(32)
	size, err3 := r.Uint()
	kc, err4 := r.Fixed(32)
	p := canon.NewReader(v.AAD)
	_, err5 := p.Array()
	c, err6 := p.Fixed(32)
	kid, err7 := p.Fixed(32)
	comp, err8 := p.Uint()
	seq, err9 := p.Uint()
	typ, err10 := p.Uint()
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9, err10); err != nil {
		t.Fatal(v.Name, err)
	}
	ref = entry.BodyRef{Hash: [32]byte(h), Size: size, KC: [32]byte(kc)}
	at = body.AAD{Case: id.CaseID(c), Kid: id.Kid(kid), Seq: id.Seq(seq), Type: entry.Type(typ)}
	at.Comp[id.Size-1] = byte(comp)
	return ref, at
}

// TestOneKeyEverywhere: the golden organisation signs its vectors with the key
// that its chain certifies.
func TestOneKeyEverywhere(t *testing.T) {
	o, err := identity.Replay(organisation("A").raw)
	if err != nil {
		t.Fatal(err)
	}
	if d := o.Daemons(); len(d) != 1 || !bytes.Equal(d[0].Sig, keyOf("A").Public().(ed25519.PublicKey)) {
		t.Error("another key")
	}
}
