package spec_test

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	party "cordon/protocol/link"
	"cordon/spec"
)

// tale is a history in the making: daemons that write, and what every reader must
// make of each entry in the end. What is not said to be refused is accepted. The
// expectations are written by hand, never taken from a fold.
type tale struct {
	name, comment string
	ds            []*party.Daemon
	said          map[id.EntryID]said
	withheld      []*entry.Sealed // entries that are not in the file
	strays        []stray         // bytes beside the entries that the daemons hold
	state         string
	chain         []*entry.Sealed // proposals after genesis
	stewards, out []*party.Daemon // who decides; who is no member in the end
	embargo       protocol.EM     // in the end; "" is not said
	inForce       id.AgrID
	ends          uint64          // Unix milliseconds; 0 is not said
	signed        []*party.Daemon // have signed what is in force
}

type said struct{ what, rule string }

type stray struct {
	what, rule string
	raw        []byte
}

// newTale opens a case by the first organisation, which admits the others. All
// daemons share one fold: each knows everything at once, until it is alone.
func newTale(name, comment string, names ...string) *tale {
	t := &tale{name: name, comment: comment, said: map[id.EntryID]said{}, state: protocol.StateOK}
	a := t.daemon(names[0])
	a.Open(name, party.Terms(), protocol.Coordinator)
	for _, other := range names[1:] {
		a.Admit(t.daemon(other), protocol.MitigatingVendor)
	}
	t.stewards = t.ds[:1]
	return t
}

// daemon makes one more organisation. It shares the fold of the first.
func (t *tale) daemon(name string) *party.Daemon {
	d := party.NewDaemon(nil, name)
	if len(t.ds) > 0 {
		d.Case, d.Held = t.ds[0].Case, t.ds[0].Held
	}
	t.ds = append(t.ds, d)
	return d
}

// is notes what an entry is and the rule that refuses it; "" is accepted.
func (t *tale) is(what, rule string, e *entry.Sealed) *entry.Sealed {
	t.said[e.ID] = said{what, rule}
	return e
}

// alone gives a daemon a fold of its own: it hears nothing until met.
func (t *tale) alone(d *party.Daemon) {
	all := held(d)
	d.Case, d.Held = protocol.NewCase(), map[id.EntryID]*entry.Sealed{}
	for _, e := range all {
		d.Accept(e)
	}
}

// met lets all daemons have what any has.
func (t *tale) met() {
	for _, e := range t.all() {
		for _, d := range t.ds {
			d.Accept(e)
		}
	}
}

