package peer

import (
	"crypto/ed25519"
	"crypto/hpke"
	"errors"
	"log/slog"
	"time"

	"github.com/libp2p/go-libp2p"

	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Config is what a Node needs. Every field is required unless it says otherwise.
type Config struct {
	Org         id.OrgID           // our organisation
	Kid         id.Kid             // our daemon's signing key; its certificate names Transport and KEM
	Transport   ed25519.PrivateKey // the key of our libp2p identity
	KEM         hpke.PrivateKey    // MLKEM768X25519; opens KEYS and join packets sent to us
	Listen      []string           // multiaddrs: /ip4/…/tcp/… and /ip4/…/udp/…/quic-v1; port 0 is allowed
	Relays      []string           // multiaddrs with a peer id at the end: where we wait for connections too; may be empty
	Ledger      *ledger.Ledger
	Cases       *projection.Cases
	Directory   Directory
	Invitations Invitations
	Handover    Handover          // nil: this daemon stands alone
	Public      Public            // nil: this daemon is in no public topic
	Root        ed25519.PublicKey // our root in force; who holds it may show us our newest events. nil: nobody may
	Now         func() time.Time  // the daemon's clock
	Room        uint64            // bytes that an organisation may fill with content of one case here; 0: any number
	Log         *slog.Logger      // receives no case data; nil discards
	Schedule    Schedule          // zero fields take the values of DefaultSchedule

	// Tap, if not nil, is told every byte that arrives on a stream, decrypted; it
	// must not keep the slice. Called from many goroutines. For the demo and tests.
	Tap func(received []byte)

	wires []libp2p.Option // in place of real sockets; set by tests of this package alone
}

// Schedule are the times of spec/sync.md §5. The daemon uses DefaultSchedule;
// tests and the demo shorten it, which changes nothing but time.
type Schedule struct {
	Dial      time.Duration // between rounds of dialling, also the outbox's; jittered by a quarter
	DialMax   time.Duration // the longest pause before a daemon that fails is dialled again
	Tags      time.Duration // between two TAGS of a session
	TagsDelay time.Duration // upper bound of the random delay of TAGS after the set of cases changed
	Tell      time.Duration // upper bound of the random delay before others are told of accepted entries
	Compare   time.Duration // between two VEC to a random member of each live case
	Retry     time.Duration // after which an unanswered WANT may be asked again, elsewhere too
	Beat      time.Duration // between two BEATs of a session on a steady line, if there are few
	Public    time.Duration // upper bound of the delay of our card after somebody came to the public topics; see publicPause; ten heartbeats of gossipsub
}

// DefaultSchedule is what every daemon runs.
func DefaultSchedule() Schedule {
	return Schedule{
		Dial:      time.Second,
		DialMax:   30 * time.Second,
		Tags:      time.Minute,
		TagsDelay: 2 * time.Second,
		Tell:      200 * time.Millisecond,
		Compare:   time.Minute,
		Retry:     10 * time.Second,
		Beat:      time.Second,
		Public:    10 * time.Second,
	}
}

// Contact is a daemon that may connect: its unrevoked certificate names the
// transport key it was asked by, and its organisation is pinned or shares a case.
// Node itself asks Chain whether the certificate is in force by Config.Now.
type Contact struct {
	Org        id.OrgID
	Kid        id.Kid
	KEM        []byte        // MLKEM768X25519 public key, 1216 bytes
	Introduced bool          // not pinned: known only from a common case, may not invite
	Hold       bool          // a person holds everything back from this organisation
	Chain      *identity.Org // the newest chain the directory has; the gate asks it too
}

// Target is a daemon to stay connected with.
type Target struct {
	Org       id.OrgID
	Transport ed25519.PublicKey
	Addrs     []string // multiaddrs without /p2p
}

// Directory answers who is who. Its methods are called from many goroutines,
// Allowed during every handshake: it must answer from memory.
type Directory interface {
	// Allowed returns the daemon with this transport key; false closes the connection,
	// unless Former knows it.
	Allowed(transport ed25519.PublicKey) (Contact, bool)
	// Former lists the revoked daemons that had this transport key, of pinned organisations
	// and our own, with Org and Kid alone: as such it may show the identity events that
	// we lack.
	Former(transport ed25519.PublicKey) []Contact
	// Targets lists the daemons to keep connected, ourselves excepted.
	Targets() []Target
	// Events are our organisation's identity events, oldest first. HELLO carries them.
	Events() [][]byte
	// Learn takes the identity events that a daemon of org has shown in HELLO.
	// They are unverified; most of the time they are known.
	Learn(org id.OrgID, events [][]byte)
}

// Offer is what an inviter sends: a sealed invite, the agreement (canonical CBOR
// of spec/cordon.cddl "agreement": record and text) and the inviter's card.
type Offer struct{ Invite, Agreement, Card []byte }

// Acceptance is what an invitee answers with: a sealed accept and its card.
type Acceptance struct{ Accept, Card []byte }

// Join is the answer to an acceptance: where the case is. On the wire the genesis
// and names of members stand beside it, which Node adds and takes.
type Join struct {
	Invite [32]byte // id of the invite object; bound into the packet's sealing
	Case   id.CaseID
	Salt   [32]byte // opens the case commitment of invite and accept
	Admit  id.EntryID
	Config id.ConfigID
}

// Invitations is the daemon's side of /cordon/invite/1. All bytes are as received;
// the daemon verifies them. Sizes are limited by Node: a card to 32 KiB, an invite
// or accept to 4 KiB, an agreement to 40 KiB. The quarantine's limits (64 pending a
// peer, 1,000 in all, 30 days) are the implementation's: it owns the list.
type Invitations interface {
	// Offered keeps an offer of a pinned organisation; an error is answered "no".
	// The same invite offered again is no error.
	Offered(from Contact, o Offer) error
	// Accepted admits the organisation if it is not yet admitted and returns where
	// the case is; nil without error means pending; an error is answered "no".
	// It is asked again and again with the same bytes.
	Accepted(from Contact, a Acceptance) (*Join, error)
	// Declined forgets the invitation; of its inviter it is that it was withdrawn.
	Declined(from Contact, invite [16]byte) error
	// Joined brings the answer to our acceptance. An error (the commitment does not
	// open, say) leaves the request in the outbox and stores nothing of the case;
	// ledger.ErrErased takes it out: the case was erased here.
	// After it returned nil the Node stores the genesis and fetches the case.
	Joined(from Contact, j Join) error
	// Settled tells that what SendOffer, SendAccept or SendDecline put into the outbox
	// has left it: nil when the other side took it, ErrRefused, ErrExpired, or
	// ledger.ErrErased.
	Settled(to id.OrgID, invite [32]byte, kind RequestKind, err error)
}

// RequestKind says which request of /cordon/invite/1 is meant; the numbers are the wire's.
type RequestKind uint8

// The requests of spec/sync.md §3.
const (
	RequestOffer   RequestKind = 1
	RequestAccept  RequestKind = 2
	RequestDecline RequestKind = 3
)

// Errors that callers act on.
var (
	ErrRefused = errors.New("the other side says no")
	ErrExpired = errors.New("not answered before it expired")
	ErrTooBig  = errors.New("larger than the protocol allows")
)

// PeerStatus is what is known of one daemon we are, or want to be, connected with.
type PeerStatus struct {
	Org        id.OrgID
	Kid        id.Kid // zero before its certificate is known
	Connected  bool   // a session has exchanged HELLO
	Introduced bool
	Behind     bool      // 64 frames of a case are on the way; gets a comparison instead of live entries
	Since      time.Time // of Connected; else when the last session of this run ended
	LastError  string    // why the last dial or session ended; "" after a success
	Fault      Fault     // what it did against the rules last
}

// Fault is what a daemon did against the rules of a session since we run.
type Fault struct {
	Rule  string    // spec/sync.md §10; "": nothing
	At    time.Time // the last time
	Times int       // sessions that ended so, by whatever rule
	Until time.Time // not talked to before; zero or past: it is
}
