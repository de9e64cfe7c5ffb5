package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// width is what the story is wrapped to.
const width = 80

// teller prints the story: plain lines, or with colour and a moving line where
// live. It is used by one goroutine.
type teller struct {
	out  io.Writer
	live bool
	err  error // the first that out gave
}

// The few marks that a terminal gets.
const (
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	green  = "\x1b[32m"
	red    = "\x1b[31m"
	plain  = "\x1b[0m"
	erased = "\r\x1b[K"
)

func (t *teller) print(format string, args ...any) {
	if _, err := fmt.Fprintf(t.out, format, args...); err != nil && t.err == nil {
		t.err = err
	}
}

func (t *teller) mark(code, s string) string {
	if !t.live {
		return s
	}
	return code + s + plain
}

// heading begins a part.
func (t *teller) heading(s string) { t.print("\n%s\n", t.mark(bold, s)) }

// para prints text wrapped to the width.
func (t *teller) para(format string, args ...any) {
	for _, line := range wrap(fmt.Sprintf(format, args...), width) {
		t.print("%s\n", line)
	}
}

// the story stands beside its day
const dayWidth = 13

// scene prints what happened, beside its day.
func (t *teller) scene(day, format string, args ...any) {
	t.print("\n")
	for i, line := range wrap(fmt.Sprintf(format, args...), width-dayWidth) {
		if i > 0 {
			day = ""
		}
		t.print("%s%s\n", t.mark(bold, pad(day, dayWidth)), line)
	}
}

// sees prints what the daemons see of it, below.
func (t *teller) sees(format string, args ...any) {
	lead := "> "
	for _, line := range wrap(fmt.Sprintf(format, args...), width-dayWidth-2) {
		t.print("%s%s\n", pad("", dayWidth), t.mark(dim, lead+line))
		lead = "  "
	}
}

// waiting moves a line while something is awaited; done removes it.
func (t *teller) waiting(what string, have, of int) {
	if t.live {
		t.print("%s%s%s %d/%d", erased, pad("", dayWidth), what, have, of)
	}
}

func (t *teller) done() {
	if t.live {
		t.print("%s", erased)
	}
}

// verdict prints one check.
func (t *teller) verdict(ok bool, format string, args ...any) {
	word, code := "holds", green
	if !ok {
		word, code = "FAILS", red
	}
	for i, line := range wrap(fmt.Sprintf(format, args...), width-7) {
		if i > 0 {
			word = ""
		}
		t.print("%s%s\n", t.mark(code, pad(word, 7)), line)
	}
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-utf8.RuneCountInString(s))) }

// wrap breaks s at spaces into lines of at most n characters.
func wrap(s string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= n:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// took is a measured time for people.
func took(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// list is "A", "A and B", "A, B and C".
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
