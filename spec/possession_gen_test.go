package spec_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"math/big"
	"slices"
	"strings"
)

// possession is one of the two signatures of a daemon+: the key it stands under,
// what its text begins with, and the key of the event that the text names.
type possession struct {
	key    uint64
	prefix string
	other  uint64
}

var (
	holding  = possession{16, "cordon/1/holds", 10}
	carrying = possession{17, "cordon/1/carries", 9}
)

// text is what is signed of a daemon+ of an organisation.
func (x possession) text(p payload, org []byte) []byte {
	kem := sha256.Sum256(inside(p.value(11)))
	return cat([]byte(x.prefix), org, inside(p.value(x.other)), kem[:])
}

// by is the daemon+ with this possession signed by the key of a name.
func (x possession) by(p payload, name string, org []byte) payload {
	return p.with(x.key, str(ed25519.Sign(keyOf(name), x.text(p, org))))
}

// agreed is the daemon+ with both possessions, by the signing and the transport
// key of these names, for an organisation.
func (p payload) agreed(sign, transport string, org []byte) payload {
	return carrying.by(holding.by(p, sign, org), transport, org)
}

// anyText is a signature that the identity point has made of every text: R is the
// identity, S is 0.
func anyText() []byte { return cat(little(big.NewInt(1), 0), make([]byte, 32)) }

// chainsUnheld are certificates to which a key of the daemon has not agreed.
func chainsUnheld() []ch {
	return slices.Concat(unheld(holding, "holds", "A", "A peer"), unheld(carrying, "carries", "A peer", "A"), stolen())
}

// certified is A with one certificate.
func certified(e eventOf) chainOf {
	r1 := keyOf("A root")
	return chainOf{}.add(r1, create("A")).add(r1, e)
}

// unheld breaks one possession of A's certificate, which signer has to sign; other
// is the daemon's other key.
func unheld(x possession, label, signer, other string) []ch {
	good, ours, c := certify("A"), orgID("A"), ed25519Curve()
	sig := inside(good.value(x.key))
	flipped := bytes.Clone(sig)
	flipped[40] ^= 1
	high := cat(sig[:32], little(new(big.Int).Add(fromLittle(sig[32:]), c.l), 0))
	pub, text := pubOf(signer), x.text(good, ours)
	torsion := encode(c.torsion())
	small := cat(torsion, c.answer(new(big.Int), c.challenge(torsion, pub, text), scalarOf(keyOf(signer).Seed())))
	twin := holding
	if x == holding {
		twin = carrying
	}
	all := []ch{
		{"missing", "wrong-fields", certified(good.without(x.key)), "no possession"},
		{"short", "bad-field", certified(good.with(x.key, str(sig[:63]))), "63 bytes of a signature"},
		{"long", "bad-field", certified(good.with(x.key, str(cat(sig, hx("00"))))), "65 bytes"},
		{"text", "bad-field", certified(good.with(x.key, txt(strings.Repeat("s", 64)))), "a text of 64 bytes"},
		{"one-bit", "no-possession", certified(good.with(x.key, str(flipped))), "one bit of the signature"},
		{"zero", "no-possession", certified(good.with(x.key, str(make([]byte, 64)))), "64 zeros"},
		{"s-plus-l", "no-possession", certified(good.with(x.key, str(high))), "S + L: the same scalar written higher"},
		{"small-r", "no-possession", certified(good.with(x.key, str(small))), "R of small order: holds only with cofactor"},
		{"identity", "no-possession", certified(good.with(x.key, str(anyText()))), "what holds for every text under a key of small order"},
		{"by-root", "no-possession", certified(x.by(good, "A root", ours)), "the root signs in place of the daemon"},
		{"by-the-other", "no-possession", certified(x.by(good, other, ours)), "the daemon's other key signs"},
		{"other-organisation", "no-possession", certified(x.by(good, signer, orgID("B"))), "signed for B"},
		{"other-kem", "no-possession", certified(good.with(x.key, x.by(good.with(11, str(kemOf("A2"))), signer, ours).value(x.key))), "signed with another KEM key"},
		{"other-daemon", "no-possession", certified(good.with(x.key, x.by(good.with(x.other, str(pubOf("A2"))), signer, ours).value(x.key))), "signed with another key in the other place"},
		{"other-text", "no-possession", certified(good.with(x.key, str(ed25519.Sign(keyOf(signer), twin.text(good, ours))))), "the right key signs the text of the other possession"},
	}
	for i := range all {
		all[i].name = label + "-" + all[i].name
	}
	return all
}

// stolen are certificates made of what another chain, or an earlier event, shows.
func stolen() []ch {
	r1, ours := keyOf("A root"), orgID("A")
	good, theirs := certify("A"), certify("B")
	moved := good.with(10, str(pubOf("A other peer")))
	taken := holding.by(good.with(10, theirs.value(10)), "A", ours)
	d := certified
	return []ch{
		{"possessions-exchanged", "no-possession", d(good.with(16, good.value(17)).with(17, good.value(16))), "16 and 17 in each other's place"},
		{"daemon-of-another", "no-possession", d(theirs), "B's daemon, as B's own chain shows it, in A's chain"},
		{"transport-of-another", "no-possession", d(carrying.by(taken, "A peer", ours)), "A's daemon with the transport key of B's, signed by A's own"},
		{"transport-of-another-shown", "no-possession", d(taken.with(17, theirs.value(17))), "the same with what B's transport key signed for B"},
		{"transport-of-another-by-signing", "no-possession", d(carrying.by(taken, "A", ours)), "the same, signed by A's signing key"},
		{"transport-mixed", "no-possession", d(mixedTransport()), "a transport key with a component of order 8, whose signature holds only with cofactor"},
		{"renewed-transport-unheld", "no-possession", orgA().add(r1, moved), "a renewal moves the transport key and repeats both signatures"},
		{"renewed-transport-16-repeated", "no-possession", orgA().add(r1, carrying.by(moved, "A other peer", ours)), "and repeats the signing key's"},
		{"renewed-transport-17-repeated", "no-possession", orgA().add(r1, holding.by(moved, "A", ours)), "and repeats the transport key's"},
		{"renewed-unheld", "wrong-fields", orgA().add(r1, good.without(17)), "a renewal leaves out what the transport key signed"},
	}
}

// mixedTransport is A's certificate with a transport key a·B + T. 17 is [S]B = R + [k]A
// but for a component of small order: k is none that 8 divides.
func mixedTransport() payload {
	c, a := ed25519Curve(), scalarOf(keyOf("mixed").Seed())
	pub := encode(c.add(c.times(a, c.base), c.torsion()))
	e := holding.by(certify("A").with(10, str(pub)), "A", orgID("A"))
	text := carrying.text(e, orgID("A"))
	for r := big.NewInt(8675309); ; r.Add(r, big.NewInt(1)) {
		rb := encode(c.times(r, c.base))
		if k := c.challenge(rb, pub, text); k.Bit(0) == 1 {
			return e.with(17, str(cat(rb, c.answer(r, k, a))))
		}
	}
}
