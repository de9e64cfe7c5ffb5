// Package canon judges and reads the one CBOR form that Cordon signs, stores
// and sends: deterministic CBOR (RFC 8949 §4.2.1) narrowed by spec/protocol.md
// §2. It is not a general CBOR library: encoding and the decoding of structures
// are fxamacker/cbor's; the verdict "canonical" is one walk over the bytes as
// they were received, before anything is decoded, and is ours.
//
// Main path: Check (the walk), Reader (a cursor that reads canonical bytes
// without allocating), Unmarshal (Check, then decode into a struct), Marshal.
package canon

import (
	"bytes"
	"errors"
	"unicode/utf8"
)

// MaxDepth is the deepest nesting of arrays and maps (spec/protocol.md §2).
const MaxDepth = 8

// Error is the reason why bytes are not canonical. Its text is a stable rule name.
type Error string

func (e Error) Error() string { return string(e) }

// The rules of spec/protocol.md §2, by name.
const (
	ErrTruncated  Error = "truncated"
	ErrTrailing   Error = "trailing-bytes"
	ErrHead       Error = "head-not-shortest"
	ErrIndefinite Error = "indefinite-length"
	ErrTag        Error = "tag"
	ErrFloat      Error = "float"
	ErrSimple     Error = "simple-value"
	ErrText       Error = "text-not-utf8"
	ErrKeyType    Error = "map-key-not-integer"
	ErrKeyOrder   Error = "map-keys-not-sorted"
	ErrKeyTwice   Error = "map-key-twice"
	ErrDepth      Error = "too-deep"
	ErrType       Error = "wrong-type"
	ErrRange      Error = "out-of-range"
)

// Major types of RFC 8949 §3.1 as Reader.Kind reports them.
const (
	KindUint  byte = 0
	KindNint  byte = 1
	KindBytes byte = 2
	KindText  byte = 3
	KindArray byte = 4
	KindMap   byte = 5
	KindBool  byte = 7
	tag       byte = 6
)

// Check walks b once and returns nil iff b is exactly one canonical item.
// It allocates nothing and never looks at a byte twice.
func Check(b []byte) error {
	r := NewReader(b)
	if err := r.skip(0); err != nil {
		return err
	}
	if !r.Done() {
		return ErrTrailing
	}
	return nil
}

// Reader is a cursor over bytes. Each method reads one item or head and refuses
// what is not canonical; byte strings it returns alias the input.
// After an error the Reader is not to be used further.
type Reader struct {
	b   []byte
	off int
}

// NewReader starts at the first byte of b, which the Reader aliases.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Done says whether every byte has been read.
func (r *Reader) Done() bool { return r.off == len(r.b) }

// Offset is the number of bytes read.
func (r *Reader) Offset() int { return r.off }

// Kind is the major type of the next item; false at the end of the input.
func (r *Reader) Kind() (byte, bool) {
	if r.Done() {
		return 0, false
	}
	return r.b[r.off] >> 5, true
}

// head reads an item's first byte and argument.
func (r *Reader) head() (major byte, arg uint64, err error) {
	if r.Done() {
		return 0, 0, ErrTruncated
	}
	first := r.b[r.off]
	major, info := first>>5, first&31
	r.off++
	if major == tag {
		return 0, 0, ErrTag
	}
	if major == KindBool {
		return major, uint64(info), simple(info)
	}
	if info < 24 {
		return major, uint64(info), nil
	}
	if info == 31 {
		return 0, 0, ErrIndefinite
	}
	if info > 27 {
		return 0, 0, ErrHead
	}
	n := 1 << (info - 24)
	if len(r.b)-r.off < n {
		return 0, 0, ErrTruncated
	}
	for _, c := range r.b[r.off : r.off+n] {
		arg = arg<<8 | uint64(c)
	}
	r.off += n
	if shortest(arg) != n {
		return 0, 0, ErrHead
	}
	return major, arg, nil
}

// simple judges the low bits of a head of major type 7: only false and true pass.
func simple(info byte) error {
	switch {
	case info == 20 || info == 21:
		return nil
	case info >= 25 && info <= 27:
		return ErrFloat
	case info == 31:
		return ErrIndefinite
	}
	return ErrSimple
}

// shortest is the number of argument bytes the shortest head for v has.
func shortest(v uint64) int {
	switch {
	case v < 24:
		return 0
	case v < 1<<8:
		return 1
	case v < 1<<16:
		return 2
	case v < 1<<32:
		return 4
	}
	return 8
}

