package daemon

import (
	"time"

	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// heardPause is how long after one new card of an organisation the next is looked at,
// where it came over the public topics (spec/sync.md §12).
const heardPause = time.Minute

// topics is peer.Public: what the public topics bring goes into the directory.
type topics struct {
	*directory
	self *selfCard
}

// Card is peer.Public.
func (t topics) Card() ([]byte, error) { return t.self.raw() }

// Revoked is peer.Public.
func (t topics) Revoked() <-chan [][]byte { return t.revoked }

// beside is what a card of a further daemon of an organisation said.
type beside struct {
	T     uint64   `json:"t"`
	Card  [32]byte `json:"card"` // its id
	Addrs []string `json:"addrs"`
}

// HeardCard is peer.Public: of an organisation that a person has pinned, a card that
// came by takes the place of an older one of the same daemon. It pins nobody.
func (t topics) HeardCard(raw []byte) bool {
	c, err := identity.OpenCard(raw)
	now := t.now()
	if err != nil || c.T > uint64(now.Add(clockSkew).UnixMilli()) {
		return false
	}
	t.edit.Lock()
	defer t.edit.Unlock()
	k := t.orgs[c.Org.ID]
	if k == nil || k.card == nil || k.suspect {
		return false
	}
	if k.has(c) {
		signer, ok := k.org.Daemon(c.Kid)
		return ok && signer.InForce(uint64(now.Unix()))
	}
	if now.Sub(t.heard[c.Org.ID]) < heardPause {
		return false
	}
	n := k.clone()
	t.extend(n, c.Org)
	news := !n.suspect && n.takeCard(c, uint64(now.Unix()))
	if !news && !n.suspect {
		return false
	}
	t.heard[c.Org.ID] = now
	if err := t.save(n); err != nil {
		t.log.Error("keep a card", "err", err)
		return false
	}
	return news
}

// has says whether this very card is known.
func (k *known) has(c *identity.Card) bool {
	return k.card.ID == c.ID || k.others[c.Kid].Card == c.ID
}

// takeCard puts a card where it belongs: in the place of the one that was pinned, if it
// is a later one of that daemon or that daemon is no more; else beside it. False: it
// says nothing new, or its daemon is not in force.
func (k *known) takeCard(c *identity.Card, now uint64) bool {
	if d, ok := k.org.Daemon(c.Kid); !ok || !d.InForce(now) {
		return false
	}
	pinned, ok := k.org.Daemon(k.card.Kid)
	switch {
	case c.Kid == k.card.Kid && c.T > k.card.T || !ok || !pinned.InForce(now):
		k.card = c
		delete(k.others, c.Kid)
	case c.Kid != k.card.Kid && c.T > k.others[c.Kid].T:
		k.others[c.Kid] = beside{c.T, c.ID, c.Addrs}
	default:
		return false
	}
	return true
}

// HeardEvents is peer.Public: events that came by count only if they are a longer
// chain of an organisation that a person has pinned.
func (t topics) HeardEvents(events [][]byte) bool {
	chain, err := identity.Replay(events)
	if err != nil {
		return false
	}
	t.edit.Lock()
	defer t.edit.Unlock()
	k := t.orgs[chain.ID]
	if k == nil || k.card == nil || k.suspect || k.org.Extends(chain) {
		return false
	}
	n := *k
	t.extend(&n, chain)
	if err := t.save(&n); err != nil {
		t.log.Error("keep identity events", "err", err)
		return false
	}
	return !n.suspect
}

// revokes says whether a chain revokes a key that the shorter one does not.
func revokes(longer, shorter *identity.Org) bool {
	gone := map[id.Kid]bool{}
	for _, d := range shorter.Daemons() {
		gone[d.Kid] = d.Revoked
	}
	for _, d := range longer.Daemons() {
		if d.Revoked && !gone[d.Kid] {
			return true
		}
	}
	return false
}
