package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// width is what human output fits in.
const width = 80

// emit writes v as one JSON object, indented for those who read it by eye.
func emit(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// emitLine writes v as one line of JSON.
func emitLine(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table prints rows under a heading, columns as wide as they need; the last
// column is cut where the line would pass 80.
func table(w io.Writer, head []string, rows [][]string) {
	wide := columnsWide(head, rows)
	for _, r := range append([][]string{head}, rows...) {
		tableLine(w, wide, r)
	}
}

// brokenTable is a table whose last column goes on below itself where the line
// would pass 80.
func brokenTable(w io.Writer, head []string, rows [][]string) {
	wide := columnsWide(head, rows)
	last := len(wide) - 1
	tableLine(w, wide, head)
	for _, r := range rows {
		line := slices.Clone(r)
		for _, part := range wrap(r[last], wide[last]) {
			line[last] = part
			tableLine(w, wide, line)
			clear(line)
		}
	}
}

// columnsWide is how wide the columns of a table are.
func columnsWide(head []string, rows [][]string) []int {
	wide := make([]int, len(head))
	for _, r := range append([][]string{head}, rows...) {
		for i, c := range r {
			wide[i] = max(wide[i], columns(c))
		}
	}
	left := width
	for _, n := range wide[:len(wide)-1] {
		left -= n + 2
	}
	wide[len(wide)-1] = min(wide[len(wide)-1], max(left, 12))
	return wide
}

// tableLine prints a row of a table, each cell cut to its column.
func tableLine(w io.Writer, wide []int, row []string) {
	var b strings.Builder
	for i, c := range row {
		c = clip(c, wide[i])
		b.WriteString(c)
		b.WriteString(strings.Repeat(" ", wide[i]-columns(c)+2))
	}
	fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
}

// field prints "name  value", the value wrapped under itself.
func field(w io.Writer, name, value string) {
	const indent = 14
	for i, line := range wrap(value, width-indent) {
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(w, "%-*s%s\n", indent, name, line)
	}
}

// words are the words between the spaces of s. In scripts that are written
// without spaces, and are drawn wide, one that is too long breaks anywhere.
func words(s string, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, word := range strings.Split(s, " ") {
			for columns(word) > n && columns(word) > utf8.RuneCountInString(word) {
				piece := strings.TrimSuffix(clip(word, n), "…")
				if piece == "" || !yield(piece) {
					return
				}
				word = word[len(piece):]
			}
			if !yield(word) {
				return
			}
		}
	}
}

// wrap breaks s at spaces into lines of at most n columns; a longer word
// stands on a line of its own. There is always one line.
func wrap(s string, n int) []string {
	var lines []string
	for _, par := range strings.Split(s, "\n") {
		line := ""
		for word := range words(par, n) {
			switch {
			case line == "":
				line = word
			case columns(line)+1+columns(word) <= n:
				line += " " + word
			default:
				lines = append(lines, line)
				line = word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// flow breaks the paragraphs of a text anew; those with indented lines stay as they are.
func flow(text string) string {
	pars := strings.Split(text, "\n\n")
	for i, p := range pars {
		if !strings.HasPrefix(p, " ") && !strings.Contains(p, "\n ") {
			pars[i] = strings.Join(wrap(strings.ReplaceAll(p, "\n", " "), width), "\n")
		}
	}
	return strings.Join(pars, "\n\n")
}

// complain writes an error the way all of the CLI does: what was wrong, and on
// a line of its own what to try. For a person's terminal a long text is broken.
func complain(w io.Writer, f *failure, person bool) {
	if f.text == "" {
		return
	}
	text := "cordon: " + safe(strings.ReplaceAll(f.text, "\n", "; ")) // joined errors: one line all the same
	if person {
		text = strings.Join(wrap(text, width-2), "\n  ")
	}
	fmt.Fprintln(w, text)
	if f.try != "" {
		fmt.Fprintf(w, "  try: %s\n", safe(f.try))
	}
}
