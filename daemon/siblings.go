package daemon

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"sync"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// siblings are the other daemons of our own organisation: certified by our chain, so
// nobody pins them. Safe for concurrent use.
type siblings struct {
	us   *identity.Org // as this run knows it
	kid  id.Kid        // ours
	now  func() time.Time
	rows shelf[siblingRow]
	came chan id.Kid // revoked ones that came to us; whoever tells them reads

	edit sync.Mutex // held by who changes a row, across the disk; taken before mu
	mu   sync.Mutex
	of   map[id.Kid]siblingRow // rows, and newer in what they have seen; mu
	late map[id.Kid]time.Time  // when a revoked one last came; mu
}

// siblingRow is what is known of a sibling beside its certificate.
type siblingRow struct {
	Addrs []string  `json:"addrs,omitempty"` // by its card, or what it says in our cases
	Seen  time.Time `json:"seen,omitzero"`   // connected then
	Told  bool      `json:"told,omitempty"`  // that it is revoked
}

// seenGrain is how exact Seen is kept on disk.
const seenGrain = 5 * time.Minute

func siblingRows(l *ledger.Ledger) shelf[siblingRow] { return openShelf[siblingRow](l, "siblings") }

func openSiblings(l *ledger.Ledger, us *identity.Org, kid id.Kid, now func() time.Time) (*siblings, error) {
	b := &siblings{us: us, kid: kid, now: now, rows: siblingRows(l), came: make(chan id.Kid, 8),
		of: map[id.Kid]siblingRow{}, late: map[id.Kid]time.Time{}}
	return b, b.rows.all(func(key []byte, row siblingRow) error {
		if kid, ok := id.FromBytes[id.Kid](key); ok {
			b.of[kid] = row
		}
		return nil
	})
}

// list are the siblings, revoked ones too, in the order of their certificates.
func (b *siblings) list() []identity.Daemon {
	return slices.DeleteFunc(b.us.Daemons(), func(d identity.Daemon) bool { return d.Kid == b.kid })
}

// allowed is peer.Directory's for a sibling. A revoked one is noted: it still runs.
func (b *siblings) allowed(transport ed25519.PublicKey) (peer.Contact, bool) {
	for _, d := range b.list() {
		switch {
		case !d.Peer.Equal(transport):
		case d.Revoked:
			b.noteLate(d.Kid)
		default:
			return peer.Contact{Org: b.us.ID, Kid: d.Kid, KEM: d.KEM, Chain: b.us}, true
		}
	}
	return peer.Contact{}, false
}

// knows forgets that revoked ones have come: somebody did who knows as much as we do, and
// goes on with other keys. One that does not know comes again.
func (b *siblings) knows() {
	b.mu.Lock()
	clear(b.late)
	b.mu.Unlock()
}

func (b *siblings) noteLate(kid id.Kid) {
	b.mu.Lock()
	b.late[kid] = b.now()
	b.mu.Unlock()
	select {
	case b.came <- kid:
	default: // it comes again
	}
}

// targets are the siblings to stay connected with.
func (b *siblings) targets() (out []peer.Target) {
	for _, d := range b.list() {
		if !d.Revoked {
			out = append(out, b.target(d))
		}
	}
	return out
}

func (b *siblings) target(d identity.Daemon) peer.Target {
	row, _ := b.get(d.Kid)
	return peer.Target{Org: b.us.ID, Transport: d.Peer, Addrs: row.Addrs}
}

// get is what is known of a sibling, and when it came though it is revoked.
func (b *siblings) get(kid id.Kid) (row siblingRow, late time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.of[kid], b.late[kid]
}

// reached notes where a sibling is reached.
func (b *siblings) reached(kid id.Kid, addrs []string) error {
	return b.change(kid, func(row *siblingRow) bool {
		if len(addrs) == 0 || slices.Equal(row.Addrs, addrs) {
			return false
		}
		row.Addrs = addrs
		return true
	})
}

// saw notes that a sibling is connected.
func (b *siblings) saw(kid id.Kid) error {
	return b.change(kid, func(row *siblingRow) bool {
		was := row.Seen
		row.Seen = b.now()
		return row.Seen.Sub(was).Abs() >= seenGrain
	})
}

// told notes that a revoked sibling knows that it is.
func (b *siblings) told(kid id.Kid) error {
	return b.change(kid, func(row *siblingRow) bool {
		was := row.Told
		row.Told = true
		return !was
	})
}

