// Every kind of file in a state directory, as the program that writes it would use it: a short life of each.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { ensureApiTls } from '../../cmd/swarmctl/wire/api-tls.js';
import { silentLogger } from '../../controller/base/log.js';
import { CredentialStore } from '../../controller/reconcile/cluster-credentials.js';
import { DebtBook } from '../../controller/reconcile/debt-book.js';
import { DeliveredFiles } from '../../controller/reconcile/delivered-files.js';
import { Installation } from '../../controller/reconcile/installation.js';
import { DriftBook } from '../../controller/reconcile/drift-book.js';
import { formatFights } from '../../controller/reconcile/fight-record.js';
import { LatestFile } from '../../controller/store/latest-file.js';
import { rewriteTree } from '../../controller/store/rewrite-tree.js';
import type { StateDisk } from '../../controller/store/state-disk.js';
import type { Store } from '../../controller/store/store.js';
import { resolvedNodes, testToken } from './desired-worlds.js';
import { FakeClock } from './fake-clock.js';
import { aCluster, aNode } from './resource-builders.js';

export interface StateKind {
  readonly name: string;
  /** What of the state directory holds it. */
  readonly entry: string;
  /** Files of it that are made again when a power cut has taken them. */
  readonly remakable?: RegExp;
  /** Steps of its life, each of which may be tried again after it has failed, and is durable when it resolves. */
  readonly open: (directory: string, store: Store) => Promise<readonly (() => Promise<unknown>)[]>;
}

const api = { origin: { type: 'api' } } as const;
const key = { kind: 'Node', name: 'node1' } as const;
const nodes = resolvedNodes(1, 0);
/** Writes again at once: what ends at any of them is the same. */
const restless = { sleep: () => Promise.resolve() };

function debt(name: string) {
  return { node: aNode({ name, metadata: { name, uid: `${name}-0000-1111` } }), sinceMs: 1 };
}

function later(clock: FakeClock, days: number): FakeClock {
  return new FakeClock(clock.now() + days * 86_400_000);
}

export const stateKinds: readonly StateKind[] = [
  {
    name: 'objects',
    entry: 'objects',
    open: (_, store) =>
      Promise.resolve([
        () => (store.get(key) === undefined ? store.create(aNode(), api) : Promise.resolve()),
        () => store.update(aNode({ roles: ['manager'] }), api),
        () => (store.getCluster('demo') === undefined ? store.create(aCluster(), api) : Promise.resolve()),
        () => store.delete(key, api),
      ]),
  },
  {
    name: 'tokens, authorities and certificates',
    entry: 'clusters',
    remakable: /\/(client\/(cert|key)|pki\/(?!ca)[^/]+)\.pem$/,
    open: (directory, { disk }) => {
      const clock = new FakeClock();
      const at = (now: FakeClock): CredentialStore =>
        new CredentialStore({
          ...{ directory: path.join(directory, 'clusters'), disk, clock: now },
          randomToken: () => testToken,
        });
      const [young, old] = [at(clock), at(later(clock, 300))];
      return Promise.resolve([
        () => young.ensure(aCluster(), nodes),
        () => young.ensure(aCluster({ name: 'other', tls: { mode: 'disabled' } }), []),
        // Its certificates are due.
        () => old.ensure(aCluster(), nodes),
        () => young.remove('other'),
      ]);
    },
  },
  {
    name: 'certificates of the API',
    entry: 'pki',
    open: (place, { disk }) => {
      const directory = path.join(place, 'pki');
      disk.join({ rewrite: (door) => rewriteTree(directory, door) });
      const options = { directory, writer: disk, nowMs: new FakeClock().now() };
      return Promise.resolve([
        () => ensureApiTls({ ...options, host: '' }),
        () => ensureApiTls({ ...options, host: '10.0.0.1' }),
      ]);
    },
  },
  {
    name: 'debts',
    entry: 'debts',
    open: async (place, { disk }) => {
      const book = await DebtBook.open({
        ...{ directory: path.join(place, 'debts'), disk, logger: silentLogger },
      });
      return [
        () => book.record(debt('one')),
        () => book.record(debt('two')),
        () => book.settle(debt('one')),
        () => book.record({ ...debt('two'), sinceMs: 2 }),
      ];
    },
  },
  {
    name: 'late creates',
    entry: 'late',
    open: async (place, { disk }) => {
      const book = await DebtBook.open({
        ...{ directory: path.join(place, 'late'), disk, logger: silentLogger },
      });
      return [
        () => book.record({ ...debt('one'), hasMoved: true }),
        () => book.record({ ...debt('two'), hasMoved: true }),
        () => book.settle({ ...debt('one'), hasMoved: true }),
      ];
    },
  },
  {
    name: 'installation',
    entry: 'installation',
    open: async (place, { disk }) => {
      const file = path.join(place, 'installation');
      const identity = await Installation.open({ file, disk, randomUuid: () => 'unused' });
      return [() => identity.settle('11111111-1111-4111-8111-111111111111')];
    },
  },
  {
    name: 'delivered files',
    entry: 'delivered.json',
    open: async (place, { disk }) => {
      const file = path.join(place, 'delivered.json');
      const delivered = await DeliveredFiles.open({ file, disk, clock: restless });
      return ['c1', 'c2', 'c3'].map((id) => async () => {
        delivered.set(id, `hash-${id}`);
        await written(file, id, disk);
      });
    },
  },
  {
    name: 'fights',
    entry: 'fights.json',
    open: (place, { disk }) => {
      const file = path.join(place, 'fights.json');
      let nowMs = 0;
      const fights: LatestFile = new LatestFile({
        ...{ file, disk, clock: restless },
        read: () => formatFights(book.records(nowMs)),
      });
      const book = new DriftBook({ onFights: () => fights.changed() });
      const heal = async (): Promise<void> => {
        nowMs += 1;
        book.healed(
          'E',
          { container: 'c', fields: [{ field: 'state', expected: 'running', found: 'paused' }] },
          nowMs,
        );
        await written(file, `"lastMs":${nowMs}`, disk);
      };
      return Promise.resolve([heal, heal, heal]);
    },
  },
];

/** Nobody waits for some files: all that can be known is what the disk said. */
async function written(file: string, part: string, disk: StateDisk): Promise<void> {
  while (disk.failure === undefined && !textOf(file).includes(part))
    await new Promise((resolve) => setImmediate(resolve));
  if (disk.failure !== undefined) throw disk.failure;
  await disk.touch(path.dirname(file));
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** What must not be lost of an entry of the state directory: files with what is in them, unfinished writes left out. */
export function filesOf(
  directory: string,
  { entry, remakable }: Pick<StateKind, 'entry' | 'remakable'>,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const walk = (name: string): void => {
    const file = path.join(directory, name);
    if (!existsSync(file) || name.endsWith('.tmp') || remakable?.test(name) === true) return;
    if (!statSync(file).isDirectory()) found.set(name, readFileSync(file, 'utf8'));
    else for (const inner of readdirSync(file).sort()) walk(`${name}/${inner}`);
  };
  walk(entry);
  return found;
}
