package daemon_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/daemon"
	"cordon/daemon/api"
)

// raw speaks HTTP to a daemon's socket without the client's manners.
func raw(o *org) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(o.home, "cordon.sock"))
	}}}
}

// TestLocalAPI sends what a browser or a stranger could send.
func TestLocalAPI(t *testing.T) {
	o := newOrg(t, "Dingo", "vendor")
	client := raw(o)
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		name, method, host, header, path string
		want                             int
	}{
		{"the client itself", "GET", api.Host, "", "/v1/status", 200},
		{"another host", "GET", "localhost", "", "/v1/status", 403},
		{"host with port", "GET", "cordon:80", "", "/v1/status", 403},
		{"a rebound name", "GET", "evil.example", "", "/v1/status", 403},
		{"origin", "GET", api.Host, "Origin: http://cordon", "/v1/status", 403},
		{"empty origin", "GET", api.Host, "Origin: ", "/v1/status", 403},
		{"referer", "POST", api.Host, "Referer: https://evil.example/", "/v1/peers", 403},
		{"no such path", "GET", api.Host, "", "/v1/nothing", 404},
		{"no such method", "DELETE", api.Host, "", "/v1/cases", 404},
		{"a path out", "GET", api.Host, "", "/v1/cases/..%2f..%2fkeys", 404},
		{"not JSON", "POST", api.Host, "", "/v1/peers", 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequest(c.method, "http://"+c.host+c.path, strings.NewReader(""))
			if err != nil {
				t.Fatal(err)
			}
			if name, value, ok := strings.Cut(c.header, ": "); ok {
				req.Header.Set(name, value)
			}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if b, _ := io.ReadAll(resp.Body); resp.StatusCode != c.want {
				t.Errorf("%d, want %d: %s", resp.StatusCode, c.want, b)
			}
		})
	}
	if info, err := os.Stat(filepath.Join(o.home, "cordon.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has %v, %v", info.Mode(), err)
	}
}

