package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestSafe: no text of others moves a cursor, hides itself or turns the line.
func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                 "plain",
		"Größe 漏洞":              "Größe 漏洞",
		"red \x1b[31mhot":       `red \u{1b}[31mhot`,
		"up\x1b[2Jand gone":     `up\u{1b}[2Jand gone`,
		"c1 \u009b31m":          `c1 \u{9b}31m`,
		"bidi \u202egnp.exe":    `bidi \u{202e}gnp.exe`,
		"isolate \u2066x\u2069": `isolate \u{2066}x\u{2069}`,
		"zero\u200bwidth":       `zero\u{200b}width`,
		"tag\U000e0041":         `tag\u{e0041}`,
		"two\nlines":            `two\u{a}lines`,
		"line\u2028separator":   `line\u{2028}separator`,
		"bad \xff utf8":         `bad \xff utf8`,
		"bell\a":                `bell\u{7}`,
	} {
		if got := safe(in); got != want {
			t.Errorf("safe(%q) = %q, want %q", in, got, want)
		}
	}
	if got := safeText("a\n\tb\x1bc"); got != "a\n\tb\\u{1b}c" {
		t.Errorf("safeText: %q", got)
	}
}

// TestSafeAlways: whatever comes in, what goes out is valid, has no character
// that safe escapes, and escaping it again changes nothing.
func TestSafeAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		out := safe(in)
		if !utf8.ValidString(out) || strings.IndexFunc(out, unsafeRune) >= 0 || safe(out) != out {
			t.Fatalf("safe(%q) = %q", in, out)
		}
	})
}

func TestAway(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		76 * time.Hour:                 "in 3 d 4 h",
		45*24*time.Hour - time.Second:  "in 45 d",
		72 * time.Hour:                 "in 3 d",
		90 * time.Minute:               "in 1 h 30 min",
		time.Hour:                      "in 1 h",
		59 * time.Minute:               "in 59 min",
		20 * time.Second:               "in less than a minute",
		-20 * time.Second:              "just now",
		-25 * time.Hour:                "1 d 1 h ago",
		-10*24*time.Hour - time.Hour*3: "10 d 3 h ago",
	} {
		if got := away(now.Add(d), now); got != want {
			t.Errorf("away(%v) = %q, want %q", d, got, want)
		}
	}
	zone := time.FixedZone("east", 9*3600)
	if got := when(now.In(zone), now.Add(-time.Hour)); got != "2026-11-21 12:00 UTC (in 1 h)" {
		t.Errorf("when: %q", got)
	}
}

func TestParseSpan(t *testing.T) {
	for in, want := range map[string]time.Duration{"45d": 45 * 24 * time.Hour, "12h": 12 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "-3d": -72 * time.Hour} {
		if got, err := parseSpan(in); err != nil || got != want {
			t.Errorf("parseSpan(%q) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "d", "3.5d", "3d4", "soon", "99999999d"} {
		if got, err := parseSpan(in); err == nil {
			t.Errorf("parseSpan(%q) = %v, want an error", in, got)
		}
	}
}

// TestColumns: wide scripts count twice, marks on a letter not at all, and what
// is clipped fits.
func TestColumns(t *testing.T) {
	for in, want := range map[string]int{"plain": 5, "Größe": 5, "漢字": 4, "ＷＩＤＥ": 8, "e\u0301": 1, "한글": 4, "🔒": 2, "…": 1} {
		if got := columns(in); got != want {
			t.Errorf("columns(%q) = %d, want %d", in, got, want)
		}
	}
	for in, want := range map[string]string{"漢字漢字": "漢字漢字", "漢字漢字漢": "漢字漢…", "abcdefghi": "abcdefg…"} {
		if got := clip(in, 8); got != want || columns(got) > 8 {
			t.Errorf("clip(%q, 8) = %q, want %q", in, got, want)
		}
	}
}

// TestWrapWide: text without spaces in a wide script stays within the width and
// loses nothing.
func TestWrapWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[a漢字… ]{0,60}漢漢漢漢漢漢`).Draw(t, "text")
		n := rapid.IntRange(8, 20).Draw(t, "width")
		lines := wrap(in, n)
		for _, l := range lines {
			if columns(l) > n && strings.ContainsAny(l, "漢字") {
				t.Fatalf("%d columns: %q of %q", columns(l), l, in)
			}
		}
		if got := strings.Join(lines, ""); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(in, " ", "") {
			t.Fatalf("%q became %q", in, got)
		}
	})
}

// TestLinesFit: names, titles and notes of any length stay within 80 columns.
func TestLinesFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zäöü漢 ]{0,90}`)
		var b strings.Builder
		table(&b, []string{"NAME", "ID", "TITLE"}, [][]string{
			{clip(cell.Draw(t, "name"), 24), "3f2a1b4c5d6e", cell.Draw(t, "title")},
			{"x", "y", cell.Draw(t, "other")},
		})
		for line := range strings.Lines(b.String()) {
			if n := columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Fatalf("%d columns: %q", n, line)
			}
		}
	})
}

func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[a-z]{1,30}([ \n][a-z]{1,30}){0,20}`).Draw(t, "text")
		lines := wrap(in, 30)
		if strings.Join(lines, " ") != strings.ReplaceAll(in, "\n", " ") {
			t.Fatalf("%q became %q", in, lines)
		}
		for _, l := range lines {
			if len(l) > 30 {
				t.Fatalf("%q is too long", l)
			}
		}
	})
}

// TestComplain: an error is one line for programs; on a person's terminal no line is longer
// than 80 columns, and what to type is never broken.
func TestComplain(t *testing.T) {
	f := &failure{text: strings.Repeat("this organisation has endorsed another proposal, and ", 4) + "no more", try: "cordon steward propose " + strings.Repeat("--drop 012345678901 ", 5)}
	var whole, broken bytes.Buffer
	complain(&whole, f, false)
	complain(&broken, f, true)
	if got := strings.Split(whole.String(), "\n"); len(got) != 3 || got[0] != "cordon: "+f.text || got[1] != "  try: "+f.try {
		t.Errorf("%q", got)
	}
	lines := strings.Split(strings.TrimSuffix(broken.String(), "\n"), "\n")
	for _, line := range lines[:len(lines)-1] {
		if columns(line) > width {
			t.Errorf("%d columns: %s", columns(line), line)
		}
	}
	if len(lines) != 4 || lines[3] != "  try: "+f.try || strings.Join(strings.Fields(strings.Join(lines[:3], " ")), " ") != "cordon: "+f.text {
		t.Errorf("%q", lines)
	}
}

// TestFlow: a paragraph is broken at 80 columns; what is indented stays as it is.
func TestFlow(t *testing.T) {
	long := strings.Repeat("word ", 30) + "end"
	list := "  first  " + strings.Repeat("x", 60) + "\n  second"
	out := flow(long + "\n\n" + list)
	fits(t, out)
	if want := strings.ReplaceAll(long, " ", "") + "\n\n" + list; strings.ReplaceAll(strings.ReplaceAll(out[:len(out)-len(list)-2], "\n", ""), " ", "")+out[len(out)-len(list)-2:] != want {
		t.Errorf("%q", out)
	}
}
