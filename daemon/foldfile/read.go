package foldfile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
)

// MaxEntries is how many entries a file may have, copies included: each costs
// memory, however small it is.
const MaxEntries = 1 << 20

// item is what ought to be one raw entry, and the byte of the file, or of what its
// hex says, at which it begins.
type item struct {
	at  int
	raw []byte
}

// split takes a file apart. What separates one entry from the next has to be
// sound; what is inside each is for others to judge.
func split(file []byte) (_ []item, err error) {
	if len(bytes.TrimSpace(file)) == 0 {
		return nil, errors.New("it holds no entries")
	}
	if isText(file[0]) {
		if file, err = fromHex(file); err != nil {
			return nil, err
		}
	}
	if items, ok := byteStrings(file); ok {
		return within(items)
	}
	return sequence(file)
}

// within judges the number of entries.
func within(items []item) ([]item, error) {
	if len(items) > MaxEntries {
		return nil, fmt.Errorf("it holds more than %d entries", MaxEntries)
	}
	return items, nil
}

// sequence reads entries back to back: a CBOR sequence (RFC 8742) of arrays.
func sequence(file []byte) (items []item, err error) {
	w := walk{b: file}
	for w.at < len(file) && len(items) <= MaxEntries {
		at := w.at
		if file[at]>>5 != kindArray {
			return nil, fmt.Errorf("byte %d begins no entry: an entry is a CBOR array", at)
		}
		if err := w.item(0); err != nil {
			return nil, fmt.Errorf("the entry at byte %d %w", at, err)
		}
		items = append(items, item{at, file[at:w.at:w.at]})
	}
	return within(items)
}

// byteStrings reads a file that is one array of byte strings; ok is false when it
// is something else. An entry is no such array: its second part is a map.
func byteStrings(file []byte) (items []item, ok bool) {
	w := walk{b: file}
	kind, n, open, err := w.head()
	if err != nil || kind != kindArray || open || n == 0 {
		return nil, false
	}
	for range n {
		kind, size, open, err := w.head()
		if err != nil || kind != kindBytes || open || size > uint64(len(file)-w.at) {
			return nil, false
		}
		if len(items) <= MaxEntries {
			items = append(items, item{w.at, file[w.at : w.at+int(size) : w.at+int(size)]})
		}
		w.at += int(size)
	}
	return items, w.at == len(file)
}

// fromHex reads text: bytes in hex, broken into lines anywhere between two bytes.
func fromHex(file []byte) ([]byte, error) {
	out := make([]byte, 0, len(file)/2)
	number := 0
	for line := range bytes.Lines(file) {
		number++
		var err error
		if out, err = hex.AppendDecode(out, bytes.TrimSpace(line)); err != nil {
			return nil, fmt.Errorf("line %d is not bytes in hex: %w", number, err)
		}
	}
	return out, nil
}

// isText says whether a file that begins with b can be hex.
func isText(b byte) bool {
	return bytes.IndexByte([]byte("0123456789abcdefABCDEF \t\r\n"), b) >= 0
}
