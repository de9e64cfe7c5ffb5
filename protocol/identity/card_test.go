package identity

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

var someAddrs = []string{"/ip4/192.0.2.1/tcp/4001", "/dns4/psirt.acme.example/udp/4001/quic-v1"}

var fullPolicy = Policy{EmbargoDays: 45, MinTrust: TrustDomain, MinDays: 7, MaxDays: 90, ReplyDays: 14, Clocks: Clocks{24, 72, 336}}

func cardOf(t testing.TB, o *Org, signer string) []byte {
	t.Helper()
	raw, err := SealCard(keyOf(signer), Card{Org: o, Addrs: someAddrs, Policy: fullPolicy, T: 1_800_000_000_000})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestCard(t *testing.T) {
	o := acme(t)
	raw := cardOf(t, o, "d1")
	c, err := OpenCard(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Org, o) || c.Name != o.Name || !slices.Equal(c.Addrs, someAddrs) || c.T != 1_800_000_000_000 ||
		c.Policy != fullPolicy || c.Kid != daemonOf("d1").Kid || !bytes.Equal(c.Raw, raw) {
		t.Errorf("%+v", c)
	}
	if again := cardOf(t, o, "d1"); !bytes.Equal(again, raw) {
		t.Error("sealing is not repeatable")
	}
	clear(raw)
	if c.Raw[0] == 0 {
		t.Error("the card aliases what was received")
	}
	t.Logf("a card with one daemon has %d bytes, a certificate %d", len(c.Raw), len(o.Events[1]))
}

func TestEveryByteOfACard(t *testing.T) {
	raw := cardOf(t, acme(t), "d1")
	for at := range raw {
		bad := bytes.Clone(raw)
		bad[at] ^= 1 << (at % 8)
		if _, err := OpenCard(bad); err == nil {
			t.Fatalf("byte %d changed, and the card opens", at)
		}
	}
	for n := range raw {
		if n%7 == 0 {
			if _, err := OpenCard(raw[:n]); err == nil {
				t.Fatalf("cut to %d bytes, and the card opens", n)
			}
		}
	}
	if _, err := OpenCard(raw); err != nil {
		t.Fatal("control:", err)
	}
}

// cardPayload is a card's content with some keys changed, nil for left out.
func cardPayload(o *Org, change map[uint64]any) []byte {
	m := map[uint64]any{1: uint64(1), 2: o.Events, 3: o.Name, 4: []string{}, 5: map[uint64]any{}, 6: uint64(1)}
	for k, v := range change {
		if m[k] = v; v == nil {
			delete(m, k)
		}
	}
	return canon.MustMarshal(m)
}

func TestCardForm(t *testing.T) {
	o := acme(t)
	long := make([]string, 17)
	for i := range long {
		long[i] = "/ip4/192.0.2.1/tcp/" + strings.Repeat("1", i+1)
	}
	addr := func(s string) []string { return []string{s} }
	for name, c := range map[string]struct {
		k    uint64
		v    any
		want error
	}{
		"control":                {6, uint64(2), nil},
		"version 2":              {1, uint64(2), ErrField},
		"no events":              {2, [][]byte{}, ErrChain},
		"events cut":             {2, o.Events[:1], ErrDaemon},
		"another name":           {3, "Acme PSlRT", ErrName},
		"empty name":             {3, "", ErrText},
		"name as bytes":          {3, []byte("Acme PSIRT"), ErrField},
		"no name":                {3, nil, ErrFields},
		"unknown key":            {7, uint64(1), ErrFields},
		"17 addresses":           {4, long, ErrSize},
		"long address":           {4, addr("/" + strings.Repeat("a", maxAddr)), ErrSize},
		"longest address":        {4, addr("/" + strings.Repeat("a", maxAddr-1)), nil},
		"no multiaddr":           {4, addr("192.0.2.1:80"), ErrAddress},
		"empty address":          {4, addr(""), ErrAddress},
		"bare slash":             {4, addr("/"), ErrAddress},
		"space in address":       {4, addr("/ip4/192.0.2.1 /tcp/1"), ErrAddress},
		"escape in address":      {4, addr("/ip4/\x1b[2J"), ErrAddress},
		"accent in address":      {4, addr("/dns4/café.example/tcp/1"), ErrAddress},
		"peer in address":        {4, addr("/ip4/192.0.2.1/tcp/1/p2p/12D3KooW"), ErrAddress},
		"peer at the end":        {4, addr("/ip4/192.0.2.1/p2p"), ErrAddress},
		"address twice":          {4, []string{"/a", "/a"}, ErrField},
		"unknown policy":         {5, map[uint64]any{1: uint64(45), 9: "x", 99: []any{uint64(1), true}}, nil},
		"clock of 0 hours":       {5, map[uint64]any{6: uint64(0)}, ErrField},
		"least above usual":      {5, map[uint64]any{1: uint64(45), 3: uint64(46)}, ErrField},
		"least above most":       {5, map[uint64]any{3: uint64(46), 4: uint64(45)}, ErrField},
		"all one":                {5, map[uint64]any{1: uint64(45), 3: uint64(45), 4: uint64(45)}, nil},
		"reply within 2 days":    {5, map[uint64]any{5: uint64(2)}, ErrField},
		"policy key negative":    {5, map[int64]any{-1: uint64(1)}, canon.ErrType},
		"policy of another type": {5, map[uint64]any{1: "45"}, ErrField},
		"no such trust":          {5, map[uint64]any{2: uint64(5)}, ErrField},
		"trust 0":                {5, map[uint64]any{2: uint64(0)}, ErrField},
		"embargo of 11 years":    {5, map[uint64]any{1: uint64(4015)}, ErrField},
		"policy an array":        {5, []uint64{}, ErrField},
		"time too large":         {6, uint64(MaxTime + 1), ErrField},
	} {
		raw, _ := cose.Seal(cose.Card, keyOf("d1"), cardPayload(o, map[uint64]any{c.k: c.v}))
		if _, err := OpenCard(raw); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCardSigner(t *testing.T) {
	o := certified(t, acme(t), "d2", CapWrite)
	raw, err := o.RevokeDaemon(keyOf("root"), daemonOf("d2").Kid, 1)
	o = extended(t, o, raw, err)
	for signer, want := range map[string]error{
		"d1":      nil,
		"d2":      ErrDaemon, // revoked
		"root":    ErrDaemon,
		"d1/peer": ErrDaemon,
		"thief":   ErrDaemon,
	} {
		raw, _ := cose.Seal(cose.Card, keyOf(signer), cardPayload(o, nil))
		if _, err := OpenCard(raw); !errors.Is(err, want) {
			t.Errorf("signed by %s: %v", signer, err)
		}
		if _, err := SealCard(keyOf(signer), Card{Org: o}); !errors.Is(err, want) {
			t.Errorf("sealed by %s: %v", signer, err)
		}
	}
	// The kid of d1, the signature of another key.
	good, _ := cose.Seal(cose.Card, keyOf("d1"), cardPayload(o, nil))
	thief, _ := cose.Seal(cose.Card, keyOf("thief"), cardPayload(o, nil))
	forged := append(bytes.Clone(good[:len(good)-64]), thief[len(thief)-64:]...)
	if _, err := OpenCard(forged); !errors.Is(err, cose.ErrSignature) {
		t.Errorf("forged: %v", err)
	}
}

// A signature holds in one role only: the same content under another role, and
// with the protected header put right afterwards.
func TestWrongRole(t *testing.T) {
	o := acme(t)
	payload := cardPayload(o, nil)
	for _, role := range []cose.Role{cose.Entry, cose.Invite, cose.Accept, cose.Ident, cose.Cut} {
		raw, _ := cose.Seal(role, keyOf("d1"), payload)
		if _, err := OpenCard(raw); !errors.Is(err, cose.ErrRole) {
			t.Errorf("%s: %v", role, err)
		}
		good, _ := cose.Seal(cose.Card, keyOf("d1"), payload)
		copy(good[len(good)-64:], raw[len(raw)-64:])
		if _, err := OpenCard(good); !errors.Is(err, cose.ErrSignature) {
			t.Errorf("%s, header of a card: %v", role, err)
		}
	}
}

func TestVerify(t *testing.T) {
	o := certified(t, acme(t), "d2", CapWrite)
	raw, _ := cose.Seal(cose.Invite, keyOf("d2"), []byte{0xa0})
	obj, err := cose.Parse(cose.Invite, raw)
	if err != nil {
		t.Fatal(err)
	}
	for need, want := range map[Cap]error{0: nil, CapWrite: nil, CapInvite: ErrCap} {
		if err := o.Verify(&obj, need); !errors.Is(err, want) {
			t.Errorf("cap %d: %v", need, err)
		}
	}
}

func TestCardSize(t *testing.T) {
	if _, err := OpenCard(make([]byte, MaxCard+1)); !errors.Is(err, ErrSize) {
		t.Error(err)
	}
	o := acme(t)
	big, _ := cose.Seal(cose.Card, keyOf("d1"), cardPayload(o, map[uint64]any{5: map[uint64]any{9: make([]byte, MaxCard)}}))
	if _, err := OpenCard(big); !errors.Is(err, ErrSize) {
		t.Error(err)
	}
	n := testing.AllocsPerRun(10, func() { _, _ = OpenCard(big) })
	if n > 0 {
		t.Errorf("%v allocations before a large card is refused", n)
	}
}

func TestArmour(t *testing.T) {
	raw := cardOf(t, acme(t), "d1")
	text := Armour(raw)
	if !bytes.HasPrefix(text, []byte("-----BEGIN CORDON CARD-----\n")) {
		t.Fatalf("%s", text)
	}
	other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	header := pem.EncodeToMemory(&pem.Block{Type: "CORDON CARD", Headers: map[string]string{"a": "b"}, Bytes: raw})
	for name, c := range map[string]struct {
		text string
		want error
	}{
		"as written":       {string(text), nil},
		"CRLF":             {strings.ReplaceAll(string(text), "\n", "\r\n"), nil},
		"space around":     {"\n\n" + string(text) + " \n\t", nil},
		"no last line end": {strings.TrimSpace(string(text)), nil},
		"text before":      {"Here is our card:\n" + string(text), ErrArmour},
		"text behind":      {string(text) + "Regards", ErrArmour},
		"two cards":        {string(text) + string(text), ErrArmour},
		"another type":     {string(other), ErrArmour},
		"a header":         {string(header), ErrArmour},
		"wrapped anew":     {strings.Replace(string(text), "\n", "\n\n", 3), ErrArmour},
		"raw":              {string(raw), ErrArmour},
		"nothing":          {"", ErrArmour},
		"cut":              {string(text[:len(text)/2]), ErrArmour},
		"much too long":    {strings.Repeat(" ", 2*MaxCard+1), ErrSize},
	} {
		got, err := Unarmour([]byte(c.text))
		if !errors.Is(err, c.want) || (err == nil) != bytes.Equal(got, raw) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Unarmour(Armour(make([]byte, MaxCard))); err != nil {
		t.Errorf("the largest card: %v", err)
	}
	if _, err := Unarmour(Armour(make([]byte, MaxCard+1))); !errors.Is(err, ErrArmour) {
		t.Errorf("larger than the largest: %v", err)
	}
}

func TestWordList(t *testing.T) {
	if got := hex.EncodeToString(hashOf(wordList)); got != "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda" {
		t.Errorf("not the published list: %s", got)
	}
	unique := map[string]bool{}
	for _, w := range words {
		unique[w] = true
	}
	if len(words) != 2048 || len(unique) != 2048 || !slices.IsSorted(words) {
		t.Errorf("%d words, %d unique", len(words), len(unique))
	}
}

func hashOf(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// BIP-39's own vectors: 128 bits and 4 of their SHA-256 are 132 bits, 12 words.
func TestWords(t *testing.T) {
	for entropy, want := range map[string]string{
		"00000000000000000000000000000000": "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
		"7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f": "legal winner thank year wave sausage worth useful legal winner thank yellow",
		"80808080808080808080808080808080": "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
		"ffffffffffffffffffffffffffffffff": "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong",
		"9e885d952ad362caeb4efe34a8e91bd2": "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic",
	} {
		var org id.OrgID
		copy(org[:], unhex(entropy))
		copy(org[16:], hashOf(string(org[:16])))
		w := Words(org)
		if got := strings.Join(w[:], " "); got != want {
			t.Errorf("%s: %s", entropy, got)
		}
	}
}

// The words tell the first 132 bits and nothing else.
func TestWordsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a id.OrgID
		copy(a[:], rapid.SliceOfN(rapid.Byte(), id.Size, id.Size).Draw(t, "org"))
		b := a
		bit := rapid.IntRange(0, 255).Draw(t, "bit")
		b[bit/8] ^= 0x80 >> (bit % 8)
		if differ := Words(a) != Words(b); differ != (bit < 132) {
			t.Fatalf("bit %d", bit)
		}
	})
}

func FuzzOpenCard(f *testing.F) {
	o := acme(f)
	f.Add(cardOf(f, o, "d1"))
	f.Add(o.Events[0])
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := OpenCard(b)
		if err != nil {
			return
		}
		if c.Name != c.Org.Name || CheckAddrs(c.Addrs) != nil || !bytes.Equal(c.Raw, b) {
			t.Fatalf("%+v", c)
		}
		if d, ok := c.Org.Daemon(c.Kid); !ok || d.Revoked {
			t.Fatal("signed by nobody")
		}
		if got, err := Unarmour(Armour(b)); err != nil || !bytes.Equal(got, b) {
			t.Fatal(err)
		}
	})
}

func BenchmarkOpenCard(b *testing.B) {
	raw := cardOf(b, acme(b), "d1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenCard(raw); err != nil {
			b.Fatal(err)
		}
	}
}
