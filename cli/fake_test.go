package cli

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// fake answers the local API with what a test wants to see printed.
type fake map[string]any // "GET /v1/cases" → answer; an *api.Error is sent as one

func (f fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, ok := f[r.Method+" "+r.URL.Path]
	if !ok {
		answer = &api.Error{Schema: "cordon.error/1", Kind: api.NotFound, Text: "nothing here"}
	}
	if e, ok := answer.(*api.Error); ok {
		w.WriteHeader(e.Status())
	}
	if b, ok := answer.([]byte); ok {
		_, _ = w.Write(b)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// run runs the command line against a daemon that answers so.
func (f fake) run(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	home, err := os.MkdirTemp("", "cf") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	path, err := api.SocketPath(home)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: f}
	go server.Serve(l)
	defer server.Close()
	a := &app{now: func() time.Time { return noon }}
	for name, file := range map[string]**os.File{"in": &a.in, "out": &a.out, "err": &a.err} {
		if *file, err = os.Create(filepath.Join(home, name)); err != nil {
			t.Fatal(err)
		}
		defer (*file).Close()
	}
	code = a.run(t.Context(), append([]string{"--home", home}, args...))
	return read(t, a.out), read(t, a.err), code
}

func read(t *testing.T, f *os.File) string {
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var (
	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	end  = noon.Add(76 * time.Hour)
)

func oneCase() api.Case {
	return api.Case{
		Schema: "cordon.case/1", Case: id.CaseID{0xab, 0xcd}, Heading: api.Heading{Title: "Overflow \x1b[31m in " + strings.Repeat("lib", 40)},
		Stewards: []id.OrgID{{1}},
		Participants: []api.Participant{
			{Org: id.OrgID{1}, Name: "OpenSSL project", Roles: []string{"mitigating-vendor"}, RM: "accepted", VFD: "VFd", Consent: "signatory", Admitted: true},
			{Org: id.OrgID{2}, Name: strings.Repeat("Long name ", 12), Roles: []string{"dependent-vendor", "coordinator"}, RM: "received", VFD: "Vfd", Consent: "signatory", Admitted: true},
			{Org: id.OrgID{3}, Name: "Invited one", Roles: []string{"observer"}, RM: "start", Consent: "invited"},
			{Org: id.OrgID{4}, Name: "Gone one", Roles: []string{"deployer"}, RM: "received", VFD: "d", Consent: "signatory", Removed: true},
		},
		Embargo: api.Embargo{State: "active", End: &end, Agreement: &id.AgrID{9}},
		CS:      "Vfdpxa", State: "ok", Entries: 41, Digest: strings.Repeat("0f", 32),
		Claims: []api.CaseClaim{{ID: id.EntryID{7}, What: "public", By: id.OrgID{2}}},
	}
}

func TestCaseShow(t *testing.T) {
	k := oneCase()
	us := api.Status{Org: id.OrgID{1}}
	out, errs, code := fake{"GET /v1/cases/abcd0000": k, "GET /v1/status": us}.run(t, "case", "show", "abcd0000")
	if code != 0 || errs != "" {
		t.Fatalf("exit %d, %s", code, errs)
	}
	for _, want := range []string{
		`Overflow \u{1b}[31m in liblib`,
		"embargo       active until 2026-11-24 16:00 UTC (in 3 d 4 h)\n",
		"state         Vfdpxa: not every vendor has a fix, not public\n",
		"decided by    OpenSSL project alone\n",
		"record        41 entries\n",
		"Who can read this:",
		"OpenSSL project (we)      mitigating-vendor  accepted  VFd fix ready  signatory\n",
		"Invited, has been sent nothing yet:",
		"Out of the case; keeps what it was sent before, gets nothing more:",
		"confirm 070000000000",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	fits(t, out)
}

// fits fails on lines of more than 80 columns and on anything that steers a terminal.
func fits(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if n := columns(line); n > width {
			t.Errorf("%d columns: %q", n, line)
		}
		if strings.IndexFunc(line, unsafeRune) >= 0 {
			t.Errorf("unsafe: %q", line)
		}
	}
}

// TestForkShows: a fork or conflict is shown, and the exit code says it too.
func TestForkShows(t *testing.T) {
	k := oneCase()
	k.Forks, k.State = 1, "conflict"
	us := api.Status{Org: id.OrgID{4}}
	out, _, code := fake{"GET /v1/cases/abcd0000": k, "GET /v1/status": us}.run(t, "case", "show", "abcd0000")
	if !strings.Contains(out, "WE ARE OUT OF THIS CASE") {
		t.Errorf("%s", out)
	}
	if code != 6 || !strings.Contains(out, "1 FORK") || !strings.Contains(out, "CONFLICT") {
		t.Errorf("exit %d\n%s", code, out)
	}
	for v, want := range map[api.Verified]int{
		{Entries: 9}: 0, {Entries: 9, Bad: 1, Forks: 1}: 1, {Entries: 9, Forks: 1}: 6,
	} {
		if _, _, code := (fake{"GET /v1/verify": v}).run(t, "verify"); code != want {
			t.Errorf("%+v: exit %d, want %d", v, code, want)
		}
	}
}

func TestLists(t *testing.T) {
	k := oneCase()
	rows := api.Cases{Cases: []api.CaseRow{
		{Case: k.Case, Heading: k.Heading, Embargo: "active", End: &end, CS: "Vfdpxa", RM: "accepted", State: "ok"},
		{Case: id.CaseID{1}, Embargo: "exited", CS: "VFDPxa", RM: "closed", State: "ok",
			Unfinished: &api.Warning{Text: "split off, and not finished: do it again, with the title that it was to have", Try: "cordon case split abcd00000000 --title TITLE --with ORG"}},
	}}
	out, _, _ := fake{"GET /v1/cases": rows}.run(t, "case", "list")
	if !strings.Contains(out, "UNFINISHED    010000000000: split off") || !strings.Contains(out, "cordon case split abcd00000000 --title TITLE") {
		t.Errorf("%s", out)
	}
	if !strings.Contains(out, "abcd00000000  Vfdpxa  accepted  ends in 3 d 4 h") || !strings.Contains(out, "(not here yet)") {
		t.Errorf("%s", out)
	}
	fits(t, out)

	in := api.Inbox{Items: []api.InboxItem{{
		ID: strings.Repeat("5a", 32), Kind: "invitation", From: id.OrgID{1}, FromName: "OpenSSL project", Role: "dependent-vendor",
		Agreement: api.Agreement{End: &end, Text: "No word \x07to others.\n" + strings.Repeat("Remediation only. ", 20)},
		Teaser:    "TLS \u202elibrary", Expires: noon.Add(7 * 24 * time.Hour), State: "open",
	}}}
	out, _, _ = fake{"GET /v1/inbox": in}.run(t, "inbox")
	for _, want := range []string{"invitation    5a5a5a5a5a5a\n", `No word \u{7}to others.`, `TLS \u{202e}library`, "embargo       until 2026-11-24 16:00 UTC (in 3 d 4 h)", "cordon inbox accept 5a5a5a5a5a5a"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	fits(t, out)
}

// TestOurHistory: why there is no title, and whether the invitation told so.
func TestOurHistory(t *testing.T) {
	lied := "THE INVITATION THAT WE ACCEPTED SAID: ALL OF IT"
	for _, c := range []struct {
		change    func(*api.Case)
		has, lack []string
	}{
		{func(k *api.Case) { k.Title = "" }, []string{"(not here yet)"}, []string{"history  ", lied}},
		{func(k *api.Case) { k.Title, k.Since = "", &noon }, []string{"(written before we came in)", "history       from our admission on"}, []string{lied}},
		{func(k *api.Case) { k.Title, k.Since, k.GivenLess = "", &noon, true }, []string{lied}, nil},
		{func(k *api.Case) { k.Title, k.Cut = "", true }, []string{"(written before we came in)", "history       all of it is given to us now"}, []string{lied}},
	} {
		k := oneCase()
		c.change(&k)
		out, _, _ := fake{"GET /v1/cases/abcd0000": k, "GET /v1/status": api.Status{}}.run(t, "case", "show", "abcd0000")
		for _, s := range c.has {
			if !strings.Contains(out, s) {
				t.Errorf("%q is missing in\n%s", s, out)
			}
		}
		for _, s := range c.lack {
			if strings.Contains(out, s) {
				t.Errorf("%q is in\n%s", s, out)
			}
		}
		fits(t, out)
	}
}

func TestLog(t *testing.T) {
	size := uint64(5 << 20)
	lines := []api.LogLine{
		{ID: id.EntryID{1}, Name: "OpenSSL project", Comp: "0", T: noon, Type: "genesis"},
		{ID: id.EntryID{2}, Name: strings.Repeat("Long name ", 9), Comp: "1", T: noon, Type: "note", Text: "first\n" + strings.Repeat("and a long \x1b[2J line ", 20), Body: "here"},
		{ID: id.EntryID{3}, Name: "B", Comp: strings.Repeat("cc", 32), T: noon, Type: "attachment", File: "a.bin", Size: &size, Body: "awaited"},
		{ID: id.EntryID{4}, Name: "B", Comp: "0", T: noon.Add(24 * time.Hour), Type: "status", What: "accepted", Refused: "no-such-step"},
	}
	var body bytes.Buffer
	for _, l := range lines {
		if err := json.NewEncoder(&body).Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	f := fake{"GET /v1/cases/abcd0000/log": body.Bytes()}
	out, _, code := f.run(t, "case", "log", "abcd0000")
	words := strings.Join(strings.Fields(out), " ") // however it is wrapped
	for _, want := range []string{"2026-11-21 UTC", "12:00:00 010000000000 OpenSSL project genesis", "first and a long",
		"attachment a.bin (5120 KiB)", "[content awaited]", "[compartment", "2026-11-22 UTC", "REFUSED (no-such-step): status accepted"} {
		if !strings.Contains(words, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if code != 0 {
		t.Errorf("exit %d", code)
	}
	fits(t, out)
	out, _, _ = f.run(t, "case", "log", "abcd0000", "--json")
	if n := strings.Count(out, "\n"); n != len(lines) {
		t.Errorf("%d lines of JSON, want %d", n, len(lines))
	}
}

// TestExitCodes: every kind of the API ends with its number, text and hint on
// standard error and nothing on standard output.
func TestExitCodes(t *testing.T) {
	for kind, want := range map[api.Kind]int{
		api.Invalid: 2, api.Refused: 4, api.NotFound: 3, api.Exists: 1, api.Fork: 6, api.Unavailable: 5, api.Internal: 1, api.Pending: 7,
	} {
		f := fake{"GET /v1/cases/abcd0000": &api.Error{Kind: kind, Text: "so it \x1bis", Try: "that"}}
		out, errs, code := f.run(t, "case", "show", "abcd0000")
		if code != want || out != "" || errs != "cordon: so it \\u{1b}is\n  try: that\n" {
			t.Errorf("%s: exit %d, want %d; %q, %q", kind, code, want, out, errs)
		}
	}
}

// TestSchemas: with --json every reading verb prints an object with its schema.
func TestSchemas(t *testing.T) {
	k := oneCase()
	f := fake{
		"GET /v1/status": api.Status{Schema: "cordon.status/1"}, "GET /v1/peers": api.Peers{Schema: "cordon.peers/1"},
		"GET /v1/inbox": api.Inbox{Schema: "cordon.inbox/1"}, "GET /v1/cases": api.Cases{Schema: "cordon.cases/1"},
		"GET /v1/cases/abcd0000": k, "GET /v1/verify": api.Verified{Schema: "cordon.verify/1"},
	}
	for schema, args := range map[string][]string{
		"cordon.status/1": {"status"}, "cordon.peers/1": {"peer", "list"}, "cordon.inbox/1": {"inbox"},
		"cordon.cases/1": {"case", "list"}, "cordon.case/1": {"case", "show", "abcd0000"},
		"cordon.verify/1": {"verify"}, "cordon.version/1": {"version"},
	} {
		out, errs, code := f.run(t, append(args, "--json")...)
		var v struct{ Schema string }
		if err := json.Unmarshal([]byte(out), &v); err != nil || v.Schema != schema || code != 0 {
			t.Errorf("%v: %q, exit %d, %v %s", args, v.Schema, code, err, errs)
		}
	}
}

// TestLease: that notes and files are held back, or will be, is said with what to do.
func TestLease(t *testing.T) {
	heard, ended, soon := noon.Add(-22*24*time.Hour), noon.Add(-24*time.Hour), noon.Add(48*time.Hour)
	for want, l := range map[string]*api.Lease{
		"": nil,
		"HELD BACK no steward has been heard since ": {Heard: &heard, Until: &ended},
		"HELD BACK no steward has been heard: ":      {},
		"lease no steward has been heard since ":     {Flows: true, Heard: &heard, Until: &soon},
	} {
		k := oneCase()
		k.Lease = l
		out, _, _ := fake{"GET /v1/cases/abcd0000": k, "GET /v1/status": api.Status{}}.run(t, "case", "show", "abcd0000")
		said := strings.Join(strings.Fields(out), " ")
		if l != nil && !l.Flows && !strings.Contains(said, "cordon case next abcd00000000") {
			t.Errorf("what to do is not said:\n%s", out)
		}
		if !strings.Contains(said, want) || strings.Contains(said, "steward has been heard") != (want != "") {
			t.Errorf("%q is missing in\n%s", want, out)
		}
		fits(t, out)
	}
}
