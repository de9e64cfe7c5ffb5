package model

import (
	"math"
	"math/big"
	"testing"
)

// exactShare is I_x(a, b) at x = num/den for whole a and b, as an exact sum: the chance of
// at least a successes in a+b-1 trials (DLMF 8.17.5).
func exactShare(num, den, a, b int64) float64 {
	power := func(x, n int64) *big.Int { return new(big.Int).Exp(big.NewInt(x), big.NewInt(n), nil) }
	n, sum := a+b-1, new(big.Int)
	for j := a; j <= n; j++ {
		term := new(big.Int).Binomial(n, j)
		sum.Add(sum, term.Mul(term, power(num, j)).Mul(term, power(den-num, n-j)))
	}
	share, _ := new(big.Rat).SetFrac(sum, power(den, n)).Float64()
	return share
}

// TestBetaShare compares with the exact sum for whole a and b, and with the closed forms
// for the others.
func TestBetaShare(t *testing.T) {
	for _, a := range []int64{1, 2, 3, 7, 20, 60} {
		for _, b := range []int64{1, 2, 5, 19, 80} {
			for n := int64(1); n < 16; n++ {
				want := exactShare(n, 16, a, b)
				if got := betaShare(float64(n)/16, float64(a), float64(b)); math.Abs(got-want) > 1e-12 {
					t.Errorf("I_%d/16(%d, %d) = %.16g, want %.16g", n, a, b, got, want)
				}
			}
		}
	}
	for _, x := range []float64{0.01, 0.3, 0.5, 0.99} {
		if got, want := betaShare(x, 0.5, 0.5), 2/math.Pi*math.Asin(math.Sqrt(x)); math.Abs(got-want) > 1e-12 {
			t.Errorf("the arcsine law at %g: %.16g, want %.16g", x, got, want)
		}
		if got, want := betaShare(x, 2.5, 1), math.Pow(x, 2.5); math.Abs(got-want) > 1e-12 {
			t.Errorf("I_%g(2.5, 1) = %.16g, want %.16g", x, got, want)
		}
	}
	if got := betaShare(0.5, 1e6, 1e6); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("I_0.5(1e6, 1e6) = %.16g", got)
	}
}

// TestBetaQuantile: the quantile is where the exact sum reaches q, and closed forms.
func TestBetaQuantile(t *testing.T) {
	for _, q := range []float64{0.025, 0.5, 0.975} {
		for _, c := range [][2]int64{{1, 1}, {1, 9}, {9, 1}, {11, 59}, {40, 40}, {99, 1}} {
			x := betaQuantile(q, float64(c[0]), float64(c[1]))
			if share := exactShare(int64(math.Round(x*1e6)), 1e6, c[0], c[1]); math.Abs(share-q) > 1e-4 {
				t.Errorf("quantile %g of Beta(%d, %d) is %g, where %g lies below", q, c[0], c[1], x, share)
			}
		}
		if got, want := betaQuantile(q, 3, 1), math.Cbrt(q); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %g of Beta(3, 1) = %.16g, want %.16g", q, got, want)
		}
		if got, want := betaQuantile(q, 1, 4), 1-math.Pow(1-q, 0.25); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %g of Beta(1, 4) = %.16g, want %.16g", q, got, want)
		}
	}
}

// TestSkill: luck is 0, always is 1, never is below 0; the bounds hold alpha between them
// and narrow as cases come in.
func TestSkill(t *testing.T) {
	for _, c := range []struct {
		f        Ratio
		met, all int
		want     string
		bounded  bool
	}{
		{ratio(1, 3), 1, 3, "0/1", true},
		{ratio(1, 3), 2, 3, "1/2", true},
		{ratio(1, 27), 2, 27, "1/26", true},
		{ratio(1, 3), 4, 4, "1/1", false},
		{ratio(1, 3), 0, 4, "-1/2", false},
		{Ratio{}, 1, 4, "1/4", true},
	} {
		s, ok := SkillOf(c.f, c.met, c.all)
		if !ok || s.Alpha.String() != c.want || s.Bounded != c.bounded {
			t.Errorf("%d of %d at %s: %s, bounded %v, %v", c.met, c.all, c.f, s.Alpha, s.Bounded, ok)
		}
		if s.Bounded && !(s.Low < s.Alpha.Float() && s.Alpha.Float() < s.High && s.High <= 1) {
			t.Errorf("%d of %d at %s: %g < %s < %g", c.met, c.all, c.f, s.Low, s.Alpha, s.High)
		}
	}
	few, _ := SkillOf(ratio(1, 3), 6, 10)
	many, _ := SkillOf(ratio(1, 3), 600, 1000)
	if many.High-many.Low >= few.High-few.Low {
		t.Errorf("bounds of ten cases %g, of a thousand %g", few.High-few.Low, many.High-many.Low)
	}
	for _, bad := range [][2]int{{0, 0}, {1, 0}, {-1, 3}, {4, 3}, {0, -1}} {
		if s, ok := SkillOf(ratio(1, 3), bad[0], bad[1]); ok {
			t.Errorf("%d of %d gives %v", bad[0], bad[1], s)
		}
	}
	if _, ok := SkillOf(ratio(1, 1), 1, 2); ok {
		t.Error("nobody is better than certain")
	}
}
