package model

// Meet says what comes of an embargo that is proposed to a participant with a published
// default, both in days; 0 is none. The earlier end becomes active at once, and the later
// one, if there is another, is registered as a proposed revision. Where nothing is published,
// the receiver should accept what is proposed; where nothing is proposed, the default counts as
// proposed and accepted.
func Meet(proposed, published uint64) (active, revision uint64) {
	switch low, high := min(proposed, published), max(proposed, published); low {
	case 0, high:
		return high, 0
	default:
		return low, high
	}
}
