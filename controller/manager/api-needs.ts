// What in a request only engines of a newer API do: older ones would leave it out without a word.
import { isJsonObject, objectAt, type JsonObject } from '../base/json.js';
import { isAtLeast } from '../engine/api-version.js';
import type { PooledEngine } from '../engine/cluster-view.js';
import { parsePlatform, runsPlatform } from '../schedule/platform.js';
import { ApiError } from './api-error.js';

export interface ApiNeed {
  /** As the subject of a sentence: `the subpath of a volume mount`. */
  readonly feature: string;
  /** API version that brought it. */
  readonly since: string;
  /** `os/arch[/variant]` that the engine must run besides. */
  readonly platform?: string;
}

interface Feature extends ApiNeed {
  readonly isAsked: (body: JsonObject) => boolean;
}

/** Without these the container would run with other data, rights or ways than it was promised, or not start. */
const promises: readonly Feature[] = [
  mountFeature('a read-only bind that is forced to be recursive', '1.44', (mount) =>
    isTrueAt(objectAt(mount, 'BindOptions'), 'ReadOnlyForceRecursive'),
  ),
  {
    feature: 'a CDI device',
    since: '1.44',
    isAsked: (body) => {
      const requests: unknown = objectAt(body, 'HostConfig')['DeviceRequests'];
      return Array.isArray(requests) && requests.some((one) => isJsonObject(one) && one['Driver'] === 'cdi');
    },
  },
  mountFeature('the subpath of a volume mount', '1.45', (mount) =>
    isText(objectAt(mount, 'VolumeOptions')['Subpath']),
  ),
  mountFeature('options of a tmpfs mount', '1.46', (mount) =>
    isFilledList(objectAt(mount, 'TmpfsOptions')['Options']),
  ),
  mountFeature('a mount of an image', '1.48', (mount) => mount['Type'] === 'image'),
  {
    feature: 'the gateway priority of a network',
    since: '1.48',
    isAsked: (body) => endpointsOf(body).some(hasGatewayPriority),
  },
];

/** Without these it runs nearly the same: worth a warning. */
const niceties: readonly Feature[] = [
  {
    feature: 'annotations',
    since: '1.43',
    isAsked: (body) => Object.keys(objectAt(objectAt(body, 'HostConfig'), 'Annotations')).length > 0,
  },
  {
    feature: 'the start interval of a health check',
    since: '1.44',
    isAsked: (body) => Boolean(objectAt(body, 'Healthcheck')['StartInterval']),
  },
];

/**
 * What an engine must know to make this container.
 * @param options.version of the client: engines leave out what is newer than that, whatever they know themselves
 * @param options.platform as in the query of the create; absent or `''`: the engine's own
 */
export function createNeeds(
  body: JsonObject,
  options: { readonly version: string; readonly platform?: string | null | undefined },
): readonly ApiNeed[] {
  const platform: readonly ApiNeed[] =
    isText(options.platform) && isAtLeast(options.version, '1.41')
      ? [{ feature: 'the platform of a container', since: '1.41', platform: options.platform }]
      : [];
  return [...platform, ...askedOf(promises, body, options.version)];
}

/** Warnings about what an engine that is spoken to in `engineVersion` leaves out of the container. */
export function lossWarnings(
  body: JsonObject,
  { version, engine, engineVersion }: { version: string; engine: string; engineVersion: string },
): readonly string[] {
  return askedOf(niceties, body, version)
    .filter(({ since }) => !isAtLeast(engineVersion, since))
    .map(
      ({ feature, since }) =>
        `${engine} left out ${feature}: that needs API ${since}, and it speaks ${engineVersion}`,
    );
}

/** What an engine must know to make this network. */
export function networkNeeds(body: JsonObject, version: string): readonly ApiNeed[] {
  return body['EnableIPv4'] === false && isAtLeast(version, '1.48')
    ? [{ feature: 'a network without IPv4', since: '1.48' }]
    : [];
}

