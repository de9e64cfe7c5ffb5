package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"cordon/protocol/id"
)

// Ground is one thing that speaks for a pinned organisation, or did once.
type Ground struct {
	Kind   string     `json:"kind"` // words: a person compared them; domain; vouch; history: two of its keys were seen
	Holds  bool       `json:"holds"`
	Fault  string     `json:"fault,omitempty"`  // why it does not count
	At     *time.Time `json:"at,omitempty"`     // when it was compared, asked or signed
	Until  *time.Time `json:"until,omitempty"`  // when it ends to count
	Domain string     `json:"domain,omitempty"` // domain: which
	Way    string     `json:"way,omitempty"`    // domain: https or dns
	By     *id.OrgID  `json:"by,omitempty"`     // vouch: whose
	ByName string     `json:"by_name,omitempty"`
}

// Check is what the domains of an organisation said of it. cordon.check/1
type Check struct {
	Schema    string  `json:"schema"`
	Peer      PeerRow `json:"peer"`
	Confirmed bool    `json:"confirmed"`
	Looks     []Look  `json:"looks"` // in the order in which they were asked
}

// Look is one way of asking a domain, and what came of it.
type Look struct {
	Domain string `json:"domain"`
	Way    string `json:"way"`             // https or dns
	Where  string `json:"where"`           // what was asked
	Want   string `json:"want"`            // what would have confirmed the organisation
	Fault  string `json:"fault,omitempty"` // what there was instead; "": it confirms
}

// Peer shows one organisation that we know.
func (c *Client) Peer(ctx context.Context, org string) (*PeerRow, error) {
	return get[PeerRow](ctx, c, peerAt(org, ""))
}

// CompareWords compares the words that an organisation's people have said with
// those of the organisation that is pinned.
func (c *Client) CompareWords(ctx context.Context, org, words string) (*PeerRow, error) {
	return ask[PeerRow](ctx, c, peerAt(org, "/words"), Act{Text: words})
}

// CheckDomain asks the domains of an organisation, or one of them, whether they name
// it. The network learns from it whom we know.
func (c *Client) CheckDomain(ctx context.Context, org, domain string) (*Check, error) {
	return ask[Check](ctx, c, peerAt(org, "/check"), Act{What: domain})
}

// Hold holds everything of every case back from an organisation, here, until Resume.
func (c *Client) Hold(ctx context.Context, org string) (*PeerRow, error) {
	return ask[PeerRow](ctx, c, "/peers/"+url.PathEscape(org)+"/hold", Act{})
}

// Resume ends a hold.
func (c *Client) Resume(ctx context.Context, org string) (*PeerRow, error) {
	return ask[PeerRow](ctx, c, "/peers/"+url.PathEscape(org)+"/resume", Act{})
}

// Vouch is our armoured word, for others, that we have verified an organisation.
func (c *Client) Vouch(ctx context.Context, org string) ([]byte, error) {
	b, err := json.Marshal(Act{})
	if err != nil {
		return nil, &Error{Kind: Internal, Text: err.Error()}
	}
	body, err := c.do(ctx, http.MethodPost, peerAt(org, "/vouch"), "application/json", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return readAll(body)
}

// AskContact sets the level of contact that this daemon asks of whom it invites into
// a case.
func (c *Client) AskContact(ctx context.Context, name, level string) (*Written, error) {
	return send(ctx, c, caseAt(name, "/contact"), Act{What: level})
}

func peerAt(org, rest string) string { return "/peers/" + url.PathEscape(org) + rest }
