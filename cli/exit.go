package cli

import (
	"errors"
	"fmt"

	"cordon/daemon/api"
)

// Exit codes, a promise to scripts. Kinds of the local API bring their own
// (api.ExitCode), from the same table.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitConflict = 6 // fork or conflict seen
)

// failure is an error with the code the process ends with, and what to try.
// A failure without text ends the process quietly: the output said it all.
type failure struct {
	code int
	text string
	try  string
}

func (f *failure) Error() string { return f.text }

// usage is a mistake on the command line.
func usage(try, format string, args ...any) error {
	return &failure{code: exitUsage, text: fmt.Sprintf(format, args...), try: try}
}

// quiet ends the process with code; the output has said why.
func quiet(code int) error { return &failure{code: code} }

// asFailure gives every error its exit code and its hint. An error that comes
// before any verb ran is cobra's, about the command line.
func asFailure(err error, ran bool) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if e, ok := errors.AsType[*api.Error](err); ok {
		if e.Kind == api.Unavailable && e.Try == "" {
			return &failure{code: api.ExitCode(err), text: e.Text, try: "cordon daemon"}
		}
		return &failure{code: api.ExitCode(err), text: e.Text, try: e.Try}
	}
	if !ran {
		return &failure{code: exitUsage, text: err.Error(), try: "cordon --help"}
	}
	return &failure{code: exitFailed, text: err.Error()}
}