/** What an engine must know to connect a container with this endpoint. */
export function connectNeeds(body: JsonObject, version: string): readonly ApiNeed[] {
  return hasGatewayPriority(body['EndpointConfig']) && isAtLeast(version, '1.48')
    ? [{ feature: 'the gateway priority of a network', since: '1.48' }]
    : [];
}

/** Parameters of image calls with the API version that brought them; a call with an older one ignores them. */
const imageParameters = {
  history: { platform: '1.48' },
  get: { platform: '1.48' },
  json: { platform: '1.49' },
  load: { platform: '1.48' },
  push: { platform: '1.46' },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type ImageCall = keyof typeof imageParameters;

/** What an engine must know for this call on an image. */
export function imageNeeds(call: ImageCall, query: URLSearchParams, version: string): readonly ApiNeed[] {
  return Object.entries(imageParameters[call]).flatMap(([parameter, since]) =>
    isText(query.get(parameter)) && isAtLeast(version, since)
      ? [{ feature: `${parameter} of an image (${call})`, since }]
      : [],
  );
}

/** The first that an engine of this API version does not know. */
export function unknownTo(needs: readonly ApiNeed[], apiVersion: string | undefined): ApiNeed | undefined {
  // An engine that did not say what it speaks is not healthy either: that is the reason to give.
  return apiVersion === undefined ? undefined : needs.find(({ since }) => !isAtLeast(apiVersion, since));
}

/** The first that asks for another platform than the engine runs. */
export function unfitFor(
  needs: readonly ApiNeed[],
  engine: { readonly platform: string; readonly labels: Readonly<Record<string, string>> },
): ApiNeed | undefined {
  return needs.find(({ platform }) => {
    const wanted = platform === undefined ? undefined : parsePlatform(platform);
    return wanted !== undefined && !runsPlatform(engine, wanted);
  });
}

/**
 * Those of the engines that know all of it; all of them when nothing is needed.
 * @throws ApiError 400 when none does
 */
export function ableEngines(
  engines: readonly PooledEngine[],
  needs: readonly ApiNeed[],
): readonly PooledEngine[] {
  if (needs.length === 0) return engines;
  const unknown = (engine: PooledEngine): ApiNeed | undefined => unknownTo(needs, engine.specs?.apiVersion);
  const able = engines.filter((engine) => unknown(engine) === undefined);
  const [first] = engines;
  const need = first === undefined ? undefined : unknown(first);
  if (able.length > 0 || need === undefined) return able;
  const named = engines.slice(0, 3).map(({ name, specs }) => `${name} speaks ${specs?.apiVersion ?? ''}`);
  throw new ApiError(400, `${need.feature} needs API ${need.since}: ${named.join(', ')}`);
}

function askedOf(features: readonly Feature[], body: JsonObject, version: string): readonly ApiNeed[] {
  return features
    .filter(({ since, isAsked }) => isAtLeast(version, since) && isAsked(body))
    .map(({ feature, since }) => ({ feature, since }));
}

function mountFeature(feature: string, since: string, isAskedBy: (mount: JsonObject) => boolean): Feature {
  return {
    feature,
    since,
    isAsked: (body) => {
      const mounts: unknown = objectAt(body, 'HostConfig')['Mounts'];
      return Array.isArray(mounts) && mounts.some((mount) => isJsonObject(mount) && isAskedBy(mount));
    },
  };
}

function endpointsOf(body: JsonObject): readonly unknown[] {
  return Object.values(objectAt(objectAt(body, 'NetworkingConfig'), 'EndpointsConfig'));
}

function hasGatewayPriority(endpoint: unknown): boolean {
  return isJsonObject(endpoint) && Boolean(endpoint['GwPriority']);
}

function isTrueAt(object: JsonObject, key: string): boolean {
  return object[key] === true;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isFilledList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
