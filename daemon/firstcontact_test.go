package daemon_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/daemon/domain"
)

// TestDomainCheck: a domain is asked at a person's word and never else; what it says
// lifts and lowers, is kept over a restart, and decides who may be invited.
func TestDomainCheck(t *testing.T) {
	const host = "psirt.example.com" // in the certificate of httptest's servers
	var file atomic.Value
	file.Store("")
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(w, "Expires: %s\n%s\n", time.Now().Add(24*time.Hour).Format(time.RFC3339), file.Load())
	}))
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	var lookups atomic.Int64
	a := newOrg(t, "Asker", "coordinator")
	a.stop()
	a.ways = domain.Ways{
		Roots: roots, Time: time.Minute,
		IPs: func(context.Context, string) ([]netip.Addr, error) {
			lookups.Add(1)
			return []netip.Addr{netip.MustParseAddr("93.184.215.14")}, nil
		},
		TXT: func(context.Context, string) ([]string, error) {
			lookups.Add(1)
			return nil, &net.DNSError{IsNotFound: true}
		},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, srv.Listener.Addr().String())
		},
	}
	a.start()
	b := newOrg(t, "Named", "vendor", host)
	befriend(a, b)
	ctx := t.Context()
	w, err := a.OpenCase(ctx, api.OpenCase{Title: "T", Contact: "domain", EmbargoUntil: time.Now().Add(time.Hour)}, strings.NewReader("report"))
	if err != nil {
		t.Fatal(err)
	}
	invited := func() error {
		_, err := a.Invite(ctx, w.Case.String(), api.Invite{Org: "Named", Role: "observer"})
		return err
	}
	if err := invited(); kindOf(err) != api.Refused || !strings.Contains(err.Error(), `"tofu"`) {
		t.Errorf("a card is enough: %v", err)
	}
	if _, err := a.Peer(ctx, "Named"); err != nil || lookups.Load() != 0 {
		t.Fatalf("%d lookups that nobody asked for; %v", lookups.Load(), err)
	}
	check := func(level string, confirmed bool) *api.Check {
		t.Helper()
		k, err := a.CheckDomain(ctx, "Named", "")
		if err != nil {
			t.Fatal(err)
		}
		if k.Confirmed != confirmed || k.Peer.Contact != level {
			t.Errorf("%+v", k)
		}
		return k
	}
	k := check("tofu", false)
	if len(k.Looks) != 2 || k.Looks[0].Where != "https://"+host+"/.well-known/security.txt" || k.Looks[0].Want != "Cordon-Org: "+b.id.String() ||
		k.Looks[0].Fault != "it has no field Cordon-Org" || k.Looks[1].Where != "TXT _cordon."+host || k.Looks[1].Want != "cordon-org="+b.id.String() {
		t.Errorf("not what a web admin needs: %+v", k.Looks)
	}
	file.Store("Cordon-Org: " + b.id.String())
	check("domain", true)
	asked := lookups.Load()
	a.stop()
	a.start()
	p, err := a.Peer(ctx, "Named")
	if err != nil || p.Contact != "domain" || len(p.Grounds) != 1 || p.Grounds[0].Domain != host || p.Grounds[0].Way != "https" {
		t.Errorf("after a restart: %+v, %v", p, err)
	}
	a.ahead.Store(int64(401 * 24 * time.Hour))
	if p, err := a.Peer(ctx, "Named"); err != nil || p.Contact != "tofu" || lookups.Load() != asked {
		t.Errorf("after 401 days: %+v, %v; %d lookups more", p, err, lookups.Load()-asked)
	}
	a.ahead.Store(0)
	if err := invited(); err != nil {
		t.Errorf("not invited: %v", err)
	}
	file.Store("Cordon-Org: " + a.id.String())
	check("tofu", false)
	if _, err := a.CheckDomain(ctx, "Named", "elsewhere.example"); kindOf(err) != api.Refused {
		t.Errorf("a domain that it does not name is asked: %v", err)
	}
	if strings.Contains(a.log.String(), host) {
		t.Error("the log tells whom we know")
	}
}
