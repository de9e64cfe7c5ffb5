package peer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol/canon"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// outbox holds the requests of /cordon/invite/1 that were not answered yet. The
// shelf is the truth; the map is the same, in memory.
type outbox struct {
	shelf *ledger.Shelf

	mu  sync.Mutex
	all map[letterKey]*letter
}

// letterKey is the key of a row: kind, organisation and invite, 65 bytes.
type letterKey [1 + 2*id.Size]byte

func keyOf(kind RequestKind, to id.OrgID, invite [32]byte) (k letterKey) {
	k[0] = byte(kind)
	copy(k[1:], to[:])
	copy(k[1+id.Size:], invite[:])
	return k
}

func (k letterKey) kind() RequestKind { return RequestKind(k[0]) }
func (k letterKey) to() id.OrgID      { return id.OrgID(k[1 : 1+id.Size]) }
func (k letterKey) invite() [32]byte  { return [32]byte(k[1+id.Size:]) }

// letter is a request. Its row is {1: expires, Unix seconds, 2: the request}.
type letter struct {
	Expires uint64 `cbor:"1,keyasint"`
	Request []byte `cbor:"2,keyasint"` // without its length

	busy bool      // guarded by outbox.mu
	next time.Time // guarded by outbox.mu
}

func newOutbox(c *Config) (*outbox, error) {
	o := &outbox{shelf: c.Ledger.Shelf("peer-outbox"), all: map[letterKey]*letter{}}
	err := o.shelf.All(func(key, row []byte) bool {
		l := new(letter)
		if len(key) == len(letterKey{}) && canon.Unmarshal(row, l) == nil {
			o.all[letterKey(key)] = l
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return o, nil
}

// post keeps a request until it is answered. The same one again replaces it.
func (o *outbox) post(k letterKey, q *wire.Request, expires time.Time) error {
	if len(q.Object) > wire.MaxObject || len(q.Card) > identity.MaxCard || len(q.Agreement) > wire.MaxAgreement {
		return ErrTooBig
	}
	l := &letter{Expires: unix(expires), Request: q.Append(nil)}
	if err := o.shelf.Put(k[:], canon.MustMarshal(l)); err != nil {
		return internal("keep a request", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all[k] = l
	return nil
}

// drop forgets a request.
func (o *outbox) drop(k letterKey) error {
	o.mu.Lock()
	delete(o.all, k)
	o.mu.Unlock()
	return o.shelf.Delete(k[:])
}

// take lists what is due now and marks it busy until put back.
func (o *outbox) take() map[letterKey]*letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := map[letterKey]*letter{}
	for k, l := range o.all {
		if !l.busy && !time.Now().Before(l.next) {
			l.busy = true
			out[k] = l
		}
	}
	return out
}

func (o *outbox) putBack(l *letter, next time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l.busy, l.next = false, next
}

// SendOffer puts an offer to an organisation into the outbox and returns when it is
// on disk. It is tried on schedule until answered or until expires. invite is the
// invite object's id.
func (n *Node) SendOffer(to id.OrgID, invite [32]byte, o Offer, expires time.Time) error {
	if err := canon.Check(o.Agreement); err != nil {
		return fmt.Errorf("agreement: %w", err)
	}
	q := &wire.Request{Kind: wire.Offer, Object: o.Invite, Agreement: o.Agreement, Card: o.Card}
	return n.outbox.post(keyOf(RequestOffer, to, invite), q, expires)
}

// SendAccept is SendOffer for our acceptance.
func (n *Node) SendAccept(to id.OrgID, invite [32]byte, a Acceptance, expires time.Time) error {
	q := &wire.Request{Kind: wire.Accept, Object: a.Accept, Card: a.Card}
	return n.outbox.post(keyOf(RequestAccept, to, invite), q, expires)
}

// SendDecline is SendOffer for a refusal, or for taking an invitation of ours back; nonce is the invite's 16-byte id.
func (n *Node) SendDecline(to id.OrgID, invite [32]byte, nonce [16]byte, expires time.Time) error {
	return n.outbox.post(keyOf(RequestDecline, to, invite), &wire.Request{Kind: wire.Decline, Nonce: nonce}, expires)
}

// sendOutbox tries each request whose organisation has a session, with the daemon that
// speaks for it.
func (n *Node) sendOutbox(ctx context.Context) {
	letters := n.outbox.take()
	if len(letters) == 0 {
		return
	}
	to := map[id.OrgID]*session{}
	for _, s := range n.with() {
		if c, ok := n.allowed(s.peer); ok && speaks(c) {
			to[c.Org] = s
		}
	}
	for k, l := range letters {
		if l.Expires <= unix(n.c.Now()) {
			n.settle(k, ErrExpired)
			continue
		}
		s := to[k.to()]
		if s == nil || k.kind() == RequestOffer && s.held() {
			n.outbox.putBack(l, time.Time{})
			continue
		}
		n.spawn(func() { n.deliver(ctx, k, l, s.peer, s.contact) })
	}
}

// deliver sends one request. Without an answer, or with "pending", it is tried
// again after Schedule.Retry.
func (n *Node) deliver(ctx context.Context, k letterKey, l *letter, p libpeer.ID, to Contact) {
	a, err := n.request(ctx, p, wire.Prefixed(l.Request))
	switch {
	case err != nil:
	case a.Kind == wire.No:
		n.settle(k, ErrRefused)
		return
	case a.Kind == wire.Joined && k.kind() == RequestAccept:
		if err = n.joined(ctx, to, k.invite(), a); err == nil || errors.Is(err, ledger.ErrErased) {
			n.settle(k, err)
			return
		}
	case a.Kind == wire.Kept && k.kind() != RequestAccept:
		n.settle(k, nil)
		return
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		n.log.Debug("send a request", "org", to.Org.String()[:8], "err", reason(err))
	}
	n.outbox.putBack(l, time.Now().Add(jitter(n.c.Schedule.Retry)))
}

// settle takes a request out and tells the daemon.
func (n *Node) settle(k letterKey, result error) {
	if err := n.outbox.drop(k); err != nil {
		n.log.Warn("forget a request", "err", err)
	}
	n.c.Invitations.Settled(k.to(), k.invite(), k.kind(), result)
}
