// What a manager learned of images outlives it: which image a name was given last, and which IDs are one image. Losing it
// costs copies and look-ups, no image, so it is written behind the requests and a damaged text is passed over.
import { messageOf } from '../base/errors.js';
import { isJsonObject, stringAt } from '../base/json.js';
import type { Logger } from '../base/log.js';
import { createKeeper, parseKeptList, type TextMemory } from './text-memory.js';

export interface ImageFacts {
  /** Names that moved through the manager, oldest first. */
  readonly names: readonly { readonly name: string; readonly id: string; readonly atSeconds: number }[];
  /** IDs of one image each, the one that stands for all first; oldest first. */
  readonly same: readonly (readonly string[])[];
}

type KeptEntry = ImageFacts['names'][number] | { readonly same: readonly string[] };

export class KeptImages {
  readonly #logger: Logger;
  readonly #keep: (text: string) => Promise<void>;
  readonly #before: ImageFacts;
  #facts: (() => ImageFacts) | undefined;
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  constructor(options: { readonly logger: Logger; readonly memory?: TextMemory | undefined }) {
    this.#logger = options.logger;
    this.#keep = createKeeper(options.memory);
    this.#before = this.#read(options.memory?.text);
  }

  /** What was kept when the process began. */
  get before(): ImageFacts {
    return this.#before;
  }

  /** Keeps what `facts` says when it is written, which is soon; what changes meanwhile is written together. */
  changed(facts: () => ImageFacts): void {
    this.#facts = facts;
    this.#writing ??= this.#write();
  }

  /** Resolves when all is written, or cannot be. */
  async settled(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#facts !== undefined) {
      const { names, same } = this.#facts();
      this.#facts = undefined;
      const entries: readonly KeptEntry[] = [...names, ...same.map((ids) => ({ same: ids }))];
      try {
        await this.#keep(JSON.stringify(entries));
        this.#hasFailed = false;
      } catch (error) {
        if (!this.#hasFailed)
          this.#logger.warn('Cannot keep what names of images mean', { error: messageOf(error) });
        this.#hasFailed = true;
      }
    }
    // In the same step as the last look, so that no change falls between.
    this.#writing = undefined;
  }

  #read(text: string | undefined): ImageFacts {
    try {
      const entries = parseKeptList(text, { what: 'names of images', read: readEntry });
      return {
        names: entries.flatMap((entry) => ('same' in entry ? [] : [entry])),
        same: entries.flatMap((entry) => ('same' in entry ? [entry.same] : [])),
      };
    } catch (error) {
      this.#logger.warn('What names of images mean is learned anew', { error: messageOf(error) });
      return { names: [], same: [] };
    }
  }
}

function readEntry(entry: unknown): KeptEntry | undefined {
  if (!isJsonObject(entry)) return undefined;
  const same: unknown = entry['same'];
  if (Array.isArray(same)) {
    const ids = same.filter((id): id is string => typeof id === 'string');
    return ids.length === same.length ? { same: ids } : undefined;
  }
  const [name, id, atSeconds] = [stringAt(entry, 'name'), stringAt(entry, 'id'), entry['atSeconds']];
  return name === undefined || id === undefined || typeof atSeconds !== 'number'
    ? undefined
    : { name, id, atSeconds };
}
