package cases

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// matter is one case as it is played.
type matter struct {
	id   string
	lead *org   // its first steward; it invites, and decides about the embargo
	in   []*org // members, in the order of their admission; the lead first
	name string
}

// play is one run.
type play struct {
	*world
	*book
	now    string // the day of what is played, for the transcript
	cases  []*matter
	titles []string
	verbs  int // that were run, but for notes
}

func newPlay(t *testing.T) *play { return &play{world: newWorld(t), book: newBook()} }

// cast is a run with the organisations of a case on stage.
func cast(t *testing.T, rec *record) *play {
	p := newPlay(t)
	p.cast(rec)
	return p
}

// cast brings the organisations of a case on stage.
func (p *play) cast(rec *record) {
	for _, o := range rec.Organisations {
		p.add(o.ID, o.Name, o.Role)
	}
}

// log adds a line to the transcript (go test -v).
func (p *play) log(format string, args ...any) {
	p.t.Logf("%-16s "+format, append([]any{p.now}, args...)...)
}

// does runs a verb as o and shows it.
func (p *play) does(o *org, args ...string) string {
	p.t.Helper()
	out := p.cordon(o, args...)
	if args[0] != "say" {
		p.verbs++
	}
	shown := make([]string, len(args))
	for i, a := range args {
		if len(a) == 64 && !strings.Contains(a, " ") {
			a = a[:8]
		}
		if strings.ContainsAny(a, " '") {
			a = fmt.Sprintf("%q", a)
		}
		shown[i] = a
	}
	p.log("    %s: cordon %s", o.name, strings.Join(shown, " "))
	return out
}

// text makes a text that is found again wherever it goes: it bears the number of its act.
func (p *play) text(k *matter, by *org, readers []*org, s string) string {
	p.acts++
	p.said[p.acts] = saying{c: k.id, by: by, readers: readers}
	return fmt.Sprintf("%s [canary %d %x]", s, p.acts, nonce())
}

func nonce() (b [12]byte) {
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return b
}

// opens opens a case with a report; who opens it leads it.
func (p *play) opens(o *org, name, report string, end time.Time) *matter {
	p.t.Helper()
	k := &matter{lead: o, in: []*org{o}, name: name}
	file := filepath.Join(p.dir, o.key+"-report.md")
	body := p.text(k, o, nil, report)
	title := fmt.Sprintf("%s %x", name, nonce())
	p.titles = append(p.titles, title)
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		p.t.Fatal(err)
	}
	var w api.Written
	p.reads(p.does(o, "case", "open", "--title", title, "--report", file, "--embargo-until", stamp(end), "--json"), &w)
	k.id = w.Case.String()
	p.said[p.acts] = saying{c: k.id, by: o}
	t := p.terms(o, k)
	p.enters(*w.Case, t.InForce, id.AgrID{}, true)
	p.signs(o, t.InForce.ID)
	p.cases = append(p.cases, k)
	return k
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// reads decodes what a verb printed with --json.
func (p *play) reads(out string, into any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(out), into); err != nil {
		p.t.Fatalf("%v: %s", err, out)
	}
}

// terms are the terms of a case as o sees them.
func (p *play) terms(o *org, k *matter) *api.Terms {
	p.t.Helper()
	t, err := o.Terms(p.t.Context(), k.id)
	if err != nil {
		p.t.Fatalf("%s: %v", o.name, err)
	}
	return t
}

// view is the case as o sees it.
func (p *play) view(o *org, k *matter) *api.Case {
	p.t.Helper()
	v, err := o.Case(p.t.Context(), k.id)
	if err != nil {
		p.t.Fatalf("%s: %v", o.name, err)
	}
	return v
}

// has says whether o is a member of k.
func (k *matter) has(o *org) bool { return slices.Contains(k.in, o) }

// of is the first case that o is in; nil: none.
func (p *play) of(o *org) *matter {
	for _, k := range p.cases {
		if k.has(o) {
			return k
		}
	}
	return nil
}

// invites invites organisations; they have not answered yet.
func (p *play) invites(k *matter, who ...*org) {
	p.t.Helper()
	p.invitesBy(k, k.lead, who...)
}

