// The flight recorder on disk: what it keeps is what was decided, bounded, without secrets, and readable after a kill.
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { silentLogger } from '../../../controller/base/log.js';
import { compareFlights, FlightLog } from '../../../controller/reconcile/flight-log.js';
import { FlightRecorder } from '../../../controller/reconcile/flight-recorder.js';
import { readFlights } from '../../../controller/reconcile/read-flights.js';
import { parseFlight } from '../../../controller/reconcile/replay-flight.js';
import { FakeClock } from '../../support/fake-clock.js';
import { aNode } from '../../support/resource-builders.js';

const token = '0123456789abcdef0123456789abcdef';
const key = (name: string) => ({ kind: 'Node', name }) as const;

function open(directory: string, clock = new FakeClock()) {
  const secrets = (): readonly string[] => [token];
  const log = new FlightLog({ directory, clock, logger: silentLogger, program: '1.0.0', secrets });
  const recorder = new FlightRecorder({ clock, program: '1.0.0', secrets, log });
  const decide = (name: string, lines: readonly string[], nodes = 1) =>
    recorder.record(key(name), lines, () => ({
      installation: 'i',
      nodes: Array.from({ length: nodes }, () => ({
        node: aNode({ name }),
        view: { type: 'unknown' } as const,
      })),
    }));
  return { log, recorder, decide, clock };
}

t.test('FlightLog keeps what the recorder keeps, with what came of it', async (t) => {
  const directory = path.join(t.testdir(), 'flights');
  const { log, recorder, decide, clock } = open(directory);
  t.equal(await readFlights(directory), undefined, 'nothing was decided');
  const end = decide('a', ['create container x']);
  await clock.advance(1500);
  end(undefined);
  decide('b', ['start container y'])(new Error(`refused with ${token}`));
  decide('c', ['remove container z']);
  await log.close();
  const left = await readFlights(directory);
  const dumped = JSON.parse(JSON.stringify(recorder.dump())) as unknown;
  t.match(left, { kind: 'swarmctl-flight', program: '1.0.0' });
  t.same(left?.records, (dumped as { records: unknown }).records);
  t.match(
    left?.records.map(({ result }) => result?.outcome),
    ['done', 'failed', undefined],
  );
  const [file = ''] = await readdir(directory);
  t.notOk((await readFile(path.join(directory, file), 'utf8')).includes(token));
  t.equal((await stat(path.join(directory, file))).mode & 0o777, 0o600);
});

t.test('FlightLog writes nothing while nothing is decided', async (t) => {
  const directory = path.join(t.testdir(), 'flights');
  const { log, decide, clock } = open(directory);
  decide('a', []);
  await clock.advance(3_600_000);
  await log.close();
  t.equal(await readFlights(directory), undefined);
  t.same(await readdir(path.dirname(directory)), [], 'not even a directory');
});

t.test('readFlights() passes over what a kill has torn, and goes on behind it', async (t) => {
  const directory = path.join(t.testdir(), 'flights');
  const first = open(directory);
  first.decide('a', ['one']);
  await first.log.close();
  const [file = ''] = await readdir(directory);
  await appendFile(path.join(directory, file), '{"number":2,"record":{"atMs":1,"key"');
  await writeFile(path.join(directory, '9999999999999-1.flight'), '{"kind":"swarmctl-fl');
  await writeFile(path.join(directory, 'notes.txt'), 'somebody else’s');
  const next = open(directory, new FakeClock(new FakeClock().now() + 1000));
  next.decide('b', ['two'])(undefined);
  await next.log.close();
  const left = await readFlights(directory);
  t.same(
    left?.records.map(({ key: { name }, lines }) => [name, ...lines]),
    [
      ['a', 'one'],
      ['b', 'two'],
    ],
  );
  const text = await readFile(path.join(directory, file), 'utf8');
  t.equal(parseFlight(text, file).records.length, 1, 'one file alone can be replayed, too');
  t.throws(() => parseFlight(text.replace('"format":1', '"format":2'), file), { code: 'USAGE' });
});

t.test('FlightLog is bounded in files, bytes and size of a decision', async (t) => {
  const directory = path.join(t.testdir(), 'flights');
  let last = '';
  for (let start = 0; start < 3; start += 1) {
    const { log, decide, clock } = open(directory, new FakeClock(new FakeClock().now() + start * 1000));
    for (let index = 0; index < 30; index += 1) {
      last = `s${start}-${index}`;
      decide(last, ['x'.repeat(200_000)])(undefined);
      await clock.advance(100);
    }
    decide('large', ['all of it'], 10_001);
    await log.close();
  }
  const names = (await readdir(directory)).sort(compareFlights);
  t.equal(names.length, 4);
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(directory, name))).size));
  t.same(
    sizes.filter((size) => size > 4 * 2 ** 20 + 200),
    [],
  );
  const left = await readFlights(directory);
  t.equal(left?.records.at(-1)?.key.name, last, 'the newest are kept, and not one of too many nodes');
  t.equal(left?.records.at(-1)?.result?.outcome, 'done');
  t.equal(
    left?.records.some(({ key: { name } }) => name === 's0-0'),
    false,
    'the oldest are gone',
  );
});

t.test('FlightLog keeps a decision about a thousand nodes, in little space', async (t) => {
  const directory = path.join(t.testdir(), 'flights');
  const { log, recorder, decide, clock } = open(directory);
  decide('large', ['an older one'], 1000);
  decide('small', ['of somebody else']);
  decide('large', ['all of it'], 1000)(undefined);
  await clock.advance(100);
  await log.close();
  const left = await readFlights(directory);
  t.same(
    left?.records.map(({ lines }) => lines.join()),
    ['of somebody else', 'all of it'],
    'the one that was overtaken before it was written is left out',
  );
  const dumped = JSON.parse(JSON.stringify(recorder.dump())) as { records: unknown[] };
  t.same(left?.records.at(-1), dumped.records.at(-1));
  t.equal(left?.records.at(-1)?.input.nodes.length, 1000);
  const [file = ''] = await readdir(directory);
  const text = await readFile(path.join(directory, file), 'utf8');
  t.ok(text.length < 500_000, `${text.length} bytes`);
  // Killed while it was written, or damaged since.
  const lines = text.split('\n');
  const last = lines.findIndex((line) => line.includes('"part":19'));
  for (const torn of [
    lines.slice(0, last),
    lines.map((line, at) => (at === last ? line.slice(0, 60) : line)),
  ])
    t.same(
      parseFlight(torn.join('\n'), file).records.map(({ key: { name } }) => name),
      ['small'],
      'some of its nodes are not all of them',
    );
});

t.test('FlightLog keeps nobody waiting when it cannot write, and says it once', async (t) => {
  const directory = path.join(t.testdir(), 'flights');
  await writeFile(directory, 'in the way');
  const warnings: string[] = [];
  const clock = new FakeClock();
  const logger = { ...silentLogger, warn: (message: string) => warnings.push(message) };
  const log = new FlightLog({ directory, clock, logger, program: '1', secrets: () => [] });
  const record = { atMs: 1, key: key('a'), lines: ['x'], input: { installation: 'i', nodes: [] } };
  for (let number = 1; number <= 3; number += 1) {
    log.decided(number, record);
    while (warnings.length === 0) {
      await clock.advance(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await log.close();
  t.match(warnings, [/^Cannot keep the flight recorder: /], 'said once');
});
