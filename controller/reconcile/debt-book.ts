// Debts: containers of ours that a Node left on an engine that did not answer in time when the Node was deleted. One file
// each, written before the Node goes, so that whoever comes next knows what to clear away.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Node } from '../api/resources.js';
import { reasonOf, SwarmError, systemCodeOf } from '../base/errors.js';
import { isJsonObject, objectAt, tryParseJson, stringAt } from '../base/json.js';
import type { Logger } from '../base/log.js';
import { placeOf } from '../store/revise.js';
import { makePrivateDirectory, removeUnfinishedWrites } from '../base/write-file-atomically.js';
import type { StateDisk, StateDoor, StatePart } from '../store/state-disk.js';

export interface Debt {
  /** The Node as it was when it went: how to reach its engine, and whose containers they are. */
  readonly node: Node;
  /** Epoch ms. */
  readonly sinceMs: number;
  /** The Node is not gone but moved to another engine. */
  readonly hasMoved?: true;
  /** The Node is still there but no manager any more: all it owes is the volume of its manager. */
  readonly isVolume?: true;
}

const format = 1;

interface DebtPlace {
  readonly directory: string;
  readonly disk: StateDisk;
}

export class DebtBook implements StatePart {
  readonly #place: DebtPlace | undefined;
  readonly #debts: Map<string, Debt>;
  readonly #listeners = new Set<() => void>();
  /** Files that somebody began to write for the first time, and may not have finished. */
  readonly #begun = new Set<string>();

  private constructor(place: DebtPlace | undefined, debts: Map<string, Debt>) {
    this.#place = place;
    this.#debts = debts;
    place?.disk.join(this);
  }

  /**
   * Reads what is owed. A file that cannot be used is left where it is, and named in the log.
   * @param o undefined keeps everything in memory only
   * @throws {STATE_CORRUPT} the directory cannot be read
   */
  static async open(o: (DebtPlace & { readonly logger: Logger }) | undefined): Promise<DebtBook> {
    const debts = new Map<string, Debt>();
    if (o === undefined) return new DebtBook(undefined, debts);
    try {
      await makePrivateDirectory(o.directory);
      // The state directory has one operator: what looks like a write under way is one that was killed.
      await removeUnfinishedWrites(o.directory);
      for (const name of await readdir(o.directory)) {
        const debt = decode(await readFile(path.join(o.directory, name), 'utf8'));
        if (debt === undefined) o.logger.warn('A debt cannot be read and is left alone', { file: name });
        else debts.set(name, debt);
      }
    } catch (error) {
      throw new SwarmError('STATE_CORRUPT', `Cannot read "${o.directory}": ${reasonOf(error)}`, {
        cause: error,
      });
    }
    return new DebtBook(o, debts);
  }

  /** `listener` is called after each new debt. */
  subscribe(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** What Nodes owe that went, not those that only moved. */
  isOwedByGone(uid: string | undefined): boolean {
    return this.list().some(
      ({ node, hasMoved, isVolume }) => node.metadata.uid === uid && hasMoved !== true && isVolume !== true,
    );
  }

  /** Oldest first. */
  list(): readonly Debt[] {
    return [...this.#debts.values()].sort((a, b) => a.sinceMs - b.sinceMs);
  }

  /** Durable when it resolves. @throws {STATE_UNWRITABLE} */
  async record(debt: Debt): Promise<void> {
    const name = fileName(debt);
    if (!this.#debts.has(name)) this.#begun.add(name);
    if (this.#place !== undefined) {
      await this.#place.disk.write(path.join(this.#place.directory, name), encode(debt));
    }
    this.#begun.delete(name);
    this.#debts.set(name, debt);
    for (const listener of this.#listeners) listener();
  }

  /** Durable when it resolves. @throws {STATE_UNWRITABLE} it is still owed, and may be settled again */
  async settle(debt: Debt): Promise<void> {
    const name = fileName(debt);
    if (this.#place !== undefined) await this.#place.disk.remove(path.join(this.#place.directory, name));
    this.#debts.delete(name);
  }

  async rewrite(door: StateDoor): Promise<void> {
    const { directory } = this.#place ?? {};
    if (directory === undefined) return;
    for (const name of this.#begun) await door.remove(path.join(directory, name));
    this.#begun.clear();
    for (const [name, debt] of this.#debts) {
      // A file that a person has removed stays removed.
      if (await this.isOwed(debt)) await door.write(path.join(directory, name), encode(debt));
    }
    await door.touch(directory);
  }

  /** Whether its file is still there: removing it is how a person says that the engine will not come back. */
  async isOwed(debt: Debt): Promise<boolean> {
    const name = fileName(debt);
    if (!this.#debts.has(name)) return false;
    if (this.#place === undefined) return true;
    try {
      await readFile(path.join(this.#place.directory, name));
      return true;
    } catch (error) {
      return systemCodeOf(error) !== 'ENOENT';
    }
  }
}

/**
 * Names are made of the letters of host names; the uid tells a Node from a later one of its name, and a hash of the
 * place the engines that one Node has left from each other.
 */
function fileName({ node, hasMoved, isVolume }: Debt): string {
  const { metadata } = node;
  const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);
  const moved = hasMoved === true ? `-${hashOf(placeOf(node))}` : '';
  const volume = isVolume === true ? `-volume-${hashOf(`${placeOf(node)} ${node.spec.cluster}`)}` : '';
  return `${metadata.name}-${(metadata.uid ?? '').slice(0, 8)}${moved}${volume}.json`;
}

function encode(debt: Debt): string {
  return `${JSON.stringify({ format, ...debt }, null, 1)}\n`;
}

function decode(text: string): Debt | undefined {
  const value = tryParseJson(text);
  const node = objectAt(value, 'node');
  const isNode = stringAt(objectAt(node, 'metadata'), 'name') !== undefined && isJsonObject(node['spec']);
  if (!isJsonObject(value) || value['format'] !== format || !isNode) return undefined;
  const { sinceMs } = value;
  if (typeof sinceMs !== 'number') return undefined;
  const moved = value['hasMoved'] === true ? { hasMoved: true as const } : {};
  const volume = value['isVolume'] === true ? { isVolume: true as const } : {};
  // written by record() only; the format tells
  return { node: node as unknown as Node, sinceMs, ...moved, ...volume };
}
