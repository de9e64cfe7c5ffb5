package daemon

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"
)

// newLog writes text to a terminal and JSON to anything else. The rule of every
// line, in every package: no secret, title, organisation name, case id or text
// of a case. What a line may name: our own addresses, counts, durations, kinds
// of error, the first digits of a peer's key.
func newLog(w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
