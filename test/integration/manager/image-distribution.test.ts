// Images that come into the cluster, and changes of those that are there: who gets them, what the client is told, and that
// an engine which is slow, dead or says no holds up nobody.
import http from 'node:http';
import t from 'tap';
import { startImageCluster, type ImageCluster } from '../../support/image-cluster.js';
import { until } from '../../support/until.js';
import { archiveOf, anImageId, type FakeImage } from '../../support/image-engine.js';
import { waitForState } from '../../support/manager-cluster.js';

t.setTimeout(60_000);

const linesOf = (answer: { text: string }): Record<string, unknown>[] =>
  answer.text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const pull = (
  cluster: ImageCluster,
  reference: string,
  headers: Record<string, string> = {},
): ReturnType<ImageCluster['call']> => {
  const [name = '', tag = ''] = reference.includes('@') ? reference.split('@') : reference.split(':');
  return cluster.call('POST', `/images/create?fromImage=${name}&tag=${tag}`, { headers });
};

const pulled = ({ engines }: ImageCluster): string[] =>
  engines.filter(({ pulls }) => pulls.length > 0).map(({ name }) => name);

function anImage(changes: Partial<FakeImage> & { readonly tags: string[] }): FakeImage {
  return { id: anImageId(), digests: [], createdSeconds: 1_000, bytes: 1_000, arch: 'amd64', ...changes };
}

void t.test('a pull brings the image to every engine, and says of each how it goes', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3'] });
  const answer = await pull(cluster, 'app:1', { 'X-Registry-Auth': 'c2VjcmV0' });
  t.equal(answer.status, 200);
  t.same(pulled(cluster), ['n1', 'n2', 'n3']);
  for (const name of ['n1', 'n2', 'n3']) {
    t.match(linesOf(answer), new Set([{ id: `${name}: latest`, status: 'Pulling from here' }]));
    t.ok(linesOf(answer).some(({ id, status }) => id === name && String(status).startsWith('Status: ')));
  }
  const listed = await cluster.call('GET', '/images/json');
  t.match(listed.json, [{ RepoTags: ['app:1'] }], 'the list has it when the pull is over');
});

void t.test('a pull that fails on some engines succeeds, and names them', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3'] });
  const [n1, n2] = cluster.engines;
  if (n1 === undefined || n2 === undefined) throw new Error('three engines were started');
  n1.imageFaults.pull = () => ({ status: 500, message: 'no route to the registry' });
  n2.imageFaults.pull = () => ({ message: 'disk is full' });
  const lines = linesOf(await pull(cluster, 'app:1'));
  t.ok(lines.some(({ id, status }) => id === 'n1' && status === 'Failed: no route to the registry'));
  t.ok(lines.some(({ id, status }) => id === 'n2' && status === 'Failed: disk is full'));
  t.notOk(lines.some((line) => 'error' in line));
});

void t.test('a pull that fails everywhere fails in the words of the engines', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  const [n1, n2] = cluster.engines;
  if (n1 === undefined || n2 === undefined) throw new Error('two engines were started');
  const denied = 'pull access denied for app, repository does not exist or may require docker login';
  for (const engine of [n1, n2]) engine.imageFaults.pull = () => ({ status: 404, message: denied });
  t.match(await pull(cluster, 'app:1'), { status: 404, json: { message: denied } });
  n2.imageFaults.pull = () => ({ status: 500, message: 'disk is gone' });
  t.match(await pull(cluster, 'app:1'), {
    status: 404,
    json: { message: `n1: ${denied}; n2: disk is gone` },
  });
  for (const engine of [n1, n2]) engine.imageFaults.pull = () => ({ message: 'broke off' });
  const answer = await pull(cluster, 'app:1');
  t.equal(answer.status, 200, 'the stream had begun');
  t.match(linesOf(answer).at(-1), { error: 'broke off', errorDetail: { message: 'broke off' } });
});

void t.test('what a digest names is not pulled again where it is', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  const digest = `sha256:${'5'.repeat(64)}`;
  t.match(await pull(cluster, `app@${digest}`, { 'X-Swarm-Image-Placement': 'node==n1' }), { status: 200 });
  await pull(cluster, `app@${digest}`);
  await pull(cluster, `app@${digest}`);
  t.same(
    cluster.engines.map(({ pulls }) => pulls.length),
    [1, 1],
  );
});

