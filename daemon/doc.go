// Package daemon puts one organisation's daemon together: configuration, keys on
// disk, the clock, every goroutine, and the local API (package api). It decides
// nothing about a case: what is authentic is ledger's, what it means is
// protocol's, who is sent what is peer's. It is no library of verbs: callers
// outside the process use api.Client.
//
// Main path: Init makes a home; Run opens it (ledger.Open, load), starts the
// goroutines (group) and serves the handlers; a handler that writes goes through
// Daemon.write: dry run, deps, append, wait. What a daemon owes a case without being
// told to is written by duties; pins binds a case to the config that the daemon has
// acted under.
//
// Who is who the directory knows; how sure we are of it follows from what speaks for
// an organisation (contact), and a case may ask for more than a card before anybody
// is invited (minimum).
//
// RotateRoot, RevokeKey, RenewKey, PromoteDaemon and NameDomains are acts of the
// organisation's root, in a home whose daemon may run: they leave events and keys
// there, and the daemon begins anew with them when it is told to. AddDaemon makes the home of one more daemon of the same
// organisation; siblings are the daemons that it has beside this one.
//
// Memory: a body passes in chunks of 1 MiB, on its way in, to peers and out. What
// stays after large ones is Pebble's two tables of recent writes (ledger); the rest
// is free, and Go gives it back within minutes of rest, after the collection that it
// makes every two. Nothing here forces it: cordon bench holds both to their limits.
package daemon
