package daemon

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"filippo.io/age"
	"filippo.io/age/armor"

	"cordon/daemon/api"
)

// keys are the daemon's own: signing, transport and KEM keys are three keys
// (spec/protocol.md §3.3), the store key a fourth.
type keys struct {
	sign  ed25519.PrivateKey
	peer  ed25519.PrivateKey
	kem   hpke.PrivateKey
	store [32]byte
}

// The PEM types of the files in a home.
const (
	pemSeed  = "CORDON ED25519 SEED"
	pemKEM   = "CORDON MLKEM768X25519 KEY"
	pemStore = "CORDON STORE KEY"
	pemIdent = "CORDON IDENTITY EVENT"
)

// newKeys makes fresh keys.
func newKeys() (*keys, error) {
	k := &keys{}
	_, k.sign, _ = ed25519.GenerateKey(nil) // crypto/rand: does not fail, the process ends instead
	_, k.peer, _ = ed25519.GenerateKey(nil)
	var err error
	if k.kem, err = hpke.MLKEM768X25519().GenerateKey(); err != nil {
		return nil, fmt.Errorf("make KEM key: %w", err)
	}
	_, _ = rand.Read(k.store[:]) // never fails (crypto/rand)
	return k, nil
}

// save writes the keys to the home. A passphrase protects the store key; the
// others are of no use without the store or can be revoked by the root.
func (k *keys) save(h home, passphrase string) error {
	kem, err := k.kem.Bytes()
	if err != nil {
		return fmt.Errorf("encode KEM key: %w", err)
	}
	for _, f := range []struct {
		name, kind string
		secret     []byte
		passphrase string
	}{
		{"sign.key", pemSeed, k.sign.Seed(), ""},
		{"peer.key", pemSeed, k.peer.Seed(), ""},
		{"kem.key", pemKEM, kem, ""},
		{"store.key", pemStore, k.store[:], passphrase},
	} {
		if err := saveKey(h.path("keys", f.name), f.kind, f.secret, f.passphrase); err != nil {
			return err
		}
	}
	return syncDir(h.path("keys"))
}

// loadKeys reads them; ask is called only if the store key is under a passphrase.
func loadKeys(h home, ask func() (string, error)) (*keys, error) {
	k := &keys{}
	seed, err := loadKey(h.path("keys", "sign.key"), pemSeed, ed25519.SeedSize, ask)
	if err != nil {
		return nil, err
	}
	k.sign = ed25519.NewKeyFromSeed(seed)
	if seed, err = loadKey(h.path("keys", "peer.key"), pemSeed, ed25519.SeedSize, ask); err != nil {
		return nil, err
	}
	k.peer = ed25519.NewKeyFromSeed(seed)
	kem, err := loadKey(h.path("keys", "kem.key"), pemKEM, 0, ask)
	if err != nil {
		return nil, err
	}
	if k.kem, err = hpke.MLKEM768X25519().NewPrivateKey(kem); err != nil {
		return nil, fmt.Errorf("keys/kem.key: %w", err)
	}
	store, err := loadKey(h.path("keys", "store.key"), pemStore, len(k.store), ask)
	if err != nil {
		return nil, err
	}
	copy(k.store[:], store)
	return k, nil
}

// saveKey writes one secret as PEM, inside age armour if there is a passphrase.
func saveKey(path, kind string, secret []byte, passphrase string) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: secret})
	if passphrase != "" {
		var err error
		if text, err = protect(text, passphrase); err != nil {
			return fmt.Errorf("protect %s: %w", path, err)
		}
	}
	return create(path, text)
}

// loadKey reads what saveKey wrote. With size 0 the length is left to the caller.
func loadKey(path, kind string, size int, ask func() (string, error)) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(text, []byte(armor.Header)) {
		passphrase, err := ask()
		if err != nil {
			return nil, err
		}
		if text, err = unprotect(text, passphrase); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != kind || len(bytes.TrimSpace(rest)) > 0 || size > 0 && len(block.Bytes) != size {
		return nil, invalid("%s: no %s", path, kind)
	}
	return block.Bytes, nil
}

// protect seals text under a passphrase (age, scrypt).
func protect(text []byte, passphrase string) ([]byte, error) {
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	armoured := armor.NewWriter(&out)
	w, err := age.Encrypt(armoured, r)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), armoured.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// maxKeyFile bounds a key file once opened.
const maxKeyFile = 64 << 10

func unprotect(text []byte, passphrase string) ([]byte, error) {
	i, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(text)), i)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, &api.Error{Kind: api.Invalid, Text: "the passphrase does not open the key", Try: "start again and type the one that was set at init"}
	}
	if err != nil {
		return nil, err
	}
	return readUpTo(r, maxKeyFile)
}

// saveIdentity writes our identity events; they are public.
func saveIdentity(h home, events [][]byte) error {
	var b bytes.Buffer
	for _, e := range events {
		if err := pem.Encode(&b, &pem.Block{Type: pemIdent, Bytes: e}); err != nil {
			return err
		}
	}
	return create(h.identity(), b.Bytes())
}

// loadIdentity reads them; whether they verify is identity.Replay's to say.
func loadIdentity(h home) ([][]byte, error) {
	text, err := os.ReadFile(h.identity())
	if err != nil {
		return nil, err
	}
	var events [][]byte
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != pemIdent {
			return nil, invalid("%s: a %s does not belong here", h.identity(), block.Type)
		}
		events, text = append(events, block.Bytes), rest
	}
	return events, nil
}
