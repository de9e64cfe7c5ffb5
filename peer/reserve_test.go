package peer

import (
	"testing"

	"cordon/protocol"
	"cordon/protocol/entry"
	"cordon/protocol/id"
)

// TestReservedIsGivenBack: what was reserved and not stored is given back to whose room it
// was taken from, also where it is known only meanwhile whose the key is; nothing wraps.
func TestReservedIsGivenBack(t *testing.T) {
	c, kid, org := id.CaseID{1}, id.Kid{2}, id.OrgID{3}
	e := &entry.Sealed{Fields: entry.Fields{Comp: id.Everyone}, ID: id.EntryID{4}, Kid: kid, Raw: make([]byte, 100)}
	for name, turns := range map[string]id.OrgID{"stays nobody's": {}, "turns out to be an organisation's": org} {
		k := &known{room: room{of: map[id.Kid]id.OrgID{kid: {}}, bytes: map[id.OrgID]uint64{}, ahead: map[id.EntryID]held{}, full: map[id.OrgID]bool{}}}
		n := &Node{c: Config{Room: 1 << 10}}
		n.cases = &cases{c: &n.c, all: map[id.CaseID]*known{c: k}}
		n.c.Org = id.OrgID{9}
		r := &reserved{s: &session{n: n}, c: c}
		if err := r.may(e); err != nil || k.room.bytes[id.OrgID{}] != protocol.Size(e) {
			t.Fatalf("%s: %v, %v", name, err, k.room.bytes)
		}
		k.room.of[kid] = turns
		r.release()
		for o, n := range k.room.bytes {
			if n != 0 {
				t.Errorf("%s: %d bytes of %v", name, n, o)
			}
		}
		if len(k.room.ahead) > 0 {
			t.Errorf("%s: %v is still reserved", name, k.room.ahead)
		}
	}
}
