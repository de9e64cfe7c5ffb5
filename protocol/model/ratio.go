package model

import "math/big"

// Ratio is an exact fraction. It does not change; the zero value is 0.
type Ratio struct{ r *big.Rat }

func ratio(a, b int64) Ratio { return Ratio{big.NewRat(a, b)} }

func (a Ratio) rat() *big.Rat {
	if a.r == nil {
		return new(big.Rat)
	}
	return a.r
}

// String writes the fraction in lowest terms, a whole number over 1: "1/27", "1/1".
func (a Ratio) String() string { return a.rat().String() }

// MarshalText writes what String writes.
func (a Ratio) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Cmp is -1, 0 or 1 as a is less than, equal to or more than b.
func (a Ratio) Cmp(b Ratio) int { return a.rat().Cmp(b.rat()) }

// Float is the nearest floating point number.
func (a Ratio) Float() float64 {
	f, _ := a.rat().Float64()
	return f
}

func (a Ratio) add(b Ratio) Ratio { return Ratio{new(big.Rat).Add(a.rat(), b.rat())} }
func (a Ratio) sub(b Ratio) Ratio { return Ratio{new(big.Rat).Sub(a.rat(), b.rat())} }

// div wants a b that is not zero.
func (a Ratio) div(b Ratio) Ratio { return Ratio{new(big.Rat).Quo(a.rat(), b.rat())} }
