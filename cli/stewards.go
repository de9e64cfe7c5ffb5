package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// stewardVerbs are about who decides in a case.
var stewardVerbs = []verb{
	{use: "list CASE", short: "who decides, what is proposed, whose voice is missing", json: true, run: (*call).stewardList},
	{use: "propose CASE", short: "propose other stewards, and endorse that", json: true, confirm: true, run: (*call).stewardPropose,
		long: `Propose other stewards, and endorse that. Who stays need not be named. What
follows is printed first; on a terminal you are asked. Elsewhere it goes on, unless
acts would lose their force: then it ends with 4, and --yes goes on all the same.
The stewards now in office carry the change, as many as their quorum says; each
runs "cordon steward endorse".

When so many stewards have fallen silent that the others are no quorum, or these
have spent their votes for different proposals, the members replace the silent
with --succession: two thirds of the members who are not dropped carry
it. The first run notes the silence (exit code 7, pending) and says from when on
your voice counts, which is 14 days later; the same command then proposes it.
Meanwhile "cordon steward list" says who has noted it.`,
		example: `  cordon steward propose 3f2a9c01 --add Beta --add Gamma
  cordon steward propose 3f2a9c01 --drop Alpha --lead Beta
  cordon steward propose 3f2a9c01 --drop Alpha --add Beta --succession`,
		flags: func(f *pflag.FlagSet) {
			f.StringArray("add", nil, "`ORG`, a member, that becomes a steward; may be repeated")
			f.StringArray("drop", nil, "`ORG` that is to be a steward no more; may be repeated")
			f.String("lead", "", "`ORG` that is to lead: the first in rank")
			f.Int("quorum", 0, "`N` stewards carry the change after this one; default more than half")
			f.Bool("succession", false, "in the place of stewards that have fallen silent")
		}},
	{use: "endorse CASE CONFIG", short: "give our voice to a proposal", json: true, confirm: true, run: (*call).stewardEndorse,
		long: `Give our voice to a proposal; CONFIG is its id or a prefix, from "cordon steward
list". Until one is in force only the first voice counts, and another when what
that was for cannot be carried any more. What follows is printed first; on a terminal you are asked. Elsewhere it goes on, unless acts
would lose their force: then it ends with 4, and --yes goes on all the same.`},
}

