package domain

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/protocol/id"
)

// site is a domain of a test: a real TLS server, which the DNS of the test places on
// the internet.
type site struct {
	t     *testing.T
	srv   *httptest.Server
	ips   []netip.Addr
	txt   []string
	err   error // of the DNS
	dials atomic.Int64
	asked atomic.Int64 // lookups
}

// host is a name in the certificate of httptest's servers.
const host = "psirt.example.com"

var (
	org     = id.OrgID{0xab, 2, 3}
	other   = id.OrgID{9}
	now     = time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	public1 = netip.MustParseAddr("93.184.215.14")
)

func newSite(t *testing.T, serve http.HandlerFunc) *site {
	s := &site{t: t, srv: httptest.NewUnstartedServer(serve), ips: []netip.Addr{public1}, err: &net.DNSError{IsNotFound: true}}
	s.srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it is told of broken connections
	s.srv.StartTLS()
	t.Cleanup(s.srv.Close)
	return s
}

func (s *site) ways() Ways {
	roots := x509.NewCertPool()
	roots.AddCert(s.srv.Certificate())
	return Ways{
		Roots: roots, Time: time.Minute,
		IPs: func(_ context.Context, name string) ([]netip.Addr, error) {
			s.asked.Add(1)
			if name != host+"." && name != "wrong.test." {
				s.t.Errorf("looks up %s", name)
			}
			return s.ips, nil
		},
		TXT: func(_ context.Context, name string) ([]string, error) {
			s.asked.Add(1)
			if name != "_cordon."+host+"." && name != "_cordon.wrong.test." {
				s.t.Errorf("looks up TXT of %s", name)
			}
			if s.txt != nil {
				return s.txt, nil
			}
			return nil, s.err
		},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			s.dials.Add(1)
			if address != net.JoinHostPort(public1.String(), "443") {
				s.t.Errorf("connects to %s", address)
			}
			return new(net.Dialer).DialContext(ctx, network, s.srv.Listener.Addr().String())
		},
	}
}

// text serves a security.txt.
func text(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/security.txt" && r.URL.Path != "/moved.txt" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprint(w, strings.Join(lines, "\n"))
	}
}

const (
	contact = "Contact: mailto:psirt@example.com"
	expires = "Expires: 2027-06-01T00:00:00z"
)

func to(url string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved.txt" {
			text(contact, expires, "Cordon-Org: "+org.String())(w, r)
			return
		}
		http.Redirect(w, r, url, http.StatusFound)
	}
}

// TestSecurityTxt: what a web server may answer, the hostile ones too. Each fault
// must be the one that is told; only a file that is whole, in force, and names the
// organisation confirms it.
func TestSecurityTxt(t *testing.T) {
	names := "Cordon-Org: " + org.String()
	for name, c := range map[string]struct {
		serve  http.HandlerFunc
		fault  string // "": it confirms
		denies bool   // the domain has answered
	}{
		"names it":         {text(contact, expires, names), "", true},
		"names several":    {text(contact, names, "Cordon-Org: "+other.String(), expires), "", true},
		"spelt otherwise":  {text("# a remark: "+other.String(), "CONTACT: x", "EXPIRES: 2027-06-01T02:00:00+02:00\r", "cordon-org:   "+org.String()+"\r"), "", true},
		"signed":           {text("-----BEGIN PGP SIGNED MESSAGE-----", "Hash: SHA512", "", contact, expires, names, "-----BEGIN PGP SIGNATURE-----", "", "iQ==", "-----END PGP SIGNATURE-----"), "", true},
		"moved":            {to("/moved.txt"), "", true},
		"moved, absolute":  {to("https://" + host + "/moved.txt"), "", true},
		"another":          {text(contact, expires, "Cordon-Org: "+other.String()), "names another organisation: \"0900", true},
		"escapes":          {text(contact, expires, "Cordon-Org: \x1b[2J"), `"\x1b[2J"`, true},
		"upper case":       {text(contact, expires, "Cordon-Org: "+strings.ToUpper(org.String())), "another organisation", true},
		"a remark":         {text(contact, expires, "# "+names), "no field Cordon-Org", true},
		"nothing":          {text(contact, expires), "no field Cordon-Org", true},
		"empty":            {text(), "no Expires field", true},
		"expired":          {text(contact, names, "Expires: 2027-01-02T03:04:04Z"), "expired", true},
		"never expires":    {text(contact, names), "no Expires field", true},
		"expires twice":    {text(contact, expires, expires, names), "exactly one Expires", true},
		"expires some day": {text(contact, "Expires: tomorrow", names), "exactly one Expires", true},
		"not there":        {http.NotFound, "404 Not Found", true},
		"broken":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "answers 502", false},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintln(w, expires+"\n"+names)
		}, `media type is "text/html"`, true},
		"packed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprintln(z, expires+"\n"+names)
			z.Close()
		}, "packed", true},
		"huge": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			fmt.Fprintln(w, expires+"\n"+names)
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "longer than 64 KiB", true},
		"huge header": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
			text(expires, names)(w, httptest.NewRequest("GET", "/.well-known/security.txt", nil))
		}, "headers exceeded", false},
		"cut": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Length", "1000")
			fmt.Fprintln(w, expires+"\n"+names)
		}, "unexpected EOF", false},
		"elsewhere":       {to("https://www.example.com/moved.txt"), `redirects to "https://www.example.com/moved.txt"`, true},
		"downgraded":      {to("http://" + host + "/moved.txt"), "only https at the same host", true},
		"another port":    {to("https://" + host + ":8443/moved.txt"), "only https at the same host", true},
		"a private place": {to("https://127.0.0.1/moved.txt"), "only https at the same host", true},
		"a password":      {to("https://user:secret@" + host + "/moved.txt"), "only https at the same host", true},
		"in circles":      {to("/.well-known/security.txt"), "more than 3 times", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.serve)
			looks := s.ways().Check(t.Context(), host, org, now)
			l := looks[0]
			if l.Way != "https" || l.Where != "https://"+host+"/.well-known/security.txt" || l.Want != names {
				t.Errorf("asked %+v", l)
			}
			if Confirms(looks) != (c.fault == "") || !strings.Contains(l.Fault, c.fault) || strings.Contains(l.Fault, "secret") {
				t.Errorf("says %q, want %q", l.Fault, c.fault)
			}
			if c.fault != "" && Denies(looks) != c.denies {
				t.Errorf("has answered: %v; %+v", Denies(looks), looks)
			}
			if c.fault == "" && len(looks) != 1 {
				t.Error("goes on asking after a yes")
			}
		})
	}
}

