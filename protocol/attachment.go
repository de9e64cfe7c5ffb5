package protocol

import "cordon/protocol/identity"

// attachment carries a file.
var attachmentKind = kind{typ: Attachment, name: "attachment", cap: identity.CapWrite, who: byMember, check: checkLater}
