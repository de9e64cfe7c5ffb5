// What fields of maps may hold. A check returns the value or names the rule.

import { broken } from './cbor.mjs';

export const MAX_TIME = 1n << 53n;

export function uint(value, low, high, rule = 'bad-field') {
  if (typeof value !== 'bigint' || value < BigInt(low) || value > BigInt(high)) broken(rule);
  return value;
}

export function bytes(value, length, rule = 'bad-field') {
  if (!(value instanceof Uint8Array) || value.length !== length) broken(rule);
  return value;
}

// hash is 32 bytes that are not all zero.
export function hash(value) {
  if (bytes(value, 32).every((b) => b === 0)) broken('bad-field');
  return value;
}

export function list(value, least, most, rule = 'bad-field', tooMany = rule) {
  if (!Array.isArray(value) || value.length < least) broken(rule);
  if (value.length > most) broken(tooMany);
  return value;
}

// exactly says whether a map has these keys and no others.
export function exactly(map, keys, rule = 'wrong-fields') {
  if (!(map instanceof Map) || map.size !== keys.length || !keys.every((k) => map.has(BigInt(k)))) broken(rule);
}

const size = (text) => new TextEncoder().encode(text).length;

// Characters that no text shows which another organisation wrote (spec/identity.md §8.3).
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u180e\u3164\ufeff\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;

export function plainText(value, most) {
  if (typeof value !== 'string') broken('bad-field');
  if (size(value) > most) broken('too-large');
  if (HIDDEN.test(value)) broken('text-not-plain');
  return value;
}

export function name(value) {
  if (typeof value === 'string' && (value === '' || /^ | $/.test(value))) broken('text-not-plain');
  return plainText(value, 128);
}

export function address(value) {
  if (typeof value !== 'string') broken('bad-field');
  if (size(value) > 256) broken('too-large');
  const direct = value.replace(/\/p2p\/[^/]+\/p2p-circuit$/, ''); // a relay may be named at the end
  if (!/^\/[\x21-\x7e]+$/.test(direct) || !/^[\x21-\x7e]+$/.test(value) || (direct + '/').includes('/p2p/')) broken('not-an-address');
  return value;
}

export function domain(value) {
  if (typeof value !== 'string') broken('bad-field');
  const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
  const labels = value.split('.');
  if (value.length > 253 || labels.length < 2 || !labels.every((l) => label.test(l))) broken('not-a-domain');
  return value;
}

// texts is an array of different texts.
export function texts(value, most, check) {
  list(value, 0, most, 'bad-field', 'too-large').forEach(check);
  if (new Set(value).size !== value.length) broken('bad-field');
  return value;
}
