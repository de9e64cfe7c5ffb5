package peer

import (
	"time"

	"cordon/protocol"
	"cordon/protocol/id"
)

// A home that was brought back from a backup may have forgotten who is in a case with it,
// above all where by what is here nobody else is; and whom a steward has admitted that
// then fell silent we may never have heard of. So who names such a case in its TAGS, which
// takes knowing its id, is heard though it is nothing there; it is given nothing, as ever
// (spec/sync.md §6.5).

// strange says whether an organisation that is nothing in the case may be more than we
// know of. The caller holds cases.mu.
func (x *cases) strange(k *known) bool {
	alone := len(k.view.members) == 1
	return k.view.members[x.c.Org] && (x.old || alone || x.unled(k))
}

// unled says whether none of the stewards, but for us, has been heard for longer than one
// that is there lets pass without a word. The caller holds cases.mu.
func (x *cases) unled(k *known) bool {
	others := len(k.view.stewards)
	if k.view.stewards[x.c.Org] {
		others--
	}
	return others > 0 && x.c.Now().Sub(k.heard).Abs() > protocol.AliveAfter*time.Millisecond
}

// forgotten are the cases, with their keys, that org is nothing in and could be in.
func (x *cases) forgotten(org id.OrgID) map[id.CaseID][]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := map[id.CaseID][]byte{}
	for c, k := range x.all {
		if st, ok := x.standingIn(k, org); !ok && st.strange {
			out[c] = k.key
		}
	}
	return out
}

// meet notes which of the cases that the other side is nothing in its TAGS name: at most
// once a second, for each costs a tag.
func (s *session) meet() {
	s.mu.Lock()
	soon := time.Since(s.met) < time.Second
	if !soon {
		s.met = time.Now()
	}
	s.mu.Unlock()
	if soon {
		return
	}
	cases := s.n.cases.forgotten(s.contact.Org)
	met := false
	s.mu.Lock()
	for c, sh := range s.shared {
		met = met || sh.quiet && cases[c] == nil // it is heard no more
	}
	for c, key := range cases {
		if s.names(key) && !s.knows[c] {
			if s.knows == nil {
				s.knows = map[id.CaseID]bool{}
			}
			s.knows[c], met = true, true
		}
	}
	s.mu.Unlock()
	if met {
		s.reshare()
	}
}

// names says whether the last TAGS of the other side name the case with that key. The
// caller holds s.mu.
func (s *session) names(key []byte) bool {
	_, named := s.theirTags[s.tag(key, s.contact.Kid, s.n.c.Kid)]
	return named
}

// addKnown adds to the cases that are shared those that the other side has named though it
// is nothing in them, as long as that may be our mistake, and returns these. The caller
// holds s.mu.
func (s *session) addKnown(now map[id.CaseID][]byte) map[id.CaseID]bool {
	if len(s.knows) == 0 {
		return nil
	}
	added := map[id.CaseID]bool{}
	for c, key := range s.n.cases.forgotten(s.contact.Org) {
		if s.knows[c] {
			now[c], added[c] = key, true
		}
	}
	return added
}

// Asked says which organisations, our own among them, have a daemon that is connected and
// has told which cases it knows; and whether all of them that name c have told that they
// hold nothing of it that is not here.
func (n *Node) Asked(c id.CaseID) (orgs map[id.OrgID]bool, level bool, err error) {
	orgs, level = map[id.OrgID]bool{}, true
	k := n.cases.get(c)
	if k == nil {
		return orgs, false, nil // erased meanwhile
	}
	have, err := n.have(c)
	if err != nil {
		return nil, false, err
	}
	for _, s := range n.with() {
		s.mu.Lock()
		asked, named := s.theirTags != nil && s.cause == nil, s.names(k.key)
		s.mu.Unlock()
		if asked {
			orgs[s.contact.Org] = true
		}
		level = level && (!named || s.level(c, have))
	}
	return orgs, level, nil
}
