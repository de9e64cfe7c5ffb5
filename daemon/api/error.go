package api

import (
	"errors"
	"net/http"
)

// Kind says what sort of failure an error is; callers act on it, never on the text.
type Kind string

// The kinds. They are stable: they travel, and each has its exit code.
const (
	Invalid     Kind = "invalid"     // the request makes no sense as written
	Refused     Kind = "refused"     // the rules of the case, or the state of this daemon, say no
	NotFound    Kind = "not-found"   // not there, or not for us: one kind, one text
	Exists      Kind = "exists"      // there already, and it is not overwritten
	Fork        Kind = "fork"        // a fork or conflict was seen
	Unavailable Kind = "unavailable" // the daemon does not run, or is going down
	Internal    Kind = "internal"    // a fault of this machine or program
	Pending     Kind = "pending"     // begun, and waits for somebody else
)

// kinds gives each kind its exit code (the contract of the command line) and
// its HTTP status.
var kinds = map[Kind]struct{ exit, status int }{
	Invalid:     {2, http.StatusBadRequest},
	Refused:     {4, http.StatusConflict},
	NotFound:    {3, http.StatusNotFound},
	Exists:      {1, http.StatusConflict},
	Fork:        {6, http.StatusConflict},
	Unavailable: {5, http.StatusServiceUnavailable},
	Internal:    {1, http.StatusInternalServerError},
	Pending:     {7, http.StatusConflict},
}

// Error is a failure as the local API tells it: for people one line that says
// what is wrong and, if known, one that says what to try.
type Error struct {
	Schema string `json:"schema"` // cordon.error/1
	Kind   Kind   `json:"kind"`
	Rule   string `json:"rule,omitempty"` // the rule that refused, by its stable name
	Text   string `json:"text"`
	Try    string `json:"try,omitempty"`
}

func (e *Error) Error() string { return e.Text }

// Status is the HTTP status of the error's kind.
func (e *Error) Status() int {
	if k, ok := kinds[e.Kind]; ok {
		return k.status
	}
	return http.StatusInternalServerError
}

// ExitCode is the exit code of a command that ends with err: 0 for nil, 1 for
// an error that is no *Error.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		if k, ok := kinds[e.Kind]; ok {
			return k.exit
		}
	}
	return 1
}
