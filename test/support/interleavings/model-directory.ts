// The manifests of the model, in a directory or on a branch of which some commit is in force: which objects stand in which
// file, how files are broken, and what a look sees. What the operator makes of it is not decided here.
import { createHash } from 'node:crypto';
import type { ObjectValidator } from '../../../controller/schema/validate.js';
import { parseManifest, type ParsedManifest } from '../../../controller/source/parse-manifest.js';
import type { Snapshot, SnapshotFile } from '../../../controller/source/snapshot.js';
import { hostOf, portOfEngines } from './model-world.js';

/** Of a directory with one below it. */
export const fileNames = ['a.yaml', 'b.yaml', 'beta/d.yaml', 'c.yaml'] as const;
export type FileName = (typeof fileNames)[number];

/** Objects that manifests describe. */
export const described = ['demo', 'beta', 'n1', 'n2', 'n3', 'n4'] as const;
export type Described = (typeof described)[number];

export const clusterNames = ['demo', 'beta'] as const;
export type ClusterName = (typeof clusterNames)[number];

/** One of the ways in which an object can be described. */
export interface Variant {
  /** Number of the engine a node is on; nodes only. */
  readonly at: number;
  readonly isManager: boolean;
  /** Nodes only. */
  readonly cluster: ClusterName;
  /** Nodes: cordoned. Cluster: another strategy. */
  readonly isOther: boolean;
  readonly keep: boolean;
  /** The file says that it owns the object, whoever made it. */
  readonly claims: boolean;
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

export interface ModelDirectoryOptions {
  /** They are on a branch, and each edit is a commit. */
  readonly isGit: boolean;
  /** Told of each snapshot that was the same twice. */
  readonly onSeen: (seen: Seen) => void;
  /** Whether objects are known that come from a file: only then it is strange that it is empty. */
  readonly isDescribed: (file: string) => boolean;
}

export class ModelDirectory {
  state: RootState = 'there';
  /** As they are now; on the branch. */
  #files = new Map<FileName, ModelFile>();
  /** As they were before the last edit. */
  #before: ReadonlyMap<FileName, ModelFile>;
  readonly #first: ReadonlyMap<FileName, ModelFile>;
  readonly #commits = new Map<string, ReadonlyMap<FileName, ModelFile>>();
  #inForce: string | undefined;
  /** Done right after the next look has taken its first snapshot. */
  #meanwhile: (() => void) | undefined;
  #last: { readonly fingerprint: string; readonly atMs: number } | undefined;
  readonly #o: ModelDirectoryOptions;

  constructor(o: ModelDirectoryOptions) {
    this.#o = o;
    const home = (number: number, isManager: boolean): Variant => variantOf({ at: number, isManager });
    const beta = variantOf({ at: 4, isManager: true, cluster: 'beta' });
    this.#files.set('a.yaml', { objects: new Map([['demo', variantOf({})]]) });
    this.#files.set('b.yaml', { objects: new Map([['n1', home(1, true)], ['n2', home(2, false)]]) }); // prettier-ignore
    this.#files.set('beta/d.yaml', { objects: new Map([['beta', variantOf({})], ['n4', beta]]) }); // prettier-ignore
    this.#files.set('c.yaml', { objects: new Map([['n3', home(3, false)]]) });
    this.#first = new Map(this.#files);
    this.#before = this.#first;
  }

