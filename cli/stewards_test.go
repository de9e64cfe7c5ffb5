package cli

import (
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// twoStewards is a case with two stewards, a proposal and a refused act.
func twoStewards() (api.Case, api.Stewards) {
	k := oneCase()
	k.Stewards = []id.OrgID{{1}, {2}}
	word := noon.Add(-50 * time.Hour)
	s := api.Stewards{Schema: "cordon.stewards/1", Case: k.Case, State: "ok", Config: id.ConfigID{5}, N: 2, Quorum: 2,
		Stewards: []api.Steward{{Org: id.OrgID{1}, Name: "OpenSSL project", LastWord: &word}, {Rank: 1, Org: id.OrgID{2}, Name: "Long \x1b[2J name " + strings.Repeat("x", 40)}},
		Proposals: []api.Change{{Config: &id.ConfigID{0xab, 1}, Kind: "change", By: id.OrgID{1}, T: word, Stewards: []id.OrgID{{1}, {4}}, Quorum: 2, Need: 2,
			Endorsed: []id.OrgID{{1}}, Missing: []id.OrgID{{2}}, Added: []id.OrgID{{4}}, Dropped: []id.OrgID{{2}}, Void: []id.EntryID{{6}, {7}},
			Lost: []api.Lost{{LogLine: api.LogLine{ID: id.EntryID{6}, Org: id.OrgID{2}, Comp: "0", Type: "remove", About: id.OrgID{4}.String()}, Then: "in"},
				{LogLine: api.LogLine{ID: id.EntryID{7}, Org: id.OrgID{2}, Comp: "0", Type: "admit", What: "observer", About: id.OrgID{3}.String()}, Then: "out"}},
			Warnings: []string{"All 2 stewards must agree to the next change."}}}}
	k.Authority = &s
	k.Refused = []api.LogLine{{ID: id.EntryID{8}, Name: "Gone one", Comp: "0", Type: "remove", About: id.OrgID{1}.String(), Refused: "above-the-cut",
		Why: "its author is no steward any more"}}
	return k, s
}

// says fails unless a verb prints all of it in lines that fit.
func says(t *testing.T, out string, all ...string) {
	t.Helper()
	words := strings.Join(strings.Fields(out), " ") // however it is wrapped
	for _, want := range all {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	fits(t, out)
}

// TestStewardList: who decides, what is proposed, whose voice is missing.
func TestStewardList(t *testing.T) {
	k, s := twoStewards()
	f := fake{"GET /v1/cases/abcd0000": k, "GET /v1/cases/abcd0000/stewards": &s, "GET /v1/status": api.Status{Org: id.OrgID{1}}}
	out, _, code := f.run(t, "steward", "list", "abcd0000")
	if code != 0 {
		t.Errorf("exit %d", code)
	}
	says(t, out, "1 leads OpenSSL project 2026-11-19 10:00 UTC (2 d 2 h ago)", "none yet", "2 of the 2 carry a change of stewards",
		"proposed change ab0100000000 by OpenSSL project", "come Gone one", "go Long name", "VOID 2 acts of who goes, above the cut: 060000000000 remove of Gone one by Long name",
		"Gone one is in the case again 070000000000 admit observer of Invited one by Long name", "Invited one is out of the case",
		"voices 1 of 2: OpenSSL project; not yet: Long name", "cordon steward endorse abcd00000000 ab0100000000")
	out, _, code = f.run(t, "case", "show", "abcd0000")
	if code != 0 {
		t.Errorf("exit %d", code)
	}
	says(t, out, "decided by OpenSSL project (leads), Long name", "2 of 2 carry a change", "proposed change by OpenSSL project; comes: Gone one; goes: Long name",
		"refused remove of OpenSSL project by Gone one: its author is no steward any more (above-the-cut)")
	s.State, k.State = "conflict", "conflict"
	f["GET /v1/cases/abcd0000"] = k
	for _, verb := range [][]string{{"steward", "list"}, {"case", "show"}} {
		out, _, code = f.run(t, append(verb, "abcd0000")...)
		if code != 6 {
			t.Errorf("%v: exit %d", verb, code)
		}
		says(t, out, "CONFLICT", "cordon case pin abcd00000000")
	}
}

// TestStuck: a proposal that cannot be carried asks for no vote; why, and what remains,
// is said, and where a vote would be spent, that is said before.
func TestStuck(t *testing.T) {
	k, s := twoStewards()
	k.Authority = &s
	p := &s.Proposals[0]
	p.Stuck = &api.Stuck{Text: "Long name has voted for cd0200000000", Remains: "the members replace who is silent"}
	f := fake{"GET /v1/cases/abcd0000": &k, "GET /v1/cases/abcd0000/stewards": &s, "GET /v1/status": api.Status{Org: id.OrgID{1}},
		"POST /v1/cases/abcd0000/stewards/ab010000": p}
	out, _, _ := f.run(t, "steward", "list", "abcd0000")
	says(t, out, "voices 1 of 2: OpenSSL project STUCK it cannot be carried any more: Long name has voted for cd0200000000",
		"what remains the members replace who is silent")
	if strings.Contains(out, "steward endorse") || strings.Contains(out, "not yet") {
		t.Errorf("it asks for a vote:\n%s", out)
	}
	out, _, _ = f.run(t, "case", "show", "abcd0000")
	says(t, out, "1 of 2 voices. It cannot be carried any more: Long name has voted for cd0200000000 cordon steward list abcd00000000")
	p.Warnings = []string{"By \x1b[2J. This spends our vote: only the first counts until one is in force."}
	_, errs, code := f.run(t, "steward", "endorse", "abcd0000", "ab010000", "--yes")
	if code != 0 {
		t.Errorf("exit %d", code)
	}
	says(t, errs, `NOTE By \u{1b}[2J. This spends our vote`, "1 of 2 voices, and it cannot be carried any more. What remains: cordon steward list")
}

// TestSilence: who is silent, who has noted it, and when our voice counts.
func TestSilence(t *testing.T) {
	k, s := twoStewards()
	k.Authority, s.Proposals = &s, nil
	s.Silence = &api.Quiet{Silent: []id.OrgID{{1}}, Noted: []api.Noted{{Org: id.OrgID{2}, T: noon}}, Missing: []id.OrgID{{4}}}
	f := fake{"GET /v1/cases/abcd0000": &k, "GET /v1/cases/abcd0000/stewards": &s, "GET /v1/status": api.Status{Org: id.OrgID{4}}}
	shown := func(want string) {
		t.Helper()
		for _, verb := range [][]string{{"steward", "list"}, {"case", "show"}} {
			out, _, _ := f.run(t, append(verb, "abcd0000")...)
			says(t, out, want)
			if out, _, _ = f.run(t, append(verb, "abcd0000", "--json")...); !strings.Contains(out, `"silent"`) {
				t.Errorf("%v: %s", verb, out)
			}
		}
	}
	k.Participants[1].Name = "Beta"
	shown("silent OpenSSL project; noted by Beta; not yet by Gone one a voice for a succession counts 14 days after")
	from := noon.Add(60 * 24 * time.Hour)
	s.Silence.From, s.Silence.Missing = &from, nil
	shown("silent OpenSSL project; noted by Beta we can endorse a succession from 2027-01-20 12:00 UTC")
	from = noon.Add(-time.Hour)
	shown("we can endorse a succession since 2026-11-21 11:00 UTC")
}

// TestSucceeded: a steward that comes back, and was succeeded, is told when, by whom, and
// what it can do; of its acts only where some have lost their force.
func TestSucceeded(t *testing.T) {
	k, s := twoStewards()
	s.Proposals, k.Authority, k.Participants[1].Name = nil, &s, "Beta"
	k.Stewards = []id.OrgID{{2}}
	s.Succeeded = &api.Succeeded{Config: id.ConfigID{5}, By: id.OrgID{2}, T: noon.Add(-50 * time.Hour), Endorsed: []id.OrgID{{2}}, Stewards: []id.OrgID{{2}}}
	show := func() string {
		t.Helper()
		out, _, code := fake{"GET /v1/cases/abcd0000": &k, "GET /v1/status": api.Status{Org: id.OrgID{1}}}.run(t, "case", "show", "abcd0000")
		if code != 0 {
			t.Errorf("exit %d", code)
		}
		fits(t, out)
		return strings.Join(strings.Fields(out), " ")
	}
	told := "SUCCEEDED we were a steward, and the members put Beta in our place while nothing came from here. " +
		"Proposed by Beta, 2026-11-19 10:00 UTC (2 d 2 h ago), signed by Beta"
	rights := ". We go on as any member, and admit and remove nobody. To be a steward again, ask one: it runs " +
		"cordon steward propose abcd00000000 --add 010000000000"
	if out := show(); !strings.Contains(out, told+rights) {
		t.Errorf("%s", out)
	}
	k.Refused[0].Org = id.OrgID{1}
	if out := show(); !strings.Contains(out, told+". What we decided after what they had seen of us does not count: it stands under refused"+rights) {
		t.Errorf("%s", out)
	}
	k.Participants[0].Admitted, k.Participants[0].Removed = false, true
	if out := show(); !strings.Contains(out, told) || strings.Contains(out, "ask one") {
		t.Errorf("who is out: %s", out)
	}
	s.Succeeded = nil
	if out := show(); strings.Contains(out, "SUCCEEDED") {
		t.Errorf("who was not succeeded: %s", out)
	}
}

// TestPinText: both certificates, who voted on both sides, and what each choice means.
func TestPinText(t *testing.T) {
	k, s := twoStewards()
	k.State = "conflict"
	ours, theirs := s.Proposals[0], s.Proposals[0]
	ours.Endorsed, theirs.Endorsed = []id.OrgID{{1}, {2}}, []id.OrgID{{2}, {3}}
	theirs.Config, theirs.Stewards = &id.ConfigID{0xcd, 2}, []id.OrgID{{3}}
	ours.Lost, ours.Warnings, theirs.Warnings = nil, nil, []string{"Your organisation is no steward then."}
	p := &api.Pin{Case: k.Case, State: "conflict", Pinned: *ours.Config, Chain: *theirs.Config,
		Rivals: &api.Rivals{Pinned: ours, Chain: theirs, Both: []id.OrgID{{2}}}}
	f := fake{"GET /v1/cases/abcd0000": k, "GET /v1/cases/abcd0000/pin": p, "POST /v1/cases/abcd0000/pin": p}
	out, _, code := f.run(t, "case", "pin", "abcd0000")
	if code != 6 {
		t.Errorf("exit %d", code)
	}
	says(t, out, "This daemon acted under: config ab01", "signed by OpenSSL project, Long name", "The case, by its rules, follows: config cd02",
		"stewards Invited one alone", "VOID 2 acts under the other: 060000000000 remove of Gone one",
		"Gone one is in the case again", "NOTE Your organisation is no steward then.", "BOTH SIDES Long name", "To follow the case, with everybody else; what is VOID above does not count then", "cordon case pin abcd00000000 cd0200000000", "To stay;", "cordon case pin abcd00000000 ab0100000000")
	out, _, code = f.run(t, "case", "pin", "abcd0000", "ab010000")
	if code != 6 {
		t.Errorf("to stay: exit %d", code)
	}
	says(t, out, "This daemon stays with what it acted under", "remains in conflict", "cordon case pin abcd00000000 cd0200000000")
	f["POST /v1/cases/abcd0000/pin"] = &api.Pin{Case: k.Case, State: "ok", Pinned: *theirs.Config, Chain: *theirs.Config}
	out, errs, code := f.run(t, "case", "pin", "abcd0000", "cd020000")
	if code != 0 {
		t.Errorf("to follow: exit %d", code)
	}
	says(t, out, "The conflict is over here")
	says(t, errs, "This daemon would go on under: config cd02", "VOID 2 acts under the other", "Gone one is in the case again", "NOTE Your organisation is no steward then.")
	if _, errs, _ = f.run(t, "case", "pin", "abcd0000", "ab010000"); errs != "" {
		t.Errorf("to stay costs: %s", errs)
	}
	p.Rivals.Chain.Void, p.Rivals.Chain.Lost = nil, nil
	out, _, _ = f.run(t, "case", "pin", "abcd0000")
	says(t, out, "To follow the case, with everybody else; no act loses its force by that:")
	if strings.Contains(out, "VOID") {
		t.Errorf("nothing is void:\n%s", out)
	}
}

// TestLoss: where acts would lose their force, what is lost is said, and the
// refusal ends with 4.
func TestLoss(t *testing.T) {
	k, s := twoStewards()
	f := fake{"GET /v1/cases/abcd0000": k,
		"POST /v1/cases/abcd0000/stewards/ab010000": &api.Error{Kind: api.Refused, Text: "2 acts would lose their force", Try: "--yes"}}
	out, errs, code := f.run(t, "steward", "endorse", "abcd0000", "ab010000")
	if code != 4 || out != "" {
		t.Errorf("exit %d, %q", code, out)
	}
	says(t, errs, "VOID 2 acts of who goes", "Gone one is in the case again", "NOTE All 2 stewards must agree to the next change.", "cordon: 2 acts would lose their force try: --yes")
	done := s.Proposals[0]
	done.InForce, done.Schema = true, "cordon.change/1"
	f["POST /v1/cases/abcd0000/stewards/ab010000"] = done
	out, errs, code = f.run(t, "steward", "endorse", "abcd0000", "ab010000", "--yes")
	if code != 0 || out != done.Config.String()+"\n" {
		t.Errorf("exit %d, %q", code, out)
	}
	says(t, errs, "In force: OpenSSL project (leads), Gone one.")
}

// TestForkText: a fork is named, with what it means and what can be done.
func TestForkText(t *testing.T) {
	k, s := twoStewards()
	s.Beside = []api.Beside{{Change: s.Proposals[0], Chain: id.ConfigID{0xcd}, Both: []id.OrgID{{1}}}}
	s.Proposals, k.Authority = nil, &s
	both := k.Stewards
	control := []api.Place{{Comp: "0", Seq: 4}}
	k.Forks = 1
	for _, x := range []struct {
		f    api.ForkedKey
		says string
	}{
		{api.ForkedKey{Org: id.OrgID{1}, Kid: id.Kid{0x77}, Places: control, Proven: true}, "FORK key 770000000000 of OpenSSL project signed two entries at one place: " +
			"two copies of its home ran, or it was stolen. What it writes counts no more. What was written before stays; of acts as a steward, " +
			"those at the fork or after it count only where a checkpoint has them. Until it goes on with new keys (there: cordon key renew) it " +
			"decides nothing. The others are no quorum without it: if it does not come back, the members replace it after 14 days " +
			"cordon steward propose abcd00000000 --drop 010000000000 --succession"},
		{api.ForkedKey{Org: id.OrgID{1}, Revoked: true}, "Its organisation has revoked it since, and goes on with another key."},
		{api.ForkedKey{Org: id.OrgID{1}}, "once a member has shown the case the proof"},
		{api.ForkedKey{Org: id.OrgID{2}, Own: true}, "IT IS THIS DAEMON'S cordon key status"},
		{api.ForkedKey{Org: id.OrgID{4}}, "or the stewards remove it."},
		{api.ForkedKey{Org: id.OrgID{9}}, "If it does not come back, the members replace it after 14 days; ORG: one of them " +
			"cordon steward propose abcd00000000 --drop 090000000000 --add ORG --succession"},
	} {
		k.Forked = []api.ForkedKey{x.f}
		if k.Stewards = both; x.f.Org == (id.OrgID{9}) {
			k.Stewards = []id.OrgID{{9}} // alone
		}
		f := fake{"GET /v1/cases/abcd0000": k, "GET /v1/cases/abcd0000/stewards": &s, "GET /v1/status": api.Status{Org: id.OrgID{2}},
			"GET /v1/cases/abcd0000/pin": &api.Pin{Case: k.Case, State: "ok"}}
		out, _, code := f.run(t, "case", "show", "abcd0000")
		if code != 6 {
			t.Errorf("exit %d", code)
		}
		rival := "RIVAL change ab0100000000 to OpenSSL project (leads), Gone one is carried too, signed by OpenSSL project. " +
			"By the rules everybody follows cd0000000000 in its place. VOTED ON BOTH SIDES: OpenSSL project. Honest daemons never do."
		says(t, out, x.says, rival)
		out, _, _ = f.run(t, "steward", "list", "abcd0000")
		says(t, out, rival)
		out, _, _ = f.run(t, "case", "pin", "abcd0000")
		says(t, out, "No conflict", rival, "A key signed two histories all the same.", "cordon case show abcd00000000")
	}
}
