package api

import (
	"context"
	"time"

	"cordon/protocol/id"
)

// Release is the barrier of a case by this daemon's clock. cordon.release/1
type Release struct {
	Schema  string          `json:"schema"`
	Case    id.CaseID       `json:"case"`
	State   string          `json:"state"` // none, planned, ready: all vendors are, due: the instant has passed
	Plan    *id.EntryID     `json:"plan"`
	By      *id.OrgID       `json:"by"`
	At      *time.Time      `json:"at"`
	From    *time.Time      `json:"publish_from"` // At and the 5 minutes by which clocks may differ
	Embargo string          `json:"embargo"`      // to At: none, with-release, before-release, after-release
	Answers []ReleaseAnswer `json:"answers"`
}

// ReleaseAnswer is a member's answer to the plan. Of others than vendors only those who
// have given one are listed.
type ReleaseAnswer struct {
	Org    id.OrgID `json:"org"`
	Name   string   `json:"name"`
	Vendor bool     `json:"vendor"`
	State  string   `json:"state"` // ready, not ready, no answer
}

// ReleaseNotice is what a person has to know of a release that is planned in a case.
type ReleaseNotice struct {
	Case     id.CaseID `json:"case"`
	State    string    `json:"state"` // planned, ready, due
	At       time.Time `json:"at"`
	From     time.Time `json:"publish_from"`
	NotReady int       `json:"not_ready"`        // vendors that have not said that they are
	Answer   string    `json:"answer,omitempty"` // ours; "": we are not asked
	Bound    bool      `json:"bound"`            // the embargo binds now
}

// PlanRelease asks for a plan; a zero At calls off what is planned.
type PlanRelease struct {
	At time.Time `json:"at,omitzero"`
}

// Release shows the barrier.
func (c *Client) Release(ctx context.Context, name string) (*Release, error) {
	return get[Release](ctx, c, caseAt(name, "/release"))
}

// PlanRelease plans a release as a steward.
func (c *Client) PlanRelease(ctx context.Context, name string, r PlanRelease) (*Written, error) {
	return send(ctx, c, caseAt(name, "/release"), r)
}

// AnswerRelease answers the plan in force: ready, or with a reason not-ready.
func (c *Client) AnswerRelease(ctx context.Context, name, state, reason string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/release/answer"), Act{What: state, Text: reason})
}