  /** What a fetch finds: a commit with what the files are now. */
  commit(): string {
    const newest = [...this.#commits].at(-1);
    if (newest !== undefined && textOfAll(newest[1]) === textOfAll(this.#files)) return newest[0];
    const id = (this.#commits.size + 1).toString(16).padStart(40, '0');
    this.#commits.set(id, new Map(this.#files));
    return id;
  }

  get inForce(): string | undefined {
    return this.#inForce;
  }

  /** @throws a commit that must not come into force does */
  switchTo(id: string): void {
    const { isComplete } = this.#look(this.#commits.get(id) ?? new Map<FileName, ModelFile>());
    if (!isComplete) throw new Error(`commit ${id}, of which a part cannot be used, comes into force`);
    this.#inForce = id;
  }

  /** Changes with what the manifests are read from as a whole. */
  get rootId(): string {
    return this.#o.isGit ? `commit ${this.#inForce ?? ''}` : 'root';
  }

  /** Describes an object in a file, and with `isMoved` nowhere else. */
  put(o: {
    readonly object: Described;
    readonly variant: Variant;
    readonly file: FileName;
    readonly isMoved: boolean;
  }): void {
    this.#remember();
    if (o.isMoved) this.#drop(o.object);
    const objects = new Map(this.#files.get(o.file)?.objects).set(o.object, o.variant);
    this.#files.set(o.file, { objects });
  }

  /** Takes an object out of every file. Files without any go. */
  drop(object: Described): void {
    this.#remember();
    this.#drop(object);
  }

  /** The role goes from one node to the other, in one step, wherever they stand. */
  moveManager(from: Described, to: Described): void {
    this.#remember();
    for (const [name, file] of [...this.#files]) {
      const objects = [...file.objects].map(([object, variant]): [Described, Variant] => [
        object,
        object === from || object === to ? { ...variant, isManager: object === to } : variant,
      ]);
      this.#files.set(name, { ...file, objects: new Map(objects) });
    }
  }

  /** As before the last edit, whatever that was. */
  revert(): void {
    const before = this.#before;
    this.#remember();
    this.#files = new Map(before);
  }

  #drop(object: Described): void {
    for (const [name, file] of [...this.#files]) {
      if (!file.objects.has(object)) continue;
      const objects = new Map(file.objects);
      objects.delete(object);
      if (objects.size === 0) this.#files.delete(name);
      else this.#files.set(name, { ...file, objects });
    }
  }

  #remember(): void {
    this.#before = new Map(this.#files);
  }

  dropFile(name: FileName): void {
    this.#remember();
    this.#files.delete(name);
  }

  break(name: FileName, breakage: Breakage): void {
    this.#remember();
    const file = this.#files.get(name);
    if (file !== undefined) this.#files.set(name, { ...file, breakage });
  }

  mend(name: FileName): void {
    this.#remember();
    const file = this.#files.get(name);
    if (file !== undefined) this.#files.set(name, { objects: file.objects });
  }

  /** As git would after a reset to the first commit. */
  reset(): void {
    this.#remember();
    this.#files = new Map(this.#first);
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
        objects.set(object, isClusterName(object) ? variant : { ...variant, at: homeOf(object) });
      }
      if (objects.size === 0) this.#files.delete(name);
      else this.#files.set(name, { objects });
    }
  }

  /** What it says now, of files that can be used; on the branch, whether or not it is in force. */
  get objects(): ReadonlyMap<Described, Variant> {
    return new Map(
      [...this.#look(this.#files).objects].flatMap(([object, [variant]]) =>
        variant === undefined ? [] : [[object, variant]],
      ),
    );
  }

  /** Of a commit that is checked out aside, on a branch. */
  takeSnapshotOf(id: string): Snapshot {
    this.#doMeanwhile();
    return this.#snapshotOf(this.#commits.get(id) ?? new Map<FileName, ModelFile>());
  }

  takeSnapshot(nowMs: number): Snapshot {
    const snapshot = this.#snapshot();
    const isSecond = this.#last?.fingerprint === snapshot.fingerprint && nowMs - this.#last.atMs <= 100;
    if (isSecond) this.#o.onSeen(this.#see());
    // The look is over with it; the next one begins anew.
    this.#last = isSecond ? undefined : { fingerprint: snapshot.fingerprint, atMs: nowMs };
    this.#doMeanwhile();
    return snapshot;
  }

  #doMeanwhile(): void {
    const meanwhile = this.#meanwhile;
    this.#meanwhile = undefined;
    meanwhile?.();
  }

  /** Those that the operator reads. */
  get #shown(): ReadonlyMap<FileName, ModelFile> {
    if (!this.#o.isGit) return this.state === 'empty' ? new Map() : this.#files;
    return this.#commits.get(this.#inForce ?? '') ?? new Map<FileName, ModelFile>();
  }

  #snapshot(): Exclude<Snapshot, { type: 'moving' }> {
    if (!this.#o.isGit && (this.state === 'missing' || this.state === 'unreadable')) {
      return { type: this.state, why: `it is ${this.state}`, fingerprint: this.state };
    }
    return this.#snapshotOf(this.#shown);
  }

  #snapshotOf(all: ReadonlyMap<FileName, ModelFile>): Exclude<Snapshot, { type: 'moving' }> {
    const files = fileNames.flatMap((name) => snapshotFile(name, all.get(name)));
    const device = !this.#o.isGit && this.state === 'elsewhere' ? 'device-2' : 'device-1';
    const { rootId } = this;
    const parts = files.map(({ file, content }) => [
      file,
      content.type === 'text' ? content.sha256 : content.why,
    ]);
    return {
      ...{ type: 'files', rootId, realRoot: root, device, ignored: [], isUnfinished: false, files },
      fingerprint: JSON.stringify([rootId, device, parts]),
    };
  }

