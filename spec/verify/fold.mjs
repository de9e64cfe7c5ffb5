// Whole histories (spec/protocol.md §4.3, §4.5): which entries of a file are
// authentic, whatever their order, and the digest. What the rules of the case make
// of authentic entries (kinds.md, authority.md) this reader does not judge.

import { Broken, broken, decode } from './cbor.mjs';
import { hex, sha256, signatureOk, thumbprint } from './cose.mjs';
import { readEntry } from './entry.mjs';

const MOST_COVERED = 256;
const ADMIT = 4n;
const IDENT = 7n;

// split takes a CBOR sequence apart. Items that are not canonical are skipped too.
export function split(file) {
  const items = [];
  for (let at = 0; at < file.length; ) {
    const end = skip(file, at);
    items.push(file.subarray(at, end));
    at = end;
  }
  return items;
}

// skip finds the end of a well-formed item of definite length.
function skip(file, at) {
  const kind = file[at] >> 5;
  const low = file[at++] & 31;
  if (low > 27) throw new RangeError(`no item that can be skipped at byte ${at - 1}`);
  const width = low < 24 ? 0 : 1 << (low - 24);
  let n = width ? 0 : low;
  for (let i = 0; i < width; i++) n = n * 256 + file[at++];
  if (kind === 2 || kind === 3) at += n;
  const inside = { 4: n, 5: 2 * n, 6: 1 }[kind] ?? 0;
  for (let i = 0; i < inside; i++) at = skip(file, at);
  if (!(at <= file.length)) throw new RangeError('the file ends inside an item');
  return at;
}

// readFold compares what it finds with what the vector says.
export async function readFold(file, want) {
  const items = split(file).map(read);
  if (items.length !== want.entries.length) broken(`${items.length} entries`);
  const known = new Map(items.filter((i) => i.id).map((i) => [i.id, i]));
  const genesis = items.filter((i) => i.id && !i.get(2)).map((i) => i.id);
  if (genesis.length !== 1) broken(`${genesis.length} geneses`);
  await judge([...known.values()], genesis[0]);
  items.forEach((i, n) => {
    const w = want.entries[n];
    const rule = w.verdict === 'rejected' ? w.rule : '';
    if ((i.id ?? '') !== w.id || i.rule !== rule) broken(`entry ${n}, ${i.id}: ${i.rule || 'authentic'}, want ${rule || 'authentic'}`);
  });
  const control = items.filter((i) => i.rule === '' && i.control).map((i) => i.id).sort();
  const digest = hex(sha256(...control.map((id) => Uint8Array.from(Buffer.from(id, 'hex')))));
  if (digest !== want.digest) broken(`digest ${digest}`);
  if (want.chain[0] !== genesis[0]) broken(`the chain begins with ${want.chain[0]}`);
  return { id: Uint8Array.from(Buffer.from(genesis[0], 'hex')) };
}

// read opens an item; rule is why it is no entry.
function read(raw) {
  try {
    const e = readEntry(raw);
    const get = (k) => e.fields.get(BigInt(k));
    const name = (v) => (typeof v === 'bigint' ? String(v) : hex(v));
    return {
      get, id: hex(e.id), kid: hex(e.kid), control: get(3) === 0n, object: e,
      feed: `${hex(e.kid)} ${name(get(3))}`, prev: get(6) && hex(get(6)), deps: get(7).map(hex), rule: '',
    };
  } catch (err) {
    if (err instanceof Broken) return { rule: err.message };
    throw err;
  }
}

// judge finds the entries that are authentic. It places them as if every signature
// were good, takes out what then rests on a bad one, and does so again until
// nothing more goes.
async function judge(entries, genesis) {
  const keys = taught(entries);
  const good = new Map();
  for (const e of entries) {
    const key = keys.get(e.kid);
    good.set(e.id, Boolean(key) && (await signatureOk(key, e.object.toBeSigned, e.object.signature)));
  }
  const out = new Set();
  for (let before = -1; before !== out.size; ) {
    before = out.size;
    const placed = place(entries.filter((e) => !out.has(e.id)), genesis);
    for (const e of placed.values()) if (!vouched(e, placed, good)) out.add(e.id);
  }
  for (const e of entries) if (out.has(e.id)) e.rule = 'bad-signature';
}

