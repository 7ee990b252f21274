// The flags of `swarmctl run` that name a git repository: checked, and turned into what the operator takes.
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { reasonOf } from '../../../controller/base/errors.js';
import { parseDelay, parseListen } from '../flag-values.js';
import { usageError } from '../usage-error.js';
import type { GitOptions } from './manifest-source.js';

export interface GitFlags {
  readonly directory?: string;
  readonly git?: string;
  readonly branch?: string;
  readonly path?: string;
  readonly interval?: string;
  readonly requireSigned?: boolean;
  readonly allowedSigners?: string;
  readonly webhook?: string;
  readonly webhookSecretFile?: string;
}

const dependent = [
  ['--branch', 'branch'],
  ['--path', 'path'],
  ['--interval', 'interval'],
  ['--require-signed', 'requireSigned'],
  ['--allowed-signers', 'allowedSigners'],
  ['--webhook', 'webhook'],
  ['--webhook-secret-file', 'webhookSecretFile'],
] as const;

// Each fetch costs the git server a process and this machine a handshake.
const shortestIntervalMs = 1000;

/** @returns undefined without --git @throws {USAGE} */
export async function readGitOptions(flags: GitFlags): Promise<GitOptions | undefined> {
  const { git: url, webhook, webhookSecretFile, allowedSigners } = flags;
  if (url === undefined) {
    const stray = dependent.find(([, name]) => flags[name] !== undefined);
    if (stray !== undefined)
      throw usageError(`Cannot use ${stray[0]} without --git: it says how to follow a repository`);
    return undefined;
  }
  if (flags.directory !== undefined) {
    throw usageError('Cannot use --git and --directory together: manifests have one source');
  }
  // Git would take it for an option, or run it as a program.
  if (url === '' || url.startsWith('-') || /^[a-z]+::/.test(url)) {
    throw usageError(
      `Cannot use --git ${JSON.stringify(url)}: must be an https, ssh or file address, or a path`,
    );
  }
  const { branch = 'main', interval = '30s' } = flags;
  if (branch === '' || !/^[^-~^:?*[\\\s][^~^:?*[\\\s]*$/.test(branch) || branch.includes('..')) {
    throw usageError(`Cannot use --branch ${JSON.stringify(branch)}: git has no such names`);
  }
  const intervalMs = parseDelay('--interval', interval);
  if (intervalMs < shortestIntervalMs) {
    throw usageError(`Cannot use --interval ${JSON.stringify(interval)}: must be 1s or more`);
  }
  if (allowedSigners !== undefined && flags.requireSigned !== true) {
    throw usageError('Cannot use --allowed-signers without --require-signed: nothing would be checked');
  }
  if (webhookSecretFile !== undefined && webhook === undefined) {
    throw usageError('Cannot use --webhook-secret-file without --webhook: nothing listens');
  }
  if (allowedSigners !== undefined) await requireReadable('--allowed-signers', allowedSigners);
  const secret = webhookSecretFile === undefined ? undefined : await readSecret(webhookSecretFile);
  return {
    // A path is taken from where the command was typed, not from where git runs.
    url: /^[a-z+]+:\/\/|^[^/]+:/i.test(url) ? url : path.resolve(url),
    branch,
    path: insidePath(flags.path ?? '.'),
    intervalMs,
    requireSigned: flags.requireSigned === true,
    ...(allowedSigners === undefined ? {} : { allowedSigners: path.resolve(allowedSigners) }),
    ...(webhook === undefined ? {} : { webhook: { ...parseListen('--webhook', webhook), secret } }),
  };
}

function insidePath(text: string): string {
  const normal = path.posix.normalize(text).replace(/\/$/, '');
  if (text === '' || normal.startsWith('/') || normal.startsWith('..')) {
    throw usageError(`Cannot use --path ${JSON.stringify(text)}: must be a directory inside the repository`);
  }
  return normal;
}

async function requireReadable(flag: string, file: string): Promise<void> {
  await access(file).catch((error: unknown) => {
    throw usageError(`Cannot use ${flag} ${JSON.stringify(file)}: ${reasonOf(error)}`);
  });
}

async function readSecret(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw usageError(`Cannot use --webhook-secret-file ${JSON.stringify(file)}: ${reasonOf(error)}`);
  });
  if (text.trim() === '') {
    throw usageError(`Cannot use --webhook-secret-file ${JSON.stringify(file)}: it is empty`);
  }
  return text.trim();
}