  #see(): Seen {
    const isUsable = this.#o.isGit || (this.state !== 'missing' && this.state !== 'unreadable');
    const seen = this.#look(isUsable ? this.#shown : new Map());
    const isElsewhere = !this.#o.isGit && this.state === 'elsewhere';
    return { ...seen, isUsable, isElsewhere, isComplete: isUsable && seen.isComplete };
  }

  #look(files: ReadonlyMap<FileName, ModelFile>): Pick<Seen, 'isComplete' | 'objects'> {
    const objects = new Map<Described, Variant[]>();
    let isComplete = true;
    for (const [name, file] of files) {
      if (file.breakage !== undefined) {
        // Whole directories are put in place of a checkout: an empty file is meant to be empty.
        const isMeant = this.#o.isGit || !this.#o.isDescribed(`${root}/${name}`);
        if (file.breakage !== 'cut off' || !isMeant) isComplete = false;
        continue;
      }
      for (const [object, variant] of file.objects) {
        const variants = objects.get(object);
        if (variants !== undefined) isComplete = false;
        objects.set(object, [...(variants ?? []), variant]);
      }
    }
    return { isComplete, objects };
  }
}

function snapshotFile(name: FileName, file: ModelFile | undefined): readonly SnapshotFile[] {
  if (file === undefined) return [];
  const shown = `${root}/${name}`;
  if (file.breakage === 'unreadable')
    return [{ file: shown, content: { type: 'unreadable', why: 'permission denied' } }];
  const { text, sha256 } = textOf(file);
  return [{ file: shown, content: { type: 'text', text, sha256 } }];
}

export function isClusterName(name: string): name is ClusterName {
  return clusterNames.some((one) => one === name);
}

/** The engine that a node is on unless somebody moves it. */
export function homeOf(object: string): number {
  return Number(object.slice(1));
}

export function variantOf(changes: Partial<Variant>): Variant {
  return { at: 1, isManager: false, cluster: 'demo', isOther: false, keep: false, claims: false, ...changes };
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

function textOfAll(files: ReadonlyMap<FileName, ModelFile>): string {
  return fileNames
    .map((name) => `${name} ${files.get(name)?.breakage ?? ''}${shaOf(files.get(name))}`)
    .join();
}

function shaOf(file: ModelFile | undefined): string {
  return file === undefined ? '' : textOf(file).sha256;
}

function broken(text: string, breakage: Breakage): string {
  if (breakage === 'garbage') return `${text}"unterminated\n`;
  return breakage === 'wrong field' ? text.replace('spec:', 'spec:\n  wrong: true') : '';
}

function documentOf(object: Described, variant: Variant): string {
  const { at, isManager, cluster, isOther, keep, claims } = variant;
  const entries = [
    ...(keep ? ['"swarmctl.io/prune": disabled'] : []),
    ...(claims ? ['"swarmctl.io/take-over": "true"'] : []),
  ];
  const notes = entries.length === 0 ? '' : `, annotations: {${entries.join(', ')}}`;
  const head = `apiVersion: swarmctl.io/v1alpha1\nmetadata: {name: ${object}${notes}}\n`;
  if (isClusterName(object)) {
    const strategy = isOther ? 'binpack' : 'spread';
    return `${head}kind: Cluster\nspec:\n  manager: {strategy: ${strategy}}\n  tls: {mode: disabled}\n`;
  }
  const roles = isManager ? 'manager, worker' : 'worker';
  const engine = `{address: "${addressAt(at)}", tls: {mode: disabled}}`;
  return `${head}kind: Node\nspec:\n  cluster: ${cluster}\n  roles: [${roles}]\n  unschedulable: ${isOther}\n  engine: ${engine}\n`;
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
