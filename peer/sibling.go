package peer

import (
	"context"
	"fmt"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Daemons of one organisation hold the same cases. Nobody invites one of them: the
// other brings it the genesis of each case that its TAGS do not name, and it
// fetches the rest as every newcomer does (spec/sync.md §6.6).

// sibling says whether the other side is a daemon of our own organisation.
func (s *session) sibling() bool { return s.contact.Org == s.n.c.Org }

// dueGenesis makes the cases due that a sibling lacks.
func (s *session) dueGenesis() {
	if !s.sibling() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.theirTags == nil {
		return // it has not said yet what it has
	}
	for c, sh := range s.shared {
		if _, named := s.theirTags[sh.in]; named || sh.given || !s.n.cases.receives(c) {
			continue
		}
		if s.due.genesis == nil {
			s.due.genesis = map[id.CaseID]bool{}
		}
		s.due.genesis[c] = true
	}
	s.poke()
}

// sendGenesis brings a sibling one case. Where the gate says no, the next control entry
// makes this due again.
func (s *session) sendGenesis(c id.CaseID) error {
	g, err := s.n.c.Ledger.Entry(c, id.EntryID(c))
	if err != nil {
		return internal("genesis", err)
	}
	left, err := s.n.release(pieces{s.stream}, s.peer, c, []item{{e: g, part: protocol.Header}},
		func([]item) ([]byte, error) { return wire.Append(nil, &wire.Genesis{Raw: g.Raw}), nil })
	if err != nil || len(left) == 0 {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh := s.shared[c]; sh != nil {
		sh.given = true
	}
	return nil
}

// takeGenesis begins to fetch a case that a sibling has brought. From anybody else,
// or of a case that is here or was erased here, it is passed over.
func (s *session) takeGenesis(ctx context.Context, f *wire.Genesis) error {
	if !s.sibling() {
		return nil
	}
	g, err := entry.Parse(f.Raw)
	if err != nil || !g.Genesis() || s.n.cases.receives(g.CaseID()) || s.n.c.Ledger.Erased(g.CaseID()) {
		return nil
	}
	return s.n.join(ctx, g.CaseID(), f.Raw, []id.OrgID{s.n.c.Org})
}

// join notes from whom to fetch a case and stores its genesis. ErrErased: it was
// erased here.
func (n *Node) join(ctx context.Context, c id.CaseID, genesis []byte, from []id.OrgID) error {
	if n.c.Ledger.Erased(c) {
		return ledger.ErrErased
	}
	if err := n.cases.join(c, from); err != nil {
		return internal("note a case to join", err)
	}
	// Commit point: after this the case is known and is fetched, also after a crash.
	res, err := n.c.Ledger.Accept(ctx, c, [][]byte{genesis})
	if err != nil {
		return internal("store a genesis", err)
	}
	if len(res.Rejected) > 0 {
		return fmt.Errorf("genesis: %w", res.Rejected[0].Err)
	}
	return n.joinKnown(c)
}

// speaks says whether a daemon answers requests in its organisation's name: the one
// with cap steward, or any while there is none. Who asks another would hear of an
// invitation that this one does not know.
func speaks(c Contact) bool {
	d, _ := c.Chain.Daemon(c.Kid)
	for _, other := range c.Chain.Daemons() {
		if !other.Revoked && other.Can(identity.CapSteward) {
			return d.Can(identity.CapSteward)
		}
	}
	return true
}
