package protocol_test

import (
	"fmt"
	"slices"
	"testing"

	"cordon/protocol"
	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/identity"
	"cordon/protocol/link"
)

// TestTooManySignatures: what the entries of one feed carry has an end; what carries
// nothing goes on.
func TestTooManySignatures(t *testing.T) {
	es := carriedForks(300)
	c := addAll(protocol.NewCase(), es)
	es = slices.DeleteFunc(es, func(e *entry.Sealed) bool { return e.Type != 19 })
	if len(es) <= protocol.MaxCarried/2 {
		t.Fatalf("only %d entries carry something", len(es))
	}
	for _, e := range es[:protocol.MaxCarried/2] {
		verdict(t, c, e, "")
	}
	for _, e := range es[protocol.MaxCarried/2:] {
		verdict(t, c, e, "too-many-signatures")
	}
}

// TestCountedApart: what a key carries as a steward and for itself is counted apart, to
// the last one; a branch of its feed counts what is below it.
func TestCountedApart(t *testing.T) {
	g := newDag(3) // of the steward's 20 it takes 14: four events' and an admission's, twice
	want := map[*entry.Sealed]string{}
	put := func(prev *entry.Sealed, f entry.Fields, rule string) *entry.Sealed {
		e := g.put(0, prev, f)
		want[e] = rule
		return e
	}
	name := func(i int) entry.Fields {
		return fields(&protocol.Ident{Events: [][]byte{must(g.ds[0].Org.Rename(g.ds[0].Root, fmt.Sprint("name ", i), nil))}})
	}
	root := put(g.head(0), g.admit(1, 1), "") // 17
	at := put(root, name(1), "")
	at = put(at, g.admit(1, 2), "") // 20
	at = put(at, name(2), "")
	at = put(at, g.admit(1, 3), "too-many-signatures")
	at = put(at, name(3), "too-many-signatures")
	put(at, alive(0), "")
	branch := put(root, g.admit(1, 4), "")
	put(branch, g.admit(1, 5), "too-many-signatures")
	none := 0
	one := addAll(protocol.Counted(&none, protocol.LimitsOf(2, 20)), g.es)
	i := slices.Index(g.es, root) + 1
	two := addAll(protocol.Counted(&none, protocol.LimitsOf(2, 20)), slices.Concat(g.es[:i], g.es[len(g.es)-2:], g.es[i:]))
	for e, rule := range want {
		if rule == "" && e.Type == 4 { // the steward forks: an act of it has no force
			rule = "forked-authority"
		}
		if e == root {
			rule = ""
		}
		verdict(t, one, e, rule)
		verdict(t, two, e, rule)
	}
}

// TestCardOfThePast: of a card's events, those count that the past shows, whatever
// stands there for their signatures; no other may be in it.
func TestCardOfThePast(t *testing.T) {
	a, _, _, x := trio()
	card := func(label string, events ...[]byte) *entry.Sealed {
		m := a.Admission(x, protocol.Observer, label)
		m.Card, _ = cose.Seal(cose.Card, x.Key, canon.MustMarshal(map[uint64]any{
			1: uint64(1), 2: events, 3: x.Org.Name, 4: []string{}, 5: map[uint64]uint64{}, 6: uint64(1)}))
		return a.Act(m)
	}
	known := x.Org.Events
	spoilt := slices.Clone(known[1])
	spoilt[len(spoilt)-1] ^= 1
	unseen := must(x.Org.CertifyDaemon(x.Root, link.Keys("X/2"), daemonOf(x)))
	verdict(t, a.Case, card("no events"), "bad-card")
	verdict(t, a.Case, card("not the first", known[1]), "bad-card")
	verdict(t, a.Case, card("in another order", known[1], known[0]), "bad-card")
	verdict(t, a.Case, card("without the key that signs", known[0]), "bad-card")
	verdict(t, a.Case, card("one too many", append(slices.Clone(known), unseen)...), "bad-card")
	verdict(t, a.Case, card("spoilt", known[0], spoilt), "")
}

// daemonOf is a certificate like that of a daemon, with cap write only.
func daemonOf(d *link.Daemon) identity.Daemon {
	known, _ := d.Org.Daemon(d.Kid)
	return identity.Daemon{KEM: known.KEM, Caps: []identity.Cap{identity.CapWrite}, NotAfter: known.NotAfter}
}
