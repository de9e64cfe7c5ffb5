package daemon

import (
	"cordon/daemon/api"
	"cordon/ledger"
	"cordon/protocol"
	"cordon/protocol/id"
)

// showForks says whose keys have signed two histories, in the order in which this
// daemon, whose key is own, learnt of them.
func showForks(k *protocol.Case, forks []ledger.Fork, own id.Kid) (out []api.ForkedKey) {
	at := map[id.Kid]int{}
	for _, f := range forks {
		i, known := at[f.Feed.Kid]
		if !known {
			i = len(out)
			at[f.Feed.Kid] = i
			out = append(out, forkedKey(k, f.Feed.Kid, own))
		}
		out[i].Places = append(out[i].Places, api.Place{Comp: f.Feed.Comp.String(), Seq: f.Seq, Entries: [2]id.EntryID{f.A, f.B}})
	}
	return out
}

// forkedKey says whose a key is, and whether it is still in use.
func forkedKey(k *protocol.Case, kid, own id.Kid) api.ForkedKey {
	x := api.ForkedKey{Kid: kid, Proven: k.Closed(kid), Own: kid == own}
	o, ok := k.OrgOf(kid)
	if !ok {
		return x
	}
	x.Org = o
	if org, ok := k.Org(o); ok {
		d, _ := org.Daemon(kid)
		x.Name, x.Revoked = org.Name, d.Revoked
	}
	return x
}

// showDisowned lists the changes that are followed, and rest on votes that were taken back.
func (s *service) showDisowned(k *protocol.Case) (out []api.Disowned, err error) {
	for _, d := range k.Disowned() {
		x, err := s.showChange(k, d.Proposal)
		if err != nil {
			return nil, err
		}
		out = append(out, api.Disowned{Change: x, By: d.By})
	}
	return out, nil
}

// showBeside lists the changes of stewards that are carried and not followed.
func (s *service) showBeside(k *protocol.Case) (out []api.Beside, err error) {
	for _, r := range k.Beside() {
		x, err := s.showChange(k, r.Pinned)
		if err != nil {
			return nil, err
		}
		out = append(out, api.Beside{Change: x, Chain: r.Chain.ID, Both: listed(r.Both)})
	}
	return out, nil
}
