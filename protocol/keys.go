package protocol

import (
	"bytes"
	"slices"

	"cordon/protocol/canon"
	"cordon/protocol/cose"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// event is one identity event that the case has been shown. The events of an
// organisation form a tree under its create; a chain, unless its root signed two
// events at one index.
type event struct {
	org      *identity.Org // after this event
	children []*event
	shown    []*node // the entries that carry it, none in the past of another
	followed map[*branch][]follower
}

// follower is an entry that shows a child of an event first on its branch.
type follower struct {
	n     *node
	child *event
}

// raw is the event as it was first seen; its id leaves out the signature.
func (e *event) raw() []byte { return e.org.Events[len(e.org.Events)-1] }

// shownIn says whether a past shows the event.
func (e *event) shownIn(past vector) bool {
	for _, n := range e.shown {
		if past.has(n) {
			return true
		}
	}
	return false
}

// carriers are the entries that show the event or one that follows it.
func (e *event) carriers() (ns []*node) {
	if e == nil {
		return nil
	}
	ns = append(ns, e.shown...)
	for _, child := range e.children {
		ns = append(ns, child.carriers()...)
	}
	return ns
}

// viewIn is an organisation as a past shows it: its chain up to the first index
// at which the past shows two events, which makes it suspect (spec/kinds.md,
// ident). nil when the past does not show it.
func (o *org) viewIn(c *Case, past vector) (view *identity.Org, suspect bool) {
	at := o.root
	if at == nil || !at.shownIn(past) {
		return nil, false
	}
	for {
		next, another := at.nextIn(c, past)
		if next == nil || another {
			return at.org, another
		}
		at = next
	}
}

// nextIn is the child of an event that a past shows, and whether it shows another.
func (e *event) nextIn(c *Case, past vector) (next *event, another bool) {
	among(c, e.followed, past, func(fs []follower, seen id.Seq) {
		for _, f := range fs { // two at most: no child stands twice
			if another || f.n.seq >= seen {
				break
			}
			next, another = f.child, next != nil && next != f.child
		}
	})
	return next, another
}

// step is what the fold reads of an identity event itself; the rest is
// identity.Org's.
type step struct {
	id    [32]byte
	index uint64
	prev  [32]byte
	adds  bool // a daemon+, which has two signatures inside
	raw   []byte
}

// readStep finds an event's place in its chain.
func readStep(raw []byte) (step, error) {
	obj, err := cose.Parse(cose.Ident, raw)
	if err != nil {
		return step{}, err
	}
	s := step{id: obj.ID, raw: raw}
	r := canon.NewReader(obj.Payload)
	n, err := r.Map()
	if err != nil {
		return s, err
	}
	last := int64(-1)
	for range n {
		k, err := r.Key(&last)
		if err != nil {
			return s, err
		}
		switch k {
		case 2:
			s.index, err = r.Uint()
		case 3:
			err = readHash(r, &s.prev)
		case 4:
			var op uint64
			op, err = r.Uint()
			s.adds = op == 2
		default:
			_, err = r.Raw()
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// grown is a chain that an entry brings: where it begins and what it adds.
type grown struct {
	org   id.OrgID
	from  *event // the last event of the chain that is known; nil: none
	steps []step // those that follow, at least one
	orgs  []*identity.Org
	fresh bool // at least one event that the entry's past does not show

	signatures int // of and inside the events
}

// trace reads what an entry's events go on from and whose they are; whether they
// follow one another, verify says.
func (c *Case) trace(raws [][]byte, past vector) (grown, *Refusal) {
	var g grown
	for i, raw := range raws {
		s, err := readStep(raw)
		if err != nil {
			return g, refuse("bad-identity", "identity event %d is not well formed: %v", i, err)
		}
		if i == 0 && s.index > 0 {
			before := c.events[s.prev]
			if before == nil || !before.shownIn(past) {
				return g, refuse("identity-gap", "the identity event before the first one is not known in the entry's past")
			}
			g.from, g.org = before, before.org.ID
		} else if i == 0 {
			g.org = s.id
		}
		e := c.events[s.id]
		g.fresh = g.fresh || e == nil || !e.shownIn(past)
		g.signatures++
		if s.adds {
			g.signatures += 2
		}
		g.steps = append(g.steps, s)
	}
	return g, nil
}

// verify is g with its events verified: one organisation's, one after the other,
// the first known to the past or a create. Nothing changes.
func (c *Case) verify(g grown) (grown, *Refusal) {
	var view *identity.Org
	if g.from != nil {
		view = g.from.org
	}
	for i, s := range g.steps {
		var err error
		if view, err = c.next(view, s); err != nil {
			return g, refuse("bad-identity", "identity event %d does not follow: %v", i, err)
		}
		g.orgs = append(g.orgs, view)
	}
	return g, nil
}

// shown is the organisation whose chain these events are, each of which a past shows.
// Nothing is verified: an event's id leaves out its signature, which held there.
func (c *Case) shown(events [][]byte, past vector) (o *identity.Org, err error) {
	for i, raw := range events {
		s, err := readStep(raw)
		if err != nil {
			return nil, err
		}
		e := c.events[s.id]
		if e == nil || !e.shownIn(past) || len(e.org.Events) != i+1 || i > 0 && !e.org.Extends(o) {
			return nil, identity.ErrChain
		}
		o = e.org
	}
	if o == nil {
		return nil, identity.ErrChain
	}
	return o, nil
}

// next is the organisation after one more event; one seen before, signature
// included, is not verified again.
func (c *Case) next(view *identity.Org, s step) (*identity.Org, error) {
	e := c.events[s.id]
	seen := e != nil && bytes.Equal(e.raw(), s.raw)
	switch {
	case view == nil && seen && s.index == 0:
		return e.org, nil
	case view == nil:
		return identity.Replay([][]byte{s.raw})
	case seen && len(e.org.Events) == len(view.Events)+1 && e.org.Extends(view):
		return e.org, nil
	}
	return view.Extend(s.raw)
}

// signer is a key in the name of one organisation. Anybody may certify and revoke
// anybody's key in its own chain: that says nothing of the key in another's.
type signer struct {
	org id.OrgID
	kid id.Kid
}

// keyCut is up to where the acts of a revoked key stand, by its organisation's
// word in entry n; at nil: nowhere.
type keyCut struct {
	n  *node
	at *identity.CutPlace
}

// cert is what one organisation's events say of a key.
type cert struct {
	org    *org
	events []*event // that certify it first, one a branch of the chain
}

// proof is an entry by which a key has signed for an organisation.
type proof struct {
	n   *node
	org *org
}

// show records that n carries the chain g: from here on a past with n in it
// shows these events.
func (c *Case) show(g grown, n *node) {
	o := c.orgOf(g.org)
	at := g.from
	for i, s := range g.steps {
		e := c.events[s.id]
		if e == nil {
			e = &event{org: g.orgs[i]}
			c.events[s.id] = e
			if at == nil {
				o.root = e
			} else {
				at.children = append(at.children, e)
			}
			c.certifies(o, e, at)
		}
		if !e.shownIn(n.past) {
			e.shown = append(e.shown, n)
			if at != nil {
				at.follow(n, e)
			}
			c.revokes(e, at, n)
		}
		at = e
	}
}

// follow notes that n shows a child of e.
func (e *event) follow(n *node, child *event) {
	if e.followed == nil {
		e.followed = map[*branch][]follower{}
	}
	e.followed[n.branch] = append(e.followed[n.branch], follower{n, child})
}

// certifies notes the key that e, of o, certifies and the event before it did not.
func (c *Case) certifies(o *org, e, before *event) {
	for _, d := range e.org.Daemons() {
		if before != nil {
			if _, was := before.org.Daemon(d.Kid); was {
				continue
			}
		}
		at := slices.IndexFunc(c.certs[d.Kid], func(x *cert) bool { return x.org == o })
		if at < 0 {
			at = len(c.certs[d.Kid])
			c.certs[d.Kid] = append(c.certs[d.Kid], &cert{org: o})
		}
		c.certs[d.Kid][at].events = append(c.certs[d.Kid][at].events, e)
	}
}

// revokes notes the key that e revokes, as n shows, and whether steward acts of
// that key lose their force by it: those that n does not have in its past.
func (c *Case) revokes(e, before *event, n *node) {
	if before == nil {
		return
	}
	for _, d := range e.org.Daemons() {
		was, known := before.org.Daemon(d.Kid)
		if !d.Revoked || known && was.Revoked {
			continue
		}
		s := signer{e.org.ID, d.Kid}
		c.revoked[s] = append(c.revoked[s], n)
		c.stale = c.stale || slices.ContainsFunc(c.acts[d.Kid], func(a *node) bool {
			return a.org.id == s.org && c.mayFall(a) && !n.past.has(a)
		})
	}
}

// attribute finds the author: the organisation whose chain, as the entry's past
// shows it, certifies the key. Where two organisations certify one key, it is
// the one for which the key has signed. Only the past counts, so it is asked once.
func (c *Case) attribute(n *node) *Refusal {
	if n.kind.typ == entry.TypeGenesis {
		return nil // it brings its author with it
	}
	if c.closedIn(n.kid, n.past) != nil {
		return errForked
	}
	if n.org == nil {
		n.org, n.view = c.holder(n.kid, n.past)
	}
	if n.org == nil {
		n.org, n.view = c.introduced(n)
	}
	if n.org == nil {
		return refuse("key-not-certified", "the author's key is certified by no organisation in the entry's past")
	}
	d, _ := n.view.Daemon(n.kid)
	switch {
	case d.Revoked:
		return refuse("key-revoked", "the author's key was revoked before the entry was written")
	case !d.Can(n.kind.cap):
		return refuse("cap-missing", "the author's certificate lacks the cap for a %s: certify the daemon with it", n.kind.name)
	}
	return nil
}

// introduced is the organisation of a key that no chain in the past certifies, for
// an ident entry that brings the certificate itself: events that go on from what
// the past shows of the organisation (spec/kinds.md, ident).
func (c *Case) introduced(n *node) (*org, *identity.Org) {
	m, ok := n.msg.(*Ident)
	if !ok || len(m.Events) == 0 {
		return nil, nil
	}
	for _, x := range c.certs[n.kid] {
		if view, _ := x.org.viewIn(c, n.past); view != nil {
			if _, disputed := view.Daemon(n.kid); disputed {
				return nil, nil
			}
		}
	}
	g, r := c.trace(m.Events, n.past)
	if r != nil || c.orgs[g.org] == nil {
		return nil, nil
	}
	o := c.orgs[g.org]
	before, suspect := o.viewIn(c, n.past)
	if before == nil || suspect || c.carry(n, m.signatures(g)) != nil {
		return nil, nil
	}
	if g, r = c.verify(g); r != nil {
		return nil, nil
	}
	now := g.orgs[len(g.orgs)-1]
	if _, ok := now.Daemon(n.kid); !ok || !now.Extends(before) {
		return nil, nil
	}
	m.chain = g
	return o, now
}

// holder is the organisation that has a key, as a past shows it.
func (c *Case) holder(kid id.Kid, past vector) (*org, *identity.Org) {
	var found *org
	var view *identity.Org
	for _, x := range c.certs[kid] {
		v, _ := x.org.viewIn(c, past)
		if v == nil {
			continue
		}
		if _, ok := v.Daemon(kid); !ok {
			continue
		}
		if found != nil {
			return c.prover(kid, past)
		}
		found, view = x.org, v
	}
	return found, view
}

// mayHold says, without asking any past, whether a key's holder may be one of some
// organisations: it is who certifies the key, or where several do, who signed with it.
func (c *Case) mayHold(some []id.OrgID, kid id.Kid) bool {
	xs := c.certs[kid]
	return len(xs) > 1 || len(xs) == 1 && slices.Contains(some, xs[0].org.id)
}

// prover is the one organisation for which a disputed key has signed.
func (c *Case) prover(kid id.Kid, past vector) (*org, *identity.Org) {
	var found *org
	for _, p := range c.proven[kid] {
		if !past.has(p.n) || p.org == found {
			continue
		}
		if found != nil {
			return nil, nil
		}
		found = p.org
	}
	if found == nil {
		return nil, nil
	}
	view, _ := found.viewIn(c, past)
	return found, view
}

// proves notes that in n a key has signed for o, unless n's past shows so already.
func (c *Case) proves(kid id.Kid, o *org, n *node) {
	if !slices.ContainsFunc(c.proven[kid], func(p proof) bool { return p.org == o && n.past.has(p.n) }) {
		c.proven[kid] = append(c.proven[kid], proof{n, o})
	}
}
