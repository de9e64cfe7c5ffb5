package daemon

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/peer"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// maxAddrs bounds the addresses that are tried for one organisation.
const maxAddrs = 32

// directory knows who is who: organisations that a person pinned by their card,
// and those met in cases that we are in (introduced). It is peer.Directory, and
// answers from memory; the shelf keeps it over restarts. It is safe for
// concurrent use.
type directory struct {
	self  id.OrgID
	own   [][]byte  // our identity events; fixed
	sib   *siblings // the other daemons of ours
	rows  shelf[orgRow]
	log   *slog.Logger
	now   func() time.Time
	newer chan *identity.Org // our own chain, longer than this run knows it; the steward loop reads
	grew  chan id.OrgID      // organisations whose chain got longer; the steward loop reads

	revoked chan [][]byte // identity events of pinned organisations that revoke a key; the public topics read

	edit   sync.Mutex             // held by who changes something, across the disk; taken before mu
	heard  map[id.OrgID]time.Time // when a new card came over the public topics; edit
	mu     sync.RWMutex
	orgs   map[id.OrgID]*known   // mu; changed under edit only; a known never changes
	byPeer map[[32]byte]id.OrgID // transport key of an unrevoked daemon; mu
}

// known is what the directory holds of one organisation.
type known struct {
	org     *identity.Org          // the longest chain seen
	card    *identity.Card         // nil: not pinned
	others  map[id.Kid]beside      // of its further daemons; empty unless pinned
	met     map[id.CaseID][]string // common cases, and the addresses given there
	suspect bool                   // two chains, neither extends the other: until a person chooses one
	rival   *identity.Org          // suspect: the other chain; nil: not kept
	dropped *identity.Org          // the chain that a person has not chosen; nil: none
	contact contact                // what speaks for it; empty unless pinned
	hold    bool                   // a person holds everything of cases back from it
}

// orgRow is known on disk.
type orgRow struct {
	Events  [][]byte            `json:"events"`
	Card    []byte              `json:"card,omitempty"`
	Others  map[id.Kid]beside   `json:"others,omitempty"`
	Met     map[string][]string `json:"met,omitempty"` // case id: addresses
	Suspect bool                `json:"suspect,omitempty"`
	Rival   [][]byte            `json:"rival,omitempty"`   // suspect: the events of the other chain
	Dropped [][]byte            `json:"dropped,omitempty"` // the events of the chain that was not chosen
	Contact contact             `json:"contact,omitzero"`
	Hold    bool                `json:"hold,omitempty"`
}

func openDirectory(l *ledger.Ledger, sib *siblings, log *slog.Logger, now func() time.Time) (*directory, error) {
	d := &directory{
		self: sib.us.ID, own: sib.us.Events, sib: sib, log: log, now: now, rows: openShelf[orgRow](l, shelfOrgs),
		grew: make(chan id.OrgID, 64), newer: make(chan *identity.Org, 1), revoked: make(chan [][]byte, 64), heard: map[id.OrgID]time.Time{},
		orgs: map[id.OrgID]*known{}, byPeer: map[[32]byte]id.OrgID{},
	}
	err := d.rows.all(func(key []byte, row orgRow) error {
		org, err := identity.Replay(row.Events)
		if err != nil {
			return fmt.Errorf("stored identity: %w", err)
		}
		k := &known{org: org, others: row.Others, suspect: row.Suspect, contact: row.Contact, hold: row.Hold, met: map[id.CaseID][]string{}}
		if row.Card != nil {
			if k.card, err = identity.OpenCard(row.Card); err != nil {
				return fmt.Errorf("stored card: %w", err)
			}
		}
		if err := k.readOthers(row); err != nil {
			return fmt.Errorf("stored identity: %w", err)
		}
		for c, addrs := range row.Met {
			caseID, err := id.Parse[id.CaseID](c)
			if err != nil {
				return err
			}
			k.met[caseID] = addrs
		}
		d.replace(org.ID, k)
		return nil
	})
	return d, err
}

// replace puts k (nil: nothing) in the place of what is known of an
// organisation, in memory. A transport key that has agreed to two organisations
// belongs to the pinned one, else to the first.
func (d *directory) replace(o id.OrgID, k *known) {
	d.mu.Lock()
	defer d.mu.Unlock()
	freed := map[[32]byte]bool{}
	if old := d.orgs[o]; old != nil {
		for _, m := range old.org.Daemons() {
			if t := [32]byte(m.Peer); d.byPeer[t] == o {
				delete(d.byPeer, t)
				freed[t] = true
			}
		}
		delete(d.orgs, o)
	}
	if k != nil {
		d.orgs[o] = k
		d.claim(o, k)
	}
	maps.DeleteFunc(freed, func(t [32]byte, _ bool) bool { _, taken := d.byPeer[t]; return taken })
	if len(freed) > 0 { // whoever else has certified such a key has waited for it
		for other, k := range d.orgs {
			d.claim(other, k)
		}
	}
}

