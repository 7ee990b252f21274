// What engines can do once they run: reach each other, publish ports, resolve, restart. One set of two engines for all.
import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { request } from 'node:https';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { importBusybox, startEngines, type TestEngine } from '../../support/engines.js';

const exec = promisify(execFile);

// Engines start in a second or two; a busy machine may need many times that.
t.setTimeout(240_000);

/** One call of the engine's API over TLS. */
function call(engine: TestEngine, method: string, path: string, body?: unknown): Promise<unknown> {
  const { address, tls } = engine.endpoint;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: address.host, port: address.port, method, path, agent: false, timeout: 20_000, ...tls },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          const failed = (response.statusCode ?? 500) >= 400;
          if (failed) reject(new Error(`${method} ${path}: ${String(response.statusCode)} ${text}`));
          else resolve(text === '' ? undefined : text.startsWith('{') ? JSON.parse(text) : text);
        });
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', reject);
    outgoing.setHeader('Content-Type', 'application/json');
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function runContainer(engine: TestEngine, name: string, body: object): Promise<string> {
  const created = await call(engine, 'POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    ...body,
  });
  // The engine's answer to a create.
  const { Id } = created as { Id: string };
  await call(engine, 'POST', `/containers/${Id}/start`);
  return Id;
}

/** Runs a command to its end. @returns exit code and everything it printed */
async function runToEnd(engine: TestEngine, name: string, script: string, host = {}): Promise<string> {
  const id = await runContainer(engine, name, { Cmd: ['sh', '-c', script], Tty: true, HostConfig: host });
  await call(engine, 'POST', `/containers/${id}/wait`);
  return String(await call(engine, 'GET', `/containers/${id}/logs?stdout=1&stderr=1`));
}

const serve = (port: number): string =>
  `mkdir -p /w && hostname > /w/index.html && exec httpd -f -p ${port} -h /w`;

/** Tries until the server listens: a container's process starts after its start was answered. */
async function fetchPage(host: string, port: number): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await new Promise<string>((resolve, reject) => {
        get({ host, port, agent: false, timeout: 5000 }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve(text.trim()));
        }).on('error', reject);
      });
    } catch (error) {
      if (attempt === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

t.test('engines of a set', async (t) => {
  const { engines, machines } = await startEngines(t, {
    count: 2,
    labels: [{ region: 'eu' }, { region: 'us' }],
  });
  const [first, second] = engines;
  if (first === undefined || second === undefined) throw new Error('two engines were asked for');
  await Promise.all(engines.map((engine) => importBusybox(engine)));

  await t.test('each has its own name, ID and labels', async (t) => {
    const infos = await Promise.all(engines.map((engine) => call(engine, 'GET', '/info')));
    t.match(infos, [
      { Name: 'node0', Labels: ['region=eu'] },
      { Name: 'node1', Labels: ['region=us'] },
    ]);
    const ids = infos.map((info) => (info as { ID: string }).ID); // field of GET /info
    t.equal(new Set(ids).size, 2);
  });

  await t.test('one refuses clients without a certificate of the store', async (t) => {
    const { ca } = first.endpoint.tls ?? { ca: '' };
    const endpoint = { ...first.endpoint, tls: { ca } };
    await t.rejects(call({ ...first, endpoint }, 'GET', '/_ping'));
  });

  await t.test(
    'a server in the host network of one is reached from the host and from the other',
    async (t) => {
      await runContainer(first, 'host-web', {
        Cmd: ['sh', '-c', serve(7777)],
        HostConfig: { NetworkMode: 'host' },
      });
      t.equal(await fetchPage(first.address.host, 7777), 'node0', 'from the host');
      const answer = await runToEnd(
        second,
        'client',
        `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc ${first.address.host} 7777`,
      );
      t.match(answer, /node0/, 'from a container on the other engine');
    },
  );

  await t.test('published ports are reached from the host', async (t) => {
    await runContainer(second, 'published', {
      Cmd: ['sh', '-c', serve(80)],
      Hostname: 'published',
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
    });
    t.equal(await fetchPage(second.address.host, 8080), 'published');
  });

  await t.test('/var/run/docker.sock in a bind mount is the socket of that engine', async (t) => {
    const answer = await runToEnd(
      first,
      'inside',
      `printf 'GET /info HTTP/1.0\\r\\n\\r\\n' | nc local:/docker.sock || ls /docker.sock`,
      { Binds: ['/var/run/docker.sock:/docker.sock'] },
    );
    t.match(answer, /docker\.sock|node0/);
  });

  await t.test('nothing an engine mounts is seen on the host', async (t) => {
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    t.notMatch(mounts, first.machine.directory);
    const { stdout } = await exec('docker', ['-H', `unix://${first.socket}`, 'ps', '-q']);
    t.match(stdout, /^[0-9a-f]{12}$/m, 'while containers run');
  });

  await t.test('stop() and start() keep address, ID and containers, and restart policies hold', async (t) => {
    await runContainer(first, 'always', {
      Cmd: ['sleep', '1000'],
      HostConfig: { RestartPolicy: { Name: 'always' } },
    });
    await runContainer(first, 'once', { Cmd: ['sleep', '1000'] });
    const before = await call(first, 'GET', '/info');
    await machines.stop(['node0'], { graceMs: 0 });
    t.match(await machines.get('node0'), { state: 'Stopped' });
    await t.rejects(call(first, 'GET', '/_ping'), 'a stopped engine does not answer');
    t.match(await call(second, 'GET', '/_ping'), 'OK', 'the other one does');
    await machines.start(['node0']);
    t.match(await machines.get('node0'), { state: 'Running', address: first.address });
    t.match(await call(first, 'GET', '/info'), { ID: (before as { ID: string }).ID }); // field of GET /info
    t.match(await call(first, 'GET', '/containers/always/json'), { State: { Running: true } });
    t.match(await call(first, 'GET', '/containers/once/json'), { State: { Running: false } });
  });
});
