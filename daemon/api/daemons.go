package api

import (
	"context"
	"time"

	"cordon/protocol/id"
)

// Daemons are the daemons of our organisation, as this one sees them. cordon.daemons/1
type Daemons struct {
	Schema   string      `json:"schema"`
	Org      id.OrgID    `json:"org"`
	Name     string      `json:"name"`
	Daemons  []DaemonRow `json:"daemons"`
	Warnings []Warning   `json:"warnings"`
	Copied   *Copied     `json:"copied,omitempty"` // at a standby
}

// DaemonRow is one daemon of the organisation.
type DaemonRow struct {
	KeyRow
	Role      string     `json:"role"`    // active: it decides for the organisation; standby; "" when its key is not in force
	InStep    bool       `json:"in_step"` // of a standby, at the active one: it has all that is here
	Connected bool       `json:"connected"`
	LastSeen  *time.Time `json:"last_seen,omitempty"` // connected, or, of a revoked one, when it came and was not let in
	Addrs     []string   `json:"addrs"`
	// Cases in which it has written what is not here, by what it or members have told.
	Ahead []id.CaseID `json:"ahead,omitempty"`
}

// Copied is what a standby has of what the active daemon knows beside the cases, to go
// on from should it take over.
type Copied struct {
	At            *time.Time `json:"at"` // when it had all of it; null: never yet
	Organisations int        `json:"organisations"`
	Invitations   int        `json:"invitations"` // to us, and of ours, that wait
}

// Warning is what a person should look at, and what to do.
type Warning struct {
	Kid  *id.Kid `json:"kid,omitempty"`
	Text string  `json:"text"`
	Try  string  `json:"try"`
}

// Daemons lists the daemons of our organisation.
func (c *Client) Daemons(ctx context.Context) (*Daemons, error) {
	return get[Daemons](ctx, c, "/daemons")
}
