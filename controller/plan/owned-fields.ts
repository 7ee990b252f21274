// The fields of our containers that belong to us: where each is read, how it is compared, and how it is put right. What
// is not in this table is not ours to judge. Pure.
import { formatBytes } from '../base/byte-size.js';
import { canonicalJson, isJsonObject, type JsonObject } from '../base/json.js';

/** What an image says of containers that are made from it; only compared with containers of that very image. */
export interface ImageDefaults {
  readonly id: string;
  readonly config: JsonObject;
}

/**
 * `equal`: the texts. `unless-none`: the same, but an engine without that limit reports none for ever. `image`: it must be
 * what the image says. `ours`: only the entries that we set; others may add some.
 */
type Comparison = 'equal' | 'unless-none' | 'image' | 'ours';

export interface OwnedField {
  /** As people read it: `restart policy`. */
  readonly name: string;
  /** In the answer of an inspect; in a create body, Config is the top. */
  readonly at: readonly ['Config' | 'HostConfig' | 'NetworkSettings', string, ...string[]];
  readonly compare: Comparison;
  /** update: in place, the process goes on. replace: only a new container can have it. */
  readonly heal: 'update' | 'replace';
  /** Who else can change it, for the documentation. */
  readonly others: string;
  readonly format?: (value: unknown) => string;
}

const remake = 'making the container again';
const update = 'docker update';

export const ownedFields: readonly OwnedField[] = [
  { name: 'image', at: ['Config', 'Image'], ...replaced() },
  { name: 'command', at: ['Config', 'Cmd'], ...replaced(formatWords) },
  { name: 'entrypoint', at: ['Config', 'Entrypoint'], ...likeImage(formatWords) },
  { name: 'environment', at: ['Config', 'Env'], ...likeImage() },
  { name: 'user', at: ['Config', 'User'], ...likeImage() },
  { name: 'working directory', at: ['Config', 'WorkingDir'], ...likeImage() },
  { name: 'labels', at: ['Config', 'Labels'], ...replaced(), compare: 'ours' },
  { name: 'bind mounts', at: ['HostConfig', 'Binds'], ...replaced(formatSet) },
  { name: 'volumes', at: ['HostConfig', 'Mounts'], ...replaced(formatMounts) },
  { name: 'volumes of containers', at: ['HostConfig', 'VolumesFrom'], ...replaced(formatSet) },
  { name: 'network mode', at: ['HostConfig', 'NetworkMode'], ...replaced() },
  {
    name: 'networks',
    at: ['NetworkSettings', 'Networks'],
    compare: 'unless-none',
    heal: 'replace',
    others: 'docker network connect and disconnect',
    format: formatKeys,
  },
  { name: 'ports', at: ['HostConfig', 'PortBindings'], ...replaced(formatKeys) },
  { name: 'publishing of every port', at: ['HostConfig', 'PublishAllPorts'], ...replaced() },
  {
    name: 'restart policy',
    at: ['HostConfig', 'RestartPolicy', 'Name'],
    compare: 'equal',
    heal: 'update',
    others: update,
    format: (value) => (value === '' ? 'no' : formatValue(value)),
  },
  { name: 'memory limit', at: ['HostConfig', 'Memory'], ...limit('update', formatMemory) },
  { name: 'process limit', at: ['HostConfig', 'PidsLimit'], ...limit('update') },
  { name: 'CPUs', at: ['HostConfig', 'NanoCpus'], ...limit('replace') },
  { name: 'CPU shares', at: ['HostConfig', 'CpuShares'], ...limit('replace') },
  { name: 'CPU quota', at: ['HostConfig', 'CpuQuota'], ...limit('replace') },
  { name: 'CPU set', at: ['HostConfig', 'CpusetCpus'], ...limit('replace') },
  { name: 'added capabilities', at: ['HostConfig', 'CapAdd'], ...replaced(formatSet) },
  { name: 'dropped capabilities', at: ['HostConfig', 'CapDrop'], ...replaced(formatSet) },
  { name: 'privileged', at: ['HostConfig', 'Privileged'], ...replaced() },
  { name: 'security options', at: ['HostConfig', 'SecurityOpt'], ...replaced(formatSet) },
  { name: 'devices', at: ['HostConfig', 'Devices'], ...replaced(formatSet) },
  { name: 'PID mode', at: ['HostConfig', 'PidMode'], ...replaced() },
  { name: 'user namespace', at: ['HostConfig', 'UsernsMode'], ...replaced() },
  { name: 'removal at exit', at: ['HostConfig', 'AutoRemove'], ...replaced() },
  { name: 'log driver', at: ['HostConfig', 'LogConfig', 'Type'], ...replaced() },
  { name: 'log options', at: ['HostConfig', 'LogConfig', 'Config'], ...replaced(formatPairs) },
];

/** Of one container, by name of the field. What an engine does not report is absent, and not compared. */
export type FoundFields = Readonly<Record<string, string>>;

