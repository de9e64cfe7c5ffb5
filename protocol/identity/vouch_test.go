package identity

import (
	"bytes"
	"errors"
	"testing"

	"cordon/protocol/id"
)

func vouchFor(o *Org) Vouch {
	return Vouch{Voucher: o.ID, Org: id.OrgID{7}, Name: "Beta", T: 1_800_000_000_000, Until: 1_800_000_000_000 + maxVouching}
}

// TestVouch reads what was sealed; what a voucher cannot mean is not even written.
// The vectors of spec have the reader's refusals.
func TestVouch(t *testing.T) {
	o := certified(t, created(t), "d1", CapWrite, CapConsent)
	want := vouchFor(o)
	raw, err := SealVouch(keyOf("d1"), want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := OpenVouch(raw, o)
	if err != nil {
		t.Fatal(err)
	}
	want.Kid, want.Raw = daemonOf("d1").Kid, got.Raw
	if got.Voucher != want.Voucher || got.Org != want.Org || got.Name != want.Name || got.T != want.T ||
		got.Until != want.Until || got.Kid != want.Kid || !bytes.Equal(got.Raw, raw) {
		t.Errorf("%+v", got)
	}
	if back, err := UnarmourVouch(ArmourVouch(raw)); err != nil || !bytes.Equal(back, raw) {
		t.Errorf("armour: %v", err)
	}
	if _, err := Unarmour(ArmourVouch(raw)); !errors.Is(err, ErrArmour) {
		t.Errorf("a vouch is read as a card: %v", err)
	}
	if _, err := UnarmourVouch(Armour(raw)); !errors.Is(err, ErrArmour) {
		t.Errorf("a card is read as a vouch: %v", err)
	}
	for name, change := range map[string]func(*Vouch){
		"itself":    func(v *Vouch) { v.Org = v.Voucher },
		"too long":  func(v *Vouch) { v.Until++ },
		"at once":   func(v *Vouch) { v.Until = v.T },
		"no name":   func(v *Vouch) { v.Name = "" },
		"long name": func(v *Vouch) { v.Name = string(bytes.Repeat([]byte("n"), MaxName+1)) },
	} {
		v := vouchFor(o)
		change(&v)
		if _, err := SealVouch(keyOf("d1"), v); err == nil {
			t.Errorf("%s: it is sealed", name)
		}
	}
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		if _, err := OpenVouch(bad, o); err == nil {
			t.Errorf("byte %d changed, and it opens", i)
		}
	}
}

func FuzzOpenVouch(f *testing.F) {
	o := certified(f, created(f), "d1", CapConsent)
	raw, err := SealVouch(keyOf("d1"), vouchFor(o))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := OpenVouch(b, o)
		if err == nil && (v.Voucher != o.ID || v.Org == o.ID || v.Until-v.T > maxVouching || checkName(v.Name) != nil || !bytes.Equal(v.Raw, b)) {
			t.Fatalf("%+v", v)
		}
	})
}

// TestTrustNames: names and levels are one to one, in order.
func TestTrustNames(t *testing.T) {
	for l := TrustTOFU; l <= TrustVerified; l++ {
		if got, err := ParseTrust(l.String()); err != nil || got != l {
			t.Errorf("%d: %q, %v", l, l.String(), err)
		}
	}
	for _, name := range []string{"", "TOFU", "pinned"} {
		if _, err := ParseTrust(name); !errors.Is(err, ErrField) {
			t.Errorf("%q is a level: %v", name, err)
		}
	}
	if Trust(0).String() != "" || Trust(5).String() != "" {
		t.Error("what is no level has a name")
	}
}
