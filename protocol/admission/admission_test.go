package admission

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// keyOf is a repeatable key.
func keyOf(name string) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	return ed25519.NewKeyFromSeed(seed)
}

func pub(name string) ed25519.PublicKey { return keyOf(name).Public().(ed25519.PublicKey) }

// orgOf is an organisation with a daemon "name/caps" of each list of caps.
func orgOf(t testing.TB, name string, daemons map[string][]identity.Cap) *identity.Org {
	t.Helper()
	kem, err := hpke.MLKEM768X25519().DeriveKeyPair(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := identity.Create(keyOf(name), pub(name+"/next"), name, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := identity.Replay([][]byte{raw})
	if err != nil {
		t.Fatal(err)
	}
	for d, caps := range daemons {
		keys := identity.Keys{Sig: keyOf(name + d), Peer: keyOf(name + d + "/peer")}
		raw, err := o.CertifyDaemon(keyOf(name), keys, identity.Daemon{
			KEM: kem.PublicKey().Bytes(), Caps: caps, NotAfter: 1_900_000_000})
		if err != nil {
			t.Fatal(err)
		}
		if o, err = o.Extend(raw); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

var (
	theCase = id.CaseID{1}
	salt    = [32]byte{2}
)

// both are an inviter and an invitee, whose daemons can write alone, consent, or invite.
func both(t testing.TB) (a, b *identity.Org) {
	daemons := map[string][]identity.Cap{
		"/writes":   {identity.CapWrite},
		"/consents": {identity.CapWrite, identity.CapConsent},
		"/invites":  {identity.CapWrite, identity.CapInvite},
	}
	return orgOf(t, "a", daemons), orgOf(t, "b", daemons)
}

func inviteOf(a, b *identity.Org) Invite {
	return Invite{Nonce: [16]byte{3}, Inviter: a.ID, Invitee: b.ID, Commitment: Commitment(theCase, salt), Role: 2,
		Agr: id.AgrID{4}, Expiry: 1_800_000_000_000, Teaser: "A vulnerability in a component that you ship"}
}

func sealedInvite(t testing.TB, a, b *identity.Org) []byte {
	t.Helper()
	raw, err := SealInvite(keyOf("a/invites"), inviteOf(a, b))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func sealedAccept(t testing.TB, a, b *identity.Org) []byte {
	t.Helper()
	i, err := OpenInvite(sealedInvite(t, a, b), a)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := SealAccept(keyOf("b/consents"), i.Accept())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestInviteAndAccept(t *testing.T) {
	a, b := both(t)
	raw := sealedInvite(t, a, b)
	if !bytes.Equal(raw, sealedInvite(t, a, b)) {
		t.Error("sealing is not repeatable")
	}
	i, err := OpenInvite(raw, a)
	if err != nil {
		t.Fatal(err)
	}
	want := inviteOf(a, b)
	want.ID, want.Kid, want.Raw = i.ID, cose.Thumbprint(pub("a/invites")), raw
	if i.Teaser != want.Teaser || i.Expiry != want.Expiry || i.Role != 2 || i.Nonce != want.Nonce || i.Agr != want.Agr ||
		i.Kid != want.Kid || !bytes.Equal(i.Raw, raw) || i.Inviter != a.ID || i.Invitee != b.ID {
		t.Errorf("%+v", i)
	}
	more := inviteOf(a, b)
	more.FromAdmission = true
	said, err := SealInvite(keyOf("a/invites"), more)
	if err != nil {
		t.Fatal(err)
	}
	if less, err := OpenInvite(said, a); err != nil || !less.FromAdmission || i.FromAdmission {
		t.Errorf("the history that is told: %v, %v", i.FromAdmission, err)
	}
	if who, err := ParseInviter(raw); err != nil || who != a.ID {
		t.Errorf("inviter: %v, %v", who, err)
	}
	acc, err := OpenAccept(sealedAccept(t, a, b), b)
	if err != nil {
		t.Fatal(err)
	}
	if !acc.Answers(i) || acc.Kid != cose.Thumbprint(pub("b/consents")) {
		t.Errorf("%+v", acc)
	}
	if !Opens(acc.Commitment, theCase, salt) {
		t.Error("the salt does not open the commitment")
	}
	t.Logf("an invite has %d bytes, an accept %d", len(raw), len(acc.Raw))
}

func TestCommitment(t *testing.T) {
	want := sha256.Sum256(append(append([]byte{}, theCase[:]...), salt[:]...))
	if Commitment(theCase, salt) != want {
		t.Error("not SHA-256(case || salt)")
	}
	for name, ok := range map[string]bool{
		"control":      Opens(want, theCase, salt),
		"another case": !Opens(want, id.CaseID{9}, salt),
		"another salt": !Opens(want, theCase, [32]byte{9}),
		"exchanged":    !Opens(want, id.CaseID(salt), theCase),
		"another":      !Opens([32]byte{}, theCase, salt),
	} {
		if !ok {
			t.Error(name)
		}
	}
}

// An accept answers one invite: any other that differs in one thing it does not.
func TestAnswers(t *testing.T) {
	a, b := both(t)
	i, err := OpenInvite(sealedInvite(t, a, b), a)
	if err != nil {
		t.Fatal(err)
	}
	acc := i.Accept()
	if !acc.Answers(i) {
		t.Fatal("control")
	}
	for name, change := range map[string]func(*Invite){
		"id":         func(i *Invite) { i.ID[0]++ },
		"commitment": func(i *Invite) { i.Commitment[31]++ },
		"invitee":    func(i *Invite) { i.Invitee[0]++ },
		"role":       func(i *Invite) { i.Role++ },
		"agreement":  func(i *Invite) { i.Agr[0]++ },
	} {
		other := *i
		change(&other)
		if acc.Answers(&other) {
			t.Errorf("answers an invite with another %s", name)
		}
	}
}

func TestSigners(t *testing.T) {
	a, b := both(t)
	inv, acc := inviteOf(a, b), Accept{Invitee: b.ID, Role: 2}
	for signer, want := range map[string][2]error{
		"/invites":      {nil, identity.ErrCap},
		"/consents":     {identity.ErrCap, nil},
		"/writes":       {identity.ErrCap, identity.ErrCap},
		"":              {identity.ErrDaemon, identity.ErrDaemon}, // the root
		"/invites/peer": {identity.ErrDaemon, identity.ErrDaemon},
	} {
		raw, err := SealInvite(keyOf("a"+signer), inv)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenInvite(raw, a); !errors.Is(err, want[0]) {
			t.Errorf("invite signed by a%s: %v", signer, err)
		}
		if raw, err = SealAccept(keyOf("b"+signer), acc); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenAccept(raw, b); !errors.Is(err, want[1]) {
			t.Errorf("accept signed by b%s: %v", signer, err)
		}
	}
	// Signed by the other party, or opened as the other's.
	raw, _ := SealInvite(keyOf("b/invites"), inv)
	if _, err := OpenInvite(raw, a); !errors.Is(err, identity.ErrDaemon) {
		t.Errorf("invite signed by the invitee: %v", err)
	}
	if _, err := OpenInvite(raw, b); !errors.Is(err, ErrParty) {
		t.Errorf("invite of a, read as b's: %v", err)
	}
	raw, _ = SealAccept(keyOf("a/consents"), acc)
	if _, err := OpenAccept(raw, a); !errors.Is(err, ErrParty) {
		t.Errorf("accept of b, read as a's: %v", err)
	}
	// A revoked daemon signs nothing more.
	gone, err := a.RevokeDaemon(keyOf("a"), cose.Thumbprint(pub("a/invites")), 1)
	if err != nil {
		t.Fatal(err)
	}
	after, err := a.Extend(gone)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenInvite(sealedInvite(t, a, b), after); !errors.Is(err, identity.ErrDaemon) {
		t.Errorf("signed by a revoked daemon: %v", err)
	}
}

func TestEveryByte(t *testing.T) {
	a, b := both(t)
	inv, acc := sealedInvite(t, a, b), sealedAccept(t, a, b)
	for at := range inv {
		for bit := range 8 {
			bad := bytes.Clone(inv)
			bad[at] ^= 1 << bit
			if _, err := OpenInvite(bad, a); err == nil {
				t.Fatalf("invite opens with bit %d of byte %d changed", bit, at)
			}
		}
	}
	for at := range acc {
		for bit := range 8 {
			bad := bytes.Clone(acc)
			bad[at] ^= 1 << bit
			if _, err := OpenAccept(bad, b); err == nil {
				t.Fatalf("accept opens with bit %d of byte %d changed", bit, at)
			}
		}
	}
	if _, err := OpenInvite(inv, a); err != nil {
		t.Error("control:", err)
	}
	if _, err := OpenAccept(acc, b); err != nil {
		t.Error("control:", err)
	}
}

// One role's object in the place of another, with the header put right too.
func TestWrongRole(t *testing.T) {
	a, b := both(t)
	inv, acc := sealedInvite(t, a, b), sealedAccept(t, a, b)
	if _, err := OpenInvite(acc, a); !errors.Is(err, cose.ErrRole) {
		t.Errorf("accept as invite: %v", err)
	}
	if _, err := OpenAccept(inv, b); !errors.Is(err, cose.ErrRole) {
		t.Errorf("invite as accept: %v", err)
	}
	obj, err := cose.Parse(cose.Invite, inv)
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []cose.Role{cose.Entry, cose.Accept, cose.Card, cose.Ident, cose.Cut} {
		other, _ := cose.Seal(role, keyOf("a/invites"), obj.Payload)
		bad := bytes.Clone(inv)
		copy(bad[len(bad)-64:], other[len(other)-64:])
		if _, err := OpenInvite(bad, a); !errors.Is(err, cose.ErrSignature) {
			t.Errorf("%s: %v", role, err)
		}
	}
}

func TestForm(t *testing.T) {
	a, b := both(t)
	i := inviteOf(a, b)
	ints := make([]uint64, 32)
	good := map[uint64]any{1: uint64(1), 2: i.Nonce[:], 3: i.Inviter[:], 4: i.Invitee[:], 5: i.Commitment[:], 6: uint64(2),
		7: i.Agr[:], 8: uint64(5), 9: ""}
	for name, c := range map[string]struct {
		k    uint64
		v    any
		want error
	}{
		"control":          {9, "", nil},
		"longest teaser":   {9, strings.Repeat("t", MaxTeaser), nil},
		"version 2":        {1, uint64(2), ErrField},
		"unknown key":      {11, uint64(1), ErrFields},
		"from admission":   {10, uint64(1), nil},
		"history 0":        {10, uint64(0), ErrField},
		"history 2":        {10, uint64(2), ErrField},
		"key 0":            {0, uint64(1), ErrFields},
		"no teaser":        {9, nil, ErrFields},
		"short nonce":      {2, i.Nonce[:15], ErrField},
		"long inviter":     {3, append(bytes.Clone(i.Inviter[:]), 0), ErrField},
		"id as ints":       {7, ints, ErrField},
		"oneself":          {4, i.Inviter[:], ErrParty},
		"role 0":           {6, uint64(0), ErrField},
		"role 7":           {6, uint64(7), ErrField},
		"role as text":     {6, "2", ErrField},
		"expiry too large": {8, uint64(1<<53 + 1), ErrField},
		"teaser as bytes":  {9, []byte("x"), ErrField},
		"long teaser":      {9, strings.Repeat("t", MaxTeaser+1), identity.ErrSize},
		"escape in teaser": {9, "\x1b]0;x\x07", identity.ErrText},
		"line end":         {9, "a\nb", identity.ErrText},
		"override":         {9, "a\u202eb", identity.ErrText},
		"huge":             {9, strings.Repeat("t", MaxInvite), ErrSize},
	} {
		m := map[uint64]any{}
		for k, v := range good {
			m[k] = v
		}
		if m[c.k] = c.v; c.v == nil {
			delete(m, c.k)
		}
		raw, _ := cose.Seal(cose.Invite, keyOf("a/invites"), canon.MustMarshal(m))
		if _, err := OpenInvite(raw, a); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	raw, _ := cose.Seal(cose.Invite, keyOf("a/invites"), []byte{0x80})
	if _, err := OpenInvite(raw, a); !errors.Is(err, ErrFields) {
		t.Errorf("an array: %v", err)
	}
	for name, change := range map[string]func(*Invite){
		"teaser": func(i *Invite) { i.Teaser = "\x00" },
		"role":   func(i *Invite) { i.Role = 0 },
	} {
		i := inviteOf(a, b)
		change(&i)
		if _, err := SealInvite(keyOf("a/invites"), i); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
}

// What is sealed opens to the same.
func TestRoundTrip(t *testing.T) {
	a, b := both(t)
	rapid.Check(t, func(t *rapid.T) {
		i := inviteOf(a, b)
		copy(i.Nonce[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "nonce"))
		copy(i.Agr[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "agr"))
		i.Role = uint8(rapid.IntRange(1, MaxRole).Draw(t, "role"))
		i.Expiry = rapid.Uint64Range(0, identity.MaxTime).Draw(t, "expiry")
		i.Teaser = rapid.StringOfN(rapid.RuneFrom([]rune("aé株 🔒")), 0, 60, MaxTeaser).Draw(t, "teaser")
		raw, err := SealInvite(keyOf("a/invites"), i)
		if err != nil {
			t.Fatal(err)
		}
		got, err := OpenInvite(raw, a)
		if err != nil {
			t.Fatal(err)
		}
		acc := got.Accept()
		if raw, err = SealAccept(keyOf("b/consents"), acc); err != nil {
			t.Fatal(err)
		}
		back, err := OpenAccept(raw, b)
		if err != nil || !back.Answers(got) {
			t.Fatal(err)
		}
		if got.Nonce != i.Nonce || got.Agr != i.Agr || got.Role != i.Role || got.Expiry != i.Expiry || got.Teaser != i.Teaser {
			t.Fatalf("%+v", got)
		}
	})
}

func FuzzOpenInvite(f *testing.F) {
	a, b := both(f)
	f.Add(sealedInvite(f, a, b))
	f.Add(sealedAccept(f, a, b))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if i, err := OpenInvite(raw, a); err == nil && (i.Inviter != a.ID || !bytes.Equal(i.Raw, raw)) {
			t.Fatalf("%+v", i)
		}
		if x, err := OpenAccept(raw, b); err == nil && (x.Invitee != b.ID || !bytes.Equal(x.Raw, raw)) {
			t.Fatalf("%+v", x)
		}
		if _, err := ParseInviter(raw); err == nil && len(raw) > MaxInvite {
			t.Fatal("size")
		}
	})
}