/** Our fields of a container, as text; labels are compared apart. */
export function readOwnedFields(inspected: JsonObject, image?: ImageDefaults): FoundFields {
  const found: Record<string, string> = {};
  const defaults = image !== undefined && image.id === inspected['Image'] ? image.config : undefined;
  for (const field of ownedFields) {
    const [top, ...path] = field.at;
    const value = valueAt(inspected, field.at);
    if (field.compare === 'ours' || value === undefined) continue;
    if (field.compare !== 'image') found[field.name] = format(field, value);
    else if (defaults !== undefined && top === 'Config') {
      const own = valueAt(defaults, path);
      found[field.name] =
        field.name === 'environment' ? formatEnvironment(value, own) : formatLike(field, value, own);
    }
  }
  return found;
}

/** What the same fields must be for a container made with this body. */
export function expectedFields(body: JsonObject): FoundFields {
  const expected: Record<string, string> = {};
  for (const field of ownedFields) {
    if (field.compare === 'ours') continue;
    const [top, ...path] = field.at;
    if (field.compare === 'image') expected[field.name] = asImage;
    else if (top === 'NetworkSettings') {
      expected[field.name] = format(field, { [String(valueAt(body, ['HostConfig', 'NetworkMode']))]: {} });
    } else expected[field.name] = format(field, valueAt(body, top === 'Config' ? path : field.at));
  }
  return expected;
}

const none = 'none';
const asImage = 'as in the image';

function replaced(
  formatter?: OwnedField['format'],
): Pick<OwnedField, 'compare' | 'heal' | 'others' | 'format'> {
  return {
    compare: 'equal',
    heal: 'replace',
    others: remake,
    ...(formatter === undefined ? {} : { format: formatter }),
  };
}

function likeImage(
  formatter?: OwnedField['format'],
): Pick<OwnedField, 'compare' | 'heal' | 'others' | 'format'> {
  return { ...replaced(formatter), compare: 'image' };
}

/** Expected none: reported none, too. Expected a number: the engine may be unable to have it. */
function limit(
  heal: OwnedField['heal'],
  formatter?: OwnedField['format'],
): Pick<OwnedField, 'compare' | 'heal' | 'others' | 'format'> {
  return {
    compare: 'unless-none',
    heal,
    others: update,
    ...(formatter === undefined ? {} : { format: formatter }),
  };
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isJsonObject(current)) return undefined;
    current = current[key];
  }
  return current;
}

function format(field: OwnedField, value: unknown): string {
  return isNothing(value) && value !== '' ? none : (field.format ?? formatValue)(value);
}

function formatLike(field: OwnedField, value: unknown, own: unknown): string {
  const text = format(field, value);
  return text === format(field, own) ? asImage : text;
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

function formatValue(value: unknown): string {
  if (isNothing(value)) return none;
  return typeof value === 'string' ? value : canonicalJson(value);
}

/** As one would type it. */
function formatWords(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return formatValue(value);
  return value
    .map((word) => (/^[\w@%+=:,./-]+$/.test(String(word)) ? String(word) : JSON.stringify(word)))
    .join(' ');
}

function formatSet(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0) return formatValue(value);
  return value
    .map((entry) => formatValue(entry))
    .sort()
    .join(', ');
}

function formatKeys(value: unknown): string {
  return isJsonObject(value) && Object.keys(value).length > 0 ? Object.keys(value).sort().join(', ') : none;
}

function formatPairs(value: unknown): string {
  if (!isJsonObject(value) || Object.keys(value).length === 0) return none;
  return Object.entries(value)
    .map(([key, entry]) => `${key}=${String(entry)}`)
    .sort()
    .join(', ');
}

function formatMemory(value: unknown): string {
  return typeof value === 'number' && value > 0 ? formatBytes(value) : none;
}

/** `volume:name:/target`, with `:ro`; what engines add to a mount of ours is not looked at. */
function formatMounts(value: unknown): string {
  if (!Array.isArray(value)) return formatValue(value);
  return formatSet(
    value.filter(isJsonObject).map(({ Type, Source, Target, ReadOnly }) => {
      const parts = [Type, Source, Target].map((part) => (typeof part === 'string' ? part : ''));
      return [...parts, ...(ReadOnly === true ? ['ro'] : [])].join(':');
    }),
  );
}

/** Only names: values may be secret. */
function formatEnvironment(value: unknown, own: unknown): string {
  const [found, usual] = [variables(value), variables(own)];
  const changes = [
    ...[...found].filter(([name, text]) => usual.get(name) !== text).map(([name]) => `${name} set`),
    ...[...usual.keys()].filter((name) => !found.has(name)).map((name) => `${name} missing`),
  ];
  return changes.length === 0 ? asImage : changes.sort().join(', ');
}

function variables(value: unknown): ReadonlyMap<string, string> {
  const entries = Array.isArray(value) ? value.map(String) : [];
  return new Map(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
