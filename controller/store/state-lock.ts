// Makes sure that one operator alone uses a state directory. The lock is a listening socket in it: the kernel
// closes it with its process, however that ends, and it works across containers that share the directory. A file beside
// it names the holder, for the one case in which the kernel cannot tell: a holder on another machine.
import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Clock } from '../base/clock.js';
import { isSwarmError, messageOf, SwarmError, systemCodeOf } from '../base/errors.js';
import { tryParseJson, stringAt } from '../base/json.js';

/** Where a process runs, as far as it decides whether a lock that nobody answers for is dead. */
export interface LockPlace {
  readonly host: string;
  /** Of the running system: another one is another machine, or this one before a restart. */
  readonly bootId: string;
  /** Whether other machines may use the directory at the same time. */
  readonly isShared: boolean;
}

export interface StateLock {
  /** Idempotent. */
  release(): Promise<void>;
}

// sun_path has 108 bytes on Linux and 104 on macOS, with the closing zero.
const maxSocketPath = 100;
// A holder that is stopped accepts connections but does not answer; it is alive all the same.
const answerTimeoutMs = 1000;
// Each round is one race lost against another starter; more than a few would mean that somebody deletes our files.
const maxRounds = 5;

/**
 * Takes the lock of `directory`, which must exist; takes it over from a holder that is dead.
 * @throws {STATE_LOCKED} another process has it; the message names it
 * @throws {STATE_UNWRITABLE} the file system cannot hold the lock
 */
