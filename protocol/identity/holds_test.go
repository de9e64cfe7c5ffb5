package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
)

// TestPossession: a root certifies a key only with what this key has signed for
// this organisation and these other keys.
func TestPossession(t *testing.T) {
	o := acme(t)
	raw, err := Create(keyOf("other"), pub("other2"), "Other", nil)
	if err != nil {
		t.Fatal(err)
	}
	other := replayed(t, raw)
	d := daemonOf("d2", CapWrite)
	moved, rekeyed := d, d
	moved.Peer, rekeyed.KEM = pub("elsewhere"), kemOf("another kem")
	good := ed25519.Sign(keyOf("d2"), o.holding(d))
	flipped := bytes.Clone(good)
	flipped[7] ^= 1
	for name, c := range map[string]struct {
		d     Daemon
		holds []byte
		want  error
	}{
		"control":                         {d, good, nil},
		"signed for another organisation": {d, ed25519.Sign(keyOf("d2"), other.holding(d)), ErrHolds},
		"signed for no organisation":      {d, ed25519.Sign(keyOf("d2"), new(Org).holding(d)), ErrHolds},
		"signed by the root":              {d, ed25519.Sign(keyOf("root"), o.holding(d)), ErrHolds},
		"signed by the transport key":     {d, ed25519.Sign(keyOf("d2/peer"), o.holding(d)), ErrHolds},
		"another transport key":           {moved, good, ErrHolds},
		"another kem key":                 {rekeyed, good, ErrHolds},
		"one bit":                         {d, flipped, ErrHolds},
		"nothing":                         {d, make([]byte, 64), ErrHolds},
	} {
		if _, err := o.Extend(signed(o, "root", added(c.d, c.holds))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPossessionKept: a renewal may repeat the former signature, and must not when
// another key comes with it.
func TestPossessionKept(t *testing.T) {
	o := certified(t, acme(t), "d2", CapWrite)
	d := daemonOf("d2", CapWrite, CapConsent)
	holds := ed25519.Sign(keyOf("d2"), o.holding(d))
	d.NotAfter++
	n := extended(t, o, signed(o, "root", added(d, holds)), nil)
	if got, _ := n.Daemon(d.Kid); got.NotAfter != d.NotAfter || !got.Can(CapConsent) {
		t.Errorf("%+v", got)
	}
	d.Peer = pub("elsewhere")
	if _, err := n.Extend(signed(n, "root", added(d, holds))); !errors.Is(err, ErrHolds) {
		t.Errorf("moved without consent: %v", err)
	}
}

// added is a daemon+ as a root writes it that does not ask the daemon.
func added(d Daemon, holds []byte) map[uint64]any {
	caps := make([]uint64, len(d.Caps))
	for i, c := range d.Caps {
		caps[i] = uint64(c)
	}
	return map[uint64]any{4: uint64(opAdd), 9: []byte(d.Sig), 10: []byte(d.Peer), 11: d.KEM, 12: caps,
		13: d.NotAfter, 16: holds}
}
