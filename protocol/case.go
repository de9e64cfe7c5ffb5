package protocol

import (
	"errors"

	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/internal/fields"
)

// Case is the fold of a set of entries: what they say, whatever order they came
// in. It is for one goroutine at a time, also where it is only read: what nobody has
// asked yet is worked out then.
type Case struct {
	id      id.CaseID
	rows    []*kind              // the table by number; byType, except where a test breaks a rule
	nodes   map[id.EntryID]*node // control plane
	content spots
	order   []*node // as they came, which is a causal order
	len     int     // how many entries they stand for
	feeds   map[id.Feed]*feed
	given   map[id.EntryID][]given // the anchors that name an entry

	control []*branch // by place in vectors
	unions  map[[2]*shelf]*shelf
	all     vector // everything folded
	forked  map[id.Kid]bool
	sizes   map[id.Kid]uint64

	// What depends on an entry's past alone; it only grows.
	orgs     map[id.OrgID]*org
	events   map[[32]byte]*event
	certs    map[id.Kid][]*cert // who certifies a key
	revoked  map[signer][]*node // the entries that show its revocation
	proven   map[id.Kid][]proof // for whom a key has signed
	cuts     map[signer][]keyCut
	closed   map[id.Kid][]*node // the entries that prove a fork of the key
	opener   *org
	genesis  *node
	standing []*node // of order, those that decide who is a member
	terms    agreements
	configs  map[id.ConfigID]*config // well formed, in the chain or not
	ever     map[id.OrgID]bool       // stewards of certified configs

	// What authority decides; made anew when it changed for what is folded.
	chain   []*config
	drops   map[id.OrgID][]*config // links of the chain that drop a steward
	comps   map[id.Comp]*node
	acts    map[id.Kid][]*node // sound steward acts of a key
	claims  []*node
	refutes map[id.EntryID][]*node           // by claim
	ends    []*node                          // of the embargo
	plans   []*node                          // of a release; none in the past of another
	ready   map[id.EntryID]map[*org]register // answers to a plan
	links   map[id.Pair]*linked              // to other cases
	heard   map[*agreed]*heard               // what was said about agreements

	inForceNow *agreed // by everything folded; nil: not worked out since something changed
	asserts    map[What]map[id.OrgID]bool
	waited     map[id.ConfigID]bool // configs for whose certificate an act was refused
	mute       map[id.OrgID]bool    // whose claim was refused for want of a voice
	voided     bool                 // a fork or revocation took an act's force

	// What Settle has to do.
	fresh  []*config // certified since
	firm   int       // votes since touch no link of the chain before this one
	stale  bool      // verdicts may have changed
	folded int       // entries of order whose verdict is known

	most carried // what the entries of one feed may carry

	pinned *id.ConfigID // what this daemon has acted under; no part of the case

	part bool // it is a part of another case, as a past has it
}

// node is one entry in the fold; in the content plane, the first of a stretch, for all of it.
type node struct {
	id     id.EntryID
	kid    id.Kid
	comp   id.Comp
	seq    id.Seq
	lc     uint64
	t      uint64
	cfg    *id.ConfigID
	agr    *id.AgrID
	prev   *node // content: what stands for the entry before it
	kind   *kind
	msg    Message  // nil in the content plane and for unknown kinds
	branch *branch  // nil in a dry run
	past   vector   // control entries before it, and itself
	bad    *Refusal // what refuses it for good: form, deps, author, what its kind asks once
	own    bool     // a dry run of what we would write ourselves: stricter

	carried   carried // signatures inside it and those below it
	certifies *config // that its past certifies, where it was asked: what it cites, or follows

	org   *org          // the author's, once attributed
	view  *identity.Org // which it is as its past shows it
	why   *Refusal      // nil is honoured
	sound bool          // its past allows it, whatever came since
}

func (n *node) control() bool { return n.comp == id.Control }

// honoured says whether the entry counts.
func (n *node) honoured() bool { return n.why == nil }

// rule is the rule that refuses it; "" is honoured.
func (n *node) rule() string {
	if n.why == nil {
		return ""
	}
	return n.why.Rule
}

