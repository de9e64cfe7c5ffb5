package peer

import (
	"context"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// tapped is a host whose streams tell what they read: every byte that any of our
// protocols receives, as it is after decryption. The demo and tests look there
// for what should not have come.
type tapped struct {
	host.Host
	tell func(received []byte)
}

func (t tapped) SetStreamHandler(p protocol.ID, h network.StreamHandler) {
	t.Host.SetStreamHandler(p, func(s network.Stream) { h(&tappedStream{s, t.tell}) })
}

func (t tapped) NewStream(ctx context.Context, p libpeer.ID, ids ...protocol.ID) (network.Stream, error) {
	s, err := t.Host.NewStream(ctx, p, ids...)
	if err != nil {
		return nil, err
	}
	return &tappedStream{s, t.tell}, nil
}

// tappedStream is used by its pointer: pubsub compares streams.
type tappedStream struct {
	network.Stream
	tell func(received []byte)
}

func (s *tappedStream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	if n > 0 {
		s.tell(b[:n])
	}
	return n, err
}
