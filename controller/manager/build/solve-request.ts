// What the manager reads of BuildKit's Solve requests: which sessions they use, what they make, where they want to run.
import { mapField, readFields, textField, withoutMapEntries } from './protobuf.js';

export interface SolveRequest {
  /** Name of the build for every later call about it. */
  readonly ref: string;
  /** Sessions that the build reads from, its own first. */
  readonly sessions: readonly string[];
  /** Scheduling directives among the build arguments, as `constraint:node==n1`. */
  readonly directives: readonly string[];
  /** Labels for the image. */
  readonly labels: Readonly<Record<string, string>>;
  /** Names that the image gets on the engine. */
  readonly tags: readonly string[];
  /** Images whose layers it may take over, `--cache-from`. */
  readonly cacheImages: readonly string[];
  /** Whether anything is to be made: clients also solve nothing, to learn what an engine can. */
  readonly isBuild: boolean;
}

// Field numbers of moby.buildkit.v1.SolveRequest and of its Exporter.
const fields = {
  ref: 1,
  exporter: 3,
  exporterAttributes: 4,
  session: 5,
  frontend: 6,
  frontendAttributes: 7,
  cache: 8,
  exporters: 13,
} as const;
const exporterFields = { type: 1, attributes: 2 } as const;
// Of moby.buildkit.v1.CacheOptions and of its entries.
const cacheFields = { oldImports: 2, imports: 5 } as const;
const cacheEntryFields = { type: 1, attributes: 2 } as const;

/** Field of the frontend's options in moby.buildkit.v1.frontend.SolveRequest, the solve inside of a build. */
const frontendOptionsField = 3;

const directivePattern = /^build-arg:((?:constraint|affinity|whitelist):.*)$/s;

/** @throws Error when the bytes are no such message */
export function parseSolve(message: Buffer): SolveRequest {
  const attributes = mapField(message, fields.frontendAttributes);
  const exporters = [
    {
      type: textField(message, fields.exporter),
      attributes: mapField(message, fields.exporterAttributes),
    },
  ];
  for (const { number, bytes } of readFields(message)) {
    if (number !== fields.exporters || bytes === undefined) continue;
    exporters.push({
      type: textField(bytes, exporterFields.type),
      attributes: mapField(bytes, exporterFields.attributes),
    });
  }
  const own = textField(message, fields.session);
  const shared = valuesOf(attributes, 'local-sessionid:');
  const made = exporters.filter(({ type }) => type !== '');
  return {
    ref: textField(message, fields.ref),
    sessions: [...new Set([own, ...shared])].filter((session) => session !== ''),
    directives: [...attributes].flatMap(([key, value]) => {
      // The CLI splits an argument at its first `=`: `constraint:node==n1` comes as `constraint:node` and `=n1`.
      const directive = directivePattern.exec(key)?.[1];
      return directive === undefined ? [] : [`${directive}=${value}`];
    }),
    labels: Object.fromEntries(
      [...attributes]
        .filter(([key]) => key.startsWith('label:'))
        .map(([key, value]) => [key.slice('label:'.length), value]),
    ),
    tags: [
      ...new Set(
        made
          .filter(({ type }) => type === 'moby' || type === 'image')
          .flatMap(({ attributes: given }) => (given.get('name') ?? '').split(','))
          .filter((name) => name !== ''),
      ),
    ],
    cacheImages: cacheImagesOf(message),
    isBuild: made.length > 0 || attributes.size > 0 || textField(message, fields.frontend) !== '',
  };
}

/** Caches of other kinds (`type=local`, `type=gha`) are no images. */
function cacheImagesOf(message: Buffer): readonly string[] {
  const images: string[] = [];
  for (const options of readFields(message)) {
    if (options.number !== fields.cache || options.bytes === undefined) continue;
    for (const { number, bytes } of readFields(options.bytes)) {
      if (bytes === undefined) continue;
      if (number === cacheFields.oldImports) images.push(bytes.toString('utf8'));
      if (number !== cacheFields.imports || textField(bytes, cacheEntryFields.type) !== 'registry') continue;
      images.push(mapField(bytes, cacheEntryFields.attributes).get('ref') ?? '');
    }
  }
  return [...new Set(images)].filter((image) => image !== '');
}

/** A Solve as the engine gets it: without the directives, which a Dockerfile never consumes. */
export function withoutDirectives(message: Buffer): Buffer {
  return withoutMapEntries(message, fields.frontendAttributes, isDirective);
}

/** The same for the solve of a frontend inside of a build. */
export function withoutFrontendDirectives(message: Buffer): Buffer {
  return withoutMapEntries(message, frontendOptionsField, isDirective);
}

/** The build that a Status request asks for. */
export function parseStatusRef(message: Buffer): string {
  return textField(message, 1);
}

function isDirective(key: string): boolean {
  return directivePattern.test(key);
}

function valuesOf(attributes: ReadonlyMap<string, string>, prefix: string): readonly string[] {
  return [...attributes].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value);
}
