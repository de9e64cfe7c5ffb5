package peertest

import (
	"crypto/ed25519"
	"sync"

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
	met     map[id.OrgID]*identity.Org
	control int // entries when met was made
}

// addresses stand for what cards and address entries say; they are per process, as
// ports are chosen at start.
var addresses = struct {
	sync.Mutex
	of map[id.OrgID][]string
}{of: map[id.OrgID][]string{}}

func newBook(o *Org) *book {
	return &book{o: o, pinned: map[id.OrgID]*Org{}, met: map[id.OrgID]*identity.Org{}}
}

func (b *book) pin(p *Org) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pinned[p.ID] = p
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
				Introduced: b.pinned[o] == nil, Chain: c}, true
		}
	}
	return peer.Contact{}, false
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