export async function lockState(o: {
  readonly directory: string;
  readonly clock: Clock;
  /** What is told to others that want the lock, for example `pid 4211`. */
  readonly holder: string;
  /** Default: of this machine. */
  readonly place?: LockPlace;
}): Promise<StateLock> {
  const release: (() => Promise<void>)[] = [];
  try {
    const directoryHandle = await open(o.directory, 'r');
    release.unshift(() => directoryHandle.close());
    // Long paths go through the open directory, whose name is always short.
    const isShort = Buffer.byteLength(o.directory) <= maxSocketPath - 25;
    const base = isShort ? o.directory : `/proc/self/fd/${directoryHandle.fd}`;
    const own = path.join(base, `lock.${randomBytes(4).toString('hex')}`);
    const lock = path.join(base, 'lock');
    const server = await listen(own, o.holder);
    release.unshift(() => closeServer(server));
    const { ino } = await stat(own);
    const place = o.place ?? (await placeOf(o.directory));
    const record = path.join(base, 'lock.json');
    await claim({ own, lock, ino, record, place, clock: o.clock, directory: o.directory });
    await rm(own, { force: true });
    release.unshift(() => removeIfOurs(lock, ino));
    const { host, bootId } = place;
    // For others' messages and doubts only; a full disk must not keep an operator from saying that it is full.
    await writeFile(record, `${JSON.stringify({ holder: o.holder, host, bootId })}\n`, { mode: 0o600 }).catch(
      () => undefined,
    );
    release.unshift(() => rm(record, { force: true }));
  } catch (error) {
    for (const step of release) await step();
    if (isSwarmError(error)) throw error;
    throw new SwarmError(
      'STATE_UNWRITABLE',
      `Cannot lock state directory "${o.directory}": ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  let released: Promise<void> | undefined;
  return {
    release: () =>
      (released ??= (async () => {
        for (const step of release) await step();
      })()),
  };
}

async function claim(o: {
  readonly own: string;
  readonly lock: string;
  readonly ino: number;
  readonly record: string;
  readonly place: LockPlace;
  readonly clock: Clock;
  readonly directory: string;
}): Promise<void> {
  for (let round = 0; round < maxRounds; round += 1) {
    try {
      // link() is atomic and fails when the name exists; rename() would silently replace a live lock.
      await link(o.own, o.lock);
      return;
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
    }
    const stale = await stat(o.lock).catch(() => undefined);
    const holder = await askHolder(o.lock, o.clock);
    if (holder !== undefined) {
      throw new SwarmError(
        'STATE_LOCKED',
        `Cannot use state directory "${o.directory}": ${holder} is using it`,
      );
    }
    if (stale === undefined) continue;
    await refuseIfElsewhere(o);
    await discard(o.lock, stale.ino);
  }
  throw new SwarmError(
    'STATE_LOCKED',
    `Cannot use state directory "${o.directory}": others keep taking its lock`,
  );
}

/** On a shared directory a lock of another machine looks dead from here, whatever its holder does. */
async function refuseIfElsewhere(o: {
  readonly record: string;
  readonly place: LockPlace;
  readonly directory: string;
}): Promise<void> {
  if (!o.place.isShared) return;
  const record = tryParseJson(await readFile(o.record, 'utf8').catch(() => undefined));
  const [host, bootId] = [stringAt(record, 'host'), stringAt(record, 'bootId')];
  if (host === undefined || host === o.place.host || bootId === o.place.bootId) return;
  const holder = stringAt(record, 'holder') ?? `an operator on ${host}`;
  throw new SwarmError(
    'STATE_LOCKED',
    `Cannot use state directory "${o.directory}": ${holder} was using it, and cannot be asked from here`,
    { hint: `Stop it; if ${host} is gone for good, remove the files lock and lock.json` },
  );
}

// statfs(2): NFS, SMB, SMB2, CIFS, 9p, Ceph, FUSE (sshfs, gluster …).
const sharedFileSystems = [0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x01021997, 0x00c36400, 0x65735546];

async function placeOf(directory: string): Promise<LockPlace> {
  const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  const { type } = await statfs(directory);
  return { host: hostname(), bootId: bootId.trim(), isShared: sharedFileSystems.includes(type >>> 0) };
}

/** Removes a dead lock, but not one that somebody took since it was looked at. */
async function discard(lock: string, ino: number): Promise<void> {
  const aside = `${lock}.${randomBytes(4).toString('hex')}`;
  try {
    await rename(lock, aside);
    if ((await stat(aside)).ino !== ino) await link(aside, lock);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(systemCodeOf(error) ?? '')) throw error;
  }
  await rm(aside, { force: true });
}

/** Who uses `directory` now, in their own words; undefined when nobody does, or it cannot be known. Changes nothing. */
export async function findHolder(directory: string, clock: Clock): Promise<string | undefined> {
  const handle = await open(directory, 'r').catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    // Long paths go through the open directory, whose name is always short.
    const isShort = Buffer.byteLength(directory) <= maxSocketPath - 25;
    const base = isShort ? directory : `/proc/self/fd/${handle.fd}`;
    return await askHolder(path.join(base, 'lock'), clock).catch(() => undefined);
  } finally {
    await handle.close();
  }
}

/** What the holder says of itself; undefined when nobody listens. */
function askHolder(lock: string, clock: Clock): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(lock);
    let answer = '';
    const finish = (holder: string | undefined): void => {
      cancel();
      socket.destroy();
      resolve(holder);
    };
    const cancel = clock.setTimer(answerTimeoutMs, () => finish('another process that does not answer'));
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => (answer += text));
    socket.on('end', () => finish(stringAt(tryParseJson(answer), 'holder') ?? 'another process'));
    socket.on('error', (error) => {
      const code = systemCodeOf(error) ?? '';
      if (['ECONNREFUSED', 'ENOENT'].includes(code)) finish(undefined);
      else if (['EAGAIN', 'ECONNRESET', 'EPIPE'].includes(code)) finish('another process');
      else {
        cancel();
        reject(error);
      }
    });
  });
}

function listen(file: string, holder: string): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(JSON.stringify({ holder }));
    });
    server.once('error', reject);
    server.listen(file, () => {
      // The lock alone is no reason for the process to stay.
      server.unref();
      resolve(server);
    });
  });
}

function closeServer(server: net.Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

async function removeIfOurs(lock: string, ino: number): Promise<void> {
  const found = await stat(lock).catch(() => undefined);
  if (found?.ino === ino) await rm(lock, { force: true });
}
