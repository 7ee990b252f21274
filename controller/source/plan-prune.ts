// Decides which objects may be deleted because their manifest is gone. Pure, and careful: what is deleted here takes
// containers on engines with it, and the usual reason for many missing files is an accident.
import { annotations } from '../api/labels.js';
import { formatKey, type ObjectKey } from '../api/object-key.js';
import { kinds, type Kind, type Resource } from '../api/resources.js';

export interface PruneInput {
  /** Objects that came from the directory and are not being deleted. */
  readonly stored: readonly Resource[];
  /** Keys (as `formatKey` prints them) of the objects that the directory holds. */
  readonly desired: ReadonlySet<string>;
  /** Keys that were held back before: only an approval, or their manifest, ends that. */
  readonly heldBefore: ReadonlySet<string>;
  /** Keys of objects whose manifest was not in this directory: another one was followed then. */
  readonly foreign?: ReadonlySet<string>;
  /** The directory is on another file system than before. */
  readonly isOtherDevice?: boolean;
  /** When each missing key was first found missing, from the last decision. */
  readonly missingSinceMs: ReadonlyMap<string, number>;
  readonly nowMs: number;
  /** A key must be missing this long, in every look, before anything is decided about it. */
  readonly pruneDelayMs: number;
  /** Default true; otherwise nothing is deleted without approval. */
  readonly mayPrune?: boolean;
}

export interface PrunePlan {
  readonly prune: readonly ObjectKey[];
  readonly held: readonly { readonly key: ObjectKey; readonly why: string }[];
  readonly missingSinceMs: ReadonlyMap<string, number>;
  /** When a waiting key is due; undefined when none waits. */
  readonly nextDueMs: number | undefined;
}

// One removed object is an edit; a third of a kind at once is more likely a wrong branch or a failed copy.
const maxShare = 0.3;

export function planPrune(input: PruneInput): PrunePlan {
  const missing = input.stored.filter((resource) => !input.desired.has(formatKey(keyOf(resource))));
  const missingSinceMs = new Map(
    missing.map((resource) => {
      const id = formatKey(keyOf(resource));
      return [id, input.missingSinceMs.get(id) ?? input.nowMs];
    }),
  );
  const dueMs = (resource: Resource): number =>
    (missingSinceMs.get(formatKey(keyOf(resource))) ?? input.nowMs) + input.pruneDelayMs;
  // Found missing in this look for the first time is not enough, even without a delay.
  const isDue = (resource: Resource): boolean =>
    input.missingSinceMs.has(formatKey(keyOf(resource))) && dueMs(resource) <= input.nowMs;

  const guards = new Map(kinds.map((kind) => [kind, guardOf(kind, input, missing)]));
  const decisions = missing.filter(isDue).map((resource) => ({
    key: keyOf(resource),
    why: reasonToHold(
      resource,
      guards.get(resource.kind) ?? fromElsewhere(input, resource) ?? heldBefore(input, resource),
    ),
  }));
  const waiting = missing.filter((resource) => !isDue(resource)).map(dueMs);
  return {
    prune: decisions.filter(({ why }) => why === undefined).map(({ key }) => key),
    held: decisions.flatMap(({ key, why }) => (why === undefined ? [] : [{ key, why }])),
    missingSinceMs,
    nextDueMs: waiting.length === 0 ? undefined : Math.min(...waiting),
  };
}

function reasonToHold(resource: Resource, guard: string | undefined): string | undefined {
  if (resource.metadata.annotations?.[annotations.prune] === 'disabled') {
    return `its annotation ${annotations.prune} is "disabled"`;
  }
  return isApproved(resource) ? undefined : guard;
}

/** Else approving some of many would quietly shrink the rest to a number that needs no approval. */
function heldBefore(input: PruneInput, resource: Resource): string | undefined {
  return input.heldBefore.has(formatKey(keyOf(resource))) ? 'it was held back before' : undefined;
}

/** Not finding it here says nothing: it was never here. */
function fromElsewhere(input: PruneInput, resource: Resource): string | undefined {
  return input.foreign?.has(formatKey(keyOf(resource))) === true
    ? 'its manifest was not in the directory that is followed now'
    : undefined;
}

/** Why no object of a kind may be deleted without approval; undefined when they may. */
function guardOf(kind: Kind, input: PruneInput, missing: readonly Resource[]): string | undefined {
  if (input.mayPrune === false) return 'the operator runs with --no-prune';
  if (input.isOtherDevice === true) return 'the directory is on another file system than before';
  if (input.desired.size === 0) return 'the directory holds no object any more';
  if (kind === 'Cluster') return 'a cluster is never deleted without approval';
  const total = input.stored.filter((resource) => resource.kind === kind).length;
  const count = missing.filter((resource) => resource.kind === kind && !isApproved(resource)).length;
  return count > Math.max(1, Math.floor(total * maxShare))
    ? `${count} of ${total} ${kind.toLowerCase()}s would be deleted at once`
    : undefined;
}

/** Whether a user has confirmed that the object may be deleted with many others. */
export function isApproved(resource: Resource): boolean {
  return resource.metadata.annotations?.[annotations.deletionApproved] === 'true';
}

function keyOf(resource: Resource): ObjectKey {
  return { kind: resource.kind, name: resource.metadata.name };
}
