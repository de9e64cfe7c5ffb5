package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"

	"cordon/protocol/cose"
	"cordon/protocol/id"
)

// attempt places the items of a batch in their feeds as if every signature were
// good. settle then judges the signatures that the lines rest on, drops what
// fails, and tries again with the rest.
type attempt struct {
	b     *batch
	byID  map[id.EntryID]*item
	lanes map[id.Feed][]*line
	keys  map[id.Kid]ed25519.PublicKey // taught by items placed so far
	order []*item                      // placed, in causal order

	forID  map[id.EntryID][]*item // who waits for an item to be placed
	forKid map[id.Kid][]*item     // who waits for a key to be taught
}

// line is one branch of a feed during an attempt: a stored one with the items
// that extend it, or a new one.
type line struct {
	feed   *feed // nil: new
	name   id.Feed
	base   tip // the stored tip that the items extend
	tip    tip
	branch bool  // a new branch of a feed that has another entry at from
	parent *line // if branch
	from   uint32
	items  []*item
}

func newAttempt(b *batch) *attempt {
	a := &attempt{b: b, byID: make(map[id.EntryID]*item, len(b.items)), lanes: map[id.Feed][]*line{},
		keys: map[id.Kid]ed25519.PublicKey{}, forID: map[id.EntryID][]*item{}, forKid: map[id.Kid][]*item{}}
	for _, it := range b.items {
		it.state, it.err, it.absent, it.line = waiting, nil, nil, nil
		if it.own == bad { // every copy of it
			it.refuse(cose.ErrSignature)
			continue
		}
		a.byID[it.ID] = it
	}
	return a
}

// settle repeats the attempt until every line ends in an item whose own
// signature is good. Each round but the last finds at least one bad signature,
// and none is judged twice.
func (b *batch) settle() (*attempt, error) {
	for {
		a := newAttempt(b)
		for _, it := range b.items {
			if a.byID[it.ID] != nil {
				if err := a.try(it); err != nil {
					return nil, err
				}
			}
		}
		a.giveUp()
		if !a.judge() {
			return a, nil
		}
	}
}

// try places it if all it rests on is there, then whoever waited for it.
func (a *attempt) try(it *item) error {
	stack := []*item{it}
	for len(stack) > 0 {
		it := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if it.state != waiting {
			continue
		}
		ok, err := a.place(it)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		woken := a.forID[it.ID]
		for _, pub := range taught(it.Sealed) {
			kid := cose.Thumbprint(pub)
			if _, known := a.keys[kid]; !known {
				a.keys[kid] = pub
				woken = append(woken, a.forKid[kid]...)
			}
		}
		for _, w := range slices.Backward(woken) {
			stack = append(stack, w)
		}
	}
	return nil
}

// place puts it into a line. false: it waits for another item or a key, or it
// is refused.
func (a *attempt) place(it *item) (bool, error) {
	if _, ok := a.pub(it); !ok && !it.Genesis() {
		a.forKid[it.Kid] = append(a.forKid[it.Kid], it)
		return false, nil
	}
	if _, own := teaches(it.Sealed, it.Kid); it.Genesis() && !own {
		return false, it.refuse(ErrUnknownKid)
	}
	lc, ok, err := a.deps(it)
	if err != nil || !ok {
		return false, err
	}
	ln, prev, ok, err := a.link(it)
	if err != nil || !ok {
		return false, err
	}
	switch {
	case !it.Genesis() && it.LC != 1+max(lc, prev.lc):
		return false, it.refuse(ErrLamport)
	case it.T < prev.t:
		return false, it.refuse(ErrTime)
	}
	if ln == nil {
		if len(a.lanes[it.Feed()]) >= MaxBranches {
			return false, it.refuse(ErrBranches)
		}
		ln = &line{name: it.Feed(), from: uint32(it.Seq)}
		ln.parent, ln.branch = a.holder(it)
		a.lanes[ln.name] = append(a.lanes[ln.name], ln)
	}
	ln.tip = tip{uint32(it.Seq) + 1, it.ID, it.LC, it.T}
	ln.items = append(ln.items, it)
	it.state, it.line = placed, ln
	a.order = append(a.order, it)
	return true, nil
}

