// Signed objects (spec/protocol.md §3): the envelope, ids, and Ed25519 as the
// specification has it.

import { createHash, webcrypto } from 'node:crypto';
import { broken, decode, encode, join } from './cbor.mjs';

export const sha256 = (...parts) => new Uint8Array(createHash('sha256').update(join(parts)).digest());
export const hex = (bytes) => Buffer.from(bytes).toString('hex');
export const same = (a, b) => hex(a) === hex(b);

// parse reads a signed object of a role; the signature is not judged.
export function parse(role, bytes) {
  const envelope = decode(bytes);
  if (!Array.isArray(envelope) || envelope.length !== 4) broken('not-cose-profile');
  const [header, unprotected, payload, signature] = envelope;
  const strings = [header, payload, signature].every((x) => x instanceof Uint8Array);
  if (!strings || !(unprotected instanceof Map) || unprotected.size !== 0 || signature.length !== 64) {
    broken('not-cose-profile');
  }
  const kid = kidOf(header, role);
  const content = decode(payload);
  const toBeSigned = encode(['Signature1', header, new TextEncoder().encode('cordon/1/' + role), payload]);
  return { kid, content, payload, signature, toBeSigned, id: sha256(toBeSigned) };
}

// kidOf compares the header with the only bytes it may be.
function kidOf(header, role) {
  const start = Uint8Array.of(0xa3, 0x01, 0x32, 0x04, 0x58, 0x20); // {1: -19, 4: h'32 bytes
  const kid = header.subarray(start.length, start.length + 32);
  if (kid.length !== 32 || !same(header.subarray(0, start.length), start)) broken('not-cose-profile');
  const typ = join([Uint8Array.of(0x10), encode(`application/cordon-${role}+cbor`)]);
  if (!same(header.subarray(start.length + 32), typ)) broken('wrong-role');
  return kid;
}

// thumbprint is RFC 9679 of {1: 1, -1: 6, -2: key}.
export const thumbprint = (key) => sha256(Uint8Array.of(0xa3, 1, 1, 0x20, 6, 0x21, 0x58, 0x20), key);

// verify judges an object's signature by a key.
export async function verify(object, key) {
  if (!keyOk(key)) broken('bad-key');
  if (!same(thumbprint(key), object.kid)) broken('unknown-signer');
  if (!(await signatureOk(key, object.toBeSigned, object.signature))) broken('bad-signature');
}

const P = (1n << 255n) - 19n;
const L = (1n << 252n) + 27742317777372353535851937790883648493n;

function little(bytes) {
  let n = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) n = (n << 8n) | BigInt(bytes[i]);
  return n;
}

function power(base, exponent) {
  let result = 1n;
  for (base %= P; exponent > 0n; exponent >>= 1n, base = (base * base) % P) {
    if (exponent & 1n) result = (result * base) % P;
  }
  return result;
}

// smallOrder says whether y belongs to a point whose eighth multiple is the
// identity: y = ±1 (orders 1, 2), y = 0 (order 4), or doubling gives y = 0
// (order 8), that is d·y^4 + 2·y^2 = 1 on this curve.
function smallOrder(y) {
  if (y === 0n || y === 1n || y === P - 1n) return true;
  const d = ((P - 121665n) * power(121666n, P - 2n)) % P;
  const yy = (y * y) % P;
  return (d * yy * yy + 2n * yy) % P === 1n;
}

// keyOk: 32 bytes, y below the field's prime, not of small order.
export function keyOk(key) {
  if (key.length !== 32) return false;
  const y = little(key) & ((1n << 255n) - 1n);
  return y < P && !smallOrder(y);
}

// signatureOk: S < L is judged here, the equation without cofactor and R as
// bytes by WebCrypto, which may also refuse a key that is no point.
export async function signatureOk(key, message, signature) {
  if (signature.length !== 64 || little(signature.subarray(32)) >= L) return false;
  try {
    const k = await webcrypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify']);
    return await webcrypto.subtle.verify('Ed25519', k, signature, message);
  } catch {
    return false;
  }
}
