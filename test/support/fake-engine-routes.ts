// What the fake engine answers, one entry per operation, in the words and statuses of dockerd.
import { randomBytes } from 'node:crypto';
import type http from 'node:http';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { imageEntry, infoOf, inspect, summary, versionOf } from './fake-engine-answers.js';
import type { FakeAnswer, FakeContainer, FakeEngineState, FakeRequest } from './fake-engine-state.js';

interface FakeRoute {
  readonly method: string;
  readonly path: RegExp;
  /** False: the request is refused before its body is read. */
  readonly wantsBody?: (engine: FakeEngineState, path: string) => boolean;
  readonly answer: (
    engine: FakeEngineState,
    request: FakeRequest,
    response: http.ServerResponse,
  ) => FakeAnswer | 'streaming' | Promise<FakeAnswer | 'streaming'>;
}

const noContent: FakeAnswer = { status: 204 };

export const fakeRoutes: readonly FakeRoute[] = [
  { method: 'GET', path: /^\/_ping$/, answer: () => ({ status: 200, text: 'OK' }) },
  { method: 'HEAD', path: /^\/_ping$/, answer: () => ({ status: 200 }) },
  { method: 'GET', path: /^\/info$/, answer: (engine) => ({ status: 200, json: infoOf(engine) }) },
  { method: 'GET', path: /^\/version$/, answer: (engine) => ({ status: 200, json: versionOf(engine) }) },
  {
    method: 'GET',
    path: /^\/events$/,
    answer: (engine, _request, response) => {
      engine.subscribe(response);
      return 'streaming';
    },
  },
  { method: 'GET', path: /^\/containers\/json$/, answer: listContainers },
  { method: 'POST', path: /^\/containers\/create$/, answer: createContainer },
  onContainer('GET', 'json', (engine, container) => ({ status: 200, json: inspect(engine, container) })),
  onContainer('GET', 'logs', () => ({
    status: 200,
    text: '\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0003hi\n',
    headers: { 'Content-Type': 'application/vnd.docker.multiplexed-stream' },
  })),
  onContainer('POST', 'start', (engine, container) => {
    if (container.status === 'running') return { status: 304 };
    setStatus(engine, container, { status: 'running', action: 'start' });
    return noContent;
  }),
  onContainer('POST', 'stop', (engine, container) => {
    if (container.status !== 'running') return { status: 304 };
    end(engine, container, 'stop');
    return noContent;
  }),
  onContainer('POST', 'kill', (engine, container, request) => {
    if (container.status !== 'running')
      return message(409, `Cannot kill container: ${container.Id}: Container ${container.Id} is not running`);
    engine.announce(container, 'kill');
    if (['KILL', 'SIGKILL', ''].includes(request.query.get('signal') ?? '')) end(engine, container);
    return noContent;
  }),
  onContainer('POST', 'restart', (engine, container) => {
    if (container.status === 'running') end(engine, container, 'stop');
    setStatus(engine, container, { status: 'running', action: 'start' });
    engine.announce(container, 'restart');
    return noContent;
  }),
  onContainer('POST', 'rename', (engine, container, request) => {
    const name = (request.query.get('name') ?? '').replace(/^\//, '');
    const owner = ownerOf(engine, name);
    if (owner !== undefined) return nameConflict(name, owner);
    container.name = name;
    engine.announce(container, 'rename');
    return noContent;
  }),
  onContainer('POST', 'update', (engine, container, request) => {
    container.body.HostConfig = { ...container.body.HostConfig, ...parse(request.body) };
    engine.announce(container, 'update');
    return { status: 200, json: { Warnings: null } };
  }),
  onContainer('POST', 'wait', waitFor),
  onContainer('POST', 'exec', (engine, container, request) => {
    const id = randomBytes(32).toString('hex');
    engine.execs.set(id, { containerId: container.Id, tty: parse(request.body)['Tty'] === true });
    engine.announce(container, 'exec_create: sh');
    return { status: 201, json: { Id: id } };
  }),
  {
    method: 'GET',
    path: /^\/exec\/[^/]+\/json$/,
    answer: (engine, request) => {
      const id = request.path.split('/')[2] ?? '';
      const exec = engine.execs.get(id);
      if (exec === undefined) return message(404, `No such exec instance: ${id}`);
      return { status: 200, json: { ID: id, Running: false, ExitCode: 0, ContainerID: exec.containerId } };
    },
  },
  onContainer('HEAD', 'archive', (_engine, container, request) => {
    const path = request.query.get('path') ?? '';
    const isThere =
      ['/', '/tmp', '/bin', '/etc'].includes(path) ||
      [...container.files.keys()].some((file) => file.startsWith(path));
    return { status: isThere ? 200 : 404 };
  }),
  {
    ...onContainer('PUT', 'archive', putArchive),
    wantsBody: (engine, path) => engine.find(path.split('/')[2] ?? '') !== undefined,
  },
  {
    method: 'DELETE',
    path: /^\/containers\/[^/]+$/,
    answer: withContainer((engine, container, request) => {
      const isForced = ['1', 'true'].includes(request.query.get('force') ?? '');
      if (container.status === 'running' && !isForced)
        return message(
          409,
          `You cannot remove a running container ${container.Id}. Stop the container before attempting removal or force remove`,
        );
      if (container.status === 'running') {
        engine.announce(container, 'kill');
        end(engine, container);
      }
      engine.containers.delete(container.Id);
      engine.announce(container, 'destroy');
      engine.changes.emit('removed', container.Id);
      return noContent;
    }),
  },
  {
    method: 'GET',
    path: /^\/images\/json$/,
    answer: (engine) => ({ status: 200, json: [...engine.images].map(imageEntry) }),
  },
  {
    method: 'GET',
    path: /^\/images\/.+\/json$/,
    answer: (engine, request) => {
      const reference = decodeURIComponent(request.path.slice('/images/'.length, -'/json'.length));
      const tagged = reference.includes(':') ? reference : `${reference}:latest`;
      const image = engine.images.get(tagged);
      if (image === undefined) return message(404, `No such image: ${tagged}`);
      return { status: 200, json: { Id: image.id, RepoTags: [tagged] } };
    },
  },
  {
    method: 'GET',
    path: /^\/networks\/?$/,
    answer: (engine) => ({
      status: 200,
      json: [...engine.networks.values()].map((one) => ({
        ...one,
        Driver: one.Name === 'none' ? 'null' : one.Name,
        Scope: 'local',
      })),
    }),
  },
  {
    method: 'GET',
    path: /^\/volumes$/,
    answer: (engine) => ({
      status: 200,
      json: {
        Volumes: [...engine.volumes.values()].map((one) => ({ ...one, Driver: 'local', Scope: 'local' })),
        Warnings: null,
      },
    }),
  },
  {
    method: 'POST',
    path: /^\/volumes\/create$/,
    answer: (engine, request) => {
      const body = parse(request.body);
      const name =
        typeof body['Name'] === 'string' && body['Name'] !== ''
          ? body['Name']
          : randomBytes(32).toString('hex');
      const volume = { Name: name, Labels: (body['Labels'] ?? {}) as Record<string, string> }; // clients send strings
      if (!engine.volumes.has(name)) {
        engine.volumes.set(name, volume);
        engine.emit({
          Type: 'volume',
          Action: 'create',
          Actor: { ID: name, Attributes: { driver: 'local' } },
        });
      }
      return { status: 201, json: { ...volume, Driver: 'local', Scope: 'local' } };
    },
  },
  {
    method: 'DELETE',
    path: /^\/volumes\/[^/]+$/,
    answer: (engine, request) => {
      const name = request.path.split('/')[2] ?? '';
      if (!engine.volumes.delete(name)) return message(404, `get ${name}: no such volume`);
      engine.emit({
        Type: 'volume',
        Action: 'destroy',
        Actor: { ID: name, Attributes: { driver: 'local' } },
      });
      return noContent;
    },
  },
];

type ContainerAnswer = (
  engine: FakeEngineState,
  container: FakeContainer,
  request: FakeRequest,
  response: http.ServerResponse,
) => ReturnType<FakeRoute['answer']>;

function onContainer(method: string, operation: string, answer: ContainerAnswer): FakeRoute {
  return { method, path: new RegExp(`^/containers/[^/]+/${operation}$`), answer: withContainer(answer) };
}

function withContainer(answer: ContainerAnswer): FakeRoute['answer'] {
  return (engine, request, response) => {
    const reference = decodeURIComponent(request.path.split('/')[2] ?? '');
    const container = engine.find(reference);
    return container === undefined
      ? message(404, `No such container: ${reference}`)
      : answer(engine, container, request, response);
  };
}

function message(status: number, text: string): FakeAnswer {
  return { status, json: { message: text } };
}

function nameConflict(name: string, owner: FakeContainer): FakeAnswer {
  return message(
    409,
    `Conflict. The container name "/${name}" is already in use by container "${owner.Id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

function ownerOf(engine: FakeEngineState, name: string): FakeContainer | undefined {
  return [...engine.containers.values()].find((one) => one.name === name);
}

function createContainer(engine: FakeEngineState, request: FakeRequest): FakeAnswer {
  const body = parse(request.body) as FakeContainer['body']; // HostConfig is an object in every create request
  const name = request.query.get('name') ?? `fake_${randomBytes(4).toString('hex')}`;
  const owner = ownerOf(engine, name);
  if (owner !== undefined) return nameConflict(name, owner);
  const image = typeof body['Image'] === 'string' ? body['Image'] : '';
  const tagged = image.includes(':') ? image : `${image}:latest`;
  if (!engine.images.has(tagged) && ![...engine.images.values()].some((one) => one.id === image))
    return message(404, `No such image: ${tagged}`);
  const container: FakeContainer = {
    Id: randomBytes(32).toString('hex'),
    name,
    status: 'created',
    createdMs: Date.now(),
    exitCode: 0,
    body,
    files: new Map(),
  };
  engine.containers.set(container.Id, container);
  engine.announce(container, 'create');
  return { status: 201, json: { Id: container.Id, Warnings: [] } };
}

function listContainers(engine: FakeEngineState, request: FakeRequest): FakeAnswer {
  const filters = parse(Buffer.from(request.query.get('filters') ?? '{}'));
  const isAll = ['1', 'true'].includes(request.query.get('all') ?? '');
  const found = [...engine.containers.values()]
    .filter((one) => isAll || one.status === 'running')
    .filter((one) => valuesOf(filters['id']).every((_id, _i, ids) => ids.some((id) => one.Id.startsWith(id))))
    .filter((one) =>
      valuesOf(filters['name']).every((_n, _i, names) =>
        names.some((name) => new RegExp(name).test(`/${one.name}`)),
      ),
    )
    .filter((one) => valuesOf(filters['label']).every((label) => hasLabel(one, label)));
  return { status: 200, json: found.reverse().map((one) => summary(engine, one)) };
}

/** Filter values come as a list or as a map to true. */
function valuesOf(filter: unknown): readonly string[] {
  if (Array.isArray(filter)) return filter.map(String);
  return typeof filter === 'object' && filter !== null ? Object.keys(filter) : [];
}

function hasLabel(container: FakeContainer, label: string): boolean {
  const labels = (container.body['Labels'] ?? {}) as Record<string, string>; // strings in every create request
  const split = label.indexOf('=');
  return split < 0 ? label in labels : labels[label.slice(0, split)] === label.slice(split + 1);
}

function setStatus(
  engine: FakeEngineState,
  container: FakeContainer,
  to: { readonly status: FakeContainer['status']; readonly action: string },
): void {
  container.status = to.status;
  engine.announce(container, to.action);
}

function end(engine: FakeEngineState, container: FakeContainer, action?: string): void {
  if (action !== undefined) engine.announce(container, 'kill');
  setStatus(engine, container, { status: 'exited', action: 'die' });
  if (action !== undefined) engine.announce(container, action);
  engine.changes.emit('exited', container.Id);
}

/** Headers at once, the answer when it happened: clients wait for the headers before they start the container. */
function waitFor(
  engine: FakeEngineState,
  container: FakeContainer,
  request: FakeRequest,
  response: http.ServerResponse,
): FakeAnswer | 'streaming' {
  const condition = request.query.get('condition') ?? 'not-running';
  if (condition === 'not-running' && container.status !== 'running')
    return { status: 200, json: { StatusCode: container.exitCode } };
  response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
  const happened = condition === 'removed' ? 'removed' : 'exited';
  const onChange = (id: string): void => {
    if (id !== container.Id) return;
    engine.changes.off(happened, onChange);
    response.end(`${JSON.stringify({ StatusCode: container.exitCode })}\n`);
  };
  engine.changes.on(happened, onChange);
  return 'streaming';
}

async function putArchive(
  engine: FakeEngineState,
  container: FakeContainer,
  request: FakeRequest,
): Promise<FakeAnswer> {
  const base = (request.query.get('path') ?? '/').replace(/\/$/, '');
  const entries = extract();
  Readable.from([request.body]).pipe(entries);
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer); // tar-stream yields Buffers
    container.files.set(`${base}/${entry.header.name}`, Buffer.concat(chunks));
  }
  engine.announce(container, 'extract-to-dir');
  return { status: 200 };
}

function parse(body: Buffer): Record<string, unknown> {
  return body.length === 0 ? {} : (JSON.parse(body.toString('utf8')) as Record<string, unknown>); // requests of our own clients are objects
}
