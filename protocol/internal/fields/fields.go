// Package fields reads and writes structures that are canonical maps with numbered
// keys. A structure lists its fields once, for both directions: Encode, Decode.
package fields

import (
	"errors"

	"cordon/protocol/canon"
	"cordon/protocol/id"
)

// Field is one key of a structure: its number and how its value is read and
// written. A kind lists its fields once, for both directions.
type Field struct {
	Key   uint64
	Read  func(*canon.Reader) error
	Write func() any // nil: absent
	Must  bool
}

// Why a structure is not read; what package canon says comes beside.
var (
	ErrUnknownKey = errors.New("a key that is not known")
	ErrMalformed  = errors.New("malformed")
)

// Optional marks a field that may be absent; its write then returns nil.
func (f Field) Optional(present func() bool) Field {
	write := f.Write
	f.Must = false
	f.Write = func() any {
		if !present() {
			return nil
		}
		return write()
	}
	return f
}

// Encode writes the fields as a canonical map.
func Encode(fs []Field) []byte { return canon.MustMarshal(Values(fs)) }

// Values are the fields as a map that canon writes.
func Values(fs []Field) map[uint64]any {
	m := make(map[uint64]any, len(fs))
	for _, f := range fs {
		if v := f.Write(); v != nil {
			m[f.Key] = v
		}
	}
	return m
}

// Decode reads b, which is exactly one map, into the fields.
func Decode(b []byte, fs []Field) error {
	return decode(b, fs, 0)
}

// Ext is the first key that DecodeOpen passes over, extLast the last.
const (
	Ext     = 64
	extLast = 65535
)

// DecodeOpen is Decode, passing over keys from Ext to 65535 that are not known.
func DecodeOpen(b []byte, fs []Field) error { return decode(b, fs, Ext) }

func decode(b []byte, fs []Field, ext uint64) error {
	r := canon.NewReader(b)
	if err := readMap(r, fs, ext); err != nil {
		return err
	}
	if !r.Done() {
		return canon.ErrTrailing
	}
	return nil
}

// readMap reads a map whose keys are the fields and none missing; others only from ext
// on, unless that is 0.
func readMap(r *canon.Reader, fs []Field, ext uint64) error {
	n, err := r.Map()
	if err != nil {
		return err
	}
	last, at := int64(-1), 0
	for range n {
		k, err := r.Key(&last)
		if err != nil {
			return err
		}
		for at < len(fs) && fs[at].Key < k {
			if fs[at].Must {
				return ErrMalformed
			}
			at++
		}
		if at == len(fs) || fs[at].Key != k {
			if ext == 0 || k < ext {
				return ErrUnknownKey
			}
			if k > extLast {
				return ErrMalformed
			}
			if _, err := r.Raw(); err != nil {
				return err
			}
			continue
		}
		if err := fs[at].Read(r); err != nil {
			return err
		}
		at++
	}
	for _, f := range fs[at:] {
		if f.Must {
			return ErrMalformed
		}
	}
	return nil
}

// Number is an integer of lo..hi.
func Number[T ~uint8 | ~uint32 | ~uint64](key uint64, v *T, lo, hi uint64) Field {
	return Field{Key: key, Must: true,
		Read: func(r *canon.Reader) error {
			n, err := r.Uint()
			if err != nil || n < lo || n > hi {
				return ErrMalformed
			}
			*v = T(n)
			return nil
		},
		Write: func() any { return uint64(*v) }}
}

// Hash is an id or another 32-byte string.
func Hash[T ~[32]byte](key uint64, v *T) Field {
	return Field{Key: key, Must: true,
		Read: func(r *canon.Reader) error { return ReadHash(r, v) },
		Write: func() any {
			b := [32]byte(*v)
			return b[:]
		}}
}

// ReadHash reads a 32-byte string.
func ReadHash[T ~[32]byte](r *canon.Reader, v *T) error {
	b, err := r.Fixed(id.Size)
	if err != nil {
		return ErrMalformed
	}
	*v = T([32]byte(b))
	return nil
}

// Bytes is a byte string; it aliases the entry.
func Bytes(key uint64, v *[]byte) Field {
	return Field{Key: key, Must: true,
		Read:  func(r *canon.Reader) (err error) { *v, err = r.Bytes(); return err },
		Write: func() any { return append([]byte{}, *v...) }} // never null
}

// Text is text of at most most bytes.
func Text(key uint64, v *string, most int) Field {
	return Field{Key: key, Must: true,
		Read:  func(r *canon.Reader) error { return ReadText(r, v, most) },
		Write: func() any { return *v }}
}

// ReadText reads text of at most most bytes.
func ReadText(r *canon.Reader, v *string, most int) (err error) {
	if *v, err = r.Text(); err == nil && len(*v) > most {
		return ErrMalformed
	}
	return err
}

// List is an array of at least least and at most most items.
func List[T any](key uint64, v *[]T, least, most int, read func(*canon.Reader, *T) error, write func(T) any) Field {
	return Field{Key: key, Must: true,
		Read: func(r *canon.Reader) error {
			n, err := r.Array()
			if err != nil {
				return err
			}
			if n < least || n > most {
				return ErrMalformed
			}
			*v = make([]T, n)
			for i := range *v {
				if err := read(r, &(*v)[i]); err != nil {
					return err
				}
			}
			return nil
		},
		Write: func() any {
			items := make([]any, len(*v))
			for i, x := range *v {
				items[i] = write(x)
			}
			return items
		}}
}

// Blobs is a list of byte strings.
func Blobs(key uint64, v *[][]byte, least, most int) Field {
	return List(key, v, least, most,
		func(r *canon.Reader, b *[]byte) (err error) { *b, err = r.Bytes(); return err },
		func(b []byte) any { return append([]byte{}, b...) })
}

// Map is a structure inside another.
func Map(key uint64, fs []Field) Field {
	return Field{Key: key, Must: true,
		Read:  func(r *canon.Reader) error { return readMap(r, fs, 0) },
		Write: func() any { return Values(fs) }}
}
