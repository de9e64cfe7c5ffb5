package daemon

import (
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// titles remembers the titles of cases. A title never changes once it is here.
type titles struct {
	mu sync.Mutex
	of map[id.CaseID]string // mu
}

// title is a case's title, "" until the subject's body is here. A body that does
// not open leaves the case without one; verify says more.
func (s *service) title(c id.CaseID) string {
	s.titles.mu.Lock()
	known, ok := s.titles.of[c]
	s.titles.mu.Unlock()
	if ok {
		return known
	}
	e, ok, err := s.subject(c)
	if err != nil || !ok {
		return ""
	}
	h, _, ok, err := s.openBody(c, e.Sealed)
	if err != nil || !ok {
		return ""
	}
	s.titles.mu.Lock()
	defer s.titles.mu.Unlock()
	s.titles.of[c] = h.Title
	return h.Title
}

// subject is the entry with title and report: the first of the opener's feed
// for everybody. There is none before our own admission is here: content may come
// sooner, and who reads it wants to answer.
func (s *service) subject(c id.CaseID) (e ledger.Entry, ok bool, err error) {
	err = s.cases.With(c, func(k *protocol.Case) error {
		ok = slices.ContainsFunc(k.Participants(), func(p protocol.Participant) bool { return p.Org == s.org.ID })
		return nil
	})
	if err != nil || !ok {
		return e, false, err
	}
	ok = false
	genesis, err := s.led.Entry(c, id.EntryID(c))
	if err != nil {
		return e, false, err
	}
	err = s.led.Read(c, id.Feed{Kid: genesis.Kid, Comp: id.Everyone}, 0, 0, func(x ledger.Entry) bool {
		e, ok = x, x.Type == protocol.Subject
		return false
	})
	if errors.Is(err, ledger.ErrNotFound) {
		err = nil
	}
	return e, ok, err
}

// compOf finds the compartment of exactly these readers, given sorted.
func (s *service) compOf(c id.CaseID, readers []id.OrgID) (comp id.Comp, ok bool, err error) {
	err = s.cases.With(c, func(k *protocol.Case) error {
		for _, r := range k.Compartments() {
			if slices.Equal(r.Readers, readers) {
				comp, ok = r.Comp, true
				return nil
			}
		}
		return nil
	})
	return comp, ok, err
}

// getCases answers GET /cases.
func (s *service) getCases(*http.Request) (any, error) {
	out := &api.Cases{Schema: "cordon.cases/1", Cases: []api.CaseRow{}}
	for _, c := range s.led.Cases() {
		row := api.CaseRow{Case: c, Heading: s.heading(c), Unfinished: s.unfinished(c)}
		err := s.cases.With(c, func(k *protocol.Case) error {
			e := k.Embargo()
			row.Embargo, row.End, row.CS, row.State = string(e.State), msEnd(e.End), k.CS(), k.State()
			for _, p := range k.Participants() {
				if p.Org == s.org.ID {
					row.RM = p.RM.String()
				}
			}
			return nil
		})
		if err != nil {
			row.State = stateDamaged // one damaged case does not hide the others
		}
		out.Cases = append(out.Cases, row)
	}
	slices.SortFunc(out.Cases, func(a, b api.CaseRow) int {
		if n := strings.Compare(a.Title, b.Title); n != 0 {
			return n
		}
		return strings.Compare(a.Case.String(), b.Case.String())
	})
	return out, nil
}

// stateDamaged is the state of a case whose entries cannot be read from the disk.
const stateDamaged = "damaged"

// getCase answers GET /cases/{case}.
func (s *service) getCase(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	out := &api.Case{Schema: "cordon.case/1", Case: c, Heading: s.heading(c), Claims: []api.CaseClaim{}}
	forks, err := s.led.Forks(c)
	if err != nil {
		return nil, err
	}
	out.Forks = len(forks)
	heard, err := s.hear(c)
	if err != nil {
		return nil, err
	}
	var refused []id.EntryID
	err = s.cases.With(c, func(k *protocol.Case) error {
		showCase(out, k, s.ms())
		out.GivenLess = k.GivenLess(s.org.ID)
		out.Clocks = s.showClocks(k, heard)
		if release := new(api.Release); showRelease(release, k, s.now()) {
			out.Release = release
		}
		out.Lease = s.showLease(k)
		refused = k.RefusedActs()
		for _, p := range k.Participants() {
			if t := k.LastWord(p.Org); s.ahead(t) {
				out.Ahead = append(out.Ahead, api.AheadOf{Org: p.Org, T: api.Instant(t)})
			}
		}
		out.Forked = showForks(k, forks, s.kid)
		out.Authority, err = s.showStewards(k)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i := range out.Participants {
		out.Participants[i].Suspect = s.dir.suspects(out.Participants[i].Org)
	}
	s.nameLinks(c, out.Links)
	out.Unfinished = s.unfinished(c)
	if out.Refused, err = s.linesOf(c, refused); err != nil {
		return nil, err
	}
	least, err := s.minimum(c)
	if err != nil {
		return nil, err
	}
	out.Contact = least.String()
	invited, err := s.inv.invited(c)
	for _, p := range invited {
		i := slices.IndexFunc(out.Participants, func(m api.Participant) bool { return m.Org == p.Org && m.Admitted })
		if i < 0 {
			out.Participants = append(out.Participants, p)
			continue
		}
		out.Participants[i].Further, out.Participants[i].Held = &api.Further{Role: p.Roles[0], Consent: p.Consent}, p.Held
	}
	return out, err
}

// showCase fills in what the fold says; who has not answered in time by now, Unix
// milliseconds, counts as having declined.
func showCase(out *api.Case, k *protocol.Case, now uint64) {
	out.Stewards, out.CS, out.State, out.Entries = k.Stewards(), k.CS(), k.State(), k.Len()
	digest := k.Digest()
	out.Digest = hex.EncodeToString(digest[:])
	out.Embargo = showEmbargo(k.Embargo())
	out.Links = showLinks(k)
	out.Participants = []api.Participant{}
	for _, p := range k.Participants() {
		before := since(k, p.Org)
		out.Participants = append(out.Participants, api.Participant{
			History: historyName(before != nil), Since: before,
			Org: p.Org, Name: p.Name, Roles: roleNames(p.Roles), RM: p.RM.String(), VFD: p.VFD,
			Consent: string(p.At(now)), Admitted: p.Admitted, Removed: !p.Admitted,
		})
	}
	for _, a := range k.Claims() {
		out.Claims = append(out.Claims, api.CaseClaim{ID: a.ID, What: a.What.String(), By: a.Org, Confirmed: a.Confirmed, Refuted: a.Refuted && !a.Confirmed})
	}
}

func roleNames(roles []protocol.Role) []string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = r.String()
	}
	return out
}

// msTime is a time of the protocol for people; nil stays nil.
func msTime(ms *uint64) *time.Time {
	if ms == nil {
		return nil
	}
	t := api.Instant(*ms)
	return &t
}

// msEnd is msTime where 0 stands for "none".
func msEnd(ms uint64) *time.Time {
	if ms == 0 {
		return nil
	}
	return msTime(&ms)
}

// getReport answers GET /cases/{case}/report.
func (s *service) getReport(w http.ResponseWriter, r *http.Request) error {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return err
	}
	e, ok, err := s.subject(c)
	if err != nil {
		return err
	}
	if !ok {
		return s.notHere(c)
	}
	return s.sendBody(w, r, c, e)
}

