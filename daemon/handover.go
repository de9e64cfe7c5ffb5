package daemon

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"cordon/daemon/api"
	"cordon/peer"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// handover is what the active daemon knows that is in no case, for its standbys: the
// organisations that people have pinned, with what speaks for them; the invitations
// that wait, to us and of ours; and what a case asks of contacts. It is peer.Handover.
// A standby only keeps the rows. It goes by them once it is the active one: inherit.
type handover struct {
	s     *service
	rows  shelf[copiedRow]   // by digest
	whole shelf[copiedWhole] // under selfKey: when nothing lacked

	mu   sync.Mutex // held by who changes rows
	size int        // of rows; mu
}

// copiedRow is a row of a shelf of the active daemon. Its JSON is what travels.
type copiedRow struct {
	Shelf string          `json:"shelf"`
	Key   []byte          `json:"key"`
	Row   json.RawMessage `json:"row"`
}

type copiedWhole struct {
	At time.Time `json:"at"`
}

// maxCopied bounds what a standby keeps, in bytes.
const maxCopied = 256 << 20

// The shelves that are handed over.
const (
	shelfOrgs    = "organisations"
	shelfInbox   = "inbox"
	shelfInvited = "invited"
	shelfMinima  = "minima"
	shelfClocks  = "clocks"
)

func openHandover(s *service) *handover {
	return &handover{s: s, rows: openShelf[copiedRow](s.led, "handover"), whole: openShelf[copiedWhole](s.led, "handover-whole")}
}

// Rows is peer.Handover.
func (h *handover) Rows(yield func([]byte) error) error {
	n := 0
	give := func(shelf string, key []byte, row any) error {
		raw, err := json.Marshal(row)
		if err != nil {
			return err
		}
		if raw, err = json.Marshal(copiedRow{shelf, key, raw}); err != nil {
			return err
		}
		if n++; n > peer.MaxRows || len(raw) > peer.MaxRow {
			return errors.New("more is known here than a standby can take over")
		}
		return yield(raw)
	}
	return errors.Join(
		h.s.dir.rows.all(func(key []byte, row orgRow) error {
			if row.Card == nil {
				return nil // met in a case, which the standby has too
			}
			row.Met = nil
			return give(shelfOrgs, key, row)
		}),
		h.s.inv.in.all(func(key []byte, row inboxRow) error { return give(shelfInbox, key, row) }),
		h.s.inv.out.all(func(key []byte, row invitedRow) error { return give(shelfInvited, key, row) }),
		h.s.minima.all(func(key []byte, row minimumRow) error { return give(shelfMinima, key, row) }),
		h.s.clocks.all(func(key []byte, row clockRow) error { return give(shelfClocks, key, row) }))
}

// Copied is peer.Handover.
func (h *handover) Copied() (list [][32]byte, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.size = 0
	err = h.rows.all(func(key []byte, row copiedRow) error {
		list, h.size = append(list, [32]byte(key)), h.size+len(row.Row)
		return nil
	})
	return list, err
}