// refuse ends an item's attempt; it returns nil for the caller to pass on.
func (it *item) refuse(err error) error {
	it.state, it.err = refused, err
	return nil
}

// pub is the key of an item: taught by the case, by the batch, or by the item
// itself: a genesis, or an ident entry by which a new daemon comes into the case.
func (a *attempt) pub(it *item) (ed25519.PublicKey, bool) {
	if pub, ok := a.keys[it.Kid]; ok {
		return pub, true
	}
	if pub, ok := a.b.v.key(it.Kid); ok {
		return pub, true
	}
	return teaches(it.Sealed, it.Kid)
}

// deps finds the highest lc of the deps. All unknown ones are noted at once.
func (a *attempt) deps(it *item) (lc uint64, ok bool, err error) {
	for _, d := range it.Deps {
		if in := a.byID[d]; in != nil {
			switch {
			case !in.Control():
				return 0, false, it.refuse(ErrDep)
			case in.state != placed:
				a.forID[d] = append(a.forID[d], it)
				return 0, false, nil
			}
			lc = max(lc, in.LC)
			continue
		}
		p, held, err := a.b.v.find(d)
		switch {
		case err != nil:
			return 0, false, err
		case !held:
			it.absent = append(it.absent, d)
		case !p.control:
			return 0, false, it.refuse(ErrDep)
		}
		lc = max(lc, p.lc)
	}
	if len(it.absent) > 0 {
		return 0, false, it.refuse(ErrMissing)
	}
	return lc, true, nil
}

// lane are the branches of a feed, stored and new.
func (a *attempt) lane(name id.Feed) []*line {
	lines, ok := a.lanes[name]
	if !ok {
		feeds, tips := a.b.v.branches(name)
		for i, f := range feeds {
			lines = append(lines, &line{feed: f, name: name, base: tips[i], tip: tips[i], from: f.from})
		}
		a.lanes[name] = lines
	}
	return lines
}

// link finds the line that it extends and its prev. A nil line with ok means a
// new one: the feed's first, or a branch.
func (a *attempt) link(it *item) (ln *line, prev tip, ok bool, err error) {
	lines := a.lane(it.Feed())
	for _, ln := range lines {
		if ln.tip.n == uint32(it.Seq) && ln.tip.id == it.Prev {
			return ln, ln.tip, true, nil
		}
	}
	if prev, first, err := a.begins(it); first || err != nil {
		if err != nil {
			it.refuse(err)
		}
		return nil, prev, first, nil
	}
	if p := a.byID[it.Prev]; p != nil {
		switch {
		case p.Feed() != it.Feed() || p.Seq+1 != it.Seq:
			return nil, tip{}, false, it.refuse(ErrLink)
		case p.state != placed:
			a.forID[p.ID] = append(a.forID[p.ID], it)
			return nil, tip{}, false, nil
		}
		return nil, tip{uint32(it.Seq), p.ID, p.LC, p.T}, true, nil
	}
	at, held, err := a.b.v.find(it.Prev)
	if err != nil {
		return nil, tip{}, false, err
	}
	if !held {
		it.absent = append(it.absent, it.Prev)
		return nil, tip{}, false, it.refuse(ErrMissing)
	}
	p, err := a.b.v.entryAt(at.feed, at.seq)
	if isNotFound(err) {
		return nil, tip{}, false, it.refuse(ErrMissing) // queued by another call, not on disk yet
	}
	if err != nil {
		return nil, tip{}, false, err
	}
	if p.Feed() != it.Feed() || p.Seq+1 != it.Seq {
		return nil, tip{}, false, it.refuse(ErrLink)
	}
	return nil, tip{uint32(it.Seq), p.ID, p.LC, p.T}, true, nil
}