// take returns the next n bytes of the input.
func (r *Reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)-r.off) {
		return nil, ErrTruncated
	}
	s := r.b[r.off : r.off+int(n) : r.off+int(n)]
	r.off += int(n)
	return s, nil
}

// expect reads a head of the given major type.
func (r *Reader) expect(major byte) (uint64, error) {
	at := r.off
	m, arg, err := r.head()
	if err != nil {
		return 0, err
	}
	if m != major {
		r.off = at
		return 0, ErrType
	}
	return arg, nil
}

// Uint reads an unsigned integer.
func (r *Reader) Uint() (uint64, error) { return r.expect(KindUint) }

// Bytes reads a byte string; the result aliases the input.
func (r *Reader) Bytes() ([]byte, error) {
	n, err := r.expect(KindBytes)
	if err != nil {
		return nil, err
	}
	return r.take(n)
}

// Fixed reads a byte string of exactly n bytes.
func (r *Reader) Fixed(n int) ([]byte, error) {
	b, err := r.Bytes()
	if err == nil && len(b) != n {
		return nil, ErrRange
	}
	return b, err
}

// Text reads a text string of valid UTF-8.
func (r *Reader) Text() (string, error) {
	n, err := r.expect(KindText)
	if err != nil {
		return "", err
	}
	b, err := r.take(n)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", ErrText
	}
	return string(b), nil
}

// Array reads an array's head and returns its number of items. An array whose
// items cannot fit the rest of the input (one byte each) is refused here, so
// that a caller may allocate for that number.
func (r *Reader) Array() (int, error) { return r.count(KindArray, 1) }

// Map reads a map's head and returns its number of pairs, bounded like Array's.
// The caller reads the keys with Key.
func (r *Reader) Map() (int, error) { return r.count(KindMap, 2) }

func (r *Reader) count(major byte, each uint64) (int, error) {
	n, err := r.expect(major)
	if err != nil {
		return 0, err
	}
	if n > uint64(len(r.b)-r.off)/each {
		return 0, ErrTruncated
	}
	return int(n), nil
}

// Key reads an unsigned map key, which must be above *last; -1 starts a map.
func (r *Reader) Key(last *int64) (uint64, error) {
	k, err := r.Uint()
	if err != nil {
		return 0, err
	}
	if k >= 1<<32 {
		return 0, ErrRange
	}
	switch {
	case int64(k) == *last:
		return 0, ErrKeyTwice
	case int64(k) < *last:
		return 0, ErrKeyOrder
	}
	*last = int64(k)
	return k, nil
}

// Raw reads one item of any kind, canonical throughout, and returns its bytes.
func (r *Reader) Raw() ([]byte, error) { return r.rawAt(1) }

func (r *Reader) rawAt(depth int) ([]byte, error) {
	at := r.off
	if err := r.skip(depth); err != nil {
		return nil, err
	}
	return r.b[at:r.off:r.off], nil
}

// skip walks one item; depth is the number of arrays and maps around it.
func (r *Reader) skip(depth int) error {
	major, arg, err := r.head()
	if err != nil {
		return err
	}
	switch major {
	case KindUint, KindNint, KindBool:
		return nil
	case KindBytes:
		_, err = r.take(arg)
		return err
	case KindText:
		s, err := r.take(arg)
		if err == nil && !utf8.Valid(s) {
			return ErrText
		}
		return err
	case KindArray:
		return r.skipArray(arg, depth+1)
	}
	return r.skipMap(arg, depth+1) // KindMap: head refuses tags
}

func (r *Reader) skipArray(n uint64, depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	for range n {
		if err := r.skip(depth); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) skipMap(n uint64, depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	var last []byte
	for range n {
		at := r.off
		major, _, err := r.head()
		if err != nil {
			return err
		}
		if major != KindUint && major != KindNint {
			return ErrKeyType
		}
		key := r.b[at:r.off]
		switch c := bytes.Compare(key, last); {
		case last != nil && c == 0:
			return ErrKeyTwice
		case last != nil && c < 0:
			return ErrKeyOrder
		}
		last = key
		if err := r.skip(depth); err != nil {
			return err
		}
	}
	return nil
}

// Is says whether err is a verdict of this package, rather than, say, a read error.
func Is(err error) bool {
	var e Error
	return errors.As(err, &e)
}
