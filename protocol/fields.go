package protocol

import (
	"errors"

	"cordon/protocol/canon"
	"cordon/protocol/id"
)

// field is one key of a structure: its number and how its value is read and
// written. A kind lists its fields once, for both directions.
type field struct {
	key   uint64
	read  func(*canon.Reader) error
	write func() any // nil: absent
	must  bool
}

var (
	errUnknownKey = errors.New("a key that is not known")
	errMalformed  = errors.New("malformed")
)

// optional marks a field that may be absent; its write then returns nil.
func (f field) optional(present func() bool) field {
	write := f.write
	f.must = false
	f.write = func() any {
		if !present() {
			return nil
		}
		return write()
	}
	return f
}

// encode writes the fields as a canonical map.
func encode(fs []field) []byte { return canon.MustMarshal(values(fs)) }

func values(fs []field) map[uint64]any {
	m := make(map[uint64]any, len(fs))
	for _, f := range fs {
		if v := f.write(); v != nil {
			m[f.key] = v
		}
	}
	return m
}

// decode reads b, which is exactly one map, into the fields.
func decode(b []byte, fs []field) error {
	r := canon.NewReader(b)
	if err := readMap(r, fs); err != nil {
		return err
	}
	if !r.Done() {
		return canon.ErrTrailing
	}
	return nil
}

// readMap reads a map whose keys are the fields, no others and none missing.
func readMap(r *canon.Reader, fs []field) error {
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
		for at < len(fs) && fs[at].key < k {
			if fs[at].must {
				return errMalformed
			}
			at++
		}
		if at == len(fs) || fs[at].key != k {
			return errUnknownKey
		}
		if err := fs[at].read(r); err != nil {
			return err
		}
		at++
	}
	for _, f := range fs[at:] {
		if f.must {
			return errMalformed
		}
	}
	return nil
}

// number is an integer of lo..hi.
func number[T ~uint8 | ~uint32 | ~uint64](key uint64, v *T, lo, hi uint64) field {
	return field{key: key, must: true,
		read: func(r *canon.Reader) error {
			n, err := r.Uint()
			if err != nil || n < lo || n > hi {
				return errMalformed
			}
			*v = T(n)
			return nil
		},
		write: func() any { return uint64(*v) }}
}

// hash is an id or another 32-byte string.
func hash[T ~[32]byte](key uint64, v *T) field {
	return field{key: key, must: true,
		read: func(r *canon.Reader) error { return readHash(r, v) },
		write: func() any {
			b := [32]byte(*v)
			return b[:]
		}}
}

func readHash[T ~[32]byte](r *canon.Reader, v *T) error {
	b, err := r.Fixed(id.Size)
	if err != nil {
		return errMalformed
	}
	*v = T([32]byte(b))
	return nil
}

// bytesOf is a byte string; it aliases the entry.
func bytesOf(key uint64, v *[]byte) field {
	return field{key: key, must: true,
		read:  func(r *canon.Reader) (err error) { *v, err = r.Bytes(); return err },
		write: func() any { return append([]byte{}, *v...) }} // never null
}

// textOf is text of at most most bytes.
func textOf(key uint64, v *string, most int) field {
	return field{key: key, must: true,
		read:  func(r *canon.Reader) error { return readText(r, v, most) },
		write: func() any { return *v }}
}

func readText(r *canon.Reader, v *string, most int) (err error) {
	if *v, err = r.Text(); err == nil && len(*v) > most {
		return errMalformed
	}
	return err
}

// listOf is an array of at least least and at most most items.
func listOf[T any](key uint64, v *[]T, least, most int, read func(*canon.Reader, *T) error, write func(T) any) field {
	return field{key: key, must: true,
		read: func(r *canon.Reader) error {
			n, err := r.Array()
			if err != nil {
				return err
			}
			if n < least || n > most {
				return errMalformed
			}
			*v = make([]T, n)
			for i := range *v {
				if err := read(r, &(*v)[i]); err != nil {
					return err
				}
			}
			return nil
		},
		write: func() any {
			items := make([]any, len(*v))
			for i, x := range *v {
				items[i] = write(x)
			}
			return items
		}}
}

// orgsOf is a list of organisations.
func orgsOf(key uint64, v *[]id.OrgID, least, most int) field {
	return listOf(key, v, least, most, readHash[id.OrgID], func(o id.OrgID) any { return o[:] })
}

// blobsOf is a list of byte strings.
func blobsOf(key uint64, v *[][]byte, least, most int) field {
	return listOf(key, v, least, most,
		func(r *canon.Reader, b *[]byte) (err error) { *b, err = r.Bytes(); return err },
		func(b []byte) any { return append([]byte{}, b...) })
}

// mapOf is a structure inside another.
func mapOf(key uint64, fs []field) field {
	return field{key: key, must: true,
		read:  func(r *canon.Reader) error { return readMap(r, fs) },
		write: func() any { return values(fs) }}
}
