// What an operator needs of the machine it runs on, looked at without one.
import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { formatBytes } from '../base/byte-size.js';
import { failed, finding, type Finding, type Level } from './diagnosis.js';

// The state is a few MB; a disk with less than this is full after the next log rotation.
const littleBytes = 100 * 2 ** 20;
const noneBytes = 10 * 2 ** 20;
// A directory of manifests takes one watch per directory and one instance per program.
const fewWatches = 8192;
const fewInstances = 128;
// One connection per engine, twice while it is renewed, and those of clients.
const fewFiles = 4096;

export interface HostOptions {
  readonly stateDirectory: string;
  readonly nowMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function diagnoseHost(o: HostOptions): Promise<readonly Finding[]> {
  const found = await Promise.all([
    checkState(o),
    checkClock(o),
    checkDisk(o),
    checkInotify(),
    checkFiles(),
    checkGit(o),
  ]);
  return found.flat();
}

async function checkState({ stateDirectory }: HostOptions): Promise<readonly Finding[]> {
  try {
    await access(stateDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
    const version = (await readFile(path.join(stateDirectory, 'version'), 'utf8')).trim();
    const message = `${stateDirectory} is ours, version ${version}`;
    return [finding('host', 'HOST_STATE', { level: 'ok', message })];
  } catch (error) {
    return [failed('host', 'HOST_STATE', error)];
  }
}

/** Files cannot be from the future, so the clock was set back when they are. */
async function checkClock({ stateDirectory, nowMs }: HostOptions): Promise<readonly Finding[]> {
  const written = await stat(path.join(stateDirectory, 'objects')).catch(() => undefined);
  if (written === undefined) return [];
  const aheadMs = written.mtimeMs - nowMs;
  if (aheadMs < 2000)
    return [finding('host', 'HOST_CLOCK', { level: 'ok', message: 'the clock goes forward' })];
  const message = `the state was last written ${Math.round(aheadMs / 1000)} s in the future: the clock was set back`;
  return [finding('host', 'HOST_CLOCK', { level: 'fail', message })];
}

async function checkDisk({ stateDirectory }: HostOptions): Promise<readonly Finding[]> {
  try {
    const { bavail, bsize, files, ffree } = await statfs(stateDirectory);
    const free = bavail * bsize;
    const hasNodes = files === 0 || ffree > 1000;
    const level: Level = free < noneBytes || !hasNodes ? 'fail' : free < littleBytes ? 'warn' : 'ok';
    const message = `${formatBytes(free)} are free${hasNodes ? '' : ', but no inodes'}`;
    return [finding('host', 'HOST_DISK', { level, message })];
  } catch (error) {
    return [failed('host', 'HOST_DISK', error)];
  }
}

async function checkInotify(): Promise<readonly Finding[]> {
  const read = async (name: string): Promise<number> =>
    Number(await readFile(`/proc/sys/fs/inotify/${name}`, 'utf8').catch(() => 'NaN'));
  const [watches, instances] = await Promise.all([read('max_user_watches'), read('max_user_instances')]);
  if (Number.isNaN(watches) || Number.isNaN(instances)) return [];
  const level = watches < fewWatches || instances < fewInstances ? 'warn' : 'ok';
  const message = `${watches} watches and ${instances} instances per user`;
  return [finding('host', 'HOST_INOTIFY', { level, message })];
}

async function checkFiles(): Promise<readonly Finding[]> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return [];
  const level = soft !== 'unlimited' && Number(soft) < fewFiles ? 'warn' : 'ok';
  return [finding('host', 'HOST_OPEN_FILES', { level, message: `${soft} open files are allowed` })];
}

async function checkGit({ env }: HostOptions): Promise<readonly Finding[]> {
  for (const directory of (env['PATH'] ?? '').split(':').filter((part) => part !== '')) {
    const file = path.join(directory, 'git');
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return [finding('host', 'HOST_GIT', { level: 'ok', message: file })];
  }
  return [finding('host', 'HOST_GIT', { level: 'warn', message: 'git is not installed' })];
}
