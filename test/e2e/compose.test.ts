// Projects of compose, the first and the second, on four real engines behind one manager.
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t, { type Test } from 'tap';
import {
  cliEnvironment,
  runProgram,
  startManagerCluster,
  type CliResult,
} from '../support/manager-cluster.js';
import { linkCliPlugins, newerDocker } from '../support/newer-docker.js';
import { waitUntil } from '../support/programs.js';

t.setTimeout(500_000);

const cluster = await startManagerCluster(t, { count: 4 });
const newer = await newerDocker();
const environment = cliEnvironment(cluster);
await linkCliPlugins(environment['DOCKER_CONFIG'] ?? '', newer);
const directory = await mkdtemp('/tmp/swtest-compose-');
t.teardown(() => rm(directory, { recursive: true, force: true }));

const docker = (...args: string[]): Promise<CliResult> =>
  runProgram('/usr/bin/docker', args, { env: environment });

/** A compose program and how it joins the parts of container names. */
interface Compose {
  readonly name: string;
  readonly file: string;
  readonly joint: '_' | '-';
}

async function composePrograms(): Promise<readonly Compose[]> {
  const second: Compose = { name: 'two', file: newer.compose, joint: '-' };
  const first = '/usr/bin/docker-compose';
  const isThere = await access(first).then(
    () => true,
    () => false,
  );
  return isThere ? [{ name: 'one', file: first, joint: '_' }, second] : [second];
}

/** The first compose takes a file without a version for one of the oldest format; the second warns of the field. */
function versionOf({ joint }: Compose): { readonly version?: string } {
  return joint === '_' ? { version: '2.4' } : {};
}

class Project {
  readonly #compose: Compose;
  readonly #name: string;
  readonly #directory: string;

  constructor(compose: Compose, name: string) {
    this.#compose = compose;
    this.#name = `${name}${compose.name}`;
    this.#directory = path.join(directory, this.#name);
  }

