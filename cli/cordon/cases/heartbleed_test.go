package cases

import (
	"testing"
	"time"
)

// heartbleed: the project opens and leads. Red Hat names the day, which is earlier than
// the project's own default. Two of those that asked got no answer.
var heartbleed = script{
	file: "../../../daemon/demo/heartbleed-2014.json", opener: "openssl", length: 45 * 24 * time.Hour,
	alone: map[string]bool{"canonical": true, "gentoo": true}, voice: "google",
}

func TestHeartbleed(t *testing.T) {
	if testing.Short() {
		t.Skip("many daemons")
	}
	rec := load(t, heartbleed.file)
	p := cast(t, rec)
	p.acquaint(p.order...)
	g := tell(p, &heartbleed, rec)
	g.over(g.k, "PXA")
	g.whole()
	if g.second == nil || len(g.second.in) != 4 {
		t.Fatalf("the second report is not a case of three and who took it over: %+v", g.second)
	}
	for _, o := range g.second.in {
		if !g.k.has(o) || p.me(g.second, o).RM != "closed" {
			t.Errorf("%s has not come over from the second case", o.name)
		}
	}
	for _, key := range []string{"canonical", "gentoo", "amazon", "yahoo", "github", "bitcoin", "cra", "mumsnet", "rapid7"} {
		g.outside(key)
	}
	checked(p)
}
