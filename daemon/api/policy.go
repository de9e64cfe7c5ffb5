package api

import (
	"context"
	"net/url"

	"cordon/protocol/id"
)

// Policy is what an organisation tells others in advance by its card; 0 and "" say
// nothing. cordon.policy/1
type Policy struct {
	Schema      string        `json:"schema"`
	Org         id.OrgID      `json:"org"`
	Name        string        `json:"name"`
	EmbargoDays uint64        `json:"embargo_days"` // it usually asks for
	MinDays     uint64        `json:"min_days"`
	MaxDays     uint64        `json:"max_days"`
	ReplyDays   uint64        `json:"reply_days"` // it takes to answer a proposal
	Contact     string        `json:"contact"`    // the level that it asks of who invites it
	Clocks      []PolicyClock `json:"clocks"`     // the first to come first
}

// PolicyClock is a time in which an organisation has to tell an authority that a
// vulnerability is exploited.
type PolicyClock struct {
	Code  string `json:"code"` // early-warning, notification, final-report
	Hours uint64 `json:"hours"`
}

// Policy is the published policy of a pinned organisation; "" is our own.
func (c *Client) Policy(ctx context.Context, org string) (*Policy, error) {
	return get[Policy](ctx, c, "/policy?"+url.Values{"org": {org}}.Encode())
}
