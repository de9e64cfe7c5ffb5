package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
	"cordon/protocol/identity"
)

// peerVerbs are about the organisations that we know.
var peerVerbs = []verb{
	{use: "add FILE", short: "pin an organisation by its card, or take a vouch; - reads stdin", confirm: true, run: (*call).peerAdd,
		long: `Pin an organisation by its card, as "cordon card" of its daemon prints it. A
card proves that its parts belong together, not whose it is: your contact with
it is "tofu" until you know more. FILE may also be a vouch, in which an
organisation that you know says that it has verified another.

Where the card shows another history of the organisation's keys than the one
that is known here, its root signed two: the organisation itself, or a thief.
Then nothing is shared with it any more, and the card is refused with 6, each
time, until you choose: ask somebody there, by another way, which history is its
own, and add a card of that one with --choose.` + levelsLong,
		flags: func(f *pflag.FlagSet) {
			f.Bool("choose", false, "of two histories of its keys, follow the one on this card")
		}},
	{use: "list", short: "list the organisations you know, and how sure you are who they are", json: true, run: (*call).peerList, long: "List the organisations you know." + levelsLong},
	{use: "show ORG", short: "what speaks for an organisation, and what does no more", json: true, run: (*call).peerShow},
	{use: "verify ORG WORD…", short: "compare an organisation's twelve words: type what they read to you", more: true, json: true, run: (*call).peerVerify,
		long: `Compare the twelve words of an organisation. Call somebody there whom you know,
at a number that you have from elsewhere, let them read the words of their own
daemon (cordon status), and type what you hear. Your contact is then "verified".`,
		example: "  cordon peer verify 'Example PSIRT' crucial pizza final annual plunge mention \\\n    emerge owner resemble desk attack wasp"},
	{use: "check ORG [DOMAIN]", short: "ask an organisation's own domain whether the card is its own", json: true, run: (*call).peerCheck,
		long: `Ask a domain that an organisation names as its own whether it names the
organisation in turn: in the field Cordon-Org of its /.well-known/security.txt,
or else in its DNS (TXT _cordon.DOMAIN). Your contact is then "domain".

THIS TELLS OTHERS WHOM YOU KNOW: the operators of your DNS, your network and
that web site see that you ask, and when. So only this command ever does it.
While a case is secret, compare the words instead (cordon peer verify).`},
	{use: "hold ORG", short: "send an organisation nothing of any case, until resume", json: true, run: (*call).peerHold,
		long: `Hold everything of every case back from an organisation, from the next frame on
and over restarts, until "cordon peer resume". It is not told and cannot tell it
from your being slow. Meanwhile you neither invite it nor let it in. What it
writes, you still get.

It stays in its cases: OTHER MEMBERS STILL SEND IT what they have, yours too. To
stop a participant for everybody, a steward removes it: cordon case remove. Your
other daemons hold nothing back: say it there as well.`},
	{use: "resume ORG", short: "end a hold: send what was held back, and go on", json: true, run: (*call).peerResume},
	{use: "vouch ORG", short: "sign for others that you have verified an organisation", run: (*call).peerVouch,
		long: `Print your signed word that you have verified an organisation. Whoever has
verified you takes it with "cordon peer add"; two such words make a contact
"vouched". It counts for a year, and tells who sees it that you know each other.`,
		example: "  cordon peer vouch 'Example PSIRT' > example.vouch"},
}

const levelsLong = `

How sure you are who somebody is, lowest first:
  tofu      its card was taken as it came
  domain    a domain of its own names it          cordon peer check
  vouched   two whom you have verified vouch      cordon peer add VOUCH
  verified  you have compared the twelve words    cordon peer verify`

// maxCardFile is above every armoured card; the daemon judges it.
const maxCardFile = 256 << 10

func (c *call) peerAdd() error {
	file, err := c.readFile(c.args[0], maxCardFile)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := c.pinCard(client, file)
	if err != nil {
		return err
	}
	if _, err := identity.UnarmourVouch(file); err == nil {
		peerText(c.out, p, c.now())
		return nil
	}
	if p.Level == "own" {
		field(c.out, "own daemon", "another one of "+safe(p.Name)+": it comes to hold your cases as well")
		c.note("How they do: cordon daemon list")
		return c.await(client, p.Events)
	}
	field(c.out, "pinned", safe(p.Name))
	field(c.out, "id", p.Org.String())
	field(c.out, "contact", p.Contact)
	if p.Contact != identity.TrustVerified.String() {
		c.note("Let them read their twelve words to you over the telephone, then type them:\n  cordon peer verify %s WORD…", shortID(p.Org.String()))
	}
	return nil
}

