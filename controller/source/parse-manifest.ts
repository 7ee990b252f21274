// Turns the text of one manifest file into objects with their place, or into all of its problems. One problem
// anywhere means that nothing of the file is used: half a change is worse than none.
import { LineCounter, parseAllDocuments, type Document } from 'yaml';
import { kinds } from '../api/resources.js';
import { messageOf } from '../base/errors.js';
import { isJsonObject, stringAt } from '../base/json.js';
import { redact } from '../base/redact.js';
import type { FieldPath, FieldProblem } from '../schema/field-path.js';
import type { ObjectValidator } from '../schema/validate.js';
import { findDuplicates } from './find-duplicates.js';
import {
  sortProblems,
  type ManifestObject,
  type ManifestProblem,
  type Position,
} from './manifest-problem.js';
import { checkYaml, startOf } from './yaml-checks.js';
import { offsetOfPath } from './yaml-positions.js';

export type { ManifestObject, ManifestProblem };

export interface ParsedManifest {
  readonly objects: readonly ManifestObject[];
  /** Sorted by place; `objects` is empty when there are any. */
  readonly problems: readonly ManifestProblem[];
}

/** About 2500 objects; more in one file is neither read nor reviewed by people, and parsing blocks the event loop. */
export const maxManifestBytes = 1024 * 1024;
const maxProblems = 100;
// Beyond this nobody counts: a file of nothing but mistakes has as many problems as bytes.
const maxFound = 10_000;

export function parseManifest(o: {
  readonly file: string;
  readonly text: string;
  readonly validator: ObjectValidator;
}): ParsedManifest {
  const text = o.text.replace(/^\uFEFF/, '');
  const refused = refuseText(o.file, text);
  if (refused !== undefined) return { objects: [], problems: [refused] };

  const lines = new LineCounter();
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file: o.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const objects: ManifestObject[] = [];
  const problems: ManifestProblem[] = [];
  for (const document of parseYaml(text, lines)) {
    if (problems.length > maxFound) break;
    const found = readDocument(document, o.validator);
    for (const { offset, message } of found.problems) problems.push({ ...place(offset), message });
    for (const { resource, offset } of found.objects) objects.push({ resource, position: place(offset) });
  }
  for (const duplicate of findDuplicates(objects)) problems.push(duplicate);
  if (problems.length === 0) return { objects, problems };
  const sorted = sortProblems(problems);
  const rest = sorted.length - maxProblems;
  const last = sorted[maxProblems];
  return {
    objects: [],
    problems:
      rest > 0 && last !== undefined
        ? [...sorted.slice(0, maxProblems), { ...last, message: `and ${rest} more problems from here on` }]
        : sorted,
  };
}

interface Found {
  readonly objects: readonly (Pick<ManifestObject, 'resource'> & { readonly offset: number })[];
  readonly problems: readonly { readonly offset: number; readonly message: string }[];
}

function refuseText(file: string, text: string): ManifestProblem | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxManifestBytes) {
    const message = `Cannot use the file: it must be at most ${maxManifestBytes} bytes, got ${bytes}; split it`;
    return { file, line: 1, column: 1, message };
  }
  const nul = text.indexOf('\0');
  if (nul < 0) return undefined;
  const before = text.slice(0, nul).split('\n');
  const message = 'Cannot use the file: it contains a zero byte; is it text in UTF-8?';
  return { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message };
}

function parseYaml(text: string, lines: LineCounter): readonly Document[] {
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
    // Found by yaml-checks.ts in linear time.
    uniqueKeys: false,
    stringKeys: true,
    merge: false,
    logLevel: 'silent',
  });
  return Array.isArray(documents) ? documents : [];
}

function readDocument(document: Document, validator: ObjectValidator): Found {
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    const problems = syntax.map((error) => ({
      offset: error.pos[0],
      message: `Cannot parse the file: ${redact(error.message).replace(/\.$/, '')}`,
    }));
    return { objects: [], problems };
  }
  const refused = checkYaml(document);
  if (refused.length > 0) {
    const problems = refused.map(({ offset, message }) => ({
      offset,
      message: `Cannot use the file: ${message}`,
    }));
    return { objects: [], problems };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 50 });
  } catch (error) {
    const message = `Cannot use the file: ${messageOf(error)}`;
    return { objects: [], problems: [{ offset: startOf(document), message }] };
  }
  if (value === null || value === undefined) return { objects: [], problems: [] };
  const found = itemsOf(value).map(({ item, path }) => readObject(document, { item, path, validator }));
  return {
    objects: found.flatMap(({ objects }) => objects),
    problems: found.flatMap(({ problems }) => problems),
  };
}

/** The objects of a document: itself, or the items of a `List`, as `get -o yaml` prints several objects. */
function itemsOf(value: unknown): readonly { readonly item: unknown; readonly path: FieldPath }[] {
  const kind = stringAt(value, 'kind');
  const isList = kind === 'List' || kinds.some((known) => kind === `${known}List`);
  const items: unknown = isJsonObject(value) ? value['items'] : undefined;
  if (!isList || !Array.isArray(items)) return [{ item: value, path: [] }];
  return items.map((item: unknown, index) => ({ item, path: ['items', index] }));
}

function readObject(
  document: Document,
  o: { readonly item: unknown; readonly path: FieldPath; readonly validator: ObjectValidator },
): Found {
  const result = o.validator.validate(o.item);
  const offset = offsetOfPath(document, o.path);
  if ('resource' in result) return { objects: [{ resource: result.resource, offset }], problems: [] };
  const subject = describeSubject(o.item);
  const problems = result.problems.map((problem) => ({
    offset: offsetOfPath(document, [...o.path, ...problem.path], { atKey: isAboutKey(problem) }),
    message: `Cannot use ${subject}: ${problem.message}`,
  }));
  return { objects: [], problems };
}

function isAboutKey({ message }: FieldProblem): boolean {
  return message.startsWith('unknown field') || message.startsWith('the key');
}

/** `node "n1"` as far as the object says it. */
function describeSubject(item: unknown): string {
  const kind = kinds.find((known) => known === stringAt(item, 'kind'))?.toLowerCase() ?? 'the object';
  const name = isJsonObject(item) ? stringAt(item['metadata'], 'name') : undefined;
  // A name that is too long to be one may be anything, a key file for example.
  return name === undefined || name.length > 80 ? kind : `${kind} ${JSON.stringify(redact(name))}`;
}
