// Carries out the actions of one engine, in order. Each step is safe to repeat: whoever dies between two of them leaves
// something the next plan completes.
import path from 'node:path';
import { containerLabels } from '../api/labels.js';
import type { Clock } from '../base/clock.js';
import { isSwarmError, SwarmError, toSwarmError } from '../base/errors.js';
import type { EngineClient } from '../engine/engine-client.js';
import { filesRoot } from '../plan/container-files.js';
import { describeAction, type Action } from '../plan/action.js';
import type { DesiredContainer } from '../plan/desired-container.js';
import type { DeliveredFiles } from './delivered-files.js';
import type { FileChecks } from './file-checks.js';
import type { ImageLoader } from './image-loader.js';
import type { Happening } from './story.js';

export interface ApplyOptions {
  readonly client: EngineClient;
  readonly images: ImageLoader;
  readonly delivered: DeliveredFiles;
  readonly files: FileChecks;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly installation: string;
  /** Called after each step that changed something that users see. */
  readonly tell: (happening: Happening) => void;
  /** Called after each step, and with the error of the one that failed. */
  readonly onStep?: (action: Action, error?: SwarmError) => void;
  readonly signal: AbortSignal;
}

/** A manager finishes what runs through it, a join container takes its entry out of discovery. */
const stopGraceSeconds = 10;

/**
 * @throws {ENGINE_* | IMAGE_MISSING} and stops at the first failure
 * @throws {OBJECT_CONFLICT} when the engine changed since it was observed: look again
 */
export async function applyActions(actions: readonly Action[], options: ApplyOptions): Promise<void> {
  /** IDs of what was made or found during this run, by name. */
  const ids = new Map<string, string>();
  for (const action of actions) {
    options.signal.throwIfAborted();
    try {
      await applyAction(action, { ...options, ids });
    } catch (error) {
      options.onStep?.(action, toSwarmError(error));
      throw error;
    }
    options.onStep?.(action);
    const reason = reasonOf(action);
    // The very line that `swarmctl plan` printed for it.
    if (reason !== undefined) options.tell({ type: 'Normal', reason, message: describeAction(action) });
  }
}

type StepOptions = ApplyOptions & { readonly ids: Map<string, string> };

async function applyAction(action: Action, options: StepOptions): Promise<void> {
  const { client, delivered, files, signal } = options;
  switch (action.type) {
    case 'LoadImage':
      return options.images.load(client, action.reference, signal);
    case 'PullImage':
      return options.images.pull(client, action.reference, signal);
    case 'CreateContainer': {
      const id = await create(action.container, options);
      options.ids.set(action.container.name, id);
      return;
    }
    case 'PutFiles': {
      const isNew = options.ids.has(action.container.name);
      const id = await idOf(action.container, options);
      return putFiles(action.container, { ...options, id, isNew });
    }
    case 'StartContainer': {
      const id = await idOf(action.container, options);
      await client.startContainer(id, signal);
      remember(action.container, { ...options, id });
      return;
    }
    case 'SignalContainer': {
      const id = await idOf(action.container, options);
      await client.signalContainer(id, action.signal, signal);
      remember(action.container, { ...options, id });
      return;
    }
    case 'UpdateContainer':
      return client.updateContainer(action.id, action.changes, signal);
    case 'RemoveContainer':
      await client.stopContainer(action.id, { graceSeconds: stopGraceSeconds }, signal);
      await client.removeContainer(action.id, { force: true }, signal);
      if (action.volume !== undefined) await client.removeVolume(action.volume, signal);
      delivered.forget(action.id);
      files.forget(action.id);
  }
}

/** Of the event that tells of a step; undefined for steps that only prepare the next one. */
function reasonOf(action: Action): string | undefined {
  switch (action.type) {
    case 'LoadImage':
    case 'PullImage':
      return 'ImageLoaded';
    case 'CreateContainer':
      return action.why === 'it does not exist' ? 'Created' : 'Replaced';
    case 'PutFiles':
      return undefined;
    case 'StartContainer':
      return 'Started';
    case 'SignalContainer':
      return 'Reloaded';
    case 'UpdateContainer':
      return 'Updated';
    case 'RemoveContainer':
      return 'Removed';
  }
}

async function create(container: DesiredContainer, options: StepOptions): Promise<string> {
  const { client, signal } = options;
  try {
    return await client.createContainer({ name: container.name, body: container.body }, signal);
  } catch (error) {
    // Somebody was faster, for example we ourselves before a crash whose answer got lost.
    if (isSwarmError(error, 'OBJECT_CONFLICT')) {
      const present = await client.inspectContainer(container.name, signal);
      const isOurs =
        present?.labels[containerLabels.installation] === options.installation &&
        present.labels[containerLabels.specHash] === container.specHash;
      if (isOurs) return present.id;
    }
    throw error;
  }
}

async function putFiles(
  container: DesiredContainer,
  o: StepOptions & { readonly id: string; readonly isNew: boolean },
): Promise<void> {
  const { client, clock, delivered, files: checks, signal, id, isNew } = o;
  const { files } = container;
  if (files === undefined) {
    throw new SwarmError('INTERNAL', `Cannot copy files into "${container.name}": they are not known`);
  }
  // From now on nobody knows what the process has read, until it was told to read these: not even when they are taken back.
  delivered.forget(id);
  checks.delivering(id, clock.monotonic());
  await client.putFiles(
    id,
    {
      directory: filesRoot,
      files: files.map(({ path: file, mode, content }) => ({
        path: path.posix.relative(filesRoot, file),
        mode,
        content,
      })),
      isNew,
    },
    signal,
  );
}

/** By ID, so that a container that somebody put in the place of ours meanwhile is not touched. */
async function idOf(container: DesiredContainer, options: StepOptions): Promise<string> {
  const known = options.ids.get(container.name);
  if (known !== undefined) return known;
  const present = await options.client.inspectContainer(container.name, options.signal);
  if (present?.labels[containerLabels.installation] !== options.installation) {
    throw new SwarmError(
      'OBJECT_CONFLICT',
      `Cannot work on container "${container.name}" on "${options.client.endpoint.name}": it is no longer ours`,
    );
  }
  options.ids.set(container.name, present.id);
  return present.id;
}

function remember(
  container: DesiredContainer,
  { id, delivered, files }: Pick<StepOptions, 'delivered' | 'files'> & { readonly id: string },
): void {
  if (container.filesHash !== undefined) delivered.set(id, container.filesHash);
  files.delivered(id);
}
