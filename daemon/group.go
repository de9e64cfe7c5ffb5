package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// group runs the daemon's goroutines: each has a name and ends when the group's
// context does. The first that fails ends all; wait returns its error.
type group struct {
	ctx    context.Context // ended by cancel or by the first failure
	cancel context.CancelFunc
	log    *slog.Logger
	wg     sync.WaitGroup
	mu     sync.Mutex
	err    error // first failure; mu
}

func newGroup(ctx context.Context, log *slog.Logger) *group {
	g := &group{log: log}
	g.ctx, g.cancel = context.WithCancel(ctx)
	return g
}

// start runs f until it returns. It must return soon after its context ends;
// an error that only says so counts as none.
func (g *group) start(name string, f func(context.Context) error) {
	g.wg.Go(func() {
		err := f(g.ctx)
		g.log.Debug("goroutine ended", "name", name)
		if err == nil || g.ctx.Err() != nil && errors.Is(err, context.Canceled) {
			return
		}
		g.mu.Lock()
		if g.err == nil {
			g.err = fmt.Errorf("%s: %w", name, err)
		}
		g.mu.Unlock()
		g.cancel()
	})
}

// wait returns when every goroutine has ended.
func (g *group) wait() error {
	g.wg.Wait()
	g.cancel()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}
