package api

import (
	"time"

	"cordon/protocol/id"
)

// Fold is what `cordon fold` says of a file of entries: the case as anybody who
// holds exactly these has it. No daemon answers it. cordon.fold/1
type Fold struct {
	Schema       string        `json:"schema"`
	Case         id.CaseID     `json:"case"`
	Stewards     []id.OrgID    `json:"stewards"`
	Participants []Participant `json:"participants"`
	Embargo      Embargo       `json:"embargo"`
	CS           string        `json:"cs"`
	State        string        `json:"state"` // ok, upgrade-needed
	Forks        int           `json:"forks"`
	Forked       []ForkedKey   `json:"forked,omitempty"` // whose keys signed two histories, by kid
	Claims       []CaseClaim   `json:"claims"`
	Digest       string        `json:"digest"`    // as in Case
	Chain        []FoldConfig  `json:"chain"`     // from the first config to the one in force
	Proposals    []FoldConfig  `json:"proposals"` // of configs to follow the one in force
	Beside       []FoldConfig  `json:"beside"`    // certified, and not followed: others of the same parent come before them
	Accepted     int           `json:"accepted"`  // entries, by verdict
	Refused      int           `json:"refused"`
	Rejected     int           `json:"rejected"`
	Repeated     int           `json:"repeated"` // copies of entries that the file has more than once
	Entries      []FoldEntry   `json:"entries"`  // in display order; then the rejected as the file has them
}

// FoldConfig is a config of the chain, or one that is proposed to follow it.
type FoldConfig struct {
	Config   id.ConfigID `json:"config"`
	N        uint64      `json:"n"`
	Kind     string      `json:"kind"` // ordinary, succession
	Stewards []id.OrgID  `json:"stewards"`
	Quorum   int         `json:"quorum"`
	Rules    uint64      `json:"rules"`
	Endorsed []id.OrgID  `json:"endorsed"`          // whose votes for it count
	Missing  []id.OrgID  `json:"missing,omitempty"` // proposals: who may still vote
	Need     int         `json:"need"`              // votes that carry it; 0 for the first

	Lapsed []id.ConfigID `json:"lapsed,omitempty"` // what it names so: who endorsed that may endorse this
	Stuck  bool          `json:"stuck,omitempty"`  // proposals: no votes that may still come carry it

	Chain *id.ConfigID `json:"chain,omitempty"` // beside: what is followed in its place
	Both  []id.OrgID   `json:"both,omitempty"`  // beside: who voted on both sides

	Disowned []id.OrgID `json:"disowned,omitempty"` // of the chain: who does not let stand votes that it rests on
}

// The verdicts on an entry.
const (
	FoldAccepted = "accepted" // authentic, and the rules honour it
	FoldRefused  = "refused"  // authentic, and the rules refuse it
	FoldRejected = "rejected" // not authentic: no daemon stores it
)

// FoldEntry is one entry of the file. What bytes that are no entry do not say is
// null.
type FoldEntry struct {
	ID      *id.EntryID  `json:"id"`
	Org     *id.OrgID    `json:"org"` // null: of no organisation of the case
	Kid     *id.Kid      `json:"kid"`
	Comp    string       `json:"comp,omitempty"` // 0, 1 or the compartment's id
	Seq     *id.Seq      `json:"seq"`
	Type    uint16       `json:"type,omitempty"` // registry number
	Kind    string       `json:"kind,omitempty"` // its name
	LC      *uint64      `json:"lc"`
	T       *time.Time   `json:"t"` // claimed by the author
	Verdict string       `json:"verdict"`
	Rule    string       `json:"rule,omitempty"`    // that refuses or rejects it
	Text    string       `json:"text,omitempty"`    // the same for people
	At      *int         `json:"at,omitempty"`      // rejected: where in the file it begins, in bytes
	Missing []id.EntryID `json:"missing,omitempty"` // rejected: what it rests on and is not among the authentic
}
