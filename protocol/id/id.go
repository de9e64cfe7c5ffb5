// Package id names the things of a case: organisations, cases, entries, keys,
// agreements and compartments. Every id is 32 bytes and is written as 64
// lower-case hex digits. The package holds no logic beyond that.
//
// Main path: Parse, String.
package id

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// Size is the length of every id, in bytes.
const Size = 32

// OrgID is the id of an organisation's first identity event (spec/protocol.md §8).
type OrgID [Size]byte

// CaseID is the id of a case's genesis entry (spec/protocol.md §4).
type CaseID [Size]byte

// EntryID is the SHA-256 of an entry's Sig_structure, without the signature.
type EntryID [Size]byte

// ConfigID is the id of the entry that proposes a steward config; C0's is the genesis.
type ConfigID = EntryID

// AgrID is the SHA-256 of an agreement record.
type AgrID [Size]byte

// Pair is what a case says of another that belongs to it (spec/kinds.md, case-link).
type Pair [Size]byte

// Kid is the SHA-256 COSE key thumbprint (RFC 9679) of a signing key.
type Kid [Size]byte

// Comp names a compartment: Control, Everyone, or the id of the compartment entry that opened it.
type Comp [Size]byte

var (
	// Control is comp 0: membership, authority, consent, status, claims.
	Control = Comp{}
	// Everyone is comp 1: content for everybody in the case.
	Everyone = Comp{Size - 1: 1}
)

// Feed names the chained entries of one daemon key in one compartment of one case.
type Feed struct {
	Kid  Kid
	Comp Comp
}

// Compare orders feeds by kid, then compartment.
func (f Feed) Compare(g Feed) int {
	if c := bytes.Compare(f.Kid[:], g.Kid[:]); c != 0 {
		return c
	}
	return bytes.Compare(f.Comp[:], g.Comp[:])
}

// Seq is a place in a feed, from 0 (spec/protocol.md §4).
type Seq uint32

// any32 is the set of types that Parse can return.
type any32 interface {
	OrgID | CaseID | EntryID | AgrID | Pair | Kid | Comp
}

// Parse reads 64 lower-case hex digits.
func Parse[T any32](s string) (T, error) {
	var t T
	if len(s) != 2*Size {
		return t, fmt.Errorf("an id has %d hex digits, this has %d characters", 2*Size, len(s))
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return t, fmt.Errorf("an id is lower-case hex, character %d is not", i+1)
		}
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return t, err
	}
	return T(b), nil
}

// FromBytes copies b, which must have 32 bytes.
func FromBytes[T any32](b []byte) (T, bool) {
	var t T
	if len(b) != Size {
		return t, false
	}
	return T(b), true
}

func (x OrgID) String() string   { return hex.EncodeToString(x[:]) }
func (x CaseID) String() string  { return hex.EncodeToString(x[:]) }
func (x EntryID) String() string { return hex.EncodeToString(x[:]) }
func (x AgrID) String() string   { return hex.EncodeToString(x[:]) }
func (x Pair) String() string    { return hex.EncodeToString(x[:]) }
func (x Kid) String() string     { return hex.EncodeToString(x[:]) }

// String is "0", "1" or the hex of the opening entry.
func (x Comp) String() string {
	switch x {
	case Control:
		return "0"
	case Everyone:
		return "1"
	}
	return hex.EncodeToString(x[:])
}

// MarshalText writes hex, so that JSON shows ids as strings.
func (x OrgID) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// MarshalText writes hex.
func (x CaseID) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// MarshalText writes hex.
func (x EntryID) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// MarshalText writes hex.
func (x AgrID) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// MarshalText writes hex.
func (x Pair) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// MarshalText writes hex.
func (x Kid) MarshalText() ([]byte, error) { return []byte(x.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (x *OrgID) UnmarshalText(b []byte) (err error) { *x, err = Parse[OrgID](string(b)); return }

// UnmarshalText reads what MarshalText wrote.
func (x *CaseID) UnmarshalText(b []byte) (err error) { *x, err = Parse[CaseID](string(b)); return }

// UnmarshalText reads what MarshalText wrote.
func (x *EntryID) UnmarshalText(b []byte) (err error) { *x, err = Parse[EntryID](string(b)); return }

// UnmarshalText reads what MarshalText wrote.
func (x *AgrID) UnmarshalText(b []byte) (err error) { *x, err = Parse[AgrID](string(b)); return }

// UnmarshalText reads what MarshalText wrote.
func (x *Pair) UnmarshalText(b []byte) (err error) { *x, err = Parse[Pair](string(b)); return }

// UnmarshalText reads what MarshalText wrote.
func (x *Kid) UnmarshalText(b []byte) (err error) { *x, err = Parse[Kid](string(b)); return }
