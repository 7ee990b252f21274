// Where builds go: what is allowed first, then what they would like, then the strategy.
import t from 'tap';
import { BuildPins } from '../../../controller/manager/build/build-pins.js';
import { defaultBuilder, placeBuild, type BuildWish } from '../../../controller/manager/build/place-build.js';
import { createRecentBuilds } from '../../../controller/manager/build/recent-builds.js';
import { createPlacer } from '../../../controller/manager/placement/placer.js';
import type { ManagerServices } from '../../../controller/manager/services.js';
import type { PooledEngine } from '../../../controller/engine/cluster-view.js';
import { filterNames } from '../../../controller/schedule/candidate.js';
import { FakeClock } from '../../support/fake-clock.js';
import { anEngine, anObject, aRefusal, aView, type ViewParts } from './builders.js';

const withApi = (name: string, apiVersion: string, labels: Record<string, string> = {}): PooledEngine => {
  const engine = anEngine({ name });
  if (engine.specs === undefined) throw new Error('builders give specs');
  return anEngine({ name, specs: { ...engine.specs, apiVersion, labels } });
};
const old = withApi('n1', '1.38');
const n2 = withApi('n2', '1.41', { region: 'eu' });
const n3 = withApi('n3', '1.51', { region: 'us' });
const wish: BuildWish = { directives: [], labels: {}, tags: ['web'], needsBuildKit: true };

function servicesOf(parts: ViewParts): ManagerServices {
  const cluster = aView({ engines: [old, n2, n3], ...parts });
  const services = {
    cluster,
    randomHex: () => 'ab',
    placer: createPlacer({
      cluster,
      strategy: 'spread',
      filters: filterNames,
      overcommit: 0,
      random: () => 0,
    }),
    builds: { pins: new BuildPins({ clock: new FakeClock() }), recent: createRecentBuilds() },
  };
  return services as unknown as ManagerServices; // placing a build uses only these
}

void t.test('placeBuild() asks the scheduler, and counts builds under way', async (t) => {
  const services = servicesOf({});
  t.equal(placeBuild(services, { ...wish, needsBuildKit: false }).engine, old);
  const first = placeBuild(services, wish);
  t.equal(first.engine, n2, 'n1 has no BuildKit');
  t.equal(placeBuild(services, wish).engine, n3, 'n2 is building');
  first.release();
  t.equal(placeBuild(services, wish).engine, n2);
});

void t.test('placeBuild() goes where the cache is, if it may', async (t) => {
  const rows: readonly [string, Partial<BuildWish>, ViewParts, PooledEngine][] = [
    ['the same command', { near: n3 }, {}, n3],
    ['the same command, but on an engine without BuildKit', { near: old }, {}, n2],
    ['a holder of the tag', {}, { images: [anObject(n3, 'sha256:1', { RepoTags: ['web:latest'] })] }, n3],
    [
      'a holder of all base images',
      { baseImages: ['base', 'tools:2'] },
      {
        images: [
          anObject(n2, 'sha256:1', { RepoTags: ['base:latest'] }),
          anObject(n3, 'sha256:1', { RepoTags: ['base:latest', 'tools:2'] }),
        ],
      },
      n3,
    ],
    [
      'a holder of an image to cache from',
      { cacheImages: ['nowhere:1', 'web:cache'] },
      { images: [anObject(n3, 'sha256:1', { RepoTags: ['web:cache'] })] },
      n3,
    ],
    [
      'a holder of all base images, of those one with an image to cache from',
      { baseImages: ['base'], cacheImages: ['web:cache'] },
      {
        images: [
          anObject(n2, 'sha256:1', { RepoTags: ['base:latest'] }),
          anObject(n3, 'sha256:1', { RepoTags: ['base:latest'] }),
          anObject(n3, 'sha256:2', { RepoTags: ['web:cache'] }),
        ],
      },
      n3,
    ],
    ['a constraint against the same command', { near: n3, directives: ['constraint:region==eu'] }, {}, n2],
    [
      'a constraint in a label',
      { labels: { 'com.docker.swarm.constraints': '["region==us"]' }, near: n2 },
      {},
      n3,
    ],
    ['the engine of its session', { pinned: n3, near: n2 }, {}, n3],
  ];
  for (const [name, changes, parts, expected] of rows) {
    t.equal(placeBuild(servicesOf(parts), { ...wish, ...changes }).engine, expected, name);
  }
  const services = servicesOf({});
  services.builds.recent.remember(['web:latest'], n3.address);
  t.equal(placeBuild(services, wish).engine, n3, 'who built the tag last');
});

void t.test('placeBuild() refuses in the words of the scheduler', async (t) => {
  const services = servicesOf({});
  t.throws(() => placeBuild(services, { ...wish, directives: ['constraint:region==asia'] }), {
    code: 'NO_ELIGIBLE_ENGINE',
    message: /Unable to find a node that satisfies/,
  });
  t.throws(() => placeBuild(services, { ...wish, pinned: n2, directives: ['constraint:region==us'] }), {
    code: 'NO_ELIGIBLE_ENGINE',
  });
  t.throws(() => placeBuild(services, { ...wish, directives: ['constraint:region'] }), {
    code: 'PLACEMENT_INVALID',
  });
  const dead = anEngine({ name: 'n2', state: 'unhealthy', healthIndicator: 0 });
  t.throws(() => placeBuild(servicesOf({ engines: [dead, n3] }), { ...wish, pinned: dead }), {
    code: 'ENGINE_UNREACHABLE',
    message: /engine "n2", which has the session of this build: it does not answer/,
  });
  t.throws(() => placeBuild(servicesOf({ engines: [old] }), wish), {
    code: 'NO_ELIGIBLE_ENGINE',
    message: /no engine of the cluster offers it/,
  });
});

void t.test('defaultBuilder() is the oldest engine with BuildKit', async (t) => {
  t.equal(defaultBuilder(servicesOf({ engines: [n3, old, n2] })), n2);
  t.throws(() => defaultBuilder(servicesOf({ engines: [old] })), aRefusal(404));
  t.throws(() => defaultBuilder(servicesOf({ engines: [] })), aRefusal(503));
});
