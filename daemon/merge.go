package daemon

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"cordon/daemon/api"
	"cordon/protocol"
	"cordon/protocol/admission"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// merge answers POST /cases/{case}/merge: the case goes on in another. Each step looks at
// what is there and does what is missing; after a crash the same request completes it.
func (s *service) merge(r *http.Request) (any, error) {
	c, err := s.findCase(r.PathValue("case"))
	if err != nil {
		return nil, err
	}
	var q api.Merge
	if err := readJSON(r.Body, &q); err != nil {
		return nil, err
	}
	into, err := s.findCase(q.Into)
	if err != nil {
		return nil, err
	}
	if into == c {
		return nil, invalid("a case is merged into another, not into itself")
	}
	out, err := s.merging(c, into)
	if err != nil || q.Plan {
		return out, err
	}
	ctx := context.WithoutCancel(r.Context())
	if err := s.linkBoth(ctx, c, into, protocol.TookOver, protocol.GoesOnIn); err != nil {
		return nil, err
	}
	for i := range out.Members {
		s.bring(into, &out.Members[i])
	}
	err = s.cases.With(into, func(k *protocol.Case) error {
		out.Embargo = showEmbargo(k.Embargo())
		return nil
	})
	return out, err
}

// linkBoth says of two cases what they are to each other, in this order: the second first. A
// crash between leaves one that knows of the other, and the same again completes it.
func (s *service) linkBoth(ctx context.Context, a, b id.CaseID, ofA, ofB protocol.Relation) error {
	for _, x := range []struct {
		in, of   id.CaseID
		relation protocol.Relation
	}{{b, a, ofA}, {a, b, ofB}} {
		var e ends
		err := s.cases.With(x.of, func(k *protocol.Case) error {
			e, _ = s.toTell(k, protocol.PairOf(x.of, x.in))
			return nil
		})
		if err == nil {
			err = s.relate(ctx, x.in, x.of, x.relation, e.word)
		}
		if err != nil {
			return s.elsewhere(x.in, err)
		}
	}
	return nil
}

// merging is what a merge does to whom.
func (s *service) merging(c, into id.CaseID) (*api.Merged, error) {
	if err := s.mayDecide(); err != nil {
		return nil, err
	}
	to := s.heading(into)
	out := &api.Merged{Schema: "cordon.merged/1", Case: c, Into: into, Heading: s.heading(c), IntoTitle: to.Title, IntoCut: to.Cut, Members: []api.Moved{}, Withdrawn: []api.Moved{}}
	var members []protocol.Participant
	err := s.cases.With(c, func(k *protocol.Case) error {
		for _, p := range k.Participants() {
			if p.Admitted && p.Org != s.org.ID {
				members = append(members, p)
			}
		}
		out.Was = showEmbargo(k.Embargo())
		if pair, gone := k.MergedInto(); gone && pair != protocol.PairOf(c, into) {
			return errMergedAway
		}
		return s.mayLink(k, into)
	})
	if err != nil {
		return nil, s.elsewhere(c, err)
	}
	err = s.cases.With(into, func(k *protocol.Case) error {
		if _, gone := k.MergedInto(); gone {
			return errMergedAway
		}
		out.Embargo = showEmbargo(k.Embargo())
		done := slices.ContainsFunc(k.Links(), func(l protocol.Link) bool {
			return l.Pair == protocol.PairOf(into, c) && l.Relation == protocol.TookOver
		})
		if e := k.Embargo(); !done && out.Was.End != nil && e.End > 0 && out.Was.End.Before(api.Instant(e.End)) {
			out.Embargo.End = out.Was.End
		}
		for i, p := range members {
			members[i].Roles = slices.DeleteFunc(p.Roles, func(r protocol.Role) bool { return slices.Contains(k.Roles(p.Org), r) })
		}
		members = slices.DeleteFunc(members, func(p protocol.Participant) bool { return len(p.Roles) == 0 })
		return s.mayLink(k, c)
	})
	if err != nil {
		return nil, s.elsewhere(into, err)
	}
	for _, p := range members {
		out.Members = append(out.Members, s.moved(into, p))
	}
	err = s.inv.waiting(c, func(row invitedRow, i *admission.Invite) {
		m := api.Moved{Org: row.Org, Role: protocol.Role(i.Role).String(), State: "withdrawn"}
		if o, ok := s.dir.org(row.Org); ok {
			m.Name = o.Name
		}
		out.Withdrawn = append(out.Withdrawn, m)
	})
	return out, err
}

var errMergedAway = &protocol.Refusal{Rule: "merged-away", Text: "this case was merged into another and goes on there"}

// mayLink refuses who does not decide in a case, or has linked as many others to it as it may.
func (s *service) mayLink(k *protocol.Case, other id.CaseID) error {
	if !slices.Contains(k.Stewards(), s.org.ID) {
		return &protocol.Refusal{Rule: "not-a-steward", Text: "only who is a steward of both cases can link them"}
	}
	cfg, m := k.Config().ID, &protocol.CaseLink{Pair: protocol.PairOf(k.ID(), other), Relation: protocol.Sibling}
	err := k.May(s.kid, entry.Fields{Type: m.Type(), Ctl: protocol.Ctl(m), T: s.ms(), Cfg: &cfg})
	if r, ok := errors.AsType[*protocol.Refusal](err); ok && r.Rule == "too-many-links" {
		return err
	}
	return halted(k)
}

// moved says whether an organisation can be invited into another case for the roles that it lacks there.
func (s *service) moved(into id.CaseID, p protocol.Participant) api.Moved {
	role := foremost(p.Roles)
	m := api.Moved{Org: p.Org, Name: p.Name, Role: role.String(), State: "to-invite"}
	if s.inv.none(into, p.Org) != nil {
		m.State = "invited"
		return m
	}
	if err := s.invitable(into, p.Org, role); err != nil {
		e := apiError(err)
		m.State, m.Why = "not-invited", &api.Warning{Text: e.Text, Try: e.Try}
	}
	return m
}

// bring invites who is to be invited. What one refuses keeps nobody else out.
func (s *service) bring(into id.CaseID, m *api.Moved) {
	if m.State != "to-invite" {
		return
	}
	role, err := protocol.ParseRole(m.Role)
	if err == nil {
		_, err = s.inv.send(into, m.Org, asking{role: role})
	}
	if m.State = "invited"; err != nil {
		e := apiError(err)
		m.State, m.Why = "not-invited", &api.Warning{Text: e.Text, Try: e.Try}
	}
}

// importance orders the roles of who has several: an invitation carries one.
var importance = []protocol.Role{protocol.MitigatingVendor, protocol.DependentVendor, protocol.Coordinator, protocol.Reporter, protocol.Deployer, protocol.Observer}

// foremost is the role with which somebody is invited into another case: first those
// that have a fix to make.
func foremost(roles []protocol.Role) protocol.Role {
	for _, r := range importance {
		if slices.Contains(roles, r) {
			return r
		}
	}
	return protocol.Observer
}
