// One copy of one image from an engine to another: saved there, loaded here, streamed through with the pace of the slower
// side, and checked at the end.
import { Transform } from 'node:stream';
import type { Clock } from '../../base/clock.js';
import { messageOf, SwarmError } from '../../base/errors.js';
import { objectAt, stringAt, type JsonObject } from '../../base/json.js';
import type { CachedObject, ClusterView, PooledEngine } from '../../engine/cluster-view.js';
import { answerWithin, callEngine, callForBody, messageIn } from '../call-engine.js';
import { encodeReference, enginePath } from '../engine-path.js';
import { loadedReference, lastError, parseMessage } from '../progress-stream.js';
import { parseJsonObject, readAll } from '../read-all.js';

// A holder that reads a big layer from a slow disk, or a target that unpacks one, pauses for seconds, never for a minute.
export const stalledAfterMs = 60_000;

/** The copy failed because of `side`: another source helps against the one, nothing against the other. */
export class TransferError extends SwarmError {
  readonly side: 'source' | 'target';

  constructor(side: 'source' | 'target', message: string, cause?: unknown) {
    super('ENGINE_ERROR', message, { cause });
    this.side = side;
  }
}

export interface Transfer {
  readonly cluster: Pick<ClusterView, 'reportOutcome'>;
  readonly clock: Clock;
  readonly source: CachedObject;
  readonly target: PooledEngine;
  /** As the user wrote it, for messages. */
  readonly reference: string;
  /** Names to bring along; none: the image comes by its ID. */
  readonly names: readonly string[];
  readonly signal: AbortSignal;
}

/** What an engine says of an image; undefined when it does not have it. @throws TransferError for all else */
export async function inspectCopy(
  transfer: Omit<Transfer, 'names'>,
  { engine, reference, side }: { engine: PooledEngine; reference: string; side: 'source' | 'target' },
): Promise<JsonObject | undefined> {
  const answer = await onSide(transfer, side, () =>
    callForBody(transfer.cluster, engine, {
      method: 'GET',
      path: pathOf(engine, `/images/${encodeReference(reference)}/json`),
      headersTimeoutMs: answerWithin.quick,
      signal: transfer.signal,
    }),
  );
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw failure(transfer, side, messageIn(answer));
  return parseJsonObject(answer.body);
}

/** Gives an image on the target a name, with its tag. @throws TransferError */
export async function tagCopy(
  transfer: Omit<Transfer, 'names'>,
  { id, name }: { readonly id: string; readonly name: string },
): Promise<void> {
  const { cluster, target, signal } = transfer;
  const colon = name.lastIndexOf(':');
  const query = new URLSearchParams({ repo: name.slice(0, colon), tag: name.slice(colon + 1) });
  const answer = await onSide(transfer, 'target', () =>
    callForBody(cluster, target, {
      method: 'POST',
      path: pathOf(target, `/images/${encodeReference(id)}/tag`, query),
      headersTimeoutMs: answerWithin.slow,
      signal,
    }),
  );
  if (answer.status !== 201) throw failure(transfer, 'target', messageIn(answer));
}

/**
 * Copies the image and checks that what arrived is what was sent.
 * @returns the image's ID on the target, which differs when the engines store images differently
 * @throws TransferError; the signal's reason when it was aborted
 */
export async function transferImage(transfer: Transfer, sent: JsonObject): Promise<string> {
  const { source, target, names } = transfer;
  const text = await stream(transfer);
  const problem = lastError(text);
  if (problem !== undefined) throw failure(transfer, 'target', problem);
  const loaded = text.split('\n').flatMap((line) => loadedReference(parseMessage(line)) ?? []);
  for (const reference of [source.id, ...names, ...loaded]) {
    const got = await inspectCopy(transfer, { engine: target, reference, side: 'target' });
    if (got === undefined) continue;
    const id = stringAt(got, 'Id') ?? '';
    // The ID is a hash of the content; other stores name it by another hash, so then the layers are compared.
    if (id === source.id || sameLayers(got, sent)) return id;
    throw failure(transfer, 'target', `what arrived as ${reference} has other layers`);
  }
  throw failure(transfer, 'target', 'the image is not there after it was loaded');
}

