package api

import (
	"context"
	"io"
	"time"

	"cordon/protocol/id"
)

// Link is what a case says of another that belongs to it.
type Link struct {
	Pair     id.Pair    `json:"pair"`           // names the other for who is in both
	Relation string     `json:"relation"`       // goes-on-in, took-over, split-off, split-from, sibling
	Case     *id.CaseID `json:"case,omitempty"` // where it is here
	Heading             // of that
	Until    *time.Time `json:"until"` // end of the embargo there, as By has it; null: it has none
	By       id.OrgID   `json:"by"`
	Told     bool       `json:"told"` // we are a steward of both: this daemon says there what changes here
}

// Merge asks to merge a case into another.
type Merge struct {
	Into string `json:"into"`
	Plan bool   `json:"plan,omitempty"` // only say what would follow
}

// Merged is what follows from a merge. cordon.merged/1
type Merged struct {
	Schema string    `json:"schema"`
	Case   id.CaseID `json:"case"`
	Heading
	Into      id.CaseID `json:"into"`
	IntoTitle string    `json:"into_title"`
	IntoCut   bool      `json:"into_history_cut,omitempty"` // history_cut of Into; who merges is a steward of both, and given all
	Was       Embargo   `json:"was"`                        // of Case
	Embargo   Embargo   `json:"embargo"`                    // of Into with the merge: the earlier end of both
	Members   []Moved   `json:"members"`                    // of Case who are not in Into
	// Whom this daemon has invited into Case, and who has not answered: in vain.
	Withdrawn []Moved `json:"withdrawn"`
}

// Moved is a member of one case that is asked into another.
type Moved struct {
	Org   id.OrgID `json:"org"`
	Name  string   `json:"name"`
	Role  string   `json:"role"`          // in the other case
	State string   `json:"state"`         // to-invite, invited, not-invited; withdrawn
	Why   *Warning `json:"why,omitempty"` // not-invited
}

// Split asks to open a child of a case; With is who is invited into it.
type Split struct {
	Title string   `json:"title"`
	With  []string `json:"with,omitempty"`
	File  string   `json:"file,omitempty"`  // name of the report's file
	Media string   `json:"media,omitempty"` // its media type
}

// Split opens a child of a case; Written.Case is the child. The report is read to its end.
func (c *Client) Split(ctx context.Context, name string, r Split, report io.Reader) (*Written, error) {
	return c.upload(ctx, caseAt(name, "/split"), r, report)
}

// Merge merges a case into another.
func (c *Client) Merge(ctx context.Context, name string, r Merge) (*Merged, error) {
	return ask[Merged](ctx, c, caseAt(name, "/merge"), r)
}
