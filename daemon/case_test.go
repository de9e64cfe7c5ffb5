package daemon_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/daemon/domain"
	"cordon/peer"
	"cordon/protocol/id"
)

// org is one organisation of a test: a home, a running daemon, a client.
type org struct {
	*api.Client
	t    *testing.T
	name string
	home string
	id   id.OrgID
	log  *logged
	stop func() // ends the daemon and waits
	ways domain.Ways
	tap  func([]byte) // told what its daemon receives; may be nil

	ahead atomic.Int64 // how far its clock is ahead of ours
}

// now is the clock of its daemon.
func (o *org) now() time.Time { return time.Now().Add(time.Duration(o.ahead.Load())) }

// logged collects what a daemon logs.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// quick is the schedule of tests: only times are shorter.
func quick() peer.Schedule {
	return peer.Schedule{
		Dial: 50 * time.Millisecond, DialMax: 200 * time.Millisecond, Tags: time.Second,
		TagsDelay: 20 * time.Millisecond, Tell: 10 * time.Millisecond, Compare: time.Second, Retry: time.Second,
	}
}

func newOrg(t *testing.T, name, role string, domains ...string) *org {
	t.Helper()
	home, err := os.MkdirTemp("", "cordon") // a short path: it holds a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	made, err := daemon.Init(home, daemon.InitOptions{Name: name, Role: role, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, Domains: domains, Unattended: true})
	if err != nil {
		t.Fatal(err)
	}
	o := &org{t: t, name: name, home: home, id: made.Org, log: &logged{}}
	o.start()
	t.Cleanup(func() {
		o.stop()
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, o.log)
		}
	})
	return o
}

func (o *org) start() {
	o.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, o.home, daemon.Options{
			Log: o.log, Now: o.now, Ways: o.ways, Tap: o.tap, Schedule: quick(), Rounds: daemon.Rounds{Tick: 200 * time.Millisecond, News: 20 * time.Millisecond},
		})
	}()
	o.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			o.t.Errorf("daemon of %s: %v", o.name, err)
		}
		o.Client.Close()
	})
	var err error
	if o.Client, err = api.New(o.home); err != nil {
		o.t.Fatal(err)
	}
	wait, done := context.WithTimeout(ctx, 20*time.Second)
	defer done()
	if _, err := o.Wait(wait); err != nil {
		o.t.Fatalf("daemon of %s: %v\n%s", o.name, err, o.log)
	}
}

// pins makes o know the others by their cards.
func (o *org) pins(others ...*org) {
	o.t.Helper()
	for _, x := range others {
		card, err := x.Card(o.t.Context())
		if err != nil {
			o.t.Fatal(err)
		}
		if _, err := o.AddPeer(o.t.Context(), card); err != nil {
			o.t.Fatal(err)
		}
	}
}

// befriend makes all of them know each other.
func befriend(all ...*org) {
	for _, a := range all {
		for _, b := range all {
			if a != b {
				a.pins(b)
			}
		}
	}
}

// eventually tries until it holds. It waits long, since that only ends tests that fail.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.NewTimer(time.Minute)
	defer end.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-end.C:
			t.Fatalf("does not come about: %s", what)
		case <-again.C:
		}
	}
}

// trio is a case that the first of three organisations has opened and admitted the others to.
func trio(t *testing.T, title string, names ...string) (a, b, c *org, k string) {
	t.Helper()
	a, b, c = newOrg(t, names[0], "coordinator"), newOrg(t, names[1], "vendor"), newOrg(t, names[2], "vendor")
	befriend(a, b, c)
	k = a.open(title, []byte("r"))
	a.admits(k, b, "mitigating-vendor")
	a.admits(k, c, "dependent-vendor")
	return a, b, c, k
}

// open opens a case and returns its id.
func (o *org) open(title string, report []byte) string {
	o.t.Helper()
	w, err := o.OpenCase(o.t.Context(), api.OpenCase{Title: title, EmbargoUntil: time.Now().Add(45 * 24 * time.Hour), File: "report.md"}, bytes.NewReader(report))
	if err != nil {
		o.t.Fatal(err)
	}
	return w.Case.String()
}

