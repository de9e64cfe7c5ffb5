package daemon

import (
	"errors"

	"cordon/daemon/api"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// pin takes a card that a person has given us. An older one changes nothing. One that
// contradicts the chain known here shows two histories of one organisation's keys: it
// is refused, each time, and the organisation is suspect until a person says which
// history is to be followed (spec/identity.md §8.4).
func (d *directory) pin(c *identity.Card) error {
	return d.change(c, func(k, n *known) error {
		switch {
		case !k.suspect && k.hasDropped(c.Org):
			return &api.Error{Kind: api.Fork, Rule: ruleHistories, Text: "this card has the history of the organisation's keys that was not chosen here",
				Try: "ask the organisation by another way which one is its own; to choose this one after all: cordon peer add FILE --choose"}
		case k.suspect || !c.Org.Extends(k.org) && !k.org.Extends(c.Org):
			n.contradicted(c.Org)
			return errors.Join(d.save(n), twoHistories(n, c.Org))
		case c.Org.Extends(k.org):
			n.org = c.Org
		}
		if k.card == nil || c.T >= k.card.T {
			n.card = c
		}
		return d.save(n)
	})
}

// choose pins a card whose history a person has chosen of two. Nothing that spoke for
// the organisation before counts: both histories had it. Where there are no two it is pin.
func (d *directory) choose(c *identity.Card) error {
	if err := d.pin(c); err == nil || apiError(err).Rule != ruleHistories {
		return err
	}
	return d.change(c, func(k, n *known) error {
		ours := k.org.Extends(c.Org)
		theirs := k.rival != nil && k.rival.Extends(c.Org)
		n.dropped = k.org
		switch {
		case ours && theirs:
			return &api.Error{Kind: api.Fork, Rule: ruleHistories, Text: "this card is from before the two histories part: it chooses neither",
				Try: "ask the organisation for its card of today"}
		case theirs:
			n.org = k.rival
		case !ours:
			n.org = c.Org
		}
		if ours {
			n.dropped = k.rival
		} else {
			n.others = nil
		}
		if !ours || k.card == nil || c.T >= k.card.T {
			n.card = c
		}
		if k.card != nil {
			n.contact = contact{Anew: true} // who holds the root is open again
		}
		n.suspect, n.rival = false, nil
		return d.save(n)
	})
}

// change has a card's organisation changed: k is what is known of it, n a copy.
func (d *directory) change(c *identity.Card, do func(k, n *known) error) error {
	if c.Org.ID == d.self {
		return invalid("this is our own card")
	}
	d.edit.Lock()
	defer d.edit.Unlock()
	k, ok := d.orgs[c.Org.ID]
	if !ok {
		k = &known{org: c.Org, met: map[id.CaseID][]string{}}
	}
	n := *k
	return do(k, &n)
}

// contradicted notes that another chain than k's was seen; of several the last.
func (k *known) contradicted(org *identity.Org) {
	k.suspect = true
	if !org.Extends(k.org) && !k.org.Extends(org) {
		k.rival = org
	}
}

// hasDropped says whether a chain is of the history that a person has not chosen.
func (k *known) hasDropped(org *identity.Org) bool {
	return k.dropped != nil && !k.org.Extends(org) && !org.Extends(k.org) && (k.dropped.Extends(org) || org.Extends(k.dropped))
}

// readOthers reads the chains beside the one that is followed.
func (k *known) readOthers(row orgRow) (err error) {
	if row.Rival != nil {
		if k.rival, err = identity.Replay(row.Rival); err != nil {
			return err
		}
	}
	if row.Dropped != nil {
		k.dropped, err = identity.Replay(row.Dropped)
	}
	return err
}

const ruleHistories = "two-histories"

// twoHistories refuses a card as long as nobody has chosen.
func twoHistories(k *known, card *identity.Org) error {
	which := "the card goes on from the history that was known before"
	switch {
	case k.rival != nil && k.org.Extends(card) && k.rival.Extends(card):
		which = "the card is from before they part"
	case k.rival != nil && (k.rival.Extends(card) || card.Extends(k.rival)):
		which = "the card has the other one, not that which was known before"
	}
	return &api.Error{Kind: api.Fork, Rule: ruleHistories,
		Text: "two histories of one organisation's keys were seen: its root signed both, or somebody who has it; " + which,
		Try:  "ask the organisation by another way which one is its own (cordon peer show); then, with a card of that one: cordon peer add FILE --choose"}
}

// histories are the two of a suspect organisation: the one known before, and the other.
func (k *known) histories() []api.History {
	if k.rival == nil || k.rival.Extends(k.org) || k.org.Extends(k.rival) { // a copied one may be
		return nil
	}
	at := k.org.Parts(k.rival)
	show := func(o *identity.Org) api.History {
		e := o.History()[at]
		return api.History{Events: len(o.Events), At: api.Event{N: at + 1, Says: e.Says, Words: words(id.OrgID(e.ID))}}
	}
	return []api.History{show(k.org), show(k.rival)}
}
