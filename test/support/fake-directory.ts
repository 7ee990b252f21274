// A source on a directory and a clock that only the test changes.
import { silentLogger } from '../../controller/base/log.js';
import { DirectorySource } from '../../controller/source/directory-source.js';
import type { Snapshot, SnapshotFile } from '../../controller/source/snapshot.js';
import { Store } from '../../controller/store/store.js';
import { FakeClock } from './fake-clock.js';
import { nodeManifest } from './manifests.js';
import { validator } from './watched-directories.js';

export type Files = Record<string, string | null>;

/** A source over `world.files`; null is a file that cannot be read, undefined files are a missing directory. */
export async function aFakeDirectory(
  initial: Files | undefined,
  o: { readonly takeOver?: boolean; readonly isWatching?: boolean; readonly store?: Store } = {},
) {
  const clock = new FakeClock(0);
  const store = o.store ?? (await Store.open({ directory: undefined, clock, randomUuid: () => 'uid' }));
  const lines: string[] = [];
  const note = (level: string) => (message: string) => lines.push(`${level} ${message}`);
  const world = {
    files: initial,
    root: 'root-1',
    device: 'disk',
    ignored: [] as string[],
    /** Something changes in every look. */
    isMoving: false,
    watches: 0,
    ring: (): void => undefined,
  };
  const source = new DirectorySource({
    directory: '.',
    store,
    validator,
    clock,
    random: () => 0.5,
    takeOver: o.takeOver ?? false,
    logger: { ...silentLogger, info: note('info'), warn: note('warn') },
    ports: {
      takeSnapshot: async () => {
        const { device, ignored } = world;
        if (world.isMoving) return { type: 'moving' };
        const snapshot = snapshotOf(world.files, world.root);
        return snapshot.type === 'files' ? { ...snapshot, device, ignored } : snapshot;
      },
      findGitActivity: async () => undefined,
      watch: async ({ onChange, onError }) => {
        if (o.isWatching === false) onError('no space left for watches');
        world.watches += 1;
        world.ring = onChange;
        return { rootId: world.files === undefined ? undefined : world.root, close: async () => undefined };
      },
    },
  });
  const started = source.start(new AbortController().signal);
  await clock.advance(1000);
  await started;
  /** Changes the directory, rings, and lets a look happen. */
  const change = async (files: Files | undefined, waitMs = 1000): Promise<void> => {
    world.files = files;
    world.ring();
    await clock.advance(waitMs);
  };
  const names = (): string[] => store.list('Node').map(({ metadata }) => metadata.name);
  return { clock, store, source, world, lines, change, names };
}

export function snapshotOf(files: Files | undefined, root: string): Snapshot {
  if (files === undefined) return { type: 'missing', why: 'it does not exist', fingerprint: 'missing' };
  const list = Object.entries(files).map(([file, text]): SnapshotFile => ({
    file,
    content:
      text === null ? { type: 'unreadable', why: 'permission denied' } : { type: 'text', text, sha256: text },
  }));
  return {
    type: 'files',
    rootId: root,
    realRoot: '/m',
    device: 'disk',
    ignored: [],
    isUnfinished: false,
    files: list,
    fingerprint: JSON.stringify([root, files]),
  };
}

export const three: Files = {
  'a.yaml': nodeManifest('n1'),
  'b.yaml': nodeManifest('n2'),
  'c.yaml': nodeManifest('n3'),
};
