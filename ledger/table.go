package ledger

import "encoding/binary"

// table is the first byte of every Pebble key (spec/store.md §2). The numbers
// are stored: written out, never reused.
type table byte

const (
	tableNode    table = 1  // node-wide rows, under the store key: what
	tableShelf   table = 2  // node-wide shelves, under the store key: HMAC(name)[:8] HMAC(key)[:16]
	tableCase    table = 3  // case: the case's id
	tableFeed    table = 4  // case feed: name, branch, head
	tableEntry   table = 5  // case feed seq: the entry as it was received
	tableIndex   table = 6  // case HMAC(entry id)[:16]: place
	tableArrival table = 7  // case pos: the runs of places that arrived from pos on
	tableKey     table = 8  // case HMAC(kid)[:16]: public key
	tableHashes  table = 10 // case HMAC(content hash)[:16]: chunk hashes
	tableCEK     table = 11 // case HMAC(kc)[:16]: key of the body
	tablePiece   table = 12 // case HMAC(content hash)[:16] n: piece of a body's sealed chunks
	tableHeld    table = 13 // case HMAC(content hash)[:16]: how many chunks are held, from the first
	tableErased  table = 14 // case HMAC(content hash or kc)[:16]: nothing; the body was erased
	tableAnchor  table = 15 // case: where feeds begin that do not begin at seq 0
)

// caseTables are the tables that begin with a case's number. That of the case itself
// is the first, so that whatever a crash leaves of a number, its row is there.
var caseTables = [...]table{tableCase, tableFeed, tableEntry, tableIndex, tableArrival, tableKey,
	tableHashes, tableCEK, tablePiece, tableHeld, tableErased, tableAnchor}

// caseNum is a case's local number; never sent.
type caseNum uint32

// feedNum is a feed's, or a branch's, local number in its case; never sent.
type feedNum uint32

// keyOf starts a key of a case's table.
func keyOf(t table, c caseNum) []byte {
	k := make([]byte, 1, 32)
	k[0] = byte(t)
	return binary.BigEndian.AppendUint32(k, uint32(c))
}

func keyCase(c caseNum) []byte { return keyOf(tableCase, c) }

func keyFeed(c caseNum, f feedNum) []byte {
	return binary.BigEndian.AppendUint32(keyOf(tableFeed, c), uint32(f))
}

func keyEntry(c caseNum, f feedNum, seq uint32) []byte {
	k := binary.BigEndian.AppendUint32(keyOf(tableEntry, c), uint32(f))
	return binary.BigEndian.AppendUint32(k, seq)
}

func keyArrival(c caseNum, p Pos) []byte {
	return binary.BigEndian.AppendUint64(keyOf(tableArrival, c), uint64(p))
}

func keyHashed(t table, c caseNum, h [16]byte) []byte { return append(keyOf(t, c), h[:]...) }

func keyPiece(c caseNum, h [16]byte, n int) []byte {
	return binary.BigEndian.AppendUint32(keyHashed(tablePiece, c, h), uint32(n))
}

// after is the first key behind all keys that start with prefix. A table's
// byte is far below 0xff, so there always is one.
func after(prefix []byte) []byte {
	k := append([]byte(nil), prefix...)
	for i := len(k) - 1; i >= 0; i-- {
		if k[i]++; k[i] != 0 {
			return k[:i+1]
		}
	}
	return nil
}

// numOf is the case of a case table's key.
func numOf(key []byte) caseNum { return caseNum(binary.BigEndian.Uint32(key[1:5])) }
