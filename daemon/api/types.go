package api

import (
	"time"

	"cordon/protocol/id"
)

// Status is what this daemon is and sees. cordon.status/1
type Status struct {
	Schema      string          `json:"schema"`
	Org         id.OrgID        `json:"org"`
	Name        string          `json:"name"`
	Role        string          `json:"role"`              // vendor, coordinator or reporter
	Fingerprint string          `json:"fingerprint"`       // 12 words, to be read aloud
	Kid         id.Kid          `json:"kid"`               // of the daemon's signing key
	CertUntil   time.Time       `json:"cert_until"`        // end of the daemon's certificate
	Stopped     string          `json:"stopped,omitempty"` // why it writes nothing; "": it writes
	Listen      []string        `json:"listen"`            // multiaddrs, with the real ports
	Relays      []RelayRow      `json:"relays,omitempty"`  // where we wait for who cannot dial us
	Peers       []PeerRow       `json:"peers"`
	Cases       int             `json:"cases"`
	Inbox       int             `json:"inbox"`    // invitations that wait for an answer
	Releases    []ReleaseNotice `json:"releases"` // planned in our cases, and not public yet
	Full        []FullRow       `json:"full,omitempty"`
}

// FullRow is an organisation that has filled its room in a case: no more of its notes and
// files is taken there. What it does in the case goes on.
type FullRow struct {
	Org   id.OrgID  `json:"org"`
	Name  string    `json:"name"`
	Case  id.CaseID `json:"case"`
	Bytes uint64    `json:"bytes"` // of it that count
	Room  uint64    `json:"room"`  // bytes: room in config.toml
}

// Fault is what a daemon of an organisation did against the rules of replication.
type Fault struct {
	Rule  string     `json:"rule"` // flood, bad-frame, … (spec/sync.md §10)
	At    time.Time  `json:"at"`
	Times int        `json:"times"`           // how often its connection was ended for such
	Until *time.Time `json:"until,omitempty"` // it is not talked to before
}

// RelayRow is one relay that config.toml names.
type RelayRow struct {
	Addr  string `json:"addr"`
	Fault string `json:"fault,omitempty"` // "": we have a place there
}

// PeerRow is one organisation that we know.
type PeerRow struct {
	Schema      string    `json:"schema,omitempty"` // cordon.peer/1 where it stands alone
	Org         id.OrgID  `json:"org"`
	Name        string    `json:"name"`
	Level       string    `json:"level"` // pinned; introduced: met in a case, cannot be invited; suspect: two histories of its keys; own: another daemon of ours
	Fingerprint string    `json:"fingerprint"`
	Connected   bool      `json:"connected"`
	Fault       *Fault    `json:"fault,omitempty"` // what it did against the rules last, since the daemon runs
	Hold        bool      `json:"hold,omitempty"`  // a person holds everything of cases back from it, here
	Addrs       []string  `json:"addrs"`
	Contact     string    `json:"contact,omitempty"`   // pinned: how sure we are who it is: tofu, domain, vouched, verified
	Domains     []string  `json:"domains,omitempty"`   // pinned: those that it names as its own
	Grounds     []Ground  `json:"grounds,omitempty"`   // pinned: what Contact follows from
	Histories   []History `json:"histories,omitempty"` // suspect: the one known before, and the other
	Events      int       `json:"events,omitempty"`    // own: length of our chain with what its card has brought
}

// History is one of two histories of an organisation's keys, of which neither goes on
// from the other.
type History struct {
	Events int   `json:"events"` // how many it has
	At     Event `json:"at"`     // the first that the other has not
}

// Event is one event of an organisation's chain.
type Event struct {
	N     int    `json:"n"` // from 1 on
	Says  string `json:"says"`
	Words string `json:"words"` // twelve words, for it and all before it
}

// Peers is every organisation that we know. cordon.peers/1
type Peers struct {
	Schema string    `json:"schema"`
	Peers  []PeerRow `json:"peers"`
}

// Written is the answer to every act. cordon.written/1
type Written struct {
	Schema string     `json:"schema"`
	Case   *id.CaseID `json:"case,omitempty"`
	ID     string     `json:"id,omitempty"`   // of the entry or invitation that was written
	Comp   string     `json:"comp,omitempty"` // the compartment that a note went to
	To     []id.OrgID `json:"to,omitempty"`   // who may read it, where that is not everybody
	// Warnings are what a person should know of it beside.
	Warnings []Warning `json:"warnings,omitempty"`
}

