package daemon

import (
	"slices"
	"sync"

	"cordon/protocol"
	"cordon/protocol/id"
)

// pinAfter is how long a config has been in force here before this daemon is
// bound to it (spec/authority.md §8); milliseconds.
const pinAfter = 24 * 3600 * 1000

// pinRow is what this daemon has acted under in a case.
type pinRow struct {
	Pin   id.ConfigID `json:"pin"`
	Tip   id.ConfigID `json:"tip"`   // the config in force when the case was last folded
	Since uint64      `json:"since"` // and since when, by our clock: Unix milliseconds
}

// pins binds each case to the config that this daemon has acted under, so that a
// switch of the chain of configs is never silent. It is asked whenever a case was
// folded (projection.Cases.PinBy). Safe for concurrent use.
type pins struct {
	rows shelf[pinRow]
	now  func() uint64 // Unix milliseconds

	mu sync.Mutex
	of map[id.CaseID]pinRow // what rows has of the cases that were folded; mu
}

func newPins(rows shelf[pinRow], now func() uint64) *pins {
	return &pins{rows: rows, now: now, of: map[id.CaseID]pinRow{}}
}

// pin pins a case as it now is: to the newest config of its chain with a
// certified child, or that has been in force for a day. In conflict the pin stays
// where it is. A new pin is on disk before anybody acts on it.
func (p *pins) pin(k *protocol.Case) error {
	tip := k.Config().ID
	if tip == (id.ConfigID{}) {
		return nil // no genesis yet
	}
	row, ok, err := p.get(k.ID())
	if err != nil {
		return err
	}
	if ok {
		k.Pin(&row.Pin)
		if k.State() == protocol.StateConflict {
			return nil
		}
	}
	next := row
	if !ok || tip != row.Tip {
		next.Tip, next.Since = tip, p.now()
		chain := k.Chain() // all of it but the last have a certified child
		parent := max(0, len(chain)-2)
		if !slices.ContainsFunc(chain[parent:], func(f protocol.Config) bool { return f.ID == row.Pin }) {
			next.Pin = chain[parent].ID
		}
	}
	if p.now() >= next.Since+pinAfter {
		next.Pin = tip
	}
	if next == row {
		return nil
	}
	return p.set(k, next)
}

// due is when a case is to be looked at, to pin what is in force then: Unix
// milliseconds, 0 for never.
func (p *pins) due(c id.CaseID) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	row := p.of[c]
	if row.Pin == row.Tip {
		return 0
	}
	return row.Since + pinAfter
}

func (p *pins) get(c id.CaseID) (row pinRow, ok bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if row, ok = p.of[c]; ok {
		return row, ok, nil
	}
	if row, ok, err = p.rows.get(c[:]); ok {
		p.of[c] = row
	}
	return row, ok, err
}

func (p *pins) set(k *protocol.Case, row pinRow) error {
	c := k.ID()
	if err := p.rows.put(c[:], row); err != nil {
		return err
	}
	k.Pin(&row.Pin)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of[c] = row
	return nil
}
