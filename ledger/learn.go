package ledger

import (
	"crypto/ed25519"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// typeIdent is the type of the entries, beside genesis, that carry identity events.
const typeIdent entry.Type = 7

// Where the events stand in the ctl of the two, and what this package reads of
// an event (spec/cordon.cddl).
const (
	genesisEvents  = 2
	identEvents    = 1
	eventKind      = 4
	eventDaemonAdd = 2
	eventSig       = 9
)

// taught are the daemon signing keys that the identity events of a genesis or
// ident entry certify. A kid is the thumbprint of its key, so a key learnt is
// the right key; whether its organisation certified it is for the fold to say.
func taught(s *entry.Sealed) []ed25519.PublicKey {
	switch s.Type {
	case entry.TypeGenesis:
		return eventKeys(s.Ctl, genesisEvents)
	case typeIdent:
		return eventKeys(s.Ctl, identEvents)
	}
	return nil
}

// eventKeys walks ctl, which is canonical, to the array of events at key at.
// Whatever has another shape teaches nothing.
func eventKeys(ctl []byte, at uint64) (keys []ed25519.PublicKey) {
	events, ok := valueAt(ctl, at)
	if !ok {
		return nil
	}
	r := canon.NewReader(events)
	n, err := r.Array()
	if err != nil {
		return nil
	}
	for range n {
		raw, err := r.Bytes()
		if err != nil {
			return keys
		}
		if o, err := cose.Parse(cose.Ident, raw); err == nil {
			if pub, ok := daemonKey(o.Payload); ok {
				keys = append(keys, pub)
			}
		}
	}
	return keys
}

// daemonKey is the signing key of a daemon+ event.
func daemonKey(payload []byte) (ed25519.PublicKey, bool) {
	kind, ok := valueAt(payload, eventKind)
	if !ok || len(kind) != 1 || kind[0] != eventDaemonAdd {
		return nil, false
	}
	v, ok := valueAt(payload, eventSig)
	if !ok {
		return nil, false
	}
	pub, err := canon.NewReader(v).Fixed(ed25519.PublicKeySize)
	if err != nil || !cose.KeyOK(pub) {
		return nil, false
	}
	return pub, true
}

// valueAt finds the value of an unsigned key in a canonical map.
func valueAt(m []byte, key uint64) ([]byte, bool) {
	r := canon.NewReader(m)
	n, err := r.Map()
	if err != nil {
		return nil, false
	}
	last := int64(-1)
	for range n {
		k, err := r.Key(&last)
		if err != nil {
			return nil, false
		}
		v, err := r.Raw()
		if err != nil {
			return nil, false
		}
		if k == key {
			return v, true
		}
	}
	return nil, false
}

// learn adds a key and says whether it is new. Called with caseState.mu held,
// or before the view is shared.
func (v *caseView) learn(pub ed25519.PublicKey) (id.Kid, bool) {
	kid := cose.Thumbprint(pub)
	if _, ok := v.keys[kid]; ok {
		return kid, false
	}
	v.keys[kid] = append(ed25519.PublicKey(nil), pub...)
	return kid, true
}