// admits invites x into a case, lets it accept, and waits until it has the case.
func (o *org) admits(c string, x *org, role string) {
	o.t.Helper()
	if _, err := o.Invite(o.t.Context(), c, api.Invite{Org: x.name, Role: role}); err != nil {
		o.t.Fatal(err)
	}
	var item string
	eventually(o.t, "the invitation arrives", func() bool {
		in, err := x.Inbox(o.t.Context())
		if err != nil {
			o.t.Fatal(err)
		}
		if len(in.Items) == 1 {
			item = in.Items[0].ID
		}
		return item != ""
	})
	if _, err := x.Accept(o.t.Context(), item); err != nil {
		o.t.Fatal(err)
	}
	eventually(o.t, x.name+" is in the case", func() bool {
		p, ok := x.sees(c, x)
		return ok && p.Admitted
	})
}

// sees is o's view of x in a case.
func (o *org) sees(c string, x *org) (api.Participant, bool) {
	o.t.Helper()
	v, err := o.Case(o.t.Context(), c)
	if err != nil {
		return api.Participant{}, false
	}
	for _, p := range v.Participants {
		if p.Org == x.id {
			return p, true
		}
	}
	return api.Participant{}, false
}

// agree waits until all see the same control plane.
func agree(t *testing.T, c string, all ...*org) {
	t.Helper()
	eventually(t, "equal digests", func() bool {
		digests := map[string]bool{}
		for _, o := range all {
			v, err := o.Case(t.Context(), c)
			if err != nil {
				return false
			}
			digests[v.Digest] = true
		}
		return len(digests) == 1
	})
}

