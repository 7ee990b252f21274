// GET /events over several engines: the past in time order, no event twice, ends, filters, subscribers that do not read.
import t from 'tap';
import { FakeClock } from '../../support/fake-clock.js';
import type { FakeEngine } from '../../support/fake-engine.js';
import { startFakeManager, type Answer, type FakeManager } from '../../support/fake-manager.js';
import { until } from '../../support/until.js';
import { connectRaw, readToEnd, requestText } from '../../support/raw-http.js';

t.setTimeout(60_000);

interface Event {
  readonly Type: string;
  readonly Action: string;
  readonly timeNano: number;
  readonly status?: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Record<string, string> };
  readonly node: { readonly Name: string };
}

const engines = [{ name: 'n1' }, { name: 'n2' }] as const;

function happen(engine: FakeEngine, name: string, attributes: Record<string, string> = {}): void {
  const Actor = { ID: name.padEnd(64, '0'), Attributes: { image: 'busybox', name, ...attributes } };
  engine.emit({ Type: 'container', Action: 'start', Actor });
}

function parse(text: string): readonly Event[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event); // the shape of the API
}

const namesOf = (events: readonly Event[]): readonly string[] =>
  events.map(({ Actor }) => Actor.Attributes['name'] ?? '');

const filters = (value: object): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;

/** Lets a millisecond of the engines' clocks pass. */
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

async function past(manager: FakeManager, query: string): Promise<readonly Event[]> {
  const answer = await manager.call('GET', `/events?${query}`);
  return parse(answer.text);
}

void t.test('events() merges what engines remember in the order of time, with their nodes', async (t) => {
  const manager = await startFakeManager(t, { engines });
  const [first, second] = manager.engines;
  if (first === undefined || second === undefined) throw new Error('two engines were started');
  const since = (Date.now() / 1000).toFixed(9);
  for (let at = 0; at < 6; at += 1) {
    await tick();
    happen(at % 2 === 0 ? first : second, `c${at}`);
  }
  await tick();
  const now = (): string => (Date.now() / 1000).toFixed(3);
  const all = await past(manager, `since=${since}&until=${now()}`);
  t.same(namesOf(all), ['c0', 'c1', 'c2', 'c3', 'c4', 'c5']);
  t.same(
    all.map(({ node, Actor }) => [node.Name, Actor.Attributes['node.name']]),
    all.map((_, at) => (at % 2 === 0 ? ['n1', 'n1'] : ['n2', 'n2'])),
  );
  t.ok(
    all.every(({ status }) => status === 'start'),
    'with the members that old clients read',
  );

  t.same(namesOf(await past(manager, `until=${now()}`)), namesOf(all), 'without a beginning: all of it');
  t.same(await past(manager, 'until=1'), [], 'an end before the first event');
  const of = async (value: object): Promise<readonly string[]> =>
    namesOf(await past(manager, `since=${since}&until=${now()}&${filters(value)}`));
  t.same(await of({ node: ['n2'] }), ['c1', 'c3', 'c5']);
  t.same(await of({ container: ['n1/c2', 'c3'] }), ['c2', 'c3']);
  t.same(await of({ event: { start: true }, type: ['container'], container: ['c4'] }), ['c4']);
  t.same(await of({ event: ['stop'] }), []);
});

void t.test('events() tells an event once, and ends at a moment in the future', async (t) => {
  const manager = await startFakeManager(t, { engines });
  const since = (Date.now() / 1000).toFixed(3);
  await tick();
  for (const engine of manager.engines) happen(engine, `before-${engine.name}`);
  const answer = past(manager, `since=${since}&until=${(Date.now() / 1000 + 4).toFixed(3)}`);
  for (let at = 0; at < 20; at += 1) {
    await tick();
    for (const engine of manager.engines) happen(engine, `during${at}-${engine.name}`);
  }
  const names = namesOf((await answer).filter(({ Type }) => Type === 'container'));
  t.equal(names.length, 42, 'every event, those of the past and those that came while it was read');
  t.equal(new Set(names).size, 42, 'none of them twice');
});

