package ledger

import "errors"

// Errors that Begin, Append and the readers return.
var (
	// ErrNotFound says that the case, entry, body or row is not in this ledger.
	ErrNotFound = errors.New("not-found")
	// ErrErased says that the case or body was erased here, and is not taken again.
	ErrErased = errors.New("erased-here")
	// ErrMoved says that Fields.Seq is not the next place of the feed: the body
	// was sealed for another one. Ask Head again and seal again.
	ErrMoved = errors.New("feed-moved")
	// ErrForked says that a second branch of our own feed is known: it is closed.
	ErrForked = errors.New("feed-forked")
	// ErrOwnFork says that an entry of our own key which we did not write has been
	// seen: another copy of this daemon signs. Nothing is written any more.
	ErrOwnFork = errors.New("own-key-used-elsewhere")
	// ErrRestored says that the store is older than the file beside it: it comes
	// from a backup. Nothing is written until AcceptRestore.
	ErrRestored = errors.New("store-restored")
	// ErrStoreKey says that the store was sealed under another store key, or that
	// the disk changed it.
	ErrStoreKey = errors.New("store-key-does-not-open")
	// ErrClosed says that the ledger has been closed.
	ErrClosed = errors.New("ledger-closed")
)

// Kinds of rejection. Beside them stand the errors of packages entry, cose and canon.
var (
	// ErrBatch says that a batch has more entries or bytes than a frame may have.
	ErrBatch = errors.New("batch-too-large")
	// ErrCase says that the entry belongs to another case.
	ErrCase = errors.New("wrong-case")
	// ErrUnknownKid says that no stored entry of the case certifies the key.
	ErrUnknownKid = errors.New("unknown-kid")
	// ErrMissing says that prev or a dep is not stored; Result.Missing names it.
	ErrMissing = errors.New("missing-entry")
	// ErrLink says that prev is stored, but is not the place below in the same feed.
	ErrLink = errors.New("bad-link")
	// ErrBelow says that the feed begins at an anchor here, and the entry does not stand
	// above that.
	ErrBelow = errors.New("below-the-anchor")
	// ErrDep says that a dep is no control entry.
	ErrDep = errors.New("dep-not-control")
	// ErrLamport says that lc is not 1 + the highest of prev and deps.
	ErrLamport = errors.New("wrong-lamport")
	// ErrTime says that t is before that of prev.
	ErrTime = errors.New("time-runs-back")
	// ErrBranches says that the feed has MaxBranches branches already.
	ErrBranches = errors.New("too-many-branches")
	// ErrBody says that a chunk, the hashes or a key are not those the entry names.
	ErrBody = errors.New("body-mismatch")
)
