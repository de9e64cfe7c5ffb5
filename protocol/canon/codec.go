package canon

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// ErrUnknownField says that a structure has a key this build does not know.
// It is the one decoding error that is no verdict about the bytes: an entry
// with such a ctl is kept and folded as refused.
var ErrUnknownField = errors.New("unknown field")

var (
	enc = must(cbor.CoreDetEncOptions().EncMode())
	dec = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IntDec:            cbor.IntDecConvertNone,
		UTF8:              cbor.UTF8RejectInvalid,
		MaxNestedLevels:   MaxDepth,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic("canon: cbor options: " + err.Error()) // constant options: cannot depend on input
	}
	return v
}

// Marshal writes v as canonical CBOR. v must hold only what spec/protocol.md §2
// allows; structs use integer keys (`cbor:"1,keyasint"`).
func Marshal(v any) ([]byte, error) { return enc.Marshal(v) }

// MustMarshal is Marshal for values whose type cannot fail to encode: structs
// of integers, byte strings, text and arrays of these.
func MustMarshal(v any) []byte {
	b, err := enc.Marshal(v)
	if err != nil {
		panic("canon: encode: " + err.Error()) // a type mistake of ours, whatever the input
	}
	return b
}

// ErrShape says that canonical bytes are not the one encoding of a value of the
// structure that was asked for: a required key is missing, a fixed byte string
// has another length, an optional key holds its zero value.
const ErrShape Error = "wrong-shape"

// Unmarshal checks that b is canonical and decodes it into v, a pointer to a
// struct with integer keys. Optional keys are omitempty; a pointer where zero
// means something. Errors: an Error (not canonical, or ErrShape),
// ErrUnknownField, or the decoder's (wrong type). After an error v is not to be used.
func Unmarshal(b []byte, v any) error {
	if err := Check(b); err != nil {
		return err
	}
	err := dec.Unmarshal(b, v)
	var unknown *cbor.UnknownFieldError
	if errors.As(err, &unknown) {
		return fmt.Errorf("%w", ErrUnknownField)
	}
	if err != nil {
		return err
	}
	return sameShape(b, v)
}

// sameShape compares b with the encoding of what was read from it. Canonical
// form was judged on b already; this finds what the decoder forgives: it pads
// and cuts byte strings to fit [32]byte, reads an array of numbers as bytes and
// leaves missing keys at zero. Every key of b is known here, so none is lost.
func sameShape(b []byte, v any) error {
	again, err := enc.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode what was read: %w", err)
	}
	if !bytes.Equal(again, b) {
		return ErrShape
	}
	return nil
}
