package identity

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

func TestChain(t *testing.T) {
	o := acme(t)
	d, ok := o.Daemon(cose.Thumbprint(pub("d1")))
	if !ok || !d.Can(CapSteward) || d.Revoked || !bytes.Equal(d.Peer, pub("d1/peer")) {
		t.Fatalf("%+v, %v", d, ok)
	}
	if o.Name != "Acme PSIRT" || o.Domains[0] != "acme.example" || o.ID != id.OrgID(o.ids[0]) {
		t.Fatalf("%+v", o)
	}
	if p, ok := o.ByPeer(pub("d1/peer")); !ok || p.Kid != d.Kid {
		t.Error("not found by its transport key")
	}
	raw, err := o.RevokeDaemon(keyOf("root"), d.Kid, 1)
	r := extended(t, o, raw, err)
	if d, ok := r.Daemon(d.Kid); !ok || !d.Revoked {
		t.Error("a revoked daemon is still known, as revoked")
	}
	if _, ok := r.ByPeer(pub("d1/peer")); ok {
		t.Error("a revoked daemon was found by its transport key")
	}
	raw, err = r.Rename(keyOf("root"), "Acme Security", nil)
	m := extended(t, r, raw, err)
	if m.Name != "Acme Security" || len(m.Domains) != 0 || m.ID != o.ID {
		t.Errorf("%+v", m)
	}
}

