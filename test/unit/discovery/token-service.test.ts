// Tests of the token service: the old hub's wire format, leases, limits and warming up.
import t from 'tap';
import { silentLogger, type Logger } from '../../../controller/base/log.js';
import { TokenService, type TokenServiceOptions } from '../../../controller/discovery/token-service.js';
import { FakeClock } from '../../support/fake-clock.js';

const token = '0123456789abcdef0123456789abcdef';
const other = 'f'.repeat(32);

function aService(options: Partial<TokenServiceOptions> = {}): {
  service: TokenService;
  clock: FakeClock;
  ask: Ask;
} {
  const clock = new FakeClock();
  const service = new TokenService({ clock, logger: silentLogger, createToken: () => token, ...options });
  const ask: Ask = (method, target, body = '', client = '10.0.0.9') =>
    service.handle({ method, target, body, client });
  return { service, clock, ask };
}
type Ask = (
  method: string,
  target: string,
  body?: string,
  client?: string,
) => ReturnType<TokenService['handle']>;

t.test('TokenService speaks the wire format of the old hub', async (t) => {
  const { ask } = aService();
  t.match(ask('POST', '/v1/clusters'), { status: 201, body: token });
  t.match(ask('GET', `/v1/clusters/${token}`), {
    status: 200,
    body: '[]',
    headers: { 'content-type': 'application/json' },
  });
  t.match(ask('POST', `/v1/clusters/${token}?ttl=180`, '10.0.0.2:2375'), { status: 200, body: 'OK' });
  t.match(ask('POST', `/v1/clusters/${token}?ttl=180`, '10.0.0.1:2375'), { status: 200, body: 'OK' });
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '["10.0.0.1:2375","10.0.0.2:2375"]');
  t.match(ask('DELETE', `/v1/clusters/${token}/${encodeURIComponent('10.0.0.1:2375')}`), {
    status: 200,
    body: 'OK',
  });
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '["10.0.0.2:2375"]');
  t.match(ask('DELETE', `/v1/clusters/${token}`), { status: 200, body: 'OK' });
  t.equal(ask('GET', `/v1/clusters/${token}`).status, 404);
});

t.test(
  'TokenService answers without /v1 too, as token://host:port/TOKEN makes classic clients ask',
  async (t) => {
    const { ask } = aService();
    t.equal(ask('POST', `/clusters/${token}?ttl=10`, 'a:1').status, 200);
    t.equal(ask('GET', `/clusters/${token}`).body, '["a:1"]');
  },
);

t.test('TokenService ends a lease at its time to live', async (t) => {
  const { ask, clock } = aService();
  ask('POST', '/v1/clusters');
  ask('POST', `/v1/clusters/${token}?ttl=180`, 'a:1');
  ask('POST', `/v1/clusters/${token}?ttl=60`, 'b:1');
  await clock.advance(59_999);
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '["a:1","b:1"]');
  await clock.advance(1);
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '["a:1"]');
  ask('POST', `/v1/clusters/${token}?ttl=180`, 'a:1');
  await clock.advance(179_999);
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '["a:1"]');
  await clock.advance(1);
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '[]');
});

t.test('TokenService takes 180 s for a registration without ttl', async (t) => {
  const { ask, clock } = aService();
  ask('POST', `/v1/clusters/${token}`, 'a:1');
  await clock.advance(179_999);
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '["a:1"]');
  await clock.advance(1);
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '[]');
});

const badRequests = [
  ['POST', `/v1/clusters/${token}?ttl=0`, 'a:1', 400],
  ['POST', `/v1/clusters/${token}?ttl=-5`, 'a:1', 400],
  ['POST', `/v1/clusters/${token}?ttl=1.5`, 'a:1', 400],
  ['POST', `/v1/clusters/${token}?ttl=86401`, 'a:1', 400],
  ['POST', `/v1/clusters/${token}?ttl=10`, '', 400],
  ['POST', `/v1/clusters/${token}?ttl=10`, 'nonsense', 400],
  ['POST', `/v1/clusters/${token}?ttl=10`, 'http://h:1', 400],
  ['POST', `/v1/clusters/${token}?ttl=10`, 'a:1\nb:2', 400],
  ['PUT', '/v1/clusters', '', 405],
  ['GET', '/v1/clusters', '', 405],
  ['PATCH', `/v1/clusters/${token}`, '', 405],
  ['GET', `/v1/clusters/${token}/a:1`, '', 405],
  ['POST', '/v1/health', '', 405],
  ['GET', '/', '', 404],
  ['GET', '/v2/clusters/x', '', 404],
  ['GET', `/v1/clusters/${token}/a/b`, '', 404],
  ['GET', '/v1/../clusters', '', 404],
] as const;

for (const [method, target, body, status] of badRequests) {
  t.test(`TokenService answers ${status} to ${method} ${target} ${JSON.stringify(body)}`, async (t) => {
    const { ask } = aService();
    t.equal(ask(method, target, body).status, status);
    t.equal(ask('GET', `/v1/clusters/${token}`).status, 404, 'and makes no cluster');
  });
}

t.test('TokenService refuses an entry that is no UTF-8 escape', async (t) => {
  const { ask } = aService();
  ask('POST', `/v1/clusters/${token}?ttl=10`, 'a:1');
  t.equal(ask('DELETE', `/v1/clusters/${token}/%zz`).status, 400);
});

t.test('TokenService answers the same to unknown, malformed and forbidden tokens', async (t) => {
  const { ask } = aService({ allowedTokens: [token] });
  const answers = [other, 'short', token.toUpperCase(), `${token}0`].flatMap((wrong) => [
    ask('GET', `/v1/clusters/${wrong}`),
    ask('DELETE', `/v1/clusters/${wrong}`),
    ask('DELETE', `/v1/clusters/${wrong}/a:1`),
    ask('POST', `/v1/clusters/${wrong}?ttl=10`, 'a:1'),
  ]);
  for (const answer of answers) t.same(answer, answers[0]);
  t.equal(answers[0]?.status, 404);
});

