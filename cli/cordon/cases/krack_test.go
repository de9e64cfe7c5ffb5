package cases

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cordon/peer"
)

// krack is the record: nobody owns the flaw. The finders open the case; the coordinator to whom they
// hand the notice takes the lead over. OpenBSD objects to the longer date and agrees once
// it has shipped, as it was allowed to.
var krack = script{
	file: "testdata/krack-2017.json", opener: "ku-leuven", heir: "cert-cc",
	late: map[string]string{"openbsd": "fix-ready"}, voice: "ku-leuven",
}

// TestKRACK plays it with some of its organisations.
func TestKRACK(t *testing.T) {
	if testing.Short() {
		t.Skip("many daemons")
	}
	rec := load(t, krack.file)
	some := map[string]bool{}
	for _, key := range []string{"ku-leuven", "cert-cc", "us-cert", "openbsd", "huawei", "microsoft", "debian", "red-hat",
		"arista", "hostap", "mikrotik", "arris", "tp-link", "wi-fi-alliance"} {
		some[key] = true
	}
	rec.reduce(some)
	playKRACK(t, rec, quick())
}

// TestKRACKNamed plays it with all organisations that the record names:
// CORDON_VOLUME=gate go test -run TestKRACKNamed -v ./cli/cordon/cases
func TestKRACKNamed(t *testing.T) {
	if os.Getenv("CORDON_VOLUME") == "" {
		t.Skip("40 daemons: CORDON_VOLUME=gate")
	}
	playKRACK(t, load(t, krack.file), quick())
	used(t)
}

// notified is how many were notified on the day on which CERT/CC told most.
const notified = 118

// TestKRACKWhole plays it with as many organisations as were notified on one day. The
// record names few of them; the others do nothing but come in:
// CORDON_VOLUME=full go test -run TestKRACKWhole -timeout 30m -v ./cli/cordon/cases
func TestKRACKWhole(t *testing.T) {
	if os.Getenv("CORDON_VOLUME") != "full" {
		t.Skip("118 daemons: CORDON_VOLUME=full")
	}
	rec := load(t, krack.file)
	rec.widen(notified)
	pace := peer.DefaultSchedule() // as in the field: what each does by itself, all do in one process
	pace.Retry = quick().Retry
	playKRACK(t, rec, pace)
	used(t)
}

// widen adds vendors without a name to those that are invited by the event that invites
// most, until there are n organisations.
func (r *record) widen(n int) {
	most := slices.MaxFunc(indices(len(r.Events)), func(a, b int) int { return cmp.Compare(len(r.Events[a].To), len(r.Events[b].To)) })
	e := &r.Events[most]
	for i := len(r.Organisations) + 1; i <= n; i++ {
		o := listed{ID: fmt.Sprintf("vendor-%03d", i), Name: fmt.Sprintf("Vendor %03d", i), Role: "mitigating-vendor", Notified: e.T}
		r.Organisations, e.To = append(r.Organisations, o), append(e.To, o.ID)
	}
}

// used shows what this process has taken so far.
func used(t *testing.T) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	cpu := time.Duration(r.Utime.Nano() + r.Stime.Nano())
	t.Logf("so far: %v of processor, %d MiB at most", cpu.Round(time.Second), r.Maxrss>>10)
}

func playKRACK(t *testing.T, rec *record, pace peer.Schedule) {
	t.Helper()
	begin := time.Now()
	p := newPlay(t)
	p.pace = pace
	p.cast(rec)
	for _, o := range p.order { // vendors know the finders and the coordinator, not each other
		for _, hub := range []string{"ku-leuven", "cert-cc"} {
			if h := p.orgs[hub]; h != o && (o.key != "ku-leuven" || hub != "cert-cc") {
				p.know(h, o)
			}
		}
	}
	p.met(p.order...)
	t.Logf("%d daemons have met after %v", len(p.order), time.Since(begin).Round(time.Second))
	g := tell(p, &krack, rec)
	g.over(g.k, "Pxa")
	g.whole()
	if g.k.lead.key != "cert-cc" {
		t.Errorf("%s leads", g.k.lead.name)
	}
	for _, o := range rec.Organisations {
		if o.Notified == "" && o.Role != "reporter" && o.ID != "cert-cc" {
			g.outside(o.ID)
		}
	}
	checked(p)
	t.Logf("all of it took %v", time.Since(begin).Round(time.Second))
}

// reduce leaves some organisations and what they did.
func (r *record) reduce(some map[string]bool) {
	var orgs []listed
	for _, o := range r.Organisations {
		if some[o.ID] {
			orgs = append(orgs, o)
		}
	}
	r.Organisations = orgs
	var events []event
	for _, e := range r.Events {
		if !some[e.Org] {
			continue
		}
		var to []string
		for _, x := range e.To {
			if some[x] {
				to = append(to, x)
			}
		}
		if e.Kind == "invite" && to == nil {
			continue
		}
		e.To = to
		events = append(events, e)
	}
	r.Events = events
}
