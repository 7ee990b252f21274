// createPlacer() against a plain reference: whatever happened before, it decides as if everything were read anew.
import t from 'tap';
import fc from 'fast-check';
import type { CachedContainer, CachedObject, PooledEngine } from '../../../controller/engine/cluster-view.js';
import { createPlacer } from '../../../controller/manager/placement/placer.js';
import {
  filterNames,
  strategyNames,
  type Candidate,
  type CandidateContainer,
} from '../../../controller/schedule/candidate.js';
import { filterTable } from '../../../controller/schedule/filter-table.js';
import { heldPorts } from '../../../controller/schedule/host-ports.js';
import { parsePlacement, type PlacementRequest } from '../../../controller/schedule/placement-request.js';
import { pendingContainer } from '../../../controller/schedule/pending-container.js';
import { fitsResources } from '../../../controller/schedule/resources.js';
import { anEngine, aContainer, anObject } from './builders.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Strategy = 'spread' | 'binpack';

/** A cluster whose parts change; arrays are replaced by a change, as the cache does. */
interface World {
  engines: Mutable<PooledEngine>[];
  rows: Map<string, readonly CachedContainer[]>;
  images: Map<PooledEngine, readonly CachedObject[]>;
  /** Creates under way, and where they went. */
  pending: { readonly container: CandidateContainer; readonly address: string }[];
}

const portOf = (port: number): { Ports: object[] } => ({
  Ports: [{ PrivatePort: 80, PublicPort: port, Type: 'tcp', IP: '0.0.0.0' }],
});

function referenceCandidates(world: World): Candidate[] {
  return world.engines.map((engine) => {
    const rows = world.rows.get(engine.address) ?? [];
    const listed = rows.map(
      ({ id, names, image, imageId, labels, state, memoryBytes, cpus, summary }): CandidateContainer => ({
        id,
        names,
        image,
        imageId,
        labels,
        state,
        memoryBytes,
        cpus,
        ports: ((summary['Ports'] ?? []) as Record<string, unknown>[]).map((port) => ({
          privatePort: 80,
          publicPort: Number(port['PublicPort']),
          protocol: 'tcp',
          ip: '0.0.0.0',
        })),
      }),
    );
    const held = world.pending.filter(({ address }) => address === engine.address);
    const containers = [...listed, ...held.map(({ container }) => container)];
    return {
      id: engine.id,
      name: engine.name,
      address: engine.address,
      healthIndicator: engine.state === 'healthy' ? engine.healthIndicator : 0,
      labels: engine.specs?.labels ?? {},
      cpus: engine.specs?.cpus ?? 0,
      memoryBytes: engine.specs?.memoryBytes ?? 0,
      usedCpus: containers.reduce((sum, { cpus }) => sum + cpus, 0),
      usedMemoryBytes: containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      containerCount: containers.length,
      containers,
      hostPorts: heldPorts(containers),
      images: (world.images.get(engine) ?? []).map(({ id }) => ({
        id,
        repoTags: [`${id}:1`],
        repoDigests: [],
      })),
    };
  });
}

/** The decision as a plain sort of all that pass every filter, in the words of the rules. */
function referenceChoice(
  candidates: readonly Candidate[],
  request: PlacementRequest,
  strategy: Strategy,
): string | undefined {
  const filters = filterNames.map((name) => filterTable[name](request));
  const preferences = filters.flatMap((filter) => filter.preferences);
  const percent = (wanted: number, used: number, total: number): number =>
    wanted > 0 ? Math.floor(((used + wanted) * 100) / total) : 100;
  const key = (one: Candidate): (number | string)[] => {
    const satisfied = preferences.map((preference) => preference.satisfiedBy(one));
    const sign = strategy === 'binpack' ? -1 : 1;
    const weight =
      percent(request.cpus, one.usedCpus, one.cpus) +
      percent(request.memoryBytes, one.usedMemoryBytes, one.memoryBytes) -
      sign * 10 * one.healthIndicator;
    return [
      -satisfied.filter(Boolean).length,
      satisfied.map((is) => (is ? 'a' : 'b')).join(''),
      sign * weight,
      sign * one.containers.length,
      one.name,
      one.address,
    ];
  };
  const [best] = candidates
    .filter((one) => filters.every((filter) => filter.keeps(one)) && fitsResources(one, request))
    .map((one) => ({ address: one.address, key: key(one) }))
    .sort((a, b) => {
      const at = a.key.findIndex((part, index) => part !== b.key[index]);
      return at < 0 ? 0 : (a.key[at] ?? '') < (b.key[at] ?? '') ? -1 : 1;
    });
  return best?.address;
}

const label = fc.constantFrom({}, { app: 'web' }, { app: 'db' });
const arbitraryRow = fc.record({
  name: fc.constantFrom('web', 'db', 'x', 'y'),
  labels: label,
  state: fc.constantFrom('running', 'exited', 'dead'),
  memoryBytes: fc.constantFrom(0, 10, 30),
  cpus: fc.constantFrom(0, 0.5),
  summary: fc.constantFrom({}, portOf(80), portOf(81)),
});
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('rows'),
      at: fc.nat(5),
      rows: fc.array(arbitraryRow, { maxLength: 4 }),
    }),
  },
  fc.record({ type: fc.constant('state'), at: fc.nat(5), state: fc.constantFrom('healthy', 'unhealthy') }),
  fc.record({ type: fc.constant('health'), at: fc.nat(5), health: fc.constantFrom(33, 67, 100) }),
  fc.record({ type: fc.constant('region'), at: fc.nat(5), region: fc.constantFrom('eu', 'us') }),
  fc.record({ type: fc.constant('images'), at: fc.nat(5), image: fc.constantFrom('busybox', 'web') }),
  fc.record({ type: fc.constant('leave'), at: fc.nat(5) }),
  fc.record({ type: fc.constant('join'), at: fc.nat(5) }),
  fc.record({ type: fc.constant('release'), nth: fc.nat(3) }),
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('place'),
      env: fc.subarray([
        'constraint:region==eu',
        'constraint:region!=~us',
        'affinity:app!=web',
        'affinity:image==~web',
        'affinity:container==~db',
      ]),
      memory: fc.constantFrom(0, 5, 40),
      cpus: fc.constantFrom(0, 0.5),
      port: fc.constantFrom('', '80', '80-81'),
      labels: label,
    }),
  },
);

