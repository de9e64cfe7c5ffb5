// Package peertest has whole organisations for tests and benchmarks of package
// peer: keys, a store, a directory of who is pinned, and a Node with real
// listeners on loopback. Nothing asks a person: an invitation is accepted as it
// comes, and who accepts is admitted. It is no daemon.
//
// Main path: New, Org.Pin, Org.Start; Org.Open, Org.Invite; Org.Status, Org.Note
// and Org.Remove write.
package peertest

import (
	"context"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"cordon/ledger"
	"cordon/ledger/memdisk"
	"cordon/ledger/projection"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/cose"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Org is one organisation with one daemon.
type Org struct {
	ID      id.OrgID
	Kid     id.Kid
	Chain   *identity.Org
	Ledger  *ledger.Ledger
	Cases   *projection.Cases
	Node    *peer.Node                                                 // nil unless started
	Hook    func(*peer.Node)                                           // called by Start before the node runs; may be nil
	Disk    *memdisk.Disk                                              // where the store is opened the next time; nil is the machine's
	Store   func(dir string, o ledger.Options) (*ledger.Ledger, error) // opens the store on another disk than these; may be nil
	Shut    bool                                                       // refuses every invitation
	FromNow bool                                                       // gives whom it admits what is written from then on
	Public  bool                                                       // takes part in the public topics
	NoCard  func()                                                     // is called where it is to give its card, which it has not; nil: it has
	Relays  []string                                                   // where it waits for connections
	Tap     func([]byte)                                               // peer.Config's
	Clock   func() time.Time                                           // of the node; nil is time.Now
	Tune    func(*peer.Config)                                         // has the last word on the node's; may be nil

	// Joined is called when a join packet came, before it is used; may be nil.
	Joined func()

	// Lie changes the anchors of admissions that give no history; may be nil.
	Lie func([]protocol.Anchor)

	// Settled is told what became of what was in the outbox; may be nil.
	Settled func(peer.RequestKind, error)

	dir       string
	schedule  peer.Schedule
	root      ed25519.PrivateKey
	key       ed25519.PrivateKey // signs entries
	transport ed25519.PrivateKey
	kem       hpke.PrivateKey
	book      *book
	desk      *desk
	listen    []string
	cancel    context.CancelFunc
	done      chan error
	writing   sync.Mutex
}

// certified is how long the certificates of New last.
const certified = 60 * 24 * time.Hour

// Fast is a schedule in which nothing waits longer than needed.
func Fast() peer.Schedule {
	return peer.Schedule{Dial: 20 * time.Millisecond, DialMax: 100 * time.Millisecond, Tags: 300 * time.Millisecond,
		TagsDelay: time.Millisecond, Tell: time.Millisecond, Compare: 300 * time.Millisecond, Retry: 500 * time.Millisecond,
		Beat: 10 * time.Second, Public: 30 * time.Millisecond}
}

// New makes an organisation with fresh keys whose store lies in dir.
func New(name, dir string, schedule peer.Schedule) (*Org, error) {
	o, err := Identity(name)
	if err != nil {
		return nil, err
	}
	return o, o.Settle(dir, schedule)
}

// Settle gives an organisation that Identity has made a store, in dir.
func (o *Org) Settle(dir string, schedule peer.Schedule) error {
	o.dir, o.schedule = dir, schedule
	return o.load()
}

// complaints is where a store says why it ends the process: a test that ends without a
// word tells nobody anything.
func complaints() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
}

// NewOn is New with a store on a disk in memory, which Disk may replace.
func NewOn(name string, disk *memdisk.Disk, schedule peer.Schedule) (*Org, error) {
	o, err := Identity(name)
	if err != nil {
		return nil, err
	}
	o.Disk, o.dir, o.schedule = disk, "store", schedule
	return o, o.load()
}

// Identity makes an organisation that has keys and nothing else: it can be
// admitted and can sign, and cannot start.
func Identity(name string) (*Org, error) {
	keys := make([]ed25519.PrivateKey, 4) // root, next root, signing, transport
	for i := range keys {
		_, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		keys[i] = k
	}
	o := &Org{root: keys[0], key: keys[2], transport: keys[3],
		listen: []string{"/ip4/127.0.0.1/tcp/0"}}
	var err error
	if o.kem, err = hpke.MLKEM768X25519().GenerateKey(); err != nil {
		return nil, err
	}
	first, err := identity.Create(keys[0], public(keys[1]), name, nil)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	if o.Chain, err = identity.Replay([][]byte{first}); err != nil {
		return nil, err
	}
	cert, err := o.Chain.CertifyDaemon(keys[0], identity.Keys{Sig: o.key, Peer: o.transport}, identity.Daemon{
		KEM: o.kem.PublicKey().Bytes(), NotAfter: uint64(time.Now().Add(certified).Unix()),
		Caps: []identity.Cap{identity.CapWrite, identity.CapConsent, identity.CapSteward, identity.CapInvite}})
	if err != nil {
		return nil, fmt.Errorf("certify %s: %w", name, err)
	}
	if o.Chain, err = o.Chain.Extend(cert); err != nil {
		return nil, err
	}
	o.ID, o.Kid = o.Chain.ID, cose.Thumbprint(public(o.key))
	o.book, o.desk = newBook(o), newDesk(o)
	return o, nil
}

