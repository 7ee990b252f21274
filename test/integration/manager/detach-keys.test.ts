// Leaving a terminal by its detach keys, through a manager over a real engine: the client goes, the container runs on.
import net from 'node:net';
import t, { type Test } from 'tap';
import { importBusybox, startEngines } from '../../support/engines.js';
import { callManager, type Answer } from '../../support/fake-manager.js';
import { startManager } from '../../support/manager-cluster.js';

t.setTimeout(170_000);

const { engines } = await startEngines(t, { count: 1 });
const [engine] = engines;
if (engine === undefined) throw new Error('there is no engine');
await importBusybox(engine);
const { port } = await startManager(t, {
  addresses: engines.map(({ hostPort }) => hostPort),
  tlsFor: (address) => engines.find(({ hostPort }) => hostPort === address)?.endpoint.tls,
});
const call = (method: string, path: string, body?: unknown): Promise<Answer> =>
  callManager(port, { method, path, ...(body === undefined ? {} : { body }) });

const keys = { ctrlP: '\x10', ctrlQ: '\x11', ctrlX: '\x18' } as const;

/** Upgrades, types an echo and waits for what it prints, then types `keys`; resolves with all output when the stream ends. */
function typeAndLeave(
  path: string,
  options: { readonly body?: string; readonly leave: string; readonly door?: net.NetConnectOpts },
): Promise<string> {
  const { body = '', leave, door = { port, host: '127.0.0.1' } } = options;
  return new Promise((resolve, reject) => {
    const socket = net.connect(door);
    let received = '';
    let step = 0;
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      received += chunk;
      if (step === 0 && /^HTTP\/1\.1 101 /.test(received)) {
        step = 1;
        socket.write('echo $((40 + 2))\n');
      }
      if (step === 1 && /\r\n42\r\n/.test(received)) {
        step = 2;
        socket.write(leave);
      }
    });
    socket.once('error', reject);
    socket.once('end', () => {
      socket.destroy();
      resolve(received);
    });
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  });
}

const execId = ({ json }: Answer): string => (json as { Id: string }).Id; // shape of the API

const lastWords = (output: string): string | undefined => /attach failed.*/.exec(output)?.[0];

async function startShell(t: Test, name: string): Promise<void> {
  const body = { Image: 'busybox', Cmd: ['sh'], Tty: true, OpenStdin: true };
  t.match(await call('POST', `/containers/create?name=${name}`, body), { status: 201 });
  t.match(await call('POST', `/containers/${name}/start`), { status: 204 });
}

for (const [what, query, leave] of [
  ['the keys of the engine', '', `${keys.ctrlP}${keys.ctrlQ}`],
  ['keys of its own', '&detachKeys=ctrl-x,x', `${keys.ctrlX}x`],
] as const) {
  void t.test(`attach is left by ${what}, and may be taken up again`, async (t) => {
    const name = query === '' ? 'default' : 'custom';
    await startShell(t, name);
    const path = `/containers/${name}/attach?stream=1&stdin=1&stdout=1&stderr=1${query}`;
    for (let round = 0; round < 2; round += 1) {
      t.match(await typeAndLeave(path, { leave }), /\r\n42\r\n/);
      t.match((await call('GET', `/containers/${name}/json`)).json, { State: { Running: true } });
    }
  });
}

for (const [what, options, leave] of [
  ['the keys of the engine', {}, `${keys.ctrlP}${keys.ctrlQ}`],
  ['keys of its own', { DetachKeys: 'ctrl-x' }, keys.ctrlX],
] as const) {
  void t.test(`exec ends by ${what} as at the engine, and its container runs on`, async (t) => {
    const name = `exec-${leave.length}`;
    await startShell(t, name);
    const path = `/containers/${name}/exec`;
    const exec = { Cmd: ['sh'], Tty: true, AttachStdin: true, AttachStdout: true, ...options };
    const body = '{"Detach":false,"Tty":true}';
    const made = await call('POST', path, exec);
    const output = await typeAndLeave(`/exec/${execId(made)}/start`, { body, leave });
    t.match(output, /\r\n42\r\n/);
    t.match((await call('GET', `/containers/${name}/json`)).json, { State: { Running: true } });
    // Engines of some versions take the keys for a failure of the exec and say so in the stream; so do we then.
    const atEngine = await typeAndLeave(`/exec/${execId(await call('POST', path, exec))}/start`, {
      body,
      leave,
      door: { path: engine.socket },
    });
    t.equal(lastWords(output), lastWords(atEngine));
  });
}
