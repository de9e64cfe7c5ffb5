package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/daemon/domain"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Limits of what speaks for an organisation (spec/identity.md §8.7).
const (
	domainLasts = 400 * 24 * time.Hour // how long a domain's word counts
	minVouchers = 2
	clockSkew   = 24 * time.Hour // between two clocks
)

// contact is what speaks for a pinned organisation, as it came about. The level that
// follows from it is never stored: grounds and level derive it whenever it is asked
// for, so that it falls by itself with what it rests on.
type contact struct {
	Words   time.Time `json:"words,omitzero"`   // when a person compared them
	Domain  asked     `json:"domain,omitzero"`  // the domain that named it last
	Refused asked     `json:"refused,omitzero"` // the check after that which failed
	Vouches vouches   `json:"vouches,omitempty"`
	Anew    bool      `json:"anew,omitempty"` // was pinned anew after two histories of its keys
}

// asked is a domain that was asked.
type asked struct {
	Domain string    `json:"domain"`
	Way    string    `json:"way,omitempty"`
	Fault  string    `json:"fault,omitempty"`
	At     time.Time `json:"at"`
}

// vouches are at most one of each voucher, verified when they were taken; on disk
// they are the signed objects. A slice in use never changes.
type vouches []*identity.Vouch

// MarshalJSON writes the signed objects.
func (v vouches) MarshalJSON() ([]byte, error) {
	raw := make([][]byte, len(v))
	for i, x := range v {
		raw[i] = x.Raw
	}
	return json.Marshal(raw)
}

// UnmarshalJSON reads what was verified before it was stored.
func (v *vouches) UnmarshalJSON(b []byte) error {
	var raw [][]byte
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	*v = make(vouches, len(raw))
	for i, r := range raw {
		x, err := identity.ParseVouch(r)
		if err != nil {
			return fmt.Errorf("stored vouch: %w", err)
		}
		(*v)[i] = x
	}
	return nil
}

// level is what follows from grounds, and from nothing else.
func level(grounds []api.Ground) identity.Trust {
	count := map[string]int{}
	for _, g := range grounds {
		if g.Holds {
			count[g.Kind]++
		}
	}
	switch {
	case count["words"] > 0:
		return identity.TrustVerified
	case count["vouch"] >= minVouchers:
		return identity.TrustVouched
	case count["domain"] > 0:
		return identity.TrustDomain
	}
	return identity.TrustTOFU
}

// contact is how sure we are, now, of a pinned organisation.
func (d *directory) contact(o id.OrgID) (identity.Trust, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	k, ok := d.orgs[o]
	if !ok || k.card == nil || k.suspect {
		return 0, false
	}
	return level(d.grounds(k)), true
}

// grounds judges what speaks for a pinned organisation, now. The caller holds mu.
func (d *directory) grounds(k *known) []api.Ground {
	var out []api.Ground
	add := func(g api.Ground, at time.Time, fault string) {
		g.Holds, g.Fault = fault == "", fault
		if !at.IsZero() {
			at = at.UTC()
			g.At = &at
		}
		out = append(out, g)
	}
	c, now := k.contact, d.now()
	if !c.Words.IsZero() {
		add(api.Ground{Kind: "words"}, c.Words, "")
	} else if c.Anew {
		add(api.Ground{Kind: "history"}, time.Time{}, "two histories of its keys were seen: what spoke for it before counts no more")
	}
	if c.Domain != (asked{}) {
		until := c.Domain.At.Add(domainLasts).UTC()
		add(api.Ground{Kind: "domain", Domain: c.Domain.Domain, Way: c.Domain.Way, Until: &until}, c.Domain.At, c.Domain.faultOf(k.org, now))
	}
	if c.Refused != (asked{}) {
		add(api.Ground{Kind: "domain", Domain: c.Refused.Domain}, c.Refused.At, c.Refused.Fault)
	}
	for _, v := range c.Vouches {
		by, until := v.Voucher, api.Instant(v.Until)
		g := api.Ground{Kind: "vouch", By: &by, Until: &until}
		if w, ok := d.orgs[by]; ok {
			g.ByName = w.org.Name
		}
		add(g, api.Instant(v.T), d.vouchFault(v, k.org, now))
	}
	return out
}

