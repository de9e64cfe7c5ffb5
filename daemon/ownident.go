package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// toldRow says how many of our identity events the cases that we are in have been
// told.
type toldRow struct {
	Events int `json:"events"`
}

// tells says whether it is for this daemon to tell cases of keys: for the active
// one, or any while there is none. A standby may be behind, and a revocation that it
// showed would void what it has not seen (spec/identity.md §8.11).
func (s *service) tells() bool {
	active, ok := activeOf(s.org)
	return !ok || active.Kid == s.kid
}

// introduce brings our identity events into every case that we are in, once for
// each change of them. A new key of ours comes into a case by the entry that
// certifies it (spec/kinds.md, ident), before it writes anything else: newKey does
// that alone, at the start.
func (s *service) introduce(ctx context.Context, newKey bool) error {
	rows := openShelf[toldRow](s.led, "told")
	row, _, err := rows.get(selfKey)
	if err != nil || row.Events == len(s.org.Events) || !s.tells() {
		return err
	}
	var cases []id.CaseID
	err = s.seen.all(func(key []byte, row seenRow) error {
		if c, ok := id.FromBytes[id.CaseID](key); ok && row.Member {
			cases = append(cases, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range cases {
		if newKey && s.wroteIn(c) {
			continue
		}
		if err := s.tellOwn(ctx, c); err != nil {
			s.log.Error("tell a case of our keys: cordon verify", "err", err)
		}
	}
	if newKey {
		return nil
	}
	return rows.put(selfKey, toldRow{len(s.org.Events)})
}

// wroteIn says whether this daemon's key has written in a case.
func (s *service) wroteIn(c id.CaseID) bool {
	_, control, err := s.led.Head(c, id.Feed{Kid: s.kid, Comp: id.Control})
	if err != nil || control {
		return true
	}
	_, content, err := s.led.Head(c, id.Feed{Kid: s.kid, Comp: id.Everyone})
	return err != nil || content
}

// tellOwn brings our identity events into a case that lacks them, and the cut of a
// key that we have replaced.
func (s *service) tellOwn(ctx context.Context, c id.CaseID) error {
	s.telling.Lock() // until it is durable: nobody tells it a second time
	defer s.telling.Unlock()
	for range identity.MaxEvents { // a cut an entry
		var m *protocol.Ident
		err := s.cases.With(c, func(k *protocol.Case) (err error) {
			m, err = s.ownIdent(k)
			return err
		})
		if err != nil || m == nil {
			return err
		}
		if _, err := s.writeNow(ctx, c, simple(m)); err != nil {
			return tolerable(err)
		}
	}
	return nil
}

// tellActive tells a case of our keys at once, where this daemon has just become the
// active one and the case does not show it yet: what it decides comes after that.
func (s *service) tellActive(ctx context.Context, c id.CaseID) error {
	if s.mayDecide() != nil {
		return nil
	}
	shown := false
	err := s.cases.With(c, func(k *protocol.Case) error {
		there, ok := k.Org(s.org.ID)
		if ok {
			d, _ := there.Daemon(s.kid)
			shown = d.Can(identity.CapSteward)
		}
		return nil
	})
	if err != nil || shown {
		return err
	}
	return s.tellOwn(ctx, c)
}

// ownIdent is what a case is to be told of our keys; nil: nothing.
func (s *service) ownIdent(k *protocol.Case) (*protocol.Ident, error) {
	there, ok := k.Org(s.org.ID)
	if !ok || !s.org.Extends(there) {
		return nil, nil
	}
	cut, err := s.cutDue(k)
	if err != nil {
		return nil, err
	}
	lacks := s.org.Events[len(there.Events):]
	switch {
	case len(lacks) > 0:
		return &protocol.Ident{Events: lacks, Cut: cut}, nil
	case cut != nil:
		return &protocol.Ident{Events: s.org.Events[len(s.org.Events)-1:], Cut: cut}, nil
	}
	return nil, nil
}

// cutDue is the cut of a key that this home has replaced in good order: all that it
// is known to have decided stands, and nothing that comes to light later. Without
// it, an ident entry of a steward who had not seen all would void the rest.
func (s *service) cutDue(k *protocol.Case) ([]byte, error) {
	us, _ := s.org.Daemon(s.kid)
	if !us.Can(identity.CapConsent) {
		return nil, nil
	}
	for _, f := range s.former {
		d, ok := s.org.Daemon(f.Kid)
		if !ok || !d.Revoked || d.Reason != identity.Superseded || k.HasCut(s.org.ID, d.Kid) {
			continue
		}
		at, err := s.lastOf(k.ID(), d.Kid)
		if err != nil {
			return nil, err
		}
		if at != nil {
			return identity.SealCut(s.keys.sign, identity.Cut{Case: k.ID(), Kid: d.Kid, At: at}), nil
		}
	}
	return nil, nil
}

// lastOf is the last control entry of a key in a case; nil when it has written
// none, or has forked.
func (s *service) lastOf(c id.CaseID, kid id.Kid) (*identity.CutPlace, error) {
	heads, err := s.led.Heads(c)
	if err != nil {
		return nil, err
	}
	var at *identity.CutPlace
	for _, h := range heads {
		if h.Feed == (id.Feed{Kid: kid, Comp: id.Control}) {
			if at != nil {
				return nil, nil
			}
			at = &identity.CutPlace{Seq: h.Seq, Entry: h.ID}
		}
	}
	return at, nil
}

// ownKeys compares our identity with what a case shows of it. What the case lacks
// it is told; what it has beyond ours is signed by our root, so we take it.
func (s *service) ownKeys(ctx context.Context, c id.CaseID, there *identity.Org) error {
	switch {
	case s.org.Extends(there):
		if !s.tells() {
			return nil
		}
		return s.tellOwn(ctx, c)
	case there.Extends(s.org):
		return s.adopt(there)
	}
	s.log.Error("a case shows another history of our own keys than ours: the root has signed two; cordon key status")
	return nil
}

// adopt takes a longer chain of our own into the home, and begins anew with it.
func (s *service) adopt(org *identity.Org) error {
	lock, err := s.home.lockIdentity()
	if err != nil {
		return err
	}
	defer lock.Close()
	newest, err := newestChain(s.home.identity())
	if err != nil {
		return err
	}
	if org.Extends(newest) && !newest.Extends(org) {
		if err := saveChain(s.home.identity(), org); err != nil {
			return err
		}
	}
	if err := s.sawSiblings(); err != nil { // who begins anew has met nobody yet
		return err
	}
	s.log.Info("our organisation has newer keys than this daemon knew; it begins anew with them")
	s.reload()
	return nil
}

// setCut answers POST /cases/{case}/cut: up to an entry of a revoked key of ours,
// what that key decided stands.
func (s *service) setCut(r *http.Request) (any, error) {
	c, a, err := s.readAct(r)
	if err != nil {
		return nil, err
	}
	e, err := s.findEntry(c, a.What, 0)
	if err != nil {
		return nil, err
	}
	d, ok := s.org.Daemon(e.Kid)
	switch {
	case !ok || !e.Control():
		return nil, invalid("the entry is no control entry of a daemon of this organisation")
	case !d.Revoked:
		return nil, &api.Error{Kind: api.Refused, Rule: "bad-cut", Text: "the key of that entry is not revoked", Try: fmt.Sprintf("cordon key revoke %s --reason stolen", d.Kid.String()[:12])}
	}
	cut := identity.SealCut(s.keys.sign, identity.Cut{Case: c, Kid: e.Kid, At: &identity.CutPlace{Seq: e.Seq, Entry: e.ID}})
	x, err := s.write(r.Context(), c, func(k *protocol.Case) (act, error) {
		events := s.org.Events[len(s.org.Events)-1:]
		if there, ok := k.Org(s.org.ID); ok && len(there.Events) < len(s.org.Events) {
			events = s.org.Events[len(there.Events):]
		}
		return act{say: &protocol.Ident{Events: slices.Clone(events), Cut: cut}}, nil
	})
	return done(c, x, err)
}
