package daemon

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/peer"
	"cordon/protocol"
	"cordon/protocol/id"
)

// eraseWait is how long an erasure waits until nobody uses the case.
const eraseWait = 30 * time.Second

var (
	errErasedHere = &api.Error{Kind: api.Refused, Rule: "erased-here", Text: "it was erased here", Try: "the other members of the case keep theirs: ask one of them"}
	errNoBody     = &api.Error{Kind: api.Refused, Rule: "no-body", Text: "there is nothing to erase: the content of this entry is not here", Try: "what it says in the open stays, for it is evidence: cordon case log CASE"}
	errInUse      = &api.Error{Kind: api.Unavailable, Text: "nothing was erased: the case is in use without a pause", Try: "again in a moment"}
)

// showErasure answers GET /cases/{case}/erase, and that of an entry: what it would
// destroy.
func (s *service) showErasure(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	out, _, err := s.erasure(c, r.PathValue("id"))
	return out, err
}

// erasure is what erasing a case, or the body of the entry that a word means,
// destroys; of is that entry.
func (s *service) erasure(c id.CaseID, word string) (out *api.Erasure, of ledger.Entry, err error) {
	out = &api.Erasure{Schema: "cordon.erasure/1", Case: c, Heading: s.heading(c), Siblings: len(s.dir.sib.targets())}
	err = s.cases.With(c, func(k *protocol.Case) error {
		e := k.Embargo()
		out.Embargo, out.End = string(e.State), msEnd(e.End)
		for _, o := range k.Orgs() {
			if k.Member(o) && o != s.org.ID {
				out.Others++
			}
		}
		stewards := k.Stewards()
		out.Steward = slices.Contains(stewards, s.org.ID)
		out.OnlySteward = out.Steward && len(stewards) == 1
		return nil
	})
	if err != nil {
		return nil, of, err
	}
	if word != "" {
		if of, err = s.findEntry(c, word, 0); err != nil {
			return nil, of, err
		}
		out.Entry = &of.ID
		out.Type, _ = protocol.KindName(of.Type)
	}
	err = s.each(c, 0, func(e ledger.Entry) error {
		held, err := s.heldOf(c, e)
		switch {
		case out.Entry == nil:
			out.Entries++
		case e.ID != *out.Entry:
			out.Anew += int64(len(e.Raw)) + int64(held)
			return err
		}
		if held > 0 {
			out.Bodies++
			out.Bytes += held
		}
		return err
	})
	if err == nil {
		err = s.exports.all(func(_ []byte, row exportRow) error {
			if row.Case == c && (out.Entry == nil || row.Entry == *out.Entry) {
				out.Exports++
			}
			return nil
		})
	}
	if err == nil && out.Entry == nil {
		err = s.inv.out.all(func(_ []byte, row invitedRow) error {
			if row.Case == c && row.waits(s.now()) {
				out.Invited++
			}
			return nil
		})
	}
	return out, of, err
}

// heldOf is how many sealed bytes of an entry's body are here.
func (s *service) heldOf(c id.CaseID, e ledger.Entry) (uint64, error) {
	if e.Body == nil {
		return 0, nil
	}
	st, err := s.led.BodyState(c, *e.Body)
	if err != nil || st.Total == 0 {
		return 0, err
	}
	return e.Body.Size * uint64(st.Have) / uint64(st.Total), nil
}

// eraseCase answers POST /cases/{case}/erase.
func (s *service) eraseCase(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	out, _, err := s.erasure(c, "")
	if err != nil {
		return nil, err
	}
	s.erasing.Lock() // or another's renewal would take ours for done
	defer s.erasing.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), eraseWait)
	defer cancel()
	if err := s.led.EraseCase(ctx, c); err != nil {
		return nil, inUse(err)
	}
	// Commit point: nobody can read the case here any more. What is left to do is to
	// forget what is said of it beside, which the next start does after a crash.
	s.net.Forget(c)
	s.cases.Forget(c)
	s.pins.forget(c)
	s.forgetTitle(c)
	s.log.Info("a case was erased here")
	return out, s.forgetErased()
}

