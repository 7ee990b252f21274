// The life of a fleet in a git repository, with the real program: a good commit, a bad one, a revert, a rebase, and a removal of
// most nodes that is refused and then approved. What it prints is in docs/gitops.md.
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { FakeEngine } from '../support/fake-engine.js';
import { aGitRemote } from '../support/git-remote.js';
import { matchGolden } from '../support/golden.js';
import { clusterManifest, nodeManifest } from '../support/manifests.js';
import { cleanEnvironment, run, swarmctlProgram } from '../support/programs.js';
import { testDirectory } from '../support/cluster.js';
import { until } from '../support/until.js';

// The waits inside end by themselves; this is for a machine that is busy with other things.
t.setTimeout(240_000);

t.test(
  'swarmctl run --git: good commit, bad commit, revert, rebase, mass delete refused and approved',
  async (t) => {
    const directory = await testDirectory(t);
    const state = path.join(directory, 'state');
    const remote = await aGitRemote(directory);
    const names = ['n1', 'n2', 'n3', 'n4', 'n5'];
    const engines = new Map<string, FakeEngine>();
    for (const name of [...names, 'n6', 'n7']) engines.set(name, await FakeEngine.start({ name }));
    t.teardown(() => Promise.all([...engines.values()].map((engine) => engine.close())));
    const node = (name: string): string =>
      nodeManifest(name).replace('10.0.0.1:2376', engines.get(name)?.address ?? '');
    const cluster = `${clusterManifest('demo')}spec:\n  image: swarm:1\n`;

    const lines: string[] = [];
    const ids = new Map<string, string>();
    /** What changes from run to run: commits are named by their subjects, addresses by their nodes. */
    const stable = (text: string): string => {
      let shown = text;
      for (const [id, subject] of ids) {
        const other = createHash('sha1').update(subject).digest('hex');
        shown = shown.replaceAll(id, other).replaceAll(id.slice(0, 12), other.slice(0, 12));
      }
      return shown.replaceAll(directory, '');
    };
    const print = (text: string): void => void lines.push(stable(text).trimEnd());
    const commit = async (
      subject: string,
      files: Readonly<Record<string, string | undefined>>,
    ): Promise<string> => {
      const id = await remote.push(subject, files);
      ids.set(id, subject);
      print(`\n$ git commit -m "${subject}" && git push`);
      return id;
    };
    const swarmctl = async (args: string): Promise<string> => {
      const { stdout, stderr } = await run(process.execPath, [
        swarmctlProgram,
        '--state-dir',
        state,
        ...args.split(' '),
      ]);
      return stdout + stderr;
    };
    const show = async (args: string): Promise<void> => {
      print(`$ swarmctl ${args}`);
      print(await swarmctl(args));
    };
    const inForce =
      'get cluster demo -o custom-columns=NAME:.metadata.name,COMMIT:.metadata.annotations.swarmctl\\.io/commit,AUTHOR:.metadata.annotations.swarmctl\\.io/commit-author';

    await commit('Add five nodes', {
      'fleet/cluster.yaml': cluster,
      ...Object.fromEntries(names.map((name) => [`fleet/${name}.yaml`, node(name)])),
    });
    const command = `run --git ${remote.url} --branch main --path fleet --interval 1s --prune-delay 1s`;
    print(
      `$ swarmctl run --git ssh://git@git.example.org/fleet.git --branch main --path fleet --interval 1s --prune-delay 1s`,
    );
    const operator = spawn(process.execPath, [swarmctlProgram, '--state-dir', state, ...command.split(' ')], {
      env: cleanEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => operator.on('close', resolve));
    t.teardown(async () => {
      operator.kill('SIGTERM');
      await ended;
    });
    let log = '';
    operator.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const told = async (id: string, words: string): Promise<void> => {
      await until(
        () => log.split('\n').some((line) => line.includes(id.slice(0, 12)) && line.includes(words)),
        words,
      );
      const line =
        log.split('\n').find((entry) => entry.includes(id.slice(0, 12)) && entry.includes(words)) ?? '';
      print(line.replace(/^\S+ +/, ''));
    };
    const nodesAre = async (wanted: readonly string[]): Promise<void> => {
      let found = '';
      for (let round = 0; round < 100 && found !== wanted.join(); round += 1)
        found = (await swarmctl('get nodes -o name'))
          .trim()
          .split(/\s+/)
          .map((name) => name.replace(/.*\//, ''))
          .join();
      t.equal(found, wanted.join());
      await show('get nodes -o name');
    };
    const idOf = (subject: string): string => [...ids].find(([, other]) => other === subject)?.[0] ?? '';

    await told(idOf('Add five nodes'), 'is in force');
    await nodesAre(names);
    await show(inForce);

    const bad = await commit('Add n6', { 'fleet/n6.yaml': node('n6').replace('cluster:', 'clutser:') });
    await told(bad, 'is not used');
    await nodesAre(names);

    await remote.git('revert', '--no-edit', 'HEAD');
    const reverted = await commit('Revert "Add n6"', {});
    await told(reverted, 'is in force');
    await nodesAre(names);

    await remote.git('reset', '--quiet', '--hard', 'HEAD~3');
    const rebased = await commit('Add n7, on a history without n6', { 'fleet/n7.yaml': node('n7') });
    await told(rebased, 'is in force');
    await nodesAre([...names, 'n7']);
    await show(inForce);

    const removed = await commit(
      'Remove most nodes',
      Object.fromEntries(names.slice(1).map((name) => [`fleet/${name}.yaml`, undefined])),
    );
    await told(removed, 'is in force');
    let waiting = '';
    await until(() => log.includes('Not deleting'), 'the removal is held');
    for (let round = 0; round < 100 && waiting.split('node/').length !== 5; round += 1)
      waiting = await swarmctl('approve');
    await show('approve');
    await nodesAre([...names, 'n7']);
    await show('approve node/n4 node/n5');
    await nodesAre(['n1', 'n2', 'n3', 'n7']);
    await show('approve --all');
    await nodesAre(['n1', 'n7']);

    const transcript = `${lines.join('\n').trim()}\n`;
    t.comment(transcript);
    await matchGolden(t, 'gitops-session.txt', transcript);
    t.ok((await readFile('docs/gitops.md', 'utf8')).includes(transcript), 'docs/gitops.md shows it');
    await rm(path.join(directory, 'work'), { recursive: true, force: true });
  },
);
