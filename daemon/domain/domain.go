// Package domain asks a domain whether it names an organisation as its own
// (spec/identity.md §8.7.2): in its security.txt, or else in its DNS. The network
// learns from it whom we know; so only a person's command leads here, nothing in
// the background does. It follows no name into a private network, takes little and
// waits briefly, whatever the other side sends; and it heeds no proxy.
//
// Main path: Ways.Check.
package domain

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"cordon/protocol/id"
)

// patience is how long one way may take in all.
const patience = 10 * time.Second

// Ways are how a domain is reached. A zero field is the operating system's resolver,
// network or certificates. Names that are looked up end with a dot.
type Ways struct {
	IPs   func(ctx context.Context, host string) ([]netip.Addr, error)
	TXT   func(ctx context.Context, name string) ([]string, error)
	Dial  func(ctx context.Context, network, address string) (net.Conn, error)
	Roots *x509.CertPool
	Time  time.Duration // for one way in all; 0: 10 s
}

// Look is what one way of asking came to.
type Look struct {
	Way      string // https or dns
	Where    string // what was asked: an address, or a name in the DNS
	Want     string // what would have confirmed the organisation
	Fault    string // what there was instead; "": it confirms
	Answered bool   // the domain has answered: it does, or it does not
}

// Confirms says whether a domain names the organisation, by the last look.
func Confirms(looks []Look) bool { return len(looks) > 0 && looks[len(looks)-1].Fault == "" }

// Denies says whether a domain has answered every look, and never with the
// organisation's name.
func Denies(looks []Look) bool {
	for _, l := range looks {
		if l.Fault == "" || !l.Answered {
			return false
		}
	}
	return true
}

// Check asks a domain about an organisation: over HTTPS, and if that does not
// confirm it, in the DNS.
func (w Ways) Check(ctx context.Context, domain string, org id.OrgID, now time.Time) []Look {
	w = w.filled()
	looks := []Look{w.https(ctx, domain, org, now)}
	if !Confirms(looks) {
		looks = append(looks, w.dns(ctx, domain, org))
	}
	return looks
}

func (w Ways) filled() Ways {
	if w.IPs == nil {
		w.IPs = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if w.TXT == nil {
		w.TXT = net.DefaultResolver.LookupTXT
	}
	if w.Dial == nil {
		w.Dial = new(net.Dialer).DialContext
	}
	if w.Time == 0 {
		w.Time = patience
	}
	return w
}

// fault is an answer that does not confirm. Any other error is no answer.
type fault struct{ text string }

func (f *fault) Error() string { return f.text }

func faulty(format string, args ...any) error { return &fault{fmt.Sprintf(format, args...)} }

// told notes how a look ended.
func (l Look) told(err error) Look {
	f, ok := errors.AsType[*fault](err)
	l.Answered = err == nil || ok
	switch {
	case ok:
		l.Fault = f.text
	case errors.Is(err, context.DeadlineExceeded):
		l.Fault = "no whole answer came in time"
	case err != nil:
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // Where has the address
		}
		l.Fault = err.Error()
	}
	return l
}

// isAddress says whether a domain is, or might be taken for, an IP address: no
// top-level domain begins with a digit.
func isAddress(domain string) bool {
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	return last == "" || last[0] >= '0' && last[0] <= '9' || strings.Contains(domain, ":")
}

var errAddress = &fault{"it is an address and no domain: nothing was asked"}

// missing says whether the DNS has answered that there is no such thing.
func missing(err error) bool {
	d, ok := errors.AsType[*net.DNSError](err)
	return ok && d.IsNotFound
}

// dns asks for the TXT records of _cordon.DOMAIN.
func (w Ways) dns(ctx context.Context, domain string, org id.OrgID) Look {
	l := Look{Way: "dns", Where: "TXT _cordon." + domain, Want: "cordon-org=" + org.String()}
	if isAddress(domain) {
		return l.told(errAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, w.Time)
	defer cancel()
	records, err := w.TXT(ctx, "_cordon."+domain+".")
	if missing(err) {
		err = faulty("there is no such record")
	}
	if err != nil {
		return l.told(err)
	}
	for _, r := range records {
		if r == l.Want {
			return l.told(nil)
		}
	}
	return l.told(faulty("none of the %d records says so", len(records)))
}