// OpenCase asks for a new case.
type OpenCase struct {
	Title        string    `json:"title"`
	EmbargoUntil time.Time `json:"embargo_until"`     // zero: after the days of our policy, else 45
	File         string    `json:"file,omitempty"`    // name of the report's file
	Media        string    `json:"media,omitempty"`   // its media type
	Contact      string    `json:"contact,omitempty"` // the level of contact that we ask of whom we invite; "": the daemon's default
}

// Invite asks to invite a pinned organisation.
type Invite struct {
	Org    string `json:"org"`
	Role   string `json:"role"`             // mitigating-vendor, dependent-vendor, coordinator, reporter, deployer, observer
	Teaser string `json:"teaser,omitempty"` // at most 280 bytes that the invited see before they sign; default nothing

	// full or from-admission: what was written before it is admitted is given to it, or not.
	// "": full; a member that is asked to take a further role is given what it has been.
	History string `json:"history,omitempty"`
}

// Say asks for a note: to everybody in the case, or to exactly To and ourselves.
type Say struct {
	Text string   `json:"text"`
	To   []string `json:"to,omitempty"`
	TLP  string   `json:"tlp,omitempty"` // a label stricter than that of the terms; "": theirs
}

// Attach names the file that follows.
type Attach struct {
	File  string   `json:"file"`
	Media string   `json:"media,omitempty"`
	To    []string `json:"to,omitempty"`  // as in Say
	TLP   string   `json:"tlp,omitempty"` // as in Say
}

// Act is the request of every short act; which fields count stands at the
// table of paths.
type Act struct {
	What string `json:"what,omitempty"` // rm: valid, invalid, accept, defer, close; fix: ready, deployed; claim: public, exploit, attack
	Org  string `json:"org,omitempty"`
	Text string `json:"text,omitempty"` // the reason or the evidence; travels as sealed content
}

// Inbox is what waits for a person. cordon.inbox/1
type Inbox struct {
	Schema string      `json:"schema"`
	Items  []InboxItem `json:"items"`
}

// InboxItem is one thing that waits for a person.
type InboxItem struct {
	ID        string      `json:"id"`
	Kind      string      `json:"kind"` // invitation
	From      id.OrgID    `json:"from"`
	FromName  string      `json:"from_name"`
	Role      string      `json:"role"`
	Agreement Agreement   `json:"agreement"`
	History   string      `json:"history"` // full or from-admission: of what was written before; so the inviter says
	Teaser    string      `json:"teaser,omitempty"`
	Expires   time.Time   `json:"expires"`
	Case      *id.CaseID  `json:"case,omitempty"`     // one that we are in: it offers a further role there
	Replaces  *id.EntryID `json:"replaces,omitempty"` // the invitation whose place it took: the terms are others
	State     string      `json:"state"`              // open; accepted: signed, the inviter has not let us in yet; refused; withdrawn; erased: signed, of a case that was erased here
}

// Accept is a yes to an invitation.
type Accept struct {
	TakeErased bool `json:"take_erased,omitempty"` // also if it is of a case that was erased here
}

// Agreement is the embargo terms that a yes signs.
type Agreement struct {
	ID   id.AgrID   `json:"id"`
	End  *time.Time `json:"end"` // null: no embargo
	Text string     `json:"text"`
}

// Cases is the list of cases. cordon.cases/1
type Cases struct {
	Schema string    `json:"schema"`
	Cases  []CaseRow `json:"cases"`
}

// Heading is the title of a case, and why there may be none.
type Heading struct {
	Title string     `json:"title"`                   // "" until the subject's body is here
	Since *time.Time `json:"history_since,omitempty"` // we are not given what was written before: no title, no report
	Cut   bool       `json:"history_cut,omitempty"`   // all is given to us now, but feeds have begun here at our admission
}

// CaseRow is one line of the list.
type CaseRow struct {
	Case id.CaseID `json:"case"`
	Heading
	Embargo string     `json:"embargo"`
	End     *time.Time `json:"end"`
	CS      string     `json:"cs"`
	RM      string     `json:"rm"`    // ours
	State   string     `json:"state"` // ok, conflict, upgrade-needed; damaged: not readable from the disk

	Unfinished *Warning `json:"unfinished,omitempty"` // it was split off, and that was cut short
}

