package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// The three states of an entry's own signature after `entry check`.
const (
	signatureUnknown = "not-checked"
	signatureGood    = "valid"
	signatureBad     = "invalid"
)

// entryView is what `entry show` and `entry check` say of one raw entry.
type entryView struct {
	Schema string `json:"schema"` // cordon.raw-entry/1
	Valid  bool   `json:"valid"`
	Rule   string `json:"rule"` // the rule it breaks, "" when valid
	// Refused is the rule by which every case would refuse what the entry says,
	// though it is valid as an entry; whether its own case does, only the case can say.
	Refused   string       `json:"refused,omitempty"`
	Signature string       `json:"signature"`
	ID        *id.EntryID  `json:"id,omitempty"`
	Kid       *id.Kid      `json:"kid,omitempty"`
	Signer    string       `json:"signer,omitempty"` // name on the card
	Case      *id.CaseID   `json:"case,omitempty"`
	Comp      string       `json:"comp,omitempty"`
	Seq       *id.Seq      `json:"seq,omitempty"`
	Prev      *id.EntryID  `json:"prev,omitempty"`
	Deps      []id.EntryID `json:"deps,omitempty"`
	LC        uint64       `json:"lc"`
	T         *time.Time   `json:"t,omitempty"`
	Type      string       `json:"type,omitempty"`
	Number    entry.Type   `json:"type_number,omitempty"`
	Cfg       *id.ConfigID `json:"cfg,omitempty"`
	Agr       *id.AgrID    `json:"agr,omitempty"`
	Ctl       string       `json:"ctl,omitempty"` // diagnostic notation
	Body      *bodyView    `json:"body,omitempty"`
	Bytes     int          `json:"bytes"` // read: of a file that is much too large, a part
}

// bodyView is what an entry says of its sealed body.
type bodyView struct {
	Hash string `json:"hash"`
	Size uint64 `json:"size"`
	KC   string `json:"kc"`
}

// entryVerbs read single entries.
var entryVerbs = []verb{
	{use: "show FILE", short: "say what one raw entry holds; needs no daemon", json: true, run: (*call).entryShow},
	{use: "check FILE", short: "judge one raw entry; needs no daemon", json: true, run: (*call).entryCheck,
		long: `Judge one raw entry (its COSE bytes): canonical, well formed and within the
limits; with its author's card also signed. Only the entry's own signature is
judged, not whether a later one of its feed covers it. Exit 1 when not valid.`,
		flags: func(f *pflag.FlagSet) { f.String("card", "", "the author's card `FILE`: judge the signature too") }},
	{use: "get CASE ID FILE", short: "write the stored bytes of one entry to FILE", run: (*call).entryGet},
	eraseEntryVerb,
}

func (c *call) entryShow() error {
	v, _, err := c.viewEntry(c.args[0])
	if err != nil {
		return err
	}
	return c.printEntry(v, func(w io.Writer) { v.details(w, c.now()) })
}

func (c *call) entryCheck() error {
	v, sealed, err := c.viewEntry(c.args[0])
	if err != nil {
		return err
	}
	if name := c.text("card"); name != "" {
		card, err := c.readCard(name)
		if err != nil {
			return err
		}
		v.judge(sealed, card)
	}
	return c.printEntry(v, v.verdict)
}

// printEntry prints and ends with 1 when the entry is not valid.
func (c *call) printEntry(v *entryView, human func(io.Writer)) error {
	if err := c.show(v, human); err != nil || v.Valid {
		return err
	}
	return quiet(exitFailed)
}

func (c *call) entryGet() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	raw, err := client.Entry(c.ctx, c.args[0], c.args[1])
	if err != nil {
		return err
	}
	return writeFile(c.args[2], func(w io.Writer) error { _, err := w.Write(raw); return err })
}

// readCard opens an armoured card.
func (c *call) readCard(name string) (*identity.Card, error) {
	text, err := c.readFile(name, maxCardFile)
	if err != nil {
		return nil, err
	}
	raw, err := identity.Unarmour(text)
	if err != nil {
		return nil, &failure{code: exitFailed, text: name + " is no card: " + rule(err), try: "cordon card > FILE, at the author's"}
	}
	card, err := identity.OpenCard(raw)
	if err != nil {
		return nil, &failure{code: exitFailed, text: name + " is no valid card: " + rule(err)}
	}
	return card, nil
}

