package body

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"cordon/protocol/id"
)

// The worked example of spec/identity.md §7.5 is what this package makes.
func TestSpecExample(t *testing.T) {
	fill := func(b byte) (x [32]byte) { return [32]byte(bytes.Repeat([]byte{b}, 32)) }
	cek := make([]byte, 32)
	for i := range cek {
		cek[i] = byte(i)
	}
	at := AAD{Case: fill(0xca), Kid: fill(0x1d), Comp: id.Everyone, Seq: 0, Type: 33}
	s, chunks, err := SealBytes(Head{Label: 3, Sharing: 1, Agr: fill(0xa9)}, []byte("hello"), at, bytes.NewReader(cek))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := os.ReadFile("../../spec/identity.md")
	if err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(string(spec)), "")
	for name, b := range map[string][]byte{
		"aad": at.encode(), "head": s.head, "ct": chunks[0], "hash": s.Ref.Hash[:], "kc": s.Ref.KC[:],
	} {
		if h := hex.EncodeToString(b); !strings.Contains(flat, h) {
			t.Errorf("%s is not in the specification: %s", name, h)
		}
	}
}
