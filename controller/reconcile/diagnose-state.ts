// The state directory: whose it is, who uses it, and whether what is in it can be read by us and by nobody else.
import { constants } from 'node:fs';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { reasonOf, systemCodeOf } from '../base/errors.js';
import type { Clock } from '../base/clock.js';
import type { UnusableFile } from '../store/peek-objects.js';
import { findHolder } from '../store/state-lock.js';
import { checkModes } from './check-modes.js';
import { finding, judgeExpiry, type Finding } from './diagnosis.js';
import { findSoonest } from './check-pairs.js';

export interface StateOptions {
  readonly stateDirectory: string;
  readonly clock: Clock;
  /** Whether an operator answered where it was expected. */
  readonly isAnswered: boolean;
  readonly unusable: readonly UnusableFile[];
}

export async function diagnoseState(o: StateOptions): Promise<readonly Finding[]> {
  const found = await Promise.all([
    checkDirectory(o),
    checkLock(o),
    checkObjects(o),
    checkKeys(o),
    checkCertificates(o),
    checkClock(o),
  ]);
  return found.flat();
}

async function checkDirectory({ stateDirectory }: StateOptions): Promise<readonly Finding[]> {
  const fail = (message: string): readonly Finding[] => [
    finding('host', 'HOST_STATE', { level: 'fail', message }),
  ];
  try {
    await access(stateDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    return fail(`cannot use ${stateDirectory}: ${reasonOf(error)}`);
  }
  const version = await readFile(path.join(stateDirectory, 'version'), 'utf8').catch(
    (error: unknown) => error,
  );
  if (typeof version !== 'string')
    return fail(
      systemCodeOf(version) === 'ENOENT'
        ? `${stateDirectory} is no state directory: it has no file version`
        : `cannot read ${path.join(stateDirectory, 'version')}: ${reasonOf(version)}`,
    );
  const message = `${stateDirectory} is ours, version ${version.trim()}`;
  return [finding('host', 'HOST_STATE', { level: 'ok', message })];
}

async function checkLock({ stateDirectory, clock, isAnswered }: StateOptions): Promise<readonly Finding[]> {
  const holder = await findHolder(stateDirectory, clock);
  const say = (level: Finding['level'], message: string): readonly Finding[] => [
    finding('host', 'HOST_LOCK', { level, message }),
  ];
  if (holder !== undefined && !isAnswered)
    return say('warn', `${holder} uses the state directory, but is not the operator that was asked`);
  if (holder !== undefined) return say('ok', `used by ${holder}`);
  return isAnswered
    ? say('warn', `nobody uses ${stateDirectory}: the operator that answers has another state directory`)
    : say('ok', 'nobody uses the state directory');
}

async function checkObjects({ unusable, stateDirectory }: StateOptions): Promise<readonly Finding[]> {
  const isThere = await stat(path.join(stateDirectory, 'objects')).then(
    () => true,
    () => false,
  );
  if (unusable.length === 0)
    return isThere
      ? [finding('host', 'HOST_OBJECTS', { level: 'ok', message: 'every stored object can be read' })]
      : [];
  return unusable.map(({ file, why, isSetAside }) =>
    finding('host', 'HOST_OBJECTS', {
      level: isSetAside ? 'warn' : 'fail',
      message: `${isSetAside ? 'not in use:' : 'cannot read'} ${path.join(stateDirectory, file)}: ${why}`,
      ...(why.startsWith('a newer') ? { remedy: 'Use the newer swarmctl, or restore a backup' } : {}),
    }),
  );
}

async function checkKeys({ stateDirectory }: StateOptions): Promise<readonly Finding[]> {
  const pki = await readdir(path.join(stateDirectory, 'pki')).catch(() => []);
  const keys = pki.filter((name) => name.endsWith('-key.pem')).map((name) => path.join('pki', name));
  return checkModes('host', 'HOST_KEYS', { directory: stateDirectory, files: ['', ...keys] });
}

/** Those of the operator's own API. */
async function checkCertificates({ stateDirectory, clock }: StateOptions): Promise<readonly Finding[]> {
  const directory = path.join(stateDirectory, 'pki');
  const soonest = await findSoonest(directory);
  if (soonest === undefined) return [];
  const { level, message } =
    'notAfterMs' in soonest
      ? judgeExpiry(soonest.notAfterMs, clock.now())
      : { level: 'fail' as const, message: soonest.why };
  const file = path.join('pki', soonest.file);
  return [finding('host', 'HOST_CERTIFICATES', { level, message: `${file}: ${message}` })];
}

/** Files cannot be from the future, so the clock was set back when they are. */
async function checkClock({ stateDirectory, clock }: StateOptions): Promise<readonly Finding[]> {
  const written = await stat(path.join(stateDirectory, 'objects')).catch(() => undefined);
  if (written === undefined) return [];
  const aheadMs = written.mtimeMs - clock.now();
  if (aheadMs < 2000)
    return [finding('host', 'HOST_CLOCK', { level: 'ok', message: 'the clock goes forward' })];
  const message = `the state was last written ${Math.round(aheadMs / 1000)} s in the future: the clock was set back`;
  return [finding('host', 'HOST_CLOCK', { level: 'fail', message })];
}
