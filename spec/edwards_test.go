package spec_test

import (
	"crypto/sha512"
	"math/big"
	"slices"
)

// The curve of Ed25519 (RFC 8032 §5.1) in affine coordinates with math/big:
// slow, plain, and able to make what no signing library makes.

// point is a point of the curve.
type point struct{ x, y *big.Int }

func bigOf(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic("spec: a constant of the curve")
	}
	return n
}

// curve holds the constants.
type curve struct {
	p, l, d *big.Int // field, order of the base point, coefficient
	base    point
}

func ed25519Curve() curve {
	c := curve{
		p: new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19)),
		l: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 252), bigOf("27742317777372353535851937790883648493")),
	}
	c.d = c.mul(big.NewInt(-121665), c.inv(big.NewInt(121666)))
	y := c.mul(big.NewInt(4), c.inv(big.NewInt(5)))
	c.base, _ = c.lift(y, 0)
	return c
}

func (c curve) mod(v *big.Int) *big.Int    { return v.Mod(v, c.p) }
func (c curve) mul(a, b *big.Int) *big.Int { return c.mod(new(big.Int).Mul(a, b)) }
func (c curve) inv(a *big.Int) *big.Int {
	return new(big.Int).ModInverse(new(big.Int).Mod(a, c.p), c.p)
}

// lift finds x for y, with the given lowest bit; false if y is on no point.
func (c curve) lift(y *big.Int, sign uint) (point, bool) {
	one := big.NewInt(1)
	yy := c.mul(y, y)
	u := c.mod(new(big.Int).Sub(yy, one))
	v := c.mod(new(big.Int).Add(c.mul(c.d, yy), one))
	x := new(big.Int).ModSqrt(c.mul(u, c.inv(v)), c.p)
	if x == nil {
		return point{}, false
	}
	if x.Bit(0) != sign {
		x = c.mod(x.Neg(x))
	}
	return point{x, new(big.Int).Set(y)}, true
}

func (c curve) add(a, b point) point {
	one := big.NewInt(1)
	x1y2, x2y1 := c.mul(a.x, b.y), c.mul(b.x, a.y)
	y1y2, x1x2 := c.mul(a.y, b.y), c.mul(a.x, b.x)
	t := c.mul(c.d, c.mul(x1x2, y1y2))
	x := c.mul(new(big.Int).Add(x1y2, x2y1), c.inv(new(big.Int).Add(one, t)))
	y := c.mul(new(big.Int).Add(y1y2, x1x2), c.inv(new(big.Int).Sub(one, t)))
	return point{x, y}
}

func (c curve) times(n *big.Int, a point) point {
	r := point{big.NewInt(0), big.NewInt(1)}
	for i := n.BitLen() - 1; i >= 0; i-- {
		r = c.add(r, r)
		if n.Bit(i) == 1 {
			r = c.add(r, a)
		}
	}
	return r
}

// torsion is a point of order 8: L times any point whose image has that order.
func (c curve) torsion() point {
	for y := int64(2); ; y++ {
		a, ok := c.lift(big.NewInt(y), 0)
		if !ok {
			continue
		}
		if t := c.times(c.l, a); c.times(big.NewInt(4), t).y.Cmp(big.NewInt(1)) != 0 {
			return t
		}
	}
}

// little is n in 32 bytes, lowest first, with the top bit set to sign.
func little(n *big.Int, sign uint) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	b[31] |= byte(sign) << 7
	return b
}

func fromLittle(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

func encode(a point) []byte { return little(a.y, a.x.Bit(0)) }

// challenge is k = SHA-512(R ‖ A ‖ M) mod L.
func (c curve) challenge(r, a, m []byte) *big.Int {
	h := sha512.Sum512(cat(r, a, m))
	return new(big.Int).Mod(fromLittle(h[:]), c.l)
}

// scalarOf is the secret scalar of a seed (RFC 8032 §5.1.5).
func scalarOf(seed []byte) *big.Int {
	h := sha512.Sum512(seed)
	h[0] &= 248
	h[31] = h[31]&127 | 64
	return fromLittle(h[:32])
}

// answer is S = r + k·a mod L, in 32 bytes.
func (c curve) answer(r, k, a *big.Int) []byte {
	s := new(big.Int).Mul(k, a)
	return little(s.Add(s, r).Mod(s, c.l), 0)
}
