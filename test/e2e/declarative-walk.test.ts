// The main job as a user does it: four Node manifests and one Cluster manifest become one Docker API, used through
// every docker CLI on this machine; then drift, a foreign container and deletion.
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'node:tls';
import t from 'tap';
import { agentsOn, dockerOn, loadBusybox, nodeManifests, startCluster } from '../support/cluster.js';
import type { Finding } from '../../controller/reconcile/diagnosis.js';
import { matchScreen } from '../support/screens.js';
import type { TestEngine } from '../support/engines.js';
import { dockerClis, run, waitUntil, type RunOptions } from '../support/programs.js';

const cluster = await startCluster(t);
const { operator, environment } = cluster;
const [manager, ...workers] = cluster.engines.engines;
if (manager === undefined) throw new Error('no engine');
await loadBusybox(workers);

t.test('swarmctl get shows the fleet and docker info shows three healthy nodes', async (t) => {
  const nodes = await operator.swarmctl(['get', 'nodes']);
  t.match(nodes.stdout.split('\n')[0], /^NAME +CLUSTER +ROLES +ADDRESS +STATUS +ENGINE/);
  t.equal((nodes.stdout.match(/ Ready /g) ?? []).length, 4, nodes.stdout);
  const clusters = await operator.swarmctl(['get', 'clusters']);
  t.match(clusters.stdout, /demo +True +3\/3 +tcp:\/\//);
  const metrics = await operator.swarmctl(['get', '--raw', '/metrics']);
  t.equal(
    metrics.stdout.match(/^swarmctl_object_ready\{kind="Node",name=".*"\} 1$/gm)?.length,
    4,
    metrics.stdout,
  );
  for (const [version, file] of await dockerClis()) {
    const info = await run(file, ['info'], { env: environment });
    t.equal(info.code, 0, `docker ${version} info: ${info.stderr}`);
    t.match(info.stdout, /Nodes: 3/);
    t.equal((info.stdout.match(/Status: Healthy/g) ?? []).length, 3, info.stdout);
    t.match(info.stdout, /└ Reserved CPUs: 0 \/ \d+/);
  }
});

t.test('describe and doctor show what docs/describe.md shows', async (t) => {
  const [, drifted, away] = workers;
  if (drifted === undefined || away === undefined) throw new Error('too few workers');
  const rename = [
    ...cluster.engines.engines.map(({ address }, i) => [address.host, `192.168.99.10${i}`] as const),
    [`${operator.manifests}/`, 'manifests/'],
    [operator.stateDirectory, '/var/lib/swarmctl'],
  ] as const;
  const screen = async (args: readonly string[]): Promise<string> => (await operator.swarmctl(args)).stdout;
  const show = async (command: string, wanted: RegExp): Promise<void> => {
    const text = await waitUntil(`${command} matches ${String(wanted)}`, async () => {
      const now = await screen(command.split(' '));
      return wanted.test(now) ? now : undefined;
    });
    await matchScreen(t, { command: `swarmctl ${command}`, screen: text, rename });
  };
  await operator.waitReady();
  const healthy = await operator.swarmctl(['doctor', '-o', 'json']);
  const found = (JSON.parse(healthy.stdout) as readonly Finding[]).filter(
    // How full the disk of this machine is, and what its kernel allows, is not ours.
    ({ subject, level }) => subject !== 'host' && level !== 'ok',
  );
  t.same(found, [], 'a healthy fleet has no finding');
  await show('describe node node1', /Ready +True/);

  const report = nodeManifests(cluster.engines.engines).replace(
    `name: ${drifted.name}\nspec:\n`,
    `name: ${drifted.name}\nspec:\n  driftPolicy: Report\n`,
  );
  await operator.write('nodes.yaml', report);
  await waitUntil('the policy is known', async () =>
    (await screen(['get', 'node', drifted.name, '-o', 'yaml'])).includes('driftPolicy: Report'),
  );
  const update = ['update', '--restart=no', '--cpu-shares=512', 'swarm-demo-join'];
  t.equal((await dockerOn(drifted, update)).code, 0);
  await waitUntil('the drift is reported', async () =>
    /Drifted +True +Reported .*CPU shares/.test(await screen(['describe', 'node', drifted.name])),
  );
  const suspend = ['suspend', `node/${drifted.name}`, '--for', '2h', '--author', 'ann'];
  t.equal((await operator.swarmctl([...suspend, '--reason', 'kernel upgrade'])).code, 0);
  await show('describe node node2', /Suspended +True[^]*Drifted|Drifted +True[^]*Suspended +True/);

  await cluster.engines.machines.stop([away.name], { graceMs: 0 });
  await waitUntil('the operator knows', async () =>
    (await screen(['describe', 'node', away.name])).includes('Ready         False   EngineUnreachable'),
  );
  await show(
    'describe cluster demo',
    /2 of 3 workers joined[^]*Ready +False +NodesNotReady +Node node3 .*EngineUnreachable/,
  );
  // Its lease is over, and the manager has noticed.
  await show('doctor', /fail +CLUSTER_DISCOVERY[^]*fail +CLUSTER_ENGINES/);

  await cluster.engines.machines.start([away.name]);
  await operator.swarmctl(['resume', `node/${drifted.name}`]);
  await operator.write('nodes.yaml', nodeManifests(cluster.engines.engines));
  await operator.waitReady();
});

for (const [version, file] of await dockerClis()) {
  t.test(
    `docker ${version}: run, ps, logs, exec, inspect, stop and rm work through the manager`,
    async (t) => {
      const docker = (args: readonly string[], options?: RunOptions) =>
        run(file, args, { env: environment, ...options });
      const name = `walk-${version.replaceAll('.', '-')}`;
      const started = await docker([
        'run',
        '-d',
        '--name',
        name,
        'busybox',
        'sh',
        '-c',
        'echo ready; exec sleep 1000',
      ]);
      t.equal(started.code, 0, started.stderr);
      t.match(started.stdout, /^[0-9a-f]{64}\n$/);

      t.match((await docker(['ps'])).stdout, new RegExp(name));
      t.equal(
        await waitUntil('the log has its line', async () => {
          const { stdout } = await docker(['logs', name]);
          return stdout === '' ? undefined : stdout;
        }),
        'ready\n',
      );

      const node = (await docker(['inspect', '--format', '{{.Node.Name}}', name])).stdout.trim();
      t.ok(
        workers.some((worker) => worker.name === node),
        `runs on a worker: ${node}`,
      );

      const failed = await docker(['exec', name, 'sh', '-c', 'exit 7']);
      t.equal(failed.code, 7, 'the exit code of exec arrives');
      const piped = await docker(['exec', '-i', name, 'cat'], { input: 'half-closed\n' });
      t.equal(piped.stdout, 'half-closed\n', 'end of input ends cat, and its output still arrives');

      // `script` gives docker a terminal, as a person has; its size must reach the terminal in the container.
      // It comes in a request of its own, some time after the start.
      const sized =
        'for i in $(seq 200); do stty size | grep -q "33 101" && break; sleep 0.1; done; stty size';
      const shell = `stty rows 33 cols 101; ${file} exec -it ${name} sh -c '${sized}'`;
      const terminal = await run('script', ['-qec', shell, '/dev/null'], { env: environment });
      t.match(terminal.stdout, /33 101\r?\n/, 'the container has a terminal of the right size');

      t.equal((await docker(['stop', '-t', '0', name])).code, 0);
      t.match(
        (await docker(['ps', '-a', '--filter', `name=${name}`, '--format', '{{.Status}}'])).stdout,
        /^Exited/,
      );
      t.equal((await docker(['rm', name])).code, 0);
      t.equal((await docker(['ps', '-aq', '--filter', `name=${name}`])).stdout, '');
      t.equal(
        (await docker(['run', '--rm', 'busybox', 'sh', '-c', 'exit 3'])).code,
        3,
        'run returns the exit code',
      );
      t.equal((await docker(['run', '--name', name, 'busybox', 'true'])).code, 0);
      const ended = await docker(['ps', '-a', '--filter', `name=${name}`, '--format', '{{.Status}}']);
      t.match(ended.stdout, /^Exited \(0\)/, 'who has seen it end sees it ended in the list');
      t.equal((await docker(['rm', name])).code, 0);
      t.match((await docker(['inspect', name])).stderr, /No such/i);
    },
  );
}

t.test('nobody without a client certificate of the cluster gets more than a TLS alert', async (t) => {
  const { hostname, port } = new URL(cluster.endpoint.replace('tcp:', 'https:'));
  for (const [who, credentials] of [
    ['no certificate', {}],
    [
      'a certificate of another CA',
      { cert: await readFile(manager.tls.certFile), key: await readFile(manager.tls.keyFile) },
    ],
  ] as const) {
    const answer = await new Promise<string>((resolve) => {
      let received = '';
      const socket = connect(
        { host: hostname, port: Number(port), rejectUnauthorized: false, ...credentials },
        () => socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n'),
      );
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      socket.on('error', (error: NodeJS.ErrnoException) =>
        resolve(`${received}${error.code ?? error.message}`),
      );
      socket.on('close', () => resolve(`${received}closed`));
    });
    t.match(answer, /^(ERR_SSL_|ECONNRESET|closed)/, `${who}: ${answer}`);
  }
});

t.test(
  'keys and the token are in no label, environment, argument, status or log, and keys are 0600',
  async (t) => {
    const token = (await readFile(path.join(operator.stateDirectory, 'clusters/demo/token'), 'utf8')).trim();
    t.match(token, /^[0-9a-f]{32}$/);
    const spoken: string[] = [await readFile(operator.logFile, 'utf8')];
    for (const engine of cluster.engines.engines) {
      const { stdout } = await dockerOn(engine, ['ps', '-aq']);
      const ids = stdout.split('\n').filter(Boolean);
      spoken.push((await dockerOn(engine, ['inspect', ...ids])).stdout);
      for (const id of ids) {
        const logs = await dockerOn(engine, ['logs', id]);
        spoken.push(logs.stdout, logs.stderr);
      }
    }
    spoken.push((await operator.swarmctl(['get', 'nodes,clusters', '-o', 'yaml'])).stdout);
    spoken.push((await operator.swarmctl(['describe', 'cluster', 'demo'])).stdout);
    const all = spoken.join('\n');
    t.ok(all.length > 10_000, 'there was something to look through');
    t.notOk(all.includes(token), 'the token is nowhere');
    t.notMatch(all, /PRIVATE KEY/);
    const files = await readdir(operator.stateDirectory, { recursive: true });
    const keys = files.filter((file) => file.endsWith('key.pem') || file.endsWith('/token'));
    t.ok(keys.length >= 4, keys.join(' '));
    for (const key of keys) {
      t.equal((await stat(path.join(operator.stateDirectory, key))).mode & 0o777, 0o600, key);
    }
  },
);

t.test('a removed, stopped or killed container of ours is back by itself', async (t) => {
  const before = new Map(
    await Promise.all(
      cluster.engines.engines.map(async (engine) => [engine, await agentsOn(engine)] as const),
    ),
  );
  for (const [engine, agents] of before) {
    for (const agent of agents) {
      const name = agent.split(' ')[0] ?? '';
      t.equal((await dockerOn(engine, ['rm', '-f', name])).code, 0);
      const startedAt = Date.now();
      await waitUntil(`${name} runs again on ${engine.name}`, async () =>
        (await agentsOn(engine)).includes(`${name} running`),
      );
      t.comment(`${name} on ${engine.name} was back after ${Date.now() - startedAt} ms`);
    }
  }
  const [engine] = workers;
  if (engine === undefined) throw new Error('no worker');
  t.equal((await dockerOn(engine, ['stop', '-t', '1', 'swarm-demo-join'])).code, 0);
  await waitUntil('the stopped container runs again', async () =>
    (await agentsOn(engine)).includes('swarm-demo-join running'),
  );
  await operator.waitReady();
  for (const [engine, agents] of before)
    t.same(await agentsOn(engine), agents, `${engine.name}: same containers, none twice`);
});

t.test('doctor finds each of five broken things, and restore --replace puts them right', async (t) => {
  const [engine, , away] = workers;
  if (engine === undefined || away === undefined) throw new Error('too few workers');
  const lifeOf = async (one: TestEngine): Promise<string> =>
    (await dockerOn(one, ['inspect', '--format', '{{.Id}} {{.State.StartedAt}}', 'swarm-demo-join'])).stdout;
  const before = await lifeOf(engine);
  t.match(before, /^[0-9a-f]{64} /);
  const backup = path.join(operator.manifests, '../state.backup');
  t.match(await operator.swarmctl(['backup', '-o', backup]), { code: 0 });
  await operator.stop();
  const at = (name: string): string => path.join(operator.stateDirectory, name);
  const object = at(`objects/node.${engine.name}.json`);
  const pair = [at(`clusters/demo/pki/manager-${manager.name}-key.pem`), at('clusters/demo/client/key.pem')];
  const [objectText, keyText, otherKey] = await Promise.all(
    [object, ...pair].map((file) => readFile(file, 'utf8')),
  );
  if (objectText === undefined || keyText === undefined || otherKey === undefined)
    throw new Error('no files');
  await writeFile(object, objectText.slice(0, -40));
  await writeFile(pair[0] ?? '', otherKey);
  await chmod(at('clusters/demo/token'), 0o644);
  await cluster.engines.machines.stop([away.name], { graceMs: 0 });
  // Another container takes the manager's port.
  await loadBusybox([manager]);
  await dockerOn(manager, ['rm', '-f', 'swarm-demo-manage']);
  const taken = ['run', '-d', '--name', 'web', '-p', '3376:80', 'busybox', 'httpd', '-f', '-p', '80'];
  t.equal((await dockerOn(manager, taken)).code, 0);

  const { stdout, code } = await operator.swarmctl(['doctor', '-o', 'json']);
  t.equal(code, 1);
  const findings = JSON.parse(stdout) as readonly Finding[];
  const has = (wanted: string, subject: string, message: RegExp): void => {
    const one = findings.find((finding) => finding.code === wanted && finding.subject === subject);
    t.match(one, { level: 'fail', message, remedy: /\S/ }, `${wanted}: ${one?.message ?? stdout}`);
  };
  has('HOST_OBJECTS', 'host', /objects\/node\.node1\.json: it is not JSON/);
  has('CLUSTER_KEYS', 'cluster/demo', /others may read token \(644\)/);
  has('CLUSTER_PKI', 'cluster/demo', /manager-node0-key\.pem is not the key of manager-node0\.pem/);
  has('CLUSTER_PORT', 'cluster/demo', /port 3376 of node0 is taken by container "web"/);
  has('ENGINE_REACHABLE', `node/${away.name}`, /Cannot connect to engine "node3"/);

  await dockerOn(manager, ['rm', '-f', 'web']);
  const refused = await operator.swarmctl(['restore', backup]);
  t.match(refused, { code: 1, stderr: /it has state already/ });
  const restored = await operator.swarmctl(['restore', '--replace', backup]);
  t.match(restored, { code: 0 }, restored.stderr);
  const [, kept = ''] = /(\S*before-restore-\d+)/.exec(`${restored.stdout}${restored.stderr}`) ?? [];
  t.equal(
    await readFile(path.join(kept, `objects/node.${engine.name}.json`), 'utf8'),
    objectText.slice(0, -40),
  );
  t.equal(await readFile(object, 'utf8'), objectText);
  t.equal(await readFile(pair[0] ?? '', 'utf8'), keyText);
  t.equal((await stat(at('clusters/demo/token'))).mode & 0o777, 0o600);
  await cluster.engines.machines.start([away.name]);
  await operator.start();
  await operator.waitReady();
  t.equal(await lifeOf(engine), before, 'what ran through it all was not restarted');
});

t.test('a container someone else named like ours is reported and left alone', async (t) => {
  const [engine] = workers;
  if (engine === undefined) throw new Error('no worker');
  await operator.stop();
  await dockerOn(engine, ['rm', '-f', 'swarm-demo-join']);
  const foreign = await dockerOn(engine, [
    'run',
    '-d',
    '--name',
    'swarm-demo-join',
    'busybox',
    'sleep',
    '1000',
  ]);
  t.equal(foreign.code, 0, foreign.stderr);
  await operator.start();
  const described = await waitUntil('the node says so', async () => {
    const { stdout } = await operator.swarmctl(['describe', 'node', engine.name]);
    return stdout.includes('ForeignContainer') ? stdout : undefined;
  });
  t.match(described, /swarm-demo-join/);
  t.equal(
    (await dockerOn(engine, ['inspect', '--format', '{{.State.Running}}', foreign.stdout.trim()])).stdout,
    'true\n',
  );
  await dockerOn(engine, ['rm', '-f', 'swarm-demo-join']);
  await operator.waitReady();
});

t.test(
  'a manifest taken out of the directory takes its node out of the cluster, and no container of a user',
  async (t) => {
    const last = workers.at(-1);
    if (last === undefined) throw new Error('no worker');
    const user = await dockerOn(last, ['run', '-d', '--name', 'of-a-user', 'busybox', 'sleep', '1000']);
    t.equal(user.code, 0, user.stderr);
    const refused = await operator.swarmctl(['delete', 'node', last.name]);
    t.equal(refused.code, 1, 'the directory is the truth, so the API refuses');
    t.match(refused.stderr, /nodes\.yaml:\d+/, 'the refusal names the file');

    await operator.stop();
    await operator.write('nodes.yaml', nodeManifests(cluster.engines.engines.slice(0, -1)));
    await operator.start(['--prune-delay', '1s']);
    await waitUntil('the node is gone', async () =>
      (await operator.swarmctl(['get', 'node', last.name])).stderr.includes('Cannot find node'),
    );
    await operator.waitReady();
    t.same(await agentsOn(last), [], 'none of our containers is left on it');
    t.match((await dockerOn(last, ['ps', '--format', '{{.Names}}'])).stdout, /of-a-user/);
    const listed = await waitUntil('the cluster counts without it', async () => {
      const { stdout } = await operator.swarmctl(['get', 'clusters']);
      return stdout.includes('2/2') ? stdout : undefined;
    });
    t.match(listed, /demo +True +2\/2/);
  },
);
