package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/detail"
	"cordon/protocol/id"
)

// bodyPause is how often a watch looks whether a body that it awaits has come.
// A body comes a moment after its entry: a watch gives it bodyGrace before it
// writes the line without.
const (
	bodyPause = 20 * time.Millisecond
	bodyGrace = time.Second
)

// getLog answers GET /cases/{case}/log: what there is, in display order; then,
// for a watch, what arrives, in order of arrival. With after it begins there.
// A watch repeats a line, with the same id and pos, when its body comes late.
func (s *service) getLog(w http.ResponseWriter, r *http.Request) error {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return err
	}
	after, err := position(r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	t := &timeline{s: s, c: c, out: json.NewEncoder(w), flush: http.NewResponseController(w).Flush, pos: after,
		lacking: map[id.EntryID]ledger.Entry{}}
	t.live = r.URL.Query().Get("follow") != ""
	var watch *ledger.Watch
	if t.live {
		watch = s.led.Subscribe() // before reading: nothing falls between
		defer watch.Close()
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	if err := t.catchUp(r.Context(), after == 0); err != nil {
		if t.begun {
			panic(http.ErrAbortHandler) // lines are out: cut the connection
		}
		return err
	}
	if t.live {
		t.follow(r.Context(), watch)
	}
	return nil
}

func position(text string) (ledger.Pos, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, invalid("after is a position: a number from an earlier line")
	}
	return ledger.Pos(n), nil
}

// timeline is one reader of a case's entries. Its memory does not grow with a
// slow reader: it stands at a position and reads on from there.
type timeline struct {
	s       *service
	c       id.CaseID
	out     *json.Encoder
	flush   func() error
	live    bool                        // a watch
	pos     ledger.Pos                  // all up to here is out
	begun   bool                        // a line is out
	lacking map[id.EntryID]ledger.Entry // out, but their body had not come
	told    id.EntryID                  // the release plan whose instant this watch has told
}

// follow goes on until the caller leaves, the daemon stops, or writing fails.
func (t *timeline) follow(ctx context.Context, w *ledger.Watch) {
	pause := time.NewTicker(bodyPause)
	defer pause.Stop()
	if t.flush() != nil {
		return
	}
	due := time.NewTimer(0) // rings when the instant of a release may have come
	defer due.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-w.C:
			if slices.Contains(w.Changed(), t.c) {
				err = errors.Join(t.catchUp(ctx, false), t.tellRelease(due))
			}
		case <-due.C:
			err = t.tellRelease(due)
		case <-pause.C:
			if len(t.lacking) == 0 {
				continue
			}
			err = t.arrived()
		}
		if err != nil || t.flush() != nil {
			return
		}
	}
}

// catchUp writes what has arrived since pos.
func (t *timeline) catchUp(ctx context.Context, sorted bool) error {
	var all []ledger.Entry
	for {
		entries, err := t.s.led.Tail(t.c, t.pos, page)
		if err != nil {
			return err
		}
		if len(entries) > 0 {
			t.pos = entries[len(entries)-1].Pos
		}
		if sorted {
			all = append(all, entries...) // an order needs all of them at once
		} else if err := t.writeSettled(ctx, entries); err != nil {
			return err
		}
		if len(entries) < page {
			break
		}
	}
	if !sorted {
		return nil
	}
	err := t.s.cases.With(t.c, func(k *protocol.Case) error {
		slices.SortFunc(all, func(a, b ledger.Entry) int {
			switch {
			case k.Before(a.ID, b.ID):
				return -1
			case k.Before(b.ID, a.ID):
				return 1
			}
			return 0
		})
		return nil
	})
	if err != nil {
		return err
	}
	for some := range slices.Chunk(all, page) {
		if err := t.write(some); err != nil {
			return err
		}
	}
	return nil
}

// writeSettled is write after the bodies have come, or their time is up.
func (t *timeline) writeSettled(ctx context.Context, entries []ledger.Entry) error {
	grace := time.NewTimer(bodyGrace)
	defer grace.Stop()
	pause := time.NewTicker(bodyPause)
	defer pause.Stop()
	for {
		settled := !t.live || !slices.ContainsFunc(entries, func(e ledger.Entry) bool { return t.s.awaits(t.c, e) })
		if settled {
			return t.write(entries)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-grace.C:
			return t.write(entries)
		case <-pause.C:
		}
	}
}

