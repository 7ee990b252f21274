// Key pairs as files: <name>.pem (0644) and <name>-key.pem (0600) in a directory (0700). Safe against a kill at any
// line: the key is written first, so a new certificate on disk always has its key, and what a kill leaves (a lone or
// newer key) is replaced by the next call.
// Callers keep two processes from working on one directory at once.
import { createPrivateKey } from 'node:crypto';
import path from 'node:path';
import { messageOf, SwarmError } from '../base/errors.js';
import { readTextIfThere } from '../base/read-text.js';
import { makePrivateDirectory, writeFileAtomically } from '../base/write-file-atomically.js';
import { createAuthority, issueCertificate, usageOids, type CertificateWish } from './authority.js';
import { describeCertificate, namesForCertificate, parseCertificate } from './certificate.js';
import type { KeyPair } from './key-pair.js';

const dayMs = 86_400_000;

/** How the files are written, durably unless they can be issued again; whoever keeps state has a way of its own. */
export interface PairWriter {
  makeDirectory(directory: string): Promise<void>;
  /** @param mode permission bits */
  write(file: string, data: string, mode: number): Promise<void>;
}

const plainWriter: PairWriter = {
  makeDirectory: makePrivateDirectory,
  write: (file, data, mode) => writeFileAtomically(file, data, { mode }),
};

/**
 * The authority in `directory`, made when there is none. An existing one is never replaced: everything it signed
 * would stop being trusted.
 * @param options.name base name of the files, default `ca`
 * @param options.known one that was checked lately: while the files hold it, it is not checked again
 * @throws {CREDENTIALS_INVALID} when it is damaged, expired, or its key does not belong to it
 */
export async function loadOrCreateAuthority(options: {
  readonly directory: string;
  readonly name?: string;
  readonly commonName: string;
  readonly nowMs: number;
  readonly validityDays: number;
  readonly known?: KeyPair | undefined;
  /** Default: plain files. */
  readonly writer?: PairWriter;
}): Promise<KeyPair> {
  const loaded = await loadAuthority(options);
  if (loaded !== undefined) return loaded;
  const created = await createAuthority(options);
  await writePair(options, pairFiles(options.directory, options.name ?? 'ca'), created);
  return created;
}

/**
 * The authority in `directory`; undefined when there is no certificate of one.
 * @throws {CREDENTIALS_INVALID} when it is damaged, expired, or its key does not belong to it
 */
export async function loadAuthority(options: {
  readonly directory: string;
  readonly name?: string;
  readonly nowMs: number;
  readonly known?: KeyPair | undefined;
}): Promise<KeyPair | undefined> {
  const { known } = options;
  const files = pairFiles(options.directory, options.name ?? 'ca');
  const certPem = await readOptional(files.cert);
  if (certPem === undefined) return undefined;
  const keyPem = await readOptional(files.key);
  if (certPem === known?.certPem && keyPem === known.keyPem) return known;
  const damage =
    keyPem === undefined
      ? `its key ${files.key} is missing`
      : damageOf({ certPem, keyPem }, { nowMs: options.nowMs });
  if (damage !== undefined || keyPem === undefined) {
    throw new SwarmError(
      'CREDENTIALS_INVALID',
      `Cannot use certificate authority "${files.cert}": ${damage ?? ''}`,
      { hint: 'Restore both files from a backup, or start a new authority with swarmctl repair' },
    );
  }
  return { certPem, keyPem };
}

/**
 * The certificate `name` in `directory`, issued (again) when it is missing, unreadable, about to expire, without its
 * key, signed by another authority, or made for other names, subject or usages. Otherwise nothing is written.
 * @param options.renewBeforeDays a certificate that expires within this time is issued again
 */
export async function ensureCertificate(
  options: CertificateWish & {
    readonly directory: string;
    readonly name: string;
    /** Base name of the key's file. Default `<name>-key`; docker's own layout is `cert` with `key`. */
    readonly keyName?: string;
    readonly renewBeforeDays: number;
    /** Default: plain files. */
    readonly writer?: PairWriter;
  },
): Promise<KeyPair> {
  const files = pairFiles(options.directory, options.name, options.keyName);
  const [certPem, keyPem] = await Promise.all([readOptional(files.cert), readOptional(files.key)]);
  if (certPem !== undefined && keyPem !== undefined && fits({ certPem, keyPem }, options)) {
    return { certPem, keyPem };
  }
  const issued = await issueCertificate(options);
  await writePair(options, files, issued);
  return issued;
}

function fits(pair: KeyPair, wish: Parameters<typeof ensureCertificate>[0]): boolean {
  if (damageOf(pair, { nowMs: wish.nowMs }) !== undefined) return false;
  const certificate = parseCertificate(pair.certPem);
  const authority = parseCertificate(wish.authority.certPem);
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) return false;
  const is = describeCertificate(certificate);
  // Close to the authority's own end a new certificate would live no longer; issuing again would never stop.
  const renewable = is.notAfterMs < Date.parse(authority.validTo);
  if (renewable && is.notAfterMs - wish.nowMs <= wish.renewBeforeDays * dayMs) return false;
  return (
    is.commonName === wish.commonName &&
    is.organization === (wish.organization ?? '') &&
    sameSet(is.dnsNames, wish.dnsNames ?? []) &&
    sameSet(is.ipAddresses, namesForCertificate(wish.ipAddresses ?? []).ipAddresses) &&
    sameSet(
      is.usageOids,
      wish.usages.map((usage) => usageOids[usage]),
    )
  );
}

/** Why the pair cannot be used, or undefined. */
function damageOf(pair: KeyPair, { nowMs }: { readonly nowMs: number }): string | undefined {
  try {
    const certificate = parseCertificate(pair.certPem);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.keyPem))) return 'the key belongs to another one';
    return Date.parse(certificate.validTo) <= nowMs ? `it expired at ${certificate.validTo}` : undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  const expected = new Set(right);
  return new Set(left).size === expected.size && left.every((value) => expected.has(value));
}

function pairFiles(
  directory: string,
  name: string,
  keyName = `${name}-key`,
): { readonly cert: string; readonly key: string } {
  return { cert: path.join(directory, `${name}.pem`), key: path.join(directory, `${keyName}.pem`) };
}

async function writePair(
  { directory, writer = plainWriter }: { readonly directory: string; readonly writer?: PairWriter },
  files: { readonly cert: string; readonly key: string },
  pair: KeyPair,
): Promise<void> {
  await writer.makeDirectory(directory);
  await writer.write(files.key, pair.keyPem, 0o600);
  await writer.write(files.cert, pair.certPem, 0o644);
}

function readOptional(file: string): Promise<string | undefined> {
  return readTextIfThere(file, { code: 'CREDENTIALS_UNREADABLE' });
}
