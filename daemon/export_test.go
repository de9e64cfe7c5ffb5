package daemon

import (
	"time"

	"cordon/protocol/identity"
)

// CardAt is the card of a home's daemon as if it were reached at addrs.
func CardAt(dir string, addrs ...string) ([]byte, error) {
	h := home(dir)
	k, err := loadOwn(h.path("keys"))
	if err != nil {
		return nil, err
	}
	events, err := loadEvents(h.identity())
	if err != nil {
		return nil, err
	}
	org, err := identity.Replay(events)
	if err != nil {
		return nil, err
	}
	raw, err := identity.SealCard(k.sign, identity.Card{Org: org, Addrs: addrs, T: uint64(time.Now().UnixMilli())})
	return identity.Armour(raw), err
}
