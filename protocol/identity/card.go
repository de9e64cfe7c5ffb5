package identity

import (
	"bytes"
	"crypto/ed25519"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// maxEmbargoDays bounds Policy.EmbargoDays.
const maxEmbargoDays = 3650

// Policy is what an organisation tells others in advance, as keys of a map; zero
// is "says nothing" and is not written. Keys that a reader does not know are
// ignored; in Card.Raw they stand under the signature.
type Policy struct {
	EmbargoDays uint64 // key 1: the embargo it usually asks for, at most 3650
	MinTrust    Trust  // key 2: the trust it asks for before it accepts an invitation
}

// Card is an organisation's signed introduction. It exists only because the
// chain and the signature were verified; nothing in it is to be changed.
type Card struct {
	Org    *Org
	Name   string   // the chain's
	Addrs  []string // multiaddrs without /p2p; see CheckAddrs
	Policy Policy
	T      uint64 // claimed Unix milliseconds; of two cards with one chain the later holds
	Kid    id.Kid // the daemon that signed
	Raw    []byte
	ID     [32]byte
}

// SealCard writes a card from Org, Addrs, Policy and T of c, signed by an
// unrevoked daemon of Org. The result has passed OpenCard.
func SealCard(key ed25519.PrivateKey, c Card) ([]byte, error) {
	policy := map[uint64]uint64{}
	if c.Policy.EmbargoDays != 0 {
		policy[1] = c.Policy.EmbargoDays
	}
	if c.Policy.MinTrust != 0 {
		policy[2] = uint64(c.Policy.MinTrust)
	}
	payload := canon.MustMarshal(struct {
		V      uint64            `cbor:"1,keyasint"`
		Events [][]byte          `cbor:"2,keyasint"`
		Name   string            `cbor:"3,keyasint"`
		Addrs  []string          `cbor:"4,keyasint"`
		Policy map[uint64]uint64 `cbor:"5,keyasint"`
		T      uint64            `cbor:"6,keyasint"`
	}{1, c.Org.Events, c.Org.Name, *list(c.Addrs), policy, c.T})
	raw, _ := cose.Seal(cose.Card, key, payload)
	_, err := OpenCard(raw)
	return raw, err
}

// OpenCard verifies a card in this order: size, form, the chain (and with it the
// OrgID), the name, the signature by an unrevoked daemon of that chain. It copies
// raw. Whether the certificate is in force is for who owns a clock; whether this
// is the organisation one means, for people (Words).
func OpenCard(raw []byte) (*Card, error) {
	if len(raw) > MaxCard {
		return nil, ErrSize
	}
	raw = bytes.Clone(raw)
	obj, err := cose.Parse(cose.Card, raw)
	if err != nil {
		return nil, err
	}
	c := &Card{Kid: obj.Kid, Raw: raw, ID: obj.ID}
	seen, err := readMap(obj.Payload, c.field)
	if err != nil {
		return nil, err
	}
	if seen != set(1, 2, 3, 4, 5, 6) {
		return nil, ErrFields
	}
	if c.Name != c.Org.Name {
		return nil, ErrName
	}
	if err := c.Org.Verify(&obj, 0); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Card) field(k uint64, r *canon.Reader) (err error) {
	switch k {
	case 1:
		_, err = number(r, 1, 1)
	case 2:
		c.Org, err = chain(r)
	case 3:
		c.Name, err = name(r)
	case 4:
		c.Addrs, err = texts(r, MaxAddrs, checkAddr)
	case 5:
		c.Policy, err = policy(r)
	case 6:
		c.T, err = number(r, 0, MaxTime)
	default:
		return ErrFields
	}
	return err
}

func chain(r *canon.Reader) (*Org, error) {
	n, err := r.Array()
	if err != nil {
		return nil, ErrField
	}
	if n > MaxEvents {
		return nil, ErrSize
	}
	events := make([][]byte, n)
	for i := range events {
		if events[i], err = r.Bytes(); err != nil {
			return nil, ErrField
		}
	}
	return Replay(events)
}

// policy reads the keys it knows and walks over the others.
func policy(r *canon.Reader) (p Policy, err error) {
	n, err := r.Map()
	if err != nil {
		return p, ErrField
	}
	last := int64(-1)
	for range n {
		k, err := r.Key(&last)
		if err != nil {
			return p, err
		}
		switch k {
		case 1:
			p.EmbargoDays, err = number(r, 1, maxEmbargoDays)
		case 2:
			var t uint64
			t, err = number(r, uint64(TrustTOFU), uint64(TrustVerified))
			p.MinTrust = Trust(t)
		default:
			_, err = r.Raw()
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}
