package peer

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/crypto/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/gologshim"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
)

// Limits of the network layer (spec/sync.md §1). A hostile peer gets no more.
const (
	maxConns      = 512
	maxPeerConns  = 4 // both sides may dial at once, over two transports
	maxStreams    = 16
	maxPeerMemory = 4<<20 + maxWindows
	maxWindows    = 16 << 20 // flow control windows of one peer: yamux's or QUIC's
	maxMemory     = 512 << 20
	maxSubnet     = 64 // connections from one address: an organisation behind a NAT
	quicDelay     = 500 * time.Millisecond
	stallTime     = 30 * time.Second // a connection that takes nothing, or answers no ping, for so long is gone
	rttPause      = 5 * time.Minute  // between two measurements; the window of a stream follows them
)

// newHost opens the listeners: TCP with TLS 1.3, and QUIC. Connections over a relay
// are dialled where an address says so; nothing else of what libp2p can do is
// switched on.
func newHost(c *Config, g gater) (host.Host, error) {
	if err := quiet(); err != nil {
		return nil, err
	}
	key, err := crypto.UnmarshalEd25519PrivateKey(c.Transport)
	if err != nil {
		return nil, fmt.Errorf("transport key: %w", err)
	}
	streams := maxStreams
	if g.carries {
		streams = maxConns
	}
	limits, err := newLimits(c.Relays, g.relay)
	if err != nil {
		return nil, fmt.Errorf("network limits: %w", err)
	}
	h, err := libp2p.New(
		libp2p.Identity(key),
		libp2p.ListenAddrStrings(c.Listen...),
		libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()),
		libp2p.Transport(quic.NewTransport),
		libp2p.Security(tls.ID, tls.New),
		libp2p.Muxer(yamux.ID, newMuxer(streams)),
		libp2p.ResourceManager(counted{limits, g.opened, g.guest}),
		libp2p.ConnectionGater(g),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}), // trims nothing: the gater and the limits decide
		libp2p.SwarmOpts(swarm.WithDialRanker(rank), swarm.WithDialTimeoutLocal(handshakeTime)),
		libp2p.UDPBlackHoleSuccessCounter(nil), // after an outage they dial one time in a hundred; the schedule is ours
		libp2p.IPv6BlackHoleSuccessCounter(nil),
		libp2p.UserAgent("cordon"),
		libp2p.ProtocolVersion("cordon/1"),
		libp2p.EnableRelay(),
		libp2p.Ping(false),
		libp2p.DisableMetrics(),
		libp2p.ForceReachabilityPublic(), // else the AutoNAT client asks peers to dial us
		libp2p.DisableIdentifyAddressDiscovery(),
		libp2p.ChainOptions(c.wires...),
	)
	if err != nil {
		limits.Close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	return h, nil
}

// quiet silences what libp2p and quic-go log by themselves: the first names peers
// and addresses, the second writes to the standard logger. Errors reach us as values.
func quiet() error {
	gologshim.SetDefaultHandler(slog.DiscardHandler)
	return os.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "1")
}

// newMuxer is yamux with a window that fits the memory of one peer.
func newMuxer(streams int) *yamux.Transport {
	c := *yamux.DefaultTransport.Config()
	c.InitialStreamWindowSize = maxWindows / maxStreams // several frames at once from the start
	c.MaxStreamWindowSize = maxWindows / 2
	c.MaxIncomingStreams = 2 * uint32(streams) // the resource manager, which counts what it refuses, has the lower limit
	c.ConnectionWriteTimeout = stallTime
	c.MeasureRTTInterval = rttPause
	return (*yamux.Transport)(&c)
}

// counted are limits that tell of every stream that a peer opens, also of those for which
// they have no room: nobody else hears of such. A guest opens streams of one protocol, and
// none is opened to it: libp2p would tell it of us, and believe what it says of itself.
type counted struct {
	network.ResourceManager
	opened func(libpeer.ID) bool // nil: nobody is told; false: it is reset
	guest  func(libpeer.ID) bool // nil: there is none
}

