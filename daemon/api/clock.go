package api

import (
	"context"
	"time"
)

// Clock is a time in which we have to tell an authority that the vulnerability of a case is
// exploited. It runs from when this daemon first saw a claim of attacks that stands.
type Clock struct {
	Code  string     `json:"code"` // early-warning, notification, final-report
	Hours uint64     `json:"hours"`
	Since time.Time  `json:"since"` // by this daemon's clock
	Due   time.Time  `json:"due"`
	Done  *time.Time `json:"done"` // when a person said here that it is met; null: not yet
}

// ClockDone notes here, and nowhere else, that a clock of a case is met.
func (c *Client) ClockDone(ctx context.Context, name, code string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/clocks"), Act{What: code})
}
