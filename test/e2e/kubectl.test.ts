// Real kubectl against the operator's API. SWARMCTL_TEST_KUBECTL names more kubectl programs, separated by colons.
import t from 'tap';
import { execFile } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Test } from 'tap';
import type { ObjectKey } from '../../controller/api/object-key.js';
import { formatTime } from '../../controller/api/conditions.js';
import { systemClock } from '../../controller/base/clock.js';
import type { Store } from '../../controller/store/store.js';
import { shortDirectory, startApi } from '../support/api-server.js';
import { serveTls } from '../support/api-tls.js';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const manifest = (zone: string, roles: string): string => `apiVersion: swarmctl.io/v1alpha1
kind: Cluster
metadata: {name: demo}
spec: {}
---
apiVersion: swarmctl.io/v1alpha1
kind: Node
metadata: {name: node1, labels: {zone: ${zone}}}
spec:
  cluster: demo
  roles: ${roles}
  engine: {address: "tcp://10.0.0.1:2376"}
`;

// Each kubectl takes a few seconds, some 40 processes long.
t.setTimeout(600_000);

const programs = [
  'kubectl',
  ...(process.env['SWARMCTL_TEST_KUBECTL'] ?? '').split(':').filter((text) => text !== ''),
];

for (const program of programs) {
  t.test(`${program} works against the API as against Kubernetes`, { timeout: 170_000 }, async (t) => {
    const found = await execute(program, ['version', '--client', '-o', 'json'], {});
    if (found.code !== 0) {
      t.fail(`Cannot run ${program}: install it with apt-get install kubernetes-client`);
      return;
    }
    const { minor, gitVersion } = (
      JSON.parse(found.stdout) as { clientVersion: { minor: string; gitVersion: string } }
    ).clientVersion;
    t.comment(`${program} is ${gitVersion}`);
    await session(t, { program, minor: Number.parseInt(minor, 10) });
  });
}

