package cases

import (
	"os"
	"strings"
	"testing"
	"time"
)

// shape is who takes part in a case, and how: the shapes of ISO/IEC TR 5895 §5 and of
// Vultron's list.
type shape struct {
	name string
	cast []string // "C2 coordinator"
	play func(p *play, o map[string]*org) *matter
	end  []string // of the state of the case
}

// shapes is the table.
var shapes = []shape{
	{"reporter and vendor", []string{"R reporter", "V mitigating-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["R"])
		p.joins(k, o["V"])
		return p.published(k, o["V"])
	}, []string{"VFdPxa"}},
	{"reporter, coordinator and vendor", []string{"R reporter", "C coordinator", "V mitigating-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["R"])
		p.joins(k, o["C"])
		p.handsOver(k, o["C"])
		p.joins(k, o["V"])
		return p.published(k, o["V"])
	}, []string{"VFdPxa"}},
	{"reporter, vendor and vendor", []string{"R reporter", "V1 mitigating-vendor", "V2 dependent-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["R"])
		p.joins(k, o["V1"])
		p.says(k, o["V1"], "V2 ships our code too")
		p.joins(k, o["V2"])
		return p.published(k, o["V1"])
	}, []string{"VfdPxa"}},
	{"a vendor finds its own flaw", []string{"V mitigating-vendor", "X dependent-vendor"}, func(p *play, o map[string]*org) *matter {
		return p.published(p.reported(o["V"]), o["V"])
	}, []string{"VFdPxa"}},
	{"a vendor keeps the lead, and its coordinator suggests a second", []string{"V1 mitigating-vendor", "C coordinator", "V2 dependent-vendor"},
		func(p *play, o map[string]*org) *matter {
			k := p.reported(o["V1"])
			p.joins(k, o["C"])
			p.says(k, o["C"], "V2 is affected as well, and can be trusted")
			p.joins(k, o["V2"])
			return p.published(k, o["V1"], o["V2"])
		}, []string{"VFdPxa"}},
	{"a vendor hands the lead to a coordinator", []string{"V1 mitigating-vendor", "C coordinator", "V2 dependent-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["V1"])
		p.joins(k, o["C"])
		p.handsOver(k, o["C"])
		p.joins(k, o["V2"])
		return p.published(k, o["V1"])
	}, []string{"VfdPxa"}},
	{"two coordinators, the first keeps the lead", []string{"C1 coordinator", "C2 coordinator", "V mitigating-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["C1"])
		p.joins(k, o["C2"])
		p.stewards(k, o["C1"], []string{"--add", o["C2"].id.String()}, nil, o["C1"], o["C2"])
		p.invitesBy(k, o["C2"], o["V"])
		p.accepts(k, o["V"])
		return p.published(k, o["V"])
	}, []string{"VFdPxa"}},
	{"two coordinators, the first hands over", []string{"C1 coordinator", "C2 coordinator", "V mitigating-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["C1"])
		p.joins(k, o["C2"], o["V"])
		p.handsOver(k, o["C2"])
		return p.published(k, o["V"])
	}, []string{"VFdPxa"}},
	{"reporter, two coordinators and two vendors", []string{"R reporter", "C1 coordinator", "C2 coordinator", "V1 mitigating-vendor", "V2 mitigating-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["R"])
		p.joins(k, o["C1"])
		p.handsOver(k, o["C1"])
		p.joins(k, o["C2"])
		p.stewards(k, o["C1"], []string{"--add", o["C2"].id.String()}, nil, o["C1"], o["C2"])
		p.joins(k, o["V1"])
		p.invitesBy(k, o["C2"], o["V2"])
		p.accepts(k, o["V2"])
		return p.published(k, o["V1"], o["V2"])
	}, []string{"VFdPxa"}},
	{"a supply chain of four tiers", []string{"T1 mitigating-vendor", "T2 dependent-vendor", "T3 dependent-vendor", "T4 deployer"}, supplyChain, []string{"VFdPxa"}},
	{"the lead vanishes", []string{"C coordinator", "V1 mitigating-vendor", "V2 dependent-vendor"}, leadVanishes, []string{"VfdPxa"}},
	{"two independent reporters, later merged", []string{"R1 reporter", "R2 reporter", "V mitigating-vendor"}, func(p *play, o map[string]*org) *matter {
		first, second := p.reported(o["R1"]), p.reported(o["R2"])
		for _, k := range []*matter{first, second} {
			p.joins(k, o["V"])
			p.handsOver(k, o["V"])
		}
		p.says(second, o["V"], "somebody else has told us the same")
		p.merges(second, first, o["R2"])
		p.says(first, o["V"], "whoever found it, we fix it here")
		return p.published(first, o["V"])
	}, []string{"VFdPxa"}},
	{"a case split into two product families", []string{"C coordinator", "V1 mitigating-vendor", "V2 dependent-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["C"])
		p.joins(k, o["V1"], o["V2"])
		child := p.splits(k, "The same in routers", o["V2"])
		p.says(child, o["V2"], "our routers need a month more")
		p.over(p.published(child, o["V2"]), "VFdPxa")
		return p.published(k, o["V1"])
	}, []string{"VfdPxa"}},
	{"a replica is away past the end", []string{"V1 mitigating-vendor", "V2 dependent-vendor"}, func(p *play, o map[string]*org) *matter {
		k := p.reported(o["V1"])
		p.joins(k, o["V2"])
		o["V2"].stop()
		p.says(k, o["V1"], "written while one is away")
		p.does(o["V1"], "embargo", "end", k.id, "--reason", p.because(k, o["V1"], "all are ready but one"))
		p.published(k, o["V1"])
		p.start(o["V2"])
		return k
	}, []string{"VfdPxa"}},
}

