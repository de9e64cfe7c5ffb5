package sim

import (
	"cordon/protocol"
	"cordon/protocol/entry"
)

// Fault is a mistake that a daemon could have, so that a test can show that it
// would be noticed.
type Fault string

// The faults.
const (
	Sound           Fault = ""
	SkipsSignatures Fault = "takes entries without judging signature and place"
	SkipsGate       Fault = "sends without asking the gate"
	SendsBeforeSync Fault = "tells others of an entry before it is on disk"
	ShowsNoForks    Fault = "does not show forks"
	TrustsTimes     Fault = "refuses entries whose time is not near its own clock"
	DropsRefused    Fault = "does not keep what the rules refuse"
	NeverAlive      Fault = "does not say that it is alive"
	RestoresItsKey  Fault = "goes on with its key after an old copy was restored"
	IgnoresItsClone Fault = "goes on when its key has signed without it"
	ClockOfOthers   Fault = "takes the latest time that it has seen for its clock"
	GoesOnAtOnce    Fault = "goes on with another key at once after an old copy was restored"
	ForgetsForks    Fault = "keeps the first entry of a place and drops others"
)

// strict says whether a faulty daemon turns an authentic entry away.
func (n *Node) strict(e *entry.Sealed) bool {
	switch n.w.Script.Fault {
	case TrustsTimes:
		now := n.clock()
		return e.T > now+10*60*Second || e.T+90*Day < now
	case ForgetsForks:
		for _, x := range n.Held {
			if x.Feed() == e.Feed() && x.Seq == e.Seq {
				return true
			}
		}
	}
	return false
}

// over says whether the daemon tells its people that the embargo has ended, by
// its own clock.
func (n *Node) over() bool {
	em := n.Case.Embargo()
	now := n.clock()
	if n.w.Script.Fault == ClockOfOthers {
		for _, e := range n.Held {
			now = max(now, e.T)
		}
	}
	return em.State != protocol.EMActive && em.State != protocol.EMRevise || now > em.End
}
