// The webhook listener over real HTTP: who may ring, and what does not.
import { createHmac } from 'node:crypto';
import t, { type Test } from 'tap';
import { silentLogger } from '../../../controller/base/log.js';
import { WebhookServer } from '../../../controller/source/webhook-server.js';

async function listen(t: Test, secret: string | undefined) {
  let rings = 0;
  const server = new WebhookServer({ secret, onPush: () => (rings += 1), logger: silentLogger });
  t.teardown(() => server.close());
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const post = async (headers: Record<string, string>, o: { path?: string; method?: string } = {}) => {
    const { path = '/hooks/git', method = 'POST' } = o;
    const body = method === 'POST' ? '{"ref":"refs/heads/main"}' : null;
    return (await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, body })).status;
  };
  return { post, rings: () => rings, port };
}

const digest = createHmac('sha256', 's3cret').update('{"ref":"refs/heads/main"}').digest('hex');

t.test('WebhookServer rings for who knows the secret, in the form of each git server', async (t) => {
  const { post, rings } = await listen(t, 's3cret');
  const forms: Record<string, string>[] = [
    { 'x-hub-signature-256': `sha256=${digest}` },
    { 'x-gitea-signature': digest },
    { 'x-gitlab-token': 's3cret' },
  ];
  for (const headers of forms) t.equal(await post(headers), 202);
  t.equal(rings(), 3);
});

t.test('WebhookServer does not ring for anybody else', async (t) => {
  const { post, rings } = await listen(t, 's3cret');
  const wrong: Record<string, string>[] = [
    {},
    { 'x-hub-signature-256': 'sha256=00' },
    { 'x-hub-signature-256': `sha256=${digest.replace(/^./, 'x')}` },
    { 'x-gitlab-token': 's3cre' },
  ];
  for (const headers of wrong) t.equal(await post(headers), 403);
  t.equal(await post({ 'x-gitlab-token': 's3cret' }, { path: '/' }), 404);
  t.equal(await post({ 'x-gitlab-token': 's3cret' }, { method: 'GET' }), 405);
  t.equal(rings(), 0);
});

t.test('WebhookServer without a secret rings for everybody', async (t) => {
  const { post, rings } = await listen(t, undefined);
  t.equal(await post({}), 202);
  t.equal(rings(), 1);
});

t.test('WebhookServer refuses a body above 25 MB with 413, and takes the next one', async (t) => {
  const { post, rings, port } = await listen(t, 's3cret');
  const send = async (bytes: number) => {
    const body = Buffer.alloc(bytes, 'x');
    const signature = createHmac('sha256', 's3cret').update(body).digest('hex');
    const headers = { 'x-gitea-signature': signature };
    return fetch(`http://127.0.0.1:${port}/hooks/git`, { method: 'POST', headers, body });
  };
  const limit = 25 * 1024 * 1024;
  const refused = await send(limit + 1);
  t.equal(refused.status, 413);
  t.equal(await refused.text(), 'the body is too large\n');
  t.equal(rings(), 0);
  t.equal((await send(limit)).status, 202);
  t.equal(await post({ 'x-gitlab-token': 's3cret' }), 202);
  t.equal(rings(), 2);
});

t.test('listen() says which address is taken', async (t) => {
  const { port } = await listen(t, undefined);
  const second = new WebhookServer({ secret: undefined, onPush: () => undefined, logger: silentLogger });
  await t.rejects(second.listen({ host: '127.0.0.1', port }), { code: 'LISTEN_FAILED' });
});