func (c counted) OpenStream(p libpeer.ID, d network.Direction) (network.StreamManagementScope, error) {
	if d == network.DirInbound && c.opened != nil && !c.opened(p) {
		return nil, network.ErrResourceLimitExceeded
	}
	if c.guest == nil || !c.guest(p) {
		return c.ResourceManager.OpenStream(p, d)
	}
	if d == network.DirOutbound {
		return nil, network.ErrResourceLimitExceeded
	}
	scope, err := c.ResourceManager.OpenStream(p, d)
	if err != nil {
		return nil, err
	}
	return keysAlone{scope}, nil
}

// keysAlone is what a stream of a guest takes; it is reset unless it brings identity events.
type keysAlone struct{ network.StreamManagementScope }

func (k keysAlone) SetProtocol(p protocol.ID) error {
	if p != protoKeys {
		return network.ErrResourceLimitExceeded
	}
	return k.StreamManagementScope.SetProtocol(p)
}

// newLimits sets every limit: the defaults of libp2p count bytes in one place and
// connections of a whole NAT in another (8 an address, 0.2 new ones a second). A
// relay has room for what it carries, and its address for all who come over it.
func newLimits(relays []string, relay func(libpeer.ID) bool) (network.ResourceManager, error) {
	conns := func(n, streams int, memory int64) rcmgr.ResourceLimits {
		return rcmgr.ResourceLimits{
			Conns: rcmgr.LimitVal(n), ConnsInbound: rcmgr.LimitVal(n), ConnsOutbound: rcmgr.LimitVal(n), FD: rcmgr.LimitVal(n),
			Streams: rcmgr.LimitVal(streams), StreamsInbound: rcmgr.LimitVal(streams), StreamsOutbound: rcmgr.LimitVal(streams),
			Memory: rcmgr.LimitVal64(memory),
		}
	}
	limits := rcmgr.PartialLimitConfig{
		System:      conns(maxConns, maxConns*maxStreams, maxMemory),
		Transient:   conns(maxConns/4, maxConns, maxMemory/8),
		PeerDefault: conns(maxPeerConns, maxStreams, maxPeerMemory),
		Conn:        conns(1, maxConns, maxMemory/2), // its peer has less
		Stream:      conns(1, 1, maxPeerMemory),
	}
	carrier := limits
	carrier.PeerDefault = conns(maxPeerConns, maxConns, maxMemory/2)
	limiter := limiter{rcmgr.NewFixedLimiter(limits.Build(rcmgr.InfiniteLimits)), rcmgr.NewFixedLimiter(carrier.Build(rcmgr.InfiniteLimits)), relay}
	perHost := []rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: maxSubnet}}
	perSite := []rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: maxSubnet}, {PrefixLength: 48, ConnCount: 4 * maxSubnet}}
	free := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	most := []int{math.MaxInt, math.MaxInt}
	for _, ip := range hostsOf(relays) {
		free, most = append(free, netip.PrefixFrom(ip, ip.BitLen())), append(most, maxConns)
	}
	var noRate []rate.PrefixLimit
	var wide []rcmgr.NetworkPrefixLimit
	for i, p := range free {
		noRate = append(noRate, rate.PrefixLimit{Prefix: p})
		wide = append(wide, rcmgr.NetworkPrefixLimit{Network: p, ConnCount: most[i]})
	}
	newConns := &rate.Limiter{
		NetworkPrefixLimits: noRate,
		SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: 10, Burst: maxSubnet}}},
			IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: rate.Limit{RPS: 10, Burst: maxSubnet}}},
			GracePeriod:      time.Minute,
		},
	}
	v4 := slices.DeleteFunc(slices.Clone(wide), func(l rcmgr.NetworkPrefixLimit) bool { return !l.Network.Addr().Is4() })
	v6 := slices.DeleteFunc(wide, func(l rcmgr.NetworkPrefixLimit) bool { return l.Network.Addr().Is4() })
	return rcmgr.NewResourceManager(limiter, rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet(perHost, perSite), rcmgr.WithConnRateLimiters(newConns),
		rcmgr.WithNetworkPrefixLimit(v4, v6))
}