// notHere is why the subject is not here.
func (s *service) notHere(c id.CaseID) error {
	if h := s.heading(c); h.Since != nil || h.Cut {
		return errBefore
	}
	return errAwaited
}

// getAttachment answers GET /cases/{case}/attachments/{id}.
func (s *service) getAttachment(w http.ResponseWriter, r *http.Request) error {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return err
	}
	e, err := s.findEntry(c, r.PathValue("id"), protocol.Attachment)
	if err != nil {
		return err
	}
	return s.sendBody(w, r, c, e)
}

// errAwaited says that a header is here and its body is not yet.
var errAwaited = &api.Error{Kind: api.Pending, Text: "it has not arrived yet", Try: "try again when another member is connected: cordon peer list"}

// getEntry answers GET /cases/{case}/entries/{id}: the bytes as they were signed.
func (s *service) getEntry(w http.ResponseWriter, r *http.Request) error {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return err
	}
	e, err := s.findEntry(c, r.PathValue("id"), 0)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/cordon-entry+cbor")
	_, _ = w.Write(e.Raw) // an error here: the caller has gone
	return nil
}

// namedOrAll is the case that the query names as case, or all of them.
func (s *service) namedOrAll(r *http.Request) ([]id.CaseID, error) {
	name := r.URL.Query().Get("case")
	if name == "" {
		return s.led.Cases(), nil
	}
	c, err := s.findCase(name)
	return []id.CaseID{c}, err
}

// verify answers GET /verify: every hash and signature of one case, or of all.
func (s *service) verify(r *http.Request) (any, error) {
	cases, err := s.namedOrAll(r)
	if err != nil {
		return nil, err
	}
	out := &api.Verified{Schema: "cordon.verify/1"}
	for _, c := range cases {
		v, err := s.led.Verify(r.Context(), c)
		if err != nil {
			return nil, err
		}
		out.Entries += v.Entries
		out.Bad += v.Bad
		out.Covered += v.Covered
		out.Forks += v.Forks
	}
	return out, nil
}
