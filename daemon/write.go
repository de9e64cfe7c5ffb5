package daemon

import (
	"context"

	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// act is a control entry to be written.
type act struct {
	say protocol.Message
	cfg *id.ConfigID // steward acts
}

// decide looks at a case and says what is to be written.
type decide func(*protocol.Case) (act, error)

// write writes one control entry: dry run, deps, append; it waits for the disk
// outside the lock. A refusal is told at once and nothing is written.
func (s *service) write(ctx context.Context, c id.CaseID, d decide) (ledger.Entry, error) {
	if err := s.tellActive(ctx, c); err != nil {
		return ledger.Entry{}, err
	}
	return s.writeNow(ctx, c, d)
}

// writeNow is write for what tells a case of our keys.
func (s *service) writeNow(ctx context.Context, c id.CaseID, d decide) (ledger.Entry, error) {
	p, err := s.begin(c, d)
	if err != nil {
		return ledger.Entry{}, err
	}
	return p.Wait(context.WithoutCancel(ctx)) // a caller that hangs up does not undo what is signed
}

// begin does what write does under the lock.
func (s *service) begin(c id.CaseID, d decide) (*ledger.Pending, error) {
	defer s.locks.lock(c, id.Control)()
	return s.beginLocked(c, d)
}

// beginLocked is begin for a caller that holds the lock of the case's control feed.
func (s *service) beginLocked(c id.CaseID, d decide) (*ledger.Pending, error) {
	if err := s.certified(); err != nil {
		return nil, err
	}
	s.settle(c)
	f := entry.Fields{Case: c, Comp: id.Control, T: s.ms()}
	err := s.cases.With(c, func(k *protocol.Case) error {
		a, err := d(k)
		if err != nil {
			return err
		}
		f.Type, f.Ctl, f.Cfg = a.say.Type(), protocol.Ctl(a.say), a.cfg
		if err := k.May(s.kid, f); err != nil {
			return err
		}
		f.Deps = k.Deps(s.kid, id.Control, k.Needs(a.say)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.led.Begin(f, s.keys.sign)
}

// asSteward is the decision to say m under the config in force.
func asSteward(m protocol.Message) decide {
	return func(k *protocol.Case) (act, error) {
		cfg := k.Config().ID
		return act{say: m, cfg: &cfg}, nil
	}
}

// simple is the decision to say m, whatever the case looks like.
func simple(m protocol.Message) decide {
	return func(*protocol.Case) (act, error) { return act{say: m}, nil }
}