// P8.3, and what goes with it.
func TestRotate(t *testing.T) {
	o := acme(t)
	raw, err := o.Rotate(keyOf("root2"), pub("root3"))
	n := extended(t, o, raw, err)
	if !bytes.Equal(n.Root(), pub("root2")) || n.ID != o.ID {
		t.Error("root not in force")
	}
	if _, err := n.RevokeDaemon(keyOf("root"), daemonOf("d1").Kid, 0); !errors.Is(err, ErrRoot) {
		t.Errorf("the former root still signs: %v", err)
	}
	raw, err = n.RevokeDaemon(keyOf("root2"), daemonOf("d1").Kid, 0)
	extended(t, n, raw, err)
	if _, err := n.Rotate(keyOf("root2"), pub("root3")); !errors.Is(err, ErrRoot) {
		t.Errorf("rotate to the same root: %v", err)
	}
	for name, c := range map[string]struct {
		signer string
		root   string
	}{
		"a root that was not announced":                    {"thief", "thief"},
		"the announced root, signed by the former":         {"root", "root2"},
		"another root, signed by the announced":            {"root2", "thief"},
		"the root in force, by itself":                     {"root", "root"},
		"the announced root, signed by a certified daemon": {"d1", "root2"},
	} {
		hash := commit(pub("root3"))
		raw := signed(o, c.signer, map[uint64]any{4: uint64(4), 5: []byte(pub(c.root)), 6: hash[:]})
		if _, err := o.Extend(raw); !errors.Is(err, ErrRoot) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRotateToDaemonKey(t *testing.T) {
	raw, err := Create(keyOf("root"), pub("d1"), "Acme", nil)
	if err != nil {
		t.Fatal(err)
	}
	o := certified(t, replayed(t, raw), "d1", CapWrite)
	if _, err := o.Rotate(keyOf("d1"), pub("x")); !errors.Is(err, ErrReused) {
		t.Error(err)
	}
}

func TestOneSteward(t *testing.T) {
	o := acme(t)
	second := daemonOf("d2", CapWrite, CapSteward)
	if _, err := o.CertifyDaemon(keyOf("root"), ownKeys("d2"), second); !errors.Is(err, ErrSteward) {
		t.Fatalf("second steward: %v", err)
	}
	o = certified(t, o, "d2", CapWrite)
	if _, err := o.CertifyDaemon(keyOf("root"), ownKeys("d2"), second); !errors.Is(err, ErrSteward) {
		t.Fatalf("second steward by renewal: %v", err)
	}
	certified(t, o, "d1", CapSteward) // renewing the first is none
	raw, err := o.RevokeDaemon(keyOf("root"), daemonOf("d1").Kid, 2)
	o = certified(t, extended(t, o, raw, err), "d2", second.Caps...)
	if d, _ := o.Daemon(second.Kid); !d.Can(CapSteward) {
		t.Error("renewal without effect")
	}
}

func TestRenewal(t *testing.T) {
	o := acme(t)
	d := daemonOf("d1", CapWrite)
	d.NotAfter, d.Peer = 1_950_000_000, pub("new transport")
	moved := Keys{Sig: keyOf("d1"), Peer: keyOf("new transport")}
	raw, err := o.CertifyDaemon(keyOf("root"), moved, d)
	n := extended(t, o, raw, err)
	d.Renewed = true
	if got, _ := n.Daemon(d.Kid); !reflect.DeepEqual(got, d) || len(n.Daemons()) != 1 {
		t.Errorf("%+v", got)
	}
	if _, ok := n.ByPeer(pub("d1/peer")); ok {
		t.Error("the former transport key is still certified")
	}
	raw, err = n.RevokeDaemon(keyOf("root"), d.Kid, 0)
	n = extended(t, n, raw, err)
	if _, err := n.CertifyDaemon(keyOf("root"), moved, d); !errors.Is(err, ErrDaemon) {
		t.Errorf("a revoked key came back: %v", err)
	}
	if _, err := n.RevokeDaemon(keyOf("root"), d.Kid, 0); !errors.Is(err, ErrDaemon) {
		t.Errorf("revoked twice: %v", err)
	}
	if _, err := n.RevokeDaemon(keyOf("root"), id.Kid{1}, 0); !errors.Is(err, ErrDaemon) {
		t.Errorf("unknown kid revoked: %v", err)
	}
	if _, err := o.RevokeDaemon(keyOf("root"), d.Kid, 16); !errors.Is(err, ErrField) {
		t.Errorf("reason 16: %v", err)
	}
}

func TestOrderAndPlace(t *testing.T) {
	o := certified(t, acme(t), "d2", CapWrite)
	other, err := Create(keyOf("other"), pub("other2"), "Other", nil)
	if err != nil {
		t.Fatal(err)
	}
	e := o.Events
	first := signed(&Org{}, "root", map[uint64]any{3: make([]byte, 32), 4: uint64(5), 7: "Acme", 8: []string{}})
	card, err := SealCard(keyOf("d1"), Card{Org: o})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		events [][]byte
		want   error
	}{
		"control":            {e, nil},
		"nothing":            {nil, ErrChain},
		"no create":          {e[1:], ErrChain},
		"meta first":         {[][]byte{first}, ErrChain},
		"create twice":       {[][]byte{e[0], e[0]}, ErrChain},
		"left out":           {[][]byte{e[0], e[2]}, ErrChain},
		"exchanged":          {[][]byte{e[0], e[2], e[1]}, ErrChain},
		"twice":              {[][]byte{e[0], e[1], e[1]}, ErrChain},
		"of another org":     {[][]byte{other, e[1]}, ErrChain},
		"a card":             {[][]byte{e[0], card}, cose.ErrRole},
		"empty event":        {[][]byte{e[0], {}}, canon.ErrTruncated},
		"trailing byte":      {[][]byte{append(bytes.Clone(e[0]), 0)}, canon.ErrTrailing},
		"too large an event": {[][]byte{make([]byte, MaxEvent+1)}, ErrSize},
		"too many events":    {make([][]byte, MaxEvents+1), ErrSize},
	} {
		if _, err := Replay(c.events); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An organisation does not change with the buffer it was read from.
func TestEventsAreCopied(t *testing.T) {
	o := acme(t)
	received := [][]byte{bytes.Clone(o.Events[0]), bytes.Clone(o.Events[1])}
	got := replayed(t, received...)
	clear(received[0])
	clear(received[1])
	if !reflect.DeepEqual(got, o) {
		t.Error("the chain aliases what was received")
	}
}

// Every byte of every event, with each kind of event in the chain.
func TestEveryByteOfAChain(t *testing.T) {
	o := acme(t)
	raw, err := o.Rename(keyOf("root"), "Acme Security", []string{"acme.example", "acme.test"})
	o = extended(t, o, raw, err)
	raw, err = o.Rotate(keyOf("root2"), pub("root3"))
	o = extended(t, o, raw, err)
	raw, err = o.RevokeDaemon(keyOf("root2"), daemonOf("d1").Kid, 3)
	o = extended(t, o, raw, err)
	for i, e := range o.Events {
		for at := range e {
			if i == 1 && at%5 != 0 {
				continue // mostly the kem key
			}
			events := slices.Clone(o.Events)
			events[i] = bytes.Clone(e)
			events[i][at] ^= 1 << (at % 8)
			if _, err := Replay(events); err == nil {
				t.Fatalf("event %d, byte %d changed, and the chain holds", i, at)
			}
		}
	}
}

func TestRivals(t *testing.T) {
	o := acme(t)
	a, b := certified(t, o, "d2", CapWrite), certified(t, o, "d3", CapWrite)
	if !a.Extends(o) || !a.Extends(a) || o.Extends(a) || a.Extends(b) || b.Extends(a) {
		t.Error("Extends")
	}
}

func TestFullChain(t *testing.T) {
	o := acme(t)
	var err error
	for err == nil {
		var raw []byte
		name := fmt.Sprintf("x%d", len(o.ids))
		if raw, err = o.CertifyDaemon(keyOf("root"), ownKeys(name), daemonOf(name, CapWrite)); err == nil {
			o = extended(t, o, raw, nil)
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	if len(o.daemons) != 18 {
		t.Errorf("%d certificates fit, spec/identity.md §8.6 says 18", len(o.daemons))
	}
	raw, err := o.RevokeDaemon(keyOf("root"), daemonOf("d1").Kid, 1)
	o = extended(t, o, raw, err)
	raw, err = o.Rotate(keyOf("root2"), pub("root3"))
	o = extended(t, o, raw, err)
	addrs := []string{"/ip4/192.0.2.1/tcp/4001", "/ip4/192.0.2.1/udp/4001/quic-v1", "/dns4/psirt.acme.example/tcp/4001"}
	if _, err := SealCard(keyOf("x2"), Card{Org: o, Addrs: addrs}); err != nil {
		t.Errorf("no room for the card: %v", err)
	}
	// Renaming for ever ends by the number of events, not by their bytes.
	o = created(t)
	for err = nil; err == nil; {
		var raw []byte
		if raw, err = o.Rename(keyOf("root"), "A", nil); err == nil {
			o = extended(t, o, raw, nil)
		}
	}
	if !errors.Is(err, ErrFull) || len(o.Events) != MaxEvents-reserveEvents {
		t.Errorf("%d events, %v", len(o.Events), err)
	}
	for len(o.Events) < MaxEvents {
		o = extended(t, o, signed(o, "root", map[uint64]any{4: uint64(5), 7: "B", 8: []string{}}), nil)
	}
	if _, err := o.Extend(signed(o, "root", map[uint64]any{4: uint64(5), 7: "B", 8: []string{}})); !errors.Is(err, ErrSize) {
		t.Errorf("event 65: %v", err)
	}
}

func TestInForce(t *testing.T) {
	const now, day = 1_800_000_000, 24 * 3600
	for _, c := range []struct {
		d    Daemon
		want bool
	}{
		{Daemon{NotAfter: now}, true},
		{Daemon{NotAfter: now - 1}, false},
		{Daemon{NotAfter: now + 401*day}, true},
		{Daemon{NotAfter: now + 401*day + 1}, false},
		{Daemon{NotAfter: now + day, Revoked: true}, false},
		{Daemon{NotAfter: 0}, false},
		{Daemon{NotAfter: MaxTime}, false},
	} {
		if got := c.d.InForce(now); got != c.want {
			t.Errorf("%+v: %v", c.d, got)
		}
	}
}

// TestRecap: the root hands cap steward from one daemon to another without their keys,
// in this order and in no other; both go on under the keys that they had.
func TestRecap(t *testing.T) {
	o := certified(t, created(t), "a", CapWrite, CapConsent, CapSteward, CapInvite)
	o = certified(t, o, "b", CapWrite, CapConsent, CapInvite)
	a, b := daemonOf("a").Kid, daemonOf("b").Kid
	if _, err := o.Recap(keyOf("root"), b, CapWrite, CapSteward); !errors.Is(err, ErrSteward) {
		t.Errorf("two stewards: %v", err)
	}
	if _, err := o.Recap(keyOf("root2"), a, CapWrite); !errors.Is(err, ErrRoot) {
		t.Errorf("by another root: %v", err)
	}
	if _, err := o.Recap(keyOf("root"), daemonOf("c").Kid, CapWrite); !errors.Is(err, ErrDaemon) {
		t.Errorf("who was never certified: %v", err)
	}
	raw, err := o.Recap(keyOf("root"), a, CapWrite, CapConsent, CapInvite)
	o = extended(t, o, raw, err)
	raw, err = o.Recap(keyOf("root"), b, CapWrite, CapConsent, CapSteward, CapInvite)
	o = extended(t, o, raw, err)
	for kid, steward := range map[id.Kid]bool{a: false, b: true} {
		d, ok := o.Daemon(kid)
		if !ok || d.Revoked || d.Can(CapSteward) != steward || !d.Can(CapWrite) || d.NotAfter != daemonOf("a").NotAfter {
			t.Errorf("steward %v: %+v", steward, d)
		}
	}
	raw, err = o.RevokeDaemon(keyOf("root"), a, Stolen)
	o = extended(t, o, raw, err)
	if _, err := o.Recap(keyOf("root"), a, CapWrite); !errors.Is(err, ErrDaemon) {
		t.Errorf("a revoked one: %v", err)
	}
}
