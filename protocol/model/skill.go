package model

import "math"

// Skill is what an observed rate says of those who brought it about: 0 is what luck
// gives, 1 is always, less than 0 is worse than luck.
type Skill struct {
	// Alpha is (observed - f) / (1 - f), f being the rate that luck gives.
	Alpha Ratio
	// Low and High bound it at 95 %, where Bounded: the quantiles 2.5 % and 97.5 % of
	// Beta(met, all-met), put through the same formula.
	Low, High float64
	// Bounded is false when all or none of the cases met the desideratum: the Beta has
	// no width then, and an interval would claim a certainty that nobody has.
	Bounded bool
}

// SkillOf compares the cases that met a desideratum, of all that were observed, with the
// rate f of luck. It says nothing (ok is false) of no cases, of counts that cannot be, and
// of an f of 1 or more, which leaves nothing to be better at.
func SkillOf(f Ratio, met, all int) (s Skill, ok bool) {
	one := ratio(1, 1)
	if all <= 0 || met < 0 || met > all || f.Cmp(one) >= 0 {
		return Skill{}, false
	}
	left := one.sub(f)
	s.Alpha = ratio(int64(met), int64(all)).sub(f).div(left)
	if met == 0 || met == all {
		return s, true
	}
	at := func(q float64) float64 {
		return (betaQuantile(q, float64(met), float64(all-met)) - f.Float()) / left.Float()
	}
	s.Low, s.High, s.Bounded = at(0.025), at(0.975), true
	return s, true
}

// betaQuantile is the x at which Beta(a, b) has reached q; a and b are more than 0. It
// halves until no number lies between: slower than Newton's way, and it cannot stray.
func betaQuantile(q, a, b float64) float64 {
	low, high := 0.0, 1.0
	for {
		x := low + (high-low)/2
		switch {
		case x == low || x == high:
			return x
		case betaShare(x, a, b) < q:
			low = x
		default:
			high = x
		}
	}
}

// betaShare is the regularized incomplete beta function I_x(a, b) for x between 0 and 1.
// DLMF 8.17.4 mirrors it to the side on which the fraction of betaTail converges fast.
func betaShare(x, a, b float64) float64 {
	if x > (a+1)/(a+b+2) {
		return 1 - betaTail(1-x, b, a)
	}
	return betaTail(x, a, b)
}

// betaTail is the same, for an x that lies below the bulk of Beta(a, b).
func betaTail(x, a, b float64) float64 {
	ga, _ := math.Lgamma(a)
	gb, _ := math.Lgamma(b)
	gab, _ := math.Lgamma(a + b)
	return math.Exp(gab-ga-gb+a*math.Log(x)+b*math.Log1p(-x)) / a * betaFraction(x, a, b)
}

// betaFraction is the continued fraction DLMF 8.17.22, from the front by the method of
// Lentz as Thompson and Barnett mended it.
func betaFraction(x, a, b float64) float64 {
	const tiny, near = 1e-300, 1e-15
	away := func(v float64) float64 { // from zero
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m < 1e6; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		for _, t := range []float64{even, odd} {
			d = 1 / away(1+t*d)
			c = away(1 + t/c)
			f *= c * d
		}
		if math.Abs(c*d-1) < near {
			break
		}
	}
	return f
}
