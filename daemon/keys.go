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
	"path/filepath"

	"filippo.io/age"
	"filippo.io/age/armor"

	"cordon/daemon/api"
	"cordon/protocol/cose"
	"cordon/protocol/id"
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
	if err := saveKey(h.path("keys", "store.key"), pemStore, k.store[:], passphrase); err != nil {
		return err
	}
	return k.saveOwn(h.path("keys"))
}

// saveOwn writes the three keys that a certificate names.
func (k *keys) saveOwn(dir string) error {
	kem, err := k.kem.Bytes()
	if err != nil {
		return fmt.Errorf("encode KEM key: %w", err)
	}
	for _, f := range []struct {
		name, kind string
		secret     []byte
	}{
		{"sign.key", pemSeed, k.sign.Seed()},
		{"peer.key", pemSeed, k.peer.Seed()},
		{"kem.key", pemKEM, kem},
	} {
		if err := saveKey(filepath.Join(dir, f.name), f.kind, f.secret, ""); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// kid is the name of the signing key.
func (k *keys) kid() id.Kid { return cose.Thumbprint(k.sign.Public().(ed25519.PublicKey)) }

// loadOwn reads what saveOwn wrote.
func loadOwn(dir string) (*keys, error) {
	k := &keys{}
	var err error
	if k.sign, err = loadSeed(filepath.Join(dir, "sign.key"), nil); err != nil {
		return nil, err
	}
	if k.peer, err = loadSeed(filepath.Join(dir, "peer.key"), nil); err != nil {
		return nil, err
	}
	kem, err := loadKey(filepath.Join(dir, "kem.key"), pemKEM, 0, nil)
	if err != nil {
		return nil, err
	}
	if k.kem, err = hpke.MLKEM768X25519().NewPrivateKey(kem); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, "kem.key"), err)
	}
	return k, nil
}

// loadSeed reads a key that signs.
func loadSeed(path string, ask func() (string, error)) (ed25519.PrivateKey, error) {
	seed, err := loadKey(path, pemSeed, ed25519.SeedSize, ask)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func loadStoreKey(h home, ask func() (string, error)) (key [32]byte, err error) {
	b, err := loadKey(h.path("keys", "store.key"), pemStore, len(key), ask)
	copy(key[:], b)
	return key, err
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
	if protected(text) {
		if ask == nil {
			return nil, invalid("%s: a passphrase does not belong on it", path)
		}
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

// protected says whether a key file is under a passphrase.
func protected(text []byte) bool { return bytes.HasPrefix(text, []byte(armor.Header)) }

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

// eventsText is identity events as a file holds them; they are public.
func eventsText(events [][]byte) ([]byte, error) {
	var b bytes.Buffer
	for _, e := range events {
		if err := pem.Encode(&b, &pem.Block{Type: pemIdent, Bytes: e}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// loadEvents reads them; whether they verify is identity.Replay's to say.
func loadEvents(path string) ([][]byte, error) {
	text, err := os.ReadFile(path)
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
			return nil, invalid("%s: a %s does not belong here", path, block.Type)
		}
		events, text = append(events, block.Bytes), rest
	}
	return events, nil
}
