package peer

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	libpeer "github.com/libp2p/go-libp2p/core/peer"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Requests of one peer that are answered: at once, and a second.
const (
	inviteBurst = 64
	inviteRate  = 8
	excessBurst = 4096 // streams of any protocol, served or not, at once, and a second
	excessRate  = 64
)

// bounded ends a stream of one request with ctx, or when its time is over; the
// caller defers what it returns.
func bounded(ctx context.Context, st network.Stream) (unhook func() bool) {
	_ = st.SetDeadline(time.Now().Add(handshakeTime))
	return context.AfterFunc(ctx, func() { _ = st.Reset() })
}

// asker is who sends a request, if it is let in and does not ask too often.
func (n *Node) asker(st network.Stream) (Contact, bool) {
	p := st.Conn().RemotePeer()
	from, ok := n.allowed(p)
	return from, ok && n.mayOpen(p)
}

// answerInvite is the handler of /cordon/invite/1: one request, one answer.
func (n *Node) answerInvite(ctx context.Context, st network.Stream) {
	defer st.Close()
	defer bounded(ctx, st)()
	from, ok := n.asker(st)
	if !ok {
		_ = st.Reset()
		return
	}
	b, err := wire.ReadFrame(st, nil, wire.MaxInviteFrame)
	if err != nil {
		_ = st.Reset()
		return
	}
	q, err := wire.ParseRequest(b)
	if err != nil {
		_ = st.Reset()
		return
	}
	if err := n.answer(st, st.Conn().RemotePeer(), from, q); err != nil {
		n.log.Debug("answer an invitation's request", "org", from.Org.String()[:8], "err", reason(err))
	}
}

// mayOpen takes one stream that is to be served off a peer's allowance.
func (n *Node) mayOpen(p libpeer.ID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dialLocked(p).requests.take(1, inviteRate, inviteBurst)
}

// opened counts a stream that a peer opens, before it is known for what and whether there
// is room for it. Who opens so many that it cannot be by mistake has flooded us
// (spec/sync.md §3). A relay that we have named carries others' streams.
func (n *Node) opened(p libpeer.ID) bool {
	n.mu.Lock()
	_, relay := n.places[p]
	d := n.dialLocked(p)
	ok := relay || d.excess.take(1, excessRate, excessBurst)
	if !ok {
		n.settleLocked(p, ErrFlood)
		d.shutTill = time.Now().Add(floodPause)
		d.excess = allowance{}
	}
	n.mu.Unlock()
	if !ok {
		n.spawn(func() { _ = n.host.Network().ClosePeer(p) })
	}
	return ok
}

// answer asks the daemon and writes what it says. Who is only introduced is told
// no: it may not invite, and was not invited by us.
func (n *Node) answer(w io.Writer, p libpeer.ID, from Contact, q *wire.Request) error {
	no := func(err error) *wire.Answer {
		if err != nil || from.Introduced {
			return &wire.Answer{Kind: wire.No}
		}
		return &wire.Answer{Kind: wire.Kept}
	}
	var a *wire.Answer
	switch {
	case from.Introduced:
		a = no(nil)
	case q.Kind == wire.Offer:
		a = no(n.c.Invitations.Offered(from, Offer{Invite: q.Object, Agreement: q.Agreement, Card: q.Card}))
	case q.Kind == wire.Decline:
		a = no(n.c.Invitations.Declined(from, q.Nonce))
	default:
		j, err := n.c.Invitations.Accepted(from, Acceptance{Accept: q.Object, Card: q.Card})
		if err == nil && j != nil {
			sent, err := n.letIn(w, p, from, j)
			if sent || err != nil {
				return err
			}
		}
		a = no(err)
	}
	_, err := w.Write(wire.AppendAnswer(nil, a))
	return err
}

// letIn writes the join packet, if the gate lets the genesis out to this peer. It
// is made anew from the ledger each time it is asked for.
func (n *Node) letIn(w io.Writer, p libpeer.ID, to Contact, j *Join) (sent bool, err error) {
	g, err := n.c.Ledger.Entry(j.Case, id.EntryID(j.Case))
	if err != nil {
		return false, internal("genesis", err)
	}
	left, err := n.release(w, p, j.Case, []item{{e: g, part: protocol.Header}}, func([]item) ([]byte, error) {
		others, err := n.others(j.Case, to.Org)
		if err != nil {
			return nil, err
		}
		packet := &wire.Packet{Case: j.Case, Salt: j.Salt, Genesis: g.Raw, Admit: j.Admit, Config: j.Config, Members: others}
		enc, sealed, err := sealJoin(to.KEM, j.Invite, wire.AppendPacket(nil, packet))
		if err != nil {
			return nil, err
		}
		return wire.AppendAnswer(nil, &wire.Answer{Kind: wire.Joined, Enc: enc, Sealed: sealed}), nil
	})
	return len(left) > 0, err
}

// others are members of a case beside us and to, of many a random part; none if to
// is no member.
func (n *Node) others(c id.CaseID, to id.OrgID) (list []id.OrgID, err error) {
	err = n.c.Cases.With(c, func(k *protocol.Case) error {
		for _, p := range k.Participants() {
			if p.Admitted && p.Org != to && p.Org != n.c.Org && k.Member(to) {
				list = append(list, p.Org)
			}
		}
		return nil
	})
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(len(list), wire.MaxNamed)], err
}

// request sends one request to a connected daemon and reads the answer.
func (n *Node) request(ctx context.Context, p libpeer.ID, request []byte) (*wire.Answer, error) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "invitation"), handshakeTime)
	defer cancel()
	st, err := n.host.NewStream(ctx, p, protoInvite)
	if err != nil {
		return nil, fmt.Errorf("open request: %w", err)
	}
	defer st.Close()
	unhook := context.AfterFunc(ctx, func() { _ = st.Reset() })
	defer unhook()
	_ = st.SetDeadline(time.Now().Add(handshakeTime))
	if _, err := st.Write(request); err != nil {
		return nil, err
	}
	b, err := wire.ReadFrame(st, nil, wire.MaxInviteFrame)
	if err != nil {
		return nil, err
	}
	return wire.ParseAnswer(b)
}

// joined opens a join packet, asks the daemon whether it is the case that was
// accepted, and stores the genesis. From then on the case is fetched by sync.
func (n *Node) joined(ctx context.Context, from Contact, invite [32]byte, a *wire.Answer) error {
	plain, err := openJoin(n.c.KEM, invite, a.Enc, a.Sealed)
	if err != nil {
		return err
	}
	p, err := wire.ParsePacket(plain)
	if err != nil {
		return err
	}
	g, err := entry.Parse(p.Genesis)
	if err != nil {
		return fmt.Errorf("join packet: %w", err)
	}
	if !g.Genesis() || g.CaseID() != p.Case {
		return fmt.Errorf("join packet: %w", ledger.ErrCase)
	}
	j := Join{Invite: invite, Case: p.Case, Salt: p.Salt, Admit: p.Admit, Config: p.Config}
	if err := n.c.Invitations.Joined(from, j); err != nil {
		return err
	}
	if err := n.join(ctx, p.Case, p.Genesis, append(p.Members, from.Org)); err != nil {
		return fmt.Errorf("join packet: %w", err)
	}
	return nil
}

// joinKnown begins to fetch a case again that was here already.
func (n *Node) joinKnown(c id.CaseID) error {
	if err := n.cases.joinKnown(c); err != nil {
		return err
	}
	n.reshare()
	return nil
}