t.test('TokenService with fixed tokens serves them from the start and makes no others', async (t) => {
  const { ask } = aService({ allowedTokens: [token] });
  t.match(ask('GET', `/v1/clusters/${token}`), { status: 200, body: '[]' });
  t.equal(ask('POST', '/v1/clusters').status, 403);
  ask('POST', `/v1/clusters/${token}?ttl=10`, 'a:1');
  ask('DELETE', `/v1/clusters/${token}`);
  t.match(ask('GET', `/v1/clusters/${token}`), { status: 200, body: '[]' }, 'deleting empties them');
});

t.test(
  'TokenService limits how often a client may name unknown tokens, and nobody else suffers',
  async (t) => {
    const { ask, clock } = aService();
    ask('POST', `/v1/clusters/${token}?ttl=600`, 'a:1');
    const statuses = Array.from({ length: 40 }, () => ask('GET', `/v1/clusters/${other}`).status);
    t.equal(statuses.filter((status) => status === 404).length, 29, 'the registration above took one');
    t.equal(statuses.at(-1), 429);
    t.equal(ask('GET', `/v1/clusters/${token}`).status, 200, 'known tokens are not counted');
    t.equal(ask('POST', '/v1/clusters').status, 429);
    t.equal(ask('GET', `/v1/clusters/${other}`, '', '10.0.0.10').status, 404);
    await clock.advance(1000);
    t.equal(ask('GET', `/v1/clusters/${other}`).status, 404);
  },
);

t.test('TokenService that starts without data warms up for one lease', async (t) => {
  const { ask, clock, service } = aService();
  t.equal(ask('GET', `/v1/clusters/${token}`).status, 404, 'what it does not know is unknown');
  ask('POST', `/v1/clusters/${token}?ttl=180`, 'a:1');
  t.match(ask('GET', `/v1/clusters/${token}`), { headers: { 'swarm-discovery-warming': '180' } });
  await clock.advance(179_001);
  t.match(ask('GET', `/v1/clusters/${token}`), { headers: { 'swarm-discovery-warming': '1' } });
  t.match(JSON.parse(ask('GET', '/v1/health').body), { status: 'ok', warmingSeconds: 1 });
  await clock.advance(999);
  t.notOk('swarm-discovery-warming' in ask('GET', `/v1/clusters/${token}`).headers);
  t.equal(service.warmingSeconds, 0);
});

t.test('TokenService warms up longer when agents ask for longer leases', async (t) => {
  const { ask, service } = aService();
  ask('POST', `/v1/clusters/${token}?ttl=600`, 'a:1');
  t.equal(service.warmingSeconds, 600);
});

t.test('TokenService does not warm up for a cluster it made itself, or with data', async (t) => {
  const { ask } = aService();
  ask('POST', '/v1/clusters');
  t.same(ask('GET', `/v1/clusters/${token}`).headers, { 'content-type': 'application/json' });
  t.equal(aService({ snapshot: { clusters: {} } }).service.warmingSeconds, 0);
});

t.test('TokenService restores leases with the time that remained', async (t) => {
  const before = aService();
  before.ask('POST', `/v1/clusters/${token}?ttl=100`, 'a:1');
  await before.clock.advance(40_000);
  const { ask, clock } = aService({ snapshot: before.service.snapshot() });
  await clock.advance(59_999);
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '["a:1"]');
  await clock.advance(1);
  t.equal(ask('GET', `/v1/clusters/${token}`).body, '[]');
});

t.test('TokenService snapshots and logs hold no token', async (t) => {
  const lines: string[] = [];
  const write = (message: string, fields?: object): void =>
    void lines.push(JSON.stringify({ message, fields }));
  const logger: Logger = { debug: write, info: write, warn: write, error: write, with: () => logger };
  const { ask, service } = aService({ logger });
  ask('POST', '/v1/clusters');
  ask('POST', `/v1/clusters/${token}?ttl=10`, 'a:1');
  ask('DELETE', `/v1/clusters/${token}/a:1`);
  ask('DELETE', `/v1/clusters/${token}`);
  ask('POST', `/v1/clusters/${token}?ttl=10`, 'a:1');
  t.equal(lines.length, 5);
  t.notMatch(lines.join(''), token);
  t.notMatch(JSON.stringify(service.snapshot()), token);
});

t.test('TokenService reports changes: members at once, renewals apart, expiry too', async (t) => {
  const changes: string[] = [];
  const { ask, clock } = aService({ onChange: (change) => changes.push(change) });
  ask('POST', `/v1/clusters/${token}?ttl=10`, 'a:1');
  ask('POST', `/v1/clusters/${token}?ttl=10`, 'a:1');
  await clock.advance(11_000);
  t.same(
    changes.filter((change) => change !== 'none'),
    ['members', 'renewed', 'members'],
  );
});

t.test(
  'TokenService names who is gone while it warms up, so that leaving does not wait for its end',
  async (t) => {
    const { ask } = aService();
    ask('POST', `/v1/clusters/${token}?ttl=180`, 'a:1');
    ask('POST', `/v1/clusters/${token}?ttl=180`, 'b:1');
    t.notOk('swarm-discovery-gone' in ask('GET', `/v1/clusters/${token}`).headers);
    ask('DELETE', `/v1/clusters/${token}/b:1`);
    t.match(ask('GET', `/v1/clusters/${token}`), {
      body: '["a:1"]',
      headers: { 'swarm-discovery-gone': 'b:1' },
    });
  },
);
