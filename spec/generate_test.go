package spec_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/spec"
)

var update = flag.Bool("update", false, "rewrite spec/vectors; commit it only if you can say why each line changed")

// families are written by the functions of this package, from nothing but
// fixed seeds: the same bytes on every machine.
func families() []*spec.Family {
	return []*spec.Family{
		canonFamily(), entryFamily(), signatureFamily(),
		identityFamily(), cardFamily(), inviteFamily(), acceptFamily(), vouchFamily(),
		agreementFamily(), genesisFamily(), bodyFamily(), detailFamily(), foldFamily(),
	}
}

// TestVectorsAreGenerated compares the files with what the generator writes.
//
//	go test ./spec -run TestVectorsAreGenerated -update
func TestVectorsAreGenerated(t *testing.T) {
	for _, f := range families() {
		want := fileOf(t, f)
		path := filepath.Join("vectors", f.Family+".json")
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s is not what the generator writes (-update rewrites it)", path)
		}
	}
}

func fileOf(t *testing.T, f *spec.Family) []byte {
	t.Helper()
	f.Schema = "cordon.vectors/1"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// hx reads hex with blanks; it is for constants of this package.
func hx(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic("spec: hex of a vector: " + err.Error())
	}
	return b
}

// cat joins byte strings.
func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// fixed is the 32-byte value of a name, the same on every machine.
func fixed(name string) [32]byte { return sha256.Sum256([]byte("cordon vectors: " + name)) }

// keyOf is the Ed25519 key of a name.
func keyOf(name string) ed25519.PrivateKey {
	seed := fixed("key of " + name)
	return ed25519.NewKeyFromSeed(seed[:])
}

func pubOf(name string) ed25519.PublicKey { return keyOf(name).Public().(ed25519.PublicKey) }

// A minimal CBOR writer of this package's own: vectors are not written with the
// encoder that is under test. head writes the shortest head.
func head(major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return []byte{m | byte(n)}
	case n < 1<<8:
		return []byte{m | 24, byte(n)}
	case n < 1<<16:
		return []byte{m | 25, byte(n >> 8), byte(n)}
	case n < 1<<32:
		return []byte{m | 26, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	}
	b := []byte{m | 27}
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(n>>shift))
	}
	return b
}

func num(n uint64) []byte     { return head(0, n) }
func str(b []byte) []byte     { return cat(head(2, uint64(len(b))), b) }
func txt(s string) []byte     { return cat(head(3, uint64(len(s))), []byte(s)) }
func hash(name string) []byte { h := fixed(name); return str(h[:]) }
func arr(items ...[]byte) []byte {
	return cat(head(4, uint64(len(items))), cat(items...))
}

// pair is one key of a map and its value, encoded.
type pair struct {
	key   uint64
	value []byte
}

// dict writes pairs in the order given: a vector may want a wrong one.
func dict(pairs ...pair) []byte {
	b := head(5, uint64(len(pairs)))
	for _, p := range pairs {
		b = cat(b, num(p.key), p.value)
	}
	return b
}
