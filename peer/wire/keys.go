package wire

import (
	"cordon/protocol/canon"
	"cordon/protocol/id"
)

// Key is one body's key, inside the ciphertext of KEYS.
type Key struct {
	Entry id.EntryID
	CEK   [32]byte
}

// AppendKeys appends the plaintext of KEYS.
func AppendKeys(b []byte, list []Key) []byte {
	b = array(b, len(list))
	for _, k := range list {
		b = hash(hash(array(b, 2), k.Entry), k.CEK)
	}
	return b
}

// ParseKeys reads the plaintext of KEYS.
func ParseKeys(b []byte) ([]Key, error) {
	d := &decoder{r: canon.NewReader(b), size: len(b)}
	list := make([]Key, d.list(69))
	for i := range list {
		d.tuple(2)
		list[i] = Key{Entry: d.hash(), CEK: d.hash()}
	}
	return list, d.end()
}

// end is the first error, or ErrTrailing when bytes are left.
func (d *decoder) end() error {
	if d.err == nil && !d.r.Done() {
		d.err = canon.ErrTrailing
	}
	return d.err
}
