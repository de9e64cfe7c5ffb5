// Canonical CBOR as spec/protocol.md §2 has it: one walk over the bytes that
// builds the value and stops at the first rule that is broken.
//
// Integers become BigInt, byte strings Uint8Array, maps Map with BigInt keys.

const MAX_DEPTH = 8;

// Broken is a verdict: its message is the name of the rule.
export class Broken extends Error {}

export function broken(rule) {
  throw new Broken(rule);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

// decode reads exactly one item.
export function decode(bytes) {
  const [value, end] = decodeFirst(bytes);
  if (end !== bytes.length) broken('trailing-bytes');
  return value;
}

// decodeFirst reads the item at the beginning, and says where it ends.
export function decodeFirst(bytes) {
  const cursor = { bytes, at: 0 };
  const value = item(cursor, 0);
  return [value, cursor.at];
}

function next(c, n) {
  if (n > BigInt(c.bytes.length - c.at)) broken('truncated');
  const part = c.bytes.subarray(c.at, c.at + Number(n));
  c.at += Number(n);
  return part;
}

// argument reads what follows the first byte of an item whose low bits are low.
function argument(c, low) {
  if (low < 24) return BigInt(low);
  if (low === 31) broken('indefinite-length');
  if (low > 27) broken('head-not-shortest');
  const width = 1 << (low - 24);
  let n = 0n;
  for (const b of next(c, BigInt(width))) n = (n << 8n) | BigInt(b);
  const least = width === 1 ? 24n : 1n << BigInt(4 * width);
  if (n < least) broken('head-not-shortest');
  return n;
}

function item(c, depth) {
  const first = next(c, 1n)[0];
  const kind = first >> 5;
  const low = first & 31;
  if (kind === 6) broken('tag');
  if (kind === 7) return simple(low);
  const n = argument(c, low);
  switch (kind) {
    case 0: return n;
    case 1: return -1n - n;
    case 2: return next(c, n);
    case 3: return text(next(c, n));
  }
  if (depth === MAX_DEPTH) broken('too-deep');
  return kind === 4 ? array(c, n, depth + 1) : map(c, n, depth + 1);
}

function simple(low) {
  if (low === 20 || low === 21) return low === 21;
  if (low === 31) broken('indefinite-length');
  broken(low >= 25 && low <= 27 ? 'float' : 'simple-value');
}

function text(bytes) {
  try {
    return utf8.decode(bytes);
  } catch {
    broken('text-not-utf8');
  }
}

function array(c, n, depth) {
  const items = [];
  for (let i = 0n; i < n; i++) items.push(item(c, depth));
  return items;
}

function map(c, n, depth) {
  const pairs = new Map();
  let last;
  for (let i = 0n; i < n; i++) {
    const key = mapKey(c);
    if (last !== undefined && key === last) broken('map-key-twice');
    if (last !== undefined && !before(last, key)) broken('map-keys-not-sorted');
    last = key;
    pairs.set(key, item(c, depth));
  }
  return pairs;
}

// mapKey reads an integer; of anything else only the head, to name its fault.
function mapKey(c) {
  if (c.at === c.bytes.length) broken('truncated');
  const kind = c.bytes[c.at] >> 5;
  if (kind >= 2 && kind <= 5) {
    argument(c, next(c, 1n)[0] & 31);
    broken('map-key-not-integer');
  }
  const key = item(c, 0);
  if (typeof key !== 'bigint') broken('map-key-not-integer');
  return key;
}

// before is the bytewise order of encoded integers: 0, 1, 2 … then -1, -2 …
function before(a, b) {
  if (a >= 0n !== b >= 0n) return a >= 0n;
  return a >= 0n ? a < b : a > b;
}

// encode writes a value in canonical form; it serves Sig_structure and comparisons.
export function encode(value) {
  if (typeof value === 'string') return tagged(3, new TextEncoder().encode(value));
  if (value instanceof Uint8Array) return tagged(2, value);
  if (Array.isArray(value)) return join([head(4, BigInt(value.length)), ...value.map(encode)]);
  if (typeof value === 'bigint') return value < 0n ? head(1, -1n - value) : head(0, value);
  throw new TypeError('encode: ' + typeof value);
}

function tagged(kind, bytes) {
  return join([head(kind, BigInt(bytes.length)), bytes]);
}

function head(kind, n) {
  for (const [low, width, limit] of [[24, 1, 8n], [25, 2, 16n], [26, 4, 32n], [27, 8, 64n]]) {
    if (n < 24n) return Uint8Array.of((kind << 5) | Number(n));
    if (n >> limit) continue;
    const out = new Uint8Array(1 + width);
    out[0] = (kind << 5) | low;
    for (let i = width; i > 0; i--, n >>= 8n) out[i] = Number(n & 255n);
    return out;
  }
  throw new RangeError('encode: number too large');
}

export function join(parts) {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
