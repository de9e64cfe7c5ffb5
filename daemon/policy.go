package daemon

import (
	"fmt"
	"net/http"
	"time"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
	"cordon/protocol/identity"
	"cordon/protocol/model"
)

// policy is the table [policy] of config.toml: what our card tells others in advance. 0
// says nothing.
type policy struct {
	EmbargoDays uint64 `toml:"embargo_days,omitzero"` // the embargo that we usually ask for
	MinDays     uint64 `toml:"min_days,omitzero"`     // the shortest that helps us
	MaxDays     uint64 `toml:"max_days,omitzero"`     // the longest that we agree to
	ReplyDays   uint64 `toml:"reply_days,omitzero"`   // how long we take to answer a proposal
	Contact     string `toml:"contact,omitempty"`     // the level of contact that we ask of who invites us
	// Hours in which we have to tell an authority that a vulnerability is exploited.
	WarningHours uint64 `toml:"early_warning_hours,omitzero"`
	NoticeHours  uint64 `toml:"notification_hours,omitzero"`
	ReportHours  uint64 `toml:"final_report_hours,omitzero"`
}

// defaultDays is the embargo of a case that is opened without an end, where our policy
// names none.
const defaultDays = 45

const day = 24 * time.Hour

// onCard is the policy as our card has it.
func (p policy) onCard() (identity.Policy, error) {
	out := identity.Policy{EmbargoDays: p.EmbargoDays, MinDays: p.MinDays, MaxDays: p.MaxDays, ReplyDays: p.ReplyDays,
		Clocks: identity.Clocks{Warning: p.WarningHours, Notice: p.NoticeHours, Report: p.ReportHours}}
	if p.Contact != "" {
		t, err := parseContact(p.Contact)
		if err != nil {
			return out, err
		}
		out.MinTrust = t
	}
	if out.Check() != nil {
		return out, invalid("policy: days 1 to 3650 with min_days <= embargo_days <= max_days, reply_days 3 to 365, hours 1 to 8784; leave out what you do not say")
	}
	return out, nil
}

// days is the embargo that we ask for where nobody has named another.
func (p policy) days() time.Duration {
	if p.EmbargoDays == 0 {
		return defaultDays * day
	}
	return time.Duration(p.EmbargoDays) * day
}

// answerTime is how long a proposal of ours leaves to answer, where it names no time.
func (p policy) answerTime() time.Duration {
	if p.ReplyDays == 0 {
		return answerTime
	}
	return time.Duration(p.ReplyDays) * day
}

// getPolicy answers GET /policy[?org=ORG].
func (s *service) getPolicy(r *http.Request) (any, error) {
	p, err := s.cfg.Policy.onCard()
	if err != nil {
		return nil, err
	}
	out := &api.Policy{Schema: "cordon.policy/1", Org: s.org.ID, Name: s.org.Name}
	if word := r.URL.Query().Get("org"); word != "" {
		org, err := s.findOrg(word)
		if err != nil {
			return nil, err
		}
		if org != s.org.ID {
			card, ok := s.dir.pinned(org)
			if !ok {
				return nil, errNotPinned
			}
			p, out.Org, out.Name = card.Policy, org, card.Name
		}
	}
	out.EmbargoDays, out.MinDays, out.MaxDays, out.ReplyDays = p.EmbargoDays, p.MinDays, p.MaxDays, p.ReplyDays
	if p.MinTrust != 0 {
		out.Contact = p.MinTrust.String()
	}
	out.Clocks = []api.PolicyClock{}
	for _, c := range clocksOf(p) {
		out.Clocks = append(out.Clocks, api.PolicyClock{Code: c.code, Hours: c.hours})
	}
	return out, nil
}

// clock is one legal clock that a policy declares.
type clock struct {
	code  string
	hours uint64
}

// clocksOf lists the legal clocks that a policy declares, the first to come first.
func clocksOf(p identity.Policy) (out []clock) {
	for _, c := range []clock{{"early-warning", p.Clocks.Warning}, {"notification", p.Clocks.Notice}, {"final-report", p.Clocks.Report}} {
		if c.hours > 0 {
			out = append(out, c)
		}
	}
	return out
}

// policyWarnings says where the published policy of an organisation that is invited does not
// go with the time that remains of the embargo (spec/model.md §6).
func (s *service) policyWarnings(c id.CaseID, org id.OrgID) (out []api.Warning, err error) {
	card, ok := s.dir.pinned(org)
	if !ok {
		return nil, nil
	}
	err = s.cases.With(c, func(k *protocol.Case) error {
		e, p := k.Embargo(), card.Policy
		if e.End == 0 || e.State == protocol.EMExited || e.Over(s.ms()) {
			return nil
		}
		remains := (e.End - s.ms() + uint64(day.Milliseconds()) - 1) / uint64(day.Milliseconds())
		say := func(text, try string) { out = append(out, api.Warning{Text: text, Try: try}) }
		sooner := func(days uint64) string {
			return inCase(fmt.Sprintf("propose the earlier end first: cordon embargo propose CASE --for %dd", days), c.String()[:short])
		}
		switch active, revision := model.Meet(remains, p.EmbargoDays); {
		case p.MaxDays > 0 && p.MaxDays < remains:
			say(fmt.Sprintf("it agrees to no more than %d days, and %d remain", p.MaxDays, remains), sooner(p.MaxDays))
		case revision == remains:
			say(fmt.Sprintf("it usually asks for %d days, and %d remain", active, remains), sooner(active))
		case p.MinDays > remains:
			say(fmt.Sprintf("it asks for %d days at least, and %d remain", p.MinDays, remains),
				inCase(fmt.Sprintf("it may ask for more once it is in; or: cordon embargo propose CASE --for %dd", p.MinDays), c.String()[:short]))
		}
		if has, ok := s.dir.contact(org); ok && p.MinTrust > has {
			say(fmt.Sprintf("it asks for a contact that is %s; yours with it is %s", p.MinTrust, has), "let it check your words: cordon card")
		}
		return nil
	})
	return out, err
}