async function stream(transfer: Transfer): Promise<string> {
  const { cluster, clock, source, target, names, signal } = transfer;
  const stall = new AbortController();
  const both = AbortSignal.any([signal, stall.signal]);
  const query = new URLSearchParams();
  for (const name of names.length > 0 ? names : [source.id]) query.append('names', name);
  const saved = await onSide(transfer, 'source', () =>
    callEngine(cluster, source.engine, {
      method: 'GET',
      path: pathOf(source.engine, '/images/get', query),
      // Engines write the whole archive to their disk before the first byte of it comes.
      headersTimeoutMs: answerWithin.slow,
      signal: both,
    }),
  );
  if (saved.status !== 200) {
    const body = await readAll(saved.body, 64 * 1024);
    throw failure(transfer, 'source', messageIn({ body }));
  }
  let broken: TransferError | undefined;
  const guarded: Transform = guardProgress(clock, () => {
    // What waits in here was not taken; with nothing waiting, nothing was sent.
    const side = guarded.readableLength > 0 ? 'target' : 'source';
    broken = failure(transfer, side, `no data for ${stalledAfterMs / 1000} s`);
    stall.abort(broken);
  });
  saved.body.once('error', (error) => {
    broken ??= failure(transfer, 'source', error.message, error);
    guarded.destroy(broken);
  });
  try {
    saved.body.pipe(guarded);
    const loaded = await callForBody(cluster, target, {
      method: 'POST',
      path: pathOf(target, '/images/load', new URLSearchParams({ quiet: '1' })),
      headers: { 'Content-Type': 'application/x-tar' },
      body: guarded,
      headersTimeoutMs: answerWithin.slow,
      signal: both,
    });
    if (loaded.status >= 400) throw failure(transfer, 'target', messageIn(loaded));
    return loaded.body.toString('utf8');
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (broken !== undefined) throw broken;
    throw error instanceof TransferError ? error : failure(transfer, 'target', messageOf(error), error);
  } finally {
    guarded.destroy();
    saved.body.destroy();
  }
}

async function onSide<T>(
  transfer: Omit<Transfer, 'names'>,
  side: 'source' | 'target',
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (transfer.signal.aborted) throw transfer.signal.reason;
    throw failure(transfer, side, messageOf(error), error);
  }
}

function failure(
  { source, target, reference }: Omit<Transfer, 'names'>,
  side: 'source' | 'target',
  why: string,
  cause?: unknown,
): TransferError {
  return new TransferError(
    side,
    `Cannot copy image "${reference}" from ${source.engine.name} to ${target.name}: ${why}`,
    cause,
  );
}

/** Each engine is spoken to in its own newest version: the two may have none in common. */
function pathOf(engine: PooledEngine, path: string, query?: URLSearchParams): string {
  return enginePath(engine, { version: engine.specs?.apiVersion ?? '1.24', path, query });
}

function sameLayers(a: JsonObject, b: JsonObject): boolean {
  const layers = [a, b].map((image) => JSON.stringify(objectAt(image, 'RootFS')['Layers']));
  return layers[0] !== undefined && layers[0] === layers[1];
}

/** Passes data on and calls `onStall` when none moved for a while. */
function guardProgress(clock: Clock, onStall: () => void): Transform {
  let cancel = clock.setTimer(stalledAfterMs, onStall);
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      cancel();
      cancel = clock.setTimer(stalledAfterMs, onStall);
      done(null, chunk);
    },
    flush: (done) => {
      cancel();
      done();
    },
    destroy: (error, done) => {
      cancel();
      done(error);
    },
  });
}
