package identity

import (
	"bytes"
	"crypto/ed25519"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// Policy is what an organisation tells others in advance, as keys of a map; zero
// is "says nothing" and is not written. Keys that a reader does not know are
// ignored; in Card.Raw they stand under the signature.
type Policy struct {
	EmbargoDays uint64 // key 1: the embargo it usually asks for, at most 3650
	MinTrust    Trust  // key 2: the trust it asks for before it accepts an invitation
	MinDays     uint64 // key 3: the shortest embargo that helps it, at most EmbargoDays
	MaxDays     uint64 // key 4: the longest that it agrees to, at least EmbargoDays
	ReplyDays   uint64 // key 5: how long it takes to answer a proposal, 3 to 365
	Clocks      Clocks // keys 6 to 8
}

// Clocks are the hours in which an organisation has to tell an authority that a
// vulnerability is exploited, from when it heard so; at most 8784 each.
type Clocks struct {
	Warning uint64 // key 6: an early warning
	Notice  uint64 // key 7: a notification
	Report  uint64 // key 8: a final report
}

// numbers are the policy's numbers by their keys, with their bounds.
func (p *Policy) numbers() map[uint64]bounded {
	return map[uint64]bounded{
		1: {&p.EmbargoDays, 1, 3650}, 3: {&p.MinDays, 1, 3650}, 4: {&p.MaxDays, 1, 3650}, 5: {&p.ReplyDays, 3, 365},
		6: {&p.Clocks.Warning, 1, 8784}, 7: {&p.Clocks.Notice, 1, 8784}, 8: {&p.Clocks.Report, 1, 8784},
	}
}

type bounded struct {
	n      *uint64
	lo, hi uint64
}

// Check refuses what no card may say; the zero Policy says nothing and passes.
func (p Policy) Check() error {
	for _, b := range p.numbers() {
		if *b.n != 0 && (*b.n < b.lo || *b.n > b.hi) {
			return ErrField
		}
	}
	last := uint64(0)
	for _, days := range []uint64{p.MinDays, p.EmbargoDays, p.MaxDays} {
		if days != 0 && days < last {
			return ErrField
		}
		last = max(last, days)
	}
	return nil
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
	for k, b := range c.Policy.numbers() {
		if *b.n != 0 {
			policy[k] = *b.n
		}
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
func OpenCard(raw []byte) (*Card, error) { return OpenCardBy(raw, Replay) }

// OpenCardBy is OpenCard for who has another word on the chain: replay judges its
// events, as Replay does.
func OpenCardBy(raw []byte, replay func(events [][]byte) (*Org, error)) (*Card, error) {
	if len(raw) > MaxCard {
		return nil, ErrSize
	}
	raw = bytes.Clone(raw)
	obj, err := cose.Parse(cose.Card, raw)
	if err != nil {
		return nil, err
	}
	c := &Card{Kid: obj.Kid, Raw: raw, ID: obj.ID}
	var events [][]byte
	seen, err := readMap(obj.Payload, func(k uint64, r *canon.Reader) (err error) {
		if k == 2 {
			events, err = eventsOf(r)
			return err
		}
		return c.field(k, r)
	})
	if err != nil {
		return nil, err
	}
	if seen != set(1, 2, 3, 4, 5, 6) {
		return nil, ErrFields
	}
	if c.Org, err = replay(events); err != nil {
		return nil, err
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

func eventsOf(r *canon.Reader) ([][]byte, error) {
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
	return events, nil
}

// policy reads the keys it knows and walks over the others.
func policy(r *canon.Reader) (p Policy, err error) {
	n, err := r.Map()
	if err != nil {
		return p, ErrField
	}
	last, known := int64(-1), p.numbers()
	for range n {
		k, err := r.Key(&last)
		if err != nil {
			return p, err
		}
		switch b, ok := known[k]; {
		case ok:
			*b.n, err = number(r, b.lo, b.hi)
		case k == 2:
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
	return p, p.Check()
}
