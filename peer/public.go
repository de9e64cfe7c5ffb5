package peer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	libpeer "github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"cordon/peer/wire"
)

// The public topics of spec/sync.md §12. Every daemon is in both, whatever cases it
// is in: their names, members and times say nothing of one.
const (
	topicCards       = "cordon/cards/1"
	topicRevocations = "cordon/revocations/1"
)

// Limits of the public topics: of one message, and of the messages of one peer that
// are looked at.
const (
	maxPublic   = 64 << 10
	publicRate  = 4 // a second
	publicBurst = 512
)

// Public is the daemon's side of the public topics. What is heard is unverified, and
// has at most 64 KiB. Its methods are called from many goroutines.
type Public interface {
	// Card is our organisation's card as of now.
	Card() ([]byte, error)
	// HeardCard takes a card that came by. True lets it go on to others.
	HeardCard(raw []byte) bool
	// HeardEvents takes the identity events of an organisation. True, where they were
	// new to us, lets them go on to others.
	HeardEvents(events [][]byte) bool
	// Revoked brings the identity events of other pinned organisations, each time we
	// learn that one has revoked a key.
	Revoked() <-chan [][]byte
}

// public is our end of the public topics.
type public struct {
	n           *Node
	cards       *pubsub.Topic
	revocations *pubsub.Topic
	joined      chan struct{} // one slot: somebody has come to the cards' topic

	mu    sync.Mutex
	spent map[libpeer.ID]*allowance // of messages looked at; mu
}

// gossip takes part in the public topics until ctx ends.
func (n *Node) gossip(ctx context.Context) error {
	p := &public{n: n, joined: make(chan struct{}, 1), spent: map[libpeer.ID]*allowance{}}
	ps, err := pubsub.NewGossipSub(ctx, n.host, p.options()...)
	if err != nil {
		return fmt.Errorf("public topics: %w", err)
	}
	if p.cards, err = p.join(ps, topicCards, n.c.Public.HeardCard); err != nil {
		return err
	}
	if p.revocations, err = p.join(ps, topicRevocations, func(b []byte) bool {
		events, err := wire.ParseEvents(b)
		return err == nil && n.c.Public.HeardEvents(events)
	}); err != nil {
		return err
	}
	arrivals, err := p.cards.EventHandler()
	if err != nil {
		return fmt.Errorf("public topics: %w", err)
	}
	defer arrivals.Cancel()
	n.spawn(func() { p.meet(ctx, arrivals) })
	return p.tell(ctx)
}

// options switch off what would tell of peers or trust them: no author and no
// signature, for a card proves itself; no exchange of peers; no topics but ours.
func (p *public) options() []pubsub.Option {
	params := pubsub.DefaultGossipSubParams()
	params.HeartbeatInterval = p.n.c.Schedule.Public / 10 // in which a mesh forms: before our card goes out
	params.MaxIHaveLength = publicBurst
	params.PrunePeers = 0
	return []pubsub.Option{
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithMessageIdFn(func(m *pb.Message) string { h := sha256.Sum256(m.Data); return string(h[:]) }),
		pubsub.WithMaxMessageSize(maxPublic + 1<<10), // an RPC's own fields around it
		pubsub.WithMaxControlMessageSize(maxPublic),
		pubsub.WithPeerExchange(false),
		pubsub.WithFloodPublish(false), // it would pass by the peer filter
		pubsub.WithGossipSubProtocols(meshsubs, featureOf),
		pubsub.WithGossipSubParams(params),
		pubsub.WithPeerFilter(func(q libpeer.ID, _ string) bool { return p.pinned(q) }),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(
			pubsub.NewAllowlistSubscriptionFilter(topicCards, topicRevocations), 4)),
		pubsub.WithLogger(slog.New(slog.DiscardHandler)),
		pubsub.WithRPCLogger(slog.New(slog.DiscardHandler)),
	}
}

