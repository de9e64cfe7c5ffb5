package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"cordon/daemon/api"
	"cordon/daemon/domain"
	"cordon/ledger"
	"cordon/ledger/projection"
	"cordon/peer"
	"cordon/protocol/id"
	"cordon/protocol/identity"
)

// Options of Run; the zero value is what an operator gets.
type Options struct {
	Log      io.Writer        // default standard error
	Now      func() time.Time // the daemon's clock; default time.Now
	Schedule peer.Schedule    // zero fields: peer.DefaultSchedule
	Rounds   Rounds           // zero: DefaultRounds
	Tap      func([]byte)     // told every byte that peers send, decrypted; see peer.Config
	Ways     domain.Ways      // to the domains that a person asks about; zero: the system's
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

	settling time.Time          // until then a key waits before it writes on: settle
	stopping <-chan struct{}    // closed when this run ends
	telling  sync.Mutex         // held by tellOwn
	former   []peer.Former      // daemons that this home was before
	reload   context.CancelFunc // ends this run; Run begins anew with what lies in the home

	led   *ledger.Ledger
	cases *projection.Cases
	pins  *pins
	dir   *directory
	inv   *invitations
	self  *selfCard
	net   *peer.Node
	locks *locks
	ways  domain.Ways // to the domains of others, at a person's word
	seen  shelf[seenRow]

	exports shelf[exportRow] // what was handed out at this machine
	owed    shelf[owedRow]   // by commitment

	minima    shelf[minimumRow] // by case; none: the config's
	clocks    shelf[clockRow]   // by case
	plans     shelf[planRow]    // by case
	linked    shelf[linkedRow]  // by case
	splits    shelf[splitRow]   // by child, until it is finished
	hearing   sync.Mutex        // held by who changes a row of clocks
	noticing  sync.Mutex        // held by who tells linked cases of an end
	splitting sync.Mutex        // held by who splits a case
	erasing   sync.Mutex        // held by who erases, until shelves are renewed
	copied    *handover

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
	if o.Rounds == (Rounds{}) {
		o.Rounds = DefaultRounds()
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
	log := newLog(o.Log)
	ask := once(func() (string, error) { return askPassphrase("passphrase: ") })
	for {
		s := &service{home: h, now: o.Now, log: log, ways: o.Ways}
		again, err := s.once(ctx, o, ask)
		if err != nil || !again || ctx.Err() != nil {
			return err
		}
	}
}

// once runs the daemon until ctx ends, or until its keys have changed: again.
func (s *service) once(ctx context.Context, o Options, ask func() (string, error)) (again bool, err error) {
	if s.cfg, err = loadConfig(s.home.config()); err != nil {
		return false, err
	}
	store, err := loadStoreKey(s.home, ask)
	if err != nil {
		return false, damaged(err)
	}
	if s.led, err = s.home.openStore(store, s.log); err != nil {
		return false, openError(s.home, err)
	}
	ctx, s.reload = context.WithCancel(ctx)
	defer s.reload()
	s.stopping = ctx.Done()
	if err = s.load(); err == nil {
		err = s.run(ctx, o)
	}
	return ctx.Err() != nil, errors.Join(err, s.led.Close())
}

// load takes over a renewal and reads what lies in the home beside the store.
func (s *service) load() error {
	err := s.home.promote(s.led)
	if err != nil {
		return damaged(err)
	}
	if s.keys, err = loadOwn(s.home.path("keys")); err != nil {
		return lostKeys(err)
	}
	s.kid = s.keys.kid()
	if s.org, err = newestChain(s.home.identity()); err != nil {
		return damaged(err)
	}
	if _, ok := s.org.Daemon(s.kid); !ok {
		return damaged(invalid("%s: no event of it certifies the key in keys/sign.key", s.home.identity()))
	}
	s.former, err = s.home.former()
	return err
}

// certified refuses to write as a daemon that the organisation no longer vouches
// for. Reading goes on; peers end their sessions by themselves.
func (s *service) certified() error {
	d, ok := s.org.Daemon(s.kid)
	if !ok || !d.InForce(uint64(s.now().Unix())) {
		return &api.Error{
			Kind: api.Refused,
			Text: "the certificate of this daemon is not in force: it ended, was revoked, or the clock is wrong",
			Try:  "check the clock; else: cordon key status",
		}
	}
	return nil
}

// mayWrite says why this daemon writes nothing; nil: it does.
func (s *service) mayWrite() error {
	if err := s.certified(); err != nil {
		return err
	}
	if _, elsewhere := s.led.OwnFork(); elsewhere {
		return apiError(ledger.ErrOwnFork)
	}
	if s.led.Restored() {
		return apiError(ledger.ErrRestored)
	}
	return nil
}

// run opens what stands on the ledger and serves until ctx ends.
func (s *service) run(ctx context.Context, o Options) error {
	if err := s.led.SignWith(s.kid); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	s.cases, s.pins = projection.New(s.led), newPins(openShelf[pinRow](s.led, "pins"), s.ms)
	s.cases.PinBy(s.pins.pin)
	s.locks, s.titles.of = newLocks(), map[id.CaseID]string{}
	s.seen, s.owed = openShelf[seenRow](s.led, "seen"), openShelf[owedRow](s.led, "owed")
	s.minima = openShelf[minimumRow](s.led, shelfMinima)
	s.clocks = openShelf[clockRow](s.led, shelfClocks)
	s.plans = openShelf[planRow](s.led, "plans")
	s.exports = openShelf[exportRow](s.led, "exports")
	s.linked = openShelf[linkedRow](s.led, "linked")
	s.splits = openShelf[splitRow](s.led, "splits")
	sib, err := openSiblings(s.led, s.org, s.kid, s.now)
	if err != nil {
		return err
	}
	if s.dir, err = openDirectory(s.led, sib, s.log, s.now); err != nil {
		return err
	}
	s.inv, s.copied = openInvitations(s), openHandover(s)
	if err := s.copied.inherit(); err != nil {
		return err
	}
	if err := s.listen(o); err != nil {
		return err
	}
	if err := errors.Join(s.forgetErased(), s.introduce(ctx, true), s.payReasons(ctx)); err != nil { // before anybody can owe another
		return errors.Join(err, s.net.Close())
	}
	socket, err := listenSocket(string(s.home))
	if err != nil {
		return errors.Join(err, s.net.Close())
	}
	s.settling = time.Now().Add(settleTime)
	g := newGroup(ctx, s.log)
	g.start("api", func(ctx context.Context) error { return s.serve(ctx, socket) })
	g.start("peers", s.net.Run)
	g.start("cases", s.followCases)
	g.start("identities", s.followIdentities)
	g.start("addresses", s.followAddresses)
	g.start("siblings", s.followSiblings)
	g.start("herald", s.herald(cmp.Or(o.Schedule.Dial, peer.DefaultSchedule().Dial)))
	g.start("invitations", s.inv.expire)
	g.start("duties", newDuties(s, o.Rounds).follow)
	s.log.Info("running", "listen", s.net.Addrs())
	if err := s.mayWrite(); err != nil {
		s.log.Error("nothing can be written: cordon key status", "err", err)
	}
	err = g.wait()
	s.log.Info("stopped")
	return err
}
