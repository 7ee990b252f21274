// What a simulated engine answers about itself, its images, networks and volumes, in the words and statuses of dockerd.
import { imageEntry, imageEnvironment, infoOf, networkEntry, summary, versionOf } from './answers.js';
import type { SimulatedEngineState, SimulatedRequest, SimulatedRoute } from './engine-state.js';
import { namedVolumes } from './named-volumes.js';
import { message, parseBody } from './request-body.js';

const systemRoutes: readonly SimulatedRoute[] = [
  { method: 'GET', path: /^\/_ping$/, answer: () => ({ status: 200, text: 'OK' }) },
  { method: 'HEAD', path: /^\/_ping$/, answer: () => ({ status: 200 }) },
  { method: 'GET', path: /^\/info$/, answer: (engine) => ({ status: 200, json: infoOf(engine) }) },
  { method: 'GET', path: /^\/version$/, answer: (engine) => ({ status: 200, json: versionOf(engine) }) },
  {
    method: 'GET',
    path: /^\/system\/df$/,
    answer: (engine) => ({ status: 200, json: usageOf(engine) }),
  },
  {
    method: 'GET',
    path: /^\/events$/,
    answer: (engine, request, response) => {
      engine.events.subscribe(response, request.query);
      return 'streaming';
    },
  },
];

const imageRoutes: readonly SimulatedRoute[] = [
  {
    method: 'GET',
    path: /^\/images\/json$/,
    answer: (engine) => ({ status: 200, json: [...engine.images].map(imageEntry) }),
  },
  {
    method: 'GET',
    path: /^\/images\/.+\/json$/,
    answer: (engine, request) => {
      const tagged = taggedName(decodeURIComponent(request.path.slice('/images/'.length, -'/json'.length)));
      const image = engine.images.get(tagged);
      if (image === undefined) return message(404, `No such image: ${tagged}`);
      const config = { Os: 'linux', Architecture: 'amd64', Config: { Env: imageEnvironment } };
      return { status: 200, json: { ...imageEntry([tagged, image]), ...config } };
    },
  },
  {
    method: 'POST',
    path: /^\/images\/create$/,
    answer: (engine, request) => {
      const tag = request.query.get('tag') ?? '';
      const name = request.query.get('fromImage') ?? '';
      if (name === '') return message(400, 'a simulated engine only pulls');
      const tagged = taggedName(tag === '' ? name : `${name}:${tag}`);
      if (!engine.images.has(tagged)) {
        const id = `sha256:${engine.options.randomHex(32)}`;
        engine.images.set(tagged, { id, createdMs: engine.options.clock.now() });
        announce(engine, { type: 'image', action: 'pull', id: tagged, attributes: { name: tagged } });
      }
      const lines = [`Pulling from ${name}`, `Status: Image is up to date for ${tagged}`];
      return { status: 200, text: lines.map((status) => `${JSON.stringify({ status })}\r\n`).join('') };
    },
  },
  {
    method: 'DELETE',
    path: /^\/images\/.+$/,
    answer: (engine, request) => {
      const tagged = taggedName(decodeURIComponent(request.path.slice('/images/'.length)));
      if (!engine.images.delete(tagged)) return message(404, `No such image: ${tagged}`);
      announce(engine, { type: 'image', action: 'untag', id: tagged, attributes: { name: tagged } });
      return { status: 200, json: [{ Untagged: tagged }] };
    },
  },
];

const networkRoutes: readonly SimulatedRoute[] = [
  {
    method: 'GET',
    path: /^\/networks\/?$/,
    answer: (engine) => ({ status: 200, json: [...engine.networks.values()].map(networkEntry) }),
  },
  {
    method: 'GET',
    path: /^\/networks\/[^/]+$/,
    answer: (engine, request) => {
      const reference = lastPart(request);
      const network = findNetwork(engine, reference);
      if (network === undefined) return message(404, `network ${reference} not found`);
      return { status: 200, json: networkEntry(network) };
    },
  },
  {
    method: 'POST',
    path: /^\/networks\/create$/,
    answer: (engine, request) => {
      const body = parseBody(request.body);
      const name = textOf(body['Name']);
      if (engine.networks.has(name)) return message(409, `network with name ${name} already exists`);
      const driver = textOf(body['Driver']) || 'bridge';
      const network = {
        Id: engine.options.randomHex(32),
        Name: name,
        Driver: driver,
        Labels: (body['Labels'] ?? {}) as Record<string, string>, // clients send strings
      };
      engine.networks.set(name, network);
      announce(engine, {
        type: 'network',
        action: 'create',
        id: network.Id,
        attributes: { name, type: driver },
      });
      return { status: 201, json: { Id: network.Id, Warning: '' } };
    },
  },
  {
    method: 'DELETE',
    path: /^\/networks\/[^/]+$/,
    answer: (engine, request) => {
      const reference = lastPart(request);
      const network = findNetwork(engine, reference);
      if (network === undefined) return message(404, `network ${reference} not found`);
      engine.networks.delete(network.Name);
      announce(engine, {
        type: 'network',
        action: 'destroy',
        id: network.Id,
        attributes: { name: network.Name, type: network.Driver ?? 'bridge' },
      });
      return { status: 204 };
    },
  },
];

