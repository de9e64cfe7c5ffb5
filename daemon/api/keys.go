package api

import (
	"context"
	"time"

	"cordon/protocol/id"
)

// Keys is what the organisation's identity says of its keys, and whether this
// daemon may write. cordon.keys/1
type Keys struct {
	Schema      string    `json:"schema"`
	Org         id.OrgID  `json:"org"`
	Name        string    `json:"name"`
	Fingerprint string    `json:"fingerprint"` // 12 words; they stay when the root is rotated
	Root        string    `json:"root"`        // thumbprint of the root key in force
	NextRoot    string    `json:"next_root"`   // SHA-256 of the one that is to follow: the commitment
	Events      int       `json:"events"`      // length of the chain
	History     []Event   `json:"history"`     // its events; others that have two compare the words
	Daemons     []KeyRow  `json:"daemons"`
	State       string    `json:"state"` // ok, expiring, expired, restored, used-elsewhere, revoked, uncertified
	Text        string    `json:"text"`  // what State means here
	Try         string    `json:"try,omitempty"`
	Fresh       bool      `json:"fresh"` // new keys are needed before this daemon writes again
	Level       bool      `json:"level"` // each of our cases was compared with a member and lacks nothing that it has, or has no other member
	Cases       []KeyCase `json:"cases"` // those that were not; only where State asks for new keys
}

// KeyRow is one daemon of the organisation.
type KeyRow struct {
	Kid      id.Kid    `json:"kid"`
	This     bool      `json:"this"`
	Caps     []string  `json:"caps"`
	NotAfter time.Time `json:"not_after"`
	State    string    `json:"state"`         // certified, expired, revoked
	Why      string    `json:"why,omitempty"` // of the revocation: unspecified, stolen, superseded, retired
}

// KeyCase is a case that is behind, or was compared with nobody yet.
type KeyCase struct {
	Case id.CaseID `json:"case"`
	Heading
}

// KeyChange is what an act of the root has changed. cordon.key-change/1
type KeyChange struct {
	Schema string     `json:"schema"`
	Org    id.OrgID   `json:"org"`
	Name   string     `json:"name"`
	Kid    *id.Kid    `json:"kid,omitempty"`    // of the daemon that was certified or revoked
	Fresh  bool       `json:"fresh"`            // it has new keys
	Former *id.Kid    `json:"former,omitempty"` // of the daemon that it replaces
	Tells  bool       `json:"tells,omitempty"`  // whose transport key is here: with it peers are told of the new one
	Until  *time.Time `json:"until,omitempty"`  // end of the certificate
	Role   string     `json:"role,omitempty"`   // of the daemon that was certified: active, or standby while another is
	// Cases in which the former daemon had written what is not here, when forced.
	Behind []id.CaseID `json:"behind,omitempty"`
	// The daemon whose card was given knows of the one that was added.
	Told   bool   `json:"told,omitempty"`
	Events int    `json:"events"` // length of the chain now
	Root   string `json:"root"`   // the folder of the root keys
}

// Keys asks for the organisation's keys.
func (c *Client) Keys(ctx context.Context) (*Keys, error) { return get[Keys](ctx, c, "/keys") }

// Reload makes the daemon begin anew with the keys and events that lie in its home.
func (c *Client) Reload(ctx context.Context) (*Written, error) {
	return send(ctx, c, "/keys/reload", Act{})
}

// Cut says in a case that what a revoked key of ours decided stands up to one of
// its entries and no further.
func (c *Client) Cut(ctx context.Context, name, entry string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/cut"), Act{What: entry})
}