function newEngine(at: number): Mutable<PooledEngine> {
  const engine = anEngine({ name: `n${at}` });
  const specs = {
    ...engine.specs,
    cpus: 2,
    memoryBytes: 100,
    labels: { region: at % 2 === 0 ? 'eu' : 'us' },
  };
  return { ...engine, specs } as Mutable<PooledEngine>; // specs are complete: those of the builder
}

t.test('createPlacer() decides as a plain reference that reads everything anew', async () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.constantFrom('spread', 'binpack'),
      (steps, strategy) => {
        const world: World = {
          engines: [0, 1, 2, 3].map(newEngine),
          rows: new Map(),
          images: new Map(),
          pending: [],
        };
        const releases = new Map<string, () => void>();
        const none: readonly CachedContainer[] = [];
        const noImages: readonly CachedObject[] = [];
        let changed: (engine: PooledEngine) => void = () => undefined;
        const placer = createPlacer({
          cluster: {
            engines: () => world.engines,
            containersOf: ({ address }) => world.rows.get(address) ?? none,
            imagesOf: (engine) => world.images.get(engine) ?? noImages,
            onEngineChange: (listener) => {
              changed = listener;
              return () => undefined;
            },
          },
          strategy,
          filters: filterNames,
          overcommit: 0,
          random: () => 0.5,
        });
        for (const [turn, one] of steps.entries()) {
          const engine = 'at' in one ? world.engines[one.at % Math.max(1, world.engines.length)] : undefined;
          if ('rows' in one && engine !== undefined) {
            world.rows.set(
              engine.address,
              one.rows.map((row, nth) =>
                aContainer({ engine, ...row, id: `${engine.id}-${nth}`.padEnd(64, '0') }),
              ),
            );
            changed(engine);
          } else if ('state' in one && engine !== undefined) {
            engine.state = one.state;
            changed(engine);
          } else if ('health' in one && engine !== undefined) {
            engine.healthIndicator = one.health;
            changed(engine);
          } else if ('region' in one && engine?.specs !== undefined) {
            engine.specs = { ...engine.specs, labels: { region: one.region } };
            changed(engine);
          } else if ('image' in one && engine !== undefined) {
            const image = anObject(engine, one.image, { RepoTags: [`${one.image}:1`] });
            world.images.set(engine, [...(world.images.get(engine) ?? []), image]);
            changed(engine);
          } else if (one.type === 'leave') {
            world.engines = world.engines.filter((other) => other !== engine);
          } else if (one.type === 'join' && 'at' in one) {
            if (world.engines.every(({ name }) => name !== `n${one.at}`)) {
              world.engines = [...world.engines, newEngine(one.at)];
            }
          } else if ('nth' in one) {
            const id = [...releases.keys()][one.nth];
            releases.get(id ?? '')?.();
            releases.delete(id ?? '');
            world.pending = world.pending.filter((pending) => pending.container.id !== id);
          } else if ('env' in one) {
            const { request } = parsePlacement({
              Image: 'busybox',
              Env: one.env,
              Labels: one.labels,
              HostConfig: {
                Memory: one.memory,
                NanoCpus: one.cpus * 1e9,
                PortBindings: { '80/tcp': [{ HostPort: one.port }] },
              },
            });
            const candidates = referenceCandidates(world);
            const expected = referenceChoice(candidates, request, strategy);
            const id = `p${turn}`;
            let placed: string | undefined;
            try {
              const placement = placer.place({ request, id, name: id });
              placed = placement.engine.address;
              releases.set(id, placement.release);
              const candidate = candidates.find(({ address }) => address === placed);
              if (candidate === undefined) throw new Error(`placed on ${placed}, which is not there`);
              const container = pendingContainer({ request, candidate, id, name: id });
              world.pending.push({ container, address: placed });
            } catch (error) {
              if ((error as { code?: string }).code !== 'NO_ELIGIBLE_ENGINE') throw error;
            }
            if (placed !== expected) throw new Error(`placed on ${placed}, the rules say ${expected}`);
          }
        }
      },
    ),
    { numRuns: 1000 },
  );
});

t.test('createPlacer() with strategy random gives every engine that may take it a turn', async (t) => {
  const engines = [0, 1, 2].map(newEngine);
  let draw = 0;
  const placer = createPlacer({
    cluster: {
      engines: () => engines,
      containersOf: () => [],
      imagesOf: () => [],
      onEngineChange: () => () => undefined,
    },
    strategy: strategyNames[2],
    filters: filterNames,
    overcommit: 0,
    random: () => (draw++ * 0.4) % 1,
  });
  const { request } = parsePlacement({ Image: 'busybox' });
  const places = Array.from({ length: 30 }, (_unused, turn) => {
    return placer.place({ request, id: `c${turn}`, name: `c${turn}` }).engine.name;
  });
  t.same([...new Set(places)].sort(), ['n0', 'n1', 'n2']);
});