// write writes a line for each entry.
func (t *timeline) write(entries []ledger.Entry) error {
	lines := make([]api.LogLine, len(entries))
	err := t.s.cases.With(t.c, func(k *protocol.Case) error {
		for i, e := range entries {
			lines[i] = t.s.lineOf(k, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, e := range entries {
		here, err := t.s.addBody(t.c, e, &lines[i])
		if err != nil {
			return err
		}
		if !here {
			t.lacking[e.ID] = e
		}
		if err := t.out.Encode(lines[i]); err != nil {
			return err
		}
		t.begun = true
	}
	return nil
}

// arrived repeats the lines whose body has come.
func (t *timeline) arrived() error {
	for x, e := range t.lacking {
		if !t.s.awaits(t.c, e) {
			delete(t.lacking, x)
			if err := t.write([]ledger.Entry{e}); err != nil {
				return err
			}
		}
	}
	return nil
}

// skew is how far a claimed time may lie ahead of our clock before people are told:
// milliseconds (spec/protocol.md §9).
const skew = 10 * 60 * 1000

func (s *service) ahead(t uint64) bool { return t > s.ms()+skew }

// lineOf is what the fold says of an entry.
func (s *service) lineOf(k *protocol.Case, e ledger.Entry) api.LogLine {
	l := api.LogLine{
		Schema: "cordon.log/1", Pos: uint64(e.Pos), ID: e.ID, Kid: e.Kid, Comp: e.Comp.String(),
		Seq: e.Seq, LC: e.LC, T: api.Instant(e.T), Ahead: s.ahead(e.T),
	}
	var known bool
	if l.Type, known = protocol.KindName(e.Type); !known {
		l.Type = strconv.Itoa(int(e.Type))
	}
	if why := k.Why(e.ID); why != nil {
		l.Refused, l.Why = why.Rule, why.Text
	}
	if o, ok := k.OrgOf(e.Kid); ok {
		l.Org = o
		if org, ok := k.Org(o); ok {
			l.Name = org.Name
		}
	}
	if m, err := protocol.Read(e.Sealed); err == nil && e.Control() {
		l.What, l.About = k.Describe(m)
		if m, ok := m.(*protocol.Propose); ok {
			l.Stewards, l.Quorum = m.Config.Stewards, int(m.Config.Quorum)
		}
	}
	if e.Agr != nil && e.Body != nil {
		if _, record, ok := k.Agreement(*e.Agr); ok {
			l.TLP = tlpName(record.Terms.TLP)
		}
	}
	return l
}

// linesOf is a line for each of some control entries.
func (s *service) linesOf(c id.CaseID, entries []id.EntryID) ([]api.LogLine, error) {
	es := make([]ledger.Entry, len(entries))
	for i, x := range entries {
		var err error
		if es[i], err = s.led.Entry(c, x); err != nil {
			return nil, err
		}
	}
	lines := make([]api.LogLine, len(es))
	err := s.cases.With(c, func(k *protocol.Case) error {
		for i, e := range es {
			lines[i] = s.lineOf(k, e)
		}
		return nil
	})
	return lines, err
}

// addBody adds what the sealed body says; here is false while it has not come.
func (s *service) addBody(c id.CaseID, e ledger.Entry, l *api.LogLine) (here bool, err error) {
	if e.Body == nil {
		return true, nil
	}
	h, raw, ok, err := s.openBody(c, e.Sealed)
	if err != nil {
		l.Body = "bad" // the author sealed something else than it signed: shown, never a reason to stop the list
		return true, nil
	}
	if !ok && s.bodyErased(c, e) {
		l.Body = "erased"
		return true, nil
	}
	if !ok {
		l.Body = "awaited"
		return false, nil
	}
	l.Body, l.Title, l.File, l.Size = "here", h.Title, h.File, &h.Size
	if int(h.Label) > slices.Index(tlpNames, l.TLP) { // never freer than the terms, whatever the author wrote
		l.TLP, l.Stricter = tlpName(h.Label), true
	}
	if len(h.Answers) > 0 {
		l.About = h.Answers[0].String()
	}
	switch {
	case detail.Is(e.Type):
		l.Size = nil // of the encoding: says nothing to anybody
		m, err := detailIn(e, raw)
		if err != nil {
			l.Body = "bad"
			break
		}
		var about id.EntryID
		l.What, about, l.Text = m.Says()
		l.About = hexOf(about)
	case e.Type == protocol.Note || e.Type == protocol.Reason:
		text, err := readUpTo(raw, maxText)
		if err != nil {
			l.Body = "bad"
		}
		l.Text = string(text) // JSON replaces what is no UTF-8
	}
	return true, nil
}
