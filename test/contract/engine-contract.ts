// What the pool, the operator's client and the manager rely on at an engine. The fake engine and real ones pass the
// same suite, so the fake cannot drift.
import { createHash } from 'node:crypto';
import type { Test } from 'tap';
import { systemClock } from '../../controller/base/clock.js';
import { isSwarmError } from '../../controller/base/errors.js';
import { silentLogger } from '../../controller/base/log.js';
import type { ClusterEvent } from '../../controller/engine/cluster-view.js';
import { formatHostPort } from '../../controller/api/engine-address.js';
import { EngineClient } from '../../controller/engine/engine-client.js';
import type { EngineEndpoint } from '../../controller/engine/endpoint.js';
import { EnginePool } from '../../controller/engine/pool.js';
import { EngineTransport } from '../../controller/engine/transport.js';
import { until } from '../support/until.js';

export interface EngineUnderTest {
  readonly endpoint: EngineEndpoint;
  /** Host name the engine reports. */
  readonly name: string;
}

/** Runs the suite; the engine must hold `busybox:latest` and no container. */
export async function engineContract(t: Test, engine: EngineUnderTest): Promise<void> {
  const { endpoint } = engine;
  const body = { Image: 'busybox:latest', Cmd: ['sleep', '600'], Labels: { 'contract.test': 'yes' } };
  const client = new EngineClient({ endpoint, clock: systemClock });
  const transport = new EngineTransport({ endpoint, clock: systemClock });
  t.teardown(async () => {
    await client.close();
    await transport.close();
  });

  await t.test('describe() names the engine and its resources', async (t) => {
    const description = await client.describe();
    t.equal(description.name, engine.name);
    t.match(description, { id: /./, version: /^\d+\./, apiVersion: /^1\.\d+$/, os: 'linux' });
    t.ok(description.cpus > 0 && description.memoryBytes > 0);
    t.equal(description.certificateNotAfterMs === undefined, endpoint.tls === undefined);
  });

  await t.test('a container lives through create, start, stop and remove', async (t) => {
    const id = await client.createContainer({ name: 'contract-life', body });
    t.match(id, /^[0-9a-f]{64}$/);
    t.match(await client.inspectContainer('contract-life'), { id, status: 'created', running: false });
    await client.startContainer(id);
    await client.startContainer(id);
    t.match(await client.inspectContainer(id), { running: true, labels: { 'contract.test': 'yes' } });
    await client.stopContainer(id, { graceSeconds: 0 });
    await client.stopContainer(id, { graceSeconds: 0 });
    t.match(await client.inspectContainer(id), { status: 'exited' });
    await client.removeContainer(id);
    await client.removeContainer(id);
    t.equal(await client.inspectContainer(id), undefined);
  });

  await t.test('createContainer() says that a name is taken, or an image is missing', async (t) => {
    const id = await client.createContainer({ name: 'contract-name', body });
    await t.rejects(client.createContainer({ name: 'contract-name', body }), {
      code: 'OBJECT_CONFLICT',
      message: /The container name "\/contract-name" is already in use by container/,
    });
    await t.rejects(client.createContainer({ name: 'contract-none', body: { Image: 'no-such:1' } }), {
      code: 'OBJECT_NOT_FOUND',
      message: /No such image: no-such:1/,
    });
    await client.removeContainer(id, { force: true });
  });

  await t.test('listContainers() filters by label and by exact name', async (t) => {
    const ids = [
      await client.createContainer({ name: 'contract-a', body }),
      await client.createContainer({ name: 'contract-ab', body: { ...body, Labels: {} } }),
    ];
    const names = async (filter: Parameters<EngineClient['listContainers']>[0]): Promise<string[]> =>
      (await client.listContainers(filter)).flatMap((one) => one.names);
    t.same(await names({ labels: { 'contract.test': 'yes' } }), ['contract-a']);
    t.same(await names({ labels: { 'contract.test': undefined } }), ['contract-a']);
    t.same(await names({ labels: { 'contract.test': 'no' } }), []);
    t.same(await names({ names: ['contract-a'] }), ['contract-a']);
    t.same((await names({ names: ['contract-a', 'contract-ab', 'none'] })).sort(), [
      'contract-a',
      'contract-ab',
    ]);
    t.same((await names({})).sort(), ['contract-a', 'contract-ab']);
    for (const id of ids) await client.removeContainer(id, { force: true });
  });

  await t.test('putFiles() makes missing directories', async (t) => {
    const id = await client.createContainer({ name: 'contract-files', body });
    const files = [{ path: 'deep/file', mode: 0o600, content: 'x' }];
    await client.putFiles(id, { directory: '/tmp/made/here', files });
    await client.putFiles(id, { directory: '/tmp/quick', files, isNew: true });
    await client.putFiles(id, { directory: '/tmp/asked/for', files, isNew: true });
    for (const directory of ['made/here', 'quick', 'asked/for']) {
      const head = await transport.request({
        method: 'HEAD',
        path: `/containers/${id}/archive?path=/tmp/${directory}/deep/file`,
      });
      head.body.resume();
      t.equal(head.status, 200, directory);
    }
    await client.removeContainer(id, { force: true });
    for (const isNew of [false, true]) {
      const files = [{ path: 'file', mode: 0o600, content: 'x' }];
      await t.rejects(client.putFiles(id, { directory: '/tmp', files, isNew }), { code: 'OBJECT_NOT_FOUND' });
    }
  });

  await t.test('markFiles() reads back what putFiles() delivered', async (t) => {
    const id = await client.createContainer({ name: 'contract-hashes', body });
    const mark = (text: string, mode = 0o644) => {
      const hash = createHash('sha256').update(text).digest('hex');
      return { hash, mode, uid: 0, gid: 0 };
    };
    const long = 'x'.repeat(100_000);
    t.equal(await client.markFiles(id, '/tmp/own'), undefined, 'no such directory');
    await client.putFiles(id, {
      directory: '/tmp/own',
      files: [
        { path: 'deep/file', mode: 0o600, content: 'x' },
        { path: 'long', mode: 0o644, content: long },
        { path: 'empty', mode: 0o644, content: '' },
      ],
    });
    const wanted = { 'deep/file': mark('x', 0o600), long: mark(long), empty: mark('') };
    t.same(Object.fromEntries((await client.markFiles(id, '/tmp/own')) ?? []), wanted);
    await client.putFiles(id, {
      directory: '/tmp/own',
      files: [{ path: 'long', mode: 0o644, content: 'short' }],
    });
    t.same((await client.markFiles(id, '/tmp/own'))?.get('long'), mark('short'));
    await client.putFiles(id, {
      directory: '/tmp/own',
      files: [{ path: 'long', mode: 0o640, content: 'short' }],
    });
    t.same((await client.markFiles(id, '/tmp/own'))?.get('long'), mark('short', 0o640), 'its mode, too');
    await client.removeContainer(id, { force: true });
    t.equal(await client.markFiles(id, '/tmp/own'), undefined, 'no such container');
  });

  await t.test('imageId() knows what is there and what is not', async (t) => {
    t.match(await client.imageId('busybox:latest'), /^sha256:[0-9a-f]{64}$/);
    t.equal(await client.imageId('no-such:1'), undefined);
  });

  await t.test('wait sends its headers before the container ends', async (t) => {
    const id = await client.createContainer({ name: 'contract-wait', body });
    const wait = await transport.request({
      method: 'POST',
      path: `/v1.41/containers/${id}/wait?condition=next-exit`,
      headersTimeoutMs: 0,
    });
    t.equal(wait.status, 200);
    await client.startContainer(id);
    await client.removeContainer(id, { force: true });
    let text = '';
    for await (const chunk of wait.body) text += String(chunk);
    t.type(JSON.parse(text).StatusCode, 'number');
  });

  await t.test('attach to a missing container is refused in plain HTTP', async (t) => {
    const socket = await transport.openSocket();
    socket.write(
      'POST /containers/no-such/attach?stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n',
    );
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    socket.destroy();
    t.match(text, /^HTTP\/1\.1 404/);
    t.match(text, /No such container: no-such/);
  });

  await t.test('events carry every digit of timeNano and reach watchEvents()', async (t) => {
    const stop = new AbortController();
    const actions: unknown[] = [];
    const watching = (async () => {
      for await (const event of client.watchEvents({ type: ['container'] }, stop.signal)) {
        actions.push(event['Action']);
        // The first container may have been made before anybody watched.
        if (event['Action'] === 'destroy' && actions.includes('create')) break;
      }
    })();
    await until(async () => {
      const id = await client.createContainer({ name: 'contract-events', body });
      await client.removeContainer(id);
      return actions.includes('create') && actions.includes('destroy');
    });
    await watching;
    t.equal(actions.at(-1), 'destroy', 'nothing comes after the watch was left');
    stop.abort();
  });

  await t.test('the pool follows the engine: engine_connect, rows by event, look-ups, removal', async (t) => {
    const entry = formatHostPort(endpoint.address);
    const pool = new EnginePool({
      clock: systemClock,
      logger: silentLogger,
      random: Math.random,
      tlsFor: () => endpoint.tls,
      refreshMinMs: 3_600_000,
      refreshMaxMs: 3_600_000,
      failureRetry: 3,
    });
    t.teardown(() => pool.close());
    const events: ClusterEvent[] = [];
    pool.onEvent((event) => events.push(event));
    pool.setAddresses([entry]);
    await until(() => pool.engines()[0]?.state === 'healthy');
    t.equal(pool.engines()[0]?.name, engine.name);
    t.ok(pool.images().some((image) => JSON.stringify(image.summary).includes('busybox:latest')));
    t.ok(pool.networks().length >= 3);
    const id = await client.createContainer({
      name: 'contract-pool',
      body: { ...body, HostConfig: { Memory: 33_554_432 } },
    });
    await until(() => pool.findContainer('contract-pool').type === 'found');
    for (const reference of [id, id.slice(0, 12), id.slice(0, 8), `${engine.name}/contract-pool`])
      t.match(pool.findContainer(reference), { type: 'found', container: { id } }, reference);
    await until(() => pool.containers()[0]?.memoryBytes === 33_554_432);
    await client.startContainer(id);
    await until(() => pool.containers()[0]?.state === 'running');
    await transport.requestJson({ method: 'POST', path: `/containers/${id}/rename?name=contract-renamed` });
    await until(() => pool.findContainer('contract-renamed').type === 'found');
    // An engine that is asked in the middle of a rename names both: the pool asks again.
    await until(() => pool.findContainer('contract-pool').type === 'missing');
    await transport.requestJson({
      method: 'POST',
      path: '/volumes/create',
      headers: { 'Content-Type': 'application/json' },
      body: Buffer.from('{"Name":"contract-volume"}'),
    });
    await until(() => pool.volumes().some((volume) => volume.id === 'contract-volume'));
    await transport.requestJson({ method: 'DELETE', path: '/volumes/contract-volume' });
    await until(() => pool.volumes().length === 0);
    await client.removeContainer(id, { force: true });
    await until(() => pool.containers().length === 0);
    await until(() => events.some(({ event }) => event['Action'] === 'destroy'));
    t.equal(events[0]?.event['Action'], 'engine_connect');
    const start = events.find(({ event }) => event['Action'] === 'start');
    t.match(start?.event, {
      from: `busybox:latest node:${engine.name}`,
      node: { Name: engine.name, Addr: entry },
    });
    t.match(start?.event['Actor'], { ID: id, Attributes: { 'node.name': engine.name, 'node.addr': entry } });
    t.match(start?.text, `"timeNano":${start?.timeNano},`);
    t.match(String(start?.timeNano), /^\d{19}$/);
    pool.setAddresses([]);
    t.same(pool.engines(), []);
    t.equal(events.at(-1)?.event['Action'], 'engine_disconnect');
  });

  await t.test('an answer that is an error is no failure to reach the engine', async (t) => {
    const error: unknown = await transport
      .requestJson({ method: 'GET', path: '/containers/none/json' })
      .catch((e: unknown) => e);
    t.ok(isSwarmError(error, 'OBJECT_NOT_FOUND'));
    await t.rejects(transport.requestJson({ method: 'GET', path: '/no/such/path' }), {
      message: /page not found/,
    });
  });
}