// holder is the line that holds another entry at the place of it, which
// therefore begins a branch; none if it begins the feed.
func (a *attempt) holder(it *item) (*line, bool) {
	lines := a.lanes[it.Feed()]
	if _, first, _ := a.begins(it); first {
		for _, ln := range lines {
			if ln.tip.n > 0 && ln.from == uint32(it.Seq) {
				return ln, true
			}
		}
		return nil, false
	}
	if p := a.byID[it.Prev]; p != nil {
		return p.line, true
	}
	at, _, _ := a.b.v.find(it.Prev) // link has found it
	for _, ln := range lines {
		if ln.feed != nil && ln.feed.num == at.feed {
			return ln, true
		}
	}
	return nil, false
}

// giveUp refuses what still waits: for a key nobody teaches, or for an item
// that was refused. An item with a bad signature does not count as being here:
// whoever names it asks for it, since another holder may have a good copy.
func (a *attempt) giveUp() {
	for _, it := range a.b.items {
		if it.state != waiting {
			continue
		}
		if _, ok := a.pub(it); ok {
			it.refuse(ErrMissing)
		} else {
			it.refuse(ErrUnknownKid)
		}
	}
}

// judge verifies, on all cores, the last signature of every line that got
// items, going back where it fails, and the own signatures of a genesis and of
// whatever would make us ask for missing entries. true: something failed, try again.
func (a *attempt) judge() bool {
	var lines []*line
	for _, lane := range a.lanes {
		for _, ln := range lane {
			if len(ln.items) > 0 {
				lines = append(lines, ln)
			}
		}
	}
	var alone []*item
	for _, it := range a.b.items {
		if len(it.absent) > 0 && it.own == unchecked {
			alone = append(alone, it)
		}
	}
	again := make([]bool, len(lines)+len(alone))
	parallel(len(again), 1, func(i int) {
		if i >= len(lines) {
			it := alone[i-len(lines)]
			pub, ok := a.pub(it)
			again[i] = ok && !it.verify(pub)
			return
		}
		again[i] = a.trim(lines[i])
	})
	return slices.Contains(again, true)
}

// trim says whether anything in the line has to go: items above the last good
// signature, or a genesis, which no other entry covers.
func (a *attempt) trim(ln *line) bool {
	first, cut := ln.items[0], false
	pub, _ := a.pub(first) // one feed, one key
	for _, it := range slices.Backward(ln.items) {
		if it.verify(pub) {
			break
		}
		cut = true
	}
	return cut || first.Genesis() && !first.verify(pub)
}

// verify judges the item's own signature once, then those of its other copies
// until one is good.
func (it *item) verify(pub ed25519.PublicKey) bool {
	for it.own != good {
		if it.own == bad {
			if len(it.copies) == 0 {
				return false
			}
			it.Sealed, it.copies = it.copies[0], it.copies[1:]
		}
		it.own = bad
		if it.Verify(pub) == nil {
			it.own = good
		}
	}
	return true
}

// current says whether the feeds still end where the attempt began. Called with
// caseState.mu held.
func (a *attempt) current() bool {
	for name, lane := range a.lanes {
		stored := 0
		for _, ln := range lane {
			if ln.feed == nil {
				continue
			}
			stored++
			if ln.feed.next != ln.base {
				return false
			}
		}
		if stored != len(a.b.v.feeds[name]) {
			return false
		}
	}
	return true
}

// open is the feed that the line's items go to, made if it is new. Called with
// caseState.mu held, in the order of arrival: a parent is open before its branch.
func (ln *line) open(v *caseView) *feed {
	if ln.feed == nil {
		ln.feed = &feed{name: ln.name, from: ln.from}
		if ln.branch {
			ln.feed.parent = ln.parent.feed.num
		}
		v.addFeed(ln.feed)
	}
	return ln.feed
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }

func unique(ids []id.EntryID) []id.EntryID {
	slices.SortFunc(ids, func(x, y id.EntryID) int { return bytes.Compare(x[:], y[:]) })
	return slices.Compact(ids)
}