// meshsubs are the protocols of the public topics, newest first.
var meshsubs = []protocol.ID{pubsub.GossipSubID_v13, pubsub.GossipSubID_v12, pubsub.GossipSubID_v11}

// featureOf has every peer in the mesh or nowhere: who is not known to speak meshsub, or not
// yet, counts as one of floodsub, and that is sent everything, past the peer filter.
func featureOf(f pubsub.GossipSubFeature, p protocol.ID) bool {
	return f == pubsub.GossipSubFeatureMesh || pubsub.GossipSubDefaultFeatures(f, p)
}

// pinned says whether public matter goes to a peer, and is taken from it.
func (p *public) pinned(q libpeer.ID) bool {
	c, ok := p.n.allowed(q)
	return ok && !c.Introduced
}

// join enters a topic. What heard refuses goes nowhere; nobody is blamed for it, for
// others may know more, or less, than we do.
func (p *public) join(ps *pubsub.PubSub, name string, heard func([]byte) bool) (*pubsub.Topic, error) {
	judge := func(_ context.Context, from libpeer.ID, m *pubsub.Message) pubsub.ValidationResult {
		ours := from == p.n.host.ID()
		if ours || len(m.Data) <= maxPublic && p.pinned(from) && p.may(from) && heard(m.Data) {
			return pubsub.ValidationAccept
		}
		return pubsub.ValidationIgnore
	}
	if err := ps.RegisterTopicValidator(name, judge, pubsub.WithValidatorInline(true)); err != nil {
		return nil, fmt.Errorf("public topics: %w", err)
	}
	t, err := ps.Join(name)
	if err != nil {
		return nil, fmt.Errorf("public topics: %w", err)
	}
	if _, err = t.Relay(); err != nil { // what it brings is taken by judge
		return nil, fmt.Errorf("public topics: %w", err)
	}
	return t, nil
}

// may says whether a peer's next message is looked at.
func (p *public) may(q libpeer.ID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spent[q] == nil {
		p.spent[q] = new(allowance)
	}
	return p.spent[q].take(1, publicRate, publicBurst)
}

// meet notes who comes to the cards' topic.
func (p *public) meet(ctx context.Context, arrivals *pubsub.TopicEventHandler) {
	for {
		e, err := arrivals.NextPeerEvent(ctx)
		if err != nil {
			return
		}
		if e.Type == pubsub.PeerJoin {
			select {
			case p.joined <- struct{}{}:
			default:
			}
		}
	}
}

// Our card goes out half to once Schedule.Public after somebody came, but not before
// publicPause times that since the last, and in any case after publicLong times.
const (
	publicPause = 30
	publicLong  = 360
)

// tell says our card, and whose keys were revoked.
func (p *public) tell(ctx context.Context) error {
	every := p.n.c.Schedule.Public
	card := time.NewTimer(publicLong * every)
	defer card.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.joined:
			wait := max(every/2+rand.N(every/2), time.Until(last.Add(publicPause*every)))
			card.Reset(wait)
			continue
		case events := <-p.n.c.Public.Revoked():
			p.publish(ctx, p.revocations, wire.AppendEvents(nil, events))
			continue
		case <-card.C:
		}
		last = time.Now()
		card.Reset(publicLong*every + rand.N(every))
		raw, err := p.n.c.Public.Card()
		if err != nil { // our key may be revoked: such a daemon reads on
			p.n.log.Warn("our card does not go out", "err", err)
			continue
		}
		p.publish(ctx, p.cards, slices.Clone(raw))
	}
}

// publish is the one way onto a public topic. What does not go out now is said again
// on schedule; nothing rests on it.
func (p *public) publish(ctx context.Context, t *pubsub.Topic, public []byte) {
	if err := t.Publish(ctx, public); err != nil && ctx.Err() == nil {
		p.n.log.Warn("a public message did not go out", "err", err)
	}
}
