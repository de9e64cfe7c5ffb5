// Organisations, cards, invites, accepts and vouches (spec/identity.md).

import { broken, decode, join } from './cbor.mjs';
import { hex, keyOk, parse, same, sha256, signatureOk, thumbprint, verify } from './cose.mjs';
import { MAX_TIME, address, bytes, domain, exactly, list, name, plainText, texts, uint } from './fields.mjs';

const [CREATE, CERTIFY, REVOKE, ROTATE, META] = [1n, 2n, 3n, 4n, 5n];
const [WRITE, CONSENT, STEWARD, INVITE] = [1n, 2n, 3n, 4n];
export const CAPS = { WRITE, CONSENT, STEWARD, INVITE };

const KEYS = {
  [CREATE]: [1, 2, 4, 5, 6, 7, 8],
  [CERTIFY]: [1, 2, 3, 4, 9, 10, 11, 12, 13, 16, 17],
  [REVOKE]: [1, 2, 3, 4, 14, 15],
  [ROTATE]: [1, 2, 3, 4, 5, 6],
  [META]: [1, 2, 3, 4, 7, 8],
};

const CHECKS = {
  1: (v) => uint(v, 1, 1),
  2: (v) => uint(v, 0, 63),
  3: (v) => bytes(v, 32),
  4: (v) => uint(v, 1, 5),
  5: key,
  6: (v) => bytes(v, 32),
  7: name,
  8: (v) => texts(v, 16, domain),
  9: key,
  10: key,
  11: kem,
  12: caps,
  13: (v) => uint(v, 0, MAX_TIME),
  14: (v) => bytes(v, 32),
  15: (v) => uint(v, 0, 15),
  16: (v) => bytes(v, 64),
  17: (v) => bytes(v, 64),
};

function key(value) {
  if (!keyOk(bytes(value, 32))) broken('bad-key');
}

// kem is an MLKEM768X25519 key: the coefficients of the first part, 12 bits
// each, are below 3329 (FIPS 203 §7.2).
function kem(value) {
  bytes(value, 1216);
  for (let i = 0; i < 1152; i += 3) {
    const [a, b, c] = value.subarray(i, i + 3);
    if ((a | ((b & 15) << 8)) >= 3329 || ((b >> 4) | (c << 4)) >= 3329) broken('bad-key');
  }
}

function caps(value) {
  list(value, 1, 4).forEach((c, i) => uint(c, i ? value[i - 1] + 1n : 1n, 4));
}

// replay verifies a chain of events from the first on.
export async function replay(events) {
  if (events.length === 0) broken('broken-chain');
  if (events.length > 64) broken('too-large');
  const org = { ids: [], daemons: [] };
  for (const raw of events) await add(org, raw);
  return org;
}

async function add(org, raw) {
  if (raw.length > 4096) broken('too-large');
  const object = parse('ident', raw);
  const e = object.content;
  const keys = e instanceof Map ? [...e.keys()] : broken('wrong-fields');
  for (const k of keys) CHECKS[k] ? CHECKS[k](e.get(k)) : broken('wrong-fields');
  const at = (k) => e.get(BigInt(k));
  exactly(e, KEYS[at(4)] ?? []);
  const n = org.ids.length;
  if (at(2) !== BigInt(n) || (n === 0) !== (at(4) === CREATE)) broken('broken-chain');
  if (n > 0 && !same(at(3), org.ids[n - 1])) broken('broken-chain');
  await signed(org, object, at);
  await apply(org, at);
  if (n === 0) org.id = object.id;
  org.ids.push(object.id);
}

// signed asks the root in force; create and rotate bring theirs.
async function signed(org, object, at) {
  if (at(4) === ROTATE && !same(sha256(at(5)), org.next)) broken('wrong-root');
  const root = at(4) === CREATE || at(4) === ROTATE ? at(5) : org.root;
  if (!same(thumbprint(root), object.kid)) broken('wrong-root');
  await verify(object, root);
}

async function apply(org, at) {
  switch (at(4)) {
    case CREATE:
      Object.assign(org, { root: at(5), next: at(6), name: at(7), domains: at(8) });
      break;
    case CERTIFY:
      await certify(org, at);
      break;
    case REVOKE: {
      const d = org.daemons.find((x) => same(x.kid, at(14)) && !x.revoked) ?? broken('no-such-daemon');
      d.revoked = true;
      break;
    }
    case ROTATE:
      if (inUse(org, at(5))) broken('key-reused');
      Object.assign(org, { root: at(5), next: at(6) });
      break;
    case META:
      Object.assign(org, { name: at(7), domains: at(8) });
  }
}

async function certify(org, at) {
  const d = { kid: thumbprint(at(9)), sig: at(9), peer: at(10), caps: at(12), revoked: false };
  if (same(d.sig, d.peer) || inUse(org, d.sig, d.kid) || inUse(org, d.peer, d.kid)) broken('key-reused');
  const old = org.daemons.findIndex((x) => same(x.kid, d.kid));
  if (old >= 0 && org.daemons[old].revoked) broken('no-such-daemon');
  const others = org.daemons.filter((x) => !x.revoked && !same(x.kid, d.kid));
  if (d.caps.includes(STEWARD) && others.some((x) => x.caps.includes(STEWARD))) broken('second-steward');
  if (!(await signatureOk(d.sig, possession('holds', org, d.peer, at(11)), at(16)))) broken('no-possession');
  if (!(await signatureOk(d.peer, possession('carries', org, d.sig, at(11)), at(17)))) broken('no-possession');
  if (old >= 0) org.daemons[old] = d;
  else org.daemons.push(d);
}

