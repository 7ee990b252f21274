// Answers that are put together in memory which is used again: every client gets its own bytes, however slowly it reads.
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { AnswerBlocks } from '../../../controller/manager/answer-blocks.js';
import { until } from '../../support/until.js';

/** More than the sockets between a server and a client that does not read take. */
const bytes = 16 * 1024 * 1024;

async function aServer(t: Test, o: { readonly most: number }) {
  const blocks = new AnswerBlocks({ bytes, most: o.most });
  /** What answers were written from, one after the other. */
  const memories: ArrayBufferLike[] = [];
  // GET /x/1000 is answered with 1000 letters x, in two pieces.
  const server = http.createServer((request, response) => {
    const [, letter = '', length = ''] = (request.url ?? '').split('/');
    const size = Number(length);
    const end = response.end.bind(response) as (answer: Buffer) => http.ServerResponse;
    const noting = (answer: Buffer): http.ServerResponse => {
      memories.push(answer.buffer);
      return end(answer);
    };
    Object.assign(response, { end: noting });
    const piece = (count: number): Buffer => Buffer.alloc(count, letter);
    const answer = (): void =>
      blocks.end(response, [piece(Math.floor(size / 3)), piece(size - Math.floor(size / 3))]);
    if (letter === 'late') response.once('close', answer);
    else answer();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const agent = new http.Agent({ keepAlive: true });
  t.teardown(() => {
    agent.destroy();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // listening on TCP
  const ask = async (path: string, method = 'GET'): Promise<http.IncomingMessage> => {
    const request = http.request({ host: '127.0.0.1', port, agent, path, method });
    request.end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    return response;
  };
  /** A client that leaves before there is an answer. */
  const leave = async (): Promise<void> => {
    const request = http.get({ host: '127.0.0.1', port, agent: false, path: '/late/300000' });
    request.once('error', () => undefined);
    const answered = memories.length;
    await once(server, 'request');
    request.destroy();
    await until(() => memories.length > answered);
  };
  const isBlock = (memory: ArrayBufferLike | undefined): boolean => memory?.byteLength === bytes;
  return {
    ask,
    leave,
    /** Blocks that were made. */
    made: () => new Set(memories.filter(isBlock)).size,
    /** Whether the last answer came from one. */
    wasBlock: () => isBlock(memories.at(-1)),
  };
}

/** `x 1000` for as many letters x, and nothing else. */
async function read(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer); // no encoding is set
  const all = Buffer.concat(chunks);
  const letter = String.fromCharCode(all[0] ?? 0);
  return all.equals(Buffer.alloc(all.length, letter)) ? `${letter} ${all.length}` : 'mixed';
}

t.test('AnswerBlocks answers many, one after the other, out of one block', async (t) => {
  const { ask, made } = await aServer(t, { most: 3 });
  for (const [letter, length] of [
    ['a', 100_000],
    ['b', 5_000],
    ['c', bytes],
    ['d', 100],
    ['e', 200_000],
  ] as const) {
    const response = await ask(`/${letter}/${length}`);
    t.equal(response.headers['content-length'], String(length));
    t.equal(await read(response), `${letter} ${length}`);
  }
  t.equal(made(), 1);
  t.equal(
    await read(await ask(`/f/${bytes + 1}`)),
    `f ${bytes + 1}`,
    'what is too long has memory of its own',
  );
  t.equal((await ask('/g/50000', 'HEAD')).statusCode, 200);
  t.equal(await read(await ask('/h/50000')), 'h 50000');
  t.equal(made(), 1);
});

t.test('AnswerBlocks keeps the bytes of a client that reads slowly', async (t) => {
  const { ask, made } = await aServer(t, { most: 3 });
  // Nobody reads these yet.
  const slow = await Promise.all(['p', 'q'].map((letter) => ask(`/${letter}/${bytes}`)));
  for (const letter of ['x', 'y', 'z'])
    t.equal(await read(await ask(`/${letter}/300000`)), `${letter} 300000`);
  t.equal(made(), 3);
  const third = await ask(`/r/${bytes}`);
  t.equal(await read(await ask('/s/300000')), 's 300000', 'without a block that is free');
  t.equal(made(), 3);
  t.same(
    await Promise.all([...slow, third].map(read)),
    ['p', 'q', 'r'].map((letter) => `${letter} ${bytes}`),
  );
});

t.test('AnswerBlocks has a block again after an answer was cut off', async (t) => {
  const { ask, wasBlock } = await aServer(t, { most: 1 });
  for (let round = 0; round < 5; round += 1) {
    const cut = await ask(`/p/${bytes}`);
    t.ok(wasBlock());
    t.equal(await read(await ask('/q/300000')), 'q 300000');
    t.notOk(wasBlock(), 'there is one, which is read from');
    cut.destroy();
    await until(async () => (await read(await ask('/r/300000'))) === 'r 300000' && wasBlock());
    for (const letter of ['s', 't']) t.equal(await read(await ask(`/${letter}/300000`)), `${letter} 300000`);
    t.ok(wasBlock());
  }
});

t.test('AnswerBlocks keeps its blocks when clients leave before they are answered', async (t) => {
  const { ask, leave, wasBlock } = await aServer(t, { most: 1 });
  for (let round = 0; round < 3; round += 1) await leave();
  t.equal(await read(await ask('/x/300000')), 'x 300000');
  t.ok(wasBlock());
});
