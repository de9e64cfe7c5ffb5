package wire

import (
	"fmt"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// The kinds of requests and answers, as they travel.
const (
	Offer   = 1
	Accept  = 2
	Decline = 3

	Kept   = 1 // taken, or pending
	Joined = 2
	No     = 3
)

// Request is a request of /cordon/invite/1. Which fields are set depends on Kind.
type Request struct {
	Kind      uint64
	Object    []byte // Offer: the sealed invite. Accept: the sealed accept
	Agreement []byte // Offer: canonical CBOR
	Card      []byte // Offer, Accept
	Nonce     [16]byte
}

// Answer is an answer of /cordon/invite/1. Enc and Sealed are set in Joined.
type Answer struct {
	Kind        uint64
	Enc, Sealed []byte
}

// Packet is the plaintext of Joined: where a case is.
type Packet struct {
	Case    id.CaseID
	Salt    [32]byte
	Genesis []byte
	Admit   id.EntryID
	Config  id.ConfigID
	Members []id.OrgID // other members, from whom the case may be fetched too
}

// Append appends the request without a length.
func (q *Request) Append(b []byte) []byte {
	switch q.Kind {
	case Offer:
		b = str(open(b, 4, Offer), q.Object)
		return str(append(b, q.Agreement...), q.Card)
	case Accept:
		return str(str(open(b, 3, Accept), q.Object), q.Card)
	}
	return half(open(b, 2, Decline), q.Nonce)
}

// ParseRequest reads a request, which is the whole of b.
func ParseRequest(b []byte) (*Request, error) {
	d := &decoder{r: canon.NewReader(b), size: len(b)}
	n := d.list(1)
	q := &Request{Kind: d.number(3)}
	switch {
	case d.err != nil:
	case q.Kind == Offer && n == 4:
		q.Object, q.Agreement, q.Card = d.bytes(MaxObject), d.item(MaxAgreement), d.bytes(identity.MaxCard)
	case q.Kind == Accept && n == 3:
		q.Object, q.Card = d.bytes(MaxObject), d.bytes(identity.MaxCard)
	case q.Kind == Decline && n == 2:
		q.Nonce = d.half()
	default:
		d.fail(errKind)
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("request of kind %d: %w", q.Kind, err)
	}
	return q, nil
}

// AppendAnswer appends the length and the answer.
func AppendAnswer(b []byte, a *Answer) []byte {
	return prefixed(b, func(b []byte) []byte {
		if a.Kind == Joined {
			return str(str(open(b, 3, Joined), a.Enc), a.Sealed)
		}
		return open(b, 1, a.Kind)
	})
}

// ParseAnswer reads an answer, which is the whole of b.
func ParseAnswer(b []byte) (*Answer, error) {
	d := &decoder{r: canon.NewReader(b), size: len(b)}
	n := d.list(1)
	a := &Answer{Kind: d.number(3)}
	switch {
	case d.err != nil:
	case a.Kind == Joined && n == 3:
		a.Enc, a.Sealed = d.bytes(MaxInviteFrame), d.bytes(MaxInviteFrame)
	case (a.Kind == Kept || a.Kind == No) && n == 1:
	default:
		d.fail(errKind)
	}
	if err := d.end(); err != nil {
		return nil, fmt.Errorf("answer of kind %d: %w", a.Kind, err)
	}
	return a, nil
}

// AppendPacket appends the plaintext of Joined.
func AppendPacket(b []byte, p *Packet) []byte {
	b = hash(hash(array(b, 6), p.Case), p.Salt)
	b = array(hash(hash(str(b, p.Genesis), p.Admit), p.Config), len(p.Members))
	for _, o := range p.Members {
		b = hash(b, o)
	}
	return b
}

// ParsePacket reads the plaintext of Joined.
func ParsePacket(b []byte) (*Packet, error) {
	d := &decoder{r: canon.NewReader(b), size: len(b)}
	d.tuple(6)
	p := &Packet{Case: d.hash(), Salt: d.hash(), Genesis: d.bytes(entry.MaxControl), Admit: d.hash(), Config: d.hash()}
	p.Members = d.orgs()
	return p, d.end()
}

func (d *decoder) orgs() []id.OrgID {
	n := d.list(34)
	if n > MaxNamed {
		d.fail(errFrame)
		return nil
	}
	list := make([]id.OrgID, n)
	for i := range list {
		list[i] = d.hash()
	}
	return list
}

// item reads one canonical item of at most most bytes as it stands.
func (d *decoder) item(most int) []byte {
	if d.err != nil {
		return nil
	}
	s, err := d.r.Raw()
	if err == nil && len(s) > most {
		err = canon.ErrRange
	}
	d.err = err
	return s
}
