// The second reader of spec/vectors. It shares nothing with the Go code but the
// specification: its own decoder, its own structures, WebCrypto for signatures;
// npm's cbor2 reads every valid vector a second time.
//
//   npm ci && node verify.mjs ../vectors

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cdeDecodeOptions, decode as cbor2 } from 'cbor2';
import { Broken, broken, decode } from './cbor.mjs';
import { hex, keyOk, signatureOk, verify } from './cose.mjs';
import { openAgreement, openBody, openGenesis } from './case.mjs';
import { readDetail } from './detail.mjs';
import { readEntry } from './entry.mjs';
import { readFold, split } from './fold.mjs';
import { openAccept, openCard, openInvite, openVouch, readIdentity } from './identity.mjs';

// A reader returns what it computed, to be compared with the vector: id, unknown, raw.
const READERS = {
  canon: async (v) => (decode(v.hex), {}),
  entry: async (v) => {
    const e = readEntry(v.hex);
    await verify(e, v.key);
    return e;
  },
  signature: async (v) => {
    if (!keyOk(v.key)) broken('bad-key');
    if (!(await signatureOk(v.key, v.message, v.hex))) broken('bad-signature');
    return {};
  },
  identity: async (v) => readIdentity(v.hex),
  card: async (v) => openCard(v.hex),
  invite: async (v) => openInvite(v.hex, await readIdentity(v.chain)),
  accept: async (v) => openAccept(v.hex, await readIdentity(v.chain)),
  vouch: async (v) => openVouch(v.hex, await readIdentity(v.chain)),
  agreement: async (v) => openAgreement(decode(v.hex)),
  genesis: async (v) => openGenesis(v.hex),
  body: async (v) => ({ raw: openBody({ chunk: v.hex, cek: v.cek, aad: v.aad, ref: v.ref }) }),
  detail: async (v) => readDetail(v.kind, v.hex),
  fold: async (v) => readFold(v.hex, v.fold),
  history: async (v) => readFold(v.hex, v.fold),
};

const BYTES = ['hex', 'key', 'message', 'chain', 'id', 'cek', 'aad', 'ref', 'raw'];
const NOT_CBOR = ['signature', 'body'];

function parseVector(v) {
  const out = { ...v };
  for (const k of BYTES) out[k] = Uint8Array.from(Buffer.from(v[k] ?? '', 'hex'));
  return out;
}

// judge returns the reader's verdict, or a difference in what it computed.
async function judge(family, v) {
  try {
    const found = await READERS[family](v);
    if (v.id.length && hex(found.id) !== hex(v.id)) return `valid, but its id is ${hex(found.id)}`;
    if ('unknown' in found && found.unknown !== Boolean(v.unknown)) return `valid, unknown keys: ${found.unknown}`;
    if (v.raw.length && hex(found.raw) !== hex(v.raw)) return `valid, but it holds ${hex(found.raw)}`;
    return 'valid';
  } catch (err) {
    if (err instanceof Broken) return err.message;
    return `the reader failed: ${err.stack}`;
  }
}

// secondOpinion compares our decoder with cbor2 on the bytes and on every byte
// string inside that is canonical CBOR itself.
function secondOpinion(bytes) {
  const ours = decode(bytes);
  const theirs = cbor2(bytes, { ...cdeDecodeOptions, preferMap: true });
  if (!equal(ours, theirs)) return 'cbor2 reads something else';
  return inner(ours).map(secondOpinion).find(Boolean) ?? '';
}

function equal(a, b) {
  if (typeof a === 'bigint') return (typeof b === 'bigint' || typeof b === 'number') && a === BigInt(b);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && hex(a) === hex(b);
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((x, i) => equal(x, b[i]));
  if (!(a instanceof Map)) return a === b;
  const [p, q] = [[...a], b instanceof Map ? [...b] : []];
  return p.length === q.length && p.every(([k, x], i) => equal(k, q[i][0]) && equal(x, q[i][1]));
}

function inner(value) {
  if (value instanceof Uint8Array) return value.length > 40 && isCanonical(value) ? [value] : [];
  if (value instanceof Map) return [...value.values()].flatMap(inner);
  return Array.isArray(value) ? value.flatMap(inner) : [];
}

function isCanonical(bytes) {
  try {
    decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function second(family, v) {
  if (v.verdict !== 'valid' || NOT_CBOR.includes(family)) return '';
  try {
    const items = v.fold ? split(v.hex).filter(isCanonical) : [v.hex];
    return items.map(secondOpinion).find(Boolean) ?? '';
  } catch (err) {
    return `cbor2: ${err.message}`;
  }
}

async function readFamily(path) {
  const { family, vectors } = JSON.parse(readFileSync(path, 'utf8'));
  if (!READERS[family]) throw new Error(`no reader for the family ${family}`);
  let passed = 0;
  for (const v of vectors.map(parseVector)) {
    const verdict = await judge(family, v);
    const doubt = verdict === v.verdict ? second(family, v) : `${verdict}, want ${v.verdict}`;
    if (doubt) console.log(`FAIL ${family}/${v.name}: ${doubt}`);
    else passed++;
  }
  console.log(`${family}: ${passed} of ${vectors.length}`);
  return [passed, vectors.length - passed];
}

const dir = process.argv[2];
if (!dir) {
  console.error('usage: node verify.mjs DIR');
  process.exit(2);
}
process.removeAllListeners('warning'); // Node 20 calls WebCrypto's Ed25519 experimental
let [passed, failed] = [0, 0];
for (const file of readdirSync(dir).filter((f) => f.endsWith('.json')).sort()) {
  const [p, f] = await readFamily(join(dir, file));
  passed += p;
  failed += f;
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