void t.test('events() sends a long past as fast as the client reads, and all of it', async (t) => {
  const manager = await startFakeManager(t, { engines });
  const big = 'x'.repeat(64 * 1024);
  for (let at = 0; at < 200; at += 1)
    for (const engine of manager.engines) happen(engine, `c${at}-${engine.name}`, { big });
  await tick();
  const names = namesOf(await past(manager, `since=1&until=${(Date.now() / 1000).toFixed(3)}`));
  t.equal(names.length, 400, '25 MB are more than may wait for a client that does not read');
});

void t.test('events() refuses times in the words of an engine', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const rows: readonly [query: string, message: string][] = [
    ['since=200&until=100', '`since` time (200) cannot be after `until` time (100)'],
    ['since=abc&until=1', 'strconv.ParseInt: parsing "abc": invalid syntax'],
    ['until=5.5.5', 'strconv.ParseInt: parsing "5.5.5": invalid syntax'],
    [filters({ zzz: ['a'] }), "invalid filter 'zzz'"],
  ];
  for (const [query, message] of rows) {
    t.match(await manager.call('GET', `/events?${query}`), { status: 400, json: { message } }, query);
  }
});

void t.test('events() keeps from old clients what they would misread', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  engine?.emit({ Type: 'image', Action: 'create', Actor: { ID: 'sha256:1', Attributes: { name: 'a' } } });
  engine?.emit({ Type: 'image', Action: 'tag', Actor: { ID: 'sha256:1', Attributes: { name: 'a' } } });
  await tick();
  const actions = async (version: string): Promise<readonly string[]> => {
    const { text } = await manager.call('GET', `/v${version}/events?until=${(Date.now() / 1000).toFixed(3)}`);
    return parse(text).map(({ Action }) => Action);
  };
  t.same(await actions('1.45'), ['tag']);
  t.same(await actions('1.46'), ['create', 'tag']);
});

/** A manager of one engine with two containers, somebody who listens, and reads that wait while they are held; time stands still. */
async function aListener(t: Parameters<typeof startFakeManager>[0]): Promise<{
  readonly manager: FakeManager;
  readonly clock: FakeClock;
  readonly told: () => readonly string[];
  readonly die: (name: string) => void;
  readonly hold: () => () => void;
  readonly reads: () => number;
}> {
  const clock = new FakeClock();
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }], clock });
  const [engine] = manager.engines;
  if (engine === undefined) throw new Error('one engine was started');
  for (const name of ['a', 'b']) engine.addContainer({ name, labels: { app: name } });
  await until(() => manager.pool.containers().length === 2);
  const told: string[] = [];
  manager.pool.onEvent(({ event }) => told.push(`${String(event['Action'])} ${String(event['id'])}`));
  let reads = 0;
  const idOf = (name: string): string =>
    [...engine.containers.values()].find((container) => container.name === name)?.Id ?? '';
  return {
    manager,
    clock,
    told: () => told,
    die: (name) => {
      const container = engine.find(idOf(name));
      if (container === undefined) throw new Error('it was made');
      container.status = 'exited';
      engine.announce(container, 'die');
    },
    hold: () => {
      let release = (): void => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      engine.faults.hold = ({ path }) => {
        if (path !== '/containers/json') return undefined;
        reads += 1;
        return released;
      };
      return () => {
        engine.faults.hold = () => undefined;
        release();
      };
    },
    reads: () => reads,
  };
}

