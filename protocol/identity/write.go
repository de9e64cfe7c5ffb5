package identity

import (
	"crypto/ed25519"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// reserve is what the writer keeps free at the end of a chain, so that a stolen
// key can always be revoked and a root rotated: places, and bytes of the card.
const (
	reserveEvents = 8
	reserveBytes  = 3 << 10
)

// Create writes the first event of an organisation. Its id is the OrgID, so a
// fresh root makes a fresh organisation. nextRoot is kept offline, apart from
// root; only its hash is written.
func Create(root ed25519.PrivateKey, nextRoot ed25519.PublicKey, name string, domains []string) ([]byte, error) {
	if !cose.KeyOK(nextRoot) {
		return nil, cose.ErrKey
	}
	hash := commit(nextRoot)
	raw := seal(root, wire{Op: opCreate, Root: public(root), Next: hash[:], Name: &name, Domains: list(domains)})
	_, err := Replay([][]byte{raw})
	return raw, err
}

// CertifyDaemon writes the certificate of the daemon with the keys k, or renews it:
// KEM, Caps (sorted) and NotAfter are d's, its other fields are not read. root is the
// root in force; both keys sign that they agree. The result extends o; ErrFull says
// that the chain keeps its last places for revocations.
func (o *Org) CertifyDaemon(root ed25519.PrivateKey, k Keys, d Daemon) ([]byte, error) {
	d.Sig, d.Peer = public(k.Sig), public(k.Peer)
	caps := make([]uint64, len(d.Caps))
	for i, c := range d.Caps {
		caps[i] = uint64(c)
	}
	return o.grow(root, wire{Op: opAdd, Sig: d.Sig, Peer: d.Peer, KEM: d.KEM, Caps: caps, NotAfter: &d.NotAfter,
		Holds: ed25519.Sign(k.Sig, o.holding(d)), Carries: ed25519.Sign(k.Peer, o.carrying(d))})
}

// RevokeDaemon writes the end of a daemon's certificate; reason is at most maxReason.
func (o *Org) RevokeDaemon(root ed25519.PrivateKey, kid id.Kid, reason Reason) ([]byte, error) {
	code := uint64(reason)
	return o.follow(root, wire{Op: opRevoke, Kid: kid[:], Reason: &code})
}

// Rotate puts newRoot, whose hash the chain announced, in force and announces
// nextRoot. It is signed by newRoot: who stole the former root cannot write it.
func (o *Org) Rotate(newRoot ed25519.PrivateKey, nextRoot ed25519.PublicKey) ([]byte, error) {
	if !cose.KeyOK(nextRoot) {
		return nil, cose.ErrKey
	}
	hash := commit(nextRoot)
	return o.follow(newRoot, wire{Op: opRotate, Root: public(newRoot), Next: hash[:]})
}

// Rename writes a new name and new domains.
func (o *Org) Rename(root ed25519.PrivateKey, name string, domains []string) ([]byte, error) {
	return o.grow(root, wire{Op: opMeta, Name: &name, Domains: list(domains)})
}

// grow is follow for events that must leave the reserve free.
func (o *Org) grow(root ed25519.PrivateKey, w wire) ([]byte, error) {
	raw, err := o.follow(root, w)
	if err != nil {
		return nil, err
	}
	size := len(raw)
	for _, e := range o.Events {
		size += len(e)
	}
	if len(o.Events)+1 > MaxEvents-reserveEvents || size > MaxCard-reserveBytes {
		return nil, ErrFull
	}
	return raw, nil
}

// follow signs the event that follows o's last, and proves that it does.
func (o *Org) follow(root ed25519.PrivateKey, w wire) ([]byte, error) {
	w.Index = uint64(len(o.ids))
	w.Prev = o.ids[len(o.ids)-1][:]
	raw := seal(root, w)
	_, err := o.Extend(raw)
	return raw, err
}

// wire is an event as it is encoded; parseEvent is its reader.
type wire struct {
	V        uint64    `cbor:"1,keyasint"`
	Index    uint64    `cbor:"2,keyasint"`
	Prev     []byte    `cbor:"3,keyasint,omitempty"`
	Op       op        `cbor:"4,keyasint"`
	Root     []byte    `cbor:"5,keyasint,omitempty"`
	Next     []byte    `cbor:"6,keyasint,omitempty"`
	Name     *string   `cbor:"7,keyasint,omitempty"`
	Domains  *[]string `cbor:"8,keyasint,omitempty"`
	Sig      []byte    `cbor:"9,keyasint,omitempty"`
	Peer     []byte    `cbor:"10,keyasint,omitempty"`
	KEM      []byte    `cbor:"11,keyasint,omitempty"`
	Caps     []uint64  `cbor:"12,keyasint,omitempty"`
	NotAfter *uint64   `cbor:"13,keyasint,omitempty"`
	Kid      []byte    `cbor:"14,keyasint,omitempty"`
	Reason   *uint64   `cbor:"15,keyasint,omitempty"`
	Holds    []byte    `cbor:"16,keyasint,omitempty"`
	Carries  []byte    `cbor:"17,keyasint,omitempty"`
}

func seal(root ed25519.PrivateKey, w wire) []byte {
	w.V = 1
	raw, _ := cose.Seal(cose.Ident, root, canon.MustMarshal(w))
	return raw
}

func public(key ed25519.PrivateKey) []byte { return key.Public().(ed25519.PublicKey) }

// list makes an empty list of nil, which would be encoded as null.
func list(s []string) *[]string {
	l := append([]string{}, s...)
	return &l
}

// Recap writes a daemon's certificate again with other caps (sorted), all else as it
// is. Nobody needs its keys: possession does not cover caps, and is repeated.
func (o *Org) Recap(root ed25519.PrivateKey, kid id.Kid, caps ...Cap) ([]byte, error) {
	for i := len(o.Events) - 1; i >= 0; i-- {
		obj, err := cose.Parse(cose.Ident, o.Events[i])
		if err != nil {
			return nil, err
		}
		e, err := parseEvent(obj.Payload)
		if err != nil {
			return nil, err
		}
		if e.op != opAdd || cose.Thumbprint(e.sig) != kid {
			continue
		}
		w := wire{Op: opAdd, Sig: e.sig, Peer: e.peer, KEM: e.kem, NotAfter: &e.notAfter, Holds: e.holds[:], Carries: e.carries[:]}
		for _, c := range caps {
			w.Caps = append(w.Caps, uint64(c))
		}
		return o.grow(root, w)
	}
	return nil, ErrDaemon
}
