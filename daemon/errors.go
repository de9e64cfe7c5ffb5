package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
)

// errNothing is the one answer for what is not there and for what is not for
// us: the difference would tell which cases exist.
var errNothing = &api.Error{Kind: api.NotFound, Text: "no such thing here, or this organisation is not admitted to it"}

// openError says why the store does not open.
func openError(h home, err error) error {
	if errors.Is(err, ledger.ErrStoreKey) {
		return &api.Error{Kind: api.Internal, Text: fmt.Sprintf("%s does not open the store beside it", h.path("keys", "store.key")),
			Try: "bring keys and store of one home back together; nothing was changed"}
	}
	return fmt.Errorf("open store: %w", err)
}

// damaged is an error about a file that the home keeps beside the store, with
// what to try where nothing better is known.
func damaged(err error) error {
	e := apiError(err)
	if e.Try == "" {
		e.Text = err.Error()
		e.Try = "bring that file back from a backup of this home; the store was not touched"
	}
	return e
}

// lostKeys is damaged for the three keys that a certificate names: they are never
// in a backup, and none is needed.
func lostKeys(err error) error {
	e := apiError(err)
	e.Text, e.Try = err.Error(), "cordon key renew: the root certifies new keys; the store was not touched"
	return e
}

// apiError gives an error its kind.
func apiError(err error) *api.Error {
	var e *api.Error
	if errors.As(err, &e) {
		c := *e
		return &c
	}
	var r *protocol.Refusal
	if errors.As(err, &r) {
		return refusal(r)
	}
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		c := *errNothing
		return &c
	case errors.Is(err, ledger.ErrForked), errors.Is(err, ledger.ErrOwnFork):
		return ownFork()
	case errors.Is(err, ledger.ErrRestored):
		return &api.Error{
			Kind: api.Fork,
			Text: "the store is older than this daemon's last start: it was restored from a backup, or the disk lost writes; writing on would fork our feeds",
			Try:  "cordon key status; reading goes on meanwhile",
		}
	case errors.Is(err, ledger.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &api.Error{Kind: api.Unavailable, Text: "the daemon is going down"}
	case errors.Is(err, fs.ErrPermission):
		return &api.Error{Kind: api.Internal, Text: err.Error(), Try: "the home and all in it must belong to the user that runs the daemon"}
	}
	return &api.Error{Kind: api.Internal, Text: err.Error()}
}

// refusal is the error for what the rules of a case say no to.
func refusal(r *protocol.Refusal) *api.Error {
	switch r.Rule {
	case "no-longer-a-member": // its text is about any author; here it is us
		return &api.Error{Kind: api.Refused, Rule: r.Rule, Text: "this organisation has left the case or was removed: it can write nothing more in it"}
	case "cap-missing":
		return errStandby
	case "key-not-certified":
		return &api.Error{Kind: api.Refused, Rule: r.Rule, Text: "the case does not know this daemon's key yet: the active daemon of this organisation tells it",
			Try: "again in a moment; else: cordon daemon list"}
	case "feed-forked":
		e := ownFork()
		e.Rule = r.Rule
		return e
	case protocol.StateConflict:
		return &api.Error{Kind: api.Fork, Rule: r.Rule, Text: r.Text, Try: "cordon case pin CASE"}
	}
	return &api.Error{Kind: api.Refused, Rule: r.Rule, Text: r.Text, Try: way(r)}
}

func ownFork() *api.Error {
	return &api.Error{
		Kind: api.Fork,
		Text: "somebody else has signed with this daemon's key: another copy of this home runs, or this one is from a backup; nothing is written any more",
		Try:  "stop the other copy; then: cordon key status",
	}
}