// change lets f change what is known of a sibling, and keeps it, on disk if f says so.
func (b *siblings) change(kid id.Kid, f func(*siblingRow) (keep bool)) error {
	b.edit.Lock()
	defer b.edit.Unlock()
	row, _ := b.get(kid)
	if f(&row) {
		if err := b.rows.put(kid[:], row); err != nil {
			return err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.of[kid] = row
	return nil
}

// tell are where a case says that our unrevoked siblings are reached.
func (b *siblings) tell(k *protocol.Case) map[id.Kid][]string {
	out := map[id.Kid][]string{}
	for _, d := range b.list() {
		if !d.Revoked {
			out[d.Kid] = k.Reached(d.Kid)
		}
	}
	return out
}

// meet notes what tell has found.
func (b *siblings) meet(addrs map[id.Kid][]string) (err error) {
	for kid, a := range addrs {
		err = errors.Join(err, b.reached(kid, a))
	}
	return err
}

// addSibling takes the card of a daemon of our own organisation: where it is
// reached, and the identity events that we lack.
func (s *service) addSibling(card *identity.Card) (any, error) {
	if card.Kid == s.kid {
		return nil, invalid("this is the card of this very daemon")
	}
	newest := s.org
	switch {
	case newest.Extends(card.Org):
	case card.Org.Extends(newest):
		newest = card.Org
	default:
		return nil, errTwoHistories("this card")
	}
	if d, ok := newest.Daemon(card.Kid); !ok || d.Revoked {
		return nil, &api.Error{Kind: api.Refused, Rule: "no-such-daemon", Text: "the card is of a daemon of this organisation whose key is revoked",
			Try: "on that machine: cordon key renew, then its new card"}
	}
	if err := s.dir.sib.reached(card.Kid, card.Addrs); err != nil {
		return nil, err
	}
	if newest != s.org {
		if err := s.adopt(newest); err != nil {
			return nil, err
		}
	}
	return &api.PeerRow{Schema: "cordon.peer/1", Org: s.org.ID, Name: newest.Name, Level: "own", Fingerprint: words(s.org.ID),
		Addrs: append([]string{}, card.Addrs...), Events: len(newest.Events)}, nil
}

// errTwoHistories says that the root has signed two events at one place.
func errTwoHistories(where string) *api.Error {
	return &api.Error{Kind: api.Fork, Rule: "broken-chain", Text: where + " shows another history of our organisation's keys than the one known here: the root has signed twice; nothing was changed",
		Try: "keep the history that other organisations have pinned; daemons that only the other one certifies are to be added anew"}
}

// learnOwn is directory.Learn for events that a sibling has shown.
func (d *directory) learnOwn(events [][]byte) {
	us := d.sib.us
	if slices.EqualFunc(us.Events, events, bytes.Equal) {
		d.sib.knows()
		return
	}
	chain, err := identity.Replay(events)
	switch {
	case err != nil || chain.ID != us.ID || us.Extends(chain):
	case chain.Extends(us):
		select {
		case d.newer <- chain:
		default: // one is on its way
		}
	default:
		d.log.Error("another daemon of ours shows another history of our own keys: the root has signed two; cordon daemon list")
	}
}

// siblingPause is how often it is noted who is connected.
const siblingPause = 30 * time.Second

// followSiblings notes which siblings are connected, and tells a revoked one what has
// become of it, for who else knows may not reach it: once we know, and when it comes to
// us, at most every minute.
func (s *service) followSiblings(ctx context.Context) error {
	var early sync.WaitGroup
	defer early.Wait()
	early.Go(func() {
		for _, d := range s.dir.sib.list() {
			if row, _ := s.dir.sib.get(d.Kid); d.Revoked && !row.Told {
				s.tellRevoked(ctx, d.Kid)
			}
		}
	})
	last := map[id.Kid]time.Time{}
	pause := time.NewTicker(siblingPause)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case kid := <-s.dir.sib.came:
			if time.Since(last[kid]) > time.Minute {
				last[kid] = time.Now()
				s.tellRevoked(ctx, kid)
			}
		case <-pause.C:
			if err := s.sawSiblings(); err != nil {
				return err
			}
		}
	}
}

func (s *service) sawSiblings() error {
	for _, p := range s.net.Status() {
		if p.Org == s.org.ID && p.Connected {
			if err := s.dir.sib.saw(p.Kid); err != nil {
				return err
			}
		}
	}
	return nil
}

// tellRevoked shows a revoked sibling our events: it trusts this daemon's transport
// key by the chain that it knows.
func (s *service) tellRevoked(ctx context.Context, kid id.Kid) {
	d, _ := s.org.Daemon(kid)
	to := s.dir.sib.target(d)
	if len(to.Addrs) == 0 {
		return
	}
	if err := peer.Herald(ctx, peer.Former{Kid: s.kid, Transport: s.keys.peer}, to, s.org.Events); err != nil {
		return
	}
	s.log.Info("a revoked daemon of ours has been told that it is revoked")
	if err := s.dir.sib.told(kid); err != nil {
		s.log.Error("note that a revoked daemon was told", "err", err)
	}
}
