// Compares the files in our containers with what was delivered, where that is due, and adds what is different to what
// was seen of the engine.
import { createHash } from 'node:crypto';
import path from 'node:path';
import { containerLabels } from '../api/labels.js';
import type { Node } from '../api/resources.js';
import { messageOf } from '../base/errors.js';
import type { FileMark } from '../engine/archive.js';
import type { EngineClient } from '../engine/engine-client.js';
import { isFile } from '../plan/find-drift.js';
import { filesRoot } from '../plan/container-files.js';
import type { ContainerFile, DesiredContainer } from '../plan/desired-container.js';
import type { ChangedFile, EngineObservation, ObservedContainer } from '../plan/observation.js';
import type { ReconcilePorts } from './ports.js';

type Ports = Pick<ReconcilePorts, 'fleet' | 'clock' | 'random' | 'logger' | 'installation'>;

/** Rejects only when aborted: what cannot be read now is read with the first look a minute later. */
export async function withChangedFiles(
  observation: EngineObservation,
  o: {
    readonly client: EngineClient;
    readonly node: Node;
    readonly desired: readonly DesiredContainer[];
    /** Then who owns a file is not comparable. */
    readonly remapsUsers: boolean;
    readonly ports: Ports;
    readonly signal: AbortSignal;
  },
): Promise<EngineObservation> {
  const containers: ObservedContainer[] = [];
  // Three at most, of which rarely one is due.
  for (const container of observation.containers) containers.push(await withFiles(container, o));
  return { ...observation, containers };
}

async function withFiles(
  container: ObservedContainer,
  { client, node, desired, remapsUsers, ports, signal }: Parameters<typeof withChangedFiles>[1],
): Promise<ObservedContainer> {
  const { fleet, clock, random, logger, installation } = ports;
  const { id, name } = container;
  const files = desired.find((one) => one.name === name && one.filesHash === container.filesHash)?.files;
  const isOurs = container.labels[containerLabels.installation] === installation;
  // What is not as it is to be anyway is delivered anew.
  if (files === undefined || container.filesHash === undefined || !isOurs) return container;
  const isSuspect = node.status?.drift?.some((one) => one.container === name && isFile(one)) === true;
  const isDue = fleet.files.isDue(id, { nowMs: clock.monotonic(), random, isSuspect });
  if (container.state === 'running' && isDue) {
    try {
      const changed = differing(files, await client.markFiles(id, filesRoot, signal), remapsUsers);
      fleet.files.found(id, changed, { nowMs: clock.monotonic(), random });
    } catch (error) {
      signal.throwIfAborted();
      logger.debug(`Cannot compare the files in ${name}: ${messageOf(error)}`);
      fleet.files.failed(id, clock.monotonic());
    }
  }
  const changedFiles = fleet.files.changedIn(id);
  return changedFiles.length === 0 ? container : { ...container, changedFiles };
}

function differing(
  files: readonly ContainerFile[],
  found: ReadonlyMap<string, FileMark> | undefined,
  remapsUsers: boolean,
): readonly ChangedFile[] {
  return files.flatMap(({ path: file, content, mode }): readonly ChangedFile[] => {
    const below = path.posix.relative(filesRoot, file);
    const mark = found?.get(below);
    if (mark === undefined) return [{ path: below, found: 'missing' }];
    if (mark.hash !== createHash('sha256').update(content).digest('hex'))
      return [{ path: below, found: 'changed' }];
    const isOwned = remapsUsers || (mark.uid === 0 && mark.gid === 0);
    const wrong = [
      ...(mark.mode === mode ? [] : [[`mode ${mark.mode.toString(8)}`, `mode ${mode.toString(8)}`] as const]),
      ...(isOwned ? [] : [[`owner ${mark.uid}:${mark.gid}`, 'owner 0:0'] as const]),
    ];
    if (wrong.length === 0) return [];
    const [has, wants] = [0, 1].map((side) => wrong.map((pair) => pair[side]).join(' and ')) as [
      string,
      string,
    ]; // two sides
    return [{ path: below, expected: wants, found: has }];
  });
}
