// The container operations of a simulated engine, in the words and statuses of dockerd. Nothing runs in its containers, but what programs.ts has.
import type http from 'node:http';
import { Readable } from 'node:stream';
import { extract, pack } from 'tar-stream';
import { inspect, summary } from './answers.js';
import type {
  SimulatedAnswer,
  SimulatedContainer,
  SimulatedEngineState,
  SimulatedRequest,
  SimulatedRoute,
} from './engine-state.js';
import { namedVolumes } from './named-volumes.js';
import { outputFrame, programOf } from './programs.js';
import { message, parseBody } from './request-body.js';

/** How many bytes an export of the container has; default 10240, an empty archive. */
export const exportBytesLabel = 'io.swarmctl.simulate.export-bytes';

const zeros = Buffer.alloc(64 * 1024);

const noContent: SimulatedAnswer = { status: 204 };

export const containerRoutes: readonly SimulatedRoute[] = [
  { method: 'GET', path: /^\/containers\/json$/, answer: listContainers },
  { method: 'POST', path: /^\/containers\/create$/, answer: createContainer },
  onContainer('GET', 'json', (engine, container) => ({ status: 200, json: inspect(engine, container) })),
  onContainer('GET', 'logs', (engine, container) => {
    const program = engine.options.runsPrograms === true ? programOf(container) : undefined;
    return {
      status: 200,
      text: outputFrame(container, program?.output ?? 'hi\n'),
      headers: { 'Content-Type': 'application/vnd.docker.multiplexed-stream' },
    };
  }),
  onContainer('POST', 'start', (engine, container) => {
    if (container.status === 'running') return { status: 304 };
    setStatus(engine, container, { status: 'running', action: 'start' });
    if (engine.options.runsPrograms === true) runProgram(engine, container);
    return noContent;
  }),
  onContainer('POST', 'stop', (engine, container) => {
    if (container.status !== 'running') return { status: 304 };
    end(engine, container, 'stop');
    return noContent;
  }),
  onContainer('POST', 'pause', (engine, container) => {
    if (container.status !== 'running') return message(409, `Container ${container.Id} is not running`);
    setStatus(engine, container, { status: 'paused', action: 'pause' });
    return noContent;
  }),
  onContainer('POST', 'unpause', (engine, container) => {
    if (container.status !== 'paused') return message(409, `Container ${container.Id} is not paused`);
    setStatus(engine, container, { status: 'running', action: 'unpause' });
    return noContent;
  }),
  onContainer('GET', 'top', (_engine, container) =>
    container.status === 'running'
      ? {
          status: 200,
          json: { Titles: ['PID', 'USER', 'TIME', 'COMMAND'], Processes: [['4242', 'root', '0:00', 'sh']] },
        }
      : message(409, `Container ${container.Id} is not running`),
  ),
  onContainer('GET', 'export', (_engine, container, _request, response) => {
    const labels = (container.body['Labels'] ?? {}) as Record<string, string>; // strings in every create request
    streamZeros(response, Number(labels[exportBytesLabel] ?? 10_240));
    return 'streaming';
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
    container.body.HostConfig = { ...container.body.HostConfig, ...parseBody(request.body) };
    engine.announce(container, 'update');
    return { status: 200, json: { Warnings: null } };
  }),
  onContainer('POST', 'wait', waitFor),
  onContainer('POST', 'exec', (engine, container, request) => {
    const id = engine.options.randomHex(32);
    engine.execs.set(id, { containerId: container.Id, tty: parseBody(request.body)['Tty'] === true });
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
    return { status: isThere(container, request.query.get('path') ?? '') ? 200 : 404 };
  }),
  onContainer('GET', 'archive', getArchive),
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
      remove(engine, container);
      return noContent;
    }),
  },
];

type ContainerAnswer = (
  engine: SimulatedEngineState,
  container: SimulatedContainer,
  request: SimulatedRequest,
  response: http.ServerResponse,
) => ReturnType<SimulatedRoute['answer']>;

function onContainer(method: string, operation: string, answer: ContainerAnswer): SimulatedRoute {
  return { method, path: new RegExp(`^/containers/[^/]+/${operation}$`), answer: withContainer(answer) };
}

function withContainer(answer: ContainerAnswer): SimulatedRoute['answer'] {
  return (engine, request, response) => {
    const reference = decodeURIComponent(request.path.split('/')[2] ?? '');
    const container = engine.find(reference);
    return container === undefined
      ? message(404, `No such container: ${reference}`)
      : answer(engine, container, request, response);
  };
}

