// POST /images/load: the archive goes to several engines at once; whoever could not keep up gets the images from one of
// them afterwards.
import type { JsonObject } from '../../base/json.js';
import { messageOf } from '../../base/errors.js';
import type { PooledEngine } from '../../engine/cluster-view.js';
import { ableEngines, imageNeeds } from '../api-needs.js';
import { settleAll } from '../call-engine.js';
import { chooseImageEngines } from '../choose-image-engines.js';
import { loadedReference } from '../progress-stream.js';
import { isTrue } from '../query.js';
import { labelMessage, replicate, type Outcome } from '../replicate.js';
import type { RouteContext, RouteHandler } from '../route-context.js';
import { TooSlowError, teeUpload } from '../tee-upload.js';
import { imageRequest } from './image-request.js';

// Each engine more costs the manager another pass of encryption over the archive: 32 are what two cores keep up with at
// 10 MB/s each. The others are served afterwards, by copies.
const uploadsAtOnce = 32;

export const loadImages: RouteHandler = async (context) => {
  const { catalog, cluster, clock } = context.services;
  const { engines, leftOut } = chooseImageEngines(context, '');
  // Older ones would take the archive whole: they get what was loaded.
  const able = ableEngines(engines, imageNeeds('load', context.query, context.version));
  const direct = able.slice(0, uploadsAtOnce);
  const branches = teeUpload(context.body, { count: direct.length, clock });
  const branchOf = new Map(direct.map((engine, at) => [engine, branches[at]]));
  const isQuiet = isTrue(context.query.get('quiet'));
  const loaded = new Map<string, JsonObject>();
  await replicate(context, {
    engines: direct,
    leftOut,
    limit: direct.length,
    makeRequest: (engine, signal) => {
      const body = branchOf.get(engine);
      return {
        ...imageRequest(context, engine, '/images/load'),
        ...(body === undefined ? {} : { body }),
        signal,
      };
    },
    render: (message, { name }) => {
      const reference = loadedReference(message);
      if (reference === undefined) return labelMessage(message, name);
      loaded.set(reference, message);
      return isQuiet ? undefined : { id: name, status: `Loaded ${reference}` };
    },
    after: (engine) => cluster.refreshImages(engine),
    finish: async (outcomes, say) => {
      const done = outcomes.flatMap(({ type, engine }) => (type === 'done' ? [engine] : []));
      for (const reference of loaded.keys()) catalog.noteGiven(reference, done);
      const late = engines.filter(
        (engine) => !direct.includes(engine) || branchOf.get(engine)?.errored instanceof TooSlowError,
      );
      const copied = await copyTo(context, { engines: late, references: [...loaded.keys()] });
      if (!isQuiet) {
        for (const outcome of copied)
          if (outcome.type === 'done') await say({ id: outcome.engine.name, status: 'Copied' });
      }
      // As an engine says it, and once: clients read the names from these lines.
      for (const message of loaded.values()) await say(message);
      return [...outcomes.filter(({ engine }) => !late.includes(engine)), ...copied];
    },
  });
};

/** Copies what was loaded to engines that did not take it from the client. */
export async function copyTo(
  context: RouteContext,
  { engines, references }: { engines: readonly PooledEngine[]; references: readonly string[] },
): Promise<readonly Outcome[]> {
  const { catalog, images } = context.services;
  const settled = await settleAll(engines, engines.length, async (engine) => {
    for (const reference of references) {
      const { own, isOutdated } = catalog.presence(engine, reference);
      if (own !== undefined && !isOutdated) continue;
      const id = await images.copyTo(engine, reference, { signal: context.signal, isBackground: true });
      if (id === undefined) throw new Error(`${reference} is not made for the platform of ${engine.name}`);
    }
  });
  return settled.map((result, at): Outcome => {
    // settleAll answers in the order of its items.
    const engine = engines[at] as PooledEngine;
    return result.status === 'fulfilled'
      ? { type: 'done', engine }
      : { type: 'failed', engine, status: 500, message: messageOf(result.reason) };
  });
}
