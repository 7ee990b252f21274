// The wiring of swarm manage: listening, TLS files, signals, exit codes.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import tls from 'node:tls';
import t from 'tap';
import { readTlsMaterial, type TlsMaterial } from '../../../cmd/swarm/wire/manager-tls.js';
import { runManager } from '../../../cmd/swarm/wire/run-manager.js';
import type { ManageOptions } from '../../../cmd/swarm/manage-options.js';
import { systemClock } from '../../../controller/base/clock.js';
import { filterNames } from '../../../controller/schedule/candidate.js';
import { FakeEngine } from '../../support/fake-engine.js';
import { makeCredentials } from '../../support/manager-cluster.js';
import { until } from '../../support/until.js';

t.setTimeout(60_000);

interface Running {
  readonly log: () => string;
  readonly hangup: () => void;
  /** Ends it as SIGTERM does. @returns the exit code */
  readonly terminate: () => Promise<number>;
}

function start(options: Partial<ManageOptions> & Pick<ManageOptions, 'hosts' | 'discoveryUrl'>): Running {
  let out = '';
  const onTerminate: (() => void)[] = [];
  const onHangup: (() => void)[] = [];
  const exit = runManager(
    {
      discoveryOptions: {},
      heartbeatMs: 1000,
      strategy: 'spread',
      filters: filterNames,
      refreshMinMs: 30_000,
      refreshMaxMs: 60_000,
      failureRetry: 3,
      overcommit: 0.05,
      createRetry: 0,
      rescheduleDelayMs: 30_000,
      rescheduleBrakePercent: 50,
      versions: { min: '1.24', max: '1.51' },
      cpuShares: 'weight',
      explain: 'unmet',
      imagePlacement: { type: 'all' },
      containerNames: 'auto',
      cors: true,
      experimental: false,
      logLevel: 'info',
      ...options,
    },
    {
      stdout: (text) => (out += text),
      stderr: (text) => (out += text),
      env: {},
      clock: systemClock,
      random: Math.random,
      signals: {
        onTerminate: (callback) => void onTerminate.push(callback),
        onHangup: (callback) => void onHangup.push(callback),
      },
      isTty: false,
      version: '1.0.0',
    },
  );
  exit.catch(() => undefined);
  return {
    log: () => out,
    hangup: () => onHangup.forEach((callback) => callback()),
    terminate: async () => {
      let hasEnded = false;
      const ended = (): void => void (hasEnded = true);
      exit.then(ended, ended);
      await until(() => onTerminate.length > 0 || hasEnded);
      onTerminate.forEach((callback) => callback());
      return exit;
    },
  };
}

async function directoryFor(t: { teardown: (work: () => Promise<void>) => unknown }): Promise<string> {
  const directory = await mkdtemp('/tmp/swtest-run-');
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function get(
  options: https.RequestOptions & { readonly secure?: boolean },
): Promise<http.IncomingMessage & { text: string }> {
  return new Promise((resolve, reject) => {
    const request = (options.secure === true ? https : http).request(
      { agent: false, ...options },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve(Object.assign(response, { text })));
      },
    );
    request.on('error', reject);
    request.end();
  });
}

void t.test(
  'runManager() serves what discovery lists on a private unix socket, until it is told to end',
  async (t) => {
    const directory = await directoryFor(t);
    const engine = await FakeEngine.start({ name: 'n1' });
    t.teardown(() => engine.close());
    const socketPath = path.join(directory, 'swarm.sock');
    await writeFile(socketPath, 'a stale file');
    const running = start({
      hosts: [`unix://${socketPath}`, 'tcp://127.0.0.1:0'],
      discoveryUrl: `nodes://${engine.address}`,
    });
    await until(() => running.log().includes('Registered Engine n1'));
    t.match(running.log(), `msg="Listening for HTTP" addr=${socketPath} proto=unix`);
    t.match(running.log(), /msg="Listening for HTTP" addr=127\.0\.0\.1:[1-9]\d* proto=tcp/);
    t.equal((await stat(socketPath)).mode & 0o777, 0o600);
    const info = await get({ socketPath, path: '/info' });
    t.equal(info.headers['access-control-allow-origin'], '*', '--cors');
    const shown = JSON.parse(info.text) as { ID: string; SystemStatus: string[][] }; // shape of the API
    t.match(shown.ID, /^[0-9a-f]{8}-[0-9a-f]{4}-/, 'a stable ID from the discovery URL');
    t.same(shown.SystemStatus[4], [' n1', engine.address]);
    const stream = await new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ socketPath, path: '/events', agent: false }, resolve).on('error', reject);
    });
    const ended = new Promise((resolve) => stream.resume().once('end', resolve));
    t.equal(await running.terminate(), 0);
    await ended;
    await t.rejects(stat(socketPath), { code: 'ENOENT', message: /ENOENT/ });
  },
);