// held is what a daemon has, in a causal order.
func held(d *party.Daemon) []*entry.Sealed {
	all := slices.Collect(maps.Values(d.Held))
	slices.SortFunc(all, func(a, b *entry.Sealed) int {
		if a.LC != b.LC {
			return int(a.LC) - int(b.LC)
		}
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	return all
}

// all is what any daemon has, in a causal order.
func (t *tale) all() []*entry.Sealed {
	union := &party.Daemon{Held: map[id.EntryID]*entry.Sealed{}}
	for _, d := range t.ds {
		maps.Copy(union.Held, d.Held)
	}
	for _, e := range t.withheld {
		delete(union.Held, e.ID)
	}
	return held(union)
}

// vector writes the history down, the entries in the order of their ids: no
// reader may need another one.
func (t *tale) vector() spec.Vector {
	v := spec.Vector{Name: t.name, Comment: t.comment, Verdict: spec.Valid, ID: bytesOf(t.ds[0].Case.ID()),
		Fold: &spec.Folded{State: t.state, Stewards: []spec.Bytes{}, Members: []spec.Bytes{}, Chain: []spec.Bytes{bytesOf(t.ds[0].Case.ID())}}}
	all := t.all()
	slices.SortFunc(all, func(a, b *entry.Sealed) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	digest := sha256.New()
	for _, e := range all {
		if e.Control() {
			digest.Write(e.ID[:])
		}
		x := spec.FoldedEntry{What: t.said[e.ID].what, ID: bytesOf(e.ID), Verdict: "accepted"}
		if rule := t.said[e.ID].rule; rule != "" {
			x.Verdict, x.Rule = "refused", rule
		}
		v.Hex = append(v.Hex, e.Raw...)
		v.Fold.Entries = append(v.Fold.Entries, x)
	}
	v.Fold.Digest = digest.Sum(nil)
	for _, s := range t.strays {
		x := spec.FoldedEntry{What: s.what, Verdict: "rejected", Rule: s.rule}
		if e, err := entry.Parse(s.raw); err == nil {
			x.ID = bytesOf(e.ID)
		}
		v.Hex = append(v.Hex, s.raw...)
		v.Fold.Entries = append(v.Fold.Entries, x)
	}
	for _, e := range t.chain {
		v.Fold.Chain = append(v.Fold.Chain, bytesOf(e.ID))
	}
	for _, d := range t.stewards {
		v.Fold.Stewards = append(v.Fold.Stewards, bytesOf(d.Org.ID))
	}
	for _, d := range t.ds {
		if !slices.Contains(t.out, d) {
			v.Fold.Members = append(v.Fold.Members, bytesOf(d.Org.ID))
		}
	}
	sortedBytes(v.Fold.Members)
	if t.embargo != "" {
		v.Fold.Embargo, v.Fold.Agreement, v.Fold.Signed = string(t.embargo), bytesOf(t.inForce), []spec.Bytes{}
		v.Fold.Ends = t.ends
		for _, d := range t.signed {
			v.Fold.Signed = append(v.Fold.Signed, bytesOf(d.Org.ID))
		}
		sortedBytes(v.Fold.Signed)
	}
	return v
}

func sortedBytes(all []spec.Bytes) []spec.Bytes {
	slices.SortFunc(all, func(a, b spec.Bytes) int { return bytes.Compare(a, b) })
	return all
}

func bytesOf[T ~[32]byte](x T) spec.Bytes { b := [32]byte(x); return b[:] }

// foldFamily is of whole histories (spec/authority.md).
func foldFamily() *spec.Family {
	f := &spec.Family{Family: "fold", Comment: "The raw entries of one case back to back, in no helpful order: what `cordon fold` takes. " +
		"The reader says of each whether it is authentic (protocol.md §4) and what the rules make of it (kinds.md, authority.md), " +
		"and who decides and who is a member in the end. Another order must give the same."}
	for _, tell := range append(tales, termsTales...) {
		f.Vectors = append(f.Vectors, tell().vector())
	}
	return f
}

func orgsOf(ds ...*party.Daemon) (os []id.OrgID) {
	for _, d := range ds {
		os = append(os, d.Org.ID)
	}
	return os
}

// propose writes the next config as d sees it.
func propose(d *party.Daemon, quorum uint8, stewards ...*party.Daemon) *entry.Sealed {
	return d.Say(&protocol.Propose{Config: d.Case.NextConfig(d.Kid, orgsOf(stewards...), quorum)})
}

// succeed proposes a succession as d sees it.
func succeed(d *party.Daemon, quorum uint8, stewards ...*party.Daemon) *entry.Sealed {
	return d.Say(&protocol.Propose{Config: d.Case.Succeed(d.Kid, orgsOf(stewards...), quorum)})
}

func endorse(d *party.Daemon, proposal *entry.Sealed) *entry.Sealed {
	return d.Say(&protocol.Endorse{Config: id.ConfigID(proposal.ID)})
}

// carried proposes a config and lets stewards endorse it.
func (t *tale) carried(what string, d *party.Daemon, quorum uint8, stewards, by []*party.Daemon) *entry.Sealed {
	p := t.is(what, "", propose(d, quorum, stewards...))
	for _, e := range by {
		endorse(e, p)
	}
	t.chain = append(t.chain, p)
	t.stewards = stewards
	return p
}

// forkOff writes a message a second time in the place after prev.
func forkOff(d *party.Daemon, prev *entry.Sealed, m protocol.Message) *entry.Sealed {
	f := entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m)}
	if prev == nil {
		f.Deps = []id.EntryID{id.EntryID(d.Case.ID())}
	}
	return d.WriteAfter(prev, f)
}
