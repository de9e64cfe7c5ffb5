// Package cli is the command line of cordon: every verb is a row of a table, a
// family of verbs a file. A verb turns its words and flags into one call of
// package api's Client and prints the answer; it holds no state and knows no
// ledger. The few verbs that are more than a client (init, daemon, demo, bench, fold, key)
// are function values that the binary gives to Main.
//
// Main path: Main builds the tree (tree.go), a row's run gets a call (call.go),
// out.go prints, exit.go ends.
//
// Rules of what is printed: results go to standard output and nothing else
// does. Errors go to standard error as "cordon: …", the hint on a line of its
// own. Other people's text passes safe or safeText. With --json the answer is
// the API's own object. The exit codes are those of exit.go.
package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/term"

	"cordon/daemon/api"
)

// Parts are the verbs that the binary wires in.
type Parts struct {
	// Init makes a home; it refuses to overwrite one.
	Init func(ctx context.Context, home string, o InitOptions) (Created, error)
	// Daemon runs the daemon of a home until ctx ends.
	Daemon func(ctx context.Context, home string, log io.Writer) error
	// Relay passes connections on to the daemons of the organisations whose armoured
	// cards it is given, until ctx ends; ready is told where it listens.
	Relay func(ctx context.Context, home string, listen []string, cards [][]byte, ready func(addrs []string)) error
	// Demo plays the demo; live says that out is a terminal that takes colour.
	Demo func(ctx context.Context, out io.Writer, live bool) error
	// Bench measures this machine and this build; full: also what takes long; only: parts
	// whose names contain it. It names those that it left out.
	Bench func(ctx context.Context, progress io.Writer, full bool, only string) (results []BenchResult, notRun []string, err error)
	// RotateRoot, RevokeKey, RenewKey and NameDomains are acts of the organisation's root, in the
	// home of a daemon that may run. root is the folder of the root keys; "": the home's.
	// MayRevoke says what RevokeKey would refuse without looking into the root keys.
	RotateRoot  func(ctx context.Context, home, root string) (*api.KeyChange, error)
	MayRevoke   func(ctx context.Context, home, kid, reason, root string) error
	RevokeKey   func(ctx context.Context, home, kid, reason, root string) (*api.KeyChange, error)
	RenewKey    func(ctx context.Context, home string, o RenewOptions) (*api.KeyChange, error)
	NameDomains func(ctx context.Context, home string, domains []string, root string) (*api.KeyChange, error)
	// AddDaemon makes the home of one more daemon of an organisation; PromoteDaemon
	// makes the daemon of a home the one that decides, YieldDaemon another one in its place.
	AddDaemon     func(ctx context.Context, home string, o AddOptions) (*api.KeyChange, error)
	PromoteDaemon func(ctx context.Context, home, root, reason string, force bool) (*api.KeyChange, error)
	YieldDaemon   func(ctx context.Context, home, to, root string) (*api.KeyChange, error)
	// Fold folds a file of raw entries.
	Fold func(ctx context.Context, file []byte) (*api.Fold, error)
}

// InitOptions are the answers to init's questions.
type InitOptions struct {
	Name   string
	Role   string   // vendor, coordinator or reporter
	Listen []string // multiaddrs; none: the daemon's default
	Relays []string // multiaddrs of relays at which it waits; none: it can be dialled
	// Domains are the organisation's own.
	Domains []string
	// Unattended keeps the keys as plain files; else a passphrase is asked for.
	Unattended bool
}

// AddOptions say how an organisation gets one more daemon; Name is not asked for.
type AddOptions struct {
	InitOptions
	Root string // folder of the root keys
	Card []byte // armoured, of the active daemon
}

// RenewOptions say how a daemon is certified anew.
type RenewOptions struct {
	Root   string
	Fresh  bool   // new keys, although the old ones would do
	Reason string // of the revocation of the old ones
	Former string // the daemon to replace, where its keys are lost
}

// Created is what init made.
type Created struct {
	Org         string
	Fingerprint string // 12 words
	Root        string // folder of the root keys, which may be moved offline
}

// BenchResult is one line of the benchmark: a value, and the limit measured in
// the same run on the same machine.
type BenchResult struct {
	Name      string  `json:"name"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Limit     float64 `json:"limit"`
	LimitName string  `json:"limit_name"`
	Ratio     float64 `json:"ratio"`   // value ÷ limit
	Want      float64 `json:"want"`    // the ratio that is required: at least this,
	AtMost    bool    `json:"at_most"` // or at most
	Met       bool    `json:"met"`
}

// app is one run of the command line.
type app struct {
	parts Parts
	in    *os.File
	out   *os.File
	err   *os.File
	home  string
	now   func() time.Time
	ran   bool // a verb's own code was reached: later errors are no usage errors
}

// Main runs the command line and returns the exit code.
func Main(ctx context.Context, args []string, parts Parts) int {
	a := &app{parts: parts, in: os.Stdin, out: os.Stdout, err: os.Stderr, now: time.Now}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.tree()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	f := asFailure(err, a.ran)
	complain(a.err, f, isTerminal(a.err))
	return f.code
}

// defaultHome is CORDON_HOME, or the place the XDG rules give it.
func defaultHome() string {
	if dir := os.Getenv("CORDON_HOME"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "cordon")
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		return "cordon" // no home directory: the current one
	}
	return filepath.Join(dir, ".local", "state", "cordon")
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// live says whether out is a terminal that takes colour and a moving line.
func live(f *os.File) bool {
	return isTerminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
