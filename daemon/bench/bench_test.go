package bench

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestRun: parts run in order in folders of their own, which are gone afterwards;
// the first failure ends the run and names its part, one that is skipped does not.
func TestRun(t *testing.T) {
	var dirs []string
	keep := func(r Result, err error) func(context.Context, string) ([]Result, error) {
		return func(_ context.Context, dir string) ([]Result, error) {
			dirs = append(dirs, dir)
			return []Result{r}, err
		}
	}
	broken := errors.New("no disk")
	var said bytes.Buffer
	got, skipped, err := runAll(t.Context(), &said, []part{
		{"not here", func(context.Context, string) ([]Result, error) { return nil, errSkipped }},
		{"first", keep(Result{Name: "a"}, nil)}, {"second", keep(Result{Name: "b"}, broken)}, {"third", keep(Result{}, nil)},
	})
	if !slices.Equal(skipped, []string{"not here"}) {
		t.Errorf("skipped: %q", skipped)
	}
	if len(got) != 1 || got[0].Name != "a" || !errors.Is(err, broken) || !strings.Contains(err.Error(), "second") {
		t.Errorf("%v, %v", got, err)
	}
	if len(dirs) != 2 || dirs[0] == dirs[1] {
		t.Errorf("folders %v", dirs)
	}
	for _, d := range dirs {
		if _, err := os.Stat(d); !os.IsNotExist(err) {
			t.Errorf("%s is left over", d)
		}
	}
	if !strings.Contains(said.String(), "measuring first") || !strings.Contains(said.String(), "!! not here: skipped") {
		t.Errorf("progress: %s", &said)
	}
}
