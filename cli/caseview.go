package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

func (c *call) caseShow() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	k, err := client.Case(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	us := &api.Status{}
	if !c.flag("json") {
		if us, err = client.Status(c.ctx); err != nil {
			return err
		}
	}
	if err := c.show(k, func(w io.Writer) { caseText(w, k, us.Org, c.now()) }); err != nil {
		return err
	}
	if k.State == "conflict" || k.Forks > 0 {
		return quiet(exitConflict)
	}
	return nil
}

func caseText(w io.Writer, k *api.Case, us id.OrgID, now time.Time) {
	fmt.Fprintln(w, clip(titleOf(k.Heading), width))
	if slices.ContainsFunc(k.Participants, func(p api.Participant) bool { return p.Org == us && p.Removed }) {
		fmt.Fprintln(w, "WE ARE OUT OF THIS CASE: nothing new arrives. What was received stays bound.")
	}
	fmt.Fprintln(w)
	if x := k.Unfinished; x != nil {
		field(w, "UNFINISHED", x.Text+"\n"+x.Try)
	}
	field(w, "case", k.Case.String())
	ourHistory(w, k, now)
	field(w, "embargo", embargoText(k.Embargo, now))
	linksText(w, k, now)
	field(w, "state", k.CS+": "+stateWords(k.CS))
	for _, p := range k.Embargo.Proposals {
		field(w, "proposed", offerText(k, p, now))
	}
	if k.Release != nil {
		field(w, "release", releaseText(k.Release, now))
	}
	authorityText(w, k, now)
	succeededText(w, k, us, now)
	if slices.Contains(k.Stewards, us) {
		field(w, "you invite", "contacts that are "+k.Contact+contactAbove(k.Contact))
	}
	field(w, "record", recordText(k))
	forksText(w, k, us)
	suspectText(w, k)
	field(w, "digest", k.Digest)
	for _, a := range k.Ahead {
		field(w, "CLOCK", "the last entry of "+nameOf(k, a.Org)+" is dated "+when(a.T, now)+": its clock is wrong, or ours. Nothing here goes by it")
	}
	clocksText(w, k.Clocks, shortID(k.Case.String()), now)
	for _, cl := range k.Claims {
		field(w, "claim", claimText(k, cl))
	}
	fmt.Fprintln(w, "\nWho can read this:")
	var in, waiting, declined, gone [][]string
	add := func(to *[][]string, row []string, roles []string) {
		*to = append(*to, row)
		for _, r := range roles[min(1, len(roles)):] { // a line for each role
			*to = append(*to, []string{"", r, "", "", ""})
		}
	}
	for _, p := range k.Participants {
		name := clip(safe(p.Name), 24)
		if p.Org == us {
			name = clip(safe(p.Name), 19) + " (we)"
		}
		row := []string{name, strings.Join(p.Roles[:min(1, len(p.Roles))], ""), p.RM, vfdWords(p.VFD), p.Consent}
		switch {
		case p.Admitted:
			add(&in, row, p.Roles)
		case p.Removed:
			add(&gone, row, p.Roles)
		case p.Consent == "declined":
			add(&declined, row, p.Roles)
		default:
			add(&waiting, row, p.Roles)
		}
	}
	head := []string{"ORGANISATION", "ROLE", "REPORT", "FIX", "AGREEMENT"}
	table(w, head, in)
	furtherText(w, k)
	historyText(w, k)
	if len(waiting) > 0 {
		fmt.Fprintln(w, "\nInvited, has been sent nothing yet:")
		table(w, head[:2], firstTwo(waiting))
	}
	heldText(w, k)
	leaseText(w, k, now)
	if len(declined) > 0 {
		fmt.Fprintln(w, "\nDeclined the invitation, was sent nothing:")
		table(w, head[:2], firstTwo(declined))
	}
	if len(gone) > 0 {
		fmt.Fprintln(w, "\nOut of the case; keeps what it was sent before, gets nothing more:")
		table(w, head[:2], firstTwo(gone))
	}
}

// furtherText says whom we have asked to take a further role.
func furtherText(w io.Writer, k *api.Case) {
	var rows [][]string
	for _, p := range k.Participants {
		if p.Further != nil {
			rows = append(rows, []string{clip(safe(p.Name), 24), p.Further.Role, p.Further.Consent})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w, "\nAsked to take a further role:")
		table(w, []string{"ORGANISATION", "ROLE", "ANSWER"}, rows)
	}
}