// possession is what a daemon's key signs so that org may certify it; it names the other one.
function possession(role, org, other, kem) {
  return join([new TextEncoder().encode('cordon/1/' + role), org.id, other, sha256(kem)]);
}

// inUse says whether a key is the root or a key of another daemon, revoked or not.
function inUse(org, k, except = new Uint8Array()) {
  return same(k, org.root) ||
    org.daemons.some((d) => !same(d.kid, except) && (same(k, d.sig) || same(k, d.peer)));
}

// openBy verifies an object by an unrevoked daemon of org that has the cap.
async function openBy(org, object, cap) {
  const d = org.daemons.find((x) => same(x.kid, object.kid) && !x.revoked) ?? broken('no-such-daemon');
  if (cap && !d.caps.includes(cap)) broken('cap-missing');
  await verify(object, d.sig);
}

// chainOf reads an array of byte strings.
export function chainOf(value) {
  return list(value, 0, 64, 'bad-field', 'too-large').map((e) => (e instanceof Uint8Array ? e : broken('bad-field')));
}

export async function readIdentity(raw) {
  const value = decode(raw);
  if (!Array.isArray(value)) broken('bad-field');
  return replay(value);
}

export async function openCard(raw) {
  if (raw.length > 32 << 10) broken('too-large');
  const object = parse('card', raw);
  const f = object.content;
  exactly(f, [1, 2, 3, 4, 5, 6]);
  uint(f.get(1n), 1, 1);
  const org = await replay(chainOf(f.get(2n)));
  name(f.get(3n));
  texts(f.get(4n), 16, address);
  policy(f.get(5n));
  uint(f.get(6n), 0, MAX_TIME);
  if (f.get(3n) !== org.name) broken('name-differs');
  await openBy(org, object);
  return object;
}

function policy(value) {
  if (!(value instanceof Map) || [...value.keys()].some((k) => k < 0n)) broken('bad-field');
  const bounds = { 1: [1, 3650], 2: [1, 4], 3: [1, 3650], 4: [1, 3650], 5: [3, 365], 6: [1, 8784], 7: [1, 8784], 8: [1, 8784] };
  for (const [k, v] of value) if (k in bounds) uint(v, ...bounds[k]);
  const days = [3n, 1n, 4n].filter((k) => value.has(k)).map((k) => value.get(k));
  if (days.some((d, i) => i > 0 && d < days[i - 1])) broken('bad-field');
}

const role = (v) => uint(v, 1, 6);

export async function openInvite(raw, org) {
  if (raw.length > 1024) broken('too-large');
  const object = parse('invite', raw);
  const f = object.content;
  const limited = f instanceof Map && f.has(10n) ? [10] : [];
  exactly(f, [1, 2, 3, 4, 5, 6, 7, 8, 9, ...limited]);
  uint(f.get(1n), 1, 1);
  bytes(f.get(2n), 16);
  for (const k of [3n, 4n, 5n, 7n]) bytes(f.get(k), 32);
  role(f.get(6n));
  uint(f.get(8n), 0, MAX_TIME);
  plainText(f.get(9n), 280);
  if (f.has(10n)) uint(f.get(10n), 1, 1);
  if (same(f.get(3n), f.get(4n)) || !same(f.get(3n), org.id)) broken('wrong-party');
  await openBy(org, object, INVITE);
  return object;
}

export async function openAccept(raw, org) {
  if (raw.length > 512) broken('too-large');
  const object = parse('accept', raw);
  const f = object.content;
  exactly(f, [1, 2, 3, 4, 5, 6]);
  uint(f.get(1n), 1, 1);
  for (const k of [2n, 3n, 4n, 6n]) bytes(f.get(k), 32);
  role(f.get(5n));
  if (hex(f.get(4n)) !== hex(org.id)) broken('wrong-party');
  await openBy(org, object, CONSENT);
  return object;
}

const VOUCHING = 400n * 24n * 3600n * 1000n; // a vouch lasts no longer, in ms

export async function openVouch(raw, org) {
  if (raw.length > 512) broken('too-large');
  const object = parse('vouch', raw);
  const f = object.content;
  exactly(f, [1, 2, 3, 4, 5, 6, 7]);
  uint(f.get(1n), 1, 1);
  for (const k of [2n, 3n]) bytes(f.get(k), 32);
  name(f.get(4n));
  uint(f.get(5n), 4, 4);
  for (const k of [6n, 7n]) uint(f.get(k), 0, MAX_TIME);
  if (same(f.get(2n), f.get(3n)) || !same(f.get(2n), org.id)) broken('wrong-party');
  if (f.get(7n) <= f.get(6n) || f.get(7n) - f.get(6n) > VOUCHING) broken('bad-field');
  await openBy(org, object, CONSENT);
  return object;
}