void t.test('where an image goes is up to the manager, and to the request', async (t) => {
  const cluster = await startImageCluster(t, {
    names: ['n1', 'n2', 'n3'],
    settings: { imagePlacement: { type: 'one' } },
  });
  await pull(cluster, 'a:1');
  t.equal(pulled(cluster).length, 1);
  const before = pulled(cluster);
  await pull(cluster, 'a:1');
  t.same(pulled(cluster), before, 'an engine that has an older one takes the newer one');
  await pull(cluster, 'b:1', { 'X-Swarm-Image-Placement': 'all' });
  t.equal(pulled(cluster).length, 3);
  for (const engine of cluster.engines) engine.pulls.length = 0;
  await pull(cluster, 'c:1', { 'X-Swarm-Image-Placement': 'node==/n[12]/;node!=n2' });
  t.same(pulled(cluster), ['n1']);
  t.match(await pull(cluster, 'd:1', { 'X-Swarm-Image-Placement': 'node==n9' }), {
    status: 500,
    json: { message: 'Cannot place the image: no healthy engine satisfies node==n9' },
  });
  t.match(await pull(cluster, 'd:1', { 'X-Swarm-Image-Placement': 'some' }), {
    status: 400,
    json: { message: /^invalid header X-Swarm-Image-Placement: One of operator ==, != is expected/ },
  });
  t.match(await pull(cluster, 'd:1', { 'X-Swarm-Image-Placement': 'node==~n1' }), {
    status: 400,
    json: { message: /must not be soft/ },
  });
});

void t.test('a fleet does not pull all at once', async (t) => {
  const cluster = await startImageCluster(t, {
    names: Array.from({ length: 36 }, (_, index) => `n${index}`),
  });
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  let pulling = 0;
  for (const engine of cluster.engines)
    engine.imageFaults.pace = () => {
      pulling += 1;
      return opened;
    };
  const answer = pull(cluster, 'app:1');
  await until(() => pulling === 32);
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.equal(pulling, 32);
  open();
  t.match(await answer, { status: 200 });
  t.equal(pulled(cluster).length, 36);
});

void t.test('engines that die or hang are left behind, and the client is told', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3', 'n4'] });
  const [, n2, n3, n4] = cluster.engines;
  if (n2 === undefined || n3 === undefined || n4 === undefined) throw new Error('four engines were started');
  await n4.close();
  await waitForState(cluster.pool, { state: 'unhealthy', count: 1 });
  n2.imageFaults.pace = () => {
    n2.cutConnections();
    return undefined;
  };
  n3.imageFaults.pace = () => {
    // From now on nothing is answered, health probes neither.
    n3.faults.hang = () => true;
    return new Promise(() => undefined);
  };
  const lines = linesOf(await pull(cluster, 'app:1'));
  t.ok(lines.some(({ id, status }) => id === 'n1' && String(status).startsWith('Status: Downloaded')));
  t.ok(lines.some(({ id, status }) => id === 'n2' && String(status).startsWith('Failed: ')));
  t.ok(
    lines.some(({ id, status }) => id === 'n3' && /^Failed: .*it stopped answering/.test(String(status))),
    'the health probe ends the wait, long before silence would',
  );
  t.ok(lines.some(({ id, status }) => id === 'n4' && String(status).startsWith('Left out: ')));
  t.notOk(lines.some((line) => 'error' in line));
});

void t.test('a client that leaves ends the pull on every engine', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  for (const engine of cluster.engines) engine.imageFaults.pace = () => opened;
  const request = http.request({
    host: '127.0.0.1',
    port: cluster.port,
    method: 'POST',
    path: '/images/create?fromImage=app&tag=1',
    agent: false,
  });
  request.on('error', () => undefined);
  request.end();
  await until(() => cluster.engines.every(({ pulls }) => pulls.length === 1));
  request.destroy();
  await until(() => cluster.engines.every(({ brokenOff }) => brokenOff === 1));
  open();
  t.pass('each engine saw its pull end');
});

void t.test('a load reaches every engine, more than are served at once by copies', async (t) => {
  const names = Array.from({ length: 34 }, (_, index) => `n${index}`);
  const cluster = await startImageCluster(t, { names });
  const image = anImage({ tags: ['app:1'] });
  const answer = await cluster.call('POST', '/images/load', { body: archiveOf([image]).toString('latin1') });
  t.equal(answer.status, 200);
  t.ok(cluster.engines.every(({ held }) => held.has(image.id)));
  const lines = linesOf(answer);
  t.same(
    lines.filter(({ stream }) => stream !== undefined),
    [{ stream: 'Loaded image: app:1\n' }],
    'clients read the names from these lines: as an engine says it, once',
  );
  t.equal(lines.filter(({ status }) => status === 'Loaded app:1').length, 32);
  t.equal(lines.filter(({ status }) => status === 'Copied').length, 2);
});

void t.test('a load that no engine takes fails in their words', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  for (const engine of cluster.engines) engine.imageFaults.load = 'unexpected EOF';
  const body = archiveOf([anImage({ tags: ['app:1'] })]).toString('latin1');
  t.match(await cluster.call('POST', '/images/load?quiet=1', { body }), {
    status: 500,
    json: { message: 'unexpected EOF' },
  });
});

