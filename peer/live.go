package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/id"
)

const (
	tellPeers    = 8         // random members told of entries that we accepted
	comparePeers = 8         // members that a difference of marks is looked into with, of one round of TAGS
	liveSpan     = time.Hour // a case is compared regularly this long after an entry
	tailStep     = 512       // entries read from the ledger at a time
	liveRate     = 1000      // live entries a second to one peer; more, and it is behind
	liveBurst    = 1000
	freshSpan    = 24 * time.Hour // a steward's entry this close to our clock says that it was heard
	reaskFactor  = 2              // looks for unanswered asks, per Schedule.Retry
)

// follow tails the ledger, woken by it: new entries of ours are offered to every
// connected member at once, those of others are told to a few. What sessions are taking
// they pass on themselves; what was appended here waits for none of them.
func (n *Node) follow(ctx context.Context, all, own *ledger.Watch) error {
	for _, c := range n.c.Ledger.Cases() { // what was stored between Listen and Run
		if err := n.advance(ctx, c); err != nil {
			return fmt.Errorf("follow the ledger: %w", err)
		}
	}
	for {
		var changed []id.CaseID
		select {
		case <-ctx.Done():
			return nil
		case <-own.C:
			changed = own.Changed()
		case <-all.C:
			changed = slices.DeleteFunc(all.Changed(), n.taking)
		}
		for _, c := range changed {
			if err := n.advance(ctx, c); err != nil && !n.c.Ledger.Erased(c) {
				return fmt.Errorf("follow the ledger: %w", err)
			}
		}
	}
}

// taking says whether sessions are taking entries of a case.
func (n *Node) taking(c id.CaseID) bool {
	k := n.cases.get(c)
	return k != nil && k.taking.Load() > 0
}

// advance offers what was stored in a case since the last time.
func (n *Node) advance(ctx context.Context, c id.CaseID) error {
	k := n.cases.get(c)
	if k == nil {
		if err := n.cases.load(c); err != nil {
			return err
		}
		n.fetch.note(c)
		n.reshare()
		return nil
	}
	for {
		list, err := n.c.Ledger.Tail(c, k.passed(), tailStep)
		if err != nil || len(list) == 0 {
			return err
		}
		if _, err := n.passNext(ctx, c, k, list); err != nil {
			return err
		}
	}
}

// accepted is advance for entries that a session has just given to the ledger: they
// need not be read again, if no others came between.
func (n *Node) accepted(ctx context.Context, c id.CaseID, list []ledger.Entry) error {
	k := n.cases.get(c)
	if k == nil {
		return nil // follow has yet to load it
	}
	last := k.taking.Add(-1) == 0
	next, err := n.passNext(ctx, c, k, list)
	if err == nil && (last || !next) {
		err = n.advance(ctx, c)
	}
	return err
}

// passNext passes entries on if they are the next of their case; false: others came
// between, or somebody else has passed them on. What it writes to the disk it writes
// when the case's lock is free again.
func (n *Node) passNext(ctx context.Context, c id.CaseID, k *known, list []ledger.Entry) (next bool, err error) {
	k.step.Lock()
	next = len(list) > 0
	for i, e := range list {
		next = next && e.Pos == k.cursor+1+ledger.Pos(i)
	}
	if next {
		err = n.pass(ctx, c, k, list)
	}
	k.step.Unlock()
	if err == nil && next {
		err = errors.Join(n.hear(c, list), n.cases.keep(c))
	}
	return next, err
}

// pass offers the next entries of a case in the order of their arrival. The caller
// holds k.step.
func (n *Node) pass(ctx context.Context, c id.CaseID, k *known, list []ledger.Entry) error {
	var mine []ledger.Entry
	heads := map[id.Feed]wire.Head{}
	control, bodies, open := false, false, false
	for _, e := range list {
		control = control || e.Control()
		open = open || e.Comp == id.Control || e.Comp == id.Everyone
		if e.Kid == n.c.Kid {
			mine = append(mine, e)
			continue
		}
		bodies = bodies || e.Body != nil
		heads[e.Feed()] = wire.Head{Feed: e.Feed(), Seq: e.Seq, ID: [16]byte(e.ID[:16])}
	}
	k.cursor = list[len(list)-1].Pos
	n.cases.moved(c, open)
	n.fetch.hope([]id.CaseID{c})
	if bodies {
		n.fetch.note(c)
	}
	if control {
		changed, err := n.cases.refresh(c)
		if err != nil {
			return err
		}
		if changed {
			n.reshare()
		}
	}
	if err := n.cases.count(c, list); err != nil {
		return err
	}
	for _, s := range n.with() {
		s.offer(c, mine)
		if control {
			s.dueGenesis() // its certificate may have come
		}
	}
	if len(heads) > 0 {
		n.tellLater(ctx, c, heads)
	}
	return nil
}

