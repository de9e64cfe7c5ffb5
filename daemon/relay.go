package daemon

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"cordon/daemon/api"
	"cordon/peer"
	"cordon/protocol/identity"
)

// RelayOptions say what a relay is for.
type RelayOptions struct {
	Listen []string // multiaddrs; at least one
	Cards  [][]byte // armoured, of the organisations whose daemons may wait there
}

// Relay passes connections on to the daemons of a few organisations until ctx ends. It
// is no daemon: all that it keeps is a key in dir, which gives it one name for good.
// ready is told where it listens. The process gets a umask of 077.
func Relay(ctx context.Context, dir string, o RelayOptions, ready func(addrs []string)) error {
	unix.Umask(0o077)
	for _, a := range o.Listen {
		if !listens(a) {
			return invalid("listen %q: like /ip4/192.0.2.7/tcp/4500 or /ip4/192.0.2.7/udp/4500/quic-v1", a)
		}
	}
	guests := map[[32]byte]bool{}
	for _, text := range o.Cards {
		raw, err := identity.Unarmour(text)
		if err != nil {
			return &api.Error{Kind: api.Invalid, Rule: rule(err), Text: "this is not exactly one armoured card", Try: "give the output of: cordon card"}
		}
		card, err := identity.OpenCard(raw)
		if err != nil {
			return &api.Error{Kind: api.Invalid, Rule: rule(err), Text: "the card does not verify: " + err.Error(), Try: "ask for it again; it may have been altered on its way"}
		}
		for _, d := range card.Org.Daemons() {
			guests[[32]byte(d.Peer)] = guests[[32]byte(d.Peer)] || !d.Revoked
		}
	}
	key, err := relayKey(home(dir))
	if err != nil {
		return err
	}
	return peer.ServeRelay(ctx, peer.RelayConfig{Key: key, Listen: o.Listen,
		For: func(transport ed25519.PublicKey) bool { return guests[[32]byte(transport)] }}, ready)
}

// relayKey reads the key of a relay, or makes it.
func relayKey(h home) (ed25519.PrivateKey, error) {
	path := h.path("relay.key")
	key, err := loadSeed(path, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := h.folders("."); err != nil {
		return nil, err
	}
	_, key, err = ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	return key, saveKey(path, pemSeed, key.Seed(), "")
}
