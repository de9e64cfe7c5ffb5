package foldfile

// sentence says in words what a rule that keeps an entry out means (spec/protocol.md
// §2, §3.1, §3.3, §4.2, §4.3).
func sentence(rule string) string {
	if s, ok := sentences[rule]; ok {
		return s
	}
	return "it is not authentic"
}

// sentences has a line for each rule that entry.Parse and the ledger have.
var sentences = map[string]string{
	"truncated":           "it is not canonical: it ends inside an item",
	"trailing-bytes":      "it is not canonical: bytes follow its end",
	"head-not-shortest":   "it is not canonical: a number or length is written longer than it need be",
	"indefinite-length":   "it is not canonical: something in it has no definite length",
	"tag":                 "it is not canonical: it has a tag",
	"float":               "it is not canonical: it has a float",
	"simple-value":        "it is not canonical: it has null, undefined or another simple value",
	"text-not-utf8":       "it is not canonical: a text is no UTF-8",
	"map-key-not-integer": "it is not canonical: a map key is no integer",
	"map-keys-not-sorted": "it is not canonical: the keys of a map are not sorted",
	"map-key-twice":       "it is not canonical: a map has a key twice",
	"too-deep":            "it is not canonical: it is nested too deep",
	"not-cose-profile":    "it is no COSE_Sign1 of the one profile that exists",
	"wrong-role":          "it was signed as something else than an entry",
	"too-large":           "it is larger than an entry may be",
	"bad-field":           "a field of its payload is not as it has to be",
	"missing-field":       "its payload lacks a field",
	"wrong-plane":         "it mixes what control entries have with what content entries have",
	"bad-genesis":         "it is neither a genesis nor an entry of a case",
	"deps-not-sorted":     "its deps are not sorted, or one stands twice",
	"seq-limit":           "its seq is above the limit",
	"bad-signature":       "its signature does not verify, and no later entry of its feed vouches for it",
	"bad-key":             "the key it is signed with is unsound",
	"unknown-signer":      "the key is not the one that its kid names",
	"unknown-kid":         "no authentic entry of the case certifies its key",
	"missing-entry":       "an entry that it rests on is missing or not authentic",
	"bad-link":            "its prev is not the entry below it in its feed",
	"dep-not-control":     "one of its deps is a content entry",
	"wrong-lamport":       "its Lamport number is not one more than the highest of what it rests on",
	"time-runs-back":      "its time is before that of the entry below it",
	"below-the-anchor":    "its feed begins at an anchor in this file, and it does not stand above that",
	"too-many-branches":   "its feed has forked more often than a store keeps",
}
