// Package peer replicates cases between daemons: connections, invitations and
// sync (spec/sync.md). It is the only importer of libp2p. It decides nothing
// about cases: what may leave is the gate's verdict (protocol.Case.MaySend),
// what is taken is the ledger's (ledger.Accept).
//
// Main path: Listen opens the listeners; Node.Run dials on a schedule, opens one
// session per connected daemon and returns when its context ends. In a session
// the reader takes frames and the writer sends what is due; every ledger byte
// that leaves passes release, the one function that asks the gate.
//
// Invitations travel beside sync: SendOffer, SendAccept and SendDecline put a
// request into the outbox, which is kept on disk and tried on the same schedule
// until it is answered.
package peer