// TestSlowDrip: a server that sends a little and never ends costs a bounded time.
func TestSlowDrip(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, expires)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	w := s.ways()
	w.Time = 300 * time.Millisecond
	looks := w.Check(t.Context(), host, org, now)
	if looks[0].Fault != "no whole answer came in time" || looks[0].Answered || Denies(looks) {
		t.Errorf("%+v", looks)
	}
}

// TestPrivateAddresses: a domain of somebody else leads to no machine of our own
// network, whatever its DNS says, and a name for it to none that was not judged.
func TestPrivateAddresses(t *testing.T) {
	serve := text(contact, expires, "Cordon-Org: "+org.String())
	for _, a := range []string{"127.0.0.1", "127.8.9.10", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
		"192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "100::1", "5f00::1"} {
		s := newSite(t, serve)
		s.ips = []netip.Addr{netip.MustParseAddr(a)}
		looks := s.ways().Check(t.Context(), host, org, now)
		if s.dials.Load() != 0 || Confirms(looks) || !strings.Contains(looks[0].Fault, "private network") {
			t.Errorf("%s: %d connections, %+v", a, s.dials.Load(), looks[0])
		}
	}
	s := newSite(t, serve)
	s.ips = []netip.Addr{netip.MustParseAddr("127.0.0.1"), public1}
	if looks := s.ways().Check(t.Context(), host, org, now); !Confirms(looks) || s.dials.Load() != 1 {
		t.Errorf("a public address beside a private one: %d connections, %+v", s.dials.Load(), looks)
	}
	for _, a := range []string{"1.1.1.1", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "2a00:1450::1", "::ffff:8.8.8.8"} {
		if !public(netip.MustParseAddr(a)) {
			t.Errorf("%s is on no internet", a)
		}
	}
}

// TestNoDomain: an address in the place of a domain is not even asked about.
func TestNoDomain(t *testing.T) {
	s := newSite(t, text(contact, expires, "Cordon-Org: "+org.String()))
	s.txt = []string{"cordon-org=" + org.String()}
	for _, d := range []string{"127.0.0.1", "10.1", "0x7f.0x1", "1.2.3.4", "a.1", "::1", "[::1]", "a.b."} {
		if looks := s.ways().Check(t.Context(), d, org, now); Confirms(looks) || s.asked.Load()+s.dials.Load() != 0 {
			t.Errorf("%s: %+v", d, looks)
		}
	}
}

// TestWrongCertificate: somebody else's server in the place of the domain's.
func TestWrongCertificate(t *testing.T) {
	s := newSite(t, text(contact, expires, "Cordon-Org: "+org.String()))
	looks := s.ways().Check(t.Context(), "wrong.test", org, now)
	if Confirms(looks) || !strings.Contains(looks[0].Fault, "x509") || looks[0].Answered {
		t.Errorf("another name: %+v", looks)
	}
	w := s.ways()
	w.Roots = x509.NewCertPool()
	if looks := w.Check(t.Context(), host, org, now); Confirms(looks) || !strings.Contains(looks[0].Fault, "unknown authority") {
		t.Errorf("another authority: %+v", looks)
	}
}

// TestDNS: the second way, taken when the first does not confirm.
func TestDNS(t *testing.T) {
	for name, c := range map[string]struct {
		txt    []string
		err    error
		fault  string
		denies bool
	}{
		"names it":  {[]string{"v=spf1 -all", "cordon-org=" + org.String()}, nil, "", false},
		"another":   {[]string{"cordon-org=" + other.String()}, nil, "none of the 1 records", true},
		"inside":    {[]string{"x cordon-org=" + org.String(), "cordon-org=" + org.String() + " "}, nil, "none of the 2 records", true},
		"empty":     {[]string{}, nil, "none of the 0 records", true},
		"none":      {nil, &net.DNSError{IsNotFound: true}, "no such record", true},
		"no answer": {nil, &net.DNSError{Err: "server misbehaving", IsTemporary: true}, "misbehaving", false},
		"too late":  {nil, fmt.Errorf("lookup: %w", context.DeadlineExceeded), "in time", false},
		"broken":    {nil, errors.New("no such resolver"), "no such resolver", false},
	} {
		s := newSite(t, http.NotFound)
		s.txt, s.err = c.txt, c.err
		looks := s.ways().Check(t.Context(), host, org, now)
		if len(looks) != 2 || looks[1].Way != "dns" || looks[1].Where != "TXT _cordon."+host {
			t.Fatalf("%s: %+v", name, looks)
		}
		if Confirms(looks) != (c.fault == "") || !strings.Contains(looks[1].Fault, c.fault) || Denies(looks) != c.denies {
			t.Errorf("%s: %+v", name, looks[1])
		}
	}
}
