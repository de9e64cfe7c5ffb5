package api

import (
	"context"
	"net/url"
	"time"

	"cordon/protocol/id"
)

// Erasure is what erasing a case here, or one body of it, destroys and what it leaves;
// as an answer to POST, what it has destroyed. cordon.erasure/1
type Erasure struct {
	Schema string    `json:"schema"`
	Case   id.CaseID `json:"case"`
	Heading
	Entry       *id.EntryID `json:"entry,omitempty"` // of one body: whose it is
	Type        string      `json:"type,omitempty"`  // of that entry
	Entries     int         `json:"entries"`         // that go; of a body none: its entry stays
	Bodies      int         `json:"bodies"`          // that are here, and go
	Bytes       uint64      `json:"bytes"`           // of those bodies, sealed
	Anew        int64       `json:"anew"`            // of one body: bytes that are kept, and sealed anew under another key; about
	Others      int         `json:"others"`          // other organisations in the case; they keep theirs
	Steward     bool        `json:"steward"`         // we are one: our voice is missing from then on
	OnlySteward bool        `json:"only_steward"`    // nobody else decides in the case
	Siblings    int         `json:"siblings"`        // other daemons of ours; they keep theirs
	Invited     int         `json:"invited"`         // our invitations into it that wait; they are withdrawn
	Exports     int         `json:"exports"`         // times that its bytes were handed out here; of a case that record goes with it
	Embargo     string      `json:"embargo"`
	End         *time.Time  `json:"end"`
}

// Erasure says what erasing a case, or with entry one body of it, would destroy.
func (c *Client) Erasure(ctx context.Context, name, entry string) (*Erasure, error) {
	return get[Erasure](ctx, c, erasureAt(name, entry))
}

// Erase erases a case here, or with entry one body of it. It returns once nobody can
// read it on this disk any more.
func (c *Client) Erase(ctx context.Context, name, entry string) (*Erasure, error) {
	return ask[Erasure](ctx, c, erasureAt(name, entry), Act{})
}

// TakeErased is Client.Accept, of a case that may have been erased here.
func (c *Client) TakeErased(ctx context.Context, item string) (*Written, error) {
	return send(ctx, c, "/inbox/"+url.PathEscape(item)+"/accept", Accept{TakeErased: true})
}

func erasureAt(name, entry string) string {
	if entry == "" {
		return caseAt(name, "/erase")
	}
	return caseAt(name, "/entries/"+url.PathEscape(entry)+"/erase")
}
