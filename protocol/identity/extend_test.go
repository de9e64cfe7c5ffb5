package identity

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"cordon/protocol/cose"
)

// Extend leaves its organisation as it was, also when two chains grow from one,
// and Extend event by event is Replay of all.
func TestExtendProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, err := Create(keyOf("root0"), pub("root1"), "Acme", nil)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Replay([][]byte{raw})
		if err != nil {
			t.Fatal(err)
		}
		root := 0
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			before := fmt.Sprintf("%+v", o)
			raw, rotated, err := someEvent(t, o, root)
			if err != nil {
				continue
			}
			n, err := o.Extend(raw)
			if err != nil {
				t.Fatal("a writer wrote what does not extend:", err)
			}
			if rival, _, err := someEvent(t, o, root); err == nil {
				if m, err := o.Extend(rival); err != nil || (!bytes.Equal(rival, raw) && (m.Extends(n) || n.Extends(m))) {
					t.Fatal("rival", err)
				}
			}
			if after := fmt.Sprintf("%+v", o); after != before {
				t.Fatal("Extend changed its organisation")
			}
			if all, err := Replay(n.Events); err != nil || !reflect.DeepEqual(all, n) {
				t.Fatal("Replay differs from Extend:", err)
			}
			o = n
			if rotated {
				root++
			}
			checkOrg(t, o)
		}
	})
}

// someEvent draws a writer's call; it may be one that is refused.
func someEvent(t *rapid.T, o *Org, root int) (raw []byte, rotated bool, err error) {
	key := keyOf(fmt.Sprintf("root%d", root))
	daemon := fmt.Sprintf("d%d", rapid.IntRange(0, 3).Draw(t, "daemon"))
	d := daemonOf(daemon)
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		raw, err = o.RevokeDaemon(key, d.Kid, Reason(rapid.IntRange(0, 16).Draw(t, "reason")))
	case 1:
		raw, err = o.Rotate(keyOf(fmt.Sprintf("root%d", root+1)), pub(fmt.Sprintf("root%d", root+2)))
		return raw, true, err
	case 2:
		raw, err = o.Rename(key, rapid.StringN(0, 20, 140).Draw(t, "name"), nil)
	default:
		for c := CapWrite; c <= CapInvite; c++ {
			if rapid.Bool().Draw(t, "cap") {
				d.Caps = append(d.Caps, c)
			}
		}
		raw, err = o.CertifyDaemon(key, ownKeys(daemon), d)
	}
	return raw, false, err
}

// checkOrg states what holds of every chain.
func checkOrg(t *rapid.T, o *Org) {
	stewards := 0
	keys := map[string]bool{string(o.root): true}
	for _, d := range o.Daemons() {
		if !d.Revoked && d.Can(CapSteward) {
			stewards++
		}
		for _, k := range []ed25519.PublicKey{d.Sig, d.Peer} {
			if keys[string(k)] || !cose.KeyOK(k) {
				t.Fatal("a key stands twice, or is bad")
			}
			keys[string(k)] = true
		}
		if _, ok := o.ByPeer(d.Peer); ok == d.Revoked {
			t.Fatal("ByPeer")
		}
	}
	if stewards > 1 {
		t.Fatal("two stewards")
	}
	if PlainText(o.Name, MaxName) != nil || o.Name == "" {
		t.Fatal("name")
	}
}

// FuzzReplay reads its input as events, each behind two bytes of length.
func FuzzReplay(f *testing.F) {
	f.Add(joined(acme(f).Events))
	f.Add(joined(certified(f, acme(f), "d2", CapWrite).Events))
	f.Fuzz(func(t *testing.T, b []byte) {
		events := cut(b)
		o, err := Replay(events)
		if err != nil {
			return
		}
		if len(o.Events) != len(events) || len(events) > MaxEvents {
			t.Fatal("events")
		}
		if _, err := Replay(o.Events); err != nil {
			t.Fatal(err)
		}
	})
}

func joined(events [][]byte) (b []byte) {
	for _, e := range events {
		b = append(append(b, byte(len(e)>>8), byte(len(e))), e...)
	}
	return b
}

func cut(b []byte) (events [][]byte) {
	for len(b) >= 2 {
		n := min(int(b[0])<<8|int(b[1]), len(b)-2)
		events = append(events, b[2:2+n])
		b = b[2+n:]
	}
	return events
}