func (c *call) stewardList() error {
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	s, err := client.Stewards(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	if err := c.show(s, func(w io.Writer) { stewardsText(w, k, s, c.now()) }); err != nil {
		return err
	}
	if s.State == stateConflict {
		return quiet(exitConflict)
	}
	return nil
}

// stateConflict is the state of a case in which two changes of stewards stand.
const stateConflict = "conflict"

// caseOf is the case that the first argument names, for the names in it.
func (c *call) caseOf() (*api.Client, *api.Case, error) {
	client, err := c.client()
	if err != nil {
		return nil, nil, err
	}
	k, err := client.Case(c.ctx, c.args[0])
	return client, k, err
}

func stewardsText(w io.Writer, k *api.Case, s *api.Stewards, now time.Time) {
	rows := make([][]string, len(s.Stewards))
	for i, x := range s.Stewards {
		rank, word := fmt.Sprint(x.Rank+1), "none yet"
		if x.Rank == 0 {
			rank += " leads"
		}
		if x.LastWord != nil {
			word = when(*x.LastWord, now)
		}
		rows[i] = []string{rank, clip(safe(x.Name), 30), word}
	}
	table(w, []string{"RANK", "STEWARD", "LAST WORD"}, rows)
	fmt.Fprintf(w, "\n%s\n", carries(s))
	if s.State == stateConflict {
		fmt.Fprintf(w, "\nCONFLICT: two changes of stewards are both carried. Decide:\n  cordon case pin %s\n", shortID(k.Case.String()))
	}
	if len(s.Disowned) > 0 {
		fmt.Fprintln(w)
		disownedText(w, k, s)
	}
	if len(s.Beside) > 0 && s.State != stateConflict {
		fmt.Fprintln(w)
		besideText(w, k, s)
	}
	if s.Silence != nil {
		fmt.Fprintln(w)
		field(w, "silent", silenceText(k, s.Silence, now))
	}
	for _, p := range s.Proposals {
		fmt.Fprintln(w)
		field(w, "proposed", p.Kind+" "+shortID(p.Config.String())+" by "+nameOf(k, p.By)+", "+when(p.T, now))
		changeText(w, k, p)
		if len(p.Missing) > 0 && p.Stuck == nil && s.State != stateConflict {
			fmt.Fprintf(w, "  cordon steward endorse %s %s\n", shortID(k.Case.String()), shortID(p.Config.String()))
		}
	}
}

// silenceText says who is silent, who has noted it, and what comes of it when.
func silenceText(k *api.Case, q *api.Quiet, now time.Time) string {
	var noted []id.OrgID
	for _, x := range q.Noted {
		noted = append(noted, x.Org)
	}
	s := names(k, q.Silent) + "; noted by " + names(k, noted)
	if len(q.Missing) > 0 {
		s += "; not yet by " + names(k, q.Missing)
	}
	switch {
	case q.From == nil:
		s += "\na voice for a succession counts 14 days after its organisation has noted the silence"
	case now.Before(*q.From):
		s += "\nwe can endorse a succession from " + when(*q.From, now)
	default:
		s += "\nwe can endorse a succession since " + when(*q.From, now)
	}
	return s
}

// carries says in words what it takes to change the stewards.
func carries(s *api.Stewards) string {
	if len(s.Stewards) == 1 {
		return "It decides alone."
	}
	return fmt.Sprintf("Each of them admits and removes. %d of the %d carry a change of stewards.", s.Quorum, len(s.Stewards))
}

// changeText says what a config changes, and how it stands.
func changeText(w io.Writer, k *api.Case, p api.Change) {
	field(w, "stewards", ranked(k, p.Stewards)+fmt.Sprintf("; %d of %d carry the next change", p.Quorum, len(p.Stewards)))
	if len(p.Added) > 0 {
		field(w, "come", names(k, p.Added))
	}
	if len(p.Dropped) > 0 {
		field(w, "go", names(k, p.Dropped)+"; each stays in the case until it is removed")
	}
	if len(p.Lost) > 0 {
		field(w, "VOID", count(len(p.Void), "act")+" of who goes, above the cut:\n"+lostText(k, p))
	}
	switch {
	case p.InForce:
		field(w, "voices", fmt.Sprintf("%d of %d: in force", len(p.Endorsed), p.Need))
	default:
		s := fmt.Sprintf("%d of %d", len(p.Endorsed), p.Need)
		if len(p.Endorsed) > 0 {
			s += ": " + names(k, p.Endorsed)
		}
		if len(p.Missing) > 0 && p.Stuck == nil {
			s += "; not yet: " + names(k, p.Missing)
		}
		field(w, "voices", s)
	}
	if p.Stuck != nil {
		field(w, "STUCK", "it cannot be carried any more: "+safe(p.Stuck.Text))
		field(w, "what remains", safe(p.Stuck.Remains))
	}
}

// lostText says what acts that lose their force decided, in the words of the log, a
// line an act.
func lostText(k *api.Case, p api.Change) string {
	lines := make([]string, len(p.Lost))
	for i, x := range p.Lost {
		about := aboutIn(k, x.About)
		x.Refused, x.About = "", about
		lines[i] = shortID(x.ID.String()) + " " + logWords(x.LogLine) + " by " + nameOf(k, x.Org)
		if x.Then != "" {
			lines[i] += ": " + safe(about) + thenText(x)
		}
	}
	if more := len(p.Void) - len(p.Lost); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more: cordon case log %s", more, shortID(k.Case.String())))
	}
	return strings.Join(lines, "\n")
}

// thenText is what becomes of whom a lost act is about.
func thenText(x api.Lost) string {
	switch {
	case x.Type == "remove" && x.Then == "in":
		return " is in the case again"
	case x.Type == "remove":
		return " stays out: it left, or was removed, by another act too"
	case x.Then == "in":
		return " stays in: it was let in by another act too"
	}
	return " is out of the case"
}

