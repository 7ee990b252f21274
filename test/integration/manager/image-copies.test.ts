// Images that a create needs are copied from engine to engine: once, from whoever can, at the pace of the slower side.
import http from 'node:http';
import t from 'tap';
import { startImageCluster, type ImageCluster } from '../../support/image-cluster.js';
import { until } from '../../support/until.js';
import type { ImageEngine } from '../../support/image-engine.js';

const pathsOf = (engine: ImageEngine | undefined, pattern: RegExp): string[] =>
  (engine?.requests ?? [])
    .map(({ method, path }) => `${method} ${path}`)
    .filter((line) => pattern.test(line));

/** A promise, and what resolves it. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

void t.test('a create gets its image from an engine that has it, and never asks a registry', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3'] });
  const [n1, n2, n3] = cluster.engines;
  const app = n1?.hold({ tags: ['app:1', 'app:latest', 'moved:1'], bytes: 300_000 });
  n3?.hold({ tags: ['moved:1'], createdSeconds: 2_000 });
  await cluster.sees('app:1', 1);
  await cluster.sees('moved:1', 2);
  t.match(await cluster.create('n2', 'app:1'), { status: 201 });
  const copy = n2?.held.get(app?.id ?? '');
  t.same(copy?.tags, ['app:1', 'app:latest'], 'other names come along, unless they mean something else now');
  t.match(await cluster.create('n2', 'app'), { status: 201 }, 'the image is there by its other name');
  t.same(pathsOf(n1, /images\/get/), ['GET /images/get']);
  for (const engine of cluster.engines) {
    t.same(engine.pulls, []);
    t.same(pathsOf(engine, /distribution|search|auth/), []);
  }
});

void t.test('a create by ID and by digest gets its image too', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  const [n1, n2] = cluster.engines;
  const digest = `app@sha256:${'5'.repeat(64)}`;
  const app = n1?.hold({ tags: ['app:1'], digests: [digest] });
  const bare = n1?.hold({ tags: [] });
  if (app === undefined || bare === undefined) throw new Error('n1 was started');
  await cluster.sees('app:1', 1);
  t.match(await cluster.create('n2', bare.id.slice(7, 19)), { status: 201 });
  t.ok(n2?.held.has(bare.id));
  t.match(await cluster.create('n2', digest), { status: 201 });
  const made = [...(n2?.containers.values() ?? [])].map(({ body }) => body['Image']);
  t.same(
    made,
    [bare.id, app.id],
    'an engine knows only the digests it pulled: the same image goes by its ID',
  );
});

void t.test('creates that wait for one image on one engine share one copy', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  const [n1, n2] = cluster.engines;
  n1?.hold({ tags: ['app:1'], bytes: 200_000 });
  await cluster.sees('app:1', 1);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => cluster.create('n2', 'app:1', `?name=web${index}`)),
  );
  t.same(new Set(answers.map(({ status }) => status)), new Set([201]));
  t.equal(pathsOf(n1, /images\/get/).length, 1);
  t.equal(pathsOf(n2, /images\/load/).length, 1);
});

void t.test('an engine that fails to give the image is passed over', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3', 'n4'] });
  const [n1, n2, n3, n4] = cluster.engines;
  if (n1 === undefined || n2 === undefined) throw new Error('four engines were started');
  for (const engine of [n1, n2, n3])
    engine?.hold({ id: `sha256:${'6'.repeat(64)}`, tags: ['app:1'], bytes: 500_000 });
  n1.faults.answer = ({ path }) =>
    path === '/images/get' ? { status: 500, json: { message: 'disk is gone' } } : undefined;
  n2.imageFaults.saveBreaksAfter = 200_000;
  await cluster.sees('app:1', 3);
  t.match(await cluster.create('n4', 'app:1'), { status: 201 });
  t.same(n4?.pulls, []);
  t.equal(pathsOf(n3, /images\/get/).length, 1);
});

void t.test(
  'when no copy succeeds the answer is the 404 that makes the CLI pull, and says why',
  async (t) => {
    const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
    const [n1, n2] = cluster.engines;
    if (n1 === undefined || n2 === undefined) throw new Error('two engines were started');
    n1.hold({ tags: ['app:1'] });
    n2.imageFaults.load = 'no space left on device';
    await cluster.sees('app:1', 1);
    t.match(await cluster.create('n2', 'app:1'), {
      status: 404,
      json: {
        message: /^No such image: app:1: Cannot copy image "app:1" from n1 to n2: no space left on device$/,
      },
    });
    t.match(await cluster.create('n2', 'nowhere:1'), {
      status: 404,
      json: { message: 'No such image: nowhere:1' },
    });
    t.equal(pathsOf(n1, /images\/get/).length, 1, 'what nobody has is looked for nowhere');
  },
);

void t.test('images of another platform are not copied', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'], labels: ['platforms=linux/arm64'] });
  const [n1] = cluster.engines;
  n1?.hold({ tags: ['arm:1'], arch: 'arm64' });
  await cluster.sees('arm:1', 1);
  t.match(await cluster.create('n2', 'arm:1'), { status: 404, json: { message: 'No such image: arm:1' } });
  t.match(await cluster.create('n2', 'arm:1', '?platform=linux/aarch64'), { status: 201 });
});

void t.test('an older image of the name is replaced before a container is made of it', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  const [n1, n2] = cluster.engines;
  n2?.hold({ tags: ['app:1'], createdSeconds: 1_000 });
  const newer = n1?.hold({ tags: ['app:1'], createdSeconds: 2_000 });
  await cluster.sees('app:1', 2);
  t.match(await cluster.create('n2', 'app:1'), { status: 201 });
  t.equal(n2?.images.get('app:1')?.id, newer?.id);
});

void t.test('a client that leaves ends the copy on both sides, unless another waits', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  const [n1, n2] = cluster.engines;
  if (n1 === undefined || n2 === undefined) throw new Error('two engines were started');
  n1.hold({ tags: ['app:1'], bytes: 64 * 2 ** 20 });
  const { opened, open } = gate();
  n2.imageFaults.pace = () => opened;
  await cluster.sees('app:1', 1);
  const first = leavingCreate(cluster, 'n2');
  const second = leavingCreate(cluster, 'n2');
  await until(() => cluster.traffic.sent > 0);
  first.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(n1.brokenOff + n2.brokenOff, 0);
  second.destroy();
  open();
  await until(() => n1.brokenOff === 1 && n2.brokenOff === 1);
  t.ok(cluster.traffic.received < 64 * 2 ** 20);
  t.equal(n2.held.size, 0);
  t.match(await cluster.create('n2', 'app:1'), { status: 201 }, 'the next create begins anew');
});

void t.test('a big image passes through without being kept', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  const [n1, n2] = cluster.engines;
  const bytes = 256 * 2 ** 20;
  n1?.hold({ tags: ['big:1'], bytes });
  let pieces = 0;
  // The target is the slower one: a pause now and then lets everything before it fill up.
  if (n2 !== undefined)
    n2.imageFaults.pace = () =>
      (pieces += 1) % 512 === 0 ? new Promise((resolve) => setTimeout(resolve, 5)) : undefined;
  await cluster.sees('big:1', 1);
  t.match(await cluster.create('n2', 'big:1'), { status: 201 });
  t.equal(cluster.traffic.received, bytes);
  // Two sockets' worth of kernel buffers (6 MB each at most) and those of the streams.
  t.ok(cluster.traffic.mostUnderWay < 32 * 2 ** 20, `${cluster.traffic.mostUnderWay} bytes were under way`);
});

void t.test('at most four copies run at the same time', async (t) => {
  const names = ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'n7'];
  const cluster = await startImageCluster(t, { names });
  const [n0, ...others] = cluster.engines;
  n0?.hold({ tags: ['app:1'], bytes: 100_000 });
  const { opened, open } = gate();
  let loading = 0;
  let most = 0;
  for (const engine of others) {
    let isCounted = false;
    engine.imageFaults.pace = async () => {
      if (!isCounted) most = Math.max(most, (loading += 1));
      isCounted = true;
      await opened;
    };
  }
  await cluster.sees('app:1', 1);
  const creates = others.map(({ name }) => cluster.create(name, 'app:1'));
  await until(() => loading === 4);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(most, 4);
  loading = 0;
  open();
  t.same(new Set((await Promise.all(creates)).map(({ status }) => status)), new Set([201]));
});

/** A create whose connection the test ends itself. */
function leavingCreate({ port }: ImageCluster, node: string): http.ClientRequest {
  const body = JSON.stringify({ Image: 'app:1', Env: [`constraint:node==${node}`] });
  const request = http.request({
    host: '127.0.0.1',
    port,
    method: 'POST',
    path: '/containers/create',
    agent: false,
    headers: { 'Content-Type': 'application/json' },
  });
  request.on('error', () => undefined);
  request.end(body);
  return request;
}
