// What swarmctl doctor finds: documented codes, judged expiry, a host without any state.
import { chmod, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { SwarmError } from '../../../controller/base/errors.js';
import { failed, judgeExpiry, remedies } from '../../../controller/reconcile/diagnosis.js';
import { systemClock } from '../../../controller/base/clock.js';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { findPairProblem } from '../../../controller/reconcile/check-pairs.js';
import { diagnoseState } from '../../../controller/reconcile/diagnose-state.js';
import { diskSpaceOfInfo, judgeDisk } from '../../../controller/reconcile/judge-disk.js';
import { peekObjects } from '../../../controller/store/peek-objects.js';
import { lockState } from '../../../controller/store/state-lock.js';
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

t.test('diagnoseState() notices a directory that is none, and a clock that was set back', async (t) => {
  const stateDirectory = t.testdir();
  const clock = { ...systemClock, now: () => nowMs };
  const find = async (code: string, directory = stateDirectory) =>
    (await diagnoseState({ stateDirectory: directory, clock, isAnswered: false, unusable: [] })).find(
      (one) => one.code === code,
    );
  t.match(await find('HOST_STATE', path.join(stateDirectory, 'missing')), {
    level: 'fail',
    message: /no such file/,
  });
  t.match(await find('HOST_STATE'), { level: 'fail', message: /is no state directory/ });
  await writeFile(path.join(stateDirectory, 'version'), '1\n');
  t.match(await find('HOST_STATE'), { level: 'ok' });
  await mkdir(path.join(stateDirectory, 'objects'));
  await utimes(path.join(stateDirectory, 'objects'), nowMs / 1000, (nowMs + dayMs) / 1000);
  t.match(await find('HOST_CLOCK'), { level: 'fail', message: /86400 s in the future/ });
  t.match(
    await diagnoseHost({ stateDirectory, env: {} }),
    [{ code: 'HOST_DISK' }],
    'and the disk is looked at',
  );
});

t.test('diagnoseState() tells who has the lock, and who may read what only its owner should', async (t) => {
  const stateDirectory = t.testdir({ version: '1\n', pki: { 'server-key.pem': '' } });
  await chmod(stateDirectory, 0o700);
  const find = async (code: string, isAnswered: boolean) =>
    (await diagnoseState({ stateDirectory, clock: systemClock, isAnswered, unusable: [] })).find(
      (one) => one.code === code,
    );
  t.match(await find('HOST_LOCK', false), { level: 'ok', message: /nobody/ });
  t.match(await find('HOST_LOCK', true), { level: 'warn', message: /has another state directory/ });
  const lock = await lockState({ directory: stateDirectory, clock: systemClock, holder: 'pid 7 on here' });
  t.teardown(() => lock.release());
  t.match(await find('HOST_LOCK', true), { level: 'ok', message: 'used by pid 7 on here' });
  t.match(await find('HOST_LOCK', false), { level: 'warn', message: /^pid 7 on here uses/ });
  await chmod(path.join(stateDirectory, 'pki/server-key.pem'), 0o600);
  t.match(await find('HOST_KEYS', true), { level: 'ok' });
  await chmod(path.join(stateDirectory, 'pki/server-key.pem'), 0o640);
  t.match(await find('HOST_KEYS', true), { level: 'fail', message: /pki\/server-key\.pem \(640\)/ });
});

t.test('peekObjects() names every file that it cannot use, and changes none', async (t) => {
  const stateDirectory = t.testdir({
    objects: {
      'node.empty.json': '',
      'node.words.json': 'words',
      'node.new.json': '{"format": 99}',
      'node.old.json.corrupt-17': 'x',
      'node.directory.json': {},
      'resource-version': '5\n',
    },
  });
  const { objects, unusable } = await peekObjects(stateDirectory);
  t.same(objects, []);
  t.match(unusable, [
    { file: 'objects/node.directory.json', why: /directory/, isSetAside: false },
    { file: 'objects/node.empty.json', why: 'the file is empty' },
    { file: 'objects/node.new.json', why: 'a newer swarmctl wrote it (format 99)' },
    { file: 'objects/node.old.json.corrupt-17', isSetAside: true },
    { file: 'objects/node.words.json', why: 'it is not JSON' },
  ]);
  t.equal((await readdir(path.join(stateDirectory, 'objects'))).length, 6, 'all are still there');
  const { code, stdout } = await runSwarmctl(['doctor', 'cluster', 'x'], { stateDirectory });
  t.equal(code, 1);
  t.equal((stdout.match(/fail {2}HOST_OBJECTS/g) ?? []).length, 4);
  t.match(stdout, /→ Use the newer swarmctl/);
});

t.test('judgeDisk() goes by share, except where there is plenty or next to nothing', async (t) => {
  const gib = 2 ** 30;
  for (const [freeBytes, totalBytes, level] of [
    [20 * gib, 100 * gib, 'ok'],
    [15 * gib, 100 * gib, 'warn'],
    [5 * gib, 100 * gib, 'fail'],
    [60 * gib, 4000 * gib, 'ok'],
    [99 * 2 ** 20, 200 * 2 ** 20, 'warn'],
    [9 * 2 ** 20, 20 * 2 ** 20, 'fail'],
  ] as const)
    t.equal(
      judgeDisk({ freeBytes, totalBytes, hasInodes: true }).level,
      level,
      `${freeBytes} of ${totalBytes}`,
    );
  t.match(judgeDisk({ freeBytes: 20 * gib, totalBytes: 40 * gib, hasInodes: false }), { level: 'fail' });
  t.match(
    diskSpaceOfInfo({
      DriverStatus: [
        ['Data Space Used', '90 GB'],
        ['Data Space Total', '100 GB'],
        ['Data Space Available', '10 GB'],
      ],
    }),
    { freeBytes: 10e9, totalBytes: 100e9 },
  );
  t.equal(diskSpaceOfInfo({ DriverStatus: [['Backing Filesystem', 'extfs']] }), undefined);
});

t.test('findPairProblem() wants the CA, the key and the address to fit', async (t) => {
  const directory = t.testdir();
  const authority = await createAuthority({ commonName: 'one', nowMs: Date.now(), validityDays: 10 });
  const other = await createAuthority({ commonName: 'one', nowMs: Date.now(), validityDays: 10 });
  const options = {
    authority,
    commonName: 'x',
    usages: ['server'] as const,
    nowMs: Date.now(),
    validityDays: 5,
  };
  const pair = await issueCertificate({ ...options, ipAddresses: ['10.0.0.1'], dnsNames: ['n1'] });
  const cert = path.join(directory, 'manager-n1.pem');
  const key = path.join(directory, 'manager-n1-key.pem');
  await writeFile(cert, pair.certPem);
  await writeFile(key, pair.keyPem);
  const problem = (host?: string, ca = authority.certPem) => findPairProblem({ cert, key, host }, ca);
  t.same(
    [await problem('10.0.0.1'), await problem('n1'), await problem()],
    [undefined, undefined, undefined],
  );
  t.match(await problem('10.0.0.2'), /^manager-n1\.pem does not name 10\.0\.0\.2/);
  t.match(await problem('n1', other.certPem), /signed by another CA/);
  await writeFile(key, other.keyPem);
  t.match(await problem('n1'), /^manager-n1-key\.pem is not the key of manager-n1\.pem/);
});

t.test('swarmctl doctor works while the operator is down, and says so', async (t) => {
  const stateDirectory = t.testdir();
  const { code, stdout } = await runSwarmctl(['doctor', 'host'], { stateDirectory });
  t.equal(code, 1);
  t.match(stdout, /^host: \d+ of \d+ checks ok\n {2}warn {2}HOST_OPERATOR +no operator answers/);
  t.match(stdout, /^ {2}fail {2}HOST_STATE .*\n +→ /m);
  const all = await runSwarmctl(['doctor', 'host', '--verbose'], { stateDirectory });
  t.match(all.stdout, /^ {2}ok {4}HOST_LOCK +nobody/m);
  t.equal((await runSwarmctl(['doctor', 'node', 'x'], { stateDirectory })).code, 2, 'there is no such node');
});
