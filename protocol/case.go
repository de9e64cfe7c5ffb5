package protocol

import (
	"errors"

	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// Case is the fold of a set of entries: what they say, whatever order they came
// in. It is not safe for concurrent use; a Case that is only read may be read
// by many.
type Case struct {
	id    id.CaseID
	rows  []*kind // the table by number; byType, except where a test breaks a rule
	nodes map[id.EntryID]*node
	order []*node // as they came, which is a causal order
	feeds map[id.Feed]*feed

	control []*branch // by place in vectors
	all     vector    // everything folded
	forked  map[id.Kid]bool

	// What depends on an entry's past alone; it only grows.
	orgs    map[id.OrgID]*org
	events  map[[32]byte]*event
	certs   map[id.Kid][]*cert // who certifies a key
	revoked map[signer][]*node // the entries that show its revocation
	proven  map[id.Kid][]proof // for whom a key has signed
	claims  []*node
	asserts map[What]map[id.OrgID]bool
	opener  *org
	genesis *node
	chain   []Config // C0; the links that later configs add come after it
	terms   agreements

	// What authority decides; made anew when a steward act loses its force.
	comps map[id.Comp]*node
	acts  map[id.Kid][]*node // honoured steward acts of a key
	stale bool               // an act in acts has lost its force
}

// node is one entry in the fold.
type node struct {
	id     id.EntryID
	kid    id.Kid
	comp   id.Comp
	seq    id.Seq
	lc     uint64
	t      uint64
	cfg    *id.ConfigID
	agr    *id.AgrID
	kind   *kind
	msg    Message  // nil in the content plane and for unknown kinds
	branch *branch  // nil in a dry run
	past   vector   // control entries before it, and itself
	bad    *Refusal // what refuses it for good, before its kind is asked: form, deps, author
	own    bool     // a dry run of what we would write ourselves: stricter

	org   *org   // the author's, once attributed
	rule  string // why it is refused; "" is honoured
	sound bool   // its past allows it, whatever came since
}

func (n *node) control() bool { return n.comp == id.Control }

// honoured says whether the entry counts.
func (n *node) honoured() bool { return n.rule == "" }

// NewCase is the fold of no entries; the first must be a genesis.
func NewCase() *Case {
	c := &Case{
		rows:  byType,
		nodes: map[id.EntryID]*node{}, feeds: map[id.Feed]*feed{}, forked: map[id.Kid]bool{},
		orgs: map[id.OrgID]*org{}, events: map[[32]byte]*event{}, certs: map[id.Kid][]*cert{},
		revoked: map[signer][]*node{}, proven: map[id.Kid][]proof{}, asserts: map[What]map[id.OrgID]bool{},
		terms: agreements{all: map[id.AgrID]*agreed{}},
	}
	c.resetAuthority()
	return c
}

// Apply folds one authentic entry, whose prev and deps were applied before it.
// The same entry again changes nothing. An Outcome refused with ErrOrder was
// not stored.
func (c *Case) Apply(e *entry.Sealed) Outcome {
	if n := c.nodes[e.ID]; n != nil {
		return Outcome{Refused: n.rule}
	}
	past, prev, ok := c.pastOf(e)
	if !ok || !c.fits(e) {
		return Outcome{Refused: ErrOrder}
	}
	n := c.read(e, past, prev)
	if e.Genesis() {
		c.id, c.genesis = e.CaseID(), n
	}
	c.link(n, e.Feed(), prev)
	c.nodes[n.id] = n
	if c.voidsActs(n) {
		c.refold()
	}
	c.order = append(c.order, n)
	if n.org != nil && n.control() {
		c.proves(n.kid, n.org, n)
	}
	c.fold(n)
	if c.stale {
		c.refold()
	}
	return Outcome{Refused: n.rule, Late: !n.control() && n.honoured() && !c.member(n.org)}
}

// fits says whether the entry belongs to this case.
func (c *Case) fits(e *entry.Sealed) bool {
	if c.genesis == nil {
		return e.Genesis()
	}
	return !e.Genesis() && e.Case == c.id
}

// read makes the entry's node, with what refuses it for good. None of that is
// asked again.
func (c *Case) read(e *entry.Sealed, past vector, prev *node) *node {
	n := newNode(e, row(c.rows, e.Type), past)
	if n.bad == nil {
		n.bad = c.badDeps(e, prev)
	}
	if n.bad == nil {
		n.bad = c.attribute(n)
	}
	return n
}

// newNode reads what the entry says. What no rule of this version knows is
// refused here, whoever wrote it.
func newNode(e *entry.Sealed, k *kind, past vector) *node {
	n := &node{id: e.ID, kid: e.Kid, comp: e.Comp, seq: e.Seq, lc: e.LC, t: e.T,
		cfg: e.Cfg, agr: e.Agr, past: past, kind: k}
	unknown := refuse("not-known-to-rules", "not known to rules %d", Rules)
	if n.kind == nil || e.Unknown {
		n.bad = unknown
		return n
	}
	if n.kind.make == nil {
		return n
	}
	n.msg = n.kind.make()
	switch err := decode(e.Ctl, n.msg.fields()); {
	case errors.Is(err, errUnknownKey):
		n.bad = unknown
	case err != nil:
		n.bad = refuse("bad-"+n.kind.name, "the fields of this %s are not well formed: %v", n.kind.name, err)
	}
	return n
}

// fold judges the entry and takes its effect.
func (c *Case) fold(n *node) {
	r := c.judge(n)
	n.sound = r == nil
	if r == nil && n.kind.holds != nil {
		r = n.kind.holds(c, n)
	}
	n.rule = ""
	if r != nil {
		n.rule = r.Rule
	}
	if n.sound && n.msg != nil {
		n.msg.apply(c, n)
	}
}

// judge is what an entry's past says of it: form, author, standing, and what its
// kind asks.
func (c *Case) judge(n *node) *Refusal {
	if n.bad != nil {
		return n.bad
	}
	if n.kind.who != nil {
		if r := n.kind.who(c, n); r != nil {
			return r
		}
	}
	return n.kind.check(c, n)
}

// voidsActs says whether the fork that n begins takes the force of steward acts
// that were honoured.
func (c *Case) voidsActs(n *node) bool {
	f := n.branch.feed
	if !n.control() || f.fork != int64(n.seq) {
		return false
	}
	for _, a := range c.acts[n.kid] {
		if f.forkedAt(a.seq) {
			return true
		}
	}
	return false
}

// refold makes anew what authority decides. It happens when a steward's daemon
// is proven to have forked, or its key is revoked, below acts that were
// honoured: rare, and each time at least one act loses its force for good.
func (c *Case) refold() {
	c.stale = false
	c.resetAuthority()
	for _, n := range c.order {
		if n.kind == nil || !n.kind.exempt {
			c.fold(n)
		}
	}
}

// resetAuthority forgets what refold makes anew.
func (c *Case) resetAuthority() {
	c.comps = map[id.Comp]*node{}
	c.acts = map[id.Kid][]*node{}
	for _, o := range c.orgs {
		o.standing = standing{}
	}
	if c.genesis != nil {
		c.found()
	}
}

// Check says what Apply would say of e, and is stricter where an entry of our
// own is concerned: it refuses report states that skip steps, and acts without
// effect. Nothing changes. The error is a *Refusal.
func (c *Case) Check(e *entry.Sealed) error {
	past, prev, ok := c.pastOf(e)
	if !ok || !c.fits(e) {
		return refuse(ErrOrder, "the entry names what is not here, or another case")
	}
	if n := c.nodes[e.ID]; n != nil && n.rule != "" {
		return refuse(n.rule, "the entry is folded already, and refused: %s", n.rule)
	}
	if c.forks(e, prev) {
		return errForked
	}
	return c.dry(c.read(e, past, prev))
}

// errForked closes a key to its owner.
var errForked = refuse("feed-forked",
	"this daemon's key has signed two entries at one place and is closed: certify another daemon")

// forks says whether the entry's key is closed, or would be by the entry.
func (c *Case) forks(e *entry.Sealed, prev *node) bool {
	if c.forked[e.Kid] || c.nodes[e.ID] != nil {
		return c.forked[e.Kid]
	}
	if prev != nil {
		return prev.branch.tip != prev
	}
	return c.feeds[e.Feed()] != nil
}

// May says whether the daemon may write such an entry now, after everything
// that is folded here: Check before seq, prev and deps are known, which f need
// not have. The error is a *Refusal.
func (c *Case) May(kid id.Kid, f entry.Fields) error {
	if c.forked[kid] {
		return errForked
	}
	f.Case, f.LC = c.id, entry.MaxTime // after everything
	n := newNode(&entry.Sealed{Fields: f, Kid: kid}, row(c.rows, f.Type), c.all)
	if own := c.feeds[id.Feed{Kid: kid, Comp: f.Comp}]; own != nil {
		n.seq = own.branches[0].tip.seq + 1
	}
	if n.bad == nil {
		n.bad = c.attribute(n)
	}
	return c.dry(n)
}

// dry judges a node that is in no branch.
func (c *Case) dry(n *node) error {
	n.own = true
	r := c.judge(n)
	if r == nil && n.kind.holds != nil {
		r = n.kind.holds(c, n)
	}
	if r != nil {
		return r
	}
	return nil
}

// Verdict is what the fold says of an entry now: the rule that refuses it, ""
// when it is honoured. It may change: a removal voids status entries that it
// did not see. known is false for an entry that was not applied.
func (c *Case) Verdict(e id.EntryID) (rule string, known bool) {
	n := c.nodes[e]
	if n == nil {
		return "", false
	}
	return n.rule, true
}
