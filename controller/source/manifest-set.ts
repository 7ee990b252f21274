// What the manifest directory says altogether: parses only what changed, and for a file that cannot be used keeps
// what it said last.
import { formatKey } from '../api/object-key.js';
import type { ObjectValidator } from '../schema/validate.js';
import { findDuplicates } from './find-duplicates.js';
import {
  firstProblems,
  keyOf,
  sortProblems,
  type ManifestObject,
  type ManifestProblem,
} from './manifest-problem.js';
import { messageOf } from '../base/errors.js';
import type { ParseAside } from './parse-aside.js';
import { parseManifest, type ParsedManifest } from './parse-manifest.js';
import { fileProblem } from './read-manifests.js';
import type { SnapshotFile } from './snapshot.js';

export interface ManifestSetState {
  /** One per key; from last good versions too, and these with the problem of their file. */
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly ManifestProblem[];
  /** Every file was read, parsed and valid: only then does a missing object mean that it was removed. */
  readonly isComplete: boolean;
}

// Parsing an honest file takes about 0.4 ms, and the worst of this size 0.2 s; larger ones are parsed aside.
const largestHere = 16 * 1024;

export class ManifestSet {
  readonly #validator: ObjectValidator;
  readonly #parsed = new Map<string, { readonly sha256: string; readonly result: ParsedManifest }>();
  /** By file; those that were good last come last. */
  readonly #lastGood = new Map<string, readonly ManifestObject[]>();

  readonly #aside: ParseAside | undefined;
  readonly #parseHere: typeof parseManifest;

  /** @param o.aside for large files; without, they are parsed like the others */
  constructor(
    validator: ObjectValidator,
    o: { readonly aside?: ParseAside | undefined; readonly parse?: typeof parseManifest | undefined } = {},
  ) {
    this.#validator = validator;
    this.#aside = o.aside;
    this.#parseHere = o.parse ?? parseManifest;
  }

  /** @param described files that objects came from before: one that is empty now was most likely cut off */
  async update(
    files: readonly SnapshotFile[],
    described: ReadonlySet<string> = new Set(),
  ): Promise<ManifestSetState> {
    const good = new Map<string, readonly ManifestObject[]>();
    const problems: ManifestProblem[] = [];
    let parsedBytes = 0;
    for (const file of files) {
      const { result, bytes } = await this.#parse(file, described);
      if (result.problems.length === 0) good.set(file.file, result.objects);
      problems.push(...result.problems);
      parsedBytes += bytes;
      if (parsedBytes < largestHere) continue;
      // The event loop gets a turn.
      parsedBytes = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.#aside?.rest();
    const duplicates = findDuplicates([...good.values()].flat());
    for (const { file } of duplicates) good.delete(file);
    problems.push(...duplicates);

    const isComplete = problems.length === 0;
    for (const [file, objects] of good) {
      this.#lastGood.delete(file);
      this.#lastGood.set(file, objects);
    }
    this.#supersede(good);
    this.#forget(new Set(files.map(({ file }) => file)), isComplete);
    const sorted = sortProblems(problems);
    return { objects: this.#objects(good, sorted), problems: sorted, isComplete };
  }

  /** @returns also how many bytes were parsed in this thread */
  async #parse(
    { file, content }: SnapshotFile,
    described: ReadonlySet<string>,
  ): Promise<{ result: ParsedManifest; bytes: number }> {
    const failed = (why: string): { result: ParsedManifest; bytes: number } => ({
      result: { objects: [], problems: [fileProblem(file, why)] },
      bytes: 0,
    });
    if (content.type === 'unreadable') return failed(content.why);
    const { text, sha256 } = content;
    if (described.has(file) && text.trim() === '')
      return failed('it is empty, and objects came from it; to remove them remove the file');
    const known = this.#parsed.get(file);
    if (known?.sha256 === sha256) return { result: known.result, bytes: 0 };
    if (text.length > largestHere && this.#aside !== undefined) {
      const answer = await this.#aside.parse({ file, text });
      // Not remembered: the machine may only have been busy.
      if (answer.type === 'given-up') return failed(answer.why);
      this.#parsed.set(file, { sha256, result: answer.result });
      return { result: answer.result, bytes: 0 };
    }
    try {
      const result = this.#parseHere({ file, text, validator: this.#validator });
      this.#parsed.set(file, { sha256, result });
      return { result, bytes: text.length };
    } catch (error) {
      // Whatever a parser stumbles over, it is this file that cannot be used, and not the directory.
      return failed(messageOf(error));
    }
  }

  /**
   * What a file says now counts before what another one said last: objects move from file to file. Of what several said,
   * the latest counts: nothing goes back to an older version because a newer one cannot be read.
   */
  #objects(
    good: ReadonlyMap<string, readonly ManifestObject[]>,
    problems: readonly ManifestProblem[],
  ): readonly ManifestObject[] {
    const byKey = new Map<string, ManifestObject>();
    const add = (objects: readonly ManifestObject[]): void => {
      for (const object of objects) {
        const id = formatKey(keyOf(object));
        if (!byKey.has(id)) byKey.set(id, object);
      }
    };
    for (const objects of good.values()) add(objects);
    const byFile = firstProblems(problems);
    for (const [file, objects] of [...this.#lastGood].reverse()) {
      const problem = byFile.get(file);
      if (!good.has(file))
        add(problem === undefined ? objects : objects.map((object) => ({ ...object, problem })));
    }
    return [...byKey.values()];
  }

  /** What another file says now is not taken from an older version again, also when nobody says it any more. */
  #supersede(good: ReadonlyMap<string, readonly ManifestObject[]>): void {
    const others = [...this.#lastGood].filter(([file]) => !good.has(file));
    if (others.length === 0) return;
    const said = new Set([...good.values()].flat().map((object) => formatKey(keyOf(object))));
    for (const [file, objects] of others) {
      const left = objects.filter((object) => !said.has(formatKey(keyOf(object))));
      if (left.length < objects.length) this.#lastGood.set(file, left);
    }
  }

  #forget(present: ReadonlySet<string>, isComplete: boolean): void {
    for (const file of [...this.#parsed.keys()]) if (!present.has(file)) this.#parsed.delete(file);
    if (!isComplete) return;
    for (const file of [...this.#lastGood.keys()]) if (!present.has(file)) this.#lastGood.delete(file);
  }
}
