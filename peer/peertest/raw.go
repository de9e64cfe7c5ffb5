package peertest

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"

	"cordon/peer/wire"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Raw is a connection of an organisation's daemon with another, of which the caller
// writes every byte and obeys no limit: what somebody hostile has who is let in.
type Raw struct {
	host   host.Host
	to     libpeer.ID
	addrs  libpeer.AddrInfo
	stream network.Stream
	key    func(id.CaseID) wire.Tag
}

// protoSync is spec/sync.md's.
const protoSync protocol.ID = "/cordon/sync/1"

// Raw connects the keys of o, whose node does not run, with the daemon of a card, and
// exchanges HELLO.
func (o *Org) Raw(ctx context.Context, to *identity.Card) (r *Raw, err error) {
	d := to.Org.Daemons()[0]
	key, err := crypto.UnmarshalEd25519PrivateKey(o.transport)
	if err != nil {
		return nil, err
	}
	pub, err := crypto.UnmarshalEd25519PublicKey(d.Peer)
	if err != nil {
		return nil, err
	}
	r = &Raw{}
	if r.to, err = libpeer.IDFromPublicKey(pub); err != nil {
		return nil, err
	}
	r.addrs = libpeer.AddrInfo{ID: r.to}
	for _, a := range to.Addrs {
		at, err := ma.NewMultiaddr(a)
		if err != nil {
			return nil, err
		}
		r.addrs.Addrs = append(r.addrs.Addrs, at)
	}
	r.host, err = libp2p.New(libp2p.Identity(key), libp2p.NoListenAddrs, libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(tls.ID, tls.New), libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.Ping(false), libp2p.DisableMetrics())
	if err != nil {
		return nil, err
	}
	if err := r.greet(ctx, o, d.Kid); err != nil {
		return nil, errors.Join(fmt.Errorf("greet: %w", err), r.host.Close())
	}
	return r, nil
}

func (r *Raw) greet(ctx context.Context, o *Org, kid id.Kid) (err error) {
	came := make(chan network.Stream, 1)
	r.host.SetStreamHandler(protoSync, func(s network.Stream) {
		select {
		case came <- s:
		default:
			_ = s.Reset()
		}
	})
	if err := r.host.Connect(ctx, r.addrs); err != nil {
		return err
	}
	opener := r.host.ID() < r.to
	if opener {
		r.stream, err = r.host.NewStream(ctx, r.to, protoSync)
	} else {
		select {
		case r.stream = <-came:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	var mine [32]byte
	_, _ = rand.Read(mine[:]) // never fails (crypto/rand)
	if err := r.Send(&wire.Hello{Versions: []uint64{1}, Kid: o.Kid, Nonce: mine, MaxFrame: wire.MaxFrame, Events: o.Chain.Events}); err != nil {
		return err
	}
	raw, err := wire.ReadFrame(r.stream, nil, wire.MaxFrame)
	if err != nil {
		return err
	}
	f, err := wire.Parse(raw)
	h, ok := f.(*wire.Hello)
	if err != nil || !ok {
		return fmt.Errorf("not HELLO: %w", err)
	}
	first, second := mine, h.Nonce
	if !opener {
		first, second = second, first
	}
	r.key = func(c id.CaseID) wire.Tag {
		key, _ := hkdf.Key(sha256.New, c[:], nil, "sync", 32) // never fails: the length is fixed
		m := hmac.New(sha256.New, key)
		for _, part := range [][32]byte{first, second, o.Kid, kid} {
			m.Write(part[:])
		}
		return wire.Tag(m.Sum(nil)[:16])
	}
	return nil
}

// Tag is how frames to the other side name a case.
func (r *Raw) Tag(c id.CaseID) wire.Tag { return r.key(c) }

// Send writes frames; an error says that the session is over.
func (r *Raw) Send(list ...wire.Frame) error {
	var b []byte
	for _, f := range list {
		b = wire.Append(b, f)
	}
	_ = r.stream.SetWriteDeadline(time.Now().Add(time.Minute))
	_, err := r.stream.Write(b)
	return err
}

// Drain passes over what the other side says until the session ends.
func (r *Raw) Drain() { _, _ = io.Copy(io.Discard, r.stream) }

// Next is the next frame of the other side.
func (r *Raw) Next(within time.Duration) (wire.Frame, error) {
	_ = r.stream.SetReadDeadline(time.Now().Add(within))
	raw, err := wire.ReadFrame(r.stream, nil, wire.MaxFrame)
	if err != nil {
		return nil, err
	}
	return wire.Parse(raw)
}

// Stream opens one more stream over the connection, asks for a protocol on it and waits
// for no answer; an error says that the connection is gone. reset resets it.
func (r *Raw) Stream(ctx context.Context, kind string) (reset func(), err error) {
	st, err := r.host.Network().NewStream(network.WithNoDial(ctx, "raw"), r.to)
	if err != nil {
		return nil, err
	}
	var b []byte
	for _, line := range []string{"/multistream/1.0.0\n", kind + "\n"} {
		b = append(append(b, byte(len(line))), line...)
	}
	_, _ = st.Write(b) // an error here: it was reset, as most are
	return func() { _ = st.Reset() }, nil
}

// Close ends the connection.
func (r *Raw) Close() error { return r.host.Close() }
