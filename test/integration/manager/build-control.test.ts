// BuildKit's connections through the manager, on scripted engines: every call reaches the engine of its build.
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { frameMessage } from '../../../controller/manager/build/grpc-message.js';
import { mapField, textField } from '../../../controller/manager/build/protobuf.js';
import { BuildClient, upgradeToH2c } from '../../support/build-client.js';
import { endCallWith, FakeBuilder, refOf } from '../../support/fake-builder.js';
import { startManager, type StartedManager } from '../../support/manager-cluster.js';
import { protoMap, protoMessage, protoText } from '../../support/proto-builders.js';

t.setTimeout(60_000);

interface Cluster extends StartedManager {
  readonly builders: readonly [FakeBuilder, FakeBuilder];
}

async function startCluster(t: Test): Promise<Cluster> {
  const builders = [
    await FakeBuilder.start({ name: 'n1' }),
    await FakeBuilder.start({ name: 'n2' }),
  ] as const;
  for (const builder of builders) t.teardown(() => builder.close());
  const manager = await startManager(t, { addresses: builders.map(({ address }) => address) });
  return { ...manager, builders };
}

async function connect(t: Test, manager: StartedManager): Promise<BuildClient> {
  const client = await BuildClient.connect(manager.port);
  t.teardown(() => client.close());
  return client;
}

/** A Solve that makes `tag` on `node`. */
function solve(options: { ref: string; node?: string; sessions?: readonly string[]; tag?: string }): Buffer {
  const { ref, node, sessions = [], tag = `${ref}:1` } = options;
  const [own = '', ...shared] = sessions;
  return protoMessage(
    protoText(1, ref),
    protoText(3, 'moby'),
    protoMap(4, { name: tag }),
    ...(own === '' ? [] : [protoText(5, own)]),
    protoMap(7, {
      filename: 'Dockerfile',
      ...(node === undefined ? {} : { 'build-arg:constraint:node': `=${node}` }),
      ...Object.fromEntries(shared.map((session, index) => [`local-sessionid:${index}`, session])),
    }),
  );
}

void t.test('builds of one connection go to their engines, with all calls about them', async (t) => {
  const cluster = await startCluster(t);
  const [n1, n2] = cluster.builders;
  const client = await connect(t, cluster);
  const refs = [
    ['one', 'n1', n1],
    ['two', 'n2', n2],
  ] as const;
  // Status before the Solve, as clients do it.
  const early = refs.map(([ref]) => client.call('Control/Status', protoText(1, ref)));
  for (const [ref, node] of refs) {
    t.match(await client.call('Control/Solve', solve({ ref, node })).result, { code: 0 });
  }
  for (const { result } of early) t.match(await result, { code: 0 });
  for (const [ref, , builder] of refs) {
    const inner = protoMessage(
      protoText(2, 'dockerfile.v0'),
      protoMap(3, { 'build-arg:constraint:node': '=x', a: 'b' }),
    );
    const answer = await client.call('LLBBridge/Solve', inner, { 'buildkit-controlapi-buildid': ref }).result;
    t.same([...mapField(answer.payload, 3)], [['a', 'b']], 'the engine never sees directives');
    t.same([...builder.pathsOf(ref)].sort(), [
      'moby.buildkit.v1.Control/Solve',
      'moby.buildkit.v1.Control/Status',
      'moby.buildkit.v1.frontend.LLBBridge/Solve',
    ]);
  }
  const [sent] = n1.calls.filter(({ path }) => path.endsWith('Control/Solve'));
  t.same([...mapField(sent?.message ?? Buffer.alloc(0), 7)], [['filename', 'Dockerfile']]);
});

void t.test('what belongs to no build is answered by an engine, errors unchanged', async (t) => {
  const cluster = await startCluster(t);
  for (const builder of cluster.builders) {
    builder.onCall = ({ stream }) => endCallWith(stream, { code: 12, message: 'unknown service' });
  }
  const client = await connect(t, cluster);
  t.match(await client.call('Control/Info', Buffer.alloc(0)).result, {
    code: 12,
    message: 'unknown service',
  });
});