func (o *org) lines(c string) []api.LogLine {
	o.t.Helper()
	var out []api.LogLine
	err := o.Log(o.t.Context(), c, false, 0, func(l api.LogLine) bool {
		out = append(out, l)
		return true
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return out
}

// reads waits until o has read a text in a case.
func (o *org) reads(c, text string) api.LogLine {
	o.t.Helper()
	var found api.LogLine
	eventually(o.t, fmt.Sprintf("%s reads %q", o.name, text), func() bool {
		for _, l := range o.lines(c) {
			if l.Text == text {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

func kindOf(err error) api.Kind {
	var e *api.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// noise is n bytes that repeat for a seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = r.Read(b)
	return b
}

func slurp(t *testing.T, r io.ReadCloser, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const canaryTitle = "Quokka overflow in frobnicate"

// TestCase plays a case from the first report to a removal and a restart.
func TestCase(t *testing.T) {
	a := newOrg(t, "Aardvark Research", "reporter")
	b := newOrg(t, "Badger Software", "vendor")
	c := newOrg(t, "Civet Systems", "vendor")
	out := newOrg(t, "Outsider Inc", "vendor")
	befriend(a, b, c, out)
	report := append(noise(1, 3<<20), "end of report"...)
	k := a.open(canaryTitle, report)
	a.admits(k, b, "mitigating-vendor")
	a.admits(k, c, "dependent-vendor")
	agree(t, k, a, b, c)

	t.Run("report", func(t *testing.T) {
		eventually(t, "the title arrives", func() bool {
			v, err := c.Case(t.Context(), k)
			return err == nil && v.Title == canaryTitle
		})
		for _, o := range []*org{a, b, c} {
			eventually(t, "the report arrives", func() bool {
				r, err := o.Report(t.Context(), k)
				if err == nil {
					r.Close()
				}
				return err == nil
			})
			r, err := o.Report(t.Context(), canaryTitle)
			if got := slurp(t, r, err); !bytes.Equal(got, report) {
				t.Errorf("%s reads %d bytes of the report, hash %x", o.name, len(got), sha256.Sum256(got))
			}
		}
	})
	t.Run("attachment", func(t *testing.T) {
		file := noise(2, 5<<20+17)
		w, err := b.Attach(t.Context(), k, api.Attach{File: "poc.bin", Media: "application/octet-stream"}, bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var r io.ReadCloser
		eventually(t, "the attachment arrives", func() bool {
			r, err = c.Attachment(t.Context(), k, w.ID)
			return err == nil
		})
		if got := slurp(t, r, err); !bytes.Equal(got, file) {
			t.Errorf("%d bytes came of %d", len(got), len(file))
		}
	})
	t.Run("compartment", func(t *testing.T) {
		w, err := a.Say(t.Context(), k, api.Say{Text: "for the badger alone", To: []string{"Badger Software"}})
		if err != nil {
			t.Fatal(err)
		}
		again, err := a.Say(t.Context(), k, api.Say{Text: "again for the badger", To: []string{b.id.String()[:8]}})
		if err != nil || again.Comp != w.Comp {
			t.Fatalf("a second note of the same readers goes to %v, %v", again, err)
		}
		b.reads(k, "again for the badger")
		if _, err := a.Say(t.Context(), k, api.Say{Text: "for all"}); err != nil {
			t.Fatal(err)
		}
		c.reads(k, "for all")
		for _, l := range c.lines(k) {
			if l.Comp == w.Comp {
				t.Errorf("an outsider to the compartment holds %v of it", l)
			}
		}
	})
	t.Run("status", func(t *testing.T) {
		for _, what := range []string{"valid", "accept"} {
			if _, err := b.RM(t.Context(), k, what); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.RM(t.Context(), k, "invalid"); kindOf(err) != api.Refused {
			t.Errorf("a step back: %v", err)
		}
		if _, err := b.Fix(t.Context(), k, "ready"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the fix is seen", func() bool {
			p, ok := c.sees(k, b)
			return ok && p.VFD == "VFd" && p.RM == "accepted"
		})
	})
	t.Run("removal", func(t *testing.T) {
		if _, err := b.Remove(t.Context(), k, "Civet Systems", "no power"); kindOf(err) != api.Refused {
			t.Errorf("a participant removes: %v", err)
		}
		if _, err := a.Remove(t.Context(), k, "Civet Systems", "told the press"); err != nil {
			t.Fatal(err)
		}
		b.reads(k, "told the press")
		eventually(t, "the removed one is told", func() bool {
			p, ok := c.sees(k, c)
			return ok && !p.Admitted && p.Removed
		})
		if _, err := c.Say(t.Context(), k, api.Say{Text: "still here"}); kindOf(err) != api.Refused {
			t.Errorf("a removed organisation writes: %v", err)
		}
		if _, err := a.Say(t.Context(), k, api.Say{Text: "after the removal"}); err != nil {
			t.Fatal(err)
		}
		b.reads(k, "after the removal")
		for _, l := range c.lines(k) {
			if l.Text == "after the removal" || l.Text == "told the press" {
				t.Errorf("the removed one has got %v", l)
			}
		}
		agree(t, k, a, b)
	})
	t.Run("restart", func(t *testing.T) {
		before, err := b.Case(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		status, err := b.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.stop()
		b.start()
		after, err := b.Case(t.Context(), k)
		if err != nil || after.Digest != before.Digest || after.Entries != before.Entries || after.Title != canaryTitle {
			t.Errorf("before %+v, after %+v, %v", before, after, err)
		}
		now, err := b.Status(t.Context())
		if err != nil || fmt.Sprint(now.Listen) != fmt.Sprint(status.Listen) {
			t.Errorf("listened at %v, listens at %v", status.Listen, now.Listen)
		}
		r, err := b.Report(t.Context(), k)
		if got := slurp(t, r, err); !bytes.Equal(got, report) {
			t.Error("the report has changed over a restart")
		}
		if _, err := a.Say(t.Context(), k, api.Say{Text: "welcome back"}); err != nil {
			t.Fatal(err)
		}
		b.reads(k, "welcome back")
		v, err := b.Verify(t.Context(), "")
		if err != nil || v.Bad != 0 || v.Forks != 0 || v.Entries < after.Entries {
			t.Errorf("verify: %+v, %v", v, err)
		}
	})
	t.Run("outsider", func(t *testing.T) {
		if l, err := out.Cases(t.Context()); err != nil || len(l.Cases) != 0 {
			t.Errorf("the outsider has %v, %v", l, err)
		}
		_, known := out.Case(t.Context(), k)
		_, random := out.Case(t.Context(), strings.Repeat("5a", 32))
		if known == nil || random == nil || known.Error() != random.Error() || kindOf(known) != api.NotFound {
			t.Errorf("a case that exists: %v; one that does not: %v", known, random)
		}
	})
	for _, o := range []*org{a, b, c, out} {
		o.stop()
		leaksNothing(t, o, k, canaryTitle, "Aardvark", "Badger", "Civet", "Outsider", "frobnicate", "told the press", "for the badger")
	}
}

// leaksNothing looks for canaries in what a daemon logged and, in the clear, in
// its store.
func leaksNothing(t *testing.T, o *org, canaries ...string) {
	t.Helper()
	if log := o.log.String(); log == "" {
		t.Errorf("%s has logged nothing at all: the test sees nothing", o.name)
	} else {
		for _, c := range canaries {
			if strings.Contains(log, c) {
				t.Errorf("the log of %s has %q", o.name, c)
			}
		}
	}
	err := filepath.WalkDir(filepath.Join(o.home, "store"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, c := range canaries {
			if bytes.Contains(b, []byte(c)) {
				t.Errorf("%s has %q in the clear", path, c)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