const volumeRoutes: readonly SimulatedRoute[] = [
  {
    method: 'GET',
    path: /^\/volumes$/,
    answer: (engine) => ({
      status: 200,
      json: { Volumes: [...engine.volumes.values()].map(volumeEntry), Warnings: null },
    }),
  },
  {
    method: 'GET',
    path: /^\/volumes\/[^/]+$/,
    answer: (engine, request) => {
      const name = lastPart(request);
      const volume = engine.volumes.get(name);
      return volume === undefined
        ? message(404, `get ${name}: no such volume`)
        : { status: 200, json: volumeEntry(volume) };
    },
  },
  {
    method: 'POST',
    path: /^\/volumes\/create$/,
    answer: (engine, request) => {
      const body = parseBody(request.body);
      const name = textOf(body['Name']) || engine.options.randomHex(32);
      const volume = { Name: name, Labels: (body['Labels'] ?? {}) as Record<string, string> }; // clients send strings
      if (!engine.volumes.has(name)) {
        engine.volumes.set(name, volume);
        announce(engine, { type: 'volume', action: 'create', id: name, attributes: { driver: 'local' } });
      }
      return { status: 201, json: volumeEntry(volume) };
    },
  },
  {
    method: 'DELETE',
    path: /^\/volumes\/[^/]+$/,
    answer: (engine, request) => {
      const name = lastPart(request);
      const user = [...engine.containers.values()].find((one) =>
        namedVolumes(one).some((volume) => volume.Name === name),
      );
      if (user !== undefined) return message(409, `remove ${name}: volume is in use - [${user.Id}]`);
      if (!engine.volumes.delete(name)) return message(404, `get ${name}: no such volume`);
      announce(engine, { type: 'volume', action: 'destroy', id: name, attributes: { driver: 'local' } });
      return { status: 204 };
    },
  },
];

export const objectRoutes: readonly SimulatedRoute[] = [
  ...systemRoutes,
  ...imageRoutes,
  ...networkRoutes,
  ...volumeRoutes,
];

function announce(
  engine: SimulatedEngineState,
  about: {
    readonly type: string;
    readonly action: string;
    readonly id: string;
    readonly attributes: Record<string, string>;
  },
): void {
  engine.emit({
    Type: about.type,
    Action: about.action,
    Actor: { ID: about.id, Attributes: about.attributes },
  });
}

function findNetwork(
  engine: SimulatedEngineState,
  reference: string,
): ReturnType<SimulatedEngineState['networks']['get']> {
  return (
    engine.networks.get(reference) ??
    [...engine.networks.values()].find((one) => one.Id.startsWith(reference))
  );
}

function volumeEntry(one: {
  readonly Name: string;
  readonly Labels: Record<string, string>;
}): Record<string, unknown> {
  return {
    CreatedAt: '2026-01-01T00:00:00Z',
    Driver: 'local',
    Mountpoint: `/var/lib/docker/volumes/${one.Name}/_data`,
    Options: null,
    Scope: 'local',
    ...one,
  };
}

/** What `docker system df` asks for. */
function usageOf(engine: SimulatedEngineState): Record<string, unknown> {
  const containers = [...engine.containers.values()];
  return {
    LayersSize: engine.images.size * 4_261_550,
    Images: [...engine.images].map(imageEntry),
    Containers: containers.map((one) => ({ ...summary(engine, one), SizeRw: 0, SizeRootFs: 4_261_550 })),
    Volumes: [...engine.volumes.values()].map((volume) => ({
      ...volumeEntry(volume),
      UsageData: {
        Size: 0,
        RefCount: containers.filter((one) => namedVolumes(one).some(({ Name }) => Name === volume.Name))
          .length,
      },
    })),
    BuildCache: [],
  };
}

function taggedName(reference: string): string {
  return reference.includes(':') ? reference : `${reference}:latest`;
}

function lastPart(request: SimulatedRequest): string {
  return decodeURIComponent(request.path.split('/')[2] ?? '');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
