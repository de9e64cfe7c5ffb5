package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// TestFoldText: whatever others have written, the fold of a file reads well at 80
// columns, and moves no cursor.
func TestFoldText(t *testing.T) {
	org, e, seq, at := id.OrgID{1}, id.EntryID{2}, id.Seq(3), 4_294_967_296
	name := strings.Repeat("Überlange Organisation ", 4) + "\x1b[2J\u202e"
	f := &api.Fold{Stewards: []id.OrgID{org}, CS: "VfdPxa", State: "upgrade-needed", Forks: 2, Repeated: 7, Rejected: 1, Refused: 1,
		Embargo:      api.Embargo{State: "active", End: &noon, ExitPending: true},
		Participants: []api.Participant{{Org: org, Name: name, Roles: []string{"mitigating-vendor", "coordinator", "observer"}, RM: "received", VFD: "Vfd", Consent: "no-embargo"}},
		Claims:       []api.CaseClaim{{ID: e, What: "public", By: org}},
		Chain:        []api.FoldConfig{{Kind: "ordinary", Stewards: []id.OrgID{org}, Quorum: 1}, {N: 1, Kind: "succession", Stewards: []id.OrgID{org, {9}}, Quorum: 2, Endorsed: []id.OrgID{org}, Need: 1}},
		Proposals:    []api.FoldConfig{{N: 2, Kind: "ordinary", Stewards: []id.OrgID{{9}}, Quorum: 1, Need: 2, Stuck: true}},
		Beside:       []api.FoldConfig{{N: 1, Kind: "ordinary", Stewards: []id.OrgID{org, {8}}, Quorum: 2, Endorsed: []id.OrgID{org}, Need: 1, Config: id.ConfigID{0xab}, Chain: &id.ConfigID{0xcd}, Both: []id.OrgID{org}}},
		Forked:       []api.ForkedKey{{Org: org, Kid: id.Kid{0x77}, Proven: true}, {Kid: id.Kid{0x78}}},
		Entries: []api.FoldEntry{
			{ID: &e, Org: &org, Seq: &seq, Kind: "remove", Verdict: api.FoldRefused, Rule: "subject-is-steward", Text: "a steward is not removed: a new config drops it first"},
			{ID: &e, Seq: &seq, Kind: "20", Verdict: api.FoldRejected, Rule: "missing-entry", Text: "an entry that it rests on is missing", At: &at, Missing: []id.EntryID{{7}, {8}, {9}, {10}, {11}}},
			{Verdict: api.FoldRejected, Rule: "truncated", Text: "it ends inside an item", At: &at},
		}}
	var b bytes.Buffer
	foldText(&b, f, noon.Add(-time.Hour))
	if strings.Contains(b.String(), "of ours") {
		t.Errorf("nobody asks:\n%s", &b)
	}
	for _, line := range strings.Split(b.String(), "\n") {
		if columns(line) > width {
			t.Errorf("%d columns: %s", columns(line), line)
		}
	}
	for _, want := range []string{"7 more copies", "2 FORKS", "UPGRADE-NEEDED", "config 1", "by succession", "proposed", "endorsed by nobody (0 of 2)", "it cannot be carried any more", "RIVAL         change ab0000000000 to ", "VOTED ON BOTH", "cd0000000000",
		"FORK          key 770000000000 of Über", "FORK          key 780000000000 of somebody who is not in the case",
		"  subject-is-steward", "  missing-entry", "needs 070000000000, 08", "at byte 4294967296 of the file", "a key of no organisation", "ALARM"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e") {
		t.Errorf("%q", &b)
	}
}
