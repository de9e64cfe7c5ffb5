package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// maxFoldFile is more than a case of a hundred thousand entries has.
const maxFoldFile = 256 << 20

// foldVerbs judge whole cases without a daemon.
var foldVerbs = []verb{
	{use: "fold FILE", short: "fold a file of raw entries of one case; needs no daemon", json: true, run: (*call).fold,
		long: `Fold a file of raw entries of one case, in any order and with copies, without
a daemon: say the state of the case, and of each entry whether it is accepted,
refused by the rules of the case, or rejected as not authentic, and why.

FILE is a CBOR sequence: the files of "cordon entry get" back to back. A CBOR
array of byte strings will do, and either of them in hex; "-" is standard input.
Exit 1 when an entry is rejected, or the file cannot be folded: it has no
genesis, two cases, a cut end, or something else in it. What the rules
refuse, a fork, and two configs that are both carried are what FILE says: exit 0.`,
		example: `  for id in $IDS; do cordon entry get 3f2a9c01 $id $id.cbor; done
  cat *.cbor | cordon fold - --json`},
}

func (c *call) fold() error {
	name := c.args[0]
	file, err := c.readFile(name, maxFoldFile)
	if large, ok := errors.AsType[*tooLarge](err); ok {
		return &failure{code: exitFailed, text: large.Error(), try: "cordon verify, at a daemon that holds the case"}
	}
	if err != nil {
		return err
	}
	f, err := c.parts.Fold(c.ctx, file)
	if err != nil {
		if name == "-" {
			name = "standard input"
		}
		return &failure{code: exitFailed, text: name + ": " + err.Error(), try: "cordon fold --help"}
	}
	if err := c.show(f, func(w io.Writer) { foldText(w, f, c.now()) }); err != nil {
		return err
	}
	if f.Rejected > 0 {
		return quiet(exitFailed)
	}
	return nil
}

// foldText prints the case, and the entries that do not count.
func foldText(w io.Writer, f *api.Fold, now time.Time) {
	k := &api.Case{Case: f.Case, Participants: f.Participants, Stewards: f.Stewards}
	field(w, "case", f.Case.String())
	field(w, "embargo", embargoText(f.Embargo, now))
	field(w, "state", f.CS+": "+stateWords(f.CS))
	record := fmt.Sprintf("%s accepted, %d refused, %d rejected", count(f.Accepted, "entry"), f.Refused, f.Rejected)
	if f.Repeated > 0 {
		record += fmt.Sprintf("; %d more copies", f.Repeated)
	}
	if f.Forks > 0 {
		record += "\n" + strings.ToUpper(count(f.Forks, "fork")) + ": a key signed two histories"
	}
	if f.State != "ok" {
		record += "\n" + strings.ToUpper(f.State)
	}
	field(w, "record", record)
	field(w, "digest", f.Digest)
	for _, x := range f.Chain {
		field(w, fmt.Sprintf("config %d", x.N), configText(k, x))
		if len(x.Disowned) > 0 {
			field(w, "DISOWNED", disownedWords(k, x.Config, x.Stewards, x.Disowned))
		}
	}
	for _, x := range f.Beside {
		field(w, "RIVAL", rivalWords(k, x.Config, x.Stewards, x.Endorsed, *x.Chain, x.Both))
	}
	for _, x := range f.Proposals {
		s := configText(k, x)
		if x.Stuck {
			s += "\nit cannot be carried any more"
		}
		field(w, "proposed", s)
	}
	for _, x := range f.Forked {
		field(w, "FORK", forkText(k, x, id.OrgID{}))
	}
	for _, cl := range f.Claims {
		said, _, _ := strings.Cut(claimText(k, cl), "\n") // without the hint to confirm it
		field(w, "claim", said)
	}
	var rows [][]string
	for _, p := range f.Participants {
		admitted := "yes"
		if !p.Admitted {
			admitted = "out"
		}
		rows = append(rows, []string{clip(safe(p.Name), 22), clip(strings.Join(p.Roles, " "), 16), p.RM, vfdWords(p.VFD), p.Consent, admitted})
	}
	fmt.Fprintln(w)
	table(w, []string{"ORGANISATION", "ROLE", "REPORT", "FIX", "AGREEMENT", "IN"}, rows)
	foldList(w, k, "\nRefused by the rules of the case:", f.Entries, api.FoldRefused)
	foldList(w, k, "\nRejected: not authentic, so no daemon stores it:", f.Entries, api.FoldRejected)
}

// configText is a config in words: its id, who decides, and whose votes carry it.
func configText(k *api.Case, x api.FoldConfig) string {
	s := shortID(x.Config.String()) + ": " + names(k, x.Stewards)
	if len(x.Stewards) > 1 {
		s += fmt.Sprintf("; %d carry the next", x.Quorum)
	}
	if x.Kind != "ordinary" {
		s += "; by " + x.Kind
	}
	if x.Need > 0 {
		by := names(k, x.Endorsed)
		if by == "" {
			by = "nobody"
		}
		s += fmt.Sprintf("\nendorsed by %s (%d of %d)", by, len(x.Endorsed), x.Need)
	}
	return s
}

// foldList prints the entries with one verdict under a heading: what each is,
// and why.
func foldList(w io.Writer, k *api.Case, heading string, all []api.FoldEntry, verdict string) {
	some := slices.DeleteFunc(slices.Clone(all), func(e api.FoldEntry) bool { return e.Verdict != verdict })
	if len(some) == 0 {
		return
	}
	fmt.Fprintln(w, heading)
	for _, e := range some {
		fmt.Fprintf(w, "  %s\n", e.Rule)
		for _, line := range wrap(foldWords(k, e), width-6) {
			fmt.Fprintf(w, "      %s\n", line)
		}
	}
}

// foldWords says what an entry is, and why it does not count.
func foldWords(k *api.Case, e api.FoldEntry) string {
	var parts []string
	if e.ID != nil {
		by := "a key of no organisation of the case"
		if e.Org != nil {
			by = nameOf(k, *e.Org)
		}
		parts = append(parts, fmt.Sprintf("%s %s by %s, seq %d", e.Kind, shortID(e.ID.String()), by, *e.Seq))
	}
	if e.At != nil {
		parts = append(parts, fmt.Sprintf("at byte %d of the file", *e.At))
	}
	s := strings.Join(parts, ", ") + "\n" + safe(e.Text)
	if len(e.Missing) > 0 {
		s += "\nneeds " + strings.Join(shortIDs(e.Missing), ", ")
	}
	return s
}

func shortIDs(ids []id.EntryID) []string {
	out := make([]string, len(ids))
	for i, x := range ids {
		out[i] = shortID(x.String())
	}
	return out
}
