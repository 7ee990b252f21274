// resolveNode(): from a manifest to a way to the engine, or to what is wrong.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { SwarmError } from '../../../controller/base/errors.js';
import { createAuthority, issueCertificate } from '../../../controller/pki/authority.js';
import { resolveNode } from '../../../controller/reconcile/resolve-node.js';
import { aCluster, aNode } from '../../support/resource-builders.js';

const nowMs = Date.UTC(2026, 0, 1);
const machines = {
  endpoint: (name: string) =>
    name === 'gone'
      ? Promise.reject(new SwarmError('MACHINE_NOT_FOUND', 'Cannot use machine "gone": it does not exist'))
      : Promise.resolve({ name, address: { host: '10.0.0.9', port: 2376 }, tls: { ca: 'machine CA' } }),
};

async function makeFiles(directory: string) {
  const authority = await createAuthority({ commonName: 'ca', nowMs, validityDays: 1 });
  const issue = () =>
    issueCertificate({ authority, commonName: 'x', usages: ['client'], nowMs, validityDays: 1 });
  const [own, other] = [await issue(), await issue()];
  const write = async (name: string, content: string) => {
    await writeFile(path.join(directory, name), content);
    return path.join(directory, name);
  };
  return {
    caFile: await write('ca.pem', authority.certPem),
    certFile: await write('cert.pem', own.certPem),
    keyFile: await write('key.pem', own.keyPem),
    otherKey: await write('other-key.pem', other.keyPem),
    noPem: await write('no.pem', 'hello'),
  };
}

t.test('resolveNode()', async (t) => {
  const files = await makeFiles(t.testdir());
  const { caFile, certFile, keyFile } = files;
  const address = 'tcp://10.0.0.1:2376';
  const tls = { mode: 'verify', caFile, certFile, keyFile } as const;
  const resolve = (spec: Parameters<typeof aNode>[0] = {}, cluster = aCluster()) =>
    resolveNode(aNode(spec), { cluster, machines });
  const engine = (changes: object) => ({ spec: { engine: { address, tls: { ...tls, ...changes } } } });

  t.match(await resolve(engine({ serverName: 'n1' })), {
    resolved: { address: { host: '10.0.0.1', port: 2376 }, entry: '10.0.0.1:2376' },
    endpoint: { name: 'node1', tls: { ca: /BEGIN CERTIFICATE/, key: /PRIVATE KEY/, serverName: 'n1' } },
  });
  t.match(await resolve(), { endpoint: { address: { host: '10.0.0.9' }, tls: { ca: 'machine CA' } } });
  t.match(await resolve({ spec: { advertise: 'public:1' } }), { resolved: { entry: 'public:1' } });
  t.equal((await resolve(engine({ mode: 'disabled' }))).endpoint?.tls, undefined);
  const bare = { spec: { engine: { address } } };
  t.match(
    await resolve(bare),
    { endpoint: { tls: { ca: 'machine CA' } } },
    'the machine knows the certificates',
  );
  const { cluster, roles, unschedulable, suspend, deletionTimeoutSeconds } = aNode().spec;
  const alone = {
    ...aNode(),
    spec: { cluster, roles, unschedulable, suspend, deletionTimeoutSeconds, engine: { address } },
  };
  t.match(await resolveNode(alone, { cluster: aCluster(), machines }), {
    error: { code: 'CREDENTIALS_INVALID' },
    resolved: { entry: '10.0.0.1:2376', engineTls: 'unknown' },
  });
  const hostPath = aCluster({ tls: { mode: 'hostPath', hostPath: path.dirname(caFile) } });
  t.match(await resolveNode(alone, { cluster: hostPath, machines }), {
    endpoint: { tls: { key: /PRIVATE/ } },
  });

  const wrong: readonly (readonly [string, Parameters<typeof aNode>[0], string])[] = [
    ['a missing file', engine({ caFile: '/nowhere' }), 'CREDENTIALS_UNREADABLE'],
    ['a file that is no certificate', engine({ certFile: files.noPem }), 'CREDENTIALS_INVALID'],
    ['a key of another certificate', engine({ keyFile: files.otherKey }), 'CREDENTIALS_INVALID'],
    [
      'a machine that does not exist',
      { spec: { machine: { driver: 'local', name: 'gone' } } },
      'MACHINE_NOT_FOUND',
    ],
    ['an address of another form', { spec: { engine: { address: '10.0.0.1', tls } } }, 'MANIFEST_INVALID'],
  ];
  for (const [name, changes, code] of wrong) {
    const answer = await resolve(changes);
    t.match(answer, { error: { code } }, name);
    t.equal(answer.endpoint, undefined);
  }
});
