package peer

import (
	"crypto/hpke"
	"fmt"
	"slices"

	"cordon/peer/wire"
	"cordon/protocol/id"
)

// keySealer seals the keys of one session and direction: one HPKE context, whose
// counter makes every frame's nonce (spec/sync.md §8).
type keySealer struct{ ctx *hpke.Sender }

// keyOpener is the other end of a keySealer.
type keyOpener struct{ ctx *hpke.Recipient }

// keysInfo binds a context to a session and direction.
func (s *session) keysInfo(sender, receiver id.Kid) []byte {
	first, second := s.mine, s.theirs
	if !s.opener {
		first, second = second, first
	}
	return slices.Concat([]byte("cordon-keys/1"), first[:], second[:], sender[:], receiver[:])
}

// sealKeys makes a KEYS frame. The case's tag is authenticated with it.
func (s *session) sealKeys(tag wire.Tag, list []wire.Key) (*wire.Keys, error) {
	f := &wire.Keys{Tag: tag}
	if s.sealer.ctx == nil {
		pub, err := hpke.MLKEM768X25519().NewPublicKey(s.contact.KEM)
		if err != nil {
			return nil, fmt.Errorf("certified KEM key: %w", err)
		}
		f.Enc, s.sealer.ctx, err = hpke.NewSender(pub, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), s.keysInfo(s.n.c.Kid, s.contact.Kid))
		if err != nil {
			return nil, fmt.Errorf("key context: %w", err)
		}
	}
	var err error
	f.Sealed, err = s.sealer.ctx.Seal(tag[:], wire.AppendKeys(nil, list))
	return f, err
}

// openKeys opens a KEYS frame. Each must be opened, wanted or not: the contexts
// count together.
func (s *session) openKeys(f *wire.Keys) ([]wire.Key, error) {
	if (s.unseal.ctx == nil) != (len(f.Enc) > 0) {
		return nil, ErrKeys
	}
	if s.unseal.ctx == nil {
		ctx, err := hpke.NewRecipient(f.Enc, s.n.c.KEM, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), s.keysInfo(s.contact.Kid, s.n.c.Kid))
		if err != nil {
			return nil, ErrKeys
		}
		s.unseal.ctx = ctx
	}
	plain, err := s.unseal.ctx.Open(f.Tag[:], f.Sealed)
	if err != nil {
		return nil, ErrKeys
	}
	list, err := wire.ParseKeys(plain)
	if err != nil {
		return nil, ErrKeys
	}
	return list, nil
}

// joinInfo binds a join packet to its invitation.
func joinInfo(invite [32]byte) []byte { return append([]byte("cordon-join/1"), invite[:]...) }

// sealJoin seals a join packet to the KEM key of the daemon that asked.
func sealJoin(kem []byte, invite [32]byte, packet []byte) (enc, sealed []byte, err error) {
	pub, err := hpke.MLKEM768X25519().NewPublicKey(kem)
	if err != nil {
		return nil, nil, fmt.Errorf("certified KEM key: %w", err)
	}
	enc, ctx, err := hpke.NewSender(pub, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), joinInfo(invite))
	if err != nil {
		return nil, nil, fmt.Errorf("join context: %w", err)
	}
	sealed, err = ctx.Seal(nil, packet)
	return enc, sealed, err
}

// openJoin opens what sealJoin made.
func openJoin(key hpke.PrivateKey, invite [32]byte, enc, sealed []byte) ([]byte, error) {
	ctx, err := hpke.NewRecipient(enc, key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), joinInfo(invite))
	if err != nil {
		return nil, fmt.Errorf("join packet: %w", err)
	}
	return ctx.Open(nil, sealed)
}