// TestTopologies plays who can be to whom. More than go test has time for:
// CORDON_VOLUME=gate go test -run TestTopologies ./cli/cordon/cases
func TestTopologies(t *testing.T) {
	if os.Getenv("CORDON_VOLUME") == "" {
		t.Skip("some 50 daemons: CORDON_VOLUME=gate")
	}
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			for _, c := range s.cast {
				key, role, _ := strings.Cut(c, " ")
				p.add(key, key+" Inc", role)
			}
			p.acquaint(p.order...)
			k := s.play(p, p.orgs)
			p.over(k, s.end...)
			checked(p)
		})
	}
}

// reported: o opens a case.
func (p *play) reported(o *org) *matter {
	return p.opens(o, "Overflow in libfoo", "It overflows.", time.Now().Add(45*24*time.Hour))
}

// published: some have a fix, then the lead says that it is public.
func (p *play) published(k *matter, fixed ...*org) *matter {
	for _, o := range fixed {
		p.fixes(k, o, "ready")
		p.says(k, o, "our fix is ready")
	}
	p.together(k)
	p.claims(k, k.lead, "public", "https://example.org/advisory")
	p.together(k)
	return k
}

// supplyChain: each tier knows whom it supplies, the first leads. What two neighbours say
// to each other is nobody else's. The release goes down the tiers.
func supplyChain(p *play, o map[string]*org) *matter {
	k := p.reported(o["T1"])
	tiers := []*org{o["T1"], o["T2"], o["T3"], o["T4"]}
	for i, next := range tiers[1:] {
		above := tiers[i]
		p.says(k, above, next.name+" builds on us")
		p.joins(k, next)
		p.says(k, above, "between us two: which of your products need it first?", next)
	}
	for _, t := range tiers {
		if t.role == "deployer" {
			p.fixes(k, t, "deployed")
		} else {
			p.fixes(k, t, "ready")
		}
		p.says(k, t, "done, your turn")
		p.together(k)
	}
	return p.published(k)
}

// leadVanishes: the stewards that are left put the silent one out, which hears of it when
// it comes back and gets nothing of what was written since.
func leadVanishes(p *play, o map[string]*org) *matter {
	c, v1, v2 := o["C"], o["V1"], o["V2"]
	k := p.reported(c)
	p.joins(k, v1, v2)
	p.stewards(k, c, []string{"--add", v1.id.String(), "--add", v2.id.String()}, nil, c, v1, v2)
	p.settled(k)
	c.stop()
	p.says(k, v1, "the coordinator does not answer")
	p.stewards(k, v1, []string{"--drop", c.id.String(), "--lead", v1.id.String()}, []*org{v2}, v1, v2)
	p.does(v1, "case", "remove", k.id, c.id.String(), "--reason", p.because(k, v1, "silent for weeks"))
	k.in = []*org{v1, v2}
	p.together(k)
	p.ends(c, p.caseID(k))
	p.published(k, v1)
	p.start(c)
	p.until("the one that was away hears that it is out", func() bool {
		v, err := c.Case(p.t.Context(), k.id)
		if err != nil {
			return false
		}
		for _, x := range v.Participants {
			if x.Org == c.id {
				return x.Removed
			}
		}
		return false
	})
	return k
}
