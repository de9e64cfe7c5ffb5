package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cordon/protocol"
)

// TestEveryKindHasAScript: a kind in the table of messages that no script brings
// about is one that nobody has seen work.
func TestEveryKindHasAScript(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("testdata", "script", "every-kind.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range protocol.Kinds() {
		if !strings.Contains(string(script), fmt.Sprintf("stdout '\"type\":\"%s\"'", kind)) {
			t.Errorf("%s: every-kind.txtar has no line for it", kind)
		}
	}
}
