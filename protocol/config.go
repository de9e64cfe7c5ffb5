package protocol

import (
	"bytes"
	"slices"

	"cordon/protocol/canon"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// The kinds of a config.
const (
	Ordinary   uint8 = 1 // carried by a quorum of the stewards before it
	Succession uint8 = 2 // carried by members, in place of stewards that fell silent
)

// maxPlaces bounds each list of places in a config.
const maxPlaces = 512

// Config says who the stewards of a case are, in rank order. The first of a case,
// C0, stands in its genesis, every other in a propose entry (spec/authority.md §1).
type Config struct {
	ID       id.ConfigID  // of the entry that proposes it; not written
	Parent   *id.ConfigID // nil in C0
	N        uint64       // one more than the parent's
	Stewards []id.OrgID
	Quorum   uint8 // how many of them carry the next one
	Rules    uint64
	Kind     uint8         // Ordinary or Succession
	Basis    []Place       // succession: the last that was seen of the stewards it drops
	Cuts     []Cut         // for each steward it drops: up to where its acts stand
	Heads    []Place       // of stewards' control feeds: what stands for good below this config
	Lapsed   []id.ConfigID // proposals beside it that cannot be carried any more: who voted for them may vote for this, sorted
}

// Place names one control entry by its feed and seq.
type Place struct {
	Kid id.Kid
	Seq id.Seq
	ID  id.EntryID
}

// Cut is up to where the acts of a dropped steward stand, feed by feed; a feed
// that is not named is cut at nothing.
type Cut struct {
	Org    id.OrgID
	Places []Place
}

func (f *Config) fields() []field {
	return []field{
		pointer(&f.Parent, func(v *id.ConfigID) field { return hash(1, v) }),
		number(2, &f.N, 0, 1<<32-1),
		orgsOf(3, &f.Stewards, 1, MaxStewards),
		number(4, &f.Quorum, 1, MaxStewards),
		number(5, &f.Rules, 1, 1<<32-1),
		number(6, &f.Kind, uint64(Ordinary), uint64(Succession)),
		placesOf(7, &f.Basis).Optional(func() bool { return f.Basis != nil }),
		listOf(8, &f.Cuts, 1, MaxStewards, readCut, writeCut).Optional(func() bool { return f.Cuts != nil }),
		placesOf(9, &f.Heads).Optional(func() bool { return f.Heads != nil }),
		lapsedOf(10, &f.Lapsed).Optional(func() bool { return f.Lapsed != nil }),
	}
}

// placesOf is a list of places, one a feed, sorted by kid.
func placesOf(key uint64, v *[]Place) field {
	f := listOf(key, v, 0, maxPlaces, readPlace, writePlace)
	read := f.Read
	f.Read = func(r *canon.Reader) error {
		if err := read(r); err != nil {
			return err
		}
		return sorted(*v)
	}
	return f
}

// lapsedOf is a list of configs, sorted, each once.
func lapsedOf(key uint64, v *[]id.ConfigID) field {
	f := listOf(key, v, 1, maxLapsed, readHash[id.ConfigID], func(x id.ConfigID) any { return x[:] })
	read := f.Read
	f.Read = func(r *canon.Reader) error {
		if err := read(r); err != nil {
			return err
		}
		for i := 1; i < len(*v); i++ {
			if compareEntries((*v)[i-1], (*v)[i]) >= 0 {
				return errMalformed
			}
		}
		return nil
	}
	return f
}

func sorted(ps []Place) error {
	for i := 1; i < len(ps); i++ {
		if comparePlaces(ps[i-1], ps[i]) >= 0 {
			return errMalformed
		}
	}
	return nil
}

func comparePlaces(a, b Place) int { return bytes.Compare(a.Kid[:], b.Kid[:]) }

func readPlace(r *canon.Reader, p *Place) error {
	if n, err := r.Array(); err != nil || n != 3 {
		return errMalformed
	}
	if err := readHash(r, &p.Kid); err != nil {
		return err
	}
	seq, err := r.Uint()
	if err != nil || seq >= entry.MaxSeqControl {
		return errMalformed
	}
	p.Seq = id.Seq(seq)
	return readHash(r, &p.ID)
}

func writePlace(p Place) any { return []any{p.Kid[:], uint64(p.Seq), p.ID[:]} }

func readCut(r *canon.Reader, x *Cut) error {
	if n, err := r.Array(); err != nil || n != 2 {
		return errMalformed
	}
	if err := readHash(r, &x.Org); err != nil {
		return err
	}
	return placesOf(0, &x.Places).Read(r)
}

func writeCut(x Cut) any { return []any{x.Org[:], placesOf(0, &x.Places).Write()} }

// steward says whether the config names o.
func (f *Config) steward(o id.OrgID) bool { return slices.Contains(f.Stewards, o) }

// cut finds what a config says of a steward it drops.
func (f *Config) cut(o id.OrgID) *Cut {
	if i := slices.IndexFunc(f.Cuts, func(x Cut) bool { return x.Org == o }); i >= 0 {
		return &f.Cuts[i]
	}
	return nil
}

// at finds the place in a feed.
func at(ps []Place, kid id.Kid) (Place, bool) {
	i, ok := slices.BinarySearchFunc(ps, Place{Kid: kid}, comparePlaces)
	if !ok {
		return Place{}, false
	}
	return ps[i], true
}

// config is a well-formed config in the fold. Everything here follows from the
// past of its propose entry and only grows.
type config struct {
	*Config
	node     *node // genesis for C0
	parent   *config
	dropped  []id.OrgID // stewards of the parent that it leaves out, by rank
	fin      []Place    // the finalised heads on its path, its own included
	basis    vector     // succession: past(basis)
	lapsed   []*config  // that it names
	children []*config

	votes     map[id.OrgID][]*node     // endorsements that count, by organisation
	cast      map[voter][]*cast        // those of its children
	bodies    map[[32]byte]*electorate // of its successions, by what they follow from
	voices    []id.OrgID               // whom admits that cite it let claim
	known     []*node                  // entries whose past alone certifies it
	gaps      []*config                // on the way to C0: some past has lacked votes for them
	electors  *electorate              // succession: who votes on it
	certified bool                     // its votes and those on its path are enough
}

// voter is who has one vote for each parent: an organisation for an
// ordinary child, and once more for a succession.
type voter struct {
	org  id.OrgID
	kind uint8
}

// register takes up a config whose propose entry is sound.
func (c *Case) register(f *Config, n *node) {
	f.ID = n.id
	x := &config{Config: f, node: n, votes: map[id.OrgID][]*node{}, cast: map[voter][]*cast{}, bodies: map[[32]byte]*electorate{}}
	c.configs[n.id] = x
	if f.Parent == nil {
		x.certified = true
		c.empower(x)
		return
	}
	x.parent = c.configs[*f.Parent]
	x.dropped = droppedBy(x.parent.Config, f)
	x.fin = merge(x.parent.fin, f.Heads)
	x.lapsed = c.theseConfigs(f.Lapsed)
	x.parent.children = append(x.parent.children, x)
	if f.Kind == Succession {
		x.basis = c.basisOf(x.parent, f)
		x.electors = c.sharedElectors(x)
	}
}

// theseConfigs are the configs of these ids, all of which the case has.
func (c *Case) theseConfigs(ids []id.ConfigID) (xs []*config) {
	for _, x := range ids {
		xs = append(xs, c.configs[x])
	}
	return xs
}

func droppedBy(parent, f *Config) (out []id.OrgID) {
	for _, o := range parent.Stewards {
		if !f.steward(o) {
			out = append(out, o)
		}
	}
	return out
}

// succession says whether x replaces stewards that fell silent.
func (x *config) succession() bool { return x.Kind == Succession }

// merge puts later heads in the place of earlier ones.
func merge(fin, heads []Place) []Place {
	if len(heads) == 0 {
		return fin
	}
	out := slices.Clone(heads)
	for _, p := range fin {
		if _, ok := at(heads, p.Kid); !ok {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, comparePlaces)
	return out
}

// basisOf is past(basis): what the members had seen of the stewards that a
// succession drops, and of the config it succeeds.
func (c *Case) basisOf(parent *config, f *Config) vector {
	v := parent.node.past
	for _, p := range f.Basis {
		v = v.union(c.nodes[p.ID].past)
	}
	return v
}

// After says in a word what a config is to the one before it: succession, checkpoint, change.
func (f Config) After(before Config) string {
	switch {
	case f.Kind == Succession:
		return "succession"
	case slices.Equal(before.Stewards, f.Stewards) && before.Quorum == f.Quorum && before.Rules == f.Rules:
		return "checkpoint"
	}
	return "change"
}
