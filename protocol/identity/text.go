package identity

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// PlainText says whether s, a text that another organisation may have written,
// is safe to print on a terminal and cannot look like something else by layout:
// at most most bytes of valid UTF-8 without control characters, line and
// paragraph separators, directional marks and overrides, or characters of no
// width. The ranges are written out (spec/identity.md §8.3), so that the verdict
// does not depend on a version of Unicode. The error is ErrText or ErrSize.
func PlainText(s string, most int) error {
	if len(s) > most {
		return ErrSize
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, hidden) {
		return ErrText
	}
	return nil
}

func hidden(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0x9f: // C0, DEL, C1: terminal escapes
		return true
	case r == 0xad, r == 0x034f, r == 0x061c, r == 0x180e, r == 0x3164, r == 0xfeff:
		return true // soft hyphen, joiner, Arabic mark, Mongolian separator, Hangul filler, byte order mark
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true // no width, directional marks; separators, overrides; isolates
	case r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f:
		return true // annotations, tags
	}
	return false
}

func checkName(s string) error {
	if s == "" || strings.Trim(s, " ") != s {
		return ErrText
	}
	return PlainText(s, MaxName)
}

// CheckAddrs says whether every address may stand in a card: a multiaddr by its
// look (begins with '/', printable ASCII, at most maxAddr bytes) that names no
// peer but the relay at its end: who answers there is for the chain to say. At most
// MaxAddrs, none twice.
// What the parts of an address mean is for who dials it.
func CheckAddrs(addrs []string) error { return checkTexts(addrs, MaxAddrs, checkAddr) }

func checkAddr(s string) error {
	if len(s) > maxAddr {
		return ErrSize
	}
	outside := func(r rune) bool { return r <= ' ' || r > '~' }
	direct := beforeRelay(s)
	if !strings.HasPrefix(direct, "/") || len(direct) < 2 || strings.ContainsFunc(s, outside) || strings.Contains(direct+"/", "/p2p/") {
		return ErrAddress
	}
	return nil
}

// beforeRelay is an address without the "/p2p/RELAY/p2p-circuit" that may end it.
func beforeRelay(s string) string {
	head, ok := strings.CutSuffix(s, "/p2p-circuit")
	if at := strings.LastIndex(head, "/p2p/"); ok && at >= 0 {
		if relay := head[at+len("/p2p/"):]; relay != "" && !strings.Contains(relay, "/") {
			return head[:at]
		}
	}
	return s
}

// CheckDomains says whether the domains may stand in an organisation's chain.
func CheckDomains(domains []string) error { return checkTexts(domains, MaxDomains, checkDomain) }

// checkDomain takes lower-case host names of two labels or more (RFC 1123 §2.1).
func checkDomain(s string) error {
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return ErrDomain
	}
	for _, l := range labels {
		if len(l) == 0 || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return ErrDomain
		}
		if strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return ErrDomain
		}
	}
	return nil
}

func checkTexts(list []string, most int, check func(string) error) error {
	if len(list) > most {
		return ErrSize
	}
	for i, s := range list {
		if err := check(s); err != nil {
			return err
		}
		if slices.Contains(list[:i], s) {
			return ErrField
		}
	}
	return nil
}
