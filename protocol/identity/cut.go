package identity

import (
	"crypto/ed25519"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// MaxCut is the most bytes of a cut.
const MaxCut = 512

// Cut is an organisation's word on up to where the acts of a revoked key stand in
// one case (spec/identity.md §8.9). Only a root or another daemon of it gives it.
type Cut struct {
	Case id.CaseID
	Kid  id.Kid
	At   *CutPlace // nil: nothing stands
}

// CutPlace is the last entry of the key's control feed that stands.
type CutPlace struct {
	Seq   id.Seq
	Entry id.EntryID
}

// SealCut signs a cut with the root or with a daemon's key.
func SealCut(key ed25519.PrivateKey, c Cut) []byte {
	m := map[uint64]any{1: uint64(1), 2: c.Case[:], 3: c.Kid[:]}
	if c.At != nil {
		m[4], m[5] = uint64(c.At.Seq), c.At.Entry[:]
	}
	raw, _ := cose.Seal(cose.Cut, key, canon.MustMarshal(m))
	return raw
}

// OpenCut verifies a cut against the organisation whose key it is about: signed
// by the root in force or by an unrevoked daemon with cap consent.
func (o *Org) OpenCut(raw []byte) (Cut, error) {
	if len(raw) > MaxCut {
		return Cut{}, ErrSize
	}
	obj, err := cose.Parse(cose.Cut, raw)
	if err != nil {
		return Cut{}, err
	}
	c, err := parseCut(obj.Payload)
	if err != nil {
		return c, err
	}
	if obj.Kid == cose.Thumbprint(o.root) {
		return c, obj.Verify(o.root)
	}
	return c, o.Verify(&obj, CapConsent)
}

// parseCut reads the payload {1: 1, 2: case, 3: kid, ? 4: seq, ? 5: entry}.
func parseCut(payload []byte) (c Cut, err error) {
	r := canon.NewReader(payload)
	n, err := r.Map()
	if err != nil || n != 3 && n != 5 {
		return c, ErrField
	}
	var at CutPlace
	last := int64(-1)
	for i := range n {
		k, err := r.Key(&last)
		if err != nil || k != uint64(i)+1 {
			return c, ErrField
		}
		var b []byte
		var v uint64
		if k == 1 || k == 4 {
			v, err = r.Uint()
		} else {
			b, err = r.Fixed(id.Size)
		}
		switch {
		case err != nil || k == 1 && v != 1 || k == 4 && v >= 1<<16:
			return c, ErrField
		case k == 2:
			c.Case = id.CaseID(b)
		case k == 3:
			c.Kid = id.Kid(b)
		case k == 4:
			at.Seq = id.Seq(v)
		case k == 5:
			at.Entry = id.EntryID(b)
			c.At = &at
		}
	}
	if !r.Done() {
		return c, ErrField
	}
	return c, nil
}