void t.test('events() tells of a state before it is read, and no list shows an older one', async (t) => {
  const { manager, told, die, hold, reads } = await aListener(t);
  const release = hold();
  die('a');
  await until(() => told().length === 1 && reads() === 1);
  const listed = (query: string): Promise<Answer> => manager.call('GET', `/containers/json?all=1${query}`);
  const waiting = Promise.all([
    listed(''),
    listed(`&${filters({ label: ['app=a'] })}`),
    listed(`&${filters({ status: ['exited'] })}`),
    manager.call('GET', '/info'),
  ]);
  t.match(
    await listed(`&${filters({ label: ['app=b'] })}`),
    { json: [{ State: 'running', Names: ['/b', '/n1/b'] }] },
    'who asks for others does not wait',
  );
  t.match(await manager.call('GET', '/containers/a/json'), { status: 200, json: { Name: '/a' } });
  release();
  const [all, labelled, exited, info] = await waiting;
  const states = ({ json }: Answer): unknown =>
    (json as { Names: string[]; State: string }[]).map(({ Names, State }) => `${Names[0] ?? ''} ${State}`);
  t.same(states(all), ['/b running', '/a exited']);
  t.same(states(labelled), ['/a exited']);
  t.same(states(exited), ['/a exited']);
  t.match(info.json, { ContainersRunning: 1, ContainersStopped: 1 });
});

void t.test('events() of an engine that is slow wait for it, and nobody else does', async (t) => {
  const { manager, clock, told, die, hold, reads } = await aListener(t);
  const release = hold();
  die('a');
  await until(() => told().length === 1 && reads() === 1);
  await clock.advance(300);
  die('b');
  await until(() => reads() === 2);
  t.equal(told().length, 1, 'the second one waits for its read');
  release();
  await until(() => told().length === 2);
  const { json } = await manager.call('GET', '/containers/json?all=1');
  t.match(json, [{ State: 'exited' }, { State: 'exited' }]);
  die('a');
  await until(() => told().length === 3);
});

void t.test('events() leaves out an engine that does not tell its past', async (t) => {
  const manager = await startFakeManager(t, { engines });
  const [first, second] = manager.engines;
  if (first === undefined || second === undefined) throw new Error('two engines were started');
  for (const engine of manager.engines) happen(engine, `c-${engine.name}`);
  first.faults.answer = ({ path }) =>
    path === '/events' ? { status: 500, json: { message: 'no' } } : undefined;
  await tick();
  t.same(namesOf(await past(manager, `since=0&until=${(Date.now() / 1000).toFixed(3)}`)), ['c-n2']);
});

void t.test('events() cuts a subscriber that does not read, and nobody else', async (t) => {
  const manager = await startFakeManager(t, { engines: [{ name: 'n1' }] });
  const [engine] = manager.engines;
  if (engine === undefined) throw new Error('one engine was started');
  const reader = connectRaw({ port: manager.port });
  t.teardown(() => void reader.destroy());
  let read = '';
  reader.setEncoding('latin1').on('data', (chunk: string) => (read += chunk));
  reader.write(requestText('GET', '/events'));
  await until(() => read.includes('\r\n\r\n'));
  const sleeper = connectRaw({ port: manager.port });
  const begun = new Promise((resolve) => sleeper.once('readable', resolve));
  sleeper.write(requestText('GET', '/events'));
  await begun;
  sleeper.pause();
  const big = 'x'.repeat(64 * 1024);
  for (let at = 0; at < 500; at += 1) {
    happen(engine, `c${at}`, { big });
    // The reader gets to read: what is cut is who does not read, not who is behind.
    if (at % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  happen(engine, 'last');
  await until(() => read.includes('"name":"last"'), 'who reads gets all');
  t.equal([...read.matchAll(/"name":"c\d+"/g)].length, 500, 'who reads gets all');
  const received = await readToEnd(sleeper);
  t.notMatch(received, '"name":"last"', 'the end of the stream was not reached');
  t.ok(received.length < 500 * big.length);
  const told = [...received.matchAll(/"name":"c(\d+)"/g)].map(([, at]) => Number(at));
  t.same(
    told,
    told.map((_, at) => at),
    'nothing is left out of what it was told',
  );
});
