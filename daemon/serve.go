package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"cordon/daemon/api"
)

// grace is how long running requests may go on after a stop.
const grace = 2 * time.Second

// listenSocket opens the socket of the local API. We hold the home's lock, so
// that a socket that lies there is left over from a daemon that was killed.
func listenSocket(dir string) (net.Listener, error) {
	path, err := api.SocketPath(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("local API: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// serve answers the local API until ctx ends.
func (s *service) serve(ctx context.Context, l net.Listener) error {
	var running sync.WaitGroup
	defer running.Wait() // the store stays open until the last handler has ended
	server := &http.Server{
		Handler:           guard(counted(&running, calm(s, s.routes()))),
		ConnContext:       markCaller(uint32(os.Getuid())),
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends watches
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // what callers do wrong is theirs to see
	}
	stopped := make(chan error, 1)
	go func() { // ends with serve: its channel is read below
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err := server.Shutdown(end)
		if err != nil {
			err = server.Close()
		}
		stopped <- err
	}()
	err := server.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		return err // the group's context ends, and with it the goroutine above
	}
	return <-stopped
}

// counted counts the handlers that run.
func counted(running *sync.WaitGroup, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		next.ServeHTTP(w, r)
	})
}

// calm turns a panic of a handler into an internal error: one line, no trace.
func calm(s *service, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p) // net/http closes the connection and says nothing
				}
				s.log.Error("a handler broke", "route", r.Pattern)
				sendError(w, r, errors.New("a fault in the daemon"))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// routes is the table of the local API; package api documents it.
func (s *service) routes() http.Handler {
	m := http.NewServeMux()
	for pattern, h := range map[string]http.Handler{
		"GET /v1/status":                            answer(s.getStatus),
		"GET /v1/card":                              streamed(s.getCard),
		"GET /v1/keys":                              answer(s.getKeys),
		"GET /v1/policy":                            answer(s.getPolicy),
		"GET /v1/daemons":                           answer(s.getDaemons),
		"POST /v1/keys/reload":                      answer(s.reloadKeys),
		"GET /v1/peers":                             answer(s.getPeers),
		"POST /v1/peers":                            answer(s.addPeer),
		"GET /v1/peers/{org}":                       answer(s.getPeer),
		"POST /v1/peers/{org}/words":                answer(s.compareWords),
		"POST /v1/peers/{org}/check":                answer(s.checkDomain),
		"POST /v1/peers/{org}/vouch":                streamed(s.vouch),
		"POST /v1/peers/{org}/hold":                 answer(s.hold(true)),
		"POST /v1/peers/{org}/resume":               answer(s.hold(false)),
		"GET /v1/inbox":                             answer(s.getInbox),
		"POST /v1/inbox/{id}/accept":                answer(s.acceptInvite),
		"POST /v1/inbox/{id}/decline":               answer(s.declineInvite),
		"GET /v1/cases":                             answer(s.getCases),
		"POST /v1/cases":                            answer(s.openCase),
		"GET /v1/cases/{case}":                      answer(s.getCase),
		"GET /v1/cases/{case}/next":                 answer(s.getNext),
		"GET /v1/cases/{case}/log":                  streamed(s.getLog),
		"GET /v1/cases/{case}/report":               streamed(s.getReport),
		"GET /v1/cases/{case}/exports":              answer(s.getExports),
		"POST /v1/cases/{case}/contact":             answer(s.setMinimum),
		"POST /v1/cases/{case}/invite":              answer(s.invite),
		"POST /v1/cases/{case}/notes":               answer(s.say),
		"POST /v1/cases/{case}/attachments":         answer(s.attach),
		"GET /v1/cases/{case}/attachments/{id}":     streamed(s.getAttachment),
		"GET /v1/cases/{case}/details":              answer(s.getDetails),
		"POST /v1/cases/{case}/details":             answer(s.addDetail),
		"GET /v1/cases/{case}/release":              answer(s.getRelease),
		"POST /v1/cases/{case}/release":             answer(s.planRelease),
		"POST /v1/cases/{case}/release/answer":      answer(s.answerRelease),
		"POST /v1/cases/{case}/rm":                  answer(s.setRM),
		"POST /v1/cases/{case}/fix":                 answer(s.setFix),
		"POST /v1/cases/{case}/clocks":              answer(s.clockDone),
		"POST /v1/cases/{case}/claims":              answer(s.claim),
		"POST /v1/cases/{case}/claims/{id}/confirm": answer(s.confirm),
		"POST /v1/cases/{case}/claims/{id}/refute":  answer(s.refute),
		"GET /v1/cases/{case}/embargo":              answer(s.getEmbargo),
		"POST /v1/cases/{case}/embargo":             answer(s.proposeTerms),
		"POST /v1/cases/{case}/embargo/{id}/accept": answer(s.acceptTerms),
		"POST /v1/cases/{case}/embargo/{id}/reject": answer(s.rejectTerms),
		"POST /v1/cases/{case}/embargo/end":         answer(s.endEmbargo),
		"POST /v1/cases/{case}/embargo/leave":       answer(s.leave),
		"POST /v1/cases/{case}/merge":               answer(s.merge),
		"POST /v1/cases/{case}/split":               answer(s.split),
		"POST /v1/cases/{case}/remove":              answer(s.remove),
		"GET /v1/cases/{case}/entries/{id}":         streamed(s.getEntry),
		"GET /v1/cases/{case}/stewards":             answer(s.getStewards),
		"POST /v1/cases/{case}/stewards":            answer(s.changeStewards),
		"POST /v1/cases/{case}/stewards/{id}":       answer(s.endorse),
		"POST /v1/cases/{case}/cut":                 answer(s.setCut),
		"GET /v1/cases/{case}/pin":                  answer(s.getPin),
		"POST /v1/cases/{case}/pin":                 answer(s.setPin),
		"GET /v1/cases/{case}/erase":                answer(s.showErasure),
		"POST /v1/cases/{case}/erase":               answer(s.eraseCase),
		"GET /v1/cases/{case}/entries/{id}/erase":   answer(s.showErasure),
		"POST /v1/cases/{case}/entries/{id}/erase":  answer(s.eraseBody),
		"GET /v1/stats":                             answer(s.getStats),
		"GET /v1/verify":                            answer(s.verify),
		"/":                                         answer(func(*http.Request) (any, error) { return nil, errNothing }),
	} {
		m.Handle(pattern, h)
	}
	return m
}
