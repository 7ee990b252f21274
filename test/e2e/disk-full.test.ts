// A full disk under the operator: it stays up, refuses changes with the reason, loses nothing, and goes on by itself.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import t from 'tap';
import { cleanEnvironment, swarmctlProgram, waitUntil } from '../support/programs.js';
import { startSmallDisk } from '../support/small-disk.js';

t.setTimeout(170_000);

const disk = await startSmallDisk({ sizeKilobytes: 1200, forMs: 170_000 });
const { inside } = disk;
let operator: ChildProcess | undefined;
t.teardown(async () => {
  if (operator !== undefined && operator.exitCode === null && operator.signalCode === null) {
    const exited = once(operator, 'exit');
    operator.kill('SIGKILL');
    await exited;
  }
  await disk.close();
});

const stateDirectory = path.join(disk.mountPoint, 'state');

function startOperator(): ChildProcess {
  const run = ['--state-dir', stateDirectory, 'run'];
  return spawn('nsenter', ['-t', String(disk.pid), '-m', process.execPath, swarmctlProgram, ...run], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(method: string, target: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socketPath = inside('state/swarmctl.sock');
    const headers = { 'Content-Type': 'application/json' };
    const call = request({ socketPath, method, path: target, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.on('error', reject);
    call.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const clusters = '/apis/swarmctl.io/v1alpha1/clusters';

function create(name: string): Promise<Answer> {
  return ask('POST', clusters, {
    apiVersion: 'swarmctl.io/v1alpha1',
    kind: 'Cluster',
    // Nothing of it is worked on: it only takes space.
    metadata: { name, annotations: { padding: 'x'.repeat(8000) } },
    spec: { suspend: true },
  });
}

const isReady = (): Promise<boolean> =>
  ask('GET', '/readyz').then(
    ({ status }) => status === 200,
    () => false,
  );

async function names(): Promise<readonly string[]> {
  const { items } = JSON.parse((await ask('GET', clusters)).body) as {
    readonly items: readonly { readonly metadata: { readonly name: string } }[];
  }; // the answer of a list
  return items.map(({ metadata }) => metadata.name).sort();
}

t.test('the operator survives a full disk and loses nothing it acknowledged', async (t) => {
  await mkdir(inside('state'), { recursive: true });
  operator = startOperator();
  await waitUntil('the API is ready', isReady);
  const acknowledged: string[] = [];
  await writeFile(inside('ballast'), Buffer.alloc(950_000));
  let refused: Answer | undefined;
  for (let index = 0; refused === undefined && index < 100; index += 1) {
    const name = `c${String(index).padStart(2, '0')}`;
    const answer = await create(name);
    if (answer.status === 201) acknowledged.push(name);
    else refused = answer;
  }
  t.ok(acknowledged.length > 3, `${acknowledged.length} were acknowledged`);
  t.equal(refused?.status, 507);
  t.match(JSON.parse(refused?.body ?? '{}'), {
    reason: 'InsufficientStorage',
    message: /^Cannot write state in ".*": ENOSPC: no space left on device/,
  });

  const readyz = await ask('GET', '/readyz?verbose');
  t.equal(readyz.status, 503);
  t.match(readyz.body, /\[-\]state failed: .*no space left on device/);
  t.same(await names(), acknowledged, 'reading goes on');
  const [first = ''] = acknowledged;
  await waitUntil('the objects say so', async () =>
    (await ask('GET', `${clusters}/${first}`)).body.includes('"StateUnwritable"'),
  );

  await rm(inside('ballast'));
  await waitUntil('it goes on by itself', isReady);
  t.equal((await create('later')).status, 201);
  await waitUntil(
    'the objects say so',
    async () => !(await ask('GET', `${clusters}/${first}`)).body.includes('"StateUnwritable"'),
  );

  const exited = once(operator, 'exit');
  operator.kill('SIGKILL');
  await exited;
  operator = startOperator();
  await waitUntil('the API is ready again', isReady);
  t.same(await names(), [...acknowledged, 'later']);
});
