package daemon

import (
	"fmt"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// What an admission gives of the history of a case, as the local API has it.
const (
	historyFull          = "full"
	historyFromAdmission = "from-admission"
)

// historyFor reads what an invitation is to give of the history, and refuses what the
// ledger of the invited could not do: it begins a feed once, at one place.
func (s *service) historyFor(c id.CaseID, org id.OrgID, want string) (fromAdmission bool, err error) {
	err = s.cases.With(c, func(k *protocol.Case) error {
		_, limited := k.History(org)
		member := k.Member(org)
		switch want {
		case "":
			fromAdmission = limited
		case historyFull:
			if limited {
				return &api.Error{Kind: api.Refused, Rule: "history-begun", Text: "the organisation has the case from its admission on, and that cannot be made more later",
					Try: "leave out --history; send it what it needs: cordon say CASE TEXT, cordon attach CASE FILE"}
			}
		case historyFromAdmission:
			if member && !limited || !member && k.Departures(org) > 0 {
				return &api.Error{Kind: api.Refused, Rule: "history-given", Text: "the organisation has been in the case before: what it was sent then cannot be taken back",
					Try: "leave out --history"}
			}
			fromAdmission = true
		default:
			return invalid("%q is neither %s nor %s", want, historyFull, historyFromAdmission)
		}
		_, err := s.historyOf(k, org, fromAdmission)
		return err
	})
	return fromAdmission, err
}

// besideAnchors is what an admission takes beside its anchors, generously.
const besideAnchors = 16 << 10

// historyOf are the anchors of an admission now; nil: it gives all history. Who is in the
// case already is given by it what it has been.
func (s *service) historyOf(k *protocol.Case, org id.OrgID, fromAdmission bool) ([]protocol.Anchor, error) {
	if k.Member(org) {
		hist, _ := k.History(org)
		return hist, nil
	}
	if !fromAdmission {
		return nil, nil
	}
	hist := k.FromNow(org, s.org.ID)
	return hist, oneEntry(hist)
}

// oneEntry refuses anchors that do not fit one admission.
func oneEntry(hist []protocol.Anchor) error {
	n := len(protocol.Ctl(&protocol.Admit{Hist: hist}))
	if n <= entry.MaxControl-besideAnchors && len(hist) <= protocol.MaxAnchors {
		return nil
	}
	return &api.Error{Kind: api.Refused, Rule: "history-too-wide",
		Text: fmt.Sprintf("%d daemons have written in the case, or one has forked too often: more than an admission can say from where on", len(hist)),
		Try:  "invite it with --history full, or into a case of its own: cordon case split"}
}

// historyName is what a member, or who is invited, is given of the history.
func historyName(limited bool) string {
	if limited {
		return historyFromAdmission
	}
	return historyFull
}

// since is when a member was admitted that is not given what was written before; nil:
// it is given all.
func since(k *protocol.Case, org id.OrgID) *time.Time {
	ms, limited := k.Since(org)
	if !limited {
		return nil
	}
	return msTime(&ms)
}

// heading is a case's title, and why there may be none. No case may be held.
func (s *service) heading(c id.CaseID) api.Heading {
	h := api.Heading{Title: s.title(c)}
	begun, err := s.led.Anchors(c)
	if err != nil {
		return h // erased, or damaged: whoever asks hears so from the fold
	}
	_ = s.cases.With(c, func(k *protocol.Case) error {
		h.Since = since(k, s.org.ID)
		return nil
	})
	h.Cut = h.Since == nil && len(begun) > 0
	return h
}

// errBefore says that something is not given to us.
var errBefore = &api.Error{Kind: api.Refused, Rule: "before-admission", Text: "it was written before we were admitted, and is not here",
	Try: "ask a member for what you need: cordon say CASE TEXT"}
