// The worked examples of docs/scheduling.md, run line by line as a reader would: what is printed there is what comes.
import { chmod, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { testDirectory } from '../support/cluster.js';
import { importBusybox, startEngines } from '../support/engines.js';
import { startManager } from '../support/manager-cluster.js';
import { packageRoot, run, swarmctlProgram } from '../support/programs.js';

t.setTimeout(250_000);

interface Example {
  readonly command: string;
  readonly printed: readonly string[];
}

/** The `$` lines of the console blocks, each with the lines after it. */
async function readExamples(): Promise<readonly Example[]> {
  const text = await readFile(path.join(packageRoot, 'docs/scheduling.md'), 'utf8');
  const examples: { command: string; printed: string[] }[] = [];
  for (const [, block = ''] of text.matchAll(/^```console\n(.*?)^```$/gms)) {
    for (const line of block.trimEnd().split('\n')) {
      if (line.startsWith('$ ')) examples.push({ command: line.slice(2), printed: [] });
      else examples.at(-1)?.printed.push(line);
    }
  }
  return examples;
}

const { engines } = await startEngines(t, {
  count: 3,
  labels: [{ region: 'eu', disk: 'ssd' }, { region: 'eu' }, { region: 'us' }],
});
await Promise.all(engines.map((engine) => importBusybox(engine)));
const { port } = await startManager(t, {
  addresses: engines.map(({ hostPort }) => hostPort),
  tlsFor: (address) => engines.find(({ hostPort }) => hostPort === address)?.endpoint.tls,
});
const directory = await testDirectory(t);
await writeFile(
  path.join(directory, 'swarmctl'),
  `#!/bin/sh\nexec ${process.execPath} ${swarmctlProgram} "$@"\n`,
);
await chmod(path.join(directory, 'swarmctl'), 0o755);
const env = {
  PATH: `${directory}:${process.env['PATH'] ?? ''}`,
  DOCKER_HOST: `tcp://127.0.0.1:${port}`,
  HOME: directory,
};

void t.test('the worked examples of docs/scheduling.md print what they say', async (t) => {
  const examples = await readExamples();
  t.ok(examples.length > 15);
  for (const { command, printed } of examples) {
    const { stdout, stderr } = await run('/bin/sh', ['-c', command], { env });
    const lines = `${stdout}${stderr}`
      .trimEnd()
      .split('\n')
      .filter((line, at) => line !== '' || at > 0);
    // What is printed may go on: examples show the lines that matter, from the first.
    t.same(lines.slice(0, printed.length), printed, command);
    if (printed.length === 0) t.same(lines, [], command);
  }
});
