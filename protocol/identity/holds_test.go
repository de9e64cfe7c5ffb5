package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
)

// agreed are the possession signatures by keys for a certificate of o.
func agreed(o *Org, d Daemon, k Keys) (holds, carries []byte) {
	return ed25519.Sign(k.Sig, o.holding(d)), ed25519.Sign(k.Peer, o.carrying(d))
}

// added is a daemon+ as a root writes it that does not ask the daemon.
func added(d Daemon, holds, carries []byte) map[uint64]any {
	caps := make([]uint64, len(d.Caps))
	for i, c := range d.Caps {
		caps[i] = uint64(c)
	}
	return map[uint64]any{4: uint64(opAdd), 9: []byte(d.Sig), 10: []byte(d.Peer), 11: d.KEM, 12: caps,
		13: d.NotAfter, 16: holds, 17: carries}
}

// TestPossession: a root certifies a daemon only with what both of its keys have
// signed for this organisation and these other keys.
func TestPossession(t *testing.T) {
	o := acme(t)
	raw, err := Create(keyOf("other"), pub("other2"), "Other", nil)
	if err != nil {
		t.Fatal(err)
	}
	d, keys := daemonOf("d2", CapWrite), ownKeys("d2")
	rekeyed := d
	rekeyed.KEM = kemOf("another kem")
	holds, carries := agreed(o, d, keys)
	for name, c := range map[string]struct {
		d      Daemon
		signed *Org
		by     Keys
	}{
		"control":                         {d, o, keys},
		"signed for another organisation": {d, replayed(t, raw), keys},
		"signed for no organisation":      {d, new(Org), keys},
		"signed by the root":              {d, o, Keys{keyOf("root"), keyOf("root")}},
		"signed by each other":            {d, o, Keys{keys.Peer, keys.Sig}},
		"another kem key":                 {rekeyed, o, keys},
	} {
		h, k := agreed(c.signed, c.d, c.by)
		for half, e := range map[string]map[uint64]any{"signing": added(d, h, carries), "transport": added(d, holds, k)} {
			_, err := o.Extend(signed(o, "root", e))
			if good := name == "control"; (err == nil) != good || !good && !errors.Is(err, ErrHolds) {
				t.Errorf("%s key: %s: %v", half, name, err)
			}
		}
	}
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[7] ^= 1; return b }
	for name, e := range map[string]map[uint64]any{
		"exchanged":               added(d, carries, holds),
		"the signing key's twice": added(d, holds, holds),
		"the transport's twice":   added(d, carries, carries),
		"each the other's text":   added(d, ed25519.Sign(keys.Sig, o.carrying(d)), ed25519.Sign(keys.Peer, o.holding(d))),
		"one bit of 16":           added(d, flip(holds), carries),
		"one bit of 17":           added(d, holds, flip(carries)),
		"nothing for 16":          added(d, make([]byte, 64), carries),
		"nothing for 17":          added(d, holds, make([]byte, 64)),
	} {
		if _, err := o.Extend(signed(o, "root", e)); !errors.Is(err, ErrHolds) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOthersTransportKey: an organisation that lists another's transport key has
// no chain, whatever it puts in the place of that key's signature.
func TestOthersTransportKey(t *testing.T) {
	o := acme(t)
	raw, err := Create(keyOf("thief"), pub("thief2"), "Thief", nil)
	if err != nil {
		t.Fatal(err)
	}
	thief := replayed(t, raw)
	victim, _ := o.Daemon(daemonOf("d1").Kid)
	_, shown := agreed(o, victim, ownKeys("d1")) // as the victim's chain shows it
	d := daemonOf("t1", CapWrite)
	d.Peer = victim.Peer
	for name, c := range map[string]struct {
		by      string
		carries []byte
		want    error
	}{
		"control: the victim agrees":         {"d1/peer", nil, nil},
		"the thief's transport key signs":    {"t1/peer", nil, ErrHolds},
		"the thief's signing key signs":      {"t1", nil, ErrHolds},
		"the victim's signing key signs":     {"d1", nil, ErrHolds},
		"what the victim signed for another": {"", shown, ErrHolds},
	} {
		holds, carries := agreed(thief, d, Keys{keyOf("t1"), keyOf(c.by)})
		if c.carries != nil {
			carries = c.carries
		}
		event := signed(thief, "thief", added(d, holds, carries))
		if _, err := Replay([][]byte{raw, event}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPossessionKept: a renewal may repeat the former signatures, and must not when
// another key comes with it.
func TestPossessionKept(t *testing.T) {
	o := certified(t, acme(t), "d2", CapWrite)
	d := daemonOf("d2", CapWrite, CapConsent)
	holds, carries := agreed(o, d, ownKeys("d2"))
	d.NotAfter++
	n := extended(t, o, signed(o, "root", added(d, holds, carries)), nil)
	if got, _ := n.Daemon(d.Kid); got.NotAfter != d.NotAfter || !got.Can(CapConsent) {
		t.Errorf("%+v", got)
	}
	d.Peer = pub("elsewhere")
	newHolds, newCarries := agreed(n, d, Keys{keyOf("d2"), keyOf("elsewhere")})
	for name, e := range map[string]map[uint64]any{
		"neither is new":             added(d, holds, carries),
		"the signing key's is old":   added(d, holds, newCarries),
		"the transport key's is old": added(d, newHolds, carries),
	} {
		if _, err := n.Extend(signed(n, "root", e)); !errors.Is(err, ErrHolds) {
			t.Errorf("%s: %v", name, err)
		}
	}
	extended(t, n, signed(n, "root", added(d, newHolds, newCarries)), nil)
}
