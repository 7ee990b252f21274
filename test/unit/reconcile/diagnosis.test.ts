// What swarmctl doctor finds: documented codes, judged expiry, a host without any state.
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { SwarmError } from '../../../controller/base/errors.js';
import { failed, judgeExpiry, remedies } from '../../../controller/reconcile/diagnosis.js';
import { diagnoseHost } from '../../../controller/reconcile/diagnose-host.js';
import { runSwarmctl } from '../../support/run-swarmctl.js';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 0, 1);

t.test('every code of a finding is documented with its remedy', async (t) => {
  const text = await readFile('docs/doctor.md', 'utf8');
  for (const [code, remedy] of Object.entries(remedies)) {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${code}\` |`));
    t.ok(row?.includes(remedy), code);
  }
});

t.test('judgeExpiry() warns two weeks before the end, and fails two days before', async (t) => {
  for (const [days, level] of [
    [30, 'ok'],
    [13, 'warn'],
    [1, 'fail'],
    [-3, 'fail'],
  ] as const)
    t.equal(judgeExpiry(nowMs + days * dayMs, nowMs).level, level, `${days} days`);
});

t.test('failed() keeps the message and the hint of an error', async (t) => {
  t.match(
    failed('node/a', 'ENGINE_REACHABLE', new SwarmError('ENGINE_UNREACHABLE', 'gone', { hint: 'look' })),
    {
      ...{ level: 'fail', code: 'ENGINE_REACHABLE', subject: 'node/a', message: 'gone', remedy: 'look' },
    },
  );
});

t.test('diagnoseHost() notices a missing directory and a clock that was set back', async (t) => {
  const stateDirectory = t.testdir();
  const find = async (code: string, directory = stateDirectory) =>
    (await diagnoseHost({ stateDirectory: directory, nowMs, env: {} })).find((one) => one.code === code);
  t.match(await find('HOST_STATE', path.join(stateDirectory, 'missing')), { level: 'fail' });
  await writeFile(path.join(stateDirectory, 'version'), '1\n');
  t.match(await find('HOST_STATE'), { level: 'ok' });
  await mkdir(path.join(stateDirectory, 'objects'));
  await utimes(path.join(stateDirectory, 'objects'), nowMs / 1000, (nowMs + dayMs) / 1000);
  t.match(await find('HOST_CLOCK'), { level: 'fail', message: /86400 s in the future/ });
  t.match(await find('HOST_GIT'), { level: 'warn' }, 'no PATH, no git');
});

t.test('swarmctl doctor works while the operator is down, and says so', async (t) => {
  const stateDirectory = t.testdir();
  const { code, stdout } = await runSwarmctl(['doctor', 'host'], { stateDirectory });
  t.equal(code, 1);
  t.match(stdout, /^warn {2}HOST_OPERATOR +host: no operator answers/);
  t.match(stdout, /^fail {2}HOST_STATE .*\n {6}→ /m);
  t.equal((await runSwarmctl(['doctor', 'node', 'x'], { stateDirectory })).code, 2, 'there is no such node');
});
