// Keeps what is known of containers that may move: headers in memory, the rest in one checksummed file each, so that a
// restarted manager knows the containers of an engine that it cannot ask any more. Without a directory, in memory alone.
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, SwarmError } from '../../base/errors.js';
import { isJsonObject, stringAt, type JsonObject } from '../../base/json.js';
import type { Logger } from '../../base/log.js';
import {
  makePrivateDirectory,
  removeUnfinishedWrites,
  syncDirectory,
  writeFileAtomically,
} from '../../base/write-file-atomically.js';
import type { SavedContainer } from './saved-container.js';

/** What decisions need; the rest is read when a container moves. */
export type SavedHeader = Omit<SavedContainer, 'imageId' | 'body' | 'networks' | 'volumes'>;

interface Entry {
  readonly header: SavedHeader;
  readonly sum: string;
  /** The file's text, where there is no file. */
  readonly text?: string | undefined;
}

const format = 1;
// Node reads with four threads; twice as many keep them busy.
const filesAtOnce = 8;

export class SavedContainers {
  readonly #directory: string | undefined;
  readonly #logger: Logger;
  readonly #entries = new Map<string, Entry>();

  private constructor(directory: string | undefined, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
  }

  /**
   * @param options.directory only this process may use it; made when it is missing. Absent: nothing outlives the process
   * @throws {STATE_UNWRITABLE} it cannot be read or made; {STATE_CORRUPT} a newer program wrote it. Single damaged files
   *   are set aside as `*.corrupt-<ms>` and reported
   */
  static async open(options: {
    readonly directory?: string | undefined;
    readonly logger: Logger;
    readonly nowMs: number;
  }): Promise<SavedContainers> {
    const saved = new SavedContainers(options.directory, options.logger);
    await saved.#load(options.nowMs);
    return saved;
  }

  list(): readonly SavedHeader[] {
    return [...this.#entries.values()].map(({ header }) => header);
  }

  header(id: string): SavedHeader | undefined {
    return this.#entries.get(id)?.header;
  }

  /** @returns undefined when it is not known, or its file was damaged since */
  async read(id: string): Promise<SavedContainer | undefined> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    try {
      const decoded = decode(entry.text ?? (await readFile(this.#file(id), 'utf8')));
      if (typeof decoded !== 'string') return decoded;
      this.#logger.error('What is known of a container is damaged, so it cannot move', { id, why: decoded });
    } catch (error) {
      this.#logger.error('What is known of a container cannot be read, so it cannot move', {
        id,
        error: messageOf(error),
      });
    }
    return undefined;
  }

  /** Durable when it resolves; the same again costs no write. @throws {STATE_UNWRITABLE} */
  async put(container: SavedContainer): Promise<void> {
    const text = encode(container);
    const sum = sumOf(text);
    if (this.#entries.get(container.id)?.sum === sum) return;
    if (this.#directory !== undefined)
      await this.#guard(() => writeFileAtomically(this.#file(container.id), text));
    const memory = this.#directory === undefined ? text : undefined;
    this.#entries.set(container.id, { header: headerOf(container), sum, text: memory });
  }

  /** Durable when it resolves; forgetting what is not known is fine. @throws {STATE_UNWRITABLE} */
  async remove(id: string): Promise<void> {
    if (!this.#entries.has(id)) return;
    const directory = this.#directory;
    if (directory !== undefined)
      await this.#guard(async () => {
        await rm(this.#file(id), { force: true });
        await syncDirectory(directory);
      });
    this.#entries.delete(id);
  }

  async #load(nowMs: number): Promise<void> {
    const directory = this.#directory;
    if (directory === undefined) return;
    const names = await this.#guard(async () => {
      await makePrivateDirectory(directory);
      await removeUnfinishedWrites(directory);
      return (await readdir(directory)).filter((name) => /^[0-9a-f]{64}\.json$/.test(name)).sort();
    });
    for (let start = 0; start < names.length; start += filesAtOnce) {
      const some = names.slice(start, start + filesAtOnce);
      await this.#guard(() =>
        Promise.all(some.map((name) => this.#loadFile(path.join(directory, name), nowMs))),
      );
    }
  }

  async #loadFile(file: string, nowMs: number): Promise<void> {
    const text = await readFile(file, 'utf8');
    const decoded = decode(text);
    if (typeof decoded !== 'string' && path.basename(file) === `${decoded.id}.json`) {
      this.#entries.set(decoded.id, { header: headerOf(decoded), sum: sumOf(text) });
      return;
    }
    const aside = `${file}.corrupt-${nowMs}`;
    await rename(file, aside);
    const why = typeof decoded === 'string' ? decoded : 'it is of another container';
    this.#logger.error('State file is damaged and was set aside', { file: aside, why });
  }

  #file(id: string): string {
    return path.join(this.#directory ?? '', `${id}.json`);
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof SwarmError) throw error;
      throw new SwarmError(
        'STATE_UNWRITABLE',
        `Cannot keep containers in "${this.#directory ?? ''}": ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
}

function headerOf(container: SavedContainer): SavedHeader {
  const { id, swarmId, name, engine, state, endedAtMs, replaced } = container;
  return { id, swarmId, name, engine, state, ...(endedAtMs === undefined ? {} : { endedAtMs }), replaced };
}

function encode(container: SavedContainer): string {
  const text = JSON.stringify(container);
  return `${JSON.stringify({ format, sha256: sumOf(text) })}\n${text}\n`;
}

/** @returns why it cannot be used. @throws {STATE_CORRUPT} when a newer program wrote it */
function decode(file: string): SavedContainer | string {
  const [head = '', text = ''] = file.split('\n');
  const { format: found, sha256 } = parse(head) ?? {};
  if (typeof found === 'number' && found > format) {
    throw new SwarmError(
      'STATE_CORRUPT',
      `Cannot read saved containers: a newer version wrote format ${found}`,
    );
  }
  if (found !== format || sha256 !== sumOf(text))
    return file === '' ? 'it is empty' : 'its checksum does not match';
  const container = parse(text);
  const isComplete = isJsonObject(container?.['body']) && stringAt(container, 'id') !== undefined;
  // the checksum says that `encode` wrote it
  return isComplete ? (container as unknown as SavedContainer) : 'it is not a container';
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