// Case is one case as this daemon sees it. cordon.case/1
type Case struct {
	Schema string    `json:"schema"`
	Case   id.CaseID `json:"case"`
	Heading
	Stewards     []id.OrgID    `json:"stewards"`
	Participants []Participant `json:"participants"`
	Embargo      Embargo       `json:"embargo"`
	CS           string        `json:"cs"`
	State        string        `json:"state"` // ok, conflict, upgrade-needed
	Entries      int           `json:"entries"`
	Forks        int           `json:"forks"`
	Forked       []ForkedKey   `json:"forked,omitempty"` // the keys that signed two histories
	Claims       []CaseClaim   `json:"claims"`
	Clocks       []Clock       `json:"clocks,omitempty"`  // the legal clocks of our policy that run here
	Authority    *Stewards     `json:"authority"`         // who decides, and what is proposed
	Refused      []LogLine     `json:"refused"`           // steward acts, proposals and votes that the rules refuse
	Ahead        []AheadOf     `json:"ahead,omitempty"`   // whose clock is ahead of this daemon's by more than 10 minutes
	Digest       string        `json:"digest"`            // SHA-256 over the sorted ids of all stored comp-0 entries
	Contact      string        `json:"contact,omitempty"` // the level of contact that this daemon asks of whom it invites
	Release      *Release      `json:"release,omitempty"` // the barrier, where one is planned
	Links        []Link        `json:"links"`             // other cases that belong to this one
	Lease        *Lease        `json:"lease,omitempty"`   // notes and files are held back here, or soon will be

	GivenLess bool `json:"given_less,omitempty"` // than the invitation that we accepted told: history_since

	Unfinished *Warning `json:"unfinished,omitempty"` // it was split off, and that was cut short
}

// Lease says how long notes and files flow from this daemon to members that are no
// stewards: 21 days after a steward was last heard.
type Lease struct {
	Flows bool       `json:"flows"`
	Heard *time.Time `json:"heard"` // null: not known, which counts as long ago
	Until *time.Time `json:"until"`
}

// AheadOf is an organisation whose last control entry claims a time that is yet to
// come.
type AheadOf struct {
	Org id.OrgID  `json:"org"`
	T   time.Time `json:"t"`
}

// Participant is one organisation of a case, or one that we have invited.
type Participant struct {
	Org      id.OrgID `json:"org"`
	Name     string   `json:"name"`
	Roles    []string `json:"roles"`
	RM       string   `json:"rm"`
	VFD      string   `json:"vfd"`
	Consent  string   `json:"consent"`
	Admitted bool     `json:"admitted"`
	Removed  bool     `json:"removed"` // was admitted, is no more
	// full or from-admission: a member, or who is invited, is given what was written before, or not.
	History string     `json:"history"`
	Since   *time.Time `json:"history_since,omitempty"` // from-admission, a member: when that was
	Further *Further   `json:"further,omitempty"`       // of a member: our invitation for a further role
	Held    *Warning   `json:"held,omitempty"`          // has accepted our invitation and is not let in: why, and what to do
	Suspect bool       `json:"suspect,omitempty"`       // two histories of its keys were seen here: we neither dial it nor let it in
}

// Further is an invitation of a member for a further role.
type Further struct {
	Role    string `json:"role"`
	Consent string `json:"consent"` // invited, declined
}

// Embargo is the embargo of a case.
type Embargo struct {
	State       string     `json:"state"`
	ExitPending bool       `json:"exit_pending"`
	End         *time.Time `json:"end"`
	Agreed      *time.Time `json:"agreed_end,omitempty"` // of the terms in force, where a merged case brings an earlier one
	Merged      *id.Pair   `json:"end_of,omitempty"`     // that case, as Case.Links has it
	Agreement   *id.AgrID  `json:"agreement"`
	Proposals   []Proposal `json:"proposals"`
}

// Proposal is an open proposal of other terms.
type Proposal struct {
	ID       id.AgrID   `json:"id"`
	End      *time.Time `json:"end"`       // null: no embargo
	By       id.OrgID   `json:"by"`        // who proposes it; of several the first by id
	AnswerBy *time.Time `json:"answer_by"` // until when an answer is asked for
	Relaxes  bool       `json:"relaxes"`   // who signed what is in force is bound by it without signing
	Accepted []id.OrgID `json:"accepted"`
	Declined []id.OrgID `json:"declined"`
	Missing  []id.OrgID `json:"missing"` // stewards who have not given their word for it
	Need     int        `json:"need"`    // how many of their words make it the one in force
}

// Terms are the embargo of a case in full. cordon.terms/1
type Terms struct {
	Schema   string           `json:"schema"`
	Case     id.CaseID        `json:"case"`
	Embargo  Embargo          `json:"embargo"`
	InForce  AgreementTerms   `json:"in_force"`
	Proposed []AgreementTerms `json:"proposed"` // in the order of Embargo.Proposals
}

