package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Other organisations write most of what a terminal shows here: names, titles,
// notes. One line of theirs may not move the cursor, hide what follows or turn
// the reading direction.

// safe makes one line of somebody's text fit for a terminal: control, bidi and
// invisible characters appear as \u{…}.
func safe(s string) string { return escape(s, false) }

// safeText is safe for text of several lines: line feeds and tabs stay.
func safeText(s string) string { return escape(s, true) }

func escape(s string, lines bool) string {
	if strings.IndexFunc(s, unsafeRune) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1: // a byte that is no UTF-8
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unsafeRune(r) && !(lines && (r == '\n' || r == '\t')):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

// unsafeRune says whether r can change how the text around it is read: C0, C1,
// format characters (bidi, zero width, tags), line and paragraph separators.
func unsafeRune(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// shortID is the beginning of an id, as long as a prefix on the command line
// must at least be, and a little more.
func shortID(s string) string { return s[:min(len(s), 12)] }

// clip cuts s to n columns, the last of them an ellipsis.
func clip(s string, n int) string {
	if columns(s) <= n {
		return s
	}
	left := n - 1
	for i, r := range s {
		if left -= columnsOf(r); left < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

// columns is how many columns of a terminal s takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

// columnsOf is 2 for the scripts and signs that terminals draw wide, 0 for marks
// that are drawn over the character before, else 1.
func columnsOf(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Yi),
		r >= 0x3000 && r <= 0x303e,                             // their punctuation
		r >= 0xff01 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, // full-width Latin
		r >= 0x1f300 && r <= 0x1faff: // pictures
		return 2
	}
	return 1
}

// when is an instant as people need it at night: UTC, and how far it is away.
func when(t, now time.Time) string {
	return t.UTC().Format("2006-01-02 15:04 UTC") + " (" + away(t, now) + ")"
}

// away says how far t lies from now, in its two largest units.
func away(t, now time.Time) string {
	d := t.Sub(now)
	if d.Abs() >= time.Minute {
		d = d.Round(time.Minute) // 45 d that were asked for a moment ago are not 44 d 23 h
	}
	switch {
	case d >= 0:
		return "in " + span(d)
	case d > -time.Minute:
		return "just now"
	}
	return span(-d) + " ago"
}

// span is a duration in its two largest units of d, h, min.
func span(d time.Duration) string {
	days, hours, minutes := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60
	switch {
	case days > 0 && hours > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case days > 0:
		return fmt.Sprintf("%d d", days)
	case hours > 0 && minutes > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case hours > 0:
		return fmt.Sprintf("%d h", hours)
	case minutes > 0:
		return fmt.Sprintf("%d min", minutes)
	}
	return "less than a minute"
}

// parseSpan reads a duration with days: 45d, 12h, 1d12h. It may be negative: what
// that means the daemon says.
func parseSpan(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseInt(days, 10, 17)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration like 45d or 12h", s)
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration like 45d or 12h", s)
	}
	return d + more, nil
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