// Copy is peer.Handover. Each row is one by itself: a copy that breaks off goes on
// from there.
func (h *handover) Copy(rows [][]byte, gone [][32]byte, last bool) error {
	if h.s.mayDecide() == nil {
		return errors.New("handover: this daemon is the active one")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range gone {
		if err := h.rows.delete(d[:]); err != nil {
			return err
		}
	}
	for _, raw := range rows {
		var row copiedRow
		if err := json.Unmarshal(raw, &row); err != nil {
			return fmt.Errorf("handover: %w", err)
		}
		if h.size += len(row.Row); h.size > maxCopied {
			return errors.New("handover: more than a standby takes")
		}
		digest := sha256.Sum256(raw)
		if err := h.rows.put(digest[:], row); err != nil {
			return err
		}
	}
	if !last {
		return nil
	}
	return h.whole.put(selfKey, copiedWhole{h.s.now()})
}

// inherit makes what was copied from a former active daemon our own, once we are the
// active one. What that one knew wins over what this one knew beside it. After a
// crash the next start does it again.
func (h *handover) inherit() error {
	if h.s.mayDecide() != nil {
		return nil
	}
	_, all, err := h.whole.get(selfKey)
	if err != nil {
		return err
	}
	if all { // what waited here before, if this daemon was active once, is answered or there
		err = errors.Join(h.s.inv.in.clear(), h.s.inv.out.clear())
	}
	if err != nil {
		return err
	}
	n := 0
	err = h.rows.all(func(_ []byte, row copiedRow) error {
		n++
		if err := h.take(row); err != nil {
			h.s.log.Error("take over what the former active daemon knew: one row is left out", "err", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if n > 0 {
		h.s.log.Info("this daemon is the active one now, and goes by what the former one knew")
	}
	if err := h.whole.clear(); err != nil {
		return err
	}
	// Commit point: what was copied is ours. After a crash here some rows are taken
	// again before anything can have changed them.
	return h.rows.clear()
}

// take makes one row ours.
func (h *handover) take(row copiedRow) error {
	switch row.Shelf {
	case shelfOrgs:
		return takeRow(row, h.s.dir.inherit)
	case shelfInbox:
		return takeRow(row, func(r inboxRow) error { return h.s.inv.in.put(row.Key, r) })
	case shelfInvited:
		return takeRow(row, func(r invitedRow) error { return h.s.inv.out.put(row.Key, r) })
	case shelfClocks:
		return takeRow(row, func(r clockRow) error { return h.s.clocks.put(row.Key, r) })
	case shelfMinima:
		return takeRow(row, func(r minimumRow) error { return h.s.minima.put(row.Key, r) })
	}
	return nil // of a newer active daemon
}

func takeRow[T any](row copiedRow, take func(T) error) error {
	var r T
	if err := json.Unmarshal(row.Row, &r); err != nil {
		return err
	}
	return take(r)
}

// inherit takes an organisation that the former active daemon had pinned. Chain and
// card prove themselves; what speaks for it is that daemon's word, and takes the
// place of ours.
func (d *directory) inherit(row orgRow) error {
	org, err := identity.Replay(row.Events)
	if err != nil {
		return err
	}
	card, err := identity.OpenCard(row.Card)
	if err != nil {
		return err
	}
	if org.ID == d.self || card.Org.ID != org.ID {
		return errors.New("of another organisation")
	}
	d.edit.Lock()
	defer d.edit.Unlock()
	k, ok := d.orgs[org.ID]
	if !ok {
		k = &known{org: org, met: map[id.CaseID][]string{}}
	}
	n, former := k.clone(), &known{org: org}
	if err := former.readOthers(row); err != nil {
		return err
	}
	if former.hasDropped(n.org) { // a person has chosen there
		n.org, n.card, n.others, n.suspect = org, nil, nil, false
	}
	d.extend(n, org)
	if n.card == nil || card.T >= n.card.T {
		n.card = card
	}
	n.contact, n.suspect, n.hold = row.Contact, n.suspect || row.Suspect, n.hold || row.Hold
	if former.rival != nil {
		n.rival = former.rival
	}
	if former.dropped != nil {
		n.dropped = former.dropped
	}
	return d.save(n)
}

// show is what a standby would take over.
func (h *handover) show() (*api.Copied, error) {
	out := new(api.Copied)
	whole, ok, err := h.whole.get(selfKey)
	if ok {
		at := whole.At.UTC().Truncate(time.Second)
		out.At = &at
	}
	return out, errors.Join(err, h.rows.all(func(_ []byte, row copiedRow) error {
		switch row.Shelf {
		case shelfOrgs:
			out.Organisations++
		case shelfInbox, shelfInvited:
			out.Invitations++
		}
		return nil
	}))
}
