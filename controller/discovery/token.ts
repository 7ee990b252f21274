// Cluster tokens: 32 hexadecimal characters, 128 random bits. Who knows one can list, join and leave that cluster.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A new token, unguessable. */
export function createToken(): string {
  return randomBytes(16).toString('hex');
}

export function isToken(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** What tokens are looked up by and stored as: neither memory order nor the data file gives one away. */
export function digestToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Whether `digest` is one of `digests`, in a time that depends on neither. */
export function includesDigest(digests: readonly string[], digest: string): boolean {
  const wanted = Buffer.from(digest);
  let found = false;
  for (const candidate of digests) {
    const same = timingSafeEqual(Buffer.from(candidate), wanted);
    found ||= same;
  }
  return found;
}
