package api

import (
	"context"
	"net/url"
	"time"

	"cordon/protocol/id"
)

// Stewards is who decides in a case, and what is proposed. cordon.stewards/1
type Stewards struct {
	Schema    string      `json:"schema,omitempty"` // none where it stands in a Case
	Case      id.CaseID   `json:"case"`
	State     string      `json:"state"`  // ok, conflict, upgrade-needed
	Config    id.ConfigID `json:"config"` // in force
	N         uint64      `json:"n"`      // its number; 0 for the first
	Quorum    int         `json:"quorum"` // how many of the stewards carry the next
	Stewards  []Steward   `json:"stewards"`
	Proposals []Change    `json:"proposals"`           // to follow the one in force
	Beside    []Beside    `json:"beside,omitempty"`    // changes that are carried and not followed
	Disowned  []Disowned  `json:"disowned,omitempty"`  // changes that are followed, and rest on votes that were taken back
	Silence   *Quiet      `json:"silence,omitempty"`   // of stewards, that members have noted
	Succeeded *Succeeded  `json:"succeeded,omitempty"` // that we were a steward, and the members replaced us
	Owes      []string    `json:"owes,omitempty"`      // kinds of what our daemon is about to write by itself
}

// Succeeded is how an organisation that was a steward came to be one no more by a
// succession, the last of them where there were several.
type Succeeded struct {
	Config   id.ConfigID `json:"config"`
	By       id.OrgID    `json:"by"` // who proposed it
	T        time.Time   `json:"t"`  // when, by its own clock
	Endorsed []id.OrgID  `json:"endorsed"`
	Stewards []id.OrgID  `json:"stewards"` // whom it made stewards, by rank
}

// Beside is a change that has the voices it needs, where another one is followed.
type Beside struct {
	Change Change      `json:"change"`
	Chain  id.ConfigID `json:"chain"` // what is followed in its place
	Both   []id.OrgID  `json:"both"`  // who voted on both sides
}

// Disowned is a change that is followed, and would not be carried without votes of keys that
// were revoked, which their organisations do not let stand.
type Disowned struct {
	Change Change     `json:"change"`
	By     []id.OrgID `json:"by"` // whose votes
}

// ForkedKey is a daemon key that has signed two histories.
type ForkedKey struct {
	Org     id.OrgID `json:"org"` // whose key it is; zero: of no organisation of the case
	Name    string   `json:"name"`
	Kid     id.Kid   `json:"kid"`
	Places  []Place  `json:"places"`  // where it signed two entries, one a branch
	Proven  bool     `json:"proven"`  // the case has the proof: what the key writes after it is refused
	Revoked bool     `json:"revoked"` // its organisation goes on with another key
	Own     bool     `json:"own"`     // it is the key of this daemon
}

// Place is where two entries stand of which one may.
type Place struct {
	Comp    string        `json:"comp"` // 0, 1 or the compartment's id
	Seq     id.Seq        `json:"seq"`
	Entries [2]id.EntryID `json:"entries"` // the first arrived here before the other
}

// Quiet is that stewards have written nothing since a member noted it, so many that
// the others are no quorum: the members may come to replace them.
type Quiet struct {
	Silent  []id.OrgID `json:"silent"`  // by rank
	Noted   []Noted    `json:"noted"`   // the other members that have noted it
	Missing []id.OrgID `json:"missing"` // and those that have not
	From    *time.Time `json:"from"`    // when our voice for a succession begins to count, by our clock; null: we have not noted it
}

// Noted is when an organisation noted a silence, by its own clock.
type Noted struct {
	Org id.OrgID  `json:"org"`
	T   time.Time `json:"t"`
}

// Steward is an organisation that decides.
type Steward struct {
	Rank     int        `json:"rank"` // 0 leads
	Org      id.OrgID   `json:"org"`
	Name     string     `json:"name"`
	LastWord *time.Time `json:"last_word"` // of its control entries, by its own clock; null: none
}