// taught are the keys that the identity events of the entries certify, by kid.
function taught(entries) {
  const keys = new Map();
  for (const e of entries) {
    const events = e.get(10) === 1n ? e.get(13).get(2n) : e.get(10) === IDENT ? e.get(13).get(1n) : [];
    for (const raw of events) {
      const event = decode(decode(raw)[2]);
      if (event.get(4n) === 2n) keys.set(hex(thumbprint(event.get(9n))), event.get(9n));
    }
  }
  return keys;
}

// place takes up one entry after the other whose prev and deps are there and whose
// key has been taught; the rest gets the rule that keeps it out. Once no more can be
// placed, feeds of which nothing was begin above an anchor.
function place(entries, genesis) {
  const placed = new Map();
  const begins = new Map();
  do {
    for (let before = -1; before !== placed.size; ) {
      before = placed.size;
      const keys = taught([...placed.values()]);
      for (const e of entries) {
        if (placed.has(e.id)) continue;
        e.rule = broke(e, placed, keys, genesis, begins);
        if (!e.rule) placed.set(e.id, e);
      }
    }
  } while (begin(entries, placed, begins));
  return placed;
}

// begin finds for each feed without an entry the lowest anchor that stands below one
// which waits, and says whether there is any.
function begin(entries, placed, begins) {
  const begun = new Set([...placed.values()].map((e) => e.feed));
  const wanted = new Set(entries.filter((e) => !placed.has(e.id)).map((e) => `${e.feed} ${e.get(5)} ${e.prev}`));
  const found = new Map();
  for (const e of placed.values()) {
    if (e.get(10) !== ADMIT) continue;
    for (const [kid, comp, seq, id, lc, past] of e.get(13).get(4n) ?? []) {
      const feed = `${hex(kid)} ${comp}`;
      if (begun.has(feed) || begins.has(feed) || !wanted.has(`${feed} ${seq + 1n} ${hex(id)}`)) continue;
      if (!past.every((p) => placed.get(hex(p))?.control)) continue;
      if (!found.has(feed) || seq < found.get(feed).seq) found.set(feed, { seq, id: hex(id), lc });
    }
  }
  found.forEach((a, feed) => begins.set(feed, a));
  return found.size > 0;
}

// broke is the rule of §4.3 that an entry breaks, '' for none.
function broke(e, placed, keys, genesis, begins) {
  const known = keys.has(e.kid) || taught([e]).has(e.kid); // a genesis or ident may show its own
  if (e.id === genesis) return known ? '' : 'unknown-kid';
  if (hex(e.get(2)) !== genesis) return 'wrong-case';
  if (!known) return 'unknown-kid';
  const deps = e.deps.map((d) => placed.get(d));
  if (deps.some((d) => d && !d.control)) return 'dep-not-control';
  if (deps.includes(undefined)) return 'missing-entry';
  let prev = e.prev && placed.get(e.prev);
  const anchor = begins.get(e.feed);
  if (anchor && e.get(5) <= anchor.seq + 1n) {
    if (e.prev !== anchor.id) return 'below-the-anchor';
    prev = { feed: e.feed, get: (k) => ({ 5: anchor.seq, 8: anchor.lc, 9: 0n })[k] };
  }
  if (e.prev && !prev) return 'missing-entry';
  if (prev && (prev.feed !== e.feed || prev.get(5) + 1n !== e.get(5))) return 'bad-link';
  const before = prev ? [prev, ...deps] : deps;
  const highest = before.map((x) => x.get(8)).reduce((a, b) => (a > b ? a : b));
  if (e.get(8) !== highest + 1n) return 'wrong-lamport';
  return prev && e.get(9) < prev.get(9) ? 'time-runs-back' : '';
}

// vouched says whether an entry's own signature is good, or one above it in its
// feed (§4.5).
function vouched(e, placed, good) {
  let level = [e];
  for (let n = 0; n < MOST_COVERED && level.length; n++) {
    if (level.some((x) => good.get(x.id))) return true;
    if (!e.prev && e.get(10) === 1n) return false; // nothing covers a genesis
    const ids = new Set(level.map((x) => x.id));
    level = [...placed.values()].filter((x) => ids.has(x.prev));
  }
  return false;
}