// ourHistory says what we are not given of what was written before.
func ourHistory(w io.Writer, k *api.Case, now time.Time) {
	ask := "\nask a member for what we need: cordon say " + shortID(k.Case.String()) + " TEXT"
	switch {
	case k.Since != nil:
		s := "from our admission on, " + when(*k.Since, now) + ". What was written for everybody before, title and report too, is not given to us"
		if k.GivenLess {
			s += "\nTHE INVITATION THAT WE ACCEPTED SAID: ALL OF IT"
		}
		field(w, "history", s+ask)
	case k.Cut:
		field(w, "history", "all of it is given to us now, but feeds have begun here at our admission, and what is below is not taken any more"+ask+
			"\nto have all: be no steward, be removed, erase the case here, and be invited again")
	}
}

// historyText says who is not given, or will not be, what was written before.
func historyText(w io.Writer, k *api.Case) {
	var rows [][]string
	for _, p := range k.Participants {
		switch {
		case p.Since != nil:
			rows = append(rows, []string{clip(safe(p.Name), 24), "since " + p.Since.UTC().Format(time.DateOnly)})
		case p.History == "from-admission" && p.Consent != "declined":
			rows = append(rows, []string{clip(safe(p.Name), 24), "once it is admitted"})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(w, "\nReads what is written from its admission on, nothing of before:")
		table(w, []string{"ORGANISATION", "READS"}, rows)
	}
}

// leaseText says that notes and files are held back, or will be.
func leaseText(w io.Writer, k *api.Case, now time.Time) {
	l := k.Lease
	if l == nil {
		return
	}
	since := "no steward has been heard"
	if l.Heard != nil {
		since += " since " + when(*l.Heard, now)
	}
	fmt.Fprintln(w)
	if l.Flows {
		field(w, "lease", since+": without one, notes and files go to stewards alone from "+when(*l.Until, now)+" on")
		return
	}
	field(w, "HELD BACK", since+": notes and files of this case go from here to stewards alone, until one is heard")
	field(w, "what to do", "cordon peer list: connect with a steward; or replace those that have gone: cordon case next "+shortID(k.Case.String()))
}

// heldText says who has accepted and is not let in.
func heldText(w io.Writer, k *api.Case) {
	for _, p := range k.Participants {
		if p.Held == nil {
			continue
		}
		fmt.Fprintln(w)
		field(w, "WAITS", safe(p.Name)+": "+p.Held.Text)
		if p.Held.Try != "" {
			field(w, "what to do", p.Held.Try)
		}
	}
}

func firstTwo(rows [][]string) [][]string {
	out := make([][]string, len(rows))
	for i, r := range rows {
		out[i] = r[:2]
	}
	return out
}

func embargoText(e api.Embargo, now time.Time) string {
	s := e.State
	switch {
	case e.End == nil:
	case e.State == "exited":
		s += "; it was to end " + when(*e.End, now)
	default:
		s += " until " + when(*e.End, now)
	}
	if e.Agreed != nil {
		s += "\na merged case has brought that end. The terms here say " + e.Agreed.UTC().Format("2006-01-02 15:04 UTC") + ": the earlier holds until new ones are agreed on"
	}
	if e.ExitPending {
		s += "\nALARM: a claim that the secret is out, which nobody has confirmed yet."
	}
	return s
}

// offerText is what is proposed in place of the terms in force, in a line or two.
func offerText(k *api.Case, p api.Proposal, now time.Time) string {
	s := "by " + nameOf(k, p.By) + ": " + endText(p.End, now)
	if len(p.Accepted) > 1 {
		s += "; accepted by " + names(k, p.Accepted)
	}
	if p.Need > 0 {
		s += fmt.Sprintf("; needs %s of the stewards", count(p.Need, "more word"))
	}
	return s + "\ncordon embargo accept " + shortID(k.Case.String()) + " " + shortID(p.ID.String())
}

// recordText says how whole the record is.
func recordText(k *api.Case) string {
	s := count(k.Entries, "entry")
	if k.Forks > 0 {
		s += ", " + strings.ToUpper(count(k.Forks, "fork")) + ": a key signed two histories"
	}
	if k.State != "ok" {
		s += ", " + strings.ToUpper(k.State)
	}
	return s
}

func claimText(k *api.Case, cl api.CaseClaim) string {
	what := map[string]string{"public": "the matter is public", "exploit": "an exploit is out", "attack": "attacks are seen"}[cl.What]
	switch {
	case cl.Confirmed:
		return what + ", says " + nameOf(k, cl.By) + "; confirmed"
	case cl.Refuted:
		return what + ", says " + nameOf(k, cl.By) + "; refuted by a steward"
	}
	return what + ", says " + nameOf(k, cl.By) + "; unconfirmed.\ncordon claim " + shortID(k.Case.String()) + " confirm " + shortID(cl.ID.String())
}

// authorityText says who decides, what is proposed, and which acts do not count.
func authorityText(w io.Writer, k *api.Case, now time.Time) {
	who := ranked(k, k.Stewards)
	if a := k.Authority; a != nil && len(k.Stewards) > 1 {
		who += fmt.Sprintf("; %d of %d carry a change", a.Quorum, len(k.Stewards))
	}
	field(w, "decided by", who)
	if k.State == stateConflict {
		field(w, "CONFLICT", "two changes of stewards are both carried, and this daemon acted under the other one: it neither acts nor "+
			"sends content until you decide\ncordon case pin "+shortID(k.Case.String()))
	}
	disownedText(w, k, k.Authority)
	besideText(w, k, k.Authority)
	if a := k.Authority; a != nil {
		if a.Silence != nil {
			field(w, "silent", silenceText(k, a.Silence, now))
		}
		for _, p := range a.Proposals {
			field(w, "proposed", proposedText(k, p))
		}
	}
	for i, l := range k.Refused {
		if i == maxRefused {
			field(w, "refused", fmt.Sprintf("and %d more: cordon case log %s", len(k.Refused)-i, shortID(k.Case.String())))
			break
		}
		l.Refused, l.About = "", aboutIn(k, l.About)
		field(w, "refused", logWords(l)+" by "+safe(l.Name)+": "+l.Why+" ("+k.Refused[i].Refused+")")
	}
}

// maxRefused is how many refused acts a case shows; the log has all.
const maxRefused = 5

// proposedText is a proposal in a line or two.
func proposedText(k *api.Case, p api.Change) string {
	s := p.Kind + " by " + nameOf(k, p.By)
	if len(p.Added) > 0 {
		s += "; comes: " + names(k, p.Added)
	}
	if len(p.Dropped) > 0 {
		s += "; goes: " + names(k, p.Dropped)
	}
	s += fmt.Sprintf("; %d of %d voices", len(p.Endorsed), p.Need)
	switch {
	case p.Stuck != nil:
		s += ". It cannot be carried any more: " + safe(p.Stuck.Text)
	case len(p.Missing) > 0:
		s += ", not yet: " + names(k, p.Missing)
	}
	if p.Kind == "checkpoint" && p.Stuck == nil {
		return s // the daemons vote on it by themselves
	}
	return s + "\ncordon steward list " + shortID(k.Case.String())
}

// aboutIn is what an entry is about, by name where that is an organisation.
func aboutIn(k *api.Case, about string) string {
	for _, p := range k.Participants {
		if p.Org.String() == about {
			return p.Name
		}
	}
	return about
}

// names lists organisations of a case by name.
func names(k *api.Case, orgs []id.OrgID) string {
	var out []string
	for _, o := range orgs {
		out = append(out, nameOf(k, o))
	}
	return strings.Join(out, ", ")
}

func nameOf(k *api.Case, org id.OrgID) string {
	for _, p := range k.Participants {
		if p.Org == org {
			return safe(p.Name)
		}
	}
	return shortID(org.String())
}

// vfdWords is a fix state with its letters.
func vfdWords(vfd string) string {
	switch vfd {
	case "vfd":
		return "vfd unaware"
	case "Vfd":
		return "Vfd no fix"
	case "VFd":
		return "VFd fix ready"
	case "VFD":
		return "VFD deployed"
	case "d":
		return "d   waiting"
	case "D":
		return "D   deployed"
	}
	return "-"
}

// stateWords is the case state (for example Vfdpxa) in words: the vendor that is
// least far, then the public side.
func stateWords(cs string) string {
	if len(cs) != 6 {
		return "unknown"
	}
	fix := map[string]string{
		"vfd": "no vendor knows", "Vfd": "not every vendor has a fix",
		"VFd": "every vendor has a fix", "VFD": "fixes deployed",
	}[cs[:3]]
	public := "not public"
	if cs[3] == 'P' {
		public = "PUBLIC"
	}
	out := fix + ", " + public
	if cs[4] == 'X' {
		out += ", EXPLOIT OUT"
	}
	if cs[5] == 'A' {
		out += ", ATTACKS SEEN"
	}
	return out
}