// TestOneDaemon starts a second daemon in a home, and one in a home that others
// may read.
func TestOneDaemon(t *testing.T) {
	o := newOrg(t, "Echidna", "vendor")
	err := daemon.Run(t.Context(), o.home, daemon.Options{Log: io.Discard})
	if kindOf(err) != api.Exists {
		t.Errorf("a second daemon: %v", err)
	}
	o.stop()
	if err := os.Chmod(o.home, 0o750); err != nil {
		t.Fatal(err)
	}
	err = daemon.Run(t.Context(), o.home, daemon.Options{Log: io.Discard})
	if kindOf(err) != api.Invalid || !strings.Contains(err.Error(), "0750") {
		t.Errorf("a home for everybody: %v", err)
	}
	if err := os.Chmod(o.home, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = o.Status(t.Context())
	if kindOf(err) != api.Unavailable || api.ExitCode(err) != 5 {
		t.Errorf("no daemon: %v", err)
	}
}

// TestRefusals are requests that end in a kind, with nothing written.
func TestRefusals(t *testing.T) {
	o := newOrg(t, "Fennec", "vendor")
	other := newOrg(t, "Gecko", "vendor")
	open := func(title string, end time.Time) error {
		_, err := o.OpenCase(t.Context(), api.OpenCase{Title: title, EmbargoUntil: end}, strings.NewReader("report"))
		return err
	}
	later := time.Now().Add(time.Hour)
	for name, c := range map[string]struct {
		err  error
		want api.Kind
		exit int
	}{
		"end in the past":    {open("t", time.Now().Add(-time.Minute)), api.Refused, 4},
		"no title":           {open("", later), api.Invalid, 2},
		"two lines of title": {open("a\nb", later), api.Invalid, 2},
		"a long title":       {open(strings.Repeat("x", 1000), later), api.Invalid, 2},
	} {
		if kindOf(c.err) != c.want || api.ExitCode(c.err) != c.exit {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if l, err := o.Cases(t.Context()); err != nil || len(l.Cases) != 0 {
		t.Fatalf("cases were opened: %v, %v", l, err)
	}
	k := o.open("a case", nil)
	for name, c := range map[string]struct {
		err  error
		want api.Kind
	}{
		"no such case":       {second(o.RM(t.Context(), "nothing", "valid")), api.NotFound},
		"no such state":      {second(o.RM(t.Context(), k, "perfect")), api.Invalid},
		"received, written":  {second(o.RM(t.Context(), k, "received")), api.Refused},
		"skipping a step":    {second(o.RM(t.Context(), k, "accept")), api.Refused},
		"ready too early":    {second(o.Fix(t.Context(), k, "ready")), api.Refused},
		"unknown invitee":    {second(o.Invite(t.Context(), k, api.Invite{Org: "Gecko", Role: "observer"})), api.NotFound},
		"invite ourselves":   {second(o.Invite(t.Context(), k, api.Invite{Org: "Fennec", Role: "observer"})), api.Refused},
		"no such role":       {second(o.Invite(t.Context(), k, api.Invite{Org: "Fennec", Role: "king"})), api.Invalid},
		"remove ourselves":   {second(o.Remove(t.Context(), k, "Fennec", "why")), api.Refused},
		"remove, no reason":  {second(o.Remove(t.Context(), k, "Fennec", "")), api.Invalid},
		"an empty note":      {second(o.Say(t.Context(), k, api.Say{})), api.Invalid},
		"no such claim":      {second(o.Confirm(t.Context(), k, strings.Repeat("0", 64))), api.NotFound},
		"a short prefix":     {second(o.RM(t.Context(), k[:7], "valid")), api.NotFound},
		"no such item":       {second(o.Accept(t.Context(), strings.Repeat("0", 64))), api.NotFound},
		"no such attachment": {second(o.Attachment(t.Context(), k, strings.Repeat("0", 64))), api.NotFound},
		"not a card":         {second(o.AddPeer(t.Context(), []byte("hello"))), api.Invalid},
	} {
		if kindOf(c.err) != c.want {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	own, err := o.Card(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.AddPeer(t.Context(), own); kindOf(err) != api.Invalid {
		t.Errorf("our own card: %v", err)
	}
	o.pins(other)
	if _, err := o.RM(t.Context(), k[:8], "valid"); err != nil {
		t.Errorf("a prefix of 8: %v", err)
	}
	if _, err := o.RM(t.Context(), "A CASE", "accept"); err != nil {
		t.Errorf("a title in other letters: %v", err)
	}
	if _, err := o.Invite(t.Context(), k, api.Invite{Org: "gecko", Role: "observer"}); err != nil {
		t.Errorf("a name in other letters: %v", err)
	}
	if _, err := o.Invite(t.Context(), k, api.Invite{Org: "Gecko", Role: "observer"}); kindOf(err) != api.Exists {
		t.Errorf("a second invitation: %v", err)
	}
	if p, ok := o.sees(k, other); !ok || p.Admitted || p.Consent != "invited" {
		t.Errorf("the invited one shows as %+v", p)
	}
}

func second[T any](_ T, err error) error { return err }

// TestDecline and what the inviter sees of it.
func TestDecline(t *testing.T) {
	a, b := newOrg(t, "Heron", "coordinator"), newOrg(t, "Ibex", "vendor")
	befriend(a, b)
	k := a.open("declined", []byte("r"))
	if _, err := a.Invite(t.Context(), k, api.Invite{Org: "Ibex", Role: "observer", Teaser: "a parser"}); err != nil {
		t.Fatal(err)
	}
	var in *api.Inbox
	eventually(t, "the invitation arrives", func() bool {
		var err error
		in, err = b.Inbox(t.Context())
		return err == nil && len(in.Items) == 1
	})
	item := in.Items[0]
	if item.From != a.id || item.FromName != "Heron" || item.Role != "observer" || item.Teaser != "a parser" ||
		item.Agreement.End == nil || item.Agreement.Text == "" || item.Kind != "invitation" {
		t.Errorf("the item is %+v", item)
	}
	if l, err := b.Cases(t.Context()); err != nil || len(l.Cases) != 0 {
		t.Errorf("something of the case came before the answer: %v, %v", l, err)
	}
	if _, err := b.Decline(t.Context(), item.ID[:10]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the inviter hears it", func() bool {
		p, ok := a.sees(k, b)
		return ok && !p.Admitted && p.Consent == "declined"
	})
	if in, err := b.Inbox(t.Context()); err != nil || len(in.Items) != 0 {
		t.Errorf("the inbox still has %v, %v", in, err)
	}
	if _, err := a.Invite(t.Context(), k, api.Invite{Org: "Ibex", Role: "deployer"}); err != nil {
		t.Errorf("a second invitation, after the no: %v", err)
	}
	if p, ok := a.sees(k, b); !ok || p.Consent != "invited" {
		t.Errorf("invited anew, it shows as %+v", p)
	}
}

// TestWatch follows a log, breaks off, and resumes by position.
func TestWatch(t *testing.T) {
	o := newOrg(t, "Jackal", "vendor")
	k := o.open("watched", []byte("r"))
	ctx, cancel := context.WithCancel(t.Context())
	lines := make(chan api.LogLine)
	ended := make(chan error, 1)
	go func() {
		ended <- o.Log(ctx, k, true, 0, func(l api.LogLine) bool {
			lines <- l
			return true
		})
	}()
	var last uint64
	next := func(text string) {
		t.Helper()
		end := time.NewTimer(20 * time.Second)
		defer end.Stop()
		for {
			select {
			case l := <-lines:
				last = max(last, l.Pos)
				if l.Text == text || l.Title == text {
					return
				}
			case <-end.C:
				t.Fatalf("%q does not come", text)
			}
		}
	}
	next("watched")
	if _, err := o.Say(t.Context(), k, api.Say{Text: "first"}); err != nil {
		t.Fatal(err)
	}
	next("first")
	cancel()
	<-ended
	if _, err := o.Say(t.Context(), k, api.Say{Text: "second"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := o.Log(t.Context(), k, true, last, func(l api.LogLine) bool {
		got = append(got, l.Text)
		return l.Text != "second"
	})
	if err != nil || len(got) == 0 || got[len(got)-1] != "second" || strings.Contains(strings.Join(got, " "), "first") {
		t.Errorf("resumed with %q, %v", got, err)
	}
}

// TestStopWhileBusy stops a daemon in the middle of uploads and watches: it ends
// in time, and starts again with what was acknowledged.
func TestStopWhileBusy(t *testing.T) {
	t.Parallel()
	o := newOrg(t, "Kudu", "vendor")
	k := o.open("busy", []byte("r"))
	r, w := io.Pipe()
	defer w.Close()
	upload := make(chan error, 1)
	go func() {
		_, err := o.Attach(context.Background(), k, api.Attach{File: "f"}, r)
		upload <- err
	}()
	if _, err := w.Write(noise(3, 1<<20)); err != nil { // the daemon is taking it
		t.Fatal(err)
	}
	watch := make(chan error, 1)
	begun := make(chan struct{}, 64)
	go func() {
		watch <- o.Log(context.Background(), k, true, 0, func(api.LogLine) bool {
			begun <- struct{}{}
			return true
		})
	}()
	<-begun
	said, err := o.Say(t.Context(), k, api.Say{Text: "acknowledged"})
	if err != nil {
		t.Fatal(err)
	}
	o.stop()
	w.Close()
	if err := <-upload; err == nil {
		t.Error("half an upload was taken")
	}
	<-watch
	o.start()
	found := false
	for _, l := range o.lines(k) {
		found = found || l.ID.String() == said.ID
		if l.Type == "attachment" {
			t.Errorf("half an upload stands as %+v", l)
		}
	}
	if !found {
		t.Error("an acknowledged note is lost")
	}
	if left, err := os.ReadDir(filepath.Join(o.home, "tmp")); err != nil || len(left) != 0 {
		t.Errorf("uploads left behind: %v, %v", left, err)
	}
}

// stuck is a terminal at which nobody types.
type stuck struct{ released chan struct{} }

func (s stuck) Read([]byte) (int, error) { <-s.released; return 0, io.EOF }

// TestEarlyRefusal: a refusal comes back although the file never ends.
func TestEarlyRefusal(t *testing.T) {
	o := newOrg(t, "Lemur", "vendor")
	s := stuck{make(chan struct{})}
	defer close(s.released)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := o.Attach(ctx, "no such case", api.Attach{File: "f"}, s); kindOf(err) != api.NotFound {
		t.Errorf("refused with %v", err)
	}
}
