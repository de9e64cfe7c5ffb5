package daemon

import (
	"fmt"
	"strings"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/id"
)

// noticeOf is what a person of org has to know of the release that is planned, by a clock in
// Unix milliseconds; ok is false where there is nothing to know: none is planned, we are not
// in the case, or the matter is public.
func noticeOf(k *protocol.Case, org id.OrgID, now uint64) (n api.ReleaseNotice, ok bool) {
	r := &api.Release{}
	if !k.Member(org) || strings.Contains(k.CS(), "P") || !showRelease(r, k, api.Instant(now)) {
		return n, false
	}
	e := k.Embargo()
	n = api.ReleaseNotice{Case: r.Case, State: r.State, At: *r.At, From: *r.From,
		Bound: (e.State == protocol.EMActive || e.State == protocol.EMRevise) && !e.Over(now)}
	for _, a := range r.Answers {
		if a.Vendor && a.State != protocol.ReadyToRelease.String() {
			n.NotReady++
		}
		if a.Org == org {
			n.Answer = a.State
		}
	}
	return n, true
}

// planRow says that a release is planned in a case.
type planRow struct{}

// notePlan keeps in which cases a release is planned, so that nobody reads them all.
func (s *service) notePlan(c id.CaseID) error {
	planned := false
	err := s.cases.With(c, func(k *protocol.Case) error {
		_, planned = k.Release()
		return nil
	})
	if err != nil {
		return err
	}
	_, noted, err := s.plans.get(c[:])
	switch {
	case err != nil || planned == noted:
		return err
	case planned:
		return s.plans.put(c[:], planRow{})
	}
	return s.plans.delete(c[:])
}

// notices are those of all our cases.
func (s *service) notices() ([]api.ReleaseNotice, error) {
	all := []api.ReleaseNotice{}
	err := s.plans.all(func(key []byte, _ planRow) error {
		c, _ := id.FromBytes[id.CaseID](key)
		_ = s.cases.With(c, func(k *protocol.Case) error { // a damaged case does not hide the others
			if n, ok := noticeOf(k, s.org.ID, s.ms()); ok {
				all = append(all, n)
			}
			return nil
		})
		return nil
	})
	return all, err
}

// release is what comes with the instant of a planned release, and before it.
func (a *adviser) release() {
	n, ok := noticeOf(a.k, a.us.Org, uint64(a.now.UnixMilli()))
	if !ok {
		return
	}
	x := api.Suggestion{Rule: "spec/kinds.md, release-plan", Strength: "SHOULD", Command: "cordon release show CASE"}
	asked := n.Answer != "" && n.Answer != protocol.ReadyToRelease.String()
	if asked {
		x.Command, x.Or = "cordon release ready CASE", []string{"cordon release not-ready CASE --reason TEXT"}
	}
	if n.State != "due" {
		x.Due, x.Text = &n.At, fmt.Sprintf("release, %d not ready", n.NotReady)
		rank := rankIf
		if asked {
			rank, x.Text = rankAnswer, x.Text+"; say whether we are ready"
		}
		a.add(rank, x)
		return
	}
	switch {
	case n.Bound:
		x.Text, x.Strength = "the instant of the release has come, and the embargo still binds: do not publish before it ends", "MUST"
		x.Command, x.Or = "cordon embargo show CASE", nil
	case asked:
		x.Text = "the instant has come: the others publish, and we have not said that we are ready"
	default:
		x.Text = "the instant has come: publish"
		if a.now.Before(n.From) {
			x.Text += " from " + n.From.UTC().Format("15:04 UTC") + " on, since clocks differ"
		}
		x.Text += "; once it is public, say so"
		x.Command, x.Or = a.steps("CP")
	}
	a.add(rankClock, x)
}