// hear notes that a steward was heard when a fresh entry of one was stored.
func (n *Node) hear(c id.CaseID, list []ledger.Entry) error {
	now := n.c.Now()
	if us, _ := n.cases.standing(c, n.c.Org); us.steward || now.Sub(n.cases.lastHeard(c)).Abs() < heardGrain {
		return nil
	}
	heard := false
	err := n.c.Cases.With(c, func(k *protocol.Case) error {
		stewards := map[id.OrgID]bool{}
		for _, o := range k.Stewards() {
			stewards[o] = true
		}
		for _, e := range list {
			if now.Sub(time.UnixMilli(int64(e.T))).Abs() > freshSpan {
				continue
			}
			if o, ok := k.OrgOf(e.Kid); ok && stewards[o] && e.Kid != n.c.Kid {
				heard = true
				return nil
			}
		}
		return nil
	})
	if heard {
		n.cases.hear(c)
	}
	return err
}

// reshare tells every session that memberships may have changed.
func (n *Node) reshare() {
	for _, s := range n.with() {
		s.reshare()
	}
}

// offer makes entries of ours due: as they are to a peer that holds their prev, as
// IHAVE to others.
func (s *session) offer(c id.CaseID, list []ledger.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.shared[c]
	if sh == nil || len(list) == 0 {
		return
	}
	for _, e := range list {
		switch {
		case sh.behind:
			return
		case !sh.fits(e):
			s.tellLocked(sh, wire.Head{Feed: e.Feed(), Seq: e.Seq, ID: [16]byte(e.ID[:16])})
		case len(s.due.live) >= maxLive || sh.way >= maxWay || !s.pace.take(1, liveRate, liveBurst):
			s.fallBack(sh)
			return
		default:
			s.due.live = append(s.due.live, offer{c, e})
			sh.holds(e.Sealed)
		}
	}
	s.poke()
}

// fits says whether the other side holds everything below e in its feed.
func (sh *shared) fits(e ledger.Entry) bool {
	return sh.heads != nil && sh.follows(e.Feed(), e.Seq, [16]byte(e.Prev[:16]))
}

// follows says whether a place in a feed is next to what the other side is known to hold.
func (sh *shared) follows(f id.Feed, seq id.Seq, prev [16]byte) bool {
	m, ok := sh.heads[f]
	if seq == 0 {
		return !ok
	}
	return ok && m.seq == seq-1 && m.id == prev
}

// fallBack gives up live entries for a peer that is behind; it is compared with
// once nothing is on the way. The caller holds s.mu.
func (s *session) fallBack(sh *shared) {
	rest := s.due.live[:0:0]
	for _, o := range s.due.live {
		if o.c != sh.id {
			rest = append(rest, o)
		}
	}
	s.due.live = rest
	sh.behind = sh.way > 0
	sh.heads = nil
	if !sh.behind {
		s.dueVecLocked(sh.id)
	}
}

// compare sends VEC to one random member of each live case now and then: it finds
// what every other way has missed. It also turns to others when asks run out.
func (n *Node) compare(ctx context.Context) {
	next := time.Now().Add(jitter(n.c.Schedule.Compare))
	tick := time.NewTicker(max(n.c.Schedule.Retry/reaskFactor, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n.reask(n.asks.expire(nil))
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(jitter(n.c.Schedule.Compare))
		members := map[id.CaseID][]*session{}
		for _, s := range n.with() {
			for c := range n.cases.shared(s.contact.Org) {
				if st, _ := n.cases.standing(c, s.contact.Org); st.member {
					members[c] = append(members[c], s)
				}
			}
		}
		for c, list := range members {
			if n.cases.live(c) {
				list[rand.IntN(len(list))].dueVec(c)
			}
		}
	}
}
