// Reads TLS material that a manifest names, and refuses what could only fail later.
import { createPrivateKey } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { systemClock } from '../base/clock.js';
import { messageOf, SwarmError } from '../base/errors.js';
import { readText } from '../base/read-text.js';
import type { EngineTls } from '../engine/endpoint.js';
import { parseCertificate } from '../pki/certificate.js';
import { isBelieved, isSettled, type FileMark } from '../source/known-files.js';

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

interface Known {
  readonly marks: readonly FileMark[];
  readonly readAtMs: number;
  readonly tls: EngineTls;
}

/** More than this are forgotten together: files that manifests do not name any more. */
const mostKnown = 10_000;

// To read and check three files takes 7 ms of CPU, and a fleet needs those of each node every 30 s: what was read is used
// again as long as the system says that the files are as they were.
const known = new Map<string, Known>();
const underWay = new Map<string, Promise<EngineTls>>();

/**
 * Reads PEM files and checks that they are what they should be.
 * @returns the same object as long as the files stay as they are
 * @throws {CREDENTIALS_UNREADABLE | CREDENTIALS_INVALID}
 */
export function readTls(files: TlsFiles): Promise<EngineTls> {
  const id = [files.ca, files.cert, files.key].join('\n');
  const begun = underWay.get(id);
  if (begun !== undefined) return begun;
  const reading = readAgain(id, files).finally(() => underWay.delete(id));
  underWay.set(id, reading);
  return reading;
}

async function readAgain(id: string, files: TlsFiles): Promise<EngineTls> {
  const nowMs = systemClock.now();
  // Before they are read: what changes in between is read, and looks changed the next time.
  const marks = await marksOf(files);
  const before = known.get(id);
  if (before !== undefined && marks?.every((mark, at) => isMarkOf(before, { mark, at, nowMs })) === true)
    return before.tls;
  known.delete(id);
  const tls = await readAndCheck(files);
  if (marks?.every((mark) => isSettled(mark, nowMs)) === true) {
    if (known.size >= mostKnown) known.clear();
    known.set(id, { marks, readAtMs: nowMs, tls });
  }
  return tls;
}

function isMarkOf(
  { marks, readAtMs }: Known,
  { mark, at, nowMs }: { readonly mark: FileMark; readonly at: number; readonly nowMs: number },
): boolean {
  const before = marks[at];
  return before !== undefined && isBelieved({ mark: before, readAtMs }, mark, nowMs);
}

/** @returns undefined when one cannot be looked at, which reading them will explain */
async function marksOf({ ca, cert, key }: TlsFiles): Promise<readonly FileMark[] | undefined> {
  const names = [ca, cert, key].flatMap((file) => (file === undefined ? [] : [file]));
  try {
    return await Promise.all(names.map((file) => stat(file, { bigint: true })));
  } catch {
    return undefined;
  }
}

async function readAndCheck(files: TlsFiles): Promise<EngineTls> {
  const { cert: certFile, key: keyFile } = files;
  const { pem: ca } = await readPem(files.ca, parseCertificate);
  if (certFile === undefined || keyFile === undefined) return { ca };
  const cert = await readPem(certFile, parseCertificate);
  const key = await readPem(keyFile, createPrivateKey);
  if (!cert.parsed.checkPrivateKey(key.parsed)) {
    throw new SwarmError(
      'CREDENTIALS_INVALID',
      `Cannot use certificate "${certFile}": "${keyFile}" is the key of another certificate`,
    );
  }
  return { ca, cert: cert.pem, key: key.pem };
}

async function readPem<T>(
  file: string,
  parse: (pem: string) => T,
): Promise<{ readonly pem: string; readonly parsed: T }> {
  const pem = await readText(file, { code: 'CREDENTIALS_UNREADABLE' });
  try {
    return { pem, parsed: parse(pem) };
  } catch (error) {
    throw new SwarmError('CREDENTIALS_INVALID', `Cannot use "${file}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}