// hostsOf are the addresses of IP of multiaddrs that have one.
func hostsOf(multiaddrs []string) (ips []netip.Addr) {
	for _, a := range multiaddrs {
		if part := strings.Split(a, "/"); len(part) > 2 {
			if ip, err := netip.ParseAddr(part[2]); err == nil {
				ips = append(ips, ip)
			}
		}
	}
	return ips
}

// rank dials TCP at once, QUIC, where there is TCP, only if that has not answered in
// quicDelay, and over a relay only after as much again.
func rank(addrs []ma.Multiaddr) []network.AddrDelay {
	list := make([]network.AddrDelay, len(addrs))
	onTCP := func(a ma.Multiaddr) bool {
		_, err := a.ValueForProtocol(ma.P_TCP)
		return err == nil && !relayed(a)
	}
	other := time.Duration(0)
	if slices.ContainsFunc(addrs, onTCP) {
		other = quicDelay
	}
	for i, a := range addrs {
		list[i].Addr = a
		if relayed(a) {
			list[i].Delay = 2 * quicDelay
		} else if !onTCP(a) {
			list[i].Delay = other
		}
	}
	return list
}

// transportKey is the Ed25519 key inside a libp2p peer id; other kinds have none here.
func transportKey(p libpeer.ID) (ed25519.PublicKey, bool) {
	k, err := p.ExtractPublicKey()
	if err != nil || k.Type() != pb.KeyType_Ed25519 {
		return nil, false
	}
	raw, err := k.Raw()
	return raw, err == nil && len(raw) == ed25519.PublicKeySize
}

// peerID is the libp2p peer id of a transport key.
func peerID(pub ed25519.PublicKey) (libpeer.ID, error) {
	k, err := crypto.UnmarshalEd25519PublicKey(pub)
	if err != nil {
		return "", err
	}
	return libpeer.IDFromPublicKey(k)
}

// gater lets in and out only daemons that the directory allows, before any stream
// exists (spec/sync.md §1). It sees the key type in the peer id, before a handshake.
// A relay is no daemon: it is dialled where an address leads over it, and what it
// brings is let in where we wait at it.
type gater struct {
	ok      func(libpeer.ID) bool
	guest   func(libpeer.ID) bool // nil: there is none; let in, and not dialled
	relay   func(libpeer.ID) bool // nil: none is dialled
	waits   func(libpeer.ID) bool // nil: at none we wait
	opened  func(libpeer.ID) bool // nil: nobody counts the streams that a peer opens
	carries bool                  // many streams come in one connection: we are a relay, or wait at one
}

func (g gater) InterceptPeerDial(p libpeer.ID) bool             { return g.ok(p) || g.dials(p) }
func (g gater) InterceptAddrDial(libpeer.ID, ma.Multiaddr) bool { return true }
func (g gater) InterceptAccept(c network.ConnMultiaddrs) bool {
	if !relayed(c.RemoteMultiaddr()) {
		return true
	}
	r, ok := relayOf(c.RemoteMultiaddr())
	return ok && g.waits != nil && g.waits(r)
}
func (g gater) InterceptSecured(d network.Direction, p libpeer.ID, c network.ConnMultiaddrs) bool {
	if d == network.DirOutbound {
		return g.ok(p) || g.dials(p)
	}
	return (g.ok(p) || g.guest != nil && g.guest(p)) && g.InterceptAccept(c)
}
func (g gater) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// mayConnect says whether a peer may come or be dialled.
func (n *Node) mayConnect(p libpeer.ID) bool {
	_, ok := n.allowed(p)
	return ok && !n.isShut(p)
}

// isShut says whether a peer is not talked to for a while, since it flooded us.
func (n *Node) isShut(p libpeer.ID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	d := n.dials[p]
	return d != nil && time.Now().Before(d.shutTill)
}

func (g gater) dials(p libpeer.ID) bool { return g.relay != nil && g.relay(p) }

// allowed is the directory's answer about a peer id, expiry included.
func (n *Node) allowed(p libpeer.ID) (Contact, bool) {
	pub, ok := transportKey(p)
	if !ok {
		return Contact{}, false
	}
	c, ok := n.c.Directory.Allowed(pub)
	if !ok {
		return Contact{}, false
	}
	d, ok := c.Chain.Daemon(c.Kid)
	return c, ok && d.InForce(unix(n.c.Now()))
}
