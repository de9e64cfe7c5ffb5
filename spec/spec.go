// Package spec is what every implementation of Cordon must do, as data: the
// prose, the CDDL and the test vectors. It holds no behaviour but reading them.
//
// Main path: Families, Read.
package spec

import (
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Files are the documents, cordon.cddl and vectors/*.json.
//
//go:embed *.md cordon.cddl vectors/*.json
var Files embed.FS

// Bytes are written as lower-case hex in a vector file.
type Bytes []byte

// MarshalText writes hex.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

// UnmarshalText reads hex.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

// Valid is the verdict of a vector that every reader accepts. Any other verdict
// is the name of the rule that refuses it.
const Valid = "valid"

// Vector is one case of the test: some bytes and what every reader says of them.
// Which of the further fields are set depends on the family (vectors/README.md).
type Vector struct {
	Name    string `json:"name"`
	Comment string `json:"comment"`          // what the bytes are, and what is wrong with them
	Hex     Bytes  `json:"hex"`              // the bytes that are judged
	Verdict string `json:"verdict"`          // Valid, or the rule
	Unknown bool   `json:"unknown,omitzero"` // valid, but has a key below 64 that no version 1 reader knows

	Key     Bytes `json:"key,omitempty"`     // public key of the signer
	Message Bytes `json:"message,omitempty"` // what was signed
	Chain   Bytes `json:"chain,omitempty"`   // identity events of the signer's organisation, as in a card
	ID      Bytes `json:"id,omitempty"`      // the id that a reader computes
	CEK     Bytes `json:"cek,omitempty"`     // key of a body
	AAD     Bytes `json:"aad,omitempty"`     // what a body is bound to
	Ref     Bytes `json:"ref,omitempty"`     // what the entry says of the body
	Raw     Bytes `json:"raw,omitempty"`     // the content of a body

	Kind uint16 `json:"kind,omitzero"` // of the entry whose body it is

	Fold *Folded `json:"fold,omitempty"` // what a case of these entries comes to

	Layout []string `json:"layout,omitempty"` // the bytes, item by item
}

// Folded is the fold of one case: what every implementation that holds these
// entries comes to, in whatever order they came.
type Folded struct {
	Digest    Bytes         `json:"digest"`              // SHA-256 over the sorted ids of the control entries that are authentic
	State     string        `json:"state"`               // ok, upgrade-needed
	Stewards  []Bytes       `json:"stewards"`            // by rank
	Members   []Bytes       `json:"members"`             // sorted
	Chain     []Bytes       `json:"chain"`               // the configs from C0 to the one in force
	Embargo   string        `json:"embargo,omitempty"`   // its state; "" where the vector is not about it
	Agreement Bytes         `json:"agreement,omitempty"` // in force
	Signed    []Bytes       `json:"signed,omitempty"`    // members that have signed it, sorted
	Ends      uint64        `json:"ends,omitempty"`      // Unix milliseconds, with what merged cases bring; 0: the vector is not about it
	Entries   []FoldedEntry `json:"entries"`             // in the order of the bytes
}

// FoldedEntry is the verdict on one entry.
type FoldedEntry struct {
	What    string `json:"what,omitempty"` // where the comment speaks of it
	ID      Bytes  `json:"id"`             // empty: it is no entry
	Verdict string `json:"verdict"`        // accepted; refused by the rules; rejected, since it is not authentic
	Rule    string `json:"rule,omitempty"`
}

// Family is one file of vectors, all for one reader.
type Family struct {
	Schema  string   `json:"schema"` // cordon.vectors/1
	Family  string   `json:"family"`
	Comment string   `json:"comment"`
	Vectors []Vector `json:"vectors"`
}

// Families are the names of all families, sorted.
func Families() ([]string, error) {
	files, err := fs.Glob(Files, "vectors/*.json")
	if err != nil {
		return nil, err
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(path.Base(f), ".json")
	}
	return files, nil
}

// Read reads one family.
func Read(family string) (*Family, error) {
	b, err := Files.ReadFile("vectors/" + family + ".json")
	if err != nil {
		return nil, err
	}
	f := new(Family)
	if err := json.Unmarshal(b, f); err != nil {
		return nil, fmt.Errorf("vectors of %s: %w", family, err)
	}
	return f, nil
}
