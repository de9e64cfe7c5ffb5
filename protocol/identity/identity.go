// Package identity says who an organisation is: a short chain of events signed
// by its offline root key, the daemons that the chain certifies, the card that
// carries the chain to others, the words by which two people compare it, and the
// vouch that a third gives for it (spec/identity.md §8). It holds no key, knows no
// clock and trusts nobody: which chain to believe, and since when, is the directory's
// business, and so is the level of trust that follows.
//
// Main path: Create and Org's writing methods make events; Replay verifies a
// chain, Org.Extend one more event; SealCard, OpenCard, Armour, Unarmour; Words;
// SealVouch, OpenVouch.
package identity

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"

	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// Limits of spec/identity.md §8.1, checked before anything is allocated for what they bound.
const (
	MaxEvents  = 64       // events of a chain
	MaxEvent   = 4 << 10  // bytes of one event
	MaxCard    = 32 << 10 // bytes of a card
	MaxName    = 128      // bytes of a name
	MaxDomains = 16
	MaxAddrs   = 16
	MaxVouch   = 512     // bytes of a vouch
	maxAddr    = 256     // bytes of an address
	MaxTime    = 1 << 53 // any time is at most this
	kemSize    = 1216    // bytes of an MLKEM768X25519 public key
)

// The rules of a chain and a card, by stable name, beside those of packages
// canon and cose.
var (
	ErrSize    = errors.New("too-large")
	ErrField   = errors.New("bad-field")
	ErrFields  = errors.New("wrong-fields")   // a key is missing, or too many
	ErrChain   = errors.New("broken-chain")   // index or prev is not next
	ErrRoot    = errors.New("wrong-root")     // not signed by the root in force, or not the announced one
	ErrReused  = errors.New("key-reused")     // the key already stands in another place of the chain
	ErrDaemon  = errors.New("no-such-daemon") // unknown to the chain, or revoked
	ErrSteward = errors.New("second-steward") // another unrevoked daemon holds cap steward
	ErrHolds   = errors.New("no-possession")  // a key of the daemon did not sign for this certificate
	ErrText    = errors.New("text-not-plain") // see PlainText
	ErrName    = errors.New("name-differs")   // card and chain disagree
	ErrFull    = errors.New("chain-full")     // what is left is kept for daemon- and rotate
	ErrArmour  = errors.New("not-one-card")   // not exactly one armoured card, or vouch
	ErrAddress = errors.New("not-an-address") // see CheckAddrs
	ErrDomain  = errors.New("not-a-domain")   // not a lower-case host name of two labels or more
	ErrCap     = errors.New("cap-missing")    // the daemon that signed lacks the cap
	ErrParty   = errors.New("wrong-party")    // of another organisation than the chain's, or about itself
)

// Cap is what a daemon may do in its organisation's name. The numbers travel.
type Cap uint8

// The caps of spec/identity.md §8.2.
const (
	CapWrite   Cap = 1 // write entries
	CapConsent Cap = 2 // accept invitations and agreements
	CapSteward Cap = 3 // admit, remove, endorse; at most one unrevoked daemon
	CapInvite  Cap = 4 // sign invitations
)

// String is the cap's name.
func (c Cap) String() string {
	return [...]string{CapWrite: "write", CapConsent: "consent", CapSteward: "steward", CapInvite: "invite"}[c]
}

// MaxValidity is how far ahead NotAfter may lie, in seconds: 400 days.
const MaxValidity = 400 * 24 * 3600

// Daemon is what an organisation's chain says of one of its daemons. Its slices
// belong to the Org and are not to be changed.
type Daemon struct {
	Kid      id.Kid // thumbprint of Sig
	Sig      ed25519.PublicKey
	Peer     ed25519.PublicKey // its transport identity
	KEM      []byte            // MLKEM768X25519
	Caps     []Cap             // sorted
	NotAfter uint64            // Unix seconds; see InForce
	Revoked  bool
	Reason   Reason // of the revocation
	Renewed  bool   // it is not the first certificate of these keys
}

// Reason says why a daemon was revoked. The numbers travel.
type Reason uint8

// The reasons of spec/identity.md §8.2; others, up to 15, are reserved.
const (
	Unspecified Reason = 0
	Stolen      Reason = 1
	Superseded  Reason = 2
	Retired     Reason = 3
)

// String is the reason's name.
func (r Reason) String() string {
	names := [...]string{Unspecified: "unspecified", Stolen: "stolen", Superseded: "superseded", Retired: "retired"}
	if int(r) >= len(names) {
		return fmt.Sprintf("reason %d", uint8(r))
	}
	return names[r]
}

