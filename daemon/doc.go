// Package daemon puts one organisation's daemon together: configuration, keys on
// disk, the clock, every goroutine, and the local API (package api). It decides
// nothing about a case: what is authentic is ledger's, what it means is
// protocol's, who is sent what is peer's. It is no library of verbs: callers
// outside the process use api.Client.
//
// Main path: Init makes a home; Run opens it (openHome, loadKeys, ledger.Open),
// starts the goroutines (group) and serves the handlers; a handler that writes
// goes through Daemon.write: dry run, deps, append, wait.
package daemon