function nameConflict(name: string, owner: SimulatedContainer): SimulatedAnswer {
  return message(
    409,
    `Conflict. The container name "/${name}" is already in use by container "${owner.Id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

function ownerOf(engine: SimulatedEngineState, name: string): SimulatedContainer | undefined {
  return [...engine.containers.values()].find((one) => one.name === name);
}

function createContainer(engine: SimulatedEngineState, request: SimulatedRequest): SimulatedAnswer {
  const body = parseBody(request.body) as SimulatedContainer['body']; // HostConfig is an object in every create request
  const name = request.query.get('name') ?? `simulated_${engine.options.randomHex(4)}`;
  const owner = ownerOf(engine, name);
  if (owner !== undefined) return nameConflict(name, owner);
  const image = typeof body['Image'] === 'string' ? body['Image'] : '';
  const tagged = image.includes(':') ? image : `${image}:latest`;
  if (!engine.images.has(tagged) && ![...engine.images.values()].some((one) => one.id === image))
    return message(404, `No such image: ${tagged}`);
  const container: SimulatedContainer = {
    Id: engine.options.randomHex(32),
    name,
    status: 'created',
    createdMs: engine.options.clock.now(),
    startedMs: 0,
    exitCode: 0,
    body,
  };
  for (const { Name, Labels } of namedVolumes(container)) {
    if (!engine.volumes.has(Name)) engine.volumes.set(Name, { Name, Labels });
  }
  engine.containers.set(container.Id, container);
  engine.announce(container, 'create');
  return { status: 201, json: { Id: container.Id, Warnings: [] } };
}

function listContainers(engine: SimulatedEngineState, request: SimulatedRequest): SimulatedAnswer {
  const filters = parseBody(Buffer.from(request.query.get('filters') ?? '{}'));
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

function hasLabel(container: SimulatedContainer, label: string): boolean {
  const labels = (container.body['Labels'] ?? {}) as Record<string, string>; // strings in every create request
  const split = label.indexOf('=');
  return split < 0 ? label in labels : labels[label.slice(0, split)] === label.slice(split + 1);
}

function setStatus(
  engine: SimulatedEngineState,
  container: SimulatedContainer,
  to: { readonly status: SimulatedContainer['status']; readonly action: string },
): void {
  if (to.action === 'start') container.startedMs = engine.options.clock.now();
  container.status = to.status;
  engine.announce(container, to.action);
}

function end(engine: SimulatedEngineState, container: SimulatedContainer, action?: string): void {
  if (action !== undefined) engine.announce(container, 'kill');
  setStatus(engine, container, { status: 'exited', action: 'die' });
  if (action !== undefined) engine.announce(container, action);
  engine.changes.emit('exited', container.Id);
  if (container.body.HostConfig?.['AutoRemove'] === true) remove(engine, container);
}

function remove(engine: SimulatedEngineState, container: SimulatedContainer): void {
  engine.containers.delete(container.Id);
  engine.announce(container, 'destroy');
  engine.changes.emit('removed', container.Id);
}

function runProgram(engine: SimulatedEngineState, container: SimulatedContainer): void {
  const program = programOf(container);
  if (program === undefined) return;
  // The start is answered first.
  setImmediate(() => {
    if (container.status !== 'running') return;
    if (program.output !== '') engine.changes.emit('output', container.Id, program.output);
    container.exitCode = program.exitCode;
    end(engine, container);
  });
}

/** Headers at once, the answer when it happened: clients wait for the headers before they start the container. */
function waitFor(
  engine: SimulatedEngineState,
  container: SimulatedContainer,
  request: SimulatedRequest,
  response: http.ServerResponse,
): SimulatedAnswer | 'streaming' {
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

/** Writes `bytes` zeros as fast as the client reads: an empty tar archive of that length. */
function streamZeros(response: http.ServerResponse, bytes: number): void {
  let left = bytes;
  const write = (): void => {
    while (left > 0 && !response.destroyed) {
      const chunk = left >= zeros.length ? zeros : zeros.subarray(0, left);
      left -= chunk.length;
      if (!response.write(chunk)) return;
    }
    response.off('drain', write).end();
  };
  response.writeHead(200, { 'Content-Type': 'application/x-tar' }).on('drain', write);
  write();
}

/** Of a directory that files were copied into. */
async function getArchive(
  engine: SimulatedEngineState,
  container: SimulatedContainer,
  request: SimulatedRequest,
): Promise<SimulatedAnswer> {
  const base = (request.query.get('path') ?? '/').replace(/\/$/, '');
  const files = [...(container.files ?? [])].filter(([file]) => file.startsWith(`${base}/`));
  if (files.length === 0) {
    return message(404, `Could not find the file ${base} in container ${container.Id}`);
  }
  const archive = pack();
  const top = base.slice(base.lastIndexOf('/') + 1);
  const shift = engine.options.remapsUsers === true ? 100_000 : 0;
  archive.entry({ name: `${top}/`, type: 'directory' });
  for (const [file, content] of files) {
    const name = `${top}${file.slice(base.length)}`;
    const { mode = 0o644, uid = 0, gid = 0 } = container.fileOwners?.get(file) ?? {};
    // Engines tell whose a file is on the host.
    const owner = { uid: uid + shift, gid: gid + shift };
    if (!file.endsWith('/')) archive.entry({ ...owner, mode, name }, content);
  }
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer); // tar-stream yields Buffers
  return { status: 200, text: Buffer.concat(chunks), headers: { 'Content-Type': 'application/x-tar' } };
}

function isThere(container: SimulatedContainer, path: string): boolean {
  if (['', '/', '/tmp', '/bin', '/etc'].includes(path)) return true;
  return [...(container.files?.keys() ?? [])].some((file) => file.startsWith(path));
}

async function putArchive(
  engine: SimulatedEngineState,
  container: SimulatedContainer,
  request: SimulatedRequest,
): Promise<SimulatedAnswer> {
  const base = (request.query.get('path') ?? '/').replace(/\/$/, '');
  if (!isThere(container, base))
    return message(404, `Could not find the file ${base} in container ${container.Id}`);
  const entries = extract();
  Readable.from([request.body]).pipe(entries);
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer); // tar-stream yields Buffers
    const { name, mode, uid, gid } = entry.header;
    (container.files ??= new Map()).set(`${base}/${name}`, Buffer.concat(chunks));
    (container.fileOwners ??= new Map()).set(`${base}/${name}`, { mode, uid, gid });
  }
  engine.announce(container, 'extract-to-dir');
  return { status: 200 };
}
