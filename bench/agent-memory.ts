// Memory of the manage, join and discovery containers at rest, on real engines. Run: node dist/bench/agent-memory.js
// Prints one line per container: resident memory (shared libraries counted), memory private to the process, CPU used.
import { readFile } from 'node:fs/promises';
import { agentsOn, dockerOn, startCluster } from '../test/support/cluster.js';

const restSeconds = 60;
const cleanups: (() => Promise<void>)[] = [];
const host = {
  teardown: (work: () => Promise<void>) => cleanups.unshift(work),
  comment: (text: string) => process.stdout.write(`${text}\n`),
};

try {
  const { engines } = await startCluster(host, { count: 4 });
  await new Promise((resolve) => setTimeout(resolve, restSeconds * 1000));
  process.stdout.write(`after ${restSeconds} s at rest, 3 joined engines\n`);
  process.stdout.write('CONTAINER              NODE    RSS        PRIVATE    CPU\n');
  for (const engine of engines.engines) {
    for (const agent of await agentsOn(engine)) {
      const name = agent.split(' ')[0] ?? '';
      const { stdout } = await dockerOn(engine, ['inspect', '--format', '{{.State.Pid}}', name]);
      const { rss, privateBytes, cpuSeconds } = await measure(Number(stdout));
      const cells = [name.padEnd(22), engine.name.padEnd(7), mebibytes(rss), mebibytes(privateBytes)];
      process.stdout.write(`${cells.join(' ')} ${cpuSeconds.toFixed(2)} s\n`);
    }
  }
} finally {
  for (const cleanup of cleanups) await cleanup();
}

async function measure(pid: number): Promise<{ rss: number; privateBytes: number; cpuSeconds: number }> {
  const [rollup, stat] = await Promise.all([
    readFile(`/proc/${pid}/smaps_rollup`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
  ]);
  const kilobytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(rollup)?.[1] ?? 0);
  // Fields 14 and 15 (user and system time) in ticks of 10 ms; the command name before them may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    rss: kilobytes('Rss') * 1024,
    privateBytes: (kilobytes('Private_Clean') + kilobytes('Private_Dirty')) * 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
  };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`.padEnd(10);
}
