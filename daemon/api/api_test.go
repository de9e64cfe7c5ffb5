package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestExitCodes holds the contract of the command line.
func TestExitCodes(t *testing.T) {
	for kind, want := range map[Kind]int{
		Invalid: 2, NotFound: 3, Refused: 4, Unavailable: 5, Fork: 6, Pending: 7, Internal: 1, Exists: 1, "new": 1,
	} {
		err := fmt.Errorf("wrapped: %w", &Error{Kind: kind})
		if got := ExitCode(err); got != want {
			t.Errorf("%s exits with %d, want %d", kind, got, want)
		}
		if s := (&Error{Kind: kind}).Status(); s < 400 || s > 599 {
			t.Errorf("%s is HTTP %d", kind, s)
		}
	}
	if ExitCode(nil) != 0 || ExitCode(errors.New("x")) != 1 {
		t.Error("no error is 0, any other error 1")
	}
}

func TestSocketPath(t *testing.T) {
	if p, err := SocketPath("/run/x"); err != nil || p != "/run/x/cordon.sock" {
		t.Error(p, err)
	}
	_, err := SocketPath("/" + strings.Repeat("x", 95))
	var e *Error
	if !errors.As(err, &e) || e.Kind != Invalid || e.Try == "" {
		t.Errorf("a path of 108 bytes: %v", err)
	}
	if _, err := SocketPath("/" + strings.Repeat("x", 94)); err != nil {
		t.Errorf("a path of 107 bytes: %v", err)
	}
}

// fake serves h on the socket of a home.
func fake(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	home, err := os.MkdirTemp("", "cordon")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	path, err := SocketPath(home)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	c, err := New(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestBrokenAnswers: whatever comes back, the error has a kind.
func TestBrokenAnswers(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no JSON":        func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") },
		"cut":            func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"org":`) },
		"no error JSON":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "oops", http.StatusInternalServerError) },
		"error, no kind": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "{}", http.StatusConflict) },
		"aborted":        func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		c := fake(t, h)
		_, err := c.Status(t.Context())
		var e *Error
		if !errors.As(err, &e) || e.Kind == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := fake(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
	if _, err := c.Status(ctx); ExitCode(err) != 5 {
		t.Errorf("given up: %v", err)
	}
}
