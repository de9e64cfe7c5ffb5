package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/peer"
	"cordon/protocol/id"
)

// actor is one organisation on the stage, with its daemon.
type actor struct {
	key  string // in the case file
	name string
	role string // in the case
	home string
	org  id.OrgID
	card []byte
	api  *api.Client
	log  *logFile
	tap  *tap // what its daemon was sent, after decryption

	cancel context.CancelFunc
	ended  chan error // of Run; closed afterwards
}

// stage is all daemons of the demo, in one folder that is removed at the end.
type stage struct {
	dir    string
	actors map[string]*actor
	order  []*actor
}

// patience is how long anything may take before the demo gives up: it must say
// so, not hang.
const patience = 30 * time.Second

// schedule is the ordinary one with shorter waits for what is random or periodic
// by design, and without cards on the public topics; nothing else differs from a daemon
// in the field.
func schedule() peer.Schedule {
	s := peer.DefaultSchedule()
	// Cards are public, and go on from who pinned their organisation to whom that pinned. On
	// a slow machine they would within the demo, and tell the outsider names of members.
	s.Public = time.Hour
	s.Dial = 100 * time.Millisecond
	s.DialMax = 500 * time.Millisecond
	s.TagsDelay = 50 * time.Millisecond
	s.Tell = 20 * time.Millisecond
	s.Compare = time.Second
	return s
}

// rounds is the same for what daemons write by themselves.
func rounds() daemon.Rounds {
	r := daemon.DefaultRounds()
	r.News = 50 * time.Millisecond
	return r
}

// openStage makes the folder. Its name is short: a socket's path must be.
func openStage() (*stage, error) {
	dir, err := os.MkdirTemp("", "cordon-demo-")
	if err != nil {
		return nil, err
	}
	return &stage{dir: dir, actors: map[string]*actor{}}, nil
}

// close stops every daemon and removes the folder.
func (s *stage) close() error {
	var errs []error
	for _, a := range s.order {
		errs = append(errs, a.stop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// cast makes the organisation's home and starts its daemon.
func (s *stage) cast(ctx context.Context, r *record, key string) (*actor, error) {
	name, role, err := r.name(key)
	if err != nil {
		return nil, err
	}
	a := &actor{key: key, name: name, role: role, home: filepath.Join(s.dir, key), log: &logFile{}, tap: &tap{}}
	made, err := daemon.Init(a.home, daemon.InitOptions{
		Name: name, Role: initRole(role), Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Unattended: true,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	a.org = made.Org
	if a.api, err = api.New(a.home); err != nil {
		return nil, err
	}
	s.actors[key], s.order = a, append(s.order, a)
	return a, a.start(ctx)
}

// initRole is the role of an organisation as init has it.
func initRole(role string) string {
	switch role {
	case "reporter", "coordinator":
		return role
	}
	return "vendor"
}

// start runs the daemon and returns when it answers.
func (a *actor) start(ctx context.Context) error {
	run, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	a.cancel, a.ended = cancel, ended
	go func() { // ends with run; stop waits for it
		ended <- daemon.Run(run, a.home, daemon.Options{Log: a.log, Schedule: schedule(), Rounds: rounds(), Tap: a.tap.record})
		close(ended)
		cancel()
	}()
	wait, stop := context.WithTimeout(run, patience)
	defer stop()
	if _, err := a.api.Wait(wait); err != nil {
		return fmt.Errorf("%s: %w", a.name, errors.Join(err, a.stop()))
	}
	card, err := a.api.Card(ctx)
	a.card = card
	return err
}

// stop ends the daemon and waits until its store is closed; a second time it
// does nothing.
func (a *actor) stop() error {
	if a.cancel == nil {
		return nil
	}
	a.cancel()
	a.api.Close()
	return <-a.ended
}

// know pins each other's card on both sides.
func know(ctx context.Context, a, b *actor) error {
	if _, err := a.api.AddPeer(ctx, b.card); err != nil {
		return fmt.Errorf("%s pins %s: %w", a.name, b.name, err)
	}
	if _, err := b.api.AddPeer(ctx, a.card); err != nil {
		return fmt.Errorf("%s pins %s: %w", b.name, a.name, err)
	}
	return nil
}

// until asks again until ok says yes.
func until(ctx context.Context, what string, ok func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for {
		yes, err := ok(ctx)
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %v", what, patience)
		case <-again.C:
		}
	}
}

// everywhere waits until ok holds at each of the actors and returns how long the
// last of them took.
func (p *play) everywhere(what string, at []*actor, ok func(context.Context, *actor) (bool, error)) (time.Duration, error) {
	begin := time.Now()
	defer p.tell.done()
	for i, a := range at {
		p.tell.waiting(what, i, len(at))
		err := until(p.ctx, what+" at "+a.name, func(ctx context.Context) (bool, error) { return ok(ctx, a) })
		if err != nil {
			return 0, err
		}
	}
	return time.Since(begin), nil
}

// maxTap bounds what is kept of what a daemon was sent.
const maxTap = 64 << 20

// tap keeps what a daemon was sent, as its own code sees it after decryption.
type tap struct {
	mu    sync.Mutex
	bytes []byte
	cut   bool // more came than is kept
}

// record keeps what came in.
func (t *tap) record(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.bytes)+len(b) > maxTap {
		t.cut = true
		return
	}
	t.bytes = append(t.bytes, b...)
}

func (t *tap) read() (b []byte, cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.bytes...), t.cut
}

// logFile keeps a daemon's log.
type logFile struct {
	mu    sync.Mutex
	bytes []byte
}

func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes = append(l.bytes, b...)
	return len(b), nil
}

func (l *logFile) read() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]byte(nil), l.bytes...)
}
