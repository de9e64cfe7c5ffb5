package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// play is one run of the demo.
type play struct {
	ctx    context.Context
	rec    *record
	stage  *stage
	tell   *teller
	shift  time.Duration // from the case file's time to ours
	caseID id.CaseID
	in     []*actor // members, in the order of their admission
	out    *actor   // known, connected, never admitted
	secret string   // id of the note that only two may read
	comp   string   // its compartment
	said   []string // every text that was said in the case
}

// ErrBroken says that a promise did not hold; which one was printed.
var ErrBroken = errors.New("a promise of the demo does not hold")

// The cast, by key of the case file, in the order in which they come on.
var cast = []string{"openssl", "google", "codenomicon", "ncsc-fi", "red-hat", "suse", "debian", "canonical"}

const outsider = "canonical"

// strangers are those that the outsider has not pinned: it knows not even that
// they exist, so that their names may not reach it.
var strangers = map[string]bool{"codenomicon": true, "ncsc-fi": true}

// Play plays the demo and prints it to out; live says that out is a terminal
// that takes colour. It returns ErrBroken if a promise did not hold. It leaves
// nothing behind.
func Play(ctx context.Context, out io.Writer, live bool) (err error) {
	begin := time.Now()
	p := &play{ctx: ctx, tell: &teller{out: out, live: live}}
	if p.rec, err = loadRecord(); err != nil {
		return err
	}
	if p.stage, err = openStage(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stage.close(), p.tell.err) }()
	p.prologue()
	if err := p.enter(); err != nil {
		return err
	}
	if err := p.story(); err != nil {
		return err
	}
	return p.checks(begin)
}

func (p *play) prologue() {
	p.tell.para("Cordon lets organisations that share an unpublished vulnerability work on it together with " +
		"no server in the middle: each runs a daemon of its own, and a case goes only to those who have " +
		"signed its embargo agreement. Whatever anybody says in a case is signed, so that afterwards " +
		"everybody can prove who knew what, and when.")
	p.tell.print("\n")
	p.tell.para("This plays a real case, %s (%s, March and April 2014), between %d organisations, each a "+
		"whole daemon with its own keys and store, connected over this machine's loopback. Facts and dates "+
		"are those of the public record; texts are ours.", p.rec.Title, p.rec.CVE[0], len(cast))
}

// enter starts the daemons and lets them know each other.
func (p *play) enter() error {
	p.tell.heading("The organisations")
	begin := time.Now()
	for i, key := range cast {
		p.tell.waiting("starting", i, len(cast))
		if _, err := p.stage.cast(p.ctx, p.rec, key); err != nil {
			return err
		}
	}
	p.tell.done()
	p.out = p.stage.actors[outsider]
	for i, a := range p.stage.order {
		for _, b := range p.stage.order[:i] {
			if a == p.out && strangers[b.key] {
				continue
			}
			if err := know(p.ctx, a, b); err != nil {
				return err
			}
		}
	}
	for _, a := range p.stage.order {
		part := a.role
		if a == p.out {
			part = "known to the others, and never admitted"
		}
		p.tell.print("  %s%s\n", pad(a.name, 24), part)
	}
	if _, err := p.everywhere("connecting", p.stage.order, p.connected); err != nil {
		return err
	}
	p.tell.sees("%d daemons run and have pinned each other's keys; connected after %s.", len(cast), took(time.Since(begin)))
	return nil
}

// connected says whether a sees everybody it has pinned.
func (p *play) connected(ctx context.Context, a *actor) (bool, error) {
	s, err := a.api.Status(ctx)
	if err != nil {
		return false, err
	}
	for _, peer := range s.Peers {
		if !peer.Connected {
			return false, nil
		}
	}
	return true, nil
}

// view is the case as an actor's daemon shows it.
func (p *play) view(ctx context.Context, a *actor) (*api.Case, error) {
	return a.api.Case(ctx, p.caseID.String())
}

// has says whether an entry, with its content if it has some, is at a.
func (p *play) has(entry string) func(context.Context, *actor) (bool, error) {
	return func(ctx context.Context, a *actor) (yes bool, err error) {
		err = a.api.Log(ctx, p.caseID.String(), false, 0, func(l api.LogLine) bool {
			yes = l.ID.String() == entry && l.Body != "awaited"
			return !yes
		})
		return yes, err
	}
}

// others are the members but some.
func (p *play) others(but ...*actor) []*actor {
	var out []*actor
next:
	for _, a := range p.in {
		for _, b := range but {
			if a == b {
				continue next
			}
		}
		out = append(out, a)
	}
	return out
}

// spread waits until an entry of an actor's is at all other members.
func (p *play) spread(w *api.Written, by *actor, but ...*actor) (time.Duration, int, error) {
	at := p.others(append(but, by)...)
	d, err := p.everywhere("arriving", at, p.has(w.ID))
	return d, len(at), err
}

// empty fails unless an actor's daemon knows of no case and no invitation.
func (p *play) empty(a *actor) error {
	s, err := a.api.Status(p.ctx)
	if err != nil {
		return err
	}
	if s.Cases != 0 || s.Inbox != 0 {
		return fmt.Errorf("%s sees %d cases and %d invitations, and should see none", a.name, s.Cases, s.Inbox)
	}
	return nil
}
