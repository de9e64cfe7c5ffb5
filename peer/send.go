package peer

import (
	"errors"

	"cordon/ledger"
	"cordon/peer/wire"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// sendEntries sends entries of one case, feed after feed, with the small bodies
// that are here beside them, and the keys of those in a frame after it.
func (s *session) sendEntries(c id.CaseID, batch []ledger.Entry) error {
	sh := s.sharing(c)
	if sh == nil {
		return nil
	}
	batch, err := s.unopposed(sh, batch)
	if err != nil {
		return err
	}
	keys, err := s.n.c.Ledger.HoldsKeys(c)
	if err != nil {
		return internal("keys", err)
	}
	items := make([]item, 0, len(batch))
	beside := map[id.EntryID]smallBody{}
	room := wire.MaxBatch
	for _, e := range batch {
		room -= header(e)
	}
	for _, e := range batch {
		items = append(items, item{e: e, part: protocol.Header})
		if !keys || room < weight(e)-header(e) {
			continue // it is asked for, as a large one is
		}
		b, err := s.n.smallBody(c, e)
		if err != nil {
			return err
		}
		if b.ct != nil {
			beside[e.ID] = b
			room -= weight(e) - header(e)
			items = append(items, item{e: e, part: protocol.Body, held: true})
		}
	}
	removal, err := s.removals(c)
	if err != nil {
		return err
	}
	left, err := s.n.release(pieces{s.stream}, s.peer, c, items, func(passed []item) ([]byte, error) {
		return s.entriesFrame(sh, passed, beside, removal), nil
	})
	if err != nil {
		return err
	}
	var with []keyed
	for _, it := range left {
		if it.part == protocol.Body {
			with = append(with, keyed{it.e, beside[it.e.ID].cek})
		}
	}
	return s.sendKeys(c, with)
}

// entriesFrame encodes what passed the gate and notes that it is on its way.
func (s *session) entriesFrame(sh *shared, passed []item, beside map[id.EntryID]smallBody, removal map[id.EntryID]bool) []byte {
	f := &wire.Entries{Tag: sh.out}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := parcel{sh: sh}
	for _, it := range passed {
		if it.part == protocol.Body {
			f.Bodies = append(f.Bodies, wire.Small{Entry: it.e.ID, CT: beside[it.e.ID].ct})
			continue
		}
		f.Raws = append(f.Raws, it.e.Raw)
		p.removal = p.removal || removal[it.e.ID]
		if it.e.Kid == s.n.c.Kid {
			p.adds(it.e)
		}
		sh.holds(it.e.Sealed)
	}
	p.entries = len(f.Raws)
	s.sends(p)
	return wire.Append(nil, f)
}

// holds notes that the other side has an entry, or soon will.
func (sh *shared) holds(e *entry.Sealed) {
	if sh.heads == nil {
		return
	}
	if m, ok := sh.heads[e.Feed()]; !ok || m.seq < e.Seq {
		sh.heads[e.Feed()] = mark{e.Seq, [16]byte(e.ID[:16])}
	}
}

// removals are those of the peer's organisation; nil for a member.
func (s *session) removals(c id.CaseID) (map[id.EntryID]bool, error) {
	if st, _ := s.n.cases.standing(c, s.contact.Org); !st.removed {
		return nil, nil
	}
	out := map[id.EntryID]bool{}
	err := s.n.c.Cases.With(c, func(k *protocol.Case) error {
		for _, x := range k.Removed(s.contact.Org) {
			out[x] = true
		}
		return nil
	})
	return out, err
}

// smallBody is a body that may travel beside its entry, sealed, and its key.
type smallBody struct {
	ct  []byte // nil: there is none, or not all of it is here
	cek [32]byte
}

func (n *Node) smallBody(c id.CaseID, e ledger.Entry) (b smallBody, err error) {
	if e.Body == nil || e.Body.Size > wire.MaxSmall {
		return b, nil
	}
	b.cek, err = n.c.Ledger.Key(c, *e.Body) // two plain reads cost less than BodyState
	if err == nil {
		b.ct, err = n.c.Ledger.Chunk(c, *e.Body, 0)
	}
	if errors.Is(err, ledger.ErrNotFound) {
		return smallBody{}, nil
	}
	return b, internalOrNil("small body", err)
}

// holdsBody says whether a body and its key are here.
func (n *Node) holdsBody(c id.CaseID, e ledger.Entry) (bool, ledger.BodyState, error) {
	st, err := n.c.Ledger.BodyState(c, *e.Body)
	if err != nil {
		return false, st, internal("body state", err)
	}
	return st.Key && st.Have == st.Total, st, nil
}

// keyed is an entry whose body has just left, and the key of that.
type keyed struct {
	e   ledger.Entry
	cek [32]byte
}

// sendKeys sends the keys of bodies that have just left.
func (s *session) sendKeys(c id.CaseID, left []keyed) error {
	sh := s.sharing(c)
	if sh == nil || len(left) == 0 {
		return nil
	}
	items := make([]item, 0, len(left))
	keys := map[id.EntryID][32]byte{}
	for _, k := range left {
		keys[k.e.ID] = k.cek
		items = append(items, item{e: k.e, part: protocol.Body, held: true})
	}
	_, err := s.n.release(pieces{s.stream}, s.peer, c, items, func(passed []item) ([]byte, error) {
		list := make([]wire.Key, 0, len(passed))
		for _, it := range passed {
			list = append(list, wire.Key{Entry: it.e.ID, CEK: keys[it.e.ID]})
		}
		f, err := s.sealKeys(sh.out, list)
		if err != nil {
			return nil, err
		}
		return wire.Append(nil, f), nil
	})
	return err
}

// sendChunk sends chunk i of an entry's body.
func (s *session) sendChunk(c id.CaseID, e ledger.Entry, i int) error {
	sh := s.sharing(c)
	if sh == nil {
		return nil
	}
	f := &wire.Body{Tag: sh.out, Entry: e.ID, Index: uint32(i)}
	var err error
	if f.CT, err = s.n.c.Ledger.Chunk(c, *e.Body, i); err != nil {
		return internal("chunk", err)
	}
	if i == 0 {
		if f.Hashes, err = s.n.c.Ledger.Hashes(c, *e.Body); err != nil {
			return internal("hashes", err)
		}
	}
	_, err = s.n.release(pieces{s.stream}, s.peer, c, []item{{e: e, part: protocol.Body, held: true}},
		func([]item) ([]byte, error) { return wire.Append(nil, f), nil })
	return err
}

// sendProofs sends the forks of a case that the other side was not sent yet.
func (s *session) sendProofs(c id.CaseID) error {
	forks, err := s.n.c.Ledger.Forks(c)
	if err != nil {
		return internal("forks", err)
	}
	for _, k := range forks {
		sh := s.sharing(c)
		if sh == nil {
			return nil
		}
		if sh.proved[k.B] {
			continue
		}
		a, err := s.n.c.Ledger.Entry(c, k.A)
		if err != nil {
			return internal("fork", err)
		}
		b, err := s.n.c.Ledger.Entry(c, k.B)
		if err != nil {
			return internal("fork", err)
		}
		_, err = s.n.release(pieces{s.stream}, s.peer, c, []item{{e: a, part: protocol.Header}, {e: b, part: protocol.Header}},
			func(passed []item) ([]byte, error) {
				if len(passed) != 2 {
					return nil, nil // half a proof is none
				}
				return wire.Append(nil, &wire.Proof{Tag: sh.out, A: a.Raw, B: b.Raw}), nil
			})
		if err != nil {
			return err
		}
		s.mu.Lock()
		if sh.proved == nil {
			sh.proved = map[id.EntryID]bool{}
		}
		sh.proved[k.B] = true
		s.mu.Unlock()
	}
	return nil
}

// sharing is the case as this session has it; nil when it has not.
func (s *session) sharing(c id.CaseID) *shared {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shared[c]
}
