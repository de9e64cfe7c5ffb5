package link

import (
	"maps"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Fresh is the daemon as it was before its first case: the same keys, nothing
// held. Making keys costs more than a small case.
func (d *Daemon) Fresh() *Daemon {
	f := *d
	f.others = maps.Clone(d.others)
	f.Clock = func() uint64 { return Start }
	f.Restart(nil)
	return &f
}

// Restart is what a start of the daemon does: it knows what it kept, in the order
// in which it came, and folds that anew, all at once.
func (d *Daemon) Restart(kept []*entry.Sealed) {
	d.Case, d.parked = protocol.NewCase(), nil
	d.Held, d.heads = map[id.EntryID]*entry.Sealed{}, map[id.Feed]*entry.Sealed{}
	for _, e := range kept {
		if !d.Case.Add(e) {
			panic("link: what a daemon kept is in no causal order")
		}
		d.Held[e.ID] = e
		if e.Kid == d.Kid {
			d.heads[e.Feed()] = e
		}
	}
	d.Case.Settle()
}

// Head is the entry that the daemon's next one in a compartment follows; nil: none.
func (d *Daemon) Head(comp id.Comp) *entry.Sealed { return d.heads[id.Feed{Kid: d.Kid, Comp: comp}] }
