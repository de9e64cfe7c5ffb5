package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// terminal is a shell that goes on between the blocks of the README, as a
// person's terminal does.
type terminal struct {
	in  io.Writer
	out *bufio.Scanner
}

func openTerminal(t *testing.T, dir string) *terminal {
	cmd := exec.Command("sh")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		fmt.Fprintln(in, `kill $!; wait`)
		in.Close()
		cmd.Wait()
	})
	return &terminal{in: in, out: bufio.NewScanner(out)}
}

// mark ends the output of a line, with its exit code.
const mark = "end-of-line "

// run types a line and returns what it printed and its exit code.
func (s *terminal) run(t *testing.T, line string) (said, code string) {
	fmt.Fprintf(s.in, "%s\ncode=$?; echo; echo '%s'$code\n", line, mark)
	for s.out.Scan() {
		if rest, ok := strings.CutPrefix(s.out.Text(), mark); ok {
			return said, rest
		}
		said += s.out.Text() + "\n"
	}
	t.Fatalf("the terminal closed after %q", line)
	return "", ""
}

// TestReadme types every line of the README's three terminals, in order and without
// a pause; each must succeed.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "cr") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	terminals := map[string]*terminal{}
	blocks := regexp.MustCompile("(?ms)^```sh ([a-z]+)\n(.*?)^```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 9 {
		t.Fatalf("%d blocks: the test looks at nothing", len(blocks))
	}
	for _, b := range blocks {
		if terminals[b[1]] == nil {
			terminals[b[1]] = openTerminal(t, dir)
		}
		for line := range strings.Lines(b[2]) {
			line = strings.ReplaceAll(strings.TrimSpace(line), "/tmp/cordon-try", dir)
			if said, code := terminals[b[1]].run(t, line); code != "0" {
				t.Fatalf("%s: exit code %s\n%s", line, code, said)
			}
		}
	}
	deadline, again := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer again.Stop()
	for {
		said, _ := terminals["alpha"].run(t, "cordon case log libalpha")
		if strings.Contains(said, "We build the fix on all branches tonight.") {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("Alpha does not see Beta's note:\n%s", said)
		case <-again.C:
		}
	}
	said, _ := terminals["gamma"].run(t, "cordon case list")
	if !strings.Contains(said, "No cases.") || strings.Contains(said, "libalpha") {
		t.Errorf("Gamma sees: %s", said)
	}
}
