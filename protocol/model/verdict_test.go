package model_test

import (
	"testing"

	"cordon/protocol/model"
)

// TestVerdict: of a complete history a verdict is what Met says; of its beginnings it is
// open until one of the two has happened, and never changes after that.
func TestVerdict(t *testing.T) {
	for _, h := range model.Histories() {
		for _, d := range model.Desiderata() {
			last := "open"
			for n := range len(h.H) + 1 {
				v := d.Verdict(h.H[:n])
				if last != "open" && v != last {
					t.Fatalf("%s before %s: %s in %s, %s in %s", d.Before, d.After, last, h.H[:n-1], v, h.H[:n])
				}
				last = v
			}
			if (last == "met") != d.Met(h) || last == "open" {
				t.Fatalf("%s before %s: %s in %s", d.Before, d.After, last, h.H)
			}
		}
	}
}
