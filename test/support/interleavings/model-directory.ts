// The manifest directory of the model: which objects stand in which file, how files are broken, and what a look at it
// sees. What the operator makes of it is not decided here.
import { createHash } from 'node:crypto';
import type { ObjectValidator } from '../../../controller/schema/validate.js';
import { parseManifest, type ParsedManifest } from '../../../controller/source/parse-manifest.js';
import type { Snapshot, SnapshotFile } from '../../../controller/source/snapshot.js';
import { hostOf, portOfEngines } from './model-world.js';

export const fileNames = ['a.yaml', 'b.yaml', 'c.yaml'] as const;
export type FileName = (typeof fileNames)[number];

/** Objects that manifests describe. */
export const described = ['demo', 'n1', 'n2', 'n3'] as const;
export type Described = (typeof described)[number];

/** One of the ways in which an object can be described. */
export interface Variant {
  /** Number of the engine a node is on; nodes only. */
  readonly at: number;
  readonly isManager: boolean;
  /** Nodes: cordoned. Cluster: another strategy. */
  readonly isOther: boolean;
  readonly keep: boolean;
}

export type Breakage = 'garbage' | 'wrong field' | 'cut off' | 'unreadable';
export type RootState = 'there' | 'missing' | 'unreadable' | 'empty' | 'elsewhere';

interface ModelFile {
  readonly objects: ReadonlyMap<Described, Variant>;
  readonly breakage?: Breakage;
}

/** What a look that rested has seen. */
export interface Seen {
  readonly isUsable: boolean;
  readonly isElsewhere: boolean;
  /** Every file of it says something, and no object is said twice. */
  readonly isComplete: boolean;
  /** From files that can be used. */
  readonly objects: ReadonlyMap<Described, readonly Variant[]>;
}

export const root = '/manifests';

export class ModelDirectory {
  state: RootState = 'there';
  readonly #files = new Map<FileName, ModelFile>();
  readonly #first: ReadonlyMap<FileName, ModelFile>;
  /** Done right after the next look has taken its first snapshot. */
  #meanwhile: (() => void) | undefined;
  #last: { readonly fingerprint: string; readonly atMs: number } | undefined;
  readonly #o: { readonly onSeen: (seen: Seen) => void; readonly isDescribed: (file: string) => boolean };

  /**
   * @param o.onSeen is told of each snapshot that was the same twice
   * @param o.isDescribed whether objects are known that come from a file: only then it is strange that it is empty
   */
  constructor(o: { readonly onSeen: (seen: Seen) => void; readonly isDescribed: (file: string) => boolean }) {
    this.#o = o;
    const home = (number: number, isManager: boolean): Variant => variantOf({ at: number, isManager });
    this.#files.set('a.yaml', { objects: new Map([['demo', variantOf({})]]) });
    this.#files.set('b.yaml', { objects: new Map([['n1', home(1, true)], ['n2', home(2, false)]]) }); // prettier-ignore
    this.#files.set('c.yaml', { objects: new Map([['n3', home(3, false)]]) });
    this.#first = new Map(this.#files);
  }

