package api

import (
	"context"
	"net/url"
	"time"

	"cordon/protocol/id"
	"cordon/protocol/model"
)

// Stats are the figures of cases. All times come from what entries claim. cordon.stats/1
type Stats struct {
	Schema string      `json:"schema"`
	Cases  []CaseStats `json:"cases"`
	Skill  []Skill     `json:"skill"` // over the cases of this answer
}

// CaseStats are the figures of one case. Times in a state are in seconds.
type CaseStats struct {
	Case id.CaseID `json:"case"`
	Heading
	History    string              `json:"history"` // the events so far, in their order
	Events     []CaseEvent         `json:"events"`
	Met        int                 `json:"met"`
	Missed     int                 `json:"missed"`
	Open       int                 `json:"open"` // neither has happened
	Desiderata []DesideratumResult `json:"desiderata"`
	Reports    []ReportTimes       `json:"reports"`
	Embargo    map[string]uint64   `json:"embargo"` // by state
	CS         map[string]uint64   `json:"cs"`      // by state
}

// CaseEvent is when an event of the case state came about.
type CaseEvent struct {
	Event model.Event `json:"event"`
	T     time.Time   `json:"t"` // claimed
}

// DesideratumResult is what became of an order of events that defenders want.
type DesideratumResult struct {
	Before  model.Event `json:"before"`
	After   model.Event `json:"after"`
	Verdict string      `json:"verdict"` // met, missed, open
}

// ReportTimes is how long the report was in each state at one participant.
type ReportTimes struct {
	Org    id.OrgID          `json:"org"`
	Name   string            `json:"name"`
	States map[string]uint64 `json:"states"`
}

// Skill is what the cases that are decided say of one desideratum: 0 is what luck gives, 1
// is always.
type Skill struct {
	Before model.Event `json:"before"`
	After  model.Event `json:"after"`
	F      string      `json:"f"` // how often luck brings it about
	Met    int         `json:"met"`
	Of     int         `json:"of"`              // cases in which it is decided
	Alpha  *float64    `json:"alpha,omitempty"` // none where no case is decided
	Low    *float64    `json:"low,omitempty"`   // bounds at 95 %; none where all or none met it
	High   *float64    `json:"high,omitempty"`
}

// Stats are the figures of one case, or with name "" of all.
func (c *Client) Stats(ctx context.Context, name string) (*Stats, error) {
	path := "/stats"
	if name != "" {
		path += "?" + url.Values{"case": {name}}.Encode()
	}
	return get[Stats](ctx, c, path)
}
