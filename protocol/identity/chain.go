package identity

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"

	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// add verifies the next event and takes its effect. After an error o is not to
// be used: Replay and Extend drop it.
func (o *Org) add(raw []byte) error {
	if len(raw) > MaxEvent || len(o.Events) >= MaxEvents {
		return ErrSize
	}
	raw = bytes.Clone(raw)
	obj, err := cose.Parse(cose.Ident, raw)
	if err != nil {
		return err
	}
	e, err := parseEvent(obj.Payload)
	if err != nil {
		return err
	}
	if err := o.chains(e); err != nil {
		return err
	}
	if err := o.signed(e, &obj); err != nil {
		return err
	}
	if err := o.apply(e); err != nil {
		return err
	}
	if e.op == opCreate {
		o.ID = obj.ID
	}
	o.Events = append(o.Events, raw)
	o.ids = append(o.ids, obj.ID)
	return nil
}

// chains says whether the event is the next by index, prev and kind.
func (o *Org) chains(e *event) error {
	n := len(o.ids)
	if e.index != uint64(n) || (n == 0) != (e.op == opCreate) {
		return ErrChain
	}
	if n > 0 && e.prev != o.ids[n-1] {
		return ErrChain
	}
	return nil
}

// signed judges the signature by the root in force: for create and rotate the
// root that the event itself brings, which for rotate must be the announced one.
func (o *Org) signed(e *event, obj *cose.Object) error {
	root := o.root
	switch e.op {
	case opCreate:
		root = e.root
	case opRotate:
		if commit(e.root) != o.next {
			return ErrRoot
		}
		root = e.root
	}
	if cose.Thumbprint(root) != obj.Kid {
		return ErrRoot
	}
	return obj.Verify(root)
}

// apply takes the effect of an authentic event that is next.
func (o *Org) apply(e *event) error {
	switch e.op {
	case opCreate:
		o.root, o.next, o.Name, o.Domains = e.root, e.next, e.name, e.domains
	case opAdd:
		return o.certify(e)
	case opRevoke:
		return o.revoke(e.kid, Reason(e.reason))
	case opRotate:
		if o.uses(e.root, id.Kid{}) {
			return ErrReused
		}
		o.root, o.next = e.root, e.next
	case opMeta:
		o.Name, o.Domains = e.name, e.domains
	}
	return nil
}

// certify adds a daemon, or renews the certificate of one that is not revoked:
// the new certificate then stands in place of the old.
func (o *Org) certify(e *event) error {
	d := Daemon{Kid: cose.Thumbprint(e.sig), Sig: e.sig, Peer: e.peer, KEM: e.kem, Caps: e.caps, NotAfter: e.notAfter}
	if bytes.Equal(e.sig, e.peer) || o.uses(e.sig, d.Kid) || o.uses(e.peer, d.Kid) {
		return ErrReused
	}
	at := slices.IndexFunc(o.daemons, func(x Daemon) bool { return x.Kid == d.Kid })
	if at >= 0 && o.daemons[at].Revoked {
		return ErrDaemon
	}
	if d.Can(CapSteward) && slices.ContainsFunc(o.daemons, func(x Daemon) bool {
		return x.Kid != d.Kid && !x.Revoked && x.Can(CapSteward)
	}) {
		return ErrSteward
	}
	if !ed25519.Verify(d.Sig, o.holding(d), e.holds[:]) || !ed25519.Verify(d.Peer, o.carrying(d), e.carries[:]) {
		return ErrHolds
	}
	if at >= 0 {
		d.Renewed = true
		o.daemons[at] = d
	} else {
		o.daemons = append(o.daemons, d)
	}
	return nil
}

// holding is what d's signing key signs so that o may certify it: nobody can
// certify another's key, nor move an own one to keys that it has not agreed to.
func (o *Org) holding(d Daemon) []byte { return o.possession("cordon/1/holds", d.Peer, d.KEM) }

// carrying is the same for d's transport key: a connection is one organisation's, so
// who could list another's transport key would keep that daemon from connecting.
func (o *Org) carrying(d Daemon) []byte { return o.possession("cordon/1/carries", d.Sig, d.KEM) }

// possession names the organisation, the daemon's other key, and its KEM key.
func (o *Org) possession(role string, other ed25519.PublicKey, kem []byte) []byte {
	hash := sha256.Sum256(kem)
	return slices.Concat([]byte(role), o.ID[:], other, hash[:])
}

// uses says whether the key is the root in force or a key of a daemon other than
// but, revoked ones included.
func (o *Org) uses(key ed25519.PublicKey, but id.Kid) bool {
	return bytes.Equal(key, o.root) || slices.ContainsFunc(o.daemons, func(d Daemon) bool {
		return d.Kid != but && (bytes.Equal(key, d.Sig) || bytes.Equal(key, d.Peer))
	})
}

func (o *Org) revoke(kid id.Kid, why Reason) error {
	at := slices.IndexFunc(o.daemons, func(d Daemon) bool { return d.Kid == kid })
	if at < 0 || o.daemons[at].Revoked {
		return ErrDaemon
	}
	o.daemons[at].Revoked, o.daemons[at].Reason = true, why
	return nil
}