void t.test('the build cache is that of all engines, or of one node', async (t) => {
  const cluster = await startCluster(t);
  const [n1, n2] = cluster.builders;
  for (const [builder, name] of [
    [n1, 'a'],
    [n2, 'b'],
  ] as const) {
    // A record of the cache in a list of one.
    builder.onCall = ({ stream }) => endCallWith(stream, { payload: protoText(1, protoText(1, name)) });
  }
  const client = await connect(t, cluster);
  const [ofFirst, ofSecond] = [protoText(1, protoText(1, 'a')), protoText(1, protoText(1, 'b'))];
  const usage = await client.call('Control/DiskUsage', protoText(1, '')).result;
  t.match(usage, { code: 0 });
  t.same(usage.payload, Buffer.concat([ofFirst, ofSecond]), 'one message with the records of both');
  const pruned = await client.call('Control/Prune', protoText(1, 'type==regular')).result;
  t.match(pruned, { code: 0 });
  t.same(pruned.payload, Buffer.concat([ofFirst, frameMessage(ofSecond)]), 'a message for each record');
  for (const { calls } of cluster.builders) {
    t.same(
      calls.map(({ path, message }) => [path.split('/').at(-1), textField(message, 1)]),
      [
        ['DiskUsage', ''],
        ['Prune', 'type==regular'],
      ],
    );
  }
  const onSecond = await client.call('Control/Prune', protoText(1, 'type==regular,node==n2')).result;
  t.same(onSecond.payload, ofSecond);
  t.equal(
    textField(n2.calls.at(-1)?.message ?? Buffer.alloc(0), 1),
    'type==regular',
    'engines have no nodes',
  );
  t.match(await client.call('Control/DiskUsage', protoText(1, 'node==n3')).result, {
    code: 3,
    message: 'node n3 not found',
  });

  n1.onCall = ({ stream }) => endCallWith(stream, { code: 2, message: 'disk%20broken' });
  const half = await client.call('Control/Prune', Buffer.alloc(0)).result;
  t.match(half, { code: 0 }, 'one engine that can is enough');
  t.same(half.payload, ofSecond);
  n2.onCall = n1.onCall;
  t.match(await client.call('Control/Prune', Buffer.alloc(0)).result, { code: 2, message: 'disk broken' });
});

void t.test('limits that an engine does not know do not empty its build cache', async (t) => {
  const older = await FakeBuilder.start({ name: 'older', version: '26.1.5', apiVersion: '1.45' });
  const newer = await FakeBuilder.start({ name: 'newer', version: '28.5.2', apiVersion: '1.51' });
  for (const builder of [older, newer]) t.teardown(() => builder.close());
  const cluster = await startManager(t, { addresses: [older.address, newer.address] });
  const client = await connect(t, cluster);
  // The most that may be used, and the least that is to be free: numbers, here 9.
  for (const field of [5, 6]) {
    const limit = Buffer.from([field * 8, 9]);
    t.match(await client.call('Control/Prune', limit).result, {
      code: 3,
      message:
        'Cannot prune the build cache by used or free space: that needs API 1.48 (older speaks 1.45); choose engines with the filter node',
    });
    t.same([...older.calls, ...newer.calls], []);
  }
  const limited = Buffer.concat([protoText(1, 'node==newer'), Buffer.from([6 * 8, 9])]);
  t.match(await client.call('Control/Prune', limited).result, { code: 0 });
  t.same([older.calls.length, newer.calls.length], [0, 1]);
});

void t.test('a refused placement is the error of its build, and of who waits for it', async (t) => {
  const cluster = await startCluster(t);
  const client = await connect(t, cluster);
  const status = client.call('Control/Status', protoText(1, 'r'));
  const refused = await client.call('Control/Solve', solve({ ref: 'r', node: 'n9' })).result;
  t.match(refused, { code: 9, message: /Unable to find a node that satisfies[\s\S]*node==n9/ });
  t.match(await status.result, { code: 9 });
  t.match(
    await client.call('Control/Solve', solve({ ref: 's', node: 'n1' })).result,
    { code: 0 },
    'the next may do',
  );
});

const sessionHeaders = (id: string): readonly string[] => [
  `X-Docker-Expose-Session-Uuid: ${id}`,
  'X-Docker-Expose-Session-Name: ctx',
  'X-Docker-Expose-Session-Sharedkey: ',
  'X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.FileSync/DiffCopy',
  'X-Docker-Expose-Session-Grpc-Method: /moby.filesync.v1.Auth/FetchToken',
];