  container(service: string, number: number): string {
    return [this.#name, service, number].join(this.#compose.joint);
  }

  async write(project: object, files: Readonly<Record<string, string>> = {}): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const all = {
      'docker-compose.json': JSON.stringify({ ...versionOf(this.#compose), ...project }),
      ...files,
    };
    for (const [name, text] of Object.entries(all)) await writeFile(path.join(this.#directory, name), text);
  }

  run(...args: string[]): Promise<CliResult> {
    const file = path.join(this.#directory, 'docker-compose.json');
    return runProgram(this.#compose.file, ['-f', file, '-p', this.#name, ...args], { env: environment });
  }

  /** Runs and expects success. @returns what it printed */
  async do(t: Test, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    t.equal(code, 0, `compose ${args.join(' ')}${code === 0 ? '' : `: ${stderr}${stdout}`}`);
    return stdout.trim();
  }

  /** Name of container → name of engine, sorted. */
  async places(): Promise<readonly (readonly [container: string, node: string])[]> {
    const { stdout } = await docker(
      'ps',
      '-a',
      '--filter',
      `label=com.docker.compose.project=${this.#name}`,
      '--format',
      '{{.Names}}',
    );
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((name): [string, string] => [name.split('/')[1] ?? '', name.split('/')[0] ?? ''])
      .sort();
  }

  async nodes(): Promise<readonly string[]> {
    return [...new Set((await this.places()).map(([, node]) => node))].sort();
  }
}

const idle = { image: 'busybox', command: 'sleep 1000' };

for (const compose of await composePrograms()) {
  void t.test(
    `compose ${compose.name}: a project with network, volume and build lives on one engine`,
    async (t) => {
      const project = new Project(compose, 'shop');
      const spec = (words: string): object => ({
        services: {
          web: {
            build: '.',
            image: `shop${compose.name}:1`,
            depends_on: ['db'],
            command: ['sh', '-c', `echo ${words}; exec httpd -f -p 80 -h /www`],
          },
          db: { ...idle, volumes: ['data:/data'], ports: ['5432:5432'] },
        },
        volumes: { data: {} },
      });
      await project.write(spec('first'), {
        Dockerfile: 'FROM busybox\nCOPY page /www/index.html\n',
        page: 'welcome\n',
      });
      await project.do(t, 'up', '-d');
      t.equal((await project.nodes()).length, 1);
      t.same(
        (await project.places()).map(([name]) => name),
        [project.container('db', 1), project.container('web', 1)],
      );

      await project.do(t, 'up', '-d', '--scale', 'web=3');
      t.equal((await project.places()).length, 4);
      t.equal((await project.nodes()).length, 1, 'also the new ones');
      // The new one is made while the old one holds the port.
      await project.do(t, 'up', '-d', '--force-recreate', '--no-deps', 'db');
      t.equal((await project.places()).length, 4);
      t.equal((await project.do(t, 'ps', '-q')).split('\n').length, 4);
      t.match(await project.do(t, 'ps'), project.container('web', 3));
      // A container that runs may not serve yet.
      const page = await waitUntil('a web serves', async () => {
        const { code, stdout } = await project.run(
          ...['exec', '-T', 'db', '/bin/busybox', 'wget', '-qO-', 'http://web/'],
        );
        return code === 0 ? stdout.trim() : undefined;
      });
      t.equal(page, 'welcome');
      t.match(await project.do(t, 'logs', '--no-color', 'web'), /first/);
      t.equal(await project.do(t, 'run', '--rm', '-T', 'db', 'echo', 'once'), 'once');

      await project.do(t, 'exec', '-T', 'db', 'sh', '-c', 'echo kept > /data/file');
      const before = await project.do(t, 'ps', '-q', 'db');
      await project.do(t, 'up', '-d', '--scale', 'web=3');
      t.equal(await project.do(t, 'ps', '-q', 'db'), before, 'what did not change is left alone');
      await project.write({
        ...spec('second'),
        services: {
          ...(spec('second') as { services: object }).services,
          db: { ...idle, command: 'sleep 2000', volumes: ['data:/data'] },
        },
      });
      await project.do(t, 'up', '-d', '-t', '0', '--scale', 'web=2');
      t.not(await project.do(t, 'ps', '-q', 'db'), before, 'what changed is made anew');
      t.equal((await project.places()).length, 3);
      t.equal((await project.nodes()).length, 1);
      t.equal(await project.do(t, 'exec', '-T', 'db', 'cat', '/data/file'), 'kept');

      await project.do(t, 'stop', '-t', '0', 'web');
      await project.do(t, 'start', 'web');
      await project.do(t, 'restart', '-t', '0');
      t.match(await project.do(t, 'logs', '--no-color', '--tail', '1', 'web'), /second/);
      await project.do(t, 'down', '-v', '-t', '0');
      t.same(await project.places(), []);
      t.notMatch((await docker('network', 'ls', '--format', '{{.Name}}')).stdout, 'shop');
      t.notMatch((await docker('volume', 'ls', '-q')).stdout, 'shop');
    },
  );

  void t.test(
    `compose ${compose.name}: projects spread, and so do services that share nothing`,
    async (t) => {
      const projects = ['a', 'b', 'c'].map((name) => new Project(compose, name));
      for (const project of projects) {
        await project.write({
          services: { one: { ...idle, volumes: ['vol:/v'] }, two: idle },
          volumes: { vol: {} },
        });
      }
      await Promise.all(projects.map((project) => project.do(t, 'up', '-d')));
      const nodes = await Promise.all(projects.map((project) => project.nodes()));
      t.ok(
        nodes.every(({ length }) => length === 1),
        'each on one engine',
      );
      t.equal(new Set(nodes.flat()).size, 3, 'each on another');
      await Promise.all(projects.map((project) => project.do(t, 'down', '-v', '-t', '0')));

      const free = new Project(compose, 'free');
      await free.write({ services: { worker: { ...idle, network_mode: 'host' } } });
      await free.do(t, 'up', '-d', '--scale', 'worker=4');
      t.equal((await free.nodes()).length, 4);
      await free.do(t, 'down', '-t', '0');
    },
  );

  void t.test(`compose ${compose.name}: the project goes where its containers must be`, async (t) => {
    const bound = new Project(compose, 'bound');
    const spec = { ...idle, volumes: ['vol:/v'], environment: ['constraint:node==node3'] };
    await bound.write({ services: { db: spec, web: { ...idle, depends_on: ['db'] } }, volumes: { vol: {} } });
    await bound.do(t, 'up', '-d');
    t.same(await bound.nodes(), ['node3'], 'network and volume follow the constraint of the first container');
    await bound.write({
      services: { db: spec, other: { ...idle, environment: ['constraint:node==node1'] } },
      volumes: { vol: {} },
    });
    const refused = await bound.run('up', '-d');
    t.not(refused.code, 0);
    t.match(refused.stderr, /network "\w+" is on node3/, 'and says what holds the others there');
    t.match(refused.stderr, /Project "bound[^"]*" stays together by its local networks/, 'and what to do');
    await bound.do(t, 'down', '-v', '-t', '0', '--remove-orphans');

    await docker('network', 'create', 'node2/shared');
    await docker('volume', 'create', 'node2/store');
    const guest = new Project(compose, 'guest');
    await guest.write({
      services: {
        one: { ...idle, networks: { shared: { priority: 10 }, default: null }, volumes: ['store:/s'] },
      },
      networks: { shared: { external: true } },
      volumes: { store: { external: true } },
    });
    await guest.do(t, 'up', '-d');
    t.same(await guest.nodes(), ['node2'], 'with what exists already');
    await guest.do(t, 'down', '-t', '0');
    t.equal((await docker('network', 'rm', 'shared')).code, 0);
    t.equal((await docker('volume', 'rm', 'store')).code, 0);
  });
}
