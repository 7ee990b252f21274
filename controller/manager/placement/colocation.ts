// Where a container must run because of what it uses: networks and volumes that exist on some engines only. References
// with a node in front (`node/name`) pin to that node and lose the prefix, since engines do not know it.
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../base/json.js';
import { isSwarmError, SwarmError } from '../../base/errors.js';
import type { CachedObject, ClusterView } from '../../engine/cluster-view.js';
import { inSwarmWith } from './swarm-members.js';

type Cluster = Pick<ClusterView, 'networks' | 'volumes' | 'findContainer' | 'engines'>;

export interface Colocation {
  /** Networks and volumes that are on some engines only. */
  readonly pins: readonly Pin[];
  /** The create body with names as engines know them. */
  readonly body: JsonObject;
}

/** One thing the container uses, and where it is. */
export interface Pin {
  readonly kind: 'network' | 'volume';
  /** As the request calls it. */
  readonly reference: string;
  /** Addresses. */
  readonly engines: ReadonlySet<string>;
  /** What was found and is on one engine only; empty for what is not there yet, and for networks of a swarm. */
  readonly objects: readonly CachedObject[];
}

interface Located {
  /** The name for the engine. */
  readonly name: string;
  readonly pin?: Pin;
}

// Every engine has these; and `container:x` is a matter of the container.
const predefinedNetworks = new Set(['', 'default', 'bridge', 'host', 'none', 'nat']);

export function colocate(body: JsonObject, cluster: Cluster): Colocation {
  const pins: Pin[] = [];
  const use = ({ name, pin }: Located): string => {
    if (pin !== undefined) pins.push(pin);
    return name;
  };
  const hostConfig = objectAt(body, 'HostConfig');
  const endpoints = objectAt(objectAt(body, 'NetworkingConfig'), 'EndpointsConfig');
  const patchedHost: JsonObject = { ...hostConfig };
  const networkMode = stringAt(hostConfig, 'NetworkMode');
  if (networkMode !== undefined) {
    patchedHost['NetworkMode'] = networkMode.startsWith('container:')
      ? containerMode(networkMode, cluster)
      : use(locateNetwork(networkMode, cluster));
  }
  for (const key of ['IpcMode', 'PidMode']) {
    const mode = stringAt(hostConfig, key);
    if (mode?.startsWith('container:') === true) patchedHost[key] = containerMode(mode, cluster);
  }
  for (const key of ['VolumesFrom', 'Links']) {
    const entries: unknown = hostConfig[key];
    if (Array.isArray(entries)) {
      patchedHost[key] = entries.map((entry: unknown) =>
        typeof entry === 'string' ? listedContainer(entry, cluster) : entry,
      );
    }
  }
  const { Binds: binds, Mounts: mounts } = hostConfig;
  if (Array.isArray(binds)) {
    patchedHost['Binds'] = binds.map((bind: unknown) =>
      typeof bind === 'string' ? patchBind(bind, (name) => use(locateVolume(name, cluster))) : bind,
    );
  }
  if (Array.isArray(mounts)) {
    patchedHost['Mounts'] = mounts.map((mount: unknown) => {
      const source = stringAt(mount, 'Source') ?? '';
      if (!isJsonObject(mount) || mount['Type'] !== 'volume' || source === '') return mount;
      return { ...mount, Source: use(locateVolume(source, cluster)) };
    });
  }
  const patchedEndpoints = Object.fromEntries(
    Object.entries(endpoints).map(([name, settings]) => [use(locateNetwork(name, cluster)), settings]),
  );
  return {
    pins,
    body: {
      ...body,
      ...(isJsonObject(body['HostConfig']) ? { HostConfig: patchedHost } : {}),
      ...(Object.keys(endpoints).length === 0
        ? {}
        : {
            NetworkingConfig: { ...objectAt(body, 'NetworkingConfig'), EndpointsConfig: patchedEndpoints },
          }),
    },
  };
}

function locateNetwork(reference: string, cluster: Cluster): Located {
  if (predefinedNetworks.has(reference)) return { name: reference };
  const named = splitNode(reference, cluster);
  if (named !== undefined && predefinedNetworks.has(named.rest)) {
    const engines = new Set([named.address]);
    return { name: named.rest, pin: { kind: 'network', reference, engines, objects: [] } };
  }
  const found = cluster
    .networks()
    .filter(
      (network) =>
        network.id === reference ||
        network.summary['Name'] === reference ||
        (network.engine.address === named?.address && network.summary['Name'] === named.rest),
    );
  return locate(reference, { kind: 'network', found, fallback: named, cluster });
}

function locateVolume(reference: string, cluster: Cluster): Located {
  const named = splitNode(reference, cluster);
  const found = cluster
    .volumes()
    .filter(
      (volume) =>
        volume.id === reference || (volume.engine.address === named?.address && volume.id === named.rest),
    );
  return locate(reference, { kind: 'volume', found, fallback: named, cluster });
}

