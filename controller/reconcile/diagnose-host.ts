// What an operator needs of the machine it runs on, looked at without one.
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCodeOf } from '../base/errors.js';
import { failed, finding, type Finding } from './diagnosis.js';
import { judgeDisk, readDiskSpace } from './judge-disk.js';

// A directory of manifests takes one watch per directory and one instance per program.
const fewWatches = 8192;
const fewInstances = 128;
// One connection per engine, twice while it is renewed, and those of clients.
const fewFiles = 4096;

export interface HostOptions {
  readonly stateDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function diagnoseHost(o: HostOptions): Promise<readonly Finding[]> {
  const found = await Promise.all([checkDisk(o), checkInotify(), checkFiles(), checkGit(o)]);
  return found.flat();
}

async function checkDisk({ stateDirectory }: HostOptions): Promise<readonly Finding[]> {
  try {
    const { level, message } = judgeDisk(await readDiskSpace(stateDirectory));
    return [finding('host', 'HOST_DISK', { level, message: `the disk of ${stateDirectory} is ${message}` })];
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return []; // HOST_STATE says so
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