void t.test('a session waits for the build that names it, and keeps later builds where it is', async (t) => {
  const cluster = await startCluster(t);
  const [n1, n2] = cluster.builders;
  const session = await upgradeToH2c(cluster.port, { path: '/session', headers: sessionHeaders('s1') });
  t.teardown(async () => void session.destroy());
  session.write('early');
  t.same([n1.sessions, n2.sessions], [[], []]);
  // Held open: the session belongs to a build under way.
  n2.onCall = () => undefined;
  const client = await connect(t, cluster);
  client.call('Control/Solve', solve({ ref: 'a', node: 'n2', sessions: ['own', 's1'] }));
  while (n2.sessions.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const [joined] = n2.sessions;
  if (joined === undefined) throw new Error('it has just come');
  t.equal(joined.id, 's1');
  t.same(
    joined.rawHeaders.filter((_value, at, all) => all[at - 1] === 'X-Docker-Expose-Session-Grpc-Method'),
    ['/moby.filesync.v1.FileSync/DiffCopy', '/moby.filesync.v1.Auth/FetchToken'],
    'repeated headers stay apart',
  );
  const [first] = (await once(joined.socket, 'data')) as [Buffer]; // sockets without an encoding give buffers
  t.equal(first.toString(), 'early');
  joined.socket.write('PRI');
  const [answer] = (await once(session.resume(), 'data')) as [Buffer]; // as above
  t.equal(answer.toString(), 'PRI');
  const other = await connect(t, cluster);
  const conflict = await other.call('Control/Solve', solve({ ref: 'b', node: 'n1', sessions: ['s1'] }))
    .result;
  t.match(conflict, { code: 9 }, 'its session cannot be on two engines');
  other.call('Control/Solve', solve({ ref: 'c', sessions: ['s1'] }));
  while (!n2.calls.some((call) => refOf(call) === 'c'))
    await new Promise((resolve) => setTimeout(resolve, 5));
  t.equal(n1.calls.length, 0);
});

void t.test('requests that are no sessions are refused as engines do', async (t) => {
  const cluster = await startCluster(t);
  await t.rejects(upgradeToH2c(cluster.port, { path: '/session' }), {
    message: /^HTTP\/1\.1 400 [\s\S]*no session ID/,
  });
  for (const [path, status] of [
    ['/session', 400],
    ['/grpc', 500],
  ] as const) {
    const answer = await fetch(`http://127.0.0.1:${cluster.port}${path}`, { method: 'POST' });
    t.match(
      { status: answer.status, text: await answer.text() },
      { status, text: /no upgrade proto in request/ },
    );
  }
});

void t.test('an engine that dies is named by every call of its builds', async (t) => {
  const cluster = await startCluster(t);
  const [, n2] = cluster.builders;
  const client = await connect(t, cluster);
  n2.onCall = ({ path, stream }) => {
    // Status has begun to answer, Solve has not.
    if (path.endsWith('Status')) stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    if (n2.calls.length === 2) setImmediate(() => n2.cut());
  };
  const calls = [
    client.call('Control/Solve', solve({ ref: 'r', node: 'n2' })),
    client.call('Control/Status', protoText(1, 'r')),
  ];
  for (const { result } of calls) {
    t.match(await result, { code: 14, message: /engine "n2" ended the connection/ });
  }
  const next = await client.call('Control/Solve', solve({ ref: 's', node: 'n1' })).result;
  t.match(next, { code: 0 }, 'the other engine goes on building');
});

void t.test('a client that gives up ends its calls at the engine', async (t) => {
  const cluster = await startCluster(t);
  const [n1] = cluster.builders;
  n1.onCall = () => undefined;
  const client = await connect(t, cluster);
  const call = client.call('Control/Solve', solve({ ref: 'r', node: 'n1' }));
  call.result.catch(() => undefined);
  while (n1.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const [held] = n1.calls;
  if (held === undefined) throw new Error('it has just come');
  const closed = once(held.stream, 'close');
  call.stream.close(8);
  await closed;
  t.equal(held.stream.rstCode, 8);
  client.call('Control/Solve', solve({ ref: 's', node: 'n1' })).result.catch(() => undefined);
  while (n1.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const second = n1.calls[1];
  if (second === undefined) throw new Error('it has just come');
  const ended = once(second.stream, 'close');
  client.close();
  await ended;
  t.pass('also when the whole connection goes');
});

void t.test('50 MB of progress arrive as they went', async (t) => {
  const cluster = await startCluster(t);
  const [n1] = cluster.builders;
  const size = 50 * 1024 * 1024;
  n1.onCall = ({ path, stream, message }) => {
    if (path.endsWith('Status')) endCallWith(stream, { payload: Buffer.alloc(size, 'x') });
    else endCallWith(stream, { payload: message });
  };
  const client = await connect(t, cluster);
  const status = client.call('Control/Status', protoText(1, 'r'));
  const solved = await client.call('Control/Solve', solve({ ref: 'r', node: 'n1' })).result;
  t.equal(textField(solved.payload, 1), 'r');
  t.equal((await status.result).payload.length, size);
});