// viewEntry reads a file that ought to hold one entry.
func (c *call) viewEntry(name string) (*entryView, *entry.Sealed, error) {
	raw, err := c.readFile(name, maxEntryFile)
	if large, ok := errors.AsType[*tooLarge](err); ok {
		return &entryView{Schema: entrySchema, Rule: rule(entry.ErrSize), Signature: signatureUnknown, Bytes: int(large.limit)}, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	v, s := viewOf(raw)
	return v, s, nil
}

// viewOf reads bytes that ought to be one entry; the entry is nil when they are not.
func viewOf(raw []byte) (*entryView, *entry.Sealed) {
	v := &entryView{Schema: entrySchema, Signature: signatureUnknown, Bytes: len(raw)}
	s, err := entry.Parse(raw)
	if err != nil {
		v.Rule = rule(err)
		return v, nil
	}
	v.fill(s)
	return v, s
}

const entrySchema = "cordon.raw-entry/1"

// maxEntryFile is more than any entry has: a larger file is judged too large,
// not read whole.
const maxEntryFile = 1 << 20

// rule is the stable name of the rule an error stands for: its innermost text.
func rule(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func (v *entryView) fill(s *entry.Sealed) {
	caseID, t := s.CaseID(), api.Instant(s.T)
	v.Valid, v.ID, v.Kid, v.Case, v.Seq, v.T = true, &s.ID, &s.Kid, &caseID, &s.Seq, &t
	v.Comp, v.Deps, v.LC, v.Cfg, v.Agr = s.Comp.String(), s.Deps, s.LC, s.Cfg, s.Agr
	v.Type, v.Number = typeName(s.Type), s.Type
	if s.Control() {
		if _, err := protocol.Read(s); err != nil {
			v.Refused = refusedRule(err)
		}
	}
	if s.Seq > 0 {
		v.Prev = &s.Prev
	}
	if s.Ctl != nil {
		v.Ctl = diagnostic(s.Ctl, 64)
	}
	if b := s.Body; b != nil {
		v.Body = &bodyView{Hash: fmt.Sprintf("%x", b.Hash), Size: b.Size, KC: fmt.Sprintf("%x", b.KC)}
	}
}

// typeName is a message's name, or its number where this build does not know it.
func typeName(t entry.Type) string {
	if name, ok := protocol.KindName(t); ok {
		return name
	}
	return fmt.Sprint(uint16(t))
}

func refusedRule(err error) string {
	if r, ok := errors.AsType[*protocol.Refusal](err); ok {
		return r.Rule
	}
	return rule(err)
}

// judge adds the verdict on the entry's own signature.
func (v *entryView) judge(s *entry.Sealed, card *identity.Card) {
	if s == nil {
		return
	}
	v.Signer = card.Name
	daemon, ok := card.Org.Daemon(s.Kid)
	if !ok {
		v.Valid, v.Rule, v.Signature = false, "unknown-signer", signatureBad
		return
	}
	if err := s.Verify(daemon.Sig); err != nil {
		v.Valid, v.Rule, v.Signature = false, rule(err), signatureBad
		return
	}
	v.Signature = signatureGood
}

func (v *entryView) verdict(w io.Writer) {
	switch {
	case !v.Valid:
		fmt.Fprintf(w, "not valid: %s\n", v.Rule)
	case v.Signature == signatureGood:
		fmt.Fprintf(w, "valid, signed by %s\n", safe(v.Signer))
	default:
		fmt.Fprintln(w, "valid as far as it shows by itself; signature not checked (--card FILE checks it)")
	}
}

func (v *entryView) details(w io.Writer, now time.Time) {
	if !v.Valid {
		v.verdict(w)
		return
	}
	field(w, "entry", v.ID.String())
	field(w, "case", v.Case.String())
	field(w, "type", fmt.Sprintf("%s (%d)", v.Type, v.Number))
	field(w, "compartment", compName(v.Comp))
	field(w, "by key", v.Kid.String())
	field(w, "seq", fmt.Sprintf("%d, Lamport %d", *v.Seq, v.LC))
	field(w, "claimed time", when(*v.T, now))
	if v.Prev != nil {
		field(w, "after", v.Prev.String())
	}
	for _, d := range v.Deps {
		field(w, "depends on", d.String())
	}
	if v.Cfg != nil {
		field(w, "config", v.Cfg.String())
	}
	if v.Agr != nil {
		field(w, "agreement", v.Agr.String())
	}
	if v.Ctl != "" {
		field(w, "says", safe(v.Ctl))
	}
	if v.Body != nil {
		field(w, "sealed body", fmt.Sprintf("%d bytes, hash %s", v.Body.Size, v.Body.Hash))
	}
	if v.Refused != "" {
		field(w, "refused", v.Refused+": every case refuses what it says")
	}
	field(w, "signature", "not checked")
}

// compName is a compartment in words.
func compName(comp string) string {
	switch comp {
	case id.Control.String():
		return "0: control, every member"
	case id.Everyone.String():
		return "1: everybody in the case"
	}
	return comp
}
