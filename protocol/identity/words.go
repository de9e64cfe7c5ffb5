package identity

import (
	_ "embed" // words.txt
	"strings"

	"cordon/protocol/id"
)

// The English word list of BIP-39 (github.com/bitcoin/bips, bip-0039), MIT
// licence: 2,048 words, one a line, sorted; the first four letters tell a word.
//
//go:embed words.txt
var wordList string

var words = strings.Fields(wordList)

// Words is the fingerprint that two people compare by voice: the first 132 bits
// of the OrgID, 11 bits a word, most significant bit first.
func Words(org id.OrgID) [12]string {
	var out [12]string
	var acc, bits uint32
	next := 0
	for i := range out {
		for bits < 11 {
			acc = acc<<8 | uint32(org[next])
			next++
			bits += 8
		}
		bits -= 11
		out[i] = words[acc>>bits]
		acc &= 1<<bits - 1
	}
	return out
}
