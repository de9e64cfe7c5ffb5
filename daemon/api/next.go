package api

import (
	"context"
	"time"

	"cordon/protocol/id"
)

// Next is what we may do in a case now, and what the formal model suggests. cordon.next/1
type Next struct {
	Schema string    `json:"schema"`
	Case   id.CaseID `json:"case"`
	Heading
	RM      string       `json:"rm"`  // ours
	VFD     string       `json:"vfd"` // ours
	CS      string       `json:"cs"`  // of the case
	Embargo Embargo      `json:"embargo"`
	Clocks  []Clock      `json:"clocks,omitempty"`
	May     []Move       `json:"may"`               // what the rules of the case take from us
	Suggest []Suggestion `json:"suggest"`           // the most urgent first
	Stopped string       `json:"stopped,omitempty"` // the state of our key, as in Keys, where this daemon writes nothing
}

// Move is an act that would be taken now. A rule of the model beside it says what the
// model thinks of it; the strongest is told.
type Move struct {
	Command  string `json:"command"`
	Rule     string `json:"rule,omitempty"`
	Strength string `json:"strength,omitempty"`
	Text     string `json:"text,omitempty"`
}

// Suggestion is what ought to be done, or left, and why.
type Suggestion struct {
	Text     string     `json:"text"`
	Command  string     `json:"command,omitempty"`
	Or       []string   `json:"or,omitempty"` // commands that would do as well
	Rule     string     `json:"rule"`
	Strength string     `json:"strength"`
	Due      *time.Time `json:"due,omitempty"` // until when
}

// Next asks what we may do in a case now, and what the model suggests.
func (c *Client) Next(ctx context.Context, name string) (*Next, error) {
	return get[Next](ctx, c, caseAt(name, "/next"))
}
