package daemon

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/peer"
	"cordon/protocol/cose"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Options of Run; the zero value is what an operator gets.
type Options struct {
	Log      io.Writer        // default standard error
	Now      func() time.Time // the daemon's clock; default time.Now
	Schedule peer.Schedule    // zero fields: peer.DefaultSchedule
	Tap      func([]byte)     // told every byte that peers send, decrypted; see peer.Config
}

// service is one running daemon.
type service struct {
	home home
	cfg  config
	keys *keys
	org  *identity.Org // ours
	kid  id.Kid        // of our signing key
	now  func() time.Time
	log  *slog.Logger

	led   *ledger.Ledger
	cases *projection.Cases
	dir   *directory
	inv   *invitations
	self  *selfCard
	net   *peer.Node
	locks *locks
	seen  shelf[seenRow]
	owed  shelf[owedRow] // by commitment

	titles titles
}

// Run runs the daemon of a home until ctx ends, which is a clean stop (nil). It
// returns after every goroutine has ended and the store is closed. One daemon
// runs in a home at a time (api.Exists). The process gets a umask of 077.
func Run(ctx context.Context, dir string, o Options) error {
	unix.Umask(0o077)
	if o.Log == nil {
		o.Log = os.Stderr
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := home(dir)
	if err := h.check(); err != nil {
		return err
	}
	lock, err := h.lock()
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // the kernel lets go of it in any case
	s := &service{home: h, now: o.Now, log: newLog(o.Log)}
	if err := s.load(); err != nil {
		return err
	}
	if s.led, err = ledger.Open(h.path("store"), ledger.Options{StoreKey: s.keys.store, Log: s.log}); err != nil {
		return openError(h, err)
	}
	return errors.Join(s.run(ctx, o), s.led.Close())
}

// load reads what lies in the home beside the store.
func (s *service) load() error {
	var err error
	if s.cfg, err = loadConfig(s.home.config()); err != nil {
		return err
	}
	ask := func() (string, error) { return askPassphrase("passphrase: ") }
	if s.keys, err = loadKeys(s.home, ask); err != nil {
		return damaged(err)
	}
	s.kid = cose.Thumbprint(s.keys.sign.Public().(ed25519.PublicKey))
	events, err := loadIdentity(s.home)
	if err != nil {
		return damaged(err)
	}
	if s.org, err = identity.Replay(events); err != nil {
		return damaged(fmt.Errorf("%s: %w", s.home.identity(), err))
	}
	if _, ok := s.org.Daemon(s.kid); !ok {
		return damaged(invalid("%s: no event of it certifies the key in keys/sign.key", s.home.identity()))
	}
	return nil
}

// certified refuses to write as a daemon that the organisation no longer vouches
// for. Reading goes on; peers end their sessions by themselves.
func (s *service) certified() error {
	d, ok := s.org.Daemon(s.kid)
	if !ok || !d.InForce(uint64(s.now().Unix())) {
		return &api.Error{
			Kind: api.Invalid,
			Text: "the certificate of this daemon is not in force: it ended, was revoked, or the clock is wrong",
			Try:  "check the clock; else the organisation's root key must certify the daemon anew",
		}
	}
	return nil
}

// run opens what stands on the ledger and serves until ctx ends.
func (s *service) run(ctx context.Context, o Options) error {
	if err := s.led.SetOwn(s.kid); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	s.cases = projection.New(s.led)
	s.locks, s.titles.of = newLocks(), map[id.CaseID]string{}
	s.seen, s.owed = openShelf[seenRow](s.led, "seen"), openShelf[owedRow](s.led, "owed")
	var err error
	if s.dir, err = openDirectory(s.led, s.org, s.log); err != nil {
		return err
	}
	s.inv = openInvitations(s)
	if err := s.listen(o); err != nil {
		return err
	}
	if err := s.payReasons(ctx); err != nil { // before anybody can owe another
		return errors.Join(err, s.net.Close())
	}
	socket, err := listenSocket(string(s.home))
	if err != nil {
		return errors.Join(err, s.net.Close())
	}
	g := newGroup(ctx, s.log)
	g.start("api", func(ctx context.Context) error { return s.serve(ctx, socket) })
	g.start("peers", s.net.Run)
	g.start("cases", s.followCases)
	g.start("identities", s.followIdentities)
	g.start("addresses", s.followAddresses)
	g.start("invitations", s.inv.expire)
	s.log.Info("running", "listen", s.net.Addrs())
	if err := s.certified(); err != nil {
		s.log.Error("nothing can be written", "err", err)
	}
	if s.led.Restored() {
		s.log.Error("nothing can be written: the store was restored from a backup; the organisation's root must certify a new daemon")
	}
	err = g.wait()
	s.log.Info("stopped")
	return err
}
