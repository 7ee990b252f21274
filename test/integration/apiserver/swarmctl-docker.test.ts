// swarmctl env and context against an API server, and the docker CLI using what they write.
import t from 'tap';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { bench, cluster, demo } from '../../support/swarmctl-bench.js';

t.test('env warns while the cluster is not ready and chooses the only cluster', async (t) => {
  const { run, write, setReady, directory } = await bench(t);
  t.match(await run(['env', '--shell', 'bash']), {
    code: 1,
    stderr: /Cannot choose a cluster: there is none/,
  });
  await run(['apply', '-f', await write('a.yaml', cluster)]);
  t.match(await run(['env', '--shell', 'bash']), {
    code: 1,
    stderr: /cluster "demo": it has no endpoint yet/,
  });
  await setReady(demo, { ready: false, message: 'node1 is missing' });
  await write('clusters/demo/client/key.pem', 'key');
  const { stdout, stderr } = await run(['env'], { env: { SHELL: '/usr/bin/fish' } });
  t.equal(stderr, 'warning: cluster "demo" is not ready: node1 is missing\n');
  t.match(
    stdout,
    `set -gx DOCKER_TLS_VERIFY "1";\nset -gx DOCKER_HOST "tcp://10.0.0.1:3376";\nset -gx DOCKER_CERT_PATH "${directory}/clusters/demo/client";\n`,
  );
  await run(['apply', '-f', '-'], { stdin: cluster.replace('demo', 'other') });
  t.match(await run(['env', '--shell', 'bash']), {
    code: 2,
    stderr: /there are several\nhint: Name one of demo, other/,
  });
});

t.test('context export writes what docker reads, and rm removes it', async (t) => {
  const { run, write, setReady, directory } = await bench(t);
  await run(['apply', '-f', await write('a.yaml', cluster)]);
  await setReady(demo);
  for (const file of ['ca', 'cert', 'key']) await write(`clusters/demo/client/${file}.pem`, `${file} text`);
  const env = { DOCKER_CONFIG: path.join(directory, 'docker') };
  const config = path.join(env.DOCKER_CONFIG, 'config.json');
  await write('docker/config.json', '{"auths":{"x":{}}}');
  t.match(await run(['context', 'export', '--use'], { env }), { code: 0, stdout: 'demo\n' });
  // The folder names are the SHA-256 of "demo", as docker makes them.
  const id = '2a97516c354b68848cdbd8f54a226a0a55b21ed138e207ad6c5cbb9c00aa5aea';
  const meta: unknown = JSON.parse(
    await readFile(path.join(env.DOCKER_CONFIG, 'contexts/meta', id, 'meta.json'), 'utf8'),
  );
  t.same(meta, {
    Name: 'demo',
    Metadata: { Description: 'swarmctl cluster demo' },
    Endpoints: { docker: { Host: 'tcp://10.0.0.1:3376', SkipTLSVerify: false } },
  });
  const key = path.join(env.DOCKER_CONFIG, 'contexts/tls', id, 'docker/key.pem');
  t.equal(await readFile(key, 'utf8'), 'key text');
  t.equal((await stat(key)).mode & 0o777, 0o600);
  t.same(JSON.parse(await readFile(config, 'utf8')), { auths: { x: {} }, currentContext: 'demo' });
  t.match(await run(['context', 'rm', 'demo'], { env }), { code: 1, stderr: /docker uses it at the moment/ });
  t.match(await run(['context', 'rm', 'demo', '--force'], { env }), { code: 0, stdout: 'demo\n' });
  await t.rejects(stat(key), { code: 'ENOENT' });
  t.same(JSON.parse(await readFile(config, 'utf8')), { auths: { x: {} } });
  t.match(await run(['context', 'rm', 'demo'], { env }), { code: 1, stderr: /it does not exist/ });
  t.match(await run(['context', 'export', '--name', 'default'], { env }), { code: 2 });
  await write(`docker/contexts/meta/${id}/meta.json`, '{"Name":"demo","Metadata":{},"Endpoints":{}}');
  t.match(await run(['context', 'export'], { env }), { code: 1, stderr: /another one has this name/ });
});
