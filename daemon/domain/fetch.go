package domain

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"cordon/protocol/id"
)

// Limits of what a web server may send, and of how often it may send us on.
const (
	maxFile      = 64 << 10
	maxHeader    = 16 << 10
	maxRedirects = 3
	maxDials     = 4
)

// field is the extension field of security.txt (RFC 9116 §2.4) that names an
// organisation by its OrgID.
const field = "Cordon-Org"

// https reads the security.txt of a domain.
func (w Ways) https(ctx context.Context, domain string, org id.OrgID, now time.Time) Look {
	l := Look{Way: "https", Where: "https://" + domain + "/.well-known/security.txt", Want: field + ": " + org.String()}
	if isAddress(domain) {
		return l.told(errAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, w.Time)
	defer cancel()
	text, err := w.fetch(ctx, l.Where, domain)
	if err == nil {
		err = names(text, org, now)
	}
	return l.told(err)
}

// fetch gets a small text over HTTPS from a host and no other.
func (w Ways) fetch(ctx context.Context, address, host string) ([]byte, error) {
	t := &http.Transport{
		DialContext:            w.dial,
		TLSClientConfig:        &tls.Config{RootCAs: w.Roots, MinVersion: tls.VersionTLS12},
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // nothing is ever unpacked
		DisableKeepAlives:      true,
	}
	client := &http.Client{Transport: t, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Scheme != "https" || r.URL.Host != host || r.URL.User != nil {
			return faulty("it redirects to %.200q: only https at the same host is followed", r.URL.Redacted())
		}
		if len(via) > maxRedirects {
			return faulty("it redirects more than %d times", maxRedirects)
		}
		return nil
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case resp.StatusCode >= 500:
		return nil, fmt.Errorf("the server answers %d", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, faulty("the server answers %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	case media != "text/plain":
		return nil, faulty("its media type is %.100q: a security.txt is text/plain", resp.Header.Get("Content-Type"))
	case resp.Header.Get("Content-Encoding") != "":
		return nil, faulty("it is packed: it has to be sent as it is")
	}
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(resp.Body, maxFile+1)); err != nil {
		return nil, err
	}
	if b.Len() > maxFile {
		return nil, faulty("it is longer than %d KiB", maxFile>>10)
	}
	return b.Bytes(), ctx.Err() // a server may end its answer as we hang up
}

// dial connects to a public address of a host: to the very address that was judged,
// so that a second answer of its DNS cannot lead elsewhere.
func (w Ways) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	all, err := w.IPs(ctx, host+".")
	if missing(err) {
		err = faulty("the domain has no address")
	}
	if err != nil {
		return nil, err
	}
	out := slices.DeleteFunc(slices.Clone(all), func(a netip.Addr) bool { return !public(a) })
	if len(out) == 0 {
		return nil, faulty("it has no address on the internet, but %d of a private network", len(all))
	}
	var c net.Conn
	for _, a := range out[:min(len(out), maxDials)] {
		if c, err = w.Dial(ctx, "tcp", netip.AddrPortFrom(a.Unmap(), 443).String()); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// names says whether a security.txt is in force and names an organisation.
func names(text []byte, org id.OrgID, now time.Time) error {
	var found []string
	var until time.Time
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		switch value = strings.TrimSpace(value); strings.ToLower(name) {
		case strings.ToLower(field):
			found = append(found, value)
		case "expires":
			t, err := time.Parse(time.RFC3339, strings.ToUpper(value)) // RFC 3339 allows "t" and "z"
			if err != nil || !until.IsZero() {
				return faulty("it has not exactly one Expires field with a time (RFC 9116)")
			}
			until = t
		}
	}
	switch {
	case until.IsZero():
		return faulty("it has no Expires field, which RFC 9116 requires")
	case !until.After(now):
		return faulty("it has expired, by its Expires field")
	case len(found) == 0:
		return faulty("it has no field %s", field)
	case !slices.Contains(found, org.String()):
		return faulty("its %s names another organisation: %.64q", field, found[0])
	}
	return nil
}
