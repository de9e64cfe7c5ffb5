// Package canary looks for what may not be found where it does not belong: on a wire, in a
// log, in the files of a store. The demo and tests use it.
//
// Main path: New, then Scanner.Bytes and Scanner.Dir.
package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
)

// A Canary is something that may not be found where it does not belong: an id, a
// name, a piece of text.
type Canary struct {
	What  string
	Bytes []byte
}

// Scanner looks for canaries: as they are, in hex of both cases, and in base64
// (both alphabets) at each of the three places where base64 may have begun.
type Scanner struct{ spellings []Canary }

// New is a scanner for these.
func New(canaries []Canary) *Scanner {
	s := &Scanner{}
	for _, c := range canaries {
		s.spellings = append(s.spellings, c,
			Canary{c.What + " in hex", []byte(hex.EncodeToString(c.Bytes))},
			Canary{c.What + " in hex", bytes.ToUpper([]byte(hex.EncodeToString(c.Bytes)))})
		for shift := range 3 {
			for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				s.spellings = append(s.spellings, Canary{c.What + " in base64", base64At(enc, c.Bytes, shift)})
			}
		}
	}
	return s
}

// base64At is what is certain of b's base64 when shift bytes stand before it in
// its group of three: characters that mix with neighbours are left out.
func base64At(enc *base64.Encoding, b []byte, shift int) []byte {
	padded := append(make([]byte, shift), b...)
	text := []byte(enc.EncodeToString(padded))
	first := (shift*8 + 5) / 6
	last := len(padded) * 8 / 6
	return text[first:last]
}

// Bytes says which canaries are in b.
func (s *Scanner) Bytes(b []byte) (found []string) {
	for _, n := range s.spellings {
		if bytes.Contains(b, n.Bytes) {
			found = append(found, n.What)
		}
	}
	return found
}

// Dir reads every file below root; it says what it found, with the file, and how
// many bytes it read.
func (s *Scanner) Dir(root string) (found []string, read int64, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // the store put another file in its place meanwhile
		}
		if err != nil {
			return err
		}
		read += int64(len(b))
		rel, _ := filepath.Rel(root, path)
		for _, what := range append(s.Bytes(b), s.Bytes([]byte(rel))...) {
			found = append(found, rel+": "+what)
		}
		return nil
	})
	return found, read, err
}