  /** Describes an object in a file, and with `isMoved` nowhere else. */
  put(o: {
    readonly object: Described;
    readonly variant: Variant;
    readonly file: FileName;
    readonly isMoved: boolean;
  }): void {
    if (o.isMoved) this.drop(o.object);
    const objects = new Map(this.#files.get(o.file)?.objects).set(o.object, o.variant);
    this.#files.set(o.file, { objects });
  }

  /** Takes an object out of every file. Files without any go. */
  drop(object: Described): void {
    for (const [name, file] of [...this.#files]) {
      if (!file.objects.has(object)) continue;
      const objects = new Map(file.objects);
      objects.delete(object);
      if (objects.size === 0) this.#files.delete(name);
      else this.#files.set(name, { ...file, objects });
    }
  }

  dropFile(name: FileName): void {
    this.#files.delete(name);
  }

  break(name: FileName, breakage: Breakage): void {
    const file = this.#files.get(name);
    if (file !== undefined) this.#files.set(name, { ...file, breakage });
  }

  mend(name: FileName): void {
    const file = this.#files.get(name);
    if (file !== undefined) this.#files.set(name, { objects: file.objects });
  }

  /** As git would after a reset to the first commit. */
  reset(): void {
    this.#files.clear();
    for (const [name, file] of this.#first) this.#files.set(name, file);
  }

  /** Something is changed in the middle of the next look. */
  doMeanwhile(work: () => void): void {
    this.#meanwhile = work;
  }

  /** Makes it what a person would leave: all there, nothing broken or said twice, a node to each engine. */
  tidy(): void {
    this.state = 'there';
    this.#meanwhile = undefined;
    const seen = new Set<Described>();
    for (const name of fileNames) {
      const file = this.#files.get(name);
      if (file === undefined) continue;
      const objects = new Map<Described, Variant>();
      for (const [object, variant] of file.objects) {
        if (seen.has(object)) continue;
        seen.add(object);
        objects.set(object, object === 'demo' ? variant : { ...variant, at: homeOf(object) });
      }
      if (objects.size === 0) this.#files.delete(name);
      else this.#files.set(name, { objects });
    }
  }

  /** What it says now, of files that can be used. */
  get objects(): ReadonlyMap<Described, Variant> {
    return new Map(
      [...this.#see().objects].flatMap(([object, [variant]]) =>
        variant === undefined ? [] : [[object, variant]],
      ),
    );
  }

  takeSnapshot(nowMs: number): Snapshot {
    const snapshot = this.#snapshot();
    const isSecond = this.#last?.fingerprint === snapshot.fingerprint && nowMs - this.#last.atMs <= 100;
    if (isSecond) this.#o.onSeen(this.#see());
    // The look is over with it; the next one begins anew.
    this.#last = isSecond ? undefined : { fingerprint: snapshot.fingerprint, atMs: nowMs };
    const meanwhile = this.#meanwhile;
    this.#meanwhile = undefined;
    meanwhile?.();
    return snapshot;
  }

  #snapshot(): Exclude<Snapshot, { type: 'moving' }> {
    if (this.state === 'missing' || this.state === 'unreadable') {
      return { type: this.state, why: `it is ${this.state}`, fingerprint: this.state };
    }
    const files = this.state === 'empty' ? [] : fileNames.flatMap((name) => this.#snapshotFile(name));
    const device = this.state === 'elsewhere' ? 'device-2' : 'device-1';
    const parts = files.map(({ file, content }) => [
      file,
      content.type === 'text' ? content.sha256 : content.why,
    ]);
    return {
      ...{ type: 'files', rootId: 'root', realRoot: root, device, ignored: [], isUnfinished: false, files },
      fingerprint: JSON.stringify([device, parts]),
    };
  }

  #snapshotFile(name: FileName): readonly SnapshotFile[] {
    const file = this.#files.get(name);
    if (file === undefined) return [];
    const shown = `${root}/${name}`;
    if (file.breakage === 'unreadable')
      return [{ file: shown, content: { type: 'unreadable', why: 'permission denied' } }];
    const { text, sha256 } = textOf(file);
    return [{ file: shown, content: { type: 'text', text, sha256 } }];
  }

  #see(): Seen {
    const objects = new Map<Described, Variant[]>();
    const isUsable = this.state !== 'missing' && this.state !== 'unreadable';
    let isComplete = isUsable;
    for (const [name, file] of this.state === 'empty' || !isUsable ? [] : this.#files) {
      if (file.breakage !== undefined) {
        if (file.breakage !== 'cut off' || this.#o.isDescribed(`${root}/${name}`)) isComplete = false;
        continue;
      }
      for (const [object, variant] of file.objects) {
        const variants = objects.get(object);
        if (variants !== undefined) isComplete = false;
        objects.set(object, [...(variants ?? []), variant]);
      }
    }
    return { isUsable, isElsewhere: this.state === 'elsewhere', isComplete, objects };
  }
}

/** The engine that a node is on unless somebody moves it. */
export function homeOf(object: string): number {
  return Number(object.slice(1));
}

export function variantOf(changes: Partial<Variant>): Variant {
  return { at: 1, isManager: false, isOther: false, keep: false, ...changes };
}

export function addressAt(number: number): string {
  return `tcp://${hostOf(number)}:${portOfEngines}`;
}

const texts = new Map<string, { readonly text: string; readonly sha256: string }>();

function textOf({ objects, breakage }: ModelFile): { readonly text: string; readonly sha256: string } {
  const whole = [...objects].map(([object, variant]) => documentOf(object, variant)).join('---\n');
  const text = breakage === undefined ? whole : broken(whole, breakage);
  let known = texts.get(text);
  if (known === undefined) {
    known = { text, sha256: createHash('sha256').update(text).digest('hex') };
    texts.set(text, known);
  }
  return known;
}

function broken(text: string, breakage: Breakage): string {
  if (breakage === 'garbage') return `${text}"unterminated\n`;
  return breakage === 'wrong field' ? text.replace('spec:', 'spec:\n  wrong: true') : '';
}

function documentOf(object: Described, { at, isManager, isOther, keep }: Variant): string {
  const notes = keep ? ', annotations: {"swarmctl.io/prune": disabled}' : '';
  const head = `apiVersion: swarmctl.io/v1alpha1\nmetadata: {name: ${object}${notes}}\n`;
  if (object === 'demo') {
    const strategy = isOther ? 'binpack' : 'spread';
    return `${head}kind: Cluster\nspec:\n  manager: {strategy: ${strategy}}\n  tls: {mode: disabled}\n`;
  }
  const roles = isManager ? 'manager, worker' : 'worker';
  const engine = `{address: "${addressAt(at)}", tls: {mode: disabled}}`;
  return `${head}kind: Node\nspec:\n  cluster: demo\n  roles: [${roles}]\n  unschedulable: ${isOther}\n  engine: ${engine}\n`;
}

/** Parses each text once: there are few, and thousands of lives. */
export function rememberingParser(): typeof parseManifest {
  const known = new Map<string, ParsedManifest>();
  return (o: { readonly file: string; readonly text: string; readonly validator: ObjectValidator }) => {
    const id = `${o.file}\n${o.text}`;
    const parsed = known.get(id) ?? parseManifest(o);
    known.set(id, parsed);
    return parsed;
  };
}
