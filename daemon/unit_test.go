package daemon

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

func TestSameUser(t *testing.T) {
	for _, c := range []struct {
		peer, own uint32
		want      bool
	}{{1000, 1000, true}, {0, 1000, true}, {1001, 1000, false}, {1000, 0, false}, {65534, 1000, false}, {0, 0, true}} {
		if got := sameUser(c.peer, c.own); got != c.want {
			t.Errorf("sameUser(%d, %d) = %v", c.peer, c.own, got)
		}
	}
}

func TestPorts(t *testing.T) {
	listen := []string{"/ip4/127.0.0.1/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/4001", "/ip6/::/tcp/0"}
	actual := []string{"/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/tcp/5123", "/ip4/10.1.2.3/udp/6123/quic-v1", "/ip6/::1/tcp/7123"}
	got := chosen(listen, actual[1:])
	want := map[string]string{listen[0]: "5123", listen[1]: "6123", listen[3]: "7123"}
	if !maps.Equal(got, want) {
		t.Fatalf("chosen: %v", got)
	}
	again := wanted(listen, got)
	if !slices.Equal(again, []string{"/ip4/127.0.0.1/tcp/5123", "/ip4/0.0.0.0/udp/6123/quic-v1", "/ip4/127.0.0.1/tcp/4001", "/ip6/::/tcp/7123"}) {
		t.Errorf("wanted: %v", again)
	}
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"good":        {"name = \"A\"\nrole = \"vendor\"\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n", ""},
		"unknown key": {"name = \"A\"\n\n# a remark\nlisen = [\"x\"]\nrole = \"vendor\"\n", "line 4: no such key: lisen"},
		"not TOML":    {"name = \"A\"\nrole vendor\n", "line 2"},
		"no role":     {"name = \"A\"\nrole = \"king\"\nlisten = [\"x\"]\n", "king"},
		"no name":     {"role = \"vendor\"\nlisten = [\"x\"]\n", "name"},
		"no listen":   {"name = \"A\"\nrole = \"vendor\"\n", "listen"},
		"wrong type":  {"name = 7\n", "line 1"},
	} {
		path := filepath.Join(t.TempDir(), "config.toml")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadConfig(path)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestListens: only what a daemon can listen at is taken into a config.
func TestListens(t *testing.T) {
	for addr, want := range map[string]bool{
		"/ip4/127.0.0.1/tcp/0": true, "/ip4/0.0.0.0/udp/4500/quic-v1": true, "/ip6/::1/tcp/4500": true,
		"": false, "nonsense": false, "127.0.0.1:4500": false, "/ip4/::1/tcp/1": false, "/ip6/1.2.3.4/tcp/1": false,
		"/ip4/1.2.3.4/tcp/65536": false, "/ip4/1.2.3.4/udp/1": false, "/ip4/1.2.3.4/tcp/1/ws": false, "/ip4/1.2.3.4/tcp/": false,
		"/dns4/example.org/tcp/1": false, "/ip6/fe80::1%eth0/tcp/1": false,
	} {
		if got := listens(addr); got != want {
			t.Errorf("listens(%q) = %v", addr, got)
		}
	}
}

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	text := bytes.Repeat([]byte("canary of an upload "), 100_000)
	s, err := newSpool(dir, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for range 2 {
		r, err := s.open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%d bytes come back of %d, %v", len(got), len(text), err)
		}
	}
	onDisk := make([]byte, len(text))
	if _, err := s.f.ReadAt(onDisk, 0); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(onDisk, []byte("canary")) {
		t.Error("the upload lies in the clear")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the upload has a name: %v, %v", left, err)
	}
	broken := errors.New("the sender has gone")
	if _, err := newSpool(dir, io.MultiReader(strings.NewReader("half"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("half an upload: %v", err)
	}
	var e *api.Error
	if _, err := newSpool(dir, endless{}); !errors.As(err, &e) || e.Kind != api.Invalid {
		t.Errorf("an endless upload: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestPick(t *testing.T) {
	all := []named[int]{
		{1, strings.Repeat("ab", 32), "Acme"}, {2, strings.Repeat("cd", 32), "Acme Labs"},
		{3, strings.Repeat("abab", 16)[:60] + "0000", "Beta"}, {4, strings.Repeat("ef", 32), ""},
	}
	for _, c := range []struct {
		word string
		want int
		kind api.Kind
	}{
		{"Acme", 1, ""}, {"acme l", 2, ""}, {"cdcdcdcd", 2, ""}, {"be", 3, ""}, {strings.Repeat("ef", 32), 4, ""},
		{"abababab", 0, api.Invalid}, {"ac", 0, api.Invalid}, {"cdcdcdc", 0, api.NotFound}, {"", 0, api.Invalid}, {"Zeta", 0, api.NotFound},
	} {
		got, err := pick(c.word, all)
		var e *api.Error
		errors.As(err, &e)
		if got != c.want || (e == nil) != (c.kind == "") || e != nil && e.Kind != c.kind {
			t.Errorf("pick(%q) = %d, %v", c.word, got, err)
		}
	}
}

func TestLocks(t *testing.T) {
	l := newLocks()
	n := 0
	done := make(chan struct{})
	for range 50 {
		go func() {
			for range 100 {
				unlock := l.lock(id.CaseID{1}, id.Everyone)
				n++
				unlock()
			}
			done <- struct{}{}
		}()
	}
	for range 50 {
		<-done
	}
	if n != 5000 || len(l.held) != 0 {
		t.Errorf("n = %d, %d locks left", n, len(l.held))
	}
}
