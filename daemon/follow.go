package daemon

import (
	"context"
	"errors"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// seenRow is how far the daemon has looked at a case for its own purposes.
type seenRow struct {
	Pos    ledger.Pos `json:"pos"`
	Member bool       `json:"member"` // we were in it then
}

// seenPause is how long a new Pos may lie unwritten: what a crash loses is
// looked at again, which changes nothing.
const seenPause = 30 * time.Second

// caseFollower keeps the directory true to the cases we are in, and our
// addresses known in them. It is owned by its goroutine.
type caseFollower struct {
	s     *service
	dirty map[id.CaseID]seenRow // looked at, not yet on the shelf
}

// followCases resumes after a restart where it was.
func (s *service) followCases(ctx context.Context) error {
	w := s.led.Subscribe()
	defer w.Close()
	f := &caseFollower{s: s, dirty: map[id.CaseID]seenRow{}}
	f.lookAll(ctx, s.led.Cases())
	pause := time.NewTicker(seenPause)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return f.flush()
		case <-pause.C:
			if err := f.flush(); err != nil {
				return err
			}
		case <-w.C:
			f.lookAll(ctx, w.Changed())
		}
	}
}

// flush writes how far we have looked.
func (f *caseFollower) flush() error {
	for c, row := range f.dirty {
		if f.s.led.Erased(c) {
			delete(f.dirty, c)
			continue
		}
		if err := f.s.seen.put(c[:], row); err != nil {
			return err
		}
		delete(f.dirty, c)
	}
	return nil
}

// lookAll looks at some cases. One that cannot be read does not keep the daemon
// from the others.
func (f *caseFollower) lookAll(ctx context.Context, cases []id.CaseID) {
	for _, c := range cases {
		if err := f.look(ctx, c); err != nil && ctx.Err() == nil && !f.s.led.Erased(c) {
			f.s.log.Error("take a case into the directory: cordon verify", "err", err)
		}
	}
}

// look takes what is new in a case into the directory. Content changes nothing
// there, so a case with nothing else is not even folded.
func (f *caseFollower) look(ctx context.Context, c id.CaseID) error {
	row, ok := f.dirty[c]
	if !ok {
		var err error
		if row, _, err = f.s.seen.get(c[:]); err != nil {
			return err
		}
	}
	was, control := row, false
	err := f.s.each(c, row.Pos, func(e ledger.Entry) error {
		row.Pos, control = e.Pos, control || e.Control()
		return nil
	})
	if err != nil || row.Pos == was.Pos {
		return err
	}
	if control {
		if row.Member, err = f.s.meetMembers(ctx, c, was.Member); err != nil {
			return err
		}
		if _, err = f.s.hear(c); err != nil {
			return err
		}
		if err = f.s.notePlan(c); err != nil {
			return err
		}
	}
	if row.Member == was.Member {
		f.dirty[c] = row
		return nil
	}
	delete(f.dirty, c)
	return f.s.seen.put(c[:], row)
}

// meetMembers takes the members of a case into the directory and says whether we
// are one. A case that a sibling brings us is ours once it shows our key: what we
// wrote with less than that in its past would speak of what we have not seen.
func (s *service) meetMembers(ctx context.Context, c id.CaseID, was bool) (bool, error) {
	members := map[id.OrgID]member{}
	var told []string // where the case says that this daemon is reached
	var siblings map[id.Kid][]string
	known := was
	err := s.cases.With(c, func(k *protocol.Case) error {
		if !k.Member(s.org.ID) {
			return nil
		}
		for _, o := range k.Orgs() {
			if org, ok := k.Org(o); ok && k.Member(o) {
				members[o] = member{org, k.Addrs(o)}
			}
		}
		told, siblings = k.Reached(s.kid), s.dir.sib.tell(k)
		if _, shown := k.OrgOf(s.kid); shown {
			known = true
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if err := errors.Join(s.dir.meet(c, members), s.dir.sib.meet(siblings)); err != nil {
		return false, err
	}
	us, in := members[s.org.ID]
	if in = in && known; in {
		err = errors.Join(s.ownKeys(ctx, c, us.org), s.tellAddress(ctx, c, told))
	}
	return in, err
}

// tellAddress writes our addresses into a case that knows others. A refusal
// (we have left, say) is the case's right.
func (s *service) tellAddress(ctx context.Context, c id.CaseID, there []string) error {
	now := s.self.current()
	if len(now) == 0 || slices.Equal(now, there) {
		return nil
	}
	_, err := s.write(ctx, c, simple(&protocol.Address{Addrs: now}))
	return tolerable(err)
}

// tellAddresses does so in every case that we are in.
func (s *service) tellAddresses(ctx context.Context) error {
	var cases []id.CaseID
	err := s.seen.all(func(key []byte, row seenRow) error {
		if c, ok := id.FromBytes[id.CaseID](key); ok && row.Member {
			cases = append(cases, c)
		}
		return nil
	})
	for _, c := range cases {
		var there []string
		err = errors.Join(err, s.cases.With(c, func(k *protocol.Case) error {
			there = k.Reached(s.kid)
			return nil
		}))
		if err == nil {
			err = s.tellAddress(ctx, c, there)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// followIdentities writes, as a steward, the identity events of members into our
// cases, so that a key they certified can act there.
func (s *service) followIdentities(ctx context.Context) error {
	if err := s.introduce(ctx, false); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case org := <-s.dir.newer:
			if err := s.adopt(org); err != nil {
				s.log.Error("take over newer keys of our own", "err", err)
			}
		case o := <-s.dir.grew:
			s.net.Recheck()
			if err := s.tellIdentity(ctx, o); err != nil && ctx.Err() == nil {
				s.log.Error("tell a case of new identity events", "err", err)
			}
		}
	}
}

func (s *service) tellIdentity(ctx context.Context, o id.OrgID) error {
	org, ok := s.dir.org(o)
	if !ok {
		return nil
	}
	for _, c := range s.dir.common(o) {
		var lacks [][]byte
		err := s.cases.With(c, func(k *protocol.Case) error {
			there, ok := k.Org(o)
			if ok && s.tells() && k.Member(o) && slices.Contains(k.Stewards(), s.org.ID) {
				lacks = lacking(there, org)
			}
			return nil
		})
		if err == nil && len(lacks) > 0 {
			_, err = s.write(ctx, c, asSteward(&protocol.Ident{Events: lacks}))
		}
		if err := tolerable(err); err != nil {
			return err
		}
	}
	return nil
}

// lacking are the events of a chain that a case does not show of the organisation; all
// of them where the two contradict each other, so that the case sees both.
func lacking(there, org *identity.Org) [][]byte {
	switch {
	case there.Extends(org):
		return nil
	case org.Extends(there):
		return org.Events[len(there.Events):]
	}
	return org.Events
}

// tolerable drops an error that means: the case says no, or this daemon may not
// write any more. A goroutine that writes for the daemon goes on then.
func tolerable(err error) error {
	var refused *protocol.Refusal
	var not *api.Error // our certificate has ended, say
	if errors.As(err, &refused) || errors.As(err, &not) || errors.Is(err, ledger.ErrForked) || errors.Is(err, ledger.ErrOwnFork) ||
		errors.Is(err, ledger.ErrRestored) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
