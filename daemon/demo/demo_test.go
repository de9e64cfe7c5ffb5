package demo

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestDemo plays all of it: every check holds, the lines fit 80 columns, and
// without a terminal there is no escape code.
func TestDemo(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var out bytes.Buffer
	if err := Play(t.Context(), &out, false); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if strings.Contains(out.String(), "FAILS") || strings.ContainsRune(out.String(), '\x1b') {
		t.Errorf("%s", &out)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(line) - 1; n > width {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRecord: the acts of the story stand in the case file.
func TestRecord(t *testing.T) {
	r, err := loadRecord()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range cast {
		if _, _, err := r.name(key); err != nil {
			t.Error(err)
		}
	}
	for _, e := range [][2]string{
		{"google", "report"}, {"codenomicon", "report"}, {"openssl", "fix-ready"}, {"openssl", "invite"},
		{"red-hat", "invite"}, {outsider, "accept"}, {"ncsc-fi", "report"}, {"debian", "fix-ready"},
		{"openssl", "end-embargo"}, {"openssl", "publish"},
	} {
		if _, err := r.event(e[0], e[1]); err != nil {
			t.Error(err)
		}
	}
	end, err := r.planned()
	if err != nil || end.Format("2006-01-02") != "2014-04-09" {
		t.Errorf("planned end %v, %v", end, err)
	}
}
