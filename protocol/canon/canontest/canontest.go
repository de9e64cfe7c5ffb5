// Package canontest is for tests: it writes CBOR that is almost canonical, and
// judges canonical form a second way. It shares no code with package canon.
//
// Main path: Mutate; Oracle, unless BeyondOracle.
package canontest

import (
	"bytes"
	"errors"
	"math/big"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// Oracle says whether b is one canonical item, by decoding it into generic
// values, looking for what spec/protocol.md §2 forbids, and encoding it again:
// the definition of the form, where package canon walks the bytes.
func Oracle(b []byte) bool {
	var v any
	if err := strict.Unmarshal(b, &v); err != nil || !allowed(v) {
		return false
	}
	again, err := deterministic.Marshal(v)
	return err == nil && bytes.Equal(again, b)
}

// BeyondOracle says whether the oracle cannot judge b: its decoder has no map
// key below -2^63.
func BeyondOracle(b []byte) bool {
	var v any
	var key *cbor.InvalidMapKeyTypeError
	return errors.As(strict.Unmarshal(b, &v), &key) && strings.Contains(key.GoType, "big.Int")
}

// StrictDecoder says whether the strictest decoder of fxamacker/cbor takes b.
// It is the negative control of the tests: it also takes integers that could be
// shorter, unsorted keys and null.
func StrictDecoder(b []byte) bool {
	var v any
	return strict.Unmarshal(b, &v) == nil
}

var (
	deterministic = must(cbor.CoreDetEncOptions().EncMode())
	strict        = must(cbor.DecOptions{
		DupMapKey:       cbor.DupMapKeyEnforcedAPF,
		IndefLength:     cbor.IndefLengthForbidden,
		TagsMd:          cbor.TagsForbidden,
		UTF8:            cbor.UTF8RejectInvalid,
		NaN:             cbor.NaNDecodeForbidden,
		Inf:             cbor.InfDecodeForbidden,
		MaxNestedLevels: 8,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("canontest: cbor options: " + err.Error()) // constant options
	}
	return v
}

// allowed walks generic values for the kinds that the form has.
func allowed(v any) bool {
	switch v := v.(type) {
	case uint64, int64, big.Int, []byte, string, bool:
		return true
	case []any:
		for _, x := range v {
			if !allowed(x) {
				return false
			}
		}
		return true
	case map[any]any:
		for k, x := range v {
			if !integer(k) || !allowed(x) {
				return false
			}
		}
		return true
	}
	return false // floats, null and undefined (nil), simple values, tags
}

func integer(k any) bool {
	switch k.(type) {
	case uint64, int64, big.Int:
		return true
	}
	return false
}
