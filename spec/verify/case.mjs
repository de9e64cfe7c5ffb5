// Agreements, the opening of a case (spec/protocol.md §4.6), and bodies (spec/identity.md §7).

import { createDecipheriv } from 'node:crypto';
import { Broken, broken, decode, decodeFirst } from './cbor.mjs';
import { same, sha256, verify } from './cose.mjs';
import { readEntry } from './entry.mjs';
import { MAX_TIME, bytes, exactly, list, plainText, uint } from './fields.mjs';
import { CAPS, chainOf, replay } from './identity.mjs';

// under gives every fault inside check one name.
export function under(rule, check) {
  try {
    return check();
  } catch (err) {
    broken(err instanceof Broken ? rule : err);
  }
}

// openAgreement judges {1: record, 2: text}.
export function openAgreement(value) {
  exactly(value, [1, 2], 'bad-agreement');
  const [raw, text] = [value.get(1n), value.get(2n)];
  const record = under('bad-agreement', () => recordOf(decode(raw)));
  const encoded = new TextEncoder().encode(text);
  if (encoded.length > 32 << 10 || !same(sha256(encoded), record.get(6n))) broken('bad-agreement');
  if (record.has(3n) && record.get(3n) <= record.get(2n)) broken('bad-agreement');
  return { id: sha256(raw), record };
}

function recordOf(record) {
  if (!(record instanceof Map)) broken('bad-agreement');
  exactly(record, [2, 5, 6, ...[1, 3, 4].filter((k) => record.has(BigInt(k)))]);
  if (record.has(1n)) bytes(record.get(1n), 32);
  for (const k of [2n, 3n, 4n]) if (record.has(k)) uint(record.get(k), 0, MAX_TIME);
  const terms = record.get(5n);
  exactly(terms, [1, 2, 3, 4, 5]);
  const limits = { 1: [1, 1], 2: [1, 5], 3: [1, 2], 4: [0, 2 ** 32 - 1], 5: [1, 2] };
  for (const [k, [low, high]] of Object.entries(limits)) uint(terms.get(BigInt(k)), low, high);
  bytes(record.get(6n), 32);
  return record;
}

// openGenesis judges an entry that opens a case, by itself alone.
export async function openGenesis(raw) {
  const entry = readEntry(raw);
  const ctl = entry.fields.get(13n);
  if (entry.unknown || [...ctl.keys()].some((k) => k < 1n || k > 5n)) broken('not-known-to-rules');
  under('bad-genesis', () => genesisFields(ctl));
  const events = chainOf(ctl.get(2n));
  const org = await chain(events);
  const daemon = org.daemons.find((d) => same(d.kid, entry.kid) && !d.revoked);
  const needs = [CAPS.WRITE, CAPS.STEWARD];
  if (!daemon || !needs.every((c) => daemon.caps.includes(c))) broken('key-not-certified');
  const c0 = ctl.get(3n);
  const first = c0.get(3n).length === 1 && same(c0.get(3n)[0], org.id);
  if (!first || c0.get(2n) !== 0n || c0.get(4n) !== 1n || c0.get(6n) !== 1n) broken('bad-config');
  if (openAgreement(ctl.get(4n)).record.has(1n)) broken('bad-agreement');
  await verify(entry, daemon.sig);
  return entry;
}

// chain replays the opener's events, which begin with a create.
async function chain(events) {
  const first = under('bad-identity', () => decode(decode(events[0])[2]));
  if (first.get(2n) !== 0n) broken('identity-gap');
  try {
    return await replay(events);
  } catch (err) {
    broken(err instanceof Broken ? 'bad-identity' : err);
  }
}

function genesisFields(ctl) {
  exactly(ctl, [1, 2, 3, 4, 5]);
  bytes(ctl.get(1n), 32);
  list(ctl.get(2n), 1, 64);
  chainOf(ctl.get(2n));
  exactly(ctl.get(3n), [2, 3, 4, 5, 6]);
  list(ctl.get(3n).get(3n), 1, 9).forEach((o) => bytes(o, 32));
  exactly(ctl.get(4n), [1, 2]);
  list(ctl.get(5n), 1, 6).forEach((r, i, all) => uint(r, i ? all[i - 1] + 1n : 1n, 6));
}

const CHUNK = 1 << 20;
const TAG = 16;

// openBody opens a body of one chunk.
export function openBody({ chunk, cek, aad, ref }) {
  const [hash, size, kc] = decode(ref);
  if (!same(sha256(new TextEncoder().encode('cordon-kc/1'), cek), kc)) broken('wrong-body-key');
  if (size <= BigInt(TAG) || size > BigInt(CHUNK + TAG)) broken('wrong-body-size');
  if (!same(sha256(sha256(chunk)), hash)) broken('wrong-chunk-hash');
  if (BigInt(chunk.length) !== size) broken('wrong-body-size');
  const text = unseal(chunk, cek, aad);
  const [head, length] = under('bad-body-head', () => headOf(text));
  const raw = text.subarray(length, length + Number(head.get(4n)));
  const rest = text.subarray(length + raw.length);
  const padded = padme(BigInt(length) + head.get(4n)) === BigInt(text.length);
  if (!padded || !rest.every((b) => b === 0)) broken('wrong-padding');
  return raw;
}

// unseal opens chunk 0, the last: its number, three zeros, 1.
function unseal(chunk, cek, aad) {
  const nonce = new Uint8Array(12);
  nonce[11] = 1;
  const open = createDecipheriv('chacha20-poly1305', cek, nonce, { authTagLength: TAG });
  open.setAAD(aad, { plaintextLength: chunk.length - TAG });
  open.setAuthTag(chunk.subarray(chunk.length - TAG));
  const text = open.update(chunk.subarray(0, chunk.length - TAG));
  try {
    open.final();
  } catch {
    broken('chunk-not-opened');
  }
  return new Uint8Array(text);
}

function headOf(text) {
  const [head, length] = decodeFirst(text);
  exactly(head, [1, 2, 3, 4, ...[5, 6, 7, 8, 9].filter((k) => head.has(BigInt(k)))]);
  uint(head.get(1n), 1, 5);
  uint(head.get(2n), 1, 255);
  bytes(head.get(3n), 32);
  uint(head.get(4n), 0, 256 << 20);
  for (const [k, most] of [[5n, 256], [6n, 255], [7n, 127]]) {
    if (head.has(k) && plainText(head.get(k), most) === '') broken('bad-body-head');
  }
  const file = head.get(6n) ?? 'none';
  if (file === '.' || file === '..' || /[/\\]/.test(file)) broken('bad-body-head');
  if (!/^[\x20-\x7e]*$/.test(head.get(7n) ?? '')) broken('bad-body-head');
  if (head.has(8n)) list(head.get(8n), 1, 64).forEach((x) => bytes(x, 32));
  if (head.has(9n)) bytes(head.get(9n), 32);
  return [head, length];
}

// padme is the length that n is padded to (PURBs, Nikitin et al. 2019, §4).
function padme(n) {
  if (n < 2n) return n;
  const e = BigInt(n.toString(2).length - 1);
  const low = e - BigInt(e.toString(2).length);
  const mask = (1n << low) - 1n;
  return (n + mask) & ~mask;
}
