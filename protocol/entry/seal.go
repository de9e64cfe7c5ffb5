package entry

import (
	"crypto/ed25519"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// Seal writes and signs the entry. The result has passed Parse: what this build
// writes, this build reads. The error is Parse's and means a mistake of the caller's.
func (f *Fields) Seal(key ed25519.PrivateKey) (*Sealed, error) {
	raw, _ := cose.Seal(cose.Entry, key, f.payload())
	return Parse(raw)
}

// payload encodes the fields as a canonical map. By hand: it is the hot path of
// Append, and the field rules stand beside those of the reader.
func (f *Fields) payload() []byte {
	b := make([]byte, 0, 320+len(f.Ctl)+len(f.Deps)*34)
	b = canon.AppendHead(b, 5, f.pairs())
	b = append(b, 0x01, 0x01) // 1: v
	if f.Case != (id.CaseID{}) {
		b = hash(append(b, 0x02), f.Case)
	}
	b = append(b, 0x03)
	if f.Comp == id.Control || f.Comp == id.Everyone {
		b = append(b, f.Comp[id.Size-1])
	} else {
		b = hash(b, f.Comp)
	}
	b = canon.AppendHead(append(b, 0x05), 0, uint64(f.Seq))
	if f.Seq > 0 {
		b = hash(append(b, 0x06), f.Prev)
	}
	b = canon.AppendHead(append(b, 0x07), 4, uint64(len(f.Deps)))
	for _, d := range f.Deps {
		b = hash(b, d)
	}
	b = canon.AppendHead(append(b, 0x08), 0, f.LC)
	b = canon.AppendHead(append(b, 0x09), 0, f.T)
	b = canon.AppendHead(append(b, 0x0a), 0, uint64(f.Type))
	if f.Cfg != nil {
		b = hash(append(b, 0x0b), *f.Cfg)
	}
	if f.Agr != nil {
		b = hash(append(b, 0x0c), *f.Agr)
	}
	if f.Ctl != nil {
		b = append(append(b, 0x0d), f.Ctl...)
	}
	if f.Body != nil {
		b = hash(append(b, 0x0e, 0x83), f.Body.Hash)
		b = hash(canon.AppendHead(b, 0, f.Body.Size), f.Body.KC)
	}
	return b
}

// pairs is the number of keys that payload writes.
func (f *Fields) pairs() uint64 {
	n := uint64(7)
	for _, present := range []bool{
		f.Case != id.CaseID{}, f.Seq > 0, f.Cfg != nil, f.Agr != nil, f.Ctl != nil, f.Body != nil,
	} {
		if present {
			n++
		}
	}
	return n
}

// hash appends a 32-byte string.
func hash[T ~[32]byte](b []byte, h T) []byte { return append(append(b, 0x58, 0x20), h[:]...) }
