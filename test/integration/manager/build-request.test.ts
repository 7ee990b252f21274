// POST /build through the manager, on scripted engines: everything of a build on one engine, streams without limits.
import http, { type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import t, { type Test } from 'tap';
import { FakeBuilder } from '../../support/fake-builder.js';
import { callManager } from '../../support/fake-manager.js';
import { startManager, type StartedManager } from '../../support/manager-cluster.js';

t.setTimeout(120_000);

async function startCluster(
  t: Test,
): Promise<StartedManager & { builders: readonly [FakeBuilder, FakeBuilder] }> {
  const builders = [
    await FakeBuilder.start({ name: 'n1' }),
    await FakeBuilder.start({ name: 'n2' }),
  ] as const;
  for (const builder of builders) t.teardown(() => builder.close());
  const manager = await startManager(t, { addresses: builders.map(({ address }) => address) });
  return { ...manager, builders };
}

/** Query of a build with these arguments, `constraint:node` among them. */
const query = (parameters: Record<string, string>, node?: string): string =>
  new URLSearchParams({
    ...parameters,
    ...(node === undefined ? {} : { buildargs: JSON.stringify({ 'constraint:node': `=${node}`, V: '1' }) }),
  }).toString();

void t.test('the upload and the cancel of a build find it by its ID', async (t) => {
  const { builders, port } = await startCluster(t);
  const [n1, n2] = builders;
  const seen: string[] = [];
  let finish = (): void => undefined;
  n2.onBuild = (request, response, url) => {
    seen.push(
      `${url.pathname.replace(/^\/v[0-9.]+/, '')} ${url.searchParams.get('buildid') ?? url.searchParams.get('id') ?? ''}`,
    );
    request.resume();
    if (url.searchParams.get('buildid') === 'b1') {
      t.equal(url.searchParams.get('buildargs'), '{"V":"1"}');
      response.write('{"stream":"begun"}\r\n');
      finish = () => response.end();
    } else response.end();
  };
  n1.onBuild = (_request, response) => {
    t.fail('nothing of this build belongs here');
    response.end();
  };
  // The upload comes first and waits for its build.
  const upload = callManager(port, {
    method: 'POST',
    path: '/build?buildid=upload-request:b1',
    body: 'context',
  });
  const path = `/v1.41/build?${query({ version: '2', buildid: 'b1', session: 's1', remote: 'upload-request' }, 'n2')}`;
  const build = callManager(port, { method: 'POST', path });
  t.equal((await upload).status, 200);
  t.equal((await callManager(port, { method: 'POST', path: '/build/cancel?id=b1' })).status, 200);
  finish();
  t.match(await build, { status: 200, text: '{"stream":"begun"}\r\n' });
  t.same([...seen].sort(), ['/build b1', '/build upload-request:b1', '/build/cancel b1']);
  t.equal(
    (await callManager(port, { method: 'POST', path: '/build/cancel?id=b1' })).status,
    200,
    'it is over',
  );
  t.match(await callManager(port, { method: 'POST', path: '/build/cancel' }), {
    status: 400,
    json: { message: 'build ID not provided' },
  });
  t.match(await callManager(port, { method: 'POST', path: '/build?version=3' }), {
    status: 400,
    json: { message: 'invalid version "3"' },
  });
});

void t.test('a context of 200 MB waits where it is until the engine reads', async (t) => {
  const { builders, port } = await startCluster(t);
  const size = 200 * 1024 * 1024;
  let read = (): void => undefined;
  let received = 0;
  builders[0].onBuild = (request, response) => {
    read = () => {
      request.on('data', (chunk: Buffer) => (received += chunk.length));
      request.on('end', () => response.end('{"stream":"done"}\n'));
    };
  };
  let produced = 0;
  const chunk = Buffer.alloc(256 * 1024);
  const context = new Readable({
    read() {
      produced += chunk.length;
      this.push(produced > size ? null : chunk);
    },
  });
  const answer = send(port, `/build?${query({}, 'n1')}`, context);
  let before = -1;
  while (before !== produced || produced === 0) {
    before = produced;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  // Socket buffers of three connections; the rest is with the client.
  t.ok(produced < 40 * 1024 * 1024, `only ${produced} bytes were taken`);
  read();
  t.equal((await readAll(await answer)).toString(), '{"stream":"done"}\n');
  t.equal(received, size);
});

void t.test('100 MB of progress pass unchanged', async (t) => {
  const { builders, port } = await startCluster(t);
  const line = Buffer.from(`${JSON.stringify({ stream: 'x'.repeat(100_000) })}\n`);
  builders[0].onBuild = (request, response) => {
    request.resume();
    Readable.from(Array.from({ length: 1000 }, () => line)).pipe(response);
  };
  const answer = await send(port, `/build?${query({}, 'n1')}`, Readable.from(['context']));
  let size = 0;
  for await (const part of answer as AsyncIterable<Buffer>) size += part.length;
  t.equal(size, 1000 * line.length);
});

void t.test('a client that leaves ends the build at the engine', async (t) => {
  const { builders, port } = await startCluster(t);
  const [n1] = builders;
  const aborted = new Promise<void>((resolve) => {
    n1.onBuild = (request, response) => {
      request.resume();
      response.write('{"stream":"begun"}\n');
      response.once('close', () => resolve());
    };
  });
  const answer = await send(port, `/build?${query({}, 'n1')}`, Readable.from(['context']));
  answer.destroy();
  await aborted;
  t.pass();
});

void t.test('an engine that dies ends the progress with an error that names it', async (t) => {
  const { builders, port } = await startCluster(t);
  const [n1] = builders;
  n1.onBuild = (request, response) => {
    request.resume();
    response.write('{"stream":"begun"}\n', () => setImmediate(() => n1.cut()));
  };
  const answer = await send(port, `/build?${query({}, 'n1')}`, Readable.from(['context']));
  const lines = (await readAll(answer)).toString().trim().split('\n');
  t.equal(lines[0], '{"stream":"begun"}');
  t.match(JSON.parse(lines.at(-1) ?? ''), { error: /^Cannot go on building: engine "n1" broke off: / });
});

function send(port: number, path: string, body: Readable): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = http.request({
      host: '127.0.0.1',
      port,
      method: 'POST',
      path,
      agent: false,
      headers: { 'Content-Type': 'application/x-tar' },
    });
    request.on('response', resolve).on('error', reject);
    body.pipe(request);
  });
}

async function readAll(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
