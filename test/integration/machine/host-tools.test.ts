// The tools machines are made with, against the real shell, programs and locks of this host.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { systemClock } from '../../../controller/base/clock.js';
import { withFileLock } from '../../../controller/machine/file-lock.js';
import { removeIfEmpty } from '../../../controller/machine/host-record.js';
import { findEnginePrograms } from '../../../controller/machine/preflight.js';
import { identifyProcess, isAlive, signalProcess, waitUntil } from '../../../controller/machine/processes.js';
import { createRunner } from '../../../controller/machine/run-command.js';
import { formatShellEnv } from '../../../controller/machine/shell-env.js';

t.test('formatShellEnv() quotes values so that sh reads back exactly what went in', (t) => {
  const values = ['plain', 'two words', '$HOME `id` $(id)', 'a"b\'c\\d', '\\', '!!', '*', ' ', 'ü€'];
  for (const value of values) {
    const text = formatShellEnv({ shell: 'sh', variables: [['K', value]], commandHint: 'x' });
    const read = execFileSync('sh', ['-c', `eval "$1"; printf %s "$K"`, 'sh', text], { encoding: 'utf8' });
    t.equal(read, value);
  }
  t.end();
});

t.test('createRunner() says what was run and what it said', async (t) => {
  const run = createRunner({});
  t.same(await run('sh', ['-c', 'cat; exit 0'], { input: 'hello' }), {
    stdout: 'hello',
    stderr: '',
    code: 0,
  });
  t.match(await run('sh', ['-c', 'exit 3'], { mayFail: true }), { code: 3 });
  await t.rejects(run('sh', ['-c', 'echo bad luck >&2; exit 1']), {
    code: 'MACHINE_FAILED',
    message: /^Cannot run "sh -c .*": bad luck$/,
  });
  await t.rejects(run('no-such-program', []), { code: 'MACHINE_FAILED', message: /: program not found$/ });
  await t.rejects(run('sleep', ['100'], { timeoutMs: 50 }), {
    code: 'TIMEOUT',
    message: /no end after 0\.05 s$/,
  });
  const stopper = new AbortController();
  const stopped = run('sleep', ['100'], { signal: stopper.signal });
  stopper.abort();
  await t.rejects(stopped, { code: 'ABORTED' });
});

t.test('withFileLock() lets one in at a time, also when the lock file is removed inside', async (t) => {
  const file = path.join(t.testdir({}), 'deep', 'lock');
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      withFileLock(file, { timeoutMs: 30_000 }, async () => {
        inside += 1;
        most = Math.max(most, inside);
        await systemClock.sleep(5);
        if (index % 2 === 0) {
          await rm(file);
          // The next one may have made the file anew by now: then the directory stays.
          await removeIfEmpty(path.dirname(file));
        }
        inside -= 1;
      }),
    ),
  );
  t.equal(most, 1);
});

t.test('withFileLock() gives up in time, and frees the lock when the work fails', async (t) => {
  const file = path.join(t.testdir({}), 'lock');
  await t.rejects(
    withFileLock(file, { timeoutMs: 10_000 }, async () => {
      await t.rejects(
        withFileLock(file, { timeoutMs: 1 }, async () => undefined),
        { code: 'STATE_LOCKED' },
      );
      throw new Error('the work failed');
    }),
    { message: 'the work failed' },
  );
  t.equal(await withFileLock(file, { timeoutMs: 10_000 }, async () => 'free'), 'free');
  await access(file);
  await t.rejects(
    withFileLock(path.dirname(file), { timeoutMs: 1000 }, async () => undefined),
    { code: 'MACHINE_FAILED', message: /cannot be opened for writing$/ },
  );
});

t.test('signalProcess() ends the process it was shown, and never one that only has its number', async (t) => {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  const identity = await identifyProcess(child.pid ?? 0);
  if (identity === undefined) throw new Error('a child that runs can be identified');
  t.equal(await signalProcess({ pid: identity.pid, startTime: 'another' }, 'SIGKILL'), false);
  t.equal(await isAlive(identity), true);
  t.equal(await isAlive({ ...identity, bootId: 'another' }), false);
  t.equal(await signalProcess({ pid: process.pid, startTime: 'any' }, 'SIGKILL'), false, 'never itself');
  const ended = once(child, 'exit');
  t.equal(await signalProcess(identity, 'SIGKILL'), true);
  await ended;
  t.equal(await waitUntil(systemClock, { timeoutMs: 10_000 }, async () => !(await isAlive(identity))), true);
});

t.test(
  'findEnginePrograms() takes what belongs to a given dockerd, unless it does not run here',
  async (t) => {
    const root = t.testdir({ lib: {} });
    const put = async (file: string, script: string): Promise<void> => {
      await mkdir(path.dirname(path.join(root, file)), { recursive: true });
      await writeFile(path.join(root, file), `#!/bin/sh\n${script}\n`);
      await chmod(path.join(root, file), 0o755);
    };
    await put('sbin/dockerd', 'exit 0');
    await put('bin/containerd', 'exit 0');
    await put('bin/runc', 'echo GLIBC_9.99 not found >&2; exit 1');
    const host = { platform: 'linux', userId: 0, env: {} };
    const dockerd = path.join(root, 'sbin/dockerd');
    const found = await findEnginePrograms(host, { dockerd });
    t.match(found, {
      dockerd,
      path: `${root}/sbin:${root}/bin:`,
      libraryDirectories: [path.join(root, 'lib')],
    });
    t.same([...found.replacements.keys()], ['runc'], 'runc comes from the host');
    await put('sbin/dockerd', 'echo GLIBC_9.99 not found >&2; exit 1');
    await t.rejects(findEnginePrograms(host, { dockerd }), {
      code: 'MACHINE_UNSUPPORTED',
      message: /^Cannot use engine ".*": GLIBC_9\.99 not found$/,
    });
    await t.rejects(findEnginePrograms(host, { dockerd: '/nonexistent/dockerd' }), {
      code: 'MACHINE_UNSUPPORTED',
      message: /"\/nonexistent\/dockerd" is no program/,
    });
  },
);