// NewCase is the fold of no entries; the first must be a genesis.
func NewCase() *Case {
	c := &Case{
		rows:  byType,
		nodes: map[id.EntryID]*node{}, content: newSpots(), feeds: map[id.Feed]*feed{}, given: map[id.EntryID][]given{}, forked: map[id.Kid]bool{}, sizes: map[id.Kid]uint64{},
		orgs: map[id.OrgID]*org{}, events: map[[32]byte]*event{}, certs: map[id.Kid][]*cert{},
		revoked: map[signer][]*node{}, proven: map[id.Kid][]proof{}, closed: map[id.Kid][]*node{}, cuts: map[signer][]keyCut{},
		terms: newAgreements(), configs: map[id.ConfigID]*config{}, ever: map[id.OrgID]bool{},
		unions: map[[2]*shelf]*shelf{}, firm: 1, most: carried{maxCarried, maxStewardCarried},
	}
	c.resetAuthority()
	return c
}

// Apply is Add and Settle for one entry, and its verdict then.
func (c *Case) Apply(e *entry.Sealed) Outcome {
	if !c.Add(e) {
		return Outcome{Refused: ErrOrder}
	}
	c.Settle()
	n, _ := c.find(e.ID)
	return Outcome{Refused: n.rule(), Late: !n.control() && n.honoured() && !c.member(n.org)}
}

// Add takes up one authentic entry, whose prev and deps were added before it, or, for
// the prev, an admit with an anchor there and what that names; else it returns false,
// and nothing was stored. The same entry again changes nothing.
// Before the case is read again, Settle must be called.
func (c *Case) Add(e *entry.Sealed) bool {
	if c.holds(e.ID) {
		return true
	}
	if len(c.given[e.Prev]) > 1 && !c.holds(e.Prev) {
		c.Settle() // which of them is honoured decides
	}
	past, prev, ok := c.pastOf(e, c.shelves)
	if !ok || !c.fits(e) {
		return false
	}
	c.len++
	c.sizes[e.Kid] += Size(e)
	if prev.standsFor(e) {
		c.content.put(prev.branch, e.ID)
		return true
	}
	n := c.read(e, past, prev)
	if e.Genesis() {
		c.id, c.genesis = e.CaseID(), n
	}
	c.place(n, e.Feed(), prev)
	if n.certifies != nil {
		n.certifies.knows(n)
	}
	c.order = append(c.order, n)
	c.stale = c.stale || c.voidsActs(n)
	if n.org != nil && n.control() {
		c.proves(n.kid, n.org, n)
	}
	if n.bad != nil {
		n.msg = nil // it may be large, and nobody asks again
		return true
	}
	if n.kind.standing {
		c.standing = append(c.standing, n)
	}
	if n.kind.enter != nil {
		n.kind.enter(c, n)
	}
	return true
}

// Settle judges what was added since the last time. Where votes or forks changed
// who had power, everything is judged anew: once, however much was added.
func (c *Case) Settle() {
	if c.firm <= len(c.chain) || len(c.fresh) > 0 {
		c.stale = c.rechain() || c.stale
		c.inForceNow = nil
	}
	c.settleVerdicts()
}

// settleVerdicts judges what has no verdict yet; where it is stale, everything.
func (c *Case) settleVerdicts() {
	for c.stale || c.folded < len(c.order) {
		if c.stale {
			c.stale = false
			c.resetAuthority()
		}
		for c.folded < len(c.order) && !c.stale {
			n := c.order[c.folded]
			c.folded++
			c.fold(n)
		}
	}
	c.settleTerms()
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
	if !n.control() {
		n.prev = prev
	} else if prev != nil {
		n.carried = prev.carried
	}
	if n.bad == nil {
		n.bad = c.badDeps(e, past, prev)
	}
	if n.bad == nil {
		if prev != nil && len(e.Deps) == 0 && !prev.shows() && len(c.certs[n.kid]) == 1 {
			n.org, n.view = prev.org, prev.view // its past shows no more of it
		}
		n.bad = c.attribute(n)
	}
	if n.bad == nil && n.kind.once != nil {
		n.bad = n.kind.once(c, n)
	}
	return n
}

// shows says whether an entry may bring identity events.
func (n *node) shows() bool {
	return n.kind == nil || n.kind.typ == identKind.typ || n.kind.typ == genesisKind.typ
}

// newNode reads what the entry says. What no rule of this version knows is
// refused here, whoever wrote it.
func newNode(e *entry.Sealed, k *kind, past vector) *node {
	n := &node{id: e.ID, kid: e.Kid, comp: e.Comp, seq: e.Seq, lc: e.LC, t: e.T,
		cfg: e.Cfg, agr: e.Agr, past: past, kind: k}
	if n.kind == nil || e.Unknown {
		n.bad = notKnown()
		return n
	}
	if n.kind.make == nil {
		return n
	}
	n.msg = n.kind.make()
	switch err := decode(e.Ctl, n.msg.fields()); {
	case errors.Is(err, fields.ErrUnknownKey):
		n.bad = notKnown()
	case err != nil:
		n.bad = refuse("bad-"+n.kind.name, "the fields of this %s are not well formed: %v", n.kind.name, err)
	}
	return n
}