// ranked lists stewards by rank.
func ranked(k *api.Case, orgs []id.OrgID) string {
	if len(orgs) < 2 {
		return names(k, orgs) + " alone"
	}
	return nameOf(k, orgs[0]) + " (leads), " + names(k, orgs[1:])
}

func (c *call) stewardPropose() error {
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	quorum, err := c.cmd.Flags().GetInt("quorum")
	must(err)
	r := api.ChangeStewards{Add: c.list("add"), Drop: c.list("drop"), Lead: c.text("lead"), Quorum: quorum,
		Succession: c.flag("succession"), Plan: true}
	plan, err := client.ChangeStewards(c.ctx, c.args[0], r)
	if err != nil {
		return err
	}
	if err := c.weigh("propose", k, plan); err != nil {
		return err
	}
	r.Plan, r.AcceptLoss = false, c.meant()
	done, err := client.ChangeStewards(c.ctx, c.args[0], r)
	return c.stands(k, done, err)
}

func (c *call) stewardEndorse() error {
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	for _, p := range k.Authority.Proposals {
		if len(c.args[1]) >= minPrefix && strings.HasPrefix(p.Config.String(), c.args[1]) {
			if err := c.weigh("endorse", k, &p); err != nil {
				return err
			}
		}
	}
	done, err := client.Endorse(c.ctx, c.args[0], c.args[1], api.Vote{AcceptLoss: c.meant()})
	return c.stands(k, done, err)
}

// minPrefix is the shortest prefix of an id that the daemon takes.
const minPrefix = 8

// weigh shows what a change of stewards brings, and asks where a person sits.
func (c *call) weigh(word string, k *api.Case, p *api.Change) error {
	changeText(c.err, k, *p)
	for _, s := range p.Warnings {
		field(c.err, "NOTE", safe(s))
	}
	return c.confirmed(word, "This changes who decides in case %s.", safe(c.args[0]))
}

// meant says whether a loss of acts is accepted: by flag, or by who was just asked.
func (c *call) meant() bool { return c.flag("yes") || isTerminal(c.in) }

// stands prints how a change of stewards stands.
func (c *call) stands(k *api.Case, p *api.Change, err error) error {
	if err != nil {
		return err
	}
	if err := c.show(p, func(w io.Writer) { fmt.Fprintln(w, p.Config) }); err != nil {
		return err
	}
	switch {
	case p.InForce:
		c.note("In force: %s.", ranked(k, p.Stewards))
	case p.Stuck != nil:
		c.note("%d of %d voices, and it cannot be carried any more. What remains:\n  cordon steward list %s", len(p.Endorsed), p.Need, shortID(k.Case.String()))
	case slices.Contains(p.Missing, p.By) || len(p.Missing) == 0:
		c.note("Proposed: %d of %d voices.", len(p.Endorsed), p.Need)
	default:
		c.note("%d of %d voices; not yet: %s. Each runs:\n  cordon steward endorse %s %s", len(p.Endorsed), p.Need,
			names(k, p.Missing), shortID(k.Case.String()), shortID(p.Config.String()))
	}
	return nil
}

// pinLong is the help of case pin.
const pinLong = `Decide a conflict: two changes of stewards that follow one config are both
carried, which takes a steward that voted on both sides. Everybody who holds
the same entries follows the same one by the rules; a daemon that has acted
under the other stops acting until a person has looked. Without CONFIG this
shows both, who voted on both sides, and which acts lose their force; with it,
it decides. What follows is printed first; on a terminal you are asked.
Elsewhere it goes on, unless acts would lose their force or you would be no
steward any more: then it ends with 4, and --yes goes on all the same.`

func (c *call) casePin() error {
	client, k, err := c.caseOf()
	if err != nil {
		return err
	}
	config := ""
	if len(c.args) > 1 {
		config = c.args[1]
	}
	p, err := client.Pin(c.ctx, c.args[0], api.PinTo{})
	if err == nil && config != "" {
		if err := c.weighPin(k, p, config); err != nil {
			return err
		}
		p, err = client.Pin(c.ctx, c.args[0], api.PinTo{What: config, AcceptLoss: c.meant()})
	}
	if err != nil {
		return err
	}
	if err := c.show(p, func(w io.Writer) { pinText(w, k, p, config != "", c.now()) }); err != nil {
		return err
	}
	if p.State == stateConflict {
		return quiet(exitConflict)
	}
	return nil
}