// invitesBy is invites by another steward than the lead.
func (p *play) invitesBy(k *matter, by *org, who ...*org) {
	p.t.Helper()
	for _, o := range who {
		o.asked, o.joined = by, true
		p.does(by, "case", "invite", k.id, o.id.String(), "--role", o.role)
	}
}

// accepts has organisations sign what they are invited to, each as soon as it has heard
// of it, several at once; then all hold the same.
func (p *play) accepts(k *matter, who ...*org) {
	p.t.Helper()
	items := make([]api.InboxItem, len(who))
	for i, o := range who {
		now := p.terms(k.lead, k).InForce.ID // an invitation to former terms is followed by one to these
		p.until(o.name+" is invited", func() bool {
			in, err := o.Inbox(p.t.Context())
			if err != nil {
				return false
			}
			at := slices.IndexFunc(in.Items, func(x api.InboxItem) bool { return x.From == o.asked.id && x.State == "open" && x.Agreement.ID == now })
			if at >= 0 {
				items[i] = in.Items[at]
			}
			return at >= 0
		})
	}
	const atOnce = 4
	failed := make(chan error, len(who))
	for batch := range slices.Chunk(indices(len(who)), atOnce) {
		for _, i := range batch {
			p.log("    %s: cordon inbox accept %.8s", who[i].name, items[i].ID)
			p.signs(who[i], items[i].Agreement.ID)
			p.verbs++
			go func() {
				_, said, err := p.try(who[i], "inbox", "accept", items[i].ID, "--wait", patience.String())
				if err != nil {
					err = fmt.Errorf("%s accepts: %w: %s", who[i].name, err, said)
				}
				failed <- err
			}()
		}
		for range batch {
			if err := <-failed; err != nil {
				p.t.Fatal(err)
			}
		}
	}
	k.in = append(k.in, who...)
	p.together(k)
}

