package domain

import (
	"net/netip"
	"slices"
)

// public says whether an address is on the internet, by the registries of special
// addresses (RFC 6890): a domain of somebody else must not lead us to a machine of
// our own network, nor to one behind a translated or tunnelled address.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	inside := func(p string) bool { return netip.MustParsePrefix(p).Contains(a) }
	if a.Is6() {
		return inside("2000::/3") && !slices.ContainsFunc([]string{"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"}, inside)
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !slices.ContainsFunc([]string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
		"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	}, inside)
}
