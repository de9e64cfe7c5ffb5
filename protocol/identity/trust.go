package identity

import "slices"

// Trust is how sure an organisation is of another's identity (spec/identity.md
// §8.7). The numbers travel in Policy and in a vouch.
type Trust uint8

// The levels of trust, lowest first.
const (
	TrustTOFU     Trust = 1 // its card was taken as it came
	TrustDomain   Trust = 2 // a domain that it names confirms it
	TrustVouched  Trust = 3 // two organisations that we have verified vouch for it
	TrustVerified Trust = 4 // people compared the words
)

// trustNames are the levels by number, from 1.
var trustNames = []string{"tofu", "domain", "vouched", "verified"}

// String is the level's name; "" for what is no level.
func (t Trust) String() string {
	if t < TrustTOFU || t > TrustVerified {
		return ""
	}
	return trustNames[t-1]
}

// ParseTrust reads the name of a level. ErrField: there is none of that name.
func ParseTrust(name string) (Trust, error) {
	at := slices.Index(trustNames, name)
	if at < 0 {
		return 0, ErrField
	}
	return Trust(at + 1), nil
}