// pinCard gives the daemon a card or vouch. Where two histories of the organisation's
// keys were seen it shows both.
func (c *call) pinCard(client *api.Client, file []byte) (*api.PeerRow, error) {
	if c.flag("choose") {
		c.showHistories(client, file)
		if err := c.confirmed("choose", "The history on this card is followed from now on, and the other one is not let in any more. "+
			"What spoke for the organisation before counts no more: compare its words anew."); err != nil {
			return nil, err
		}
		return client.ChoosePeer(c.ctx, file)
	}
	p, err := client.AddPeer(c.ctx, file)
	if e, ok := errors.AsType[*api.Error](err); ok && e.Kind == api.Fork {
		c.showHistories(client, file)
	}
	return p, err
}

// showHistories shows the two histories of a card's organisation, where there are two.
func (c *call) showHistories(client *api.Client, file []byte) {
	raw, err := identity.Unarmour(file)
	if err != nil {
		return // the daemon says why
	}
	card, err := identity.OpenCard(raw)
	if err != nil {
		return
	}
	if p, err := client.Peer(c.ctx, card.Org.ID.String()); err == nil && len(p.Histories) > 0 {
		field(c.err, "organisation", safe(p.Name))
		historiesText(c.err, p)
	}
}

// historiesText shows what people compare to find out which of two histories is an
// organisation's own.
func historiesText(w io.Writer, p *api.PeerRow) {
	for i, h := range p.Histories {
		name := "known before"
		if i > 0 {
			name = "the other"
		}
		field(w, name, fmt.Sprintf("event %d of %d: %s\n%s", h.At.N, h.Events, safe(h.At.Says), sixes(h.At.Words)))
	}
	if len(p.Histories) > 0 {
		field(w, "what to do", fmt.Sprintf("call somebody there whom you know, at a number that you have from elsewhere: which words has event %d in their\n"+
			"cordon key status --events", p.Histories[0].At.N)+"\nThen add a card of that history: cordon peer add FILE --choose")
	}
}

func (c *call) peerList() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := client.Peers(c.ctx)
	if err != nil {
		return err
	}
	return c.show(p, func(w io.Writer) { peerTable(w, p.Peers) })
}

func peerTable(w io.Writer, peers []api.PeerRow) {
	if len(peers) == 0 {
		fmt.Fprintln(w, "No other organisation yet: cordon peer add FILE")
		return
	}
	rows := make([][]string, len(peers))
	for i, p := range peers {
		state := "not connected"
		if p.Connected {
			state = "connected"
		}
		if p.Hold {
			state += ", ON HOLD"
		}
		contact := "-"
		if p.Contact != "" {
			contact = p.Contact
		}
		rows[i] = []string{clip(safe(p.Name), 28), shortID(p.Org.String()), contact, p.Level, state}
	}
	table(w, []string{"ORGANISATION", "ID", "CONTACT", "LEVEL", "STATE"}, rows)
	faultText(w, peers)
	said := false
	for _, p := range peers {
		for _, g := range p.Grounds {
			if g.Holds {
				continue
			}
			if !said {
				fmt.Fprintln(w, "\nWhat does not count, or no more:")
			}
			said = true
			field(w, clip(safe(p.Name), 13), groundText(g, time.Time{}))
		}
	}
}

// faultText says who broke the rules of replication.
func faultText(w io.Writer, peers []api.PeerRow) {
	said := false
	for _, p := range peers {
		f := p.Fault
		if f == nil {
			continue
		}
		if !said {
			fmt.Fprintln(w, "\nWho broke the rules of replication, since the daemon runs:")
		}
		said = true
		text := f.Rule
		if f.Rule == "flood" {
			text = "sent more than it may (flood)"
		}
		text += ", " + count(f.Times, "time") + ", last at " + f.At.Format("15:04 UTC")
		if f.Until != nil {
			text += "; not talked to until " + f.Until.Format("15:04 UTC")
		}
		field(w, clip(safe(p.Name), 13), text)
	}
}

