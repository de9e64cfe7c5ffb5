package cases

import (
	"os"
	"testing"
	"time"
)

// meltdown: the maker that was told first leads, as the record has the owners lead. Who was
// inside by its own or others' word, with no day published, comes in before the event named here.
// Lenovo is told of by one newspaper only: it stays out. Arm agrees late to the second
// longer date, which is this play's invention.
var meltdown = script{
	file: "testdata/meltdown-spectre-2018.json", opener: "intel", length: 45 * 24 * time.Hour,
	inside: map[string]string{
		"microsoft": "2017-07-28 gdata", "apple": "2017-07-28 gdata", "amazon": "2017-07-28 gdata", // June 2017
		"google":       "2017-07-28 gdata",                                // the reporter's own company
		"linux-kernel": "2017-11-09 intel",                                // worked on it by November 2017
		"xen":          "2017-12-12 intel", "red-hat": "2017-12-12 intel", // before publication
		"freebsd": "2017-12-29 linux-kernel", // late December
	},
	late: map[string]string{"arm": ""}, voice: "project-zero",
}

// More than go test has time for: CORDON_VOLUME=gate go test -run TestMeltdown ./cli/cordon/cases
func TestMeltdown(t *testing.T) {
	if os.Getenv("CORDON_VOLUME") == "" {
		t.Skip("32 daemons: CORDON_VOLUME=gate")
	}
	rec := load(t, meltdown.file)
	p := cast(t, rec)
	p.acquaint(p.order...)
	g := tell(p, &meltdown, rec)
	g.over(g.k, "PXa")
	g.whole()
	for _, key := range []string{"openbsd", "dragonfly", "lenovo", "cert-cc", "gdata", "the-register", "ex-networks", "cloud-ca", "us-house", "debian"} {
		g.outside(key)
	}
	checked(p)
}
