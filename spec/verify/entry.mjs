// Entries (spec/protocol.md §4).

import { broken } from './cbor.mjs';
import { hex, parse } from './cose.mjs';
import { MAX_TIME, hash, list, uint } from './fields.mjs';

const KIB = 1024;
const MAX_CONTROL = 64 * KIB;
const MAX_CONTENT = 8 * KIB;
const FIRST_CONTENT = 32n;
const GENESIS = 1n;

const CHECKS = {
  1: (v) => uint(v, 1, 1),
  2: hash,
  3: comp,
  5: (v) => uint(v, 0, (1 << 20) - 1),
  6: hash,
  7: deps,
  8: (v) => uint(v, 0, MAX_TIME),
  9: (v) => uint(v, 0, MAX_TIME),
  10: (v) => uint(v, 1, 65535),
  11: hash,
  12: hash,
  13: (v) => v instanceof Map || broken('bad-field'),
  14: body,
};

// comp is 0, 1, or an id that is not 0 or 1 written long.
function comp(value) {
  if (typeof value === 'bigint') return uint(value, 0, 1);
  hash(value);
  if (value[31] === 1 && value.subarray(0, 31).every((b) => b === 0)) broken('bad-field');
}

function deps(value) {
  const ids = list(value, 0, 16).map((d) => hex(hash(d)));
  if (ids.some((d, i) => i > 0 && ids[i - 1] >= d)) broken('deps-not-sorted');
}

function body(value) {
  list(value, 3, Infinity);
  hash(value[0]);
  uint(value[1], 1, 265 * KIB * KIB);
  hash(value[2]);
}

// readEntry judges envelope, structure and limits, not the signature.
export function readEntry(bytes) {
  if (bytes.length > MAX_CONTROL) broken('too-large');
  const object = parse('entry', bytes);
  const fields = object.content;
  if (!(fields instanceof Map)) broken('bad-field');
  let unknown = false;
  for (const [key, value] of fields) {
    if (key < 0n || key > 65535n) broken('bad-field');
    if (CHECKS[key]) CHECKS[key](value);
    else if (key < 64n) unknown = true;
  }
  together(fields, bytes.length);
  return { ...object, fields, unknown };
}

// together judges how the fields go with each other (§4.2).
function together(f, size) {
  const has = (k) => f.has(BigInt(k));
  const get = (k) => f.get(BigInt(k));
  if (![1, 3, 5, 7, 8, 9, 10].every(has)) broken('missing-field');
  const first = get(5) === 0n;
  if (has(6) === first) broken('missing-field');
  const control = get(3) === 0n;
  const type = get(10);
  if (!has(2)) {
    const sound = type === GENESIS && control && first && get(7).length === 0 && get(8) === 0n &&
      has(13) && ![11, 12, 14].some(has);
    if (!sound) broken('bad-genesis');
    return;
  }
  if (first && get(7).length === 0) broken('missing-field');
  if (get(8) === 0n) broken('bad-field');
  if (type === GENESIS) broken('bad-genesis');
  const fits = control
    ? type < FIRST_CONTENT && has(13) && !has(14) && !has(12)
    : type >= FIRST_CONTENT && has(14) && has(12) && !has(13) && !has(11);
  if (!fits) broken('wrong-plane');
  if (control && get(5) >= 65536n) broken('seq-limit');
  if (!control && size > MAX_CONTENT) broken('too-large');
}