// weighPin shows what follows from going on with the others, and asks where a person
// sits. To stay changes nothing.
func (c *call) weighPin(k *api.Case, p *api.Pin, config string) error {
	if p.Rivals == nil || !strings.HasPrefix(p.Chain.String(), config) && !strings.HasPrefix(p.Rivals.Chain.Config.String(), config) {
		return nil
	}
	rivalText(c.err, k, "This daemon would go on under:", p.Rivals.Chain, c.now())
	return c.confirmed("pin", "Case %s goes on here as it does for everybody who holds the same entries; %s.", safe(c.args[0]), followText(p))
}

// followText says what becomes of acts when a daemon goes on with the others.
func followText(p *api.Pin) string {
	if p.Rivals != nil && len(p.Rivals.Chain.Void) > 0 {
		return "what is VOID above does not count then, and can be done again"
	}
	return "no act loses its force by that"
}

func pinText(w io.Writer, k *api.Case, p *api.Pin, decided bool, now time.Time) {
	say := func(format string, args ...any) {
		fmt.Fprintln(w, strings.Join(wrap(fmt.Sprintf(format, args...), width), "\n"))
	}
	if p.State != stateConflict {
		field(w, "pinned", p.Pinned.String())
		field(w, "in force", p.Chain.String())
		if decided {
			say("The conflict is over here: this daemon goes on under what is in force for everybody.")
		} else {
			say("No conflict: there is nothing to decide.")
			besideText(w, k, k.Authority)
			if k.Forks > 0 {
				say("A key signed two histories all the same. Whose, and what it means:\n  cordon case show %s", shortID(k.Case.String()))
			}
		}
		return
	}
	if decided {
		say("This daemon stays with what it acted under. By the rules the case goes on under the other, for everybody "+
			"who holds the same entries; nothing decided here changes that. For this daemon the case remains in conflict: "+
			"it takes control entries, and writes no content and no acts and sends no content. To go on with the others:\n"+
			"  cordon case pin %s %s", shortID(k.Case.String()), shortID(p.Chain.String()))
		return
	}
	say("Two changes of stewards that follow the same config are both carried.\n")
	if p.Rivals != nil {
		rivalText(w, k, "This daemon acted under:", p.Rivals.Pinned, now)
		rivalText(w, k, "The case, by its rules, follows:", p.Rivals.Chain, now)
		if len(p.Rivals.Both) > 0 {
			field(w, "BOTH SIDES", names(k, p.Rivals.Both)+" voted on both: honest daemons never do; what each signed is the proof")
			fmt.Fprintln(w)
		}
	}
	say("To follow the case, with everybody else; %s:\n  cordon case pin %s %s", followText(p), shortID(k.Case.String()), shortID(p.Chain.String()))
	if p.Rivals != nil {
		say("To stay; for this daemon the case then remains in conflict, and it neither acts nor sends content:\n"+
			"  cordon case pin %s %s", shortID(k.Case.String()), shortID(p.Rivals.Pinned.Config.String()))
	}
}

// rivalText shows one of two configs that are both carried.
func rivalText(w io.Writer, k *api.Case, title string, p api.Change, now time.Time) {
	fmt.Fprintln(w, title)
	field(w, "config", p.Config.String())
	field(w, "proposed", "by "+nameOf(k, p.By)+", "+when(p.T, now))
	field(w, "stewards", ranked(k, p.Stewards))
	field(w, "signed by", names(k, p.Endorsed)+fmt.Sprintf("; %d were needed", p.Need))
	if len(p.Lost) > 0 {
		field(w, "VOID", count(len(p.Void), "act")+" under the other:\n"+lostText(k, p))
	}
	for _, s := range p.Warnings {
		field(w, "NOTE", s)
	}
	fmt.Fprintln(w)
}