// Change is a config of stewards, and what it changes. cordon.change/1
type Change struct {
	Schema   string       `json:"schema,omitempty"` // none where it stands in a list
	Config   *id.ConfigID `json:"config"`           // null: a plan, nothing is written
	Parent   id.ConfigID  `json:"parent"`
	Kind     string       `json:"kind"` // change, checkpoint, succession
	By       id.OrgID     `json:"by"`
	T        time.Time    `json:"t"`
	Stewards []id.OrgID   `json:"stewards"` // by rank
	Quorum   int          `json:"quorum"`
	Need     int          `json:"need"`     // voices that carry it
	Endorsed []id.OrgID   `json:"endorsed"` // whose voices it has
	Missing  []id.OrgID   `json:"missing"`  // who has not given its voice to any of its kind
	Added    []id.OrgID   `json:"added"`
	Dropped  []id.OrgID   `json:"dropped"`
	Void     []id.EntryID `json:"void"` // acts that would lose their force
	Lost     []Lost       `json:"lost"` // the first 20 of them, as the log has them
	InForce  bool         `json:"in_force"`
	Stuck    *Stuck       `json:"stuck,omitempty"`    // it cannot be carried any more
	Warnings []string     `json:"warnings,omitempty"` // of what is not in force, for people
}

// Lost is an act that would lose its force, or has no force under another config.
type Lost struct {
	LogLine
	Then string `json:"then,omitempty"` // of whom it admitted or removed: "in" the case then, or "out" of it
}

// Stuck is why a proposal cannot be carried any more, by what is here, and what remains
// to be done.
type Stuck struct {
	Text    string      `json:"text"`
	Remains string      `json:"remains"`
	Spent   []Elsewhere `json:"spent"`   // who gave its voice to another proposal
	Heard   []id.OrgID  `json:"heard"`   // whom a succession drops, and who has written since
	Outside []id.OrgID  `json:"outside"` // whom it names, and who was no member yet
}

// Elsewhere is a voice that was given to another proposal of the same kind.
type Elsewhere struct {
	Org    id.OrgID    `json:"org"`
	Config id.ConfigID `json:"config"`
}

// ChangeStewards asks for other stewards. Who stays need not be named.
type ChangeStewards struct {
	Add        []string `json:"add,omitempty"`
	Drop       []string `json:"drop,omitempty"`
	Lead       string   `json:"lead,omitempty"`
	Quorum     int      `json:"quorum,omitempty"`     // 0: more than half
	Succession bool     `json:"succession,omitempty"` // by the members, in the place of silent stewards
	Plan       bool     `json:"plan,omitempty"`       // only say what would change
	AcceptLoss bool     `json:"accept_loss,omitempty"`
}

// Vote is the request of an endorsement.
type Vote struct {
	AcceptLoss bool `json:"accept_loss,omitempty"` // although acts lose their force
}

// PinTo says which of two configs in conflict a daemon is to be bound to.
type PinTo struct {
	What       string `json:"what"`                  // the config
	AcceptLoss bool   `json:"accept_loss,omitempty"` // although acts lose their force, or we are no steward then
}

// Pin is the config that this daemon is bound to. cordon.pin/1
type Pin struct {
	Schema string      `json:"schema"`
	Case   id.CaseID   `json:"case"`
	State  string      `json:"state"`
	Pinned id.ConfigID `json:"pinned"` // what this daemon has acted under
	Chain  id.ConfigID `json:"chain"`  // in force by the rules, for everybody
	Rivals *Rivals     `json:"rivals"` // in conflict: what stands against what
}

// Rivals are two configs that follow one, each with the voices that it needs.
type Rivals struct {
	Pinned Change     `json:"pinned"` // leads to what this daemon has acted under
	Chain  Change     `json:"chain"`  // has its place by the rules; void: what follows from taking it
	Both   []id.OrgID `json:"both"`   // who voted on both sides
}

// Stewards says who decides in a case, and what is proposed.
func (c *Client) Stewards(ctx context.Context, name string) (*Stewards, error) {
	return get[Stewards](ctx, c, caseAt(name, "/stewards"))
}

// ChangeStewards proposes other stewards, and endorses that; with Plan it only
// says what would change. Pending: a succession has to wait, or a checkpoint is
// under way.
func (c *Client) ChangeStewards(ctx context.Context, name string, r ChangeStewards) (*Change, error) {
	return ask[Change](ctx, c, caseAt(name, "/stewards"), r)
}

// Endorse votes for a proposed config.
func (c *Client) Endorse(ctx context.Context, name, config string, r Vote) (*Change, error) {
	return ask[Change](ctx, c, caseAt(name, "/stewards/"+url.PathEscape(config)), r)
}

// Pin says which config this daemon is bound to; with a config, one of the two
// that are in conflict, it binds it to that.
func (c *Client) Pin(ctx context.Context, name string, to PinTo) (*Pin, error) {
	if to.What == "" {
		return get[Pin](ctx, c, caseAt(name, "/pin"))
	}
	return ask[Pin](ctx, c, caseAt(name, "/pin"), to)
}
