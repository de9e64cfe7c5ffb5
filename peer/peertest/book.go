package peertest

import (
	"crypto/ed25519"
	"sync"
	"time"

	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// book is a directory: pinned organisations, and those met in common cases.
type book struct {
	o *Org

	mu      sync.Mutex
	pinned  map[id.OrgID]*Org
	hold    map[id.OrgID]bool
	met     map[id.OrgID]*identity.Org
	control int                 // entries when met was made
	cards   map[id.OrgID]uint64 // T of the newest card that came over the public topics
	longer  map[id.OrgID]int    // chains that did, longer than the pinned one
	looked  int                 // messages of the public topics that were judged
	revoked chan [][]byte
}

// addresses stand for what cards and address entries say; they are per process, as
// ports are chosen at start.
var addresses = struct {
	sync.Mutex
	of map[id.OrgID][]string
}{of: map[id.OrgID][]string{}}

func newBook(o *Org) *book {
	return &book{o: o, pinned: map[id.OrgID]*Org{}, hold: map[id.OrgID]bool{}, met: map[id.OrgID]*identity.Org{},
		cards: map[id.OrgID]uint64{}, longer: map[id.OrgID]int{}, revoked: make(chan [][]byte, 1)}
}

func (b *book) pin(p *Org) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pinned[p.ID] = p
}

// Hold holds everything of cases back from an organisation, or no more.
func (o *Org) Hold(from id.OrgID, on bool) {
	o.book.mu.Lock()
	o.book.hold[from] = on
	o.book.mu.Unlock()
	if !on {
		o.Node.Resume(from)
	}
}

func (b *book) announce(addrs []string) {
	addresses.Lock()
	defer addresses.Unlock()
	addresses.of[b.o.ID] = addrs
}

// chains lists everybody known.
func (b *book) chains() map[id.OrgID]*identity.Org {
	all := map[id.OrgID]*identity.Org{}
	for o, c := range b.met {
		all[o] = c
	}
	for o, p := range b.pinned {
		all[o] = p.Chain
	}
	return all
}

// Allowed is peer.Directory's.
func (b *book) Allowed(transport ed25519.PublicKey) (peer.Contact, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for o, c := range b.chains() {
		if d, ok := c.ByPeer(transport); ok {
			return peer.Contact{Org: o, Kid: d.Kid, KEM: d.KEM,
				Introduced: b.pinned[o] == nil, Hold: b.hold[o], Chain: c}, true
		}
	}
	return peer.Contact{}, false
}

// Former is peer.Directory's.
func (b *book) Former(transport ed25519.PublicKey) (list []peer.Contact) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for o, p := range b.pinned {
		if d, ok := p.Chain.WasPeer(transport); ok {
			list = append(list, peer.Contact{Org: o, Kid: d.Kid})
		}
	}
	return list
}

// Targets is peer.Directory's. It meets who came into a case since the last call.
func (b *book) Targets() []peer.Target {
	b.meet()
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []peer.Target
	for o, c := range b.chains() {
		addresses.Lock()
		addrs := addresses.of[o]
		addresses.Unlock()
		for _, d := range c.Daemons() {
			list = append(list, peer.Target{Org: o, Transport: d.Peer, Addrs: addrs})
		}
	}
	return list
}

func (b *book) meet() {
	control := 0
	for _, c := range b.o.Ledger.Cases() {
		heads, err := b.o.Ledger.Heads(c)
		for _, h := range heads {
			if err == nil && h.Feed.Comp == id.Control {
				control += int(h.Seq) + 1
			}
		}
	}
	b.mu.Lock()
	same := control == b.control
	b.control = control
	b.mu.Unlock()
	if same {
		return
	}
	met := map[id.OrgID]*identity.Org{}
	for _, c := range b.o.Ledger.Cases() {
		_ = b.o.Cases.With(c, func(k *protocol.Case) error {
			for _, p := range k.Participants() {
				if chain, ok := k.Org(p.Org); ok && p.Admitted && p.Org != b.o.ID {
					met[p.Org] = chain
				}
			}
			return nil
		})
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.met = met
}

// Events is peer.Directory's.
func (b *book) Events() [][]byte { return b.o.Chain.Events }

// Learn is peer.Directory's.
func (b *book) Learn(id.OrgID, [][]byte) {}

// Card is peer.Public's: a new one each time.
func (b *book) Card() ([]byte, error) {
	if b.o.NoCard != nil {
		b.o.NoCard()
		return nil, identity.ErrDaemon
	}
	return identity.SealCard(b.o.key, identity.Card{Org: b.o.Chain, T: uint64(time.Now().UnixMicro())})
}

// HeardCard is peer.Public's: what is of a pinned organisation goes on.
func (b *book) HeardCard(raw []byte) bool {
	c, err := identity.OpenCard(raw)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looked++
	if err != nil || b.pinned[c.Org.ID] == nil || c.T < b.cards[c.Org.ID] {
		return false
	}
	b.cards[c.Org.ID] = c.T
	return true
}

// HeardEvents is peer.Public's.
func (b *book) HeardEvents(events [][]byte) bool {
	c, err := identity.Replay(events)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looked++
	if err != nil || b.pinned[c.ID] == nil || b.pinned[c.ID].Chain.Extends(c) {
		return false
	}
	b.longer[c.ID]++
	return true
}

// Revoked is peer.Public's.
func (b *book) Revoked() <-chan [][]byte { return b.revoked }

// Revoke has the public topics told of a chain.
func (o *Org) Revoke(chain *identity.Org) { o.book.revoked <- chain.Events }

// Heard says what came over the public topics: whether a card, and how many longer
// chains, of an organisation; and how many messages were judged.
func (o *Org) Heard(of id.OrgID) (card bool, chains, looked int) {
	o.book.mu.Lock()
	defer o.book.mu.Unlock()
	return o.book.cards[of] > 0, o.book.longer[of], o.book.looked
}
