package cli

import (
	"io"
	"slices"
	"time"

	"cordon/daemon/api"
	"cordon/protocol/id"
)

// forksText says whose keys signed two histories, what that means, and what people
// can do about it.
func forksText(w io.Writer, k *api.Case, us id.OrgID) {
	for _, f := range k.Forked {
		field(w, "FORK", forkText(k, f, us))
	}
}

// suspectText says of whom this daemon has seen two histories of its keys.
func suspectText(w io.Writer, k *api.Case) {
	for _, p := range k.Participants {
		if p.Suspect {
			field(w, "SUSPECT", safe(p.Name)+" has two histories of its keys: its root signed both, or who has it. Until you choose one we "+
				"neither dial it nor let it in\ncordon peer show "+shortID(p.Org.String()))
		}
	}
}

func forkText(k *api.Case, f api.ForkedKey, us id.OrgID) string {
	whose := "somebody who is not in the case"
	if f.Org != (id.OrgID{}) {
		whose = nameOf(k, f.Org)
	}
	s := "key " + shortID(f.Kid.String()) + " of " + whose + " signed two entries at one place: two copies of its home ran, or it was stolen. "
	if f.Proven {
		s += "What it writes counts no more. "
	} else {
		s += "What it writes counts no more once a member has shown the case the proof, which daemons do by themselves. "
	}
	s += "What was written before stays"
	if slices.ContainsFunc(f.Places, func(p api.Place) bool { return p.Comp == id.Control.String() }) {
		s += "; of acts as a steward, those at the fork or after it count only where a checkpoint has them"
	}
	s += "."
	short := shortID(k.Case.String())
	switch {
	case f.Own:
		return s + " IT IS THIS DAEMON'S\ncordon key status"
	case f.Revoked:
		return s + " Its organisation has revoked it since, and goes on with another key."
	case f.Org == us && us != (id.OrgID{}):
		return s + " It is the key of another daemon of ours\ncordon daemon list"
	case slices.Contains(k.Stewards, f.Org):
		s += " Until it goes on with new keys (there: cordon key renew) it decides nothing. "
		if len(k.Stewards) == 1 {
			s += "If it does not come back, the members replace it after 14 days"
			if !takesPart(k, us) {
				return s + "."
			}
			return s + "; ORG: one of them\ncordon steward propose " + short + " --drop " + shortID(f.Org.String()) + " --add ORG --succession"
		}
		if !slices.Contains(k.Stewards, us) {
			return s + "Whether it stays a steward is for the stewards to say."
		}
		drop := "\ncordon steward propose " + short + " --drop " + shortID(f.Org.String())
		if k.Authority != nil && len(k.Stewards)-1 < k.Authority.Quorum {
			return s + "The others are no quorum without it: if it does not come back, the members replace it after 14 days" + drop + " --succession"
		}
		return s + "If it is to be a steward no more" + drop
	}
	s += " It goes on with new keys (there: cordon key renew)"
	if slices.Contains(k.Stewards, us) && f.Org != (id.OrgID{}) && !slices.Contains(k.Stewards, f.Org) && takesPart(k, f.Org) {
		return s + ", or is removed\ncordon case remove " + short + " " + shortID(f.Org.String()) + " --reason TEXT"
	}
	return s + ", or the stewards remove it."
}

// succeededText tells who was a steward, and has come back, that the members have put
// others in its place, and what it can do.
func succeededText(w io.Writer, k *api.Case, us id.OrgID, now time.Time) {
	if k.Authority == nil || k.Authority.Succeeded == nil {
		return
	}
	x := k.Authority.Succeeded
	s := "we were a steward, and the members put " + names(k, x.Stewards) + " in our place while nothing came from here. Proposed by " +
		nameOf(k, x.By) + ", " + when(x.T, now) + ", signed by " + names(k, x.Endorsed)
	if slices.ContainsFunc(k.Refused, func(l api.LogLine) bool { return l.Org == us && l.Refused == "above-the-cut" }) {
		s += ". What we decided after what they had seen of us does not count: it stands under refused"
	}
	if takesPart(k, us) {
		s += ". We go on as any member, and admit and remove nobody. To be a steward again, ask one: it runs\ncordon steward propose " +
			shortID(k.Case.String()) + " --add " + shortID(us.String())
	}
	field(w, "SUCCEEDED", s)
}

// takesPart says whether an organisation is in the case now.
func takesPart(k *api.Case, o id.OrgID) bool {
	return slices.ContainsFunc(k.Participants, func(p api.Participant) bool { return p.Org == o && p.Admitted })
}

// disownedText says which changes of stewards are followed though somebody does not let stand
// votes that they rest on, and what is to do.
func disownedText(w io.Writer, k *api.Case, s *api.Stewards) {
	if s == nil {
		return
	}
	for _, d := range s.Disowned {
		x := d.Change
		field(w, "DISOWNED", disownedWords(k, *x.Config, x.Stewards, d.By)+" Ask "+names(k, d.By)+" by telephone. If it was a thief: a steward "+
			"can put "+names(k, d.By)+" back, or go on in a new case\ncordon steward propose "+shortID(k.Case.String())+" --add "+shortID(d.By[0].String()))
	}
}

// disownedWords says of a change of stewards that it is followed, and who takes back its vote
// for it.
func disownedWords(k *api.Case, x id.ConfigID, stewards, by []id.OrgID) string {
	return "change " + shortID(x.String()) + " to " + ranked(k, stewards) + " was carried by votes with keys since revoked, which " + names(k, by) +
		" does not let stand. By the rules it is followed all the same."
}

// besideText says which changes of stewards are carried and not followed. In a
// conflict that is for case pin to show.
func besideText(w io.Writer, k *api.Case, s *api.Stewards) {
	if s == nil || s.State == stateConflict {
		return
	}
	for _, b := range s.Beside {
		x := b.Change
		field(w, "RIVAL", rivalWords(k, *x.Config, x.Stewards, x.Endorsed, b.Chain, b.Both))
	}
}

// rivalWords says of a change of stewards that it is carried and not followed, whose
// votes it has, and who voted for what is followed too.
func rivalWords(k *api.Case, x id.ConfigID, stewards, endorsed []id.OrgID, chain id.ConfigID, both []id.OrgID) string {
	s := "change " + shortID(x.String()) + " to " + ranked(k, stewards) + " is carried too, signed by " + names(k, endorsed) +
		". By the rules everybody follows " + shortID(chain.String()) + " in its place."
	if len(both) > 0 {
		s += " VOTED ON BOTH SIDES: " + names(k, both) + ". Honest daemons never do."
	}
	return s
}