// faultOf says why a domain's word counts no more; "": it does.
func (a asked) faultOf(org *identity.Org, now time.Time) string {
	switch {
	case !slices.Contains(org.Domains, a.Domain):
		return "the organisation does not name this domain any more"
	case now.After(a.At.Add(domainLasts)):
		return "that was more than 400 days ago"
	}
	return ""
}

// vouchFault says why a vouch does not count; "": it does. It counts only what a
// person here has verified the voucher for: so no chain of words of others, and no
// two domains that somebody has bought, lifts anybody. The caller holds mu.
func (d *directory) vouchFault(v *identity.Vouch, org *identity.Org, now time.Time) string {
	w, ok := d.orgs[v.Voucher]
	switch {
	case !ok || w.card == nil:
		return "the voucher is not pinned here"
	case w.suspect:
		return "two histories of the voucher's keys were seen"
	case w.contact.Words.IsZero():
		return "you have not compared the voucher's words"
	case v.Name != org.Name:
		return fmt.Sprintf("it is for the name %s", v.Name)
	case !api.Instant(v.Until).After(now):
		return "it has ended"
	case api.Instant(v.T).After(now.Add(clockSkew)):
		return "it is dated in the future"
	}
	key, ok := w.org.Daemon(v.Kid)
	switch {
	case !ok || key.Revoked:
		return "the key that signed it was revoked"
	case !key.Can(identity.CapConsent) || !key.InForce(uint64(now.Unix())):
		return "the certificate of the key that signed it is not in force"
	}
	return ""
}

// speak changes what speaks for a pinned organisation.
func (d *directory) speak(o id.OrgID, change func(*contact)) error {
	d.edit.Lock()
	defer d.edit.Unlock()
	k, ok := d.orgs[o]
	if !ok || k.card == nil || k.suspect {
		return errNotPinned
	}
	n := *k
	change(&n.contact)
	return d.save(&n)
}

// asked keeps what the domains of an organisation said of it.
func (c *contact) asked(name string, looks []domain.Look, at time.Time) {
	last := looks[len(looks)-1]
	a := asked{Domain: name, At: at}
	if domain.Confirms(looks) {
		a.Way = last.Way
		c.Domain, c.Refused = a, asked{}
		return
	}
	a.Fault = "it did not answer"
	if domain.Denies(looks) {
		a.Fault = "it does not name the organisation"
		if c.Domain.Domain == name {
			c.Domain = asked{}
		}
	}
	c.Refused = a
}

// take verifies a vouch and keeps it, in the place of an older one of the same
// voucher.
func (d *directory) take(raw []byte) (id.OrgID, error) {
	v, err := identity.ParseVouch(raw)
	if err != nil {
		return id.OrgID{}, badVouch(err)
	}
	if v.Org == d.self || v.Voucher == d.self {
		return v.Org, &api.Error{Kind: api.Invalid, Text: "this vouch is about us or by us: it is for others", Try: "give it to those who shall rely on it"}
	}
	d.mu.RLock()
	w, ok := d.orgs[v.Voucher]
	d.mu.RUnlock()
	if !ok || w.card == nil || w.suspect {
		return v.Org, &api.Error{Kind: api.Refused, Rule: "not-pinned", Text: "the vouch says that it is of " + v.Voucher.String() + ", which is not pinned here",
			Try: "cordon peer add FILE, with the card of that organisation; then this again"}
	}
	if v, err = identity.OpenVouch(raw, w.org); err != nil {
		return id.OrgID{}, badVouch(err)
	}
	return v.Org, d.speak(v.Org, func(c *contact) {
		same := func(x *identity.Vouch) bool { return x.Voucher == v.Voucher }
		if at := slices.IndexFunc(c.Vouches, same); at >= 0 && c.Vouches[at].T > v.T {
			return
		}
		c.Vouches = append(slices.DeleteFunc(slices.Clone(c.Vouches), same), v)
		slices.SortFunc(c.Vouches, func(a, b *identity.Vouch) int { return bytes.Compare(a.Voucher[:], b.Voucher[:]) })
	})
}

func badVouch(err error) error {
	return &api.Error{Kind: api.Invalid, Rule: rule(err), Text: "the vouch does not verify: " + err.Error(),
		Try: "ask for it again; if its key is new, first for the voucher's newest card"}
}

var errNotPinned = &api.Error{Kind: api.Refused, Rule: "not-pinned", Text: "no person has pinned the card of this organisation here, or two histories of its keys were seen",
	Try: "cordon peer add FILE, with its card"}
