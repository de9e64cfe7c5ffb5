package spec_test

import (
	"bytes"
	"testing"

	"cordon/protocol/admission"
	"cordon/protocol/canon"
	"cordon/protocol/identity"
	"cordon/spec"
)

// chain reads an array of byte strings and replays it.
func chain(b []byte) (*identity.Org, error) {
	r := canon.NewReader(b)
	n, err := r.Array()
	if err != nil {
		return nil, err
	}
	events := make([][]byte, n)
	for i := range events {
		if events[i], err = r.Bytes(); err != nil {
			return nil, err
		}
	}
	if !r.Done() {
		return nil, canon.ErrTrailing
	}
	return identity.Replay(events)
}

func sameID(t *testing.T, v *spec.Vector, id [32]byte) {
	t.Helper()
	if !bytes.Equal(id[:], v.ID) {
		t.Errorf("%s: id %x, want %x", v.Name, id, []byte(v.ID))
	}
}

func readIdentity(t *testing.T, v *spec.Vector) error {
	o, err := chain(v.Hex)
	if err != nil {
		return err
	}
	sameID(t, v, o.ID)
	return nil
}

func readCard(t *testing.T, v *spec.Vector) error {
	c, err := identity.OpenCard(v.Hex)
	if err != nil {
		return err
	}
	sameID(t, v, c.ID)
	return nil
}

func readVouch(t *testing.T, v *spec.Vector) error {
	o, err := chain(v.Chain)
	if err != nil {
		t.Errorf("%s: the chain beside it: %v", v.Name, err)
	}
	_, err = identity.OpenVouch(v.Hex, o)
	return err
}

func readInvite(t *testing.T, v *spec.Vector) error {
	o, err := chain(v.Chain)
	if err != nil {
		t.Errorf("%s: the chain beside it: %v", v.Name, err)
	}
	i, err := admission.OpenInvite(v.Hex, o)
	if err != nil {
		return err
	}
	sameID(t, v, i.ID)
	return nil
}

func readAccept(t *testing.T, v *spec.Vector) error {
	o, err := chain(v.Chain)
	if err != nil {
		t.Errorf("%s: the chain beside it: %v", v.Name, err)
	}
	a, err := admission.OpenAccept(v.Hex, o)
	if err != nil {
		return err
	}
	sameID(t, v, a.ID)
	return nil
}
