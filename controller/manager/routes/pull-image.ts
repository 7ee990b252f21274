// POST /images/create: a pull with `fromImage`, by every engine that is to have the image.
import { chooseImageEngines } from '../choose-image-engines.js';
import { readBody } from '../read-body.js';
import { labelMessage, replicate } from '../replicate.js';
import { writeChunk } from '../reply.js';
import { stringifyJson } from '../lossless-json.js';
import type { RouteContext, RouteHandler } from '../route-context.js';
import { imageRequest } from './image-request.js';
import { importImage } from './import-image.js';

export const createImage: RouteHandler = (context) =>
  (context.query.get('fromSrc') ?? '') === '' ? pullImage(context) : importImage(context);

// A pull opens three connections for layers: 32 engines are some hundred at the registry, which a small one still serves.
const pullsAtOnce = 32;

async function pullImage(context: RouteContext): Promise<void> {
  const { catalog, cluster } = context.services;
  await readBody(context);
  const reference = pulledReference(context.query);
  const { engines, leftOut } = chooseImageEngines(context, reference);
  // What a digest names never changes: whoever has it need not ask the registry again.
  const having = isDigest(reference)
    ? engines.filter((engine) => catalog.on(engine, reference) !== undefined)
    : [];
  const asked = engines.filter((engine) => !having.includes(engine));
  if (asked.length === 0) {
    context.response.setHeader('Content-Type', 'application/json');
    for (const { name } of having) {
      const message = labelMessage({ status: `Status: Image is up to date for ${reference}` }, name);
      await writeChunk(context.response, `${stringifyJson(message)}\r\n`);
    }
    context.response.end();
    return;
  }
  await replicate(context, {
    engines: asked,
    leftOut,
    limit: pullsAtOnce,
    makeRequest: (engine, signal) => ({ ...imageRequest(context, engine, '/images/create'), signal }),
    after: (engine) => cluster.refreshImages(engine),
    finish: (outcomes) => {
      const done = outcomes.flatMap(({ type, engine }) => (type === 'done' ? [engine] : []));
      // All tags of a name at once cannot be told apart here; their images' own ages decide.
      if (context.query.get('tag') !== '') catalog.noteGiven(reference, done);
      return Promise.resolve(outcomes);
    },
  });
}

function pulledReference(query: URLSearchParams): string {
  const name = query.get('fromImage') ?? '';
  const tag = query.get('tag') ?? '';
  if (tag === '') return name;
  return tag.includes(':') ? `${name}@${tag}` : `${name}:${tag}`;
}

function isDigest(reference: string): boolean {
  return /@[a-z0-9]+:[0-9a-f]{32,}$/.test(reference);
}