// eraseBody answers POST /cases/{case}/entries/{id}/erase.
func (s *service) eraseBody(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	out, e, err := s.erasure(c, r.PathValue("id"))
	switch {
	case err != nil:
		return nil, err
	case e.Body == nil:
		return nil, errNoBody
	case s.bodyErased(c, e):
		return nil, errErasedHere
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), eraseWait)
	defer cancel()
	if out.Anew, err = s.led.EraseBody(ctx, c, *e.Body); err != nil {
		return nil, inUse(err)
	}
	s.forgetTitle(c)
	s.log.Info("a body was erased here")
	return out, nil
}

// inUse tells an erasure that has not begun.
func inUse(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errInUse
	}
	return err
}

func (s *service) forgetTitle(c id.CaseID) {
	s.titles.mu.Lock()
	defer s.titles.mu.Unlock()
	delete(s.titles.of, c)
}

func (p *pins) forget(c id.CaseID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.of, c)
}

// bodyErased says whether the body of an entry was erased here.
func (s *service) bodyErased(c id.CaseID, e ledger.Entry) bool {
	if e.Body == nil {
		return false
	}
	st, err := s.led.BodyState(c, *e.Body)
	return err == nil && st.Erased
}

// forgetErased deletes what shelves say of erased cases, and then makes what was deleted
// unreadable. Invitations that wait are withdrawn: nobody can be let in here.
func (s *service) forgetErased() error {
	if !s.led.Stale() {
		return nil
	}
	erased := s.led.Erased
	errs := []error{
		s.dir.forgetMet(erased),
		s.inv.forgetErased(erased),
		purge(s.seen, byCase[seenRow](erased)), purge(s.minima, byCase[minimumRow](erased)),
		purge(s.clocks, byCase[clockRow](erased)), purge(s.plans, byCase[planRow](erased)),
		purge(s.pins.rows, byCase[pinRow](erased)), purge(dutyRows(s.led), byCase[dutyRow](erased)),
		purge(s.linked, func(key []byte, row linkedRow) bool {
			return byCase[linkedRow](erased)(key, row) || slices.ContainsFunc(row.Others, erased)
		}),
		purge(s.splits, func(key []byte, row splitRow) bool { return byCase[splitRow](erased)(key, row) || erased(row.Parent) }),
		purge(s.exports, func(_ []byte, row exportRow) bool { return erased(row.Case) }),
		purge(s.owed, func(_ []byte, row owedRow) bool { return erased(row.Case) }),
		peer.ForgetErased(s.led),
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.led.RenewShelves()
}

// purge deletes the rows that are of something.
func purge[T any](sh shelf[T], of func(key []byte, row T) bool) error {
	var keys [][]byte
	err := sh.all(func(key []byte, row T) error {
		if of(key, row) {
			keys = append(keys, slices.Clone(key))
		}
		return nil
	})
	for _, key := range keys {
		err = errors.Join(err, sh.delete(key))
	}
	return err
}

// byCase says of a row whose key is a case whether that was erased.
func byCase[T any](erased func(id.CaseID) bool) func([]byte, T) bool {
	return func(key []byte, _ T) bool {
		c, ok := id.FromBytes[id.CaseID](key)
		return ok && erased(c)
	}
}

// forgetErased withdraws or forgets our invitations into erased cases. A withdrawn one
// stays, without its case, until the invitee has heard so.
func (v *invitations) forgetErased(erased func(id.CaseID) bool) error {
	rows := map[[32]byte]invitedRow{}
	err := v.out.all(func(key []byte, row invitedRow) error {
		if erased(row.Case) {
			rows[[32]byte(key)] = row
		}
		return nil
	})
	for key, row := range rows {
		waits := row.waits(v.s.now())
		row.Case = id.CaseID{}
		switch {
		case waits:
			err = errors.Join(err, v.withdraw(key[:], row))
		case row.Withdrawn:
			err = errors.Join(err, v.out.put(key[:], row))
		default:
			err = errors.Join(err, v.out.delete(key[:]))
		}
	}
	return err
}

// forgetMet forgets that organisations were met in erased cases.
func (d *directory) forgetMet(erased func(id.CaseID) bool) error {
	d.mu.RLock()
	var gone []id.CaseID
	for _, k := range d.orgs {
		for c := range k.met {
			if erased(c) && !slices.Contains(gone, c) {
				gone = append(gone, c)
			}
		}
	}
	d.mu.RUnlock()
	var errs []error
	for _, c := range gone {
		errs = append(errs, d.meet(c, nil))
	}
	return errors.Join(errs...)
}
