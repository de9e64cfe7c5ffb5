package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

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
	if _, err := o.CertifyDaemon(keyOf("root"), keyOf("d2"), second); !errors.Is(err, ErrSteward) {
		t.Fatalf("second steward: %v", err)
	}
	o = certified(t, o, "d2", CapWrite)
	if _, err := o.CertifyDaemon(keyOf("root"), keyOf("d2"), second); !errors.Is(err, ErrSteward) {
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
	raw, err := o.CertifyDaemon(keyOf("root"), keyOf("d1"), d)
	n := extended(t, o, raw, err)
	if got, _ := n.Daemon(d.Kid); !reflect.DeepEqual(got, d) || len(n.Daemons()) != 1 {
		t.Errorf("%+v", got)
	}
	if _, ok := n.ByPeer(pub("d1/peer")); ok {
		t.Error("the former transport key is still certified")
	}
	raw, err = n.RevokeDaemon(keyOf("root"), d.Kid, 0)
	n = extended(t, n, raw, err)
	if _, err := n.CertifyDaemon(keyOf("root"), keyOf("d1"), d); !errors.Is(err, ErrDaemon) {
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
		d := daemonOf("d2", CapWrite)
		d.Peer = pub(c.peer)
		if _, err := o.CertifyDaemon(keyOf("root"), keyOf(c.sig), d); !errors.Is(err, ErrReused) {
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
		claims := append(keyOf("d2").Seed(), bad...) // a private key that says it belongs to bad
		if _, err := o.CertifyDaemon(keyOf("root"), claims, d); !errors.Is(err, cose.ErrKey) {
			t.Errorf("%s signs: %v", name, err)
		}
		d.Peer = bad
		if _, err := o.CertifyDaemon(keyOf("root"), keyOf("d2"), d); !errors.Is(err, cose.ErrKey) {
			t.Errorf("%s talks: %v", name, err)
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
	if _, err := o.CertifyDaemon(keyOf("root"), keyOf("d2"), short); !errors.Is(err, ErrField) {
		t.Errorf("short kem key: %v", err)
	}
	wild := daemonOf("d2", CapWrite)
	wild.KEM = bytes.Repeat([]byte{0xff}, kemSize) // coefficients not reduced mod q (FIPS 203 §7.2)
	if _, err := o.CertifyDaemon(keyOf("root"), keyOf("d2"), wild); !errors.Is(err, cose.ErrKey) {
		t.Errorf("kem key out of range: %v", err)
	}
}

// What a root may sign and no reader takes.
func TestEventForm(t *testing.T) {
	o := acme(t)
	d := daemonOf("d2", CapWrite)
	holds := ed25519.Sign(keyOf("d2"), o.holding(d))
	add := map[uint64]any{4: uint64(2), 9: []byte(d.Sig), 10: []byte(d.Peer), 11: d.KEM, 12: []uint64{1}, 13: uint64(5), 16: holds}
	ints := make([]uint64, 32)
	for i, b := range d.Sig {
		ints[i] = uint64(b)
	}
	for name, c := range map[string]struct {
		k    uint64
		v    any
		want error
	}{
		"control":             {4, uint64(2), nil},
		"version 2":           {1, uint64(2), ErrField},
		"no version":          {1, nil, ErrFields},
		"index again":         {2, uint64(1), ErrChain},
		"index ahead":         {2, uint64(3), ErrChain},
		"index 64":            {2, uint64(64), ErrField},
		"prev of another":     {3, make([]byte, 32), ErrChain},
		"no prev":             {3, nil, ErrFields},
		"unknown kind":        {4, uint64(6), ErrField},
		"kind as text":        {4, "2", ErrField},
		"key of another kind": {14, make([]byte, 32), ErrFields},
		"unknown key":         {17, uint64(1), ErrFields},
		"key 64":              {64, uint64(1), ErrFields},
		"no kem":              {11, nil, ErrFields},
		"no possession":       {16, nil, ErrFields},
		"short possession":    {16, holds[:63], ErrField},
		"key as ints":         {9, ints, ErrField},
		"short key":           {9, []byte(d.Sig[:31]), ErrField},
		"long key":            {9, append(bytes.Clone(d.Sig), 0), ErrField},
		"no caps":             {12, []uint64{}, ErrField},
		"cap 0":               {12, []uint64{0, 1}, ErrField},
		"cap 5":               {12, []uint64{1, 5}, ErrField},
		"caps not sorted":     {12, []uint64{2, 1}, ErrField},
		"cap twice":           {12, []uint64{1, 1}, ErrField},
		"caps as bytes":       {12, []byte{1}, ErrField},
		"not_after too large": {13, uint64(MaxTime + 1), ErrField},
		"not_after negative":  {13, int64(-1), ErrField},
	} {
		m := map[uint64]any{}
		for k, v := range add {
			m[k] = v
		}
		m[c.k] = c.v
		if _, err := o.Extend(signed(o, "root", m)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := o.Extend(signed(o, "d1", add)); !errors.Is(err, ErrRoot) {
		t.Errorf("signed by a daemon: %v", err)
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
		if raw, err = o.CertifyDaemon(keyOf("root"), keyOf(name), daemonOf(name, CapWrite)); err == nil {
			o = extended(t, o, raw, nil)
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	t.Logf("%d certificates fit", len(o.daemons))
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

func TestNames(t *testing.T) {
	for name, want := range map[string]error{
		"Acme":                   nil,
		"Größe & Söhne 株式会社":     nil,
		strings.Repeat("n", 128): nil,
		"":                       ErrText,
		" Acme":                  ErrText,
		"Acme ":                  ErrText,
		strings.Repeat("n", 129): ErrSize,
		"Acme\n":                 ErrText,
		"a\x1b[31mred":           ErrText,
		"a\u009b31m":             ErrText, // C1 form of the same
		"a\x7f":                  ErrText,
		"Acme\u202egnp.exe":      ErrText, // right-to-left override
		"Acme\u2066x\u2069":      ErrText, // isolates
		"Ac\u200bme":             ErrText, // zero width
		"Acme\ufeff":             ErrText,
		"Acme\u2028":             ErrText,
		"Acme\U000e0041":         ErrText, // tag
		"Ac\u00adme":             ErrText,
	} {
		if _, err := Create(keyOf("root"), pub("root2"), name, nil); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if PlainText("a\xff", 9) == nil {
		t.Error("no UTF-8")
	}
}

func TestDomains(t *testing.T) {
	many := make([]string, 17)
	for i := range many {
		many[i] = fmt.Sprintf("d%d.example", i)
	}
	for _, c := range []struct {
		domains []string
		want    error
	}{
		{nil, nil}, {many[:16], nil}, {[]string{"xn--bcher-kva.example", "a-1.b.c"}, nil},
		{many, ErrSize},
		{[]string{"a.example", "a.example"}, ErrField},
		{[]string{"localhost"}, ErrDomain},
		{[]string{"Acme.example"}, ErrDomain},
		{[]string{"acme.example."}, ErrDomain},
		{[]string{".example"}, ErrDomain},
		{[]string{"a..example"}, ErrDomain},
		{[]string{"-a.example"}, ErrDomain},
		{[]string{"a-.example"}, ErrDomain},
		{[]string{"a_b.example"}, ErrDomain},
		{[]string{"bücher.example"}, ErrDomain},
		{[]string{"a.example/x"}, ErrDomain},
		{[]string{""}, ErrDomain},
		{[]string{strings.Repeat("a", 64) + ".example"}, ErrDomain},
		{[]string{strings.Repeat("a.", 126) + "ab"}, ErrDomain},
	} {
		if _, err := Create(keyOf("root"), pub("root2"), "A", c.domains); !errors.Is(err, c.want) {
			t.Errorf("%q: %v", c.domains, err)
		}
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
		raw, err = o.RevokeDaemon(key, d.Kid, uint8(rapid.IntRange(0, 16).Draw(t, "reason")))
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
		raw, err = o.CertifyDaemon(key, keyOf(daemon), d)
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