func notKnown() *Refusal { return refuse("not-known-to-rules", "not known to rules %d", Rules) }

// fold judges the entry and takes its effect.
func (c *Case) fold(n *node) {
	r := c.judge(n)
	n.sound = r == nil
	if r == nil && n.kind.holds != nil {
		r = n.kind.holds(c, n)
	}
	n.why = r
	if n.sound && n.msg != nil {
		n.msg.apply(c, n)
	}
}

// judge is what an entry's past and the chain say of it: form, author, standing,
// and what its kind asks.
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

// voidsActs says whether the fork that n begins takes the force of steward acts.
func (c *Case) voidsActs(n *node) bool {
	f := n.branch.feed
	if !n.control() || f.fork != int64(n.seq) {
		return false
	}
	for _, a := range c.acts[n.kid] {
		if f.forkedAt(a.seq) && a.rule() != "forked-authority" {
			return true
		}
	}
	return false
}

// resetAuthority forgets what authority decides, so that all entries are folded
// again.
func (c *Case) resetAuthority() {
	c.comps = map[id.Comp]*node{}
	c.acts = map[id.Kid][]*node{}
	c.claims, c.asserts = nil, map[What]map[id.OrgID]bool{}
	c.refutes, c.ends = map[id.EntryID][]*node{}, nil
	c.plans, c.ready = nil, map[id.EntryID]map[*org]register{}
	c.links = map[id.Pair]*linked{}
	c.heard, c.inForceNow = map[*agreed]*heard{}, nil
	c.waited, c.mute = map[id.ConfigID]bool{}, map[id.OrgID]bool{}
	c.voided, c.folded = false, 0
	for _, o := range c.orgs {
		o.standing = standing{}
	}
}

// Check says what Apply would say of e, and is stricter where an entry of our
// own is concerned: it refuses report states that skip steps, and acts without
// effect. Nothing changes. The error is a *Refusal.
func (c *Case) Check(e *entry.Sealed) error {
	past, prev, ok := c.pastOf(e, (*shelf).union)
	if !ok || !c.fits(e) {
		return refuse(ErrOrder, "the entry names what is not here, or another case")
	}
	if n, _ := c.find(e.ID); n != nil && n.why != nil {
		return refuse(n.why.Rule, "the entry is folded already, and refused: %s", n.why.Text)
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
	if c.forked[e.Kid] || len(c.closed[e.Kid]) > 0 || c.holds(e.ID) {
		return c.forked[e.Kid]
	}
	if prev != nil {
		return prev.branch.next() != e.Seq
	}
	return c.feeds[e.Feed()] != nil
}

// May says whether the daemon may write such an entry now, with the deps that
// Deps names: Check before seq, prev and deps are known, which f need not have. The
// error is a *Refusal.
func (c *Case) May(kid id.Kid, f entry.Fields) error {
	if c.forked[kid] || len(c.closed[kid]) > 0 {
		return errForked
	}
	f.Case, f.LC = c.id, entry.MaxTime // after everything
	n := newNode(&entry.Sealed{Fields: f, Kid: kid}, row(c.rows, f.Type), nil)
	var needs []id.EntryID
	if n.msg != nil {
		needs = c.Needs(n.msg)
	}
	feed := id.Feed{Kid: kid, Comp: f.Comp}
	n.past = c.pastWith(c.Deps(kid, f.Comp, needs...), feed)
	if own := c.feeds[feed]; own != nil {
		b := own.branches[0]
		n.seq, n.carried = b.next(), b.tip.carried
	}
	if n.bad == nil {
		n.bad = c.attribute(n)
	}
	if n.bad == nil && n.kind.once != nil {
		n.bad = n.kind.once(c, n)
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
	n, _ := c.find(e)
	if n == nil {
		return "", false
	}
	return n.rule(), true
}

// Why is the refusal behind a verdict; nil for an entry that is honoured or was
// not applied.
func (c *Case) Why(e id.EntryID) *Refusal {
	if n, _ := c.find(e); n != nil {
		return n.why
	}
	return nil
}
