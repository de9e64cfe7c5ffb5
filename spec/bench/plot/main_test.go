package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// TestDraw: a figure better than required stands to the right of the line, a worse one
// to the left and in red; what comes out is XML whatever the names are.
func TestDraw(t *testing.T) {
	var out bytes.Buffer
	err := draw(strings.NewReader(`{"results": [
		{"name": "a <b>", "value": 10, "limit": 100, "ratio": 0.1, "want": 1, "at_most": true},
		{"name": "c", "value": 10, "limit": 100, "ratio": 0.1, "want": 1}]}`), &out)
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(out.Bytes())); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, bar := range []string{`<rect x="480" y="60" width="200" height="8" fill="#2a7"/>`, `<rect x="280" y="106" width="200" height="8" fill="#c33"/>`} {
		if !strings.Contains(out.String(), bar) {
			t.Errorf("%s is not in\n%s", bar, &out)
		}
	}
	if err := draw(strings.NewReader("no json"), io.Discard); err == nil {
		t.Error("no JSON was drawn")
	}
}
