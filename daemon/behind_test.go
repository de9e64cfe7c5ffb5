package daemon_test

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// TestPromoteBehind: where this daemon knows that the active one has written what is
// not here, taking over is refused with nothing signed; forced, it names the cases.
func TestPromoteBehind(t *testing.T) {
	a, root := rooted(t, "Vicuna")
	a.start()
	raw, err := a.Card(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.stop()
	home := filepath.Join(t.TempDir(), "s")
	made, err := daemon.AddDaemon(t.Context(), home, daemon.AddOptions{InitOptions: daemon.InitOptions{Unattended: true}, Root: root.Root, Card: raw})
	if err != nil {
		t.Fatal(err)
	}
	card, err := identity.Unarmour(raw)
	if err != nil {
		t.Fatal(err)
	}
	of, err := identity.OpenCard(card)
	if err != nil {
		t.Fatal(err)
	}
	lacks := []id.CaseID{{1}, {2}}
	row := api.DaemonRow{KeyRow: api.KeyRow{Kid: of.Kid}, Role: "active", Ahead: lacks}
	says := api.Daemons{Schema: "cordon.daemons/1", Daemons: []api.DaemonRow{row}}
	path, err := api.SocketPath(home)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	running := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(says) })}
	done := make(chan struct{})
	go func() { defer close(done); _ = running.Serve(l) }()
	t.Cleanup(func() { _ = running.Close(); <-done })

	o := daemon.PromoteOptions{KeyOptions: root}
	if _, err := daemon.PromoteDaemon(t.Context(), home, o); kindOf(err) != api.Refused {
		t.Fatalf("behind, it takes over: %v", err)
	}
	o.Force = true
	c, err := daemon.PromoteDaemon(t.Context(), home, o)
	if err != nil || c.Role != "active" || len(c.Behind) != 2 || c.Behind[0] != lacks[0] {
		t.Fatalf("forced: %+v, %v", c, err)
	}
	if c.Events != made.Events+2 {
		t.Errorf("%d events after %d: what was refused has signed", c.Events, made.Events)
	}
}
