package protocol

import "cordon/protocol/identity"

// reason carries the text and salt that open the commitment of a control entry.
var reasonKind = kind{typ: Reason, name: "reason", cap: identity.CapWrite, who: byMember, check: checkLater}