func (c *call) peerShow() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := client.Peer(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	return c.show(p, func(w io.Writer) { peerText(w, p, c.now()) })
}

func (c *call) peerVerify() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := client.CompareWords(c.ctx, c.args[0], strings.Join(c.args[1:], " "))
	if err != nil {
		return err
	}
	return c.show(p, func(w io.Writer) { peerText(w, p, c.now()) })
}

func (c *call) peerCheck() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	only := ""
	if len(c.args) > 1 {
		only = c.args[1]
	}
	k, err := client.CheckDomain(c.ctx, c.args[0], only)
	if err != nil {
		return err
	}
	if err := c.show(k, func(w io.Writer) { checkText(w, k, c.now()) }); err != nil || k.Confirmed {
		return err
	}
	return &failure{code: exitFailed, text: "no domain confirms the organisation", try: "send the lines above to its web admin, or: cordon peer verify"}
}

func checkText(w io.Writer, k *api.Check, now time.Time) {
	for _, l := range k.Looks {
		field(w, "asked", l.Where)
		if l.Fault == "" {
			fmt.Fprintf(w, "found:\n%s\n", l.Want)
			continue
		}
		fmt.Fprintf(w, "looked for, on one line:\n%s\n", l.Want)
		field(w, "but", safe(l.Fault))
	}
	fmt.Fprintln(w)
	peerText(w, &k.Peer, now)
}

func (c *call) peerHold() error {
	return c.peerAct((*api.Client).Hold, "Held: from you it gets nothing of any case. Other members still send it what they have.\nTo end it: cordon peer resume %s")
}

func (c *call) peerResume() error {
	return c.peerAct((*api.Client).Resume, "Resumed: it gets what was held back. See: cordon peer show %s")
}

// peerAct does something to an organisation, and says what of it.
func (c *call) peerAct(act func(*api.Client, context.Context, string) (*api.PeerRow, error), words string) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	p, err := act(client, c.ctx, c.args[0])
	if err != nil {
		return err
	}
	if err := c.show(p, func(w io.Writer) { peerText(w, p, c.now()) }); err != nil || c.flag("json") {
		return err
	}
	c.note(words, shortID(p.Org.String()))
	return nil
}

func (c *call) peerVouch() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	text, err := client.Vouch(c.ctx, c.args[0])
	if err != nil {
		return err
	}
	_, err = c.out.Write(text)
	return err
}

func peerText(w io.Writer, p *api.PeerRow, now time.Time) {
	field(w, "organisation", safe(p.Name))
	field(w, "id", p.Org.String())
	for _, d := range p.Domains {
		field(w, "domain", d)
	}
	if p.Contact == "" {
		field(w, "contact", p.Level)
	} else {
		field(w, "contact", p.Contact)
	}
	historiesText(w, p)
	if p.Hold {
		field(w, "ON HOLD", "gets nothing of any case from you: cordon peer resume")
	}
	for _, g := range p.Grounds {
		name := "in favour"
		if !g.Holds {
			name = "not counted"
		}
		field(w, name, groundText(g, now))
	}
}

// groundText is what speaks for an organisation, in words; with no time now, in
// short.
func groundText(g api.Ground, now time.Time) string {
	s := map[string]string{
		"words": "its twelve words were compared", "history": "it was pinned anew",
		"domain": g.Domain, "vouch": safe(g.ByName) + " vouches for it",
	}[g.Kind]
	if g.Way != "" {
		s += " names it (" + g.Way + ")"
	}
	if g.At != nil && !now.IsZero() {
		s += ", " + when(*g.At, now)
	}
	if !g.Holds {
		s += ": " + safe(g.Fault)
	}
	return s
}

// contactAbove says that a level stands for those above it, too.
func contactAbove(level string) string {
	if level == identity.TrustVerified.String() {
		return ""
	}
	return " or above"
}

// sixes sets twelve words in two lines, to be read aloud.
func sixes(fingerprint string) string {
	words := strings.Fields(fingerprint)
	if len(words) != 12 {
		return safe(fingerprint)
	}
	return strings.Join(words[:6], " ") + "\n" + strings.Join(words[6:], " ")
}

// count is a number with its noun.
func count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun[len(noun)-1] == 'y':
		return fmt.Sprintf("%d %sies", n, noun[:len(noun)-1])
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