// Keys are a daemon's own keys that agree to its certificate.
type Keys struct {
	Sig  ed25519.PrivateKey // signs entries
	Peer ed25519.PrivateKey // its transport identity
}

// Can says whether the certificate has the cap. Revocation and expiry are other
// questions: an old entry of a revoked daemon was written with its caps.
func (d Daemon) Can(c Cap) bool { return slices.Contains(d.Caps, c) }

// InForce says whether the certificate holds at a time in Unix seconds: not
// revoked, not past NotAfter, and NotAfter at most MaxValidity ahead, give or
// take a day between two clocks. The chain has no clock; who owns one asks here
// before it speaks to the daemon or writes as it.
func (d Daemon) InForce(now uint64) bool {
	const day = 24 * 3600
	return !d.Revoked && now <= d.NotAfter && d.NotAfter-now <= MaxValidity+day
}

// Org is an organisation as its chain describes it. It exists only because the
// whole chain was verified, never changes, and may be shared between goroutines.
// The slices in it are not to be changed either.
type Org struct {
	ID      id.OrgID
	Name    string
	Domains []string
	Events  [][]byte // as received, from create on

	root    ed25519.PublicKey // in force
	next    [32]byte          // SHA-256 of the next root
	ids     [][32]byte        // of Events
	daemons []Daemon          // in order of certification, revoked ones too
}

// Replay verifies a chain from its first event on. It copies the events.
// Errors name the rule of the first event that breaks one.
func Replay(events [][]byte) (*Org, error) {
	if len(events) == 0 {
		return nil, ErrChain
	}
	if len(events) > MaxEvents {
		return nil, ErrSize
	}
	o := &Org{}
	for _, raw := range events {
		if err := o.add(raw); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Extend verifies one more event and returns the longer organisation; o stays.
func (o *Org) Extend(event []byte) (*Org, error) {
	n := *o
	n.Events = slices.Clip(o.Events)
	n.ids = slices.Clip(o.ids)
	n.daemons = slices.Clone(o.daemons)
	if err := n.add(event); err != nil {
		return nil, err
	}
	return &n, nil
}

// Extends says whether o's chain begins with the whole of p's, event id by event
// id. If neither of two chains of one OrgID extends the other, the root signed
// two events at one index: the organisation is suspect until a person decides.
func (o *Org) Extends(p *Org) bool {
	return len(o.ids) >= len(p.ids) && slices.Equal(o.ids[:len(p.ids)], p.ids)
}

// Root is the root key in force.
func (o *Org) Root() ed25519.PublicKey { return o.root }

// NextRoot is the commitment to the root that follows it: SHA-256 of its key.
func (o *Org) NextRoot() [32]byte { return o.next }

// Daemons lists every daemon that the chain ever certified, in that order.
func (o *Org) Daemons() []Daemon { return slices.Clone(o.daemons) }

// Daemon finds a daemon by its signing key, revoked or not.
func (o *Org) Daemon(kid id.Kid) (Daemon, bool) {
	return o.find(func(d *Daemon) bool { return d.Kid == kid })
}

// ByPeer finds the unrevoked daemon with a transport key. Expiry is the caller's
// to judge (InForce).
func (o *Org) ByPeer(transport ed25519.PublicKey) (Daemon, bool) {
	return o.find(func(d *Daemon) bool { return !d.Revoked && bytes.Equal(d.Peer, transport) })
}

// WasPeer finds the revoked daemon with a transport key.
func (o *Org) WasPeer(transport ed25519.PublicKey) (Daemon, bool) {
	return o.find(func(d *Daemon) bool { return d.Revoked && bytes.Equal(d.Peer, transport) })
}

func (o *Org) find(is func(*Daemon) bool) (Daemon, bool) {
	for i := range o.daemons {
		if is(&o.daemons[i]) {
			return o.daemons[i], true
		}
	}
	return Daemon{}, false
}

// Verify judges an object that a daemon of the organisation is said to have
// signed: certified and unrevoked, with the cap (0: none is asked for), and the
// signature holds.
func (o *Org) Verify(obj *cose.Object, need Cap) error {
	d, ok := o.Daemon(obj.Kid)
	if !ok || d.Revoked {
		return ErrDaemon
	}
	if need != 0 && !d.Can(need) {
		return ErrCap
	}
	return obj.Verify(d.Sig)
}
