package cases

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/peer"
	"cordon/protocol/id"
)

// patience bounds every wait. It is long, since it only ends tests that fail.
const patience = 3 * time.Minute

// world is every organisation of a test.
type world struct {
	t     *testing.T
	dir   string
	orgs  map[string]*org
	order []*org
	pace  peer.Schedule // of every daemon
}

// org is one organisation, with its daemon.
type org struct {
	*api.Client
	key, name, role string // role in the case
	home            string
	id              id.OrgID
	kid             id.Kid
	card            []byte
	got             *tap
	log             *tap
	stop            func() // ends the daemon and waits; nil while none runs
	asked           *org   // who has invited it last
	joined          bool   // came into a case by an invitation, in its role
}

// tap keeps what a daemon was sent, as its own code sees it after decryption.
type tap struct {
	mu    sync.Mutex
	bytes []byte
}

func (p *tap) record(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes = append(p.bytes, b...)
}

// Write makes a tap of a log.
func (p *tap) Write(b []byte) (int, error) { p.record(b); return len(b), nil }

// size is how much has come: a moment in what a daemon was sent.
func (p *tap) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.bytes)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "cc") // a short path: it holds sockets
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, orgs: map[string]*org{}, pace: quick()}
	t.Cleanup(func() {
		w.stop()
		for _, o := range w.order {
			if t.Failed() && len(w.order) < 8 {
				t.Logf("log of %s:\n%s", o.name, o.log.bytes)
			}
		}
		os.RemoveAll(dir)
	})
	return w
}

// add makes an organisation's home and starts its daemon.
func (w *world) add(key, name, role string) *org {
	w.t.Helper()
	o := &org{key: key, name: name, role: role, home: filepath.Join(w.dir, key), got: &tap{}, log: &tap{}}
	made, err := daemon.Init(o.home, daemon.InitOptions{
		Name: name, Role: initRole(role), Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Unattended: true,
	})
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	o.id = made.Org
	w.orgs[key], w.order = o, append(w.order, o)
	w.start(o)
	return o
}

// initRole is an organisation's role as init has it.
func initRole(role string) string {
	switch role {
	case "reporter", "coordinator":
		return role
	}
	return "vendor"
}

// quick is the ordinary schedule with shorter times; nothing else differs from the field.
func quick() peer.Schedule {
	s := peer.DefaultSchedule()
	s.Dial, s.DialMax = 100*time.Millisecond, 500*time.Millisecond
	s.TagsDelay, s.Tell, s.Compare, s.Retry = 20*time.Millisecond, 10*time.Millisecond, time.Second, time.Second
	return s
}

// start runs o's daemon and returns once it answers.
func (w *world) start(o *org) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, o.home, daemon.Options{Log: o.log, Schedule: w.pace, Tap: o.got.record,
			Rounds: daemon.Rounds{Tick: 200 * time.Millisecond, News: 20 * time.Millisecond}})
	}()
	o.stop = func() {
		o.stop = nil
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("daemon of %s: %v", o.name, err)
		}
		o.Client.Close()
	}
	var err error
	if o.Client, err = api.New(o.home); err != nil {
		w.t.Fatal(err)
	}
	wait, done := context.WithTimeout(ctx, patience)
	defer done()
	s, err := o.Wait(wait)
	if err != nil {
		w.t.Fatalf("daemon of %s: %v\n%s", o.name, err, o.log.bytes)
	}
	o.kid = s.Kid
	if o.card, err = o.Card(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// stop ends every daemon.
func (w *world) stop() {
	for _, o := range w.order {
		if o.stop != nil {
			o.stop()
		}
	}
}

// know pins each other's card on both sides.
func (w *world) know(a, b *org) {
	w.t.Helper()
	for _, x := range [][2]*org{{a, b}, {b, a}} {
		if _, err := x[0].AddPeer(w.t.Context(), x[1].card); err != nil {
			w.t.Fatalf("%s pins %s: %v", x[0].name, x[1].name, err)
		}
	}
}

// acquaint makes all of them know each other and waits until all have met.
func (w *world) acquaint(all ...*org) {
	w.t.Helper()
	for i, a := range all {
		for _, b := range all[:i] {
			w.know(a, b)
		}
	}
	w.met(all...)
}

// met waits until each is connected with whom it has pinned.
func (w *world) met(all ...*org) {
	w.t.Helper()
	for _, o := range all {
		w.until(o.name+" meets whom it knows", func() bool {
			s, err := o.Status(w.t.Context())
			if err != nil {
				return false
			}
			for _, p := range s.Peers {
				if p.Level == "pinned" && !p.Connected {
					return false
				}
			}
			return true
		})
	}
}

// until looks again until it holds.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	again := time.NewTicker(time.Duration(10+len(w.order)) * time.Millisecond) // the more there are, the more a look costs
	defer again.Stop()
	for !holds() {
		select {
		case <-end.C:
			w.t.Fatalf("does not come about: %s", what)
		case <-again.C:
		}
	}
}

// try runs a verb of o's command line.
func (w *world) try(o *org, args ...string) (out, said string, err error) {
	cmd := exec.CommandContext(w.t.Context(), os.Args[0], append([]string{"--home", o.home}, args...)...)
	cmd.Env = append(os.Environ(), asCLI+"=1", "NO_COLOR=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return strings.TrimSpace(stdout.String()), strings.TrimSpace(stderr.String()), err
}

// cordon runs a verb of o's command line, which must succeed, and returns what it prints.
func (w *world) cordon(o *org, args ...string) string {
	w.t.Helper()
	out, said, err := w.try(o, args...)
	if err != nil {
		w.t.Fatalf("%s: cordon %s: %v\n%s", o.name, strings.Join(args, " "), err, said)
	}
	return out
}