func indices(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// joins invites organisations that sign at once.
func (p *play) joins(k *matter, who ...*org) {
	p.t.Helper()
	p.invites(k, who...)
	p.accepts(k, who...)
}

// says writes a note, to all members or to some of them.
func (p *play) says(k *matter, o *org, s string, to ...*org) (entry string) {
	p.t.Helper()
	var readers []*org
	if to != nil {
		readers = append(slices.Clone(to), o)
	}
	args := []string{"say", k.id, p.text(k, o, readers, s)}
	for _, x := range to {
		args = append(args, "--to", x.id.String())
	}
	return p.does(o, args...)
}

// because is a reason or evidence, for all members.
func (p *play) because(k *matter, o *org, s string) string { return p.text(k, o, nil, s) }

// proposes has o propose another end, says yes for it where that needs the stewards, and
// then for each of those that agree at once. It returns when it is in force everywhere.
func (p *play) proposes(k *matter, o *org, end time.Time, why string, agree ...*org) id.AgrID {
	p.t.Helper()
	args := []string{"embargo", "propose", k.id, "--until", stamp(end), "--json"}
	if why != "" {
		args = append(args, "--justify", why)
	}
	parent := p.terms(o, k).InForce.ID
	before := o.got.size()
	var w api.Written
	p.reads(p.does(o, args...), &w)
	for _, t := range p.terms(o, k).Proposed {
		p.enters(p.caseID(k), t, parent, false)
		if t.ID.String() == w.ID {
			p.yes[o] = append(p.yes[o], consent{agr: t.ID, from: before})
		}
	}
	var a id.AgrID
	if err := a.UnmarshalText([]byte(w.ID)); err != nil {
		p.t.Fatal(err)
	}
	for _, x := range agree {
		p.agrees(k, x, a)
	}
	p.inForce(k, a)
	return a
}

func (p *play) caseID(k *matter) (c id.CaseID) {
	if err := c.UnmarshalText([]byte(k.id)); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// agrees has o accept proposed terms as soon as it has heard of them.
func (p *play) agrees(k *matter, o *org, a id.AgrID) {
	p.t.Helper()
	p.until(o.name+" hears of the terms", func() bool {
		t, err := o.Terms(p.t.Context(), k.id)
		return err == nil && (t.InForce.ID == a || slices.ContainsFunc(t.Proposed, func(x api.AgreementTerms) bool { return x.ID == a }))
	})
	p.signs(o, a)
	p.acts++
	p.does(o, "embargo", "accept", k.id, a.String())
}

// inForce waits until terms are in force at every member.
func (p *play) inForce(k *matter, a id.AgrID) {
	p.t.Helper()
	for _, o := range k.in {
		if o.stop == nil {
			continue
		}
		p.until("the terms are in force at "+o.name, func() bool {
			t, err := o.Terms(p.t.Context(), k.id)
			return err == nil && t.InForce.ID == a
		})
	}
	t := p.terms(k.lead, k)
	p.enters(p.caseID(k), t.InForce, id.AgrID{}, true)
}

// together waits until every member that runs shows the same case.
func (p *play) together(k *matter) {
	p.t.Helper()
	p.until("all members hold the same", func() bool {
		digest := ""
		for _, o := range k.in {
			if o.stop == nil {
				continue
			}
			v, err := o.Case(p.t.Context(), k.id)
			if err != nil || digest != "" && v.Digest != digest {
				return false
			}
			digest = v.Digest
		}
		return true
	})
}

// me is o as it sees itself in a case.
func (p *play) me(k *matter, o *org) api.Participant {
	p.t.Helper()
	for _, x := range p.view(o, k).Participants {
		if x.Org == o.id {
			return x
		}
	}
	p.t.Fatalf("%s is not in its own view", o.name)
	return api.Participant{}
}

// fixes takes o to a fix that is ready or deployed, in legal steps, and says whether
// there was one to take.
func (p *play) fixes(k *matter, o *org, want string) bool {
	p.t.Helper()
	vendor := strings.HasSuffix(o.role, "-vendor")
	if !vendor && (o.role != "deployer" || want != "deployed") {
		return false
	}
	p.accepted(k, o)
	took := false
	for range 2 {
		step := map[string]string{"Vfd": "ready", "VFd": "deployed", "d": "deployed"}[p.me(k, o).VFD]
		if step == "" || step == "deployed" && want == "ready" {
			break
		}
		p.does(o, "fix", k.id, step)
		took = true
	}
	return took
}

// accepted takes o's report state to accepted.
func (p *play) accepted(k *matter, o *org) {
	p.t.Helper()
	for range 2 {
		step := map[string]string{"received": "valid", "invalid": "valid", "valid": "accept", "deferred": "accept"}[p.me(k, o).RM]
		if step == "" {
			return
		}
		p.does(o, "rm", k.id, step)
	}
}

// claims has o claim something once; it says whether that was new.
func (p *play) claims(k *matter, o *org, what, evidence string) bool {
	p.t.Helper()
	for _, c := range p.view(o, k).Claims {
		if c.By == o.id && c.What == what {
			return false
		}
	}
	p.does(o, "claim", k.id, what, "--evidence", p.because(k, o, evidence))
	return true
}

// confirms has the lead confirm what others claim and nobody has confirmed yet.
func (p *play) confirms(k *matter, what string) {
	p.t.Helper()
	p.together(k)
	for _, c := range p.view(k.lead, k).Claims {
		if c.What == what && !c.Confirmed {
			p.does(k.lead, "claim", k.id, "confirm", c.ID.String())
			return
		}
	}
}

// settled waits until all members hold all, and nobody's daemon is about to write
// something by itself; bodies come only to those who are to have them.
func (p *play) settled(k *matter) {
	p.t.Helper()
	p.together(k)
	for _, o := range k.in {
		if o.stop == nil {
			continue
		}
		p.until(o.name+" has all it is to have", func() bool {
			v, err := o.Case(p.t.Context(), k.id)
			if err != nil || len(v.Authority.Owes) > 0 {
				return false
			}
			whole := true
			err = o.Log(p.t.Context(), k.id, false, 0, func(l api.LogLine) bool {
				whole = l.Body != "awaited"
				return whole
			})
			return err == nil && (whole || !p.full(k, o))
		})
	}
	p.together(k)
}

// full says whether o is to have every body of the case that is for everybody: it has
// signed what is in force, and has never been out.
func (p *play) full(k *matter, o *org) bool {
	now := p.terms(o, k).InForce.ID
	return slices.ContainsFunc(p.yes[o], func(y consent) bool { return y.until == 0 && p.covers(y.agr, now) })
}
