package protocol

import "cordon/protocol/identity"

// note carries a text for the readers of its compartment.
var noteKind = kind{typ: Note, name: "note", cap: identity.CapWrite, who: byMember, check: checkLater}
