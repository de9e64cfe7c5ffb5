package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cordon/spec"
)

// patience bounds every wait of a script. It is long, since it only ends tests
// that fail.
const patience = 60 * time.Second

// TestMain has three times as many scripts run at once as there are processors, for they
// wait more than they compute; -parallel says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0))); err != nil {
		panic(err) // testing has defined it
	}
	testscript.Main(m, map[string]func(){"cordon": main})
}

// TestScript runs testdata/script: a script a promise, each with real daemons in
// processes of their own. Beside testscript's words a script has:
//
//	org HOME ROLE NAME   make a home
//	up HOME              start its daemon, wait until it answers
//	down HOME            SIGTERM; it must end with 0
//	slay HOME            SIGKILL
//	acquaint HOME…       pin everybody's card at everybody else
//	code N PROGRAM…      run it; it must exit with N
//	until PROGRAM… [-- REGEXP]  run it again until it exits with 0 and prints REGEXP
//	pick VAR PATH        set VAR from the JSON on stdout: case, items.0.id
//	keep VAR             set VAR to what stdout says
//	same VALUE…          all of them are equal, and not empty; with !, none is as the first
//	repeat FILE N TEXT   a file of N times TEXT
//	vector NAME FILE     a history of spec/vectors/fold.json, in hex
func TestScript(t *testing.T) {
	root, err := os.MkdirTemp("", "cs") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	testscript.Run(t, testscript.Params{
		Dir:         filepath.Join("testdata", "script"),
		WorkdirRoot: root,
		Setup: func(e *testscript.Env) error {
			e.Values["daemons"] = map[string]*exec.Cmd{}
			e.Setenv("NO_COLOR", "1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"org": cmdOrg, "up": cmdUp, "down": cmdDown, "slay": cmdSlay, "acquaint": cmdAcquaint,
			"code": cmdCode, "until": cmdUntil, "pick": cmdPick, "keep": cmdKeep, "same": cmdSame, "repeat": cmdRepeat, "vector": cmdVector,
		},
	})
}

func daemons(ts *testscript.TestScript) map[string]*exec.Cmd {
	return ts.Value("daemons").(map[string]*exec.Cmd)
}

func cmdOrg(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(ts.Exec("cordon", "--home", ts.MkAbs(args[0]), "init", "--role", args[1], "--name", args[2],
		"--unattended", "--listen", "/ip4/127.0.0.1/tcp/0"))
}

func cmdUp(ts *testscript.TestScript, neg bool, args []string) {
	home := ts.MkAbs(args[0])
	log, err := os.OpenFile(home+".log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	ts.Check(err)
	defer log.Close()
	cmd := quietly(ts, []string{"cordon", "--home", home, "daemon"})
	cmd.Stderr, cmd.Stdout = log, log
	ts.Check(cmd.Start())
	daemons(ts)[args[0]] = cmd
	ts.Defer(func() { end(cmd, syscall.SIGKILL) })
	if err := ts.Exec("cordon", "--home", home, "status", "--wait", patience.String()); err != nil {
		said, _ := os.ReadFile(home + ".log")
		ts.Fatalf("daemon %s does not answer: %v\n%s", args[0], err, said)
	}
}

// end signals a daemon and waits for it; once it has ended, nothing happens.
func end(cmd *exec.Cmd, s syscall.Signal) error {
	if cmd.ProcessState != nil {
		return nil
	}
	if err := cmd.Process.Signal(s); err != nil {
		return err
	}
	return cmd.Wait()
}

func cmdDown(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(end(daemons(ts)[args[0]], syscall.SIGTERM))
}

func cmdSlay(ts *testscript.TestScript, neg bool, args []string) {
	if err := end(daemons(ts)[args[0]], syscall.SIGKILL); err == nil {
		ts.Fatalf("%s had ended before it was killed", args[0])
	}
}

func cmdAcquaint(ts *testscript.TestScript, neg bool, args []string) {
	for _, a := range args {
		ts.Check(ts.Exec("cordon", "--home", ts.MkAbs(a), "card"))
		ts.Check(os.WriteFile(ts.MkAbs(a+".card"), []byte(ts.ReadFile("stdout")), 0o600))
	}
	for _, a := range args {
		for _, b := range args {
			if a != b {
				ts.Check(ts.Exec("cordon", "--home", ts.MkAbs(a), "peer", "add", ts.MkAbs(b+".card")))
			}
		}
	}
}

func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	want := regexp.MustCompile("")
	for i, a := range args {
		if a == "--" {
			want, args = regexp.MustCompile(`(?m)`+args[i+1]), args[:i]
			break
		}
	}
	deadline, pause := time.After(patience), 20*time.Millisecond
	for {
		said, err := quietly(ts, args).Output() // not in the script's log
		if err == nil && want.Match(said) {
			break
		}
		select {
		case <-deadline:
			ts.Check(ts.Exec(args[0], args[1:]...))
			ts.Fatalf("not within %v", patience)
		case <-time.After(pause):
			pause = min(2*pause, 320*time.Millisecond) // each look is a process: leave the daemons some of the machine
		}
	}
	ts.Check(ts.Exec(args[0], args[1:]...)) // for the lines that look at stdout
}

// quietly is a command of the script that leaves no trace in its log.
func quietly(ts *testscript.TestScript, args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "CORDON_HOME="+ts.Getenv("CORDON_HOME"))
	return cmd
}

func cmdPick(ts *testscript.TestScript, neg bool, args []string) {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for _, step := range strings.Split(args[1], ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(at) {
				ts.Fatalf("no %s in %s", args[1], ts.ReadFile("stdout"))
			}
			v = at[i]
		}
	}
	if v == nil {
		ts.Fatalf("no %s in %s", args[1], ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], fmt.Sprint(v))
}

func cmdKeep(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	for _, a := range args[1:] {
		if (a == args[0]) == neg || a == "" {
			ts.Fatalf("%q and %q", args[0], a)
		}
	}
}

func cmdRepeat(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Repeat([]byte(args[2]), n), 0o600))
}

func cmdVector(ts *testscript.TestScript, neg bool, args []string) {
	f, err := spec.Read("fold")
	ts.Check(err)
	at := slices.IndexFunc(f.Vectors, func(v spec.Vector) bool { return v.Name == args[0] })
	if at < 0 {
		ts.Fatalf("no vector %s", args[0])
	}
	text, err := f.Vectors[at].Hex.MarshalText()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), text, 0o600))
}
