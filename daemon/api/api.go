// Package api is the local API of a cordon daemon as its callers see it: the
// JSON that travels, the kinds of error with their exit codes, and a Client.
// It is HTTP/JSON over a unix socket that only the daemon's own user may open;
// curl can speak it. It knows no case, key or ledger: that is package daemon.
//
// Main path: SocketPath, New, then a method of Client an operation.
//
// Requests and answers, under http://cordon/v1 (CASE and ORG may be an id, an
// unambiguous prefix of 8 or more digits, or a title or name; path-escaped):
//
//	GET  /status                              Status
//	GET  /card                                the armoured card, text/plain
//	GET  /keys                                Keys
//	GET  /daemons                             Daemons
//	GET  /policy[?org=ORG]                    Policy
//	POST /keys/reload                         Written; the daemon begins anew with what lies in its home
//	GET  /peers                               Peers
//	POST /peers                               an armoured card or vouch in, PeerRow out
//	GET  /peers/ORG                           PeerRow
//	POST /peers/ORG/words                     Act in (Text: its twelve words), PeerRow out
//	POST /peers/ORG/check                     Act in (What: a domain, or nothing), Check out
//	POST /peers/ORG/vouch                     Act in, an armoured vouch out
//	POST /peers/ORG/hold, /resume             Act in, PeerRow out
//	GET  /inbox                               Inbox
//	POST /inbox/ID/accept                     Accept in, Written out
//	POST /inbox/ID/decline                    Written
//	GET  /cases                               Cases
//	POST /cases                               multipart: "request" OpenCase, then "file"; Written out
//	GET  /cases/CASE                          Case
//	GET  /cases/CASE/next                     Next
//	GET  /cases/CASE/log[?follow=1][&after=P] LogLine a line, see Client.Log
//	GET  /cases/CASE/report                   the report, byte for byte; an Export in ExportHeader
//	GET  /cases/CASE/exports                  Exports
//	POST /cases/CASE/contact                  Act in (What: a level of contact), Written out
//	POST /cases/CASE/invite                   Invite in, Written out
//	POST /cases/CASE/notes                    Say in, Written out
//	POST /cases/CASE/attachments              multipart: "request" Attach, then "file"; Written out
//	GET  /cases/CASE/attachments/ID           the file, byte for byte; an Export in ExportHeader
//	GET  /cases/CASE/details[?history=1]      Details
//	POST /cases/CASE/details                  Detail in, Written out
//	GET  /cases/CASE/release                  Release
//	POST /cases/CASE/release                  PlanRelease in, Written out
//	POST /cases/CASE/release/answer           Act in (What: ready or not-ready, Text), Written out
//	POST /cases/CASE/rm, /fix                 Act in (What), Written out
//	POST /cases/CASE/clocks                   Act in (What: a clock's code), Written out
//	POST /cases/CASE/claims                   Act in (What, Text), Written out
//	POST /cases/CASE/claims/ID/confirm        Written
//	POST /cases/CASE/claims/ID/refute         Act in (Text), Written out
//	GET  /cases/CASE/embargo                  Terms
//	POST /cases/CASE/embargo                  ProposeTerms in, Written out (ID: of the agreement)
//	POST /cases/CASE/embargo/ID/accept        Written; ID of an agreement, or "current"
//	POST /cases/CASE/embargo/ID/reject        Act in (Text), Written out
//	POST /cases/CASE/embargo/end              Act in (Text), Written out
//	POST /cases/CASE/embargo/leave            Act in (Text), Written out
//	POST /cases/CASE/merge                    Merge in, Merged out
//	POST /cases/CASE/split                    multipart: "request" Split, then "file"; Written out
//	POST /cases/CASE/remove                   Act in (Org, Text), Written out
//	GET  /cases/CASE/stewards                 Stewards
//	POST /cases/CASE/stewards                 ChangeStewards in, Change out
//	POST /cases/CASE/stewards/CONFIG          Vote in, Change out
//	GET  /cases/CASE/pin                      Pin
//	POST /cases/CASE/pin                      Act in (What: a config), Pin out
//	POST /cases/CASE/cut                      Act in (What: an entry of a revoked key of ours), Written out
//	GET  /cases/CASE/entries/ID               the stored bytes of one entry
//	GET  /cases/CASE/erase                    Erasure: what erasing the case here destroys
//	POST /cases/CASE/erase                    Erasure, done
//	GET  /cases/CASE/entries/ID/erase         Erasure, of the body of one entry
//	POST /cases/CASE/entries/ID/erase         Erasure, done
//	GET  /stats[?case=CASE]                   Stats
//	GET  /verify[?case=CASE]                  Verified
//
// An error is {"schema":"cordon.error/1","kind":…,"text":…,"try":…}.
package api

import (
	"fmt"
	"path/filepath"
)

// Host is the only Host header that the daemon answers to, so that a web page
// that was rebound to the socket's address gets nothing.
const Host = "cordon"

// Headers of what hands out the bytes of a body: who asks for them, in plain text, and
// the stamp that goes with them, an Export as JSON in hex.
const (
	OperatorHeader = "Cordon-Operator"
	ExportHeader   = "Cordon-Export"
)

// maxSocketPath is sizeof(sockaddr_un.sun_path) less the final zero, on Linux.
const maxSocketPath = 107

// SocketPath is the daemon's socket in its home. It fails, with the cure in the
// text, when the path is longer than the system can bind.
func SocketPath(home string) (string, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return "", &Error{Kind: Invalid, Text: fmt.Sprintf("home %s: %v", home, err)}
	}
	path := filepath.Join(home, "cordon.sock")
	if len(path) > maxSocketPath {
		return "", &Error{
			Kind: Invalid,
			Text: fmt.Sprintf("the socket's path %s has %d bytes, the system allows %d", path, len(path), maxSocketPath),
			Try:  "use a shorter --home, or reach the same folder through a short symbolic link",
		}
	}
	return path, nil
}