void t.test('rmi removes from every engine, and tells who refused', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3'] });
  const [n1, n2, n3] = cluster.engines;
  if (n1 === undefined || n2 === undefined || n3 === undefined) throw new Error('three engines were started');
  const id = anImageId();
  for (const engine of [n1, n2]) engine.hold({ id, tags: ['app:1'] });
  n3.hold({ id: anImageId(), tags: ['app:1'] });
  await cluster.sees('app:1', 3);
  n2.faults.answer = ({ method, path }) =>
    method === 'DELETE' && path.startsWith('/images/')
      ? { status: 409, json: { message: 'conflict: container 1 is using it' } }
      : undefined;
  t.match(await cluster.call('DELETE', '/images/app:1'), {
    status: 409,
    json: { message: 'n2: conflict: container 1 is using it; removed from n1, n3' },
  });
  t.match(await cluster.call('DELETE', '/images/app:1'), {
    status: 409,
    json: { message: 'conflict: container 1 is using it' },
  });
  n2.faults.answer = () => undefined;
  t.match(await cluster.call('DELETE', '/images/app:1'), {
    status: 200,
    json: [{ Untagged: 'app:1' }, { Deleted: id }],
  });
  t.match(await cluster.call('DELETE', '/images/app:1'), {
    status: 404,
    json: { message: 'No such image: app:1' },
  });
});

void t.test('tag names the current image, on every engine that has it', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3'] });
  const [n1, n2, n3] = cluster.engines;
  if (n1 === undefined || n2 === undefined || n3 === undefined) throw new Error('three engines were started');
  const id = anImageId();
  for (const engine of [n1, n2]) engine.hold({ id, tags: ['app:1'], createdSeconds: 2_000 });
  n3.hold({ tags: ['app:1', 'app:stable'], createdSeconds: 3_000 });
  await cluster.sees('app:1', 3);
  t.match(await cluster.call('POST', `/images/${id}/tag?repo=app&tag=stable`), { status: 201 });
  t.same(
    cluster.engines.map(({ images }) => images.get('app:stable')?.id === id),
    [true, true, false],
  );
  const inspected = await cluster.call('GET', '/images/app:stable/json');
  t.match(
    inspected.json,
    { Id: id },
    'the name means what it was given last, though the other image is newer',
  );
});

void t.test('save gathers images that are on different engines', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3'] });
  const [n1, n2, n3] = cluster.engines;
  n1?.hold({ tags: ['a:1'] });
  n2?.hold({ tags: ['b:1'] });
  n2?.hold({ tags: ['c:1'] });
  n3?.hold({ tags: ['arm:1'], arch: 'arm64' });
  for (const name of ['a:1', 'b:1', 'c:1', 'arm:1']) await cluster.sees(name, 1);
  const saved = await cluster.call('GET', '/images/get?names=a:1&names=b:1&names=c:1');
  t.equal(saved.status, 200);
  const images = JSON.parse(saved.text.split('\n')[0] ?? '') as FakeImage[];
  t.same(
    images
      .map(({ tags }) => tags)
      .flat()
      .sort(),
    ['a:1', 'b:1', 'c:1'],
  );
  t.ok(n2?.images.has('a:1'), 'the engine that had most of them got the rest');
  t.match(await cluster.call('GET', '/images/get?names=a:1&names=nope:1'), {
    status: 404,
    json: { message: 'No such image: nope:1' },
  });
  t.match(await cluster.call('GET', '/images/get?names=b:1&names=c:1&names=arm:1'), {
    status: 404,
    json: {
      message:
        'Unable to find a healthy engine containing all images: [b:1 c:1 arm:1]: b:1 is on n2; c:1 is on n2; arm:1 is on n3',
    },
  });
});

void t.test('questions to a registry go to an engine that reaches it', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2', 'n3'] });
  const [n1] = cluster.engines;
  if (n1 === undefined) throw new Error('three engines were started');
  let asked = 0;
  n1.faults.answer = ({ path }) => {
    if (!/^\/(auth|distribution\/|images\/search)/.test(path)) return undefined;
    asked += 1;
    return { status: 500, json: { message: 'no route to the registry' } };
  };
  t.match(await cluster.call('GET', '/distribution/app/json'), {
    status: 200,
    json: { Descriptor: { digest: 'n2' } },
  });
  t.match(await cluster.call('GET', '/images/search?term=app'), { status: 200, json: [{ name: 'n2' }] });
  t.match(await cluster.call('POST', '/auth', { body: { username: 'a' } }), { status: 200 });
  t.equal(asked, 1, 'the one that reached it is asked first from then on');
  for (const engine of cluster.engines)
    engine.faults.answer = () => ({ status: 500, json: { message: `${engine.name} reaches nothing` } });
  t.match(await cluster.call('GET', '/distribution/app/json'), {
    status: 500,
    json: { message: /reaches nothing/ },
  });
});

void t.test('push sends the current image with the credentials of the client', async (t) => {
  const cluster = await startImageCluster(t, { names: ['n1', 'n2'] });
  const [n1, n2] = cluster.engines;
  n1?.hold({ tags: ['app:1'], createdSeconds: 1_000 });
  n2?.hold({ tags: ['app:1'], createdSeconds: 2_000 });
  await cluster.sees('app:1', 2);
  const answer = await cluster.call('POST', '/images/app/push?tag=1', {
    headers: { 'X-Registry-Auth': 'c2VjcmV0' },
  });
  t.match(linesOf(answer), [{ status: 'pushed by n2', auth: 'c2VjcmV0' }]);
});
