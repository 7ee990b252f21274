// What the manifest directory says altogether: parses only what changed, and for a file that cannot be used keeps
// what it said last.
import { formatKey } from '../api/object-key.js';
import type { ObjectValidator } from '../schema/validate.js';
import { findDuplicates } from './find-duplicates.js';
import { keyOf, sortProblems, type ManifestObject, type ManifestProblem } from './manifest-problem.js';
import { parseManifest, type ParsedManifest } from './parse-manifest.js';
import { fileProblem } from './read-manifests.js';
import type { SnapshotFile } from './snapshot.js';

export interface ManifestSetState {
  /** One per key; from last good versions too. */
  readonly objects: readonly ManifestObject[];
  readonly problems: readonly ManifestProblem[];
  /** Every file was read, parsed and valid: only then does a missing object mean that it was removed. */
  readonly isComplete: boolean;
}

// Parsing a file takes about 0.4 ms; the event loop gets a turn this often.
const filesPerTurn = 25;

export class ManifestSet {
  readonly #validator: ObjectValidator;
  readonly #parsed = new Map<string, { readonly sha256: string; readonly result: ParsedManifest }>();
  readonly #lastGood = new Map<string, readonly ManifestObject[]>();

  constructor(validator: ObjectValidator) {
    this.#validator = validator;
  }

  async update(files: readonly SnapshotFile[]): Promise<ManifestSetState> {
    const good = new Map<string, readonly ManifestObject[]>();
    const problems: ManifestProblem[] = [];
    for (const [index, file] of files.entries()) {
      if (index % filesPerTurn === filesPerTurn - 1) await new Promise((resolve) => setImmediate(resolve));
      const result = this.#parse(file);
      if (result.problems.length === 0) good.set(file.file, result.objects);
      problems.push(...result.problems);
    }
    const duplicates = findDuplicates([...good.values()].flat());
    for (const { file } of duplicates) good.delete(file);
    problems.push(...duplicates);

    const isComplete = problems.length === 0;
    for (const [file, objects] of good) this.#lastGood.set(file, objects);
    this.#forget(new Set(files.map(({ file }) => file)), isComplete);
    return { objects: this.#objects(good), problems: sortProblems(problems), isComplete };
  }

  #parse({ file, content }: SnapshotFile): ParsedManifest {
    if (content.type === 'unreadable') return { objects: [], problems: [fileProblem(file, content.why)] };
    const known = this.#parsed.get(file);
    if (known?.sha256 === content.sha256) return known.result;
    const result = parseManifest({ file, text: content.text, validator: this.#validator });
    this.#parsed.set(file, { sha256: content.sha256, result });
    return result;
  }

  /** What a file says now counts before what another one said last: objects move from file to file. */
  #objects(good: ReadonlyMap<string, readonly ManifestObject[]>): readonly ManifestObject[] {
    const byKey = new Map<string, ManifestObject>();
    const add = (objects: readonly ManifestObject[]): void => {
      for (const object of objects) {
        const id = formatKey(keyOf(object));
        if (!byKey.has(id)) byKey.set(id, object);
      }
    };
    for (const objects of good.values()) add(objects);
    for (const [file, objects] of this.#lastGood) if (!good.has(file)) add(objects);
    return [...byKey.values()];
  }

  #forget(present: ReadonlySet<string>, isComplete: boolean): void {
    for (const file of [...this.#parsed.keys()]) if (!present.has(file)) this.#parsed.delete(file);
    if (!isComplete) return;
    for (const file of [...this.#lastGood.keys()]) if (!present.has(file)) this.#lastGood.delete(file);
  }
}
