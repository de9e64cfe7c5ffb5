package foldfile

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"cordon/daemon"
	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// view is the whole answer.
func (p *pile) view(k *protocol.Case, forks []ledger.Fork) *api.Fold {
	shown := daemon.ShowCase(k, forks)
	out := &api.Fold{Schema: "cordon.fold/1", Case: p.c, Stewards: listed(shown.Stewards), Participants: shown.Participants,
		Embargo: shown.Embargo, CS: shown.CS, State: shown.State, Claims: shown.Claims, Digest: shown.Digest,
		Chain: []api.FoldConfig{}, Proposals: []api.FoldConfig{}, Beside: []api.FoldConfig{}, Repeated: p.repeated,
		Forks: shown.Forks, Forked: byKey(shown.Forked)}
	disowned := k.Disowned()
	for _, f := range k.Chain() {
		x := configOf(f)
		if i := slices.IndexFunc(disowned, func(d protocol.Disowned) bool { return d.ID == f.ID }); i >= 0 {
			x.Disowned = disowned[i].By
		}
		if of, ok := k.Proposal(f.ID); ok { // the first config nobody has proposed
			x.Endorsed, x.Need = listed(of.Endorsed), of.Need
		}
		out.Chain = append(out.Chain, x)
	}
	comes := k.Prospects()
	for _, of := range k.Proposals() {
		x := configOf(of.Config)
		x.Endorsed, x.Missing, x.Need, x.Stuck = listed(of.Endorsed), of.Missing, of.Need, !comes[of.ID].Open
		out.Proposals = append(out.Proposals, x)
	}
	for _, r := range k.Beside() {
		x := configOf(r.Pinned.Config)
		x.Endorsed, x.Need, x.Chain, x.Both = listed(r.Pinned.Endorsed), r.Pinned.Need, &r.Chain.ID, r.Both
		out.Beside = append(out.Beside, x)
	}
	p.entries(out, k)
	return out
}

// byKey brings forks into an order that does not tell how the file is sorted.
func byKey(keys []api.ForkedKey) []api.ForkedKey {
	slices.SortFunc(keys, func(a, b api.ForkedKey) int { return bytes.Compare(a.Kid[:], b.Kid[:]) })
	for _, x := range keys {
		for i := range x.Places {
			slices.SortFunc(x.Places[i].Entries[:], func(a, b id.EntryID) int { return bytes.Compare(a[:], b[:]) })
		}
		slices.SortFunc(x.Places, func(a, b api.Place) int {
			return cmp.Or(cmp.Compare(a.Comp, b.Comp), cmp.Compare(a.Seq, b.Seq), bytes.Compare(a.Entries[0][:], b.Entries[0][:]))
		})
	}
	return keys
}

// listed is a list that JSON shows as one even where it is empty.
func listed(orgs []id.OrgID) []id.OrgID {
	if orgs == nil {
		return []id.OrgID{}
	}
	return orgs
}

func configOf(f protocol.Config) api.FoldConfig {
	kind := "ordinary"
	if f.Kind == protocol.Succession {
		kind = "succession"
	}
	return api.FoldConfig{Config: f.ID, N: f.N, Kind: kind, Stewards: f.Stewards, Quorum: int(f.Quorum), Rules: f.Rules, Endorsed: []id.OrgID{}, Lapsed: f.Lapsed}
}

// entries adds the entries with their verdicts.
func (p *pile) entries(out *api.Fold, k *protocol.Case) {
	var folded, rejected []*copied
	ids := map[id.EntryID]bool{}
	for _, e := range p.copies {
		if ids[e.ID] {
			continue
		}
		ids[e.ID] = true
		if _, known := k.Verdict(e.ID); known {
			folded = append(folded, e)
		} else {
			rejected = append(rejected, e)
		}
	}
	slices.SortFunc(folded, func(a, b *copied) int {
		switch {
		case k.Before(a.ID, b.ID):
			return -1
		case k.Before(b.ID, a.ID):
			return 1
		}
		return 0
	})
	out.Entries = make([]api.FoldEntry, 0, len(ids)+len(p.unread))
	for _, e := range folded {
		out.Entries = append(out.Entries, judged(k, e))
	}
	out.Refused = count(out.Entries, api.FoldRefused)
	out.Accepted = len(folded) - out.Refused
	for _, e := range rejected {
		out.Entries = append(out.Entries, kept(k, e))
	}
	for _, b := range p.unread {
		out.Entries = append(out.Entries, api.FoldEntry{Verdict: api.FoldRejected, Rule: b.rule, Text: sentence(b.rule), At: &b.at})
	}
	out.Rejected = len(rejected) + len(p.unread)
	slices.SortFunc(out.Entries[len(folded):], func(a, b api.FoldEntry) int { return cmp.Compare(*a.At, *b.At) })
}

func count(es []api.FoldEntry, verdict string) (n int) {
	for _, e := range es {
		if e.Verdict == verdict {
			n++
		}
	}
	return n
}

// entryOf is what an entry says of itself, and whose its key is.
func entryOf(k *protocol.Case, e *copied) api.FoldEntry {
	t := api.Instant(e.T)
	v := api.FoldEntry{ID: &e.ID, Kid: &e.Kid, Comp: e.Comp.String(), Seq: &e.Seq, Type: uint16(e.Type), LC: &e.LC, T: &t}
	if org, ok := k.OrgOf(e.Kid); ok {
		v.Org = &org
	}
	var known bool
	if v.Kind, known = protocol.KindName(e.Type); !known {
		v.Kind = strconv.Itoa(int(e.Type))
	}
	return v
}

// judged is the verdict of the rules on an authentic entry.
func judged(k *protocol.Case, e *copied) api.FoldEntry {
	v := entryOf(k, e)
	v.Verdict = api.FoldAccepted
	if why := k.Why(e.ID); why != nil {
		v.Verdict, v.Rule, v.Text = api.FoldRefused, why.Rule, why.Text
	}
	return v
}

// kept is an entry that is kept out since it is not authentic.
func kept(k *protocol.Case, e *copied) api.FoldEntry {
	v := entryOf(k, e)
	v.Verdict, v.Rule, v.Text, v.At = api.FoldRejected, e.rule, sentence(e.rule), &e.at
	needs := e.Deps
	if e.Seq > 0 {
		needs = append([]id.EntryID{e.Prev}, needs...)
	}
	for _, x := range needs {
		if _, known := k.Verdict(x); !known {
			v.Missing = append(v.Missing, x)
		}
	}
	return v
}