// claim gives an organisation the transport keys that it has certified and nobody
// holds, or only somebody who is not pinned while it is. The caller holds mu.
func (d *directory) claim(o id.OrgID, k *known) {
	for _, m := range k.org.Daemons() {
		t := [32]byte(m.Peer)
		holder := d.orgs[d.byPeer[t]]
		if !m.Revoked && (holder == nil || holder.card == nil && k.card != nil) {
			d.byPeer[t] = o
		}
	}
}

// save makes k durable, then visible; the caller holds edit. What is neither
// pinned nor met in a case is forgotten, unless a person holds something back from it.
func (d *directory) save(k *known) error {
	o := k.org.ID
	if k.card == nil && len(k.met) == 0 && !k.hold {
		if err := d.rows.delete(o[:]); err != nil {
			return err
		}
		d.replace(o, nil)
		return nil
	}
	row := orgRow{Events: k.org.Events, Others: k.others, Suspect: k.suspect, Contact: k.contact, Hold: k.hold, Met: map[string][]string{}}
	if k.card != nil {
		row.Card = k.card.Raw
	}
	if k.rival != nil {
		row.Rival = k.rival.Events
	}
	if k.dropped != nil {
		row.Dropped = k.dropped.Events
	}
	for c, addrs := range k.met {
		row.Met[c.String()] = addrs
	}
	if err := d.rows.put(o[:], row); err != nil {
		return err
	}
	d.replace(o, k)
	return nil
}

// meet notes the members of a case that we are in, with the addresses that they
// gave there; none: we are in it no more. Who shares no case with us any longer,
// and is not pinned, is forgotten.
func (d *directory) meet(c id.CaseID, members map[id.OrgID]member) error {
	d.edit.Lock()
	defer d.edit.Unlock()
	var errs []error
	for org, k := range d.orgs {
		if _, here := k.met[c]; here {
			if _, still := members[org]; !still {
				n := k.clone()
				delete(n.met, c)
				errs = append(errs, d.save(n))
			}
		}
	}
	for org, m := range members {
		if org == d.self {
			continue
		}
		k, ok := d.orgs[org]
		if !ok {
			k = &known{org: m.org, met: map[id.CaseID][]string{}}
		}
		if k.org.Extends(m.org) && !m.org.Extends(k.org) {
			d.tellGrew(org) // the case lacks what we have learnt elsewhere
		}
		addrs, here := k.met[c]
		if here && slices.Equal(addrs, m.addrs) && k.org.Extends(m.org) {
			continue
		}
		n := k.clone()
		n.met[c] = m.addrs
		d.extend(n, m.org)
		errs = append(errs, d.save(n))
	}
	return errors.Join(errs...)
}

// member is an organisation as a case shows it.
type member struct {
	org   *identity.Org
	addrs []string
}

func (k *known) clone() *known {
	n := *k
	n.met = make(map[id.CaseID][]string, len(k.met)+1)
	for c, a := range k.met {
		n.met[c] = a
	}
	n.others = make(map[id.Kid]beside, len(k.others)+1)
	maps.Copy(n.others, k.others)
	return &n
}

// extend takes a verified chain of the same organisation into k.
func (d *directory) extend(k *known, org *identity.Org) {
	switch {
	case k.org.Extends(org):
	case org.Extends(k.org):
		if k.card != nil && revokes(org, k.org) {
			d.tellRevoked(org)
		}
		k.org = org
		d.tellGrew(org.ID)
	case k.hasDropped(org): // a person has decided
	default:
		k.contradicted(org)
		d.log.Warn("an organisation shows two histories of its keys; nothing is shared with it until a person chooses one")
	}
}

// tellGrew wakes the loop that tells our cases of it. When it is far behind the
// news is dropped: it comes again with the next control entry of a common case.
func (d *directory) tellGrew(o id.OrgID) {
	select {
	case d.grew <- o:
	default:
	}
}

// tellRevoked has the public topics told; when they are far behind the news is
// dropped, for its organisation tells it as well.
func (d *directory) tellRevoked(org *identity.Org) {
	select {
	case d.revoked <- org.Events:
	default:
	}
}