// Renamed is o's chain with another name; o keeps its own.
func (o *Org) Renamed(name string) (*identity.Org, error) {
	e, err := o.Chain.Rename(o.root, name, nil)
	if err != nil {
		return nil, err
	}
	return o.Chain.Extend(e)
}

// Revoked is o's chain after its root has revoked its daemon; o keeps its own.
func (o *Org) Revoked() (*identity.Org, error) {
	e, err := o.Chain.RevokeDaemon(o.root, o.Kid, identity.Retired)
	if err != nil {
		return nil, err
	}
	return o.Chain.Extend(e)
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func (o *Org) load() (err error) {
	open := ledger.Open
	switch {
	case o.Store != nil:
		open = o.Store
	case o.Disk != nil:
		open = o.Disk.Open
	}
	if o.Ledger, err = open(o.dir, ledger.Options{StoreKey: [32]byte{1}, Log: complaints()}); err != nil {
		return err
	}
	o.Cases = projection.New(o.Ledger)
	return o.Ledger.SetOwn(o.Kid)
}

// Pin makes p known to o, as an operator does with a card.
func (o *Org) Pin(p *Org) { o.book.pin(p) }

// PinCard is Pin for an organisation that is no Org of this process.
func (o *Org) PinCard(c *identity.Card) {
	o.Pin(&Org{ID: c.Org.ID, Chain: c.Org})
	addresses.Lock()
	defer addresses.Unlock()
	addresses.of[c.Org.ID] = c.Addrs
}

// Card is o's, with the addresses at which it now listens.
func (o *Org) Card() ([]byte, error) {
	return identity.SealCard(o.key, identity.Card{Org: o.Chain, Addrs: o.Node.Reached(), T: uint64(time.Now().UnixMilli())})
}

// Meet pins all organisations mutually.
func Meet(all ...*Org) {
	for _, a := range all {
		for _, b := range all {
			if a != b {
				a.Pin(b)
			}
		}
	}
}

// QUIC makes o listen with QUIC instead of TCP at the next Start.
func (o *Org) QUIC() { o.listen = []string{"/ip4/127.0.0.1/udp/0/quic-v1"} }

// Config is what Start gives to peer.Listen.
func (o *Org) Config() peer.Config {
	c := peer.Config{Org: o.ID, Kid: o.Kid, Transport: o.transport, KEM: o.kem, Listen: o.listen, Relays: o.Relays,
		Ledger: o.Ledger, Cases: o.Cases, Directory: o.book, Invitations: o.desk, Now: o.clock(), Schedule: o.schedule, Tap: o.Tap}
	if o.Public {
		c.Public = o.book
	}
	if o.Tune != nil {
		o.Tune(&c)
	}
	return c
}

func (o *Org) clock() func() time.Time {
	if o.Clock == nil {
		return time.Now
	}
	return o.Clock
}

// Start opens the listeners and runs the node. Others learn the addresses at once.
func (o *Org) Start() (err error) {
	if o.Node, err = peer.Listen(o.Config()); err != nil {
		return err
	}
	if o.Hook != nil {
		o.Hook(o.Node)
	}
	o.book.announce(o.Node.Reached())
	ctx, cancel := context.WithCancel(context.Background())
	o.cancel, o.done = cancel, make(chan error, 1)
	go func() { o.done <- o.Node.Run(ctx) }()
	return nil
}

// Stop ends the node and waits for it; the store stays open.
func (o *Org) Stop() error {
	if o.cancel == nil {
		return nil
	}
	o.cancel()
	o.cancel = nil
	err := <-o.done
	o.Node = nil
	return err
}

// Restart ends the node, closes the store and starts both again.
func (o *Org) Restart() error {
	if err := errors.Join(o.Stop(), o.Ledger.Close(), o.load()); err != nil {
		return err
	}
	return o.Start()
}

// Close ends everything.
func (o *Org) Close() error {
	o.book.announce(nil)
	return errors.Join(o.Stop(), o.Ledger.Close())
}

// Join certifies the keys of o in another chain of the same or another organisation.
func (o *Org) Join(chain *identity.Org, root ed25519.PrivateKey, caps ...identity.Cap) (*identity.Org, error) {
	cert, err := chain.CertifyDaemon(root, identity.Keys{Sig: o.key, Peer: o.transport}, identity.Daemon{
		KEM: o.kem.PublicKey().Bytes(), NotAfter: uint64(time.Now().Add(certified).Unix()), Caps: caps})
	if err != nil {
		return nil, err
	}
	return chain.Extend(cert)
}
