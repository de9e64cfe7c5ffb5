package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"

	"golang.org/x/sys/unix"

	"cordon/daemon/api"
)

// sameUser says whether a process of user peer may use the API of a daemon of
// user own: the user itself, and root, who could read the home anyway.
func sameUser(peer, own uint32) bool { return peer == own || peer == 0 }

// peerUID asks the kernel whose process is at the other end of a unix socket.
func peerUID(c net.Conn) (uint32, error) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, errors.New("not a unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if credErr != nil {
		return 0, credErr
	}
	return cred.Uid, nil
}

// callerKey is the context key of a connection's verdict.
type callerKey struct{}

// markCaller is the server's ConnContext: it asks once a connection.
func markCaller(own uint32) func(context.Context, net.Conn) context.Context {
	return func(ctx context.Context, c net.Conn) context.Context {
		uid, err := peerUID(c)
		return context.WithValue(ctx, callerKey{}, err == nil && sameUser(uid, own))
	}
}

// guard refuses whoever is not our own user, and whatever a browser could send:
// a web page that reaches the socket through some proxy sets Origin or Referer,
// or a Host of its own (DNS rebinding).
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, _ := r.Context().Value(callerKey{}).(bool)
		_, origin := r.Header["Origin"]
		_, referer := r.Header["Referer"]
		if !ok || origin || referer || r.Host != api.Host {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