/** The name and place of what was found; what is not known yet is the engine's to make or to refuse. */
function locate(
  reference: string,
  {
    kind,
    found,
    fallback,
    cluster,
  }: {
    kind: Pin['kind'];
    found: readonly CachedObject[];
    fallback: NodeName | undefined;
    cluster: Pick<Cluster, 'engines'>;
  },
): Located {
  const scopeOf = ({ summary }: CachedObject): string => stringAt(summary, 'Scope') ?? 'local';
  const local = found.filter((object) => scopeOf(object) === 'local');
  const first = found[0];
  if (first === undefined) {
    if (fallback === undefined) return { name: reference };
    return {
      name: fallback.rest,
      pin: { kind, reference, engines: new Set([fallback.address]), objects: [] },
    };
  }
  const isPrefixed = first.id !== reference && first.summary['Name'] !== reference;
  const name = isPrefixed ? (fallback?.rest ?? reference) : reference;
  if (local.length === 0) {
    // Only engines of its swarm know it; networks and volumes of other drivers that span engines are known to all.
    const holders = found.filter((object) => scopeOf(object) === 'swarm').map(({ engine }) => engine);
    const members = inSwarmWith(holders, cluster.engines());
    if (members.length === 0) return { name };
    return {
      name,
      pin: { kind, reference, engines: new Set(members.map(({ address }) => address)), objects: [] },
    };
  }
  return {
    name,
    pin: { kind, reference, engines: new Set(local.map(({ engine }) => engine.address)), objects: local },
  };
}

interface NodeName {
  readonly address: string;
  readonly rest: string;
}

/** `node1/front` → the engine named node1 and `front`. */
function splitNode(reference: string, cluster: Cluster): NodeName | undefined {
  const slash = reference.indexOf('/');
  if (slash < 1) return undefined;
  const node = reference.slice(0, slash);
  const engine = cluster.engines().find(({ name, id }) => name === node || id === node);
  return engine === undefined ? undefined : { address: engine.address, rest: reference.slice(slash + 1) };
}

function containerMode(mode: string, cluster: Cluster): string {
  return `container:${bareContainer(mode.slice('container:'.length), cluster)}`;
}

/** `node/db:alias` → `<id>:alias`, `node/db` → `<id>:db`; others stay. */
function listedContainer(entry: string, cluster: Cluster): string {
  const [reference = '', ...rest] = entry.split(':');
  return [bareContainer(reference, cluster), ...rest].join(':');
}

/** A reference with a node becomes the ID; plain ones are known to the engine as they are. */
function bareContainer(reference: string, cluster: Cluster): string {
  if (!reference.replace(/^\//, '').includes('/')) return reference;
  const lookup = cluster.findContainer(reference);
  return lookup.type === 'found' ? lookup.container.id : reference;
}

/** `name:/path[:options]` with the name replaced; host paths and anonymous volumes stay. */
function patchBind(bind: string, locate: (name: string) => string): string {
  const colon = bind.indexOf(':');
  const source = bind.slice(0, colon);
  return colon < 1 || /^[/.~]/.test(source) ? bind : `${locate(source)}${bind.slice(colon)}`;
}

/** What engines without these lack, as a predicate: `does not have network "front"`; undefined without pins. */
export function describeLack(pins: readonly Pin[]): string | undefined {
  const what = [...new Set(pins.map(({ kind, reference }) => `${kind} "${reference}"`))];
  return what.length === 0 ? undefined : `does not have ${what.join(' and ')}`;
}

/**
 * Addresses of the engines that have everything; undefined = any engine.
 * @throws SwarmError NO_ELIGIBLE_ENGINE when no engine has everything
 */
export function enginesOf(
  pins: readonly Pin[],
  cluster: Pick<Cluster, 'engines'>,
): ReadonlySet<string> | undefined {
  const [first, ...others] = pins;
  if (first === undefined) return undefined;
  const only = [...first.engines].filter((address) => others.every(({ engines }) => engines.has(address)));
  if (only.length === 0) {
    throw new SwarmError(
      'NO_ELIGIBLE_ENGINE',
      `Cannot place container: no engine has everything it uses: ${describePins(pins, cluster)}`,
    );
  }
  return new Set(only);
}

/** `network "front" is on n1; volume "data" is on n1, n2` */
export function describePins(pins: readonly Pin[], cluster: Pick<Cluster, 'engines'>): string {
  const names = new Map(cluster.engines().map(({ address, name }) => [address, name]));
  const texts = pins.map(
    ({ kind, reference, engines }) =>
      `${kind} "${reference}" is on ${[...engines].map((at) => names.get(at) ?? at).join(', ')}`,
  );
  // NetworkMode and the endpoints name the same network.
  return [...new Set(texts)].join('; ');
}

/** Says of a refused placement what held the container where it was refused. */
export function withPins(
  error: unknown,
  services: { readonly cluster: Pick<Cluster, 'engines'> },
  pins: readonly Pin[],
): unknown {
  if (!isSwarmError(error, 'NO_ELIGIBLE_ENGINE') || pins.length === 0) return error;
  const lines = [
    error.message,
    `It can only run with what it uses: ${describePins(pins, services.cluster)}`,
    ...describeProjects(pins),
  ];
  return new SwarmError('NO_ELIGIBLE_ENGINE', lines.join('\n'), { cause: error });
}

/** What ties a project together, and how a service of it gets elsewhere. */
function describeProjects(pins: readonly Pin[]): readonly string[] {
  const projects = new Map<string, Set<string>>();
  for (const { kind, objects } of pins) {
    for (const { summary } of objects) {
      const project = stringAt(objectAt(summary, 'Labels'), 'com.docker.compose.project');
      if (project !== undefined) projects.set(project, (projects.get(project) ?? new Set()).add(`${kind}s`));
    }
  }
  return [...projects].map(
    ([project, kinds]) =>
      `Project "${project}" stays together by its local ${[...kinds].join(' and ')}. To run it elsewhere: docker compose down ` +
      `(with -v if its volumes may go), give its ${[...kinds].join(' and ')} the same constraint ` +
      `(labels: {com.docker.swarm.constraints: '["node==NAME"]'}), docker compose up. To spread it: let this service use none of them`,
  );
}