// AgreementTerms are an agreement in full.
type AgreementTerms struct {
	ID       id.AgrID   `json:"id"`
	Start    time.Time  `json:"start"`
	End      *time.Time `json:"end"` // null: no embargo
	AnswerBy *time.Time `json:"answer_by"`
	TLP      string     `json:"tlp"`
	Publish  string     `json:"publish"`   // nobody-before-the-end, free
	Use      string     `json:"use"`       // remediation-only, any
	Retain   int        `json:"retention"` // days after the end; 0 for ever
	Text     string     `json:"text"`
}

// ProposeTerms asks for other terms. Until is given; what else is not stays as it is in force.
type ProposeTerms struct {
	Until    time.Time `json:"until"`
	Text     string    `json:"text,omitempty"`     // of the whole agreement
	TLP      string    `json:"tlp,omitempty"`      // clear, green, amber, amber+strict, red
	Justify  string    `json:"justify,omitempty"`  // why longer than 90 days: becomes a part of the text
	AnswerBy time.Time `json:"answer_by,omitzero"` // default 7 days from now; at least 72 hours
}

// CaseClaim is a claim that the matter is public, exploited or attacked.
type CaseClaim struct {
	ID        id.EntryID `json:"id"`
	What      string     `json:"what"`
	By        id.OrgID   `json:"by"`
	Confirmed bool       `json:"confirmed"`
	Refuted   bool       `json:"refuted"` // by a steward; it alarms nobody while nobody confirms it
}

// LogLine is one entry of a case. cordon.log/1
type LogLine struct {
	Schema  string     `json:"schema"`
	Pos     uint64     `json:"pos"` // place of arrival here; a watch resumes after it
	ID      id.EntryID `json:"id"`
	Org     id.OrgID   `json:"org"` // zero: of no organisation of the case
	Name    string     `json:"name"`
	Kid     id.Kid     `json:"kid"`
	Comp    string     `json:"comp"` // 0, 1 or the compartment's id
	Seq     id.Seq     `json:"seq"`
	LC      uint64     `json:"lc"`
	T       time.Time  `json:"t"`               // claimed by the author
	Ahead   bool       `json:"ahead,omitempty"` // T lies more than 10 minutes ahead of this daemon's clock
	Type    string     `json:"type"`
	Refused string     `json:"refused,omitempty"` // the rule; "" means honoured
	Why     string     `json:"why,omitempty"`     // the same in words
	What    string     `json:"what,omitempty"`    // the code of a status, a claim, …
	About   string     `json:"about,omitempty"`   // the organisation or entry that it concerns
	Title   string     `json:"title,omitempty"`   // of a subject
	Text    string     `json:"text,omitempty"`    // of a note, reason or detail, as far as it is here
	File    string     `json:"file,omitempty"`    // of an attachment or report
	Size    *uint64    `json:"size,omitempty"`    // its bytes
	Body    string     `json:"body,omitempty"`    // content entries: here, awaited, erased, or bad
	TLP     string     `json:"tlp,omitempty"`     // content entries: clear, green, amber, amber+strict, red; that of the terms until the body is here

	Stricter bool `json:"stricter,omitempty"` // TLP is stricter than the terms under which it was written

	// Of a proposal: the stewards that it names, by rank, and how many of them carry
	// the next one.
	Stewards []id.OrgID `json:"stewards,omitempty"`
	Quorum   int        `json:"quorum,omitempty"`
}

// Export is the stamp of bytes of a case that were handed out at this machine: what
// the recipient may do with them, and how they are found again. cordon.exports/1 lists
// them.
type Export struct {
	ID        string     `json:"id"` // 16 hex digits
	Case      id.CaseID  `json:"case"`
	Entry     id.EntryID `json:"entry"`
	TLP       string     `json:"tlp"` // clear, green, amber, amber+strict, red
	Size      uint64     `json:"size"`
	Recipient string     `json:"recipient"`          // our organisation
	Operator  string     `json:"operator,omitempty"` // who asked, as the caller said
	At        time.Time  `json:"at"`
}

// Exports are the stamps of one case, oldest first.
type Exports struct {
	Schema  string   `json:"schema"`
	Exports []Export `json:"exports"`
}

// Verified is the result of rewalking hashes and signatures. cordon.verify/1
type Verified struct {
	Schema  string `json:"schema"`
	Entries int    `json:"entries"`
	Bad     int    `json:"bad"`
	Covered int    `json:"covered"`
	Forks   int    `json:"forks"`
}