// Allowed is peer.Directory.
func (d *directory) Allowed(transport ed25519.PublicKey) (peer.Contact, bool) {
	if len(transport) != ed25519.PublicKeySize {
		return peer.Contact{}, false
	}
	if c, ok := d.sib.allowed(transport); ok {
		return c, true
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	k, ok := d.orgs[d.byPeer[[32]byte(transport)]]
	if !ok || k.suspect {
		return peer.Contact{}, false
	}
	m, ok := k.org.ByPeer(transport)
	if !ok {
		return peer.Contact{}, false
	}
	return peer.Contact{Org: k.org.ID, Kid: m.Kid, KEM: m.KEM, Introduced: k.card == nil, Hold: k.hold, Chain: k.org}, true
}

// Former is peer.Directory. Who is only introduced is left out: whether we share a case with
// it is not for who holds a revoked key of its to learn.
func (d *directory) Former(transport ed25519.PublicKey) (list []peer.Contact) {
	if m, ok := d.sib.us.WasPeer(transport); ok {
		list = append(list, peer.Contact{Org: d.self, Kid: m.Kid})
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, k := range d.orgs {
		if k.card == nil || k.suspect {
			continue
		}
		if m, ok := k.org.WasPeer(transport); ok {
			list = append(list, peer.Contact{Org: k.org.ID, Kid: m.Kid})
		}
	}
	return list
}

// Targets is peer.Directory.
func (d *directory) Targets() []peer.Target {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := d.sib.targets()
	for _, k := range d.orgs {
		if k.suspect {
			continue
		}
		for _, m := range k.org.Daemons() {
			if !m.Revoked {
				out = append(out, peer.Target{Org: k.org.ID, Transport: m.Peer, Addrs: k.addrs()})
			}
		}
	}
	return out
}

// addrs are the addresses to try: the card's first, then those of its further daemons,
// then those given in cases.
func (k *known) addrs() []string {
	var out []string
	more := func(addrs []string) {
		for _, a := range addrs {
			if len(out) < maxAddrs && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	if k.card != nil {
		more(k.card.Addrs)
	}
	for kid, b := range k.others {
		if d, ok := k.org.Daemon(kid); ok && !d.Revoked {
			more(b.Addrs)
		}
	}
	for _, addrs := range k.met {
		more(addrs)
	}
	return out
}

// Events is peer.Directory.
func (d *directory) Events() [][]byte { return d.own }

// Learn is peer.Directory: events that somebody showed count only if they are a
// longer chain of an organisation that we know already.
func (d *directory) Learn(org id.OrgID, events [][]byte) {
	if org == d.self {
		d.learnOwn(events)
		return
	}
	d.mu.RLock()
	k, ok := d.orgs[org]
	same := ok && slices.EqualFunc(k.org.Events, events, bytes.Equal)
	d.mu.RUnlock()
	if !ok || same {
		return
	}
	chain, err := identity.Replay(events)
	if err != nil || chain.ID != org {
		return
	}
	d.edit.Lock()
	defer d.edit.Unlock()
	if k, ok = d.orgs[org]; !ok || k.org.Extends(chain) {
		return
	}
	n := k.clone()
	d.extend(n, chain)
	if err := d.save(n); err != nil {
		d.log.Error("keep identity events", "err", err)
	}
}

// org is the longest chain of an organisation, ours excepted.
func (d *directory) org(o id.OrgID) (*identity.Org, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	k, ok := d.orgs[o]
	if !ok {
		return nil, false
	}
	return k.org, true
}

// suspects says whether two histories of an organisation's keys were seen.
func (d *directory) suspects(o id.OrgID) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	k, ok := d.orgs[o]
	return ok && k.suspect
}

// pinned is the card that a person pinned, unless its organisation is suspect.
func (d *directory) pinned(o id.OrgID) (*identity.Card, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	k, ok := d.orgs[o]
	if !ok || k.card == nil || k.suspect {
		return nil, false
	}
	return k.card, true
}

// list is every organisation known, by name; links say how we stand with them.
func (d *directory) list(links map[id.OrgID]standing) []api.PeerRow {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := make([]api.PeerRow, 0, len(d.orgs))
	for o, k := range d.orgs {
		row := api.PeerRow{Org: o, Name: k.org.Name, Level: "introduced", Fingerprint: words(o),
			Connected: links[o].connected, Fault: links[o].fault, Hold: k.hold, Addrs: append([]string{}, k.addrs()...)}
		switch {
		case k.suspect:
			row.Level, row.Histories = "suspect", k.histories()
		case k.card != nil:
			row.Level, row.Domains = "pinned", k.org.Domains
			row.Grounds = d.grounds(k)
			row.Contact = level(row.Grounds).String()
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b api.PeerRow) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return bytes.Compare(a.Org[:], b.Org[:])
	})
	return out
}

// words is the fingerprint of an organisation as one line.
func words(o id.OrgID) string {
	w := identity.Words(o)
	return strings.Join(w[:], " ")
}

// common are the cases that we share with an organisation.
func (d *directory) common(o id.OrgID) []id.CaseID {
	d.mu.RLock()
	defer d.mu.RUnlock()
	k, ok := d.orgs[o]
	if !ok {
		return nil
	}
	return slices.Collect(maps.Keys(k.met))
}
