// The row about what users wait for: `docker run` on real engines through the manager, paired with an engine directly.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { importBusybox, startEngines, type TestEngine } from '../../test/support/engines.js';
import { run } from '../../test/support/programs.js';
import { nodeFlags } from '../../controller/image/swarm-image.js';
import { MeasuredProcess } from '../measured-process.js';
import { summarize } from '../percentiles.js';
import type { RealRow } from '../row.js';
import { freePort, makeCertificates, shippedProgram } from '../world.js';

const pairs = 30;
const warmPairs = 3;
const engineCount = 2;

export const dockerRun: RealRow = {
  name: 'run',
  title: `docker run --rm on ${engineCount} real engines, ${pairs} interleaved pairs`,
  boundBy:
    'three TLS handshakes of the CLI, which Node takes longer for than an engine does, and each request passed on once more; the times of an engine by itself differ by far more than that',
  withinSeconds: 240,
  run: async ({ teardown, profiles }) => {
    const isProfiled = profiles !== undefined;
    const { engines } = await startEngines({ teardown }, { count: engineCount });
    await Promise.all(engines.map((engine) => importBusybox(engine)));
    const directory = await mkdtemp(path.join(tmpdir(), 'swarm-bench-'));
    teardown(() => rm(directory, { recursive: true, force: true }));
    await makeCertificates(directory);
    const address = `127.0.0.1:${await freePort()}`;
    const manager = startManager({ engines, directory, address, isProfiled });
    teardown(() => manager.close());
    await manager.printed((output) => countOf(output, 'Registered Engine') >= engineCount, 30_000);
    const through = { host: address, directory };

    const differences: number[] = [];
    const directMs: number[] = [];
    const before = { cpuMs: 0 };
    for (let at = -warmPairs; at < pairs; at += 1) {
      if (at === 0) before.cpuMs = (await manager.read()).cpuMs;
      const engine = engines[Math.abs(at) % engines.length];
      if (engine === undefined) continue;
      const direct = { host: engine.hostPort, directory: path.dirname(engine.tls.certFile) };
      // Which of the two comes first changes: whatever the first one warms up or leaves behind helps each as often.
      const isDirectFirst = at % 2 === 0;
      const first = await timedRun(isDirectFirst ? direct : through);
      const second = await timedRun(isDirectFirst ? through : direct);
      if (at < 0) continue;
      const [one, other] = isDirectFirst ? [first, second] : [second, first];
      directMs.push(one);
      differences.push(other - one);
    }
    const cpuMs = (await manager.read()).cpuMs - before.cpuMs;
    if (isProfiled) await manager.writeProfile(`${profiles}/real-run.cpuprofile`);
    const spread = [...differences].sort((a, b) => a - b);
    const p95 = spread[Math.ceil(0.95 * spread.length) - 1] ?? Number.NaN;
    return [
      {
        label: 'added, median',
        value: summarize(differences).p50,
        unit: 'ms',
        atMost: 4,
        floor: { value: summarize(directMs).p50, what: 'the whole run directly' },
      },
      { label: 'added, p95', value: p95, unit: 'ms' },
      { label: 'through, median', value: summarize(directMs).p50 + summarize(differences).p50, unit: 'ms' },
      { label: 'per run', value: (cpuMs * 1000) / pairs, unit: 'µs CPU' },
    ];
  },
};

function startManager(options: {
  readonly engines: readonly TestEngine[];
  readonly directory: string;
  readonly address: string;
  readonly isProfiled: boolean;
}): MeasuredProcess {
  const { engines, directory, address, isProfiled } = options;
  const file = (name: string): string => path.join(directory, name);
  const [engine] = engines;
  if (engine === undefined) throw new Error('no engine was started');
  // One machine store has one authority, and its client certificate opens every engine of it.
  const { caFile, certFile, keyFile } = engine.tls;
  return new MeasuredProcess({
    ...{ file: shippedProgram, nodeFlags },
    args: [
      'manage',
      ...['--tlsverify', '--tlscacert', file('ca.pem')],
      ...['--tlscert', file('cert.pem'), '--tlskey', file('key.pem')],
      ...['--engine-tlscacert', caFile, '--engine-tlscert', certFile, '--engine-tlskey', keyFile],
      ...['-H', address],
      `nodes://${engines.map(({ hostPort }) => hostPort).join(',')}`,
    ],
    isProfiled,
  });
}

/** Milliseconds from the start of the docker CLI to its end. */
async function timedRun(target: { readonly host: string; readonly directory: string }): Promise<number> {
  const startedMs = performance.now();
  const { code, stderr } = await run(
    'docker',
    ['run', '--rm', '--network', 'none', 'busybox:latest', 'true'],
    {
      env: {
        DOCKER_HOST: `tcp://${target.host}`,
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: target.directory,
        DOCKER_CONFIG: path.join(target.directory, 'docker-config'),
      },
    },
  );
  if (code !== 0) throw new Error(`docker run ended with ${code}: ${stderr}`);
  return performance.now() - startedMs;
}

function countOf(text: string, words: string): number {
  return text.split(words).length - 1;
}
