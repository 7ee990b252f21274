// A backup as one file: JSON with a digest, so that damage is noticed before anything is replaced. Pure.
import { createHash } from 'node:crypto';
import { SwarmError } from '../base/errors.js';
import { canonicalJson, isJsonObject, tryParseJson } from '../base/json.js';
import { stateEntries, type StateFile } from './state-files.js';

export interface Backup {
  /** RFC 3339. */
  readonly createdTime: string;
  /** Version of the program that made it. */
  readonly program: string;
  /** Of the state directory. */
  readonly stateVersion: number;
  /** false: without keys and tokens. */
  readonly hasSecrets: boolean;
  readonly files: readonly StateFile[];
}

const kind = 'swarmctl-backup';
const format = 1;

export function encodeBackup(backup: Backup): string {
  return `${JSON.stringify({ kind, format, sha256: digest(backup), ...backup }, null, 1)}\n`;
}

/**
 * @param name of the file, for errors
 * @throws {STATE_CORRUPT} it is no backup, damaged, or from a newer version of this program
 */
export function decodeBackup(text: string, name: string): Backup {
  const refuse = (why: string, hint?: string): never => {
    const options = hint === undefined ? {} : { hint };
    throw new SwarmError('STATE_CORRUPT', `Cannot use backup "${name}": ${why}`, options);
  };
  const value = tryParseJson(text);
  if (!isJsonObject(value) || value['kind'] !== kind)
    return refuse('it is not a whole backup', 'Name a file that swarmctl backup wrote');
  if (typeof value['format'] === 'number' && value['format'] > format)
    return refuse(`a newer swarmctl wrote it (format ${value['format']})`, 'Restore it with that version');
  const { createdTime, program, stateVersion, hasSecrets, files } = value;
  const isWhole =
    typeof createdTime === 'string' &&
    typeof program === 'string' &&
    typeof stateVersion === 'number' &&
    typeof hasSecrets === 'boolean' &&
    Array.isArray(files) &&
    files.every(isStateFile);
  if (!isWhole) return refuse('parts of it are missing', 'Use another backup');
  const backup: Backup = { createdTime, program, stateVersion, hasSecrets, files };
  if (value['sha256'] !== digest(backup))
    return refuse('its digest does not match: it was damaged or changed', 'Use another backup');
  return backup;
}

export function withoutSecrets(files: readonly StateFile[]): readonly StateFile[] {
  const secret = stateEntries.filter(({ isSecret }) => isSecret).map(({ name }) => `${name}/`);
  return files.filter((file) => !secret.some((prefix) => file.path.startsWith(prefix)));
}

function digest({ createdTime, program, stateVersion, hasSecrets, files }: Backup): string {
  const body = { kind, format, createdTime, program, stateVersion, hasSecrets, files };
  return createHash('sha256').update(canonicalJson(body)).digest('hex');
}

/** Also that it stays where it belongs: a path must not lead out of the state directory. */
function isStateFile(value: unknown): value is StateFile {
  if (!isJsonObject(value) || typeof value['text'] !== 'string' || typeof value['mode'] !== 'number')
    return false;
  const { path } = value;
  if (typeof path !== 'string') return false;
  const [first, ...rest] = path.split('/');
  return (
    stateEntries.some(({ name }) => name === first) &&
    rest.every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'))
  );
}
