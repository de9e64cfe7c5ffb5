package foldfile

import "errors"

// What keeps the end of an item from being found.
var (
	errCut    = errors.New("is cut short: the file ends inside it")
	errBroken = errors.New("is no well-formed CBOR: where it ends cannot be told")
)

// deepest is how deep an item may be nested to be skipped. An entry is far below
// it (spec/protocol.md §2).
const deepest = 64

// Major types of RFC 8949 §3.1.
const (
	kindBytes byte = 2
	kindText  byte = 3
	kindArray byte = 4
	kindMap   byte = 5
	kindTag   byte = 6
	kindOther byte = 7
)

// walk finds where items end. It takes all CBOR that is well formed, so that an
// entry which is not canonical is told apart from what follows it; package canon
// would stop.
type walk struct {
	b  []byte
	at int
}

// head reads an item's first byte and argument; open says that the length is
// indefinite.
func (w *walk) head() (kind byte, arg uint64, open bool, err error) {
	if w.at == len(w.b) {
		return 0, 0, false, errCut
	}
	kind, low := w.b[w.at]>>5, w.b[w.at]&31
	w.at++
	switch {
	case low < 24:
		return kind, uint64(low), false, nil
	case low == 31 && kind >= kindBytes && kind <= kindMap:
		return kind, 0, true, nil
	case low > 27:
		return 0, 0, false, errBroken
	}
	n := 1 << (low - 24)
	if len(w.b)-w.at < n {
		return 0, 0, false, errCut
	}
	for _, c := range w.b[w.at : w.at+n] {
		arg = arg<<8 | uint64(c)
	}
	w.at += n
	return kind, arg, false, nil
}

// item skips one item; depth is the number of items around it.
func (w *walk) item(depth int) error {
	if depth > deepest {
		return errBroken
	}
	kind, n, open, err := w.head()
	if err != nil {
		return err
	}
	switch kind {
	case kindBytes, kindText:
		if open {
			return w.untilBreak(depth)
		}
		if n > uint64(len(w.b)-w.at) {
			return errCut
		}
		w.at += int(n)
	case kindArray, kindMap:
		if open {
			return w.untilBreak(depth)
		}
		for range n {
			if err := w.members(kind, depth); err != nil {
				return err
			}
		}
	case kindTag:
		return w.item(depth + 1)
	}
	return nil
}

// members skips one item of an array, or a pair of a map.
func (w *walk) members(kind byte, depth int) error {
	if kind == kindMap {
		if err := w.item(depth + 1); err != nil {
			return err
		}
	}
	return w.item(depth + 1)
}

// untilBreak skips what has an indefinite length.
func (w *walk) untilBreak(depth int) error {
	for {
		if w.at == len(w.b) {
			return errCut
		}
		if w.b[w.at] == 0xff {
			w.at++
			return nil
		}
		if err := w.item(depth + 1); err != nil {
			return err
		}
	}
}