async function session(t: Test, o: { readonly program: string; readonly minor: number }): Promise<void> {
  const directory = await shortDirectory(t);
  const api = await startApi(directory, { clock: systemClock });
  t.teardown(api.close);
  actAsOperator(api.store);
  const kubeconfig = await serveTls(api, { directory, nowMs: Date.now() });
  const cache = await mkdtemp(path.join(directory, 'cache-'));
  const k = (...args: string[]): Promise<Ran> =>
    execute(o.program, [`--kubeconfig=${kubeconfig}`, `--cache-dir=${cache}`, ...args], {
      HOME: directory,
      KUBE_EDITOR: "sed -i 's/zone: b/zone: edited/'",
    });
  const file = path.join(directory, 'm.yaml');
  const changed = path.join(directory, 'changed.yaml');
  const broken = path.join(directory, 'broken.yaml');
  await writeFile(file, manifest('a', '[worker]'));
  await writeFile(changed, manifest('b', '[manager, worker]'));
  await writeFile(broken, manifest('a', '[boss]'));

  const expect = async (
    ran: Promise<Ran>,
    expected: { readonly code?: number; readonly stdout?: RegExp; readonly stderr?: RegExp },
    what: string,
  ): Promise<void> => {
    t.match(
      await ran,
      { code: expected.code ?? 0, stdout: expected.stdout ?? /(?:)/, stderr: expected.stderr ?? /(?:)/ },
      what,
    );
  };
  await expect(
    k('apply', '-f', file),
    { stdout: /cluster\.swarmctl\.io\/demo created\nnode\.swarmctl\.io\/node1 created/ },
    'apply creates',
  );
  await expect(
    k('apply', '-f', file),
    { stdout: /demo unchanged\nnode\.swarmctl\.io\/node1 unchanged/ },
    'apply again changes nothing',
  );
  await expect(
    k('wait', '--for=condition=Ready', 'node/node1', '--timeout=30s'),
    { stdout: /condition met/ },
    'wait for a condition',
  );
  await expect(
    k('get', 'nodes'),
    {
      stdout:
        /^NAME +CLUSTER +ROLES +ADDRESS +STATUS +ENGINE +CPUS +MEMORY +CERT +AGE\nnode1 +demo +worker +10\.0\.0\.1:2376 +Ready +20\.10\.24 +2 +2GiB +\d+d/,
    },
    'get prints our columns',
  );
  await expect(
    k('get', 'sc', '-o', 'wide'),
    {
      stdout:
        /^NAME +READY +NODES +ENDPOINT +REASON +STRATEGY +COMMIT +AUTHOR +COMMITTED +MESSAGE +AGE\ndemo +True/,
    },
    'short names and wide columns',
  );
  await expect(k('get', 'all', '-o', 'name'), { stdout: /cluster\.swarmctl\.io\/demo/ }, 'the category all');
  await expect(
    k('get', 'nodes', '-l', 'zone in (a),!gone', '-o', 'jsonpath={.items[*].spec.cluster}'),
    { stdout: /^demo$/ },
    'selectors and jsonpath',
  );
  await expect(
    k('get', 'nodes', '-l', 'zone=b'),
    { stderr: /No resources found/ },
    'a selector that matches nothing',
  );
  await expect(
    k('get', 'node', 'nope'),
    { code: 1, stderr: /Error from server \(NotFound\): nodes\.swarmctl\.io "nope" not found/ },
    'a missing object',
  );
  await expect(
    k('describe', 'node', 'node1'),
    { stdout: /Address: +tcp:\/\/10\.0\.0\.1:2376[\s\S]*Events:\n[\s\S]*Observed/ },
    'describe ends with events',
  );
  await expect(k('get', 'events'), { stdout: /node\/node1 +seen for the first time/ }, 'get events');
  await expect(k('explain', 'node.spec.engine.address'), { stdout: /tcp:\/\/host:port/ }, 'explain');
  await expect(
    k('api-resources'),
    { stdout: /nodes +sn,no +swarmctl\.io\/v1alpha1 +false +Node/ },
    'api-resources',
  );
  await expect(k('get', 'crd', '-o', 'name'), { stdout: /nodes\.swarmctl\.io/ }, 'the definitions');
  await expect(k('auth', 'can-i', 'create', 'nodes.swarmctl.io'), { stdout: /yes/ }, 'auth can-i');

  await expect(k('diff', '-f', file), { code: 0 }, 'diff of nothing');
  await expect(
    k('diff', '-f', changed),
    { code: 1, stdout: /- {4}zone: a\n\+ {4}zone: b[\s\S]*\+ {2}- manager/ },
    'diff',
  );
  await expect(
    k('apply', '-f', changed, '--dry-run=server'),
    { stdout: /node1 configured \(server dry run\)/ },
    'a dry run by the server',
  );
  await expect(
    k('get', 'node', 'node1', '-o', 'jsonpath={.metadata.labels.zone}'),
    { stdout: /^a$/ },
    'which changed nothing',
  );
  await expect(k('apply', '-f', broken), { code: 1, stderr: /spec\.roles\[0\]/ }, 'an invalid value');
  await expect(
    k('apply', '--server-side', '-f', changed, '--force-conflicts'),
    { stdout: /node1 serverside-applied/ },
    'server-side apply',
  );
  await expect(k('edit', 'node', 'node1'), { stdout: /node1 edited/ }, 'edit');
  await expect(k('get', 'node', 'node1', '--show-labels'), { stdout: /zone=edited/ }, 'what was edited');
  await expect(
    k('patch', 'node', 'node1', '--type=merge', '-p', '{"spec":{"unschedulable":true}}'),
    { stdout: /patched/ },
    'a merge patch',
  );
  await expect(
    k('patch', 'node', 'node1', '--type=json', '-p', '[{"op":"remove","path":"/spec/unschedulable"}]'),
    { stdout: /patched/ },
    'a JSON patch',
  );
  await expect(
    k('patch', 'node', 'node1', '-p', '{"spec":{}}'),
    { code: 1, stderr: /strategic-merge-patch/ },
    'a strategic patch is refused in words',
  );
  await expect(k('label', 'node', 'node1', 'rack=7'), { stdout: /labeled/ }, 'label');
  await expect(k('annotate', 'node', 'node1', 'note=x'), { stdout: /annotated?/ }, 'annotate');
  await expect(k('create', '-f', file), { code: 1, stderr: /AlreadyExists/ }, 'create of what exists');
  await expect(k('replace', '-f', file), { stdout: /node1 replaced/ }, 'replace');
  await expect(
    k('get', 'node', 'node1', '-o', 'jsonpath={.metadata.finalizers[0]}'),
    { stdout: /^swarmctl\.io\/agents$/ },
    'which keeps the finalizer',
  );
  if (o.minor >= 27)
    await expect(
      k('wait', 'node/node1', '--for=jsonpath={.status.engine.cpus}=2', '--timeout=20s'),
      { stdout: /condition met/ },
      'wait for a field',
    );
  await expect(k('get', '--raw', '/readyz'), { stdout: /^ok/ }, 'get --raw');
  await expect(
    k('delete', '-f', file, '--timeout=60s'),
    { stdout: /"demo" deleted[\s\S]*"node1" deleted/ },
    'delete waits for the finalizers',
  );
  t.same([api.store.list('Node'), api.store.list('Cluster')], [[], []], 'nothing is left');
}

/** What the real operator does, without engines: says Ready, and lets deleted objects go. */
function actAsOperator(store: Store): void {
  store.subscribe(({ type, object }) => {
    const key: ObjectKey = { kind: object.kind, name: object.metadata.name };
    const { generation = 1, deletionTimestamp, finalizers = [] } = object.metadata;
    if (type === 'ADDED')
      store.recordEvent({ key, type: 'Normal', reason: 'Observed', message: 'seen for the first time' });
    if (type === 'DELETED') return;
    if (deletionTimestamp !== undefined) {
      if (finalizers.length > 0) setImmediate(() => void store.removeFinalizer(key, 'swarmctl.io/agents'));
      return;
    }
    if (object.status?.observedGeneration === generation) return;
    const lastTransitionTime = formatTime(Date.now());
    const conditions = [
      {
        type: 'Ready',
        status: 'True' as const,
        reason: 'Ready',
        message: 'all is well',
        observedGeneration: generation,
        lastTransitionTime,
      },
    ];
    const engine = { version: '20.10.24', cpus: 2, memory: '2GiB' };
    const more =
      key.kind === 'Node'
        ? {
            address: '10.0.0.1:2376',
            roles: 'worker',
            engine,
            certificateExpiryTime: formatTime(Date.now() + 40 * 86_400_000),
          }
        : { endpoint: 'tcp://10.0.0.1:3376', summary: '1/1' };
    setImmediate(() => void store.updateStatus(key, { observedGeneration: generation, conditions, ...more }));
  });
}

/** Runs a program to its end; the API server lives in this process, so nothing here may block. */
function execute(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(program, args, { env: { ...process.env, ...env }, timeout: 90_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 127;
      resolve({ code, stdout, stderr });
    });
  });
}
