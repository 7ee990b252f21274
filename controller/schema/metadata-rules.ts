// The rules of metadata, which CRD schemas leave to Kubernetes: names, labels, annotations.
import type { ObjectMeta } from '../api/resources.js';
import { isJsonObject, type JsonObject } from '../base/json.js';
import { formatPath, type FieldProblem } from './field-path.js';
import { formats, isLabelKey, isLabelValue } from './formats.js';
import { gotValue, unknownField } from './problem-words.js';

/** Fields a user sets, then those a server fills in, which manifests written by `get -o yaml` carry along. */
const userFields = ['name', 'labels', 'annotations'] as const;
const serverFields = [
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'finalizers',
  'managedFields',
  'selfLink',
] as const;

// The limit of Kubernetes for all annotations of an object together; kubectl's own annotation nears it first.
const maxAnnotationsBytes = 262_144;

export function checkMetadata(metadata: JsonObject): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const key of Object.keys(metadata)) {
    const path = ['metadata', key];
    if (key === 'namespace') {
      problems.push({ path, message: 'metadata.namespace must be removed: objects of swarmctl have none' });
    } else if (![...userFields, ...serverFields].some((known) => known === key)) {
      problems.push(unknownField(path, userFields));
    }
  }
  return [
    ...problems,
    ...checkName(metadata['name']),
    ...checkLabels(metadata),
    ...checkAnnotations(metadata),
  ];
}

/** The metadata that objects keep; what a server fills in is taken only where it has the right type. */
export function pickMetadata(metadata: JsonObject): ObjectMeta {
  const text = (key: string): Record<string, string> => {
    const value = metadata[key];
    return typeof value === 'string' && value !== '' ? { [key]: value } : {};
  };
  const map = (key: string): Record<string, Record<string, string>> => {
    const value = metadata[key];
    // checkMetadata has made sure that every value is a string
    return isJsonObject(value) ? { [key]: { ...(value as Record<string, string>) } } : {};
  };
  const { finalizers, generation } = metadata;
  return {
    name: String(metadata['name']),
    ...text('uid'),
    ...text('resourceVersion'),
    ...(typeof generation === 'number' ? { generation } : {}),
    ...text('creationTimestamp'),
    ...text('deletionTimestamp'),
    ...(Array.isArray(finalizers) ? { finalizers: finalizers.map(String) } : {}),
    ...map('labels'),
    ...map('annotations'),
  };
}

function checkName(name: unknown): FieldProblem[] {
  const path = ['metadata', 'name'];
  if (name === undefined) return [{ path, message: 'metadata.name is required' }];
  if (typeof name !== 'string') {
    const hint = typeof name === 'object' ? '' : ' (put it in quotes)';
    return [{ path, message: `metadata.name must be a string, got ${gotValue(name)}${hint}` }];
  }
  const words = formats['object-name'](name);
  return words === undefined
    ? []
    : [{ path, message: `metadata.name must be ${words}, got ${gotValue(name)}` }];
}

function checkLabels(metadata: JsonObject): FieldProblem[] {
  return checkTextMap(metadata, 'labels', (value) =>
    isLabelValue(value)
      ? undefined
      : 'at most 63 letters, digits, "-", "_" or ".", with a letter or digit at each end',
  );
}

function checkAnnotations(metadata: JsonObject): FieldProblem[] {
  const problems = checkTextMap(metadata, 'annotations', () => undefined);
  const annotations = metadata['annotations'];
  const bytes = isJsonObject(annotations)
    ? Object.entries(annotations).reduce(
        (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
        0,
      )
    : 0;
  if (bytes > maxAnnotationsBytes) {
    const message = `metadata.annotations must be at most ${maxAnnotationsBytes} bytes together, got ${bytes}`;
    problems.push({ path: ['metadata', 'annotations'], message });
  }
  return problems;
}

function checkTextMap(
  metadata: JsonObject,
  field: 'labels' | 'annotations',
  valueWords: (value: string) => string | undefined,
): FieldProblem[] {
  const map = metadata[field];
  if (map === undefined) return [];
  if (!isJsonObject(map)) {
    const path = ['metadata', field];
    return [{ path, message: `${formatPath(path)} must be a map of fields, got ${gotValue(map)}` }];
  }
  return Object.entries(map).flatMap(([key, value]) => {
    const path = ['metadata', field, key];
    const problems: FieldProblem[] = [];
    if (!isLabelKey(key)) {
      const message = `the key ${formatPath(path)} must be name or prefix/name: letters, digits, "-", "_" or ".", at most 63`;
      problems.push({ path, message });
    }
    if (typeof value !== 'string') {
      const hint = typeof value === 'object' ? '' : ' (put it in quotes)';
      problems.push({ path, message: `${formatPath(path)} must be a string, got ${gotValue(value)}${hint}` });
    } else {
      const words = valueWords(value);
      if (words !== undefined) {
        problems.push({ path, message: `${formatPath(path)} must be ${words}, got ${gotValue(value)}` });
      }
    }
    return problems;
  });
}
