// Structured bodies (spec/details.md).

import { broken, decode } from './cbor.mjs';
import { under } from './case.mjs';
import { hex } from './cose.mjs';
import { hash, list, plainText, uint } from './fields.mjs';

const MAX_SIZE = 64 << 10;
const MAX_LINE = 256;
const MAX_TEXT = 16 << 10;
const EXT = [64n, 65535n];

const line = (v) => plainText(v, MAX_LINE) || broken('bad-detail');
const word = (last) => (v) => uint(v, 1, last);
const many = (check) => (v) => list(v, 1, 64).forEach(check);

function text(v) {
  if (typeof v !== 'string' || v === '' || new TextEncoder().encode(v).length > MAX_TEXT) broken('bad-detail');
}

function starts(value, prefix) {
  if (value !== undefined && !value.startsWith(prefix)) broken('bad-detail');
}

function roles(v) {
  list(v, 1, 6).forEach((r, i) => uint(r, i ? v[i - 1] + 1n : 1n, 6));
}

function foreignId(v) {
  line(v);
  if (v.startsWith('CVE-') && !/^CVE-[0-9]{4}-[0-9]{1,19}$/.test(v)) broken('bad-detail');
}

function cvss(v) {
  line(v);
  if (!/^[A-Za-z0-9.:/]+$/.test(v) || !v.includes('AV:')) broken('bad-detail');
}

const NOT_AFFECTED = 2n;

function productStatus(at) {
  starts(at(3), 'pkg:');
  starts(at(4), 'cpe:');
  const not = at(6) === NOT_AFFECTED;
  if (at(7) !== undefined && !not) broken('bad-detail');
  if (not && [7, 8, 9].every((k) => at(k) === undefined)) broken('bad-detail');
}

function unique(ids) {
  if (new Set(ids.map(hex)).size !== ids.length) broken('bad-detail');
}

// A kind: the keys it must have, its keys, and how they go with each other.
const KINDS = {
  36: [[], { 1: hash, 2: line, 3: many(foreignId), 4: many((n) => uint(n, 1, 1 << 20)), 5: cvss },
    (at) => [2, 3, 4, 5].some((k) => at(k) !== undefined) || broken('bad-detail')],
  37: [[1, 2, 6], { 1: hash, 2: line, 3: line, 4: line, 5: line, 6: word(4), 7: word(5), 8: line, 9: text }, productStatus],
  38: [[1, 2], { 1: hash, 2: word(3), 3: line, 4: line, 5: text }],
  39: [[1, 2], { 1: line, 2: word(7), 3: line, 4: many(hash), 5: roles, 6: hash, 7: hash, 8: text }],
  40: [[1, 2, 3], { 1: hash, 2: word(2), 3: line, 4: line, 5: hash, 6: text }],
  41: [[2], { 1: hash, 2: text }],
  42: [[1, 2], { 1: line, 2: many(hash), 3: text }, (at) => unique(at(2))],
};

// readDetail judges the raw bytes of the body of an entry of that kind.
export function readDetail(kind, raw) {
  if (raw.length > MAX_SIZE) broken('bad-detail');
  const map = under('bad-detail', () => decode(raw));
  if (!(map instanceof Map)) broken('bad-detail');
  const [must, checks, together = () => {}] = KINDS[kind];
  for (const k of map.keys()) {
    if (k < 0n || k > EXT[1]) broken('bad-detail');
    if (k < EXT[0] && !checks[k]) broken('detail-unknown');
  }
  under('bad-detail', () => {
    for (const [k, v] of map) checks[k]?.(v);
    if (!must.every((k) => map.has(BigInt(k)))) broken('bad-detail');
    together((k) => map.get(BigInt(k)));
  });
  return {};
}