void t.test('runManager() says why it cannot listen', async (t) => {
  const taken = http.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  t.teardown(() => new Promise<void>((resolve) => taken.close(() => resolve())));
  const address = taken.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await t.rejects(start({ hosts: [`127.0.0.1:${port}`], discoveryUrl: 'nodes://127.0.0.1:1' }).terminate(), {
    code: 'LISTEN_FAILED',
    message: `Cannot listen on "127.0.0.1:${port}": address already in use`,
  });
});

void t.test(
  'runManager() reads certificates again at SIGHUP, and keeps the old ones when the new are broken',
  async (t) => {
    const directory = await directoryFor(t);
    const { clientDirectory, newServerTls } = await makeCredentials(t);
    const engine = await FakeEngine.start({ name: 'n1' });
    t.teardown(() => engine.close());
    const files = { certFile: path.join(directory, 'cert.pem'), keyFile: path.join(directory, 'key.pem') };
    const install = async (): Promise<void> => {
      const { cert, key } = await newServerTls();
      await writeFile(files.certFile, cert);
      await writeFile(files.keyFile, key);
    };
    await install();
    const engineTlsFile = path.join(directory, 'engines.json');
    await writeFile(engineTlsFile, JSON.stringify({ [engine.address]: { disabled: true } }));
    const running = start({
      hosts: ['tcp://127.0.0.1:0'],
      discoveryUrl: `nodes://${engine.address}`,
      tls: { ...files, caFile: path.join(clientDirectory, 'ca.pem'), verify: true },
      engineTls: { ...files, caFile: path.join(clientDirectory, 'ca.pem'), verify: true },
      engineTlsFile,
    });
    await until(() => running.log().includes('Registered Engine n1'));
    const [ca, cert, key] = await Promise.all(
      ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFile(path.join(clientDirectory, name), 'utf8')),
    );
    const port = Number(/addr=127\.0\.0\.1:(\d+)/.exec(running.log())?.[1]);
    const client = { ca, cert, key, port, host: '127.0.0.1' } as tls.ConnectionOptions; // three files were read
    const serial = (): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        const socket = tls.connect(client, () => {
          resolve(socket.getPeerX509Certificate()?.serialNumber);
          socket.destroy();
        });
        socket.once('error', reject);
      });
    const first = await serial();
    await install();
    running.hangup();
    await until(() => running.log().includes('TLS files reloaded'));
    const second = await serial();
    t.not(second, first);
    await writeFile(files.keyFile, 'not a key');
    running.hangup();
    await until(() => running.log().includes('Cannot reload TLS files'));
    t.match(running.log(), /level=error msg="Cannot reload TLS files, the old ones stay in use: Cannot use/);
    t.equal(await serial(), second);
    t.notMatch(running.log(), 'PRIVATE KEY');
    t.equal(await running.terminate(), 0);
  },
);

void t.test('readTlsMaterial() learns from the per-engine file whether managers are several', async (t) => {
  const engineTlsFile = path.join(await directoryFor(t), 'engines.json');
  const read = async (table: Record<string, unknown>): Promise<TlsMaterial> => {
    await writeFile(engineTlsFile, JSON.stringify(table));
    return readTlsMaterial({ engineTlsFile });
  };
  t.notOk((await read({ '10.0.0.1:2376': { unschedulable: true } })).areManagersSeveral);
  t.notOk((await read({ '*': { managers: 1 } })).areManagersSeveral);
  const material = await read({ '*': { managers: 2 }, '10.0.0.1:2376': { unschedulable: true } });
  t.ok(material.areManagersSeveral);
  t.ok(material.isCordoned('10.0.0.1:2376'));
  t.notOk(material.isCordoned('*'));
});
