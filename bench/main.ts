// Measures the shipped manager and prints one table: figure, goal, verdict, the floor of the same run, CPU of a call.
//   make bench [ENGINES=1000] [CONTAINERS=30] [ROWS=list,info] [MODES=plain,tls,real] [PROFILE=1]
// See bench/README.md for the method and how to read it.
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import { messageOf } from '../controller/base/errors.js';
import type { Figure, RealRow, Row } from './row.js';
import { dockerRun } from './rows/docker-run.js';
import { events } from './rows/events.js';
import { rest, start } from './rows/fleet.js';
import { info, listAll, listLabelled, listLimited, listNamed } from './rows/lists.js';
import { loop } from './rows/loop.js';
import { bulk, create, inspect } from './rows/through.js';
import { readSettings, type Settings } from './settings.js';
import { countMisses, renderFigure, renderMisses, renderTable, type MeasuredRow } from './table.js';
import { World, type FleetMode } from './world.js';

const fleetRows: readonly Row[] = [
  start,
  rest,
  listAll,
  listLimited,
  listLabelled,
  listNamed,
  info,
  inspect,
  create,
  events,
  bulk,
  loop,
];
const realRows: readonly RealRow[] = [dockerRun];

const profiles = 'dist/profiles';
/** What is open now; closed when the run ends, however it does. */
const cleanups: (() => Promise<void>)[] = [];

const settings = readSettings(
  process.env,
  [...fleetRows, ...realRows].map(({ name }) => name),
);
const machine =
  `${os.cpus().length} cores of ${os.cpus()[0]?.model ?? 'unknown'}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ` +
  `Linux ${os.release()}, Node ${process.version}, load before ${(os.loadavg()[0] ?? 0).toFixed(1)}`;
process.stdout.write(
  `${settings.engines} engines with ${settings.containersPerEngine} containers each; ${machine}\n`,
);
if (settings.isProfiled) mkdirSync(profiles, { recursive: true });
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)));

const measured: MeasuredRow[] = [];
for (const mode of settings.modes)
  measured.push(...(await (mode === 'real' ? measureReal(settings) : measureFleet(mode, settings))));

process.stdout.write(`\n${renderTable(measured)}\n\n`);
const misses = countMisses(measured);
process.stdout.write(misses === 0 ? 'every goal is met\n' : `${renderMisses(measured)}\n`);
process.stdout.write(
  `\n${misses} of ${measured.reduce((sum, row) => sum + row.figures.length, 0)} figures miss their goal\n` +
    `${settings.command}\n${machine}\n`,
);
process.exit(misses === 0 ? 0 : 1);

async function measureFleet(
  mode: FleetMode,
  { engines, containersPerEngine, isProfiled, rows: names }: Settings,
): Promise<readonly MeasuredRow[]> {
  const rows = fleetRows.filter(({ name }) => names.includes(name));
  if (rows.length === 0) return [];
  process.stdout.write(`\n${mode === 'plain' ? 'plain HTTP' : 'TLS on both sides'}\n`);
  const world = await World.open({ mode, engines, containersPerEngine, isProfiled });
  cleanups.push(() => world.close());
  const done: MeasuredRow[] = [];
  try {
    let needsManager = rows[0] !== start;
    for (const row of rows) {
      const measuredRow = await measure(
        row,
        mode,
        async () => {
          if (needsManager) await world.startManager();
          const figures = await row.run(world);
          if (isProfiled) await world.manager.writeProfile(`${profiles}/${mode}-${row.name}.cpuprofile`);
          return figures;
        },
        Math.max(1, engines / 1_000),
      );
      // What a row that failed left under way must not be measured with the next.
      needsManager = measuredRow.failure !== undefined && row !== rows.at(-1);
      if (measuredRow.failure !== undefined) world.fleet.churn(0);
      done.push(measuredRow);
    }
  } finally {
    await cleanUp();
  }
  return done;
}

async function measureReal({ isProfiled, rows: names }: Settings): Promise<readonly MeasuredRow[]> {
  const done: MeasuredRow[] = [];
  for (const row of realRows.filter(({ name }) => names.includes(name))) {
    process.stdout.write('\nreal engines, TLS on both sides\n');
    try {
      const teardown = (work: () => Promise<void>): void => void cleanups.push(work);
      done.push(
        await measure(
          row,
          'real',
          () => row.run({ teardown, profiles: isProfiled ? profiles : undefined }),
          1,
        ),
      );
    } finally {
      await cleanUp();
    }
  }
  return done;
}

/** Runs a row within its time, and tells its figures as they are there. */
async function measure(
  row: Row | RealRow,
  mode: string,
  work: () => Promise<readonly Figure[]>,
  size: number,
): Promise<MeasuredRow> {
  const { name, title, boundBy, withinSeconds } = row;
  process.stdout.write(`${name.padEnd(9)}${title}\n`);
  const facts = { name, mode, boundBy };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const seconds = withinSeconds * size;
    timer = setTimeout(() => reject(new Error(`not done within ${seconds} s`)), seconds * 1_000);
  });
  try {
    const figures = await Promise.race([work(), late]);
    for (const figure of figures) process.stdout.write(`${''.padEnd(9)}  ${renderFigure(figure)}\n`);
    return { ...facts, figures };
  } catch (error) {
    const failure = messageOf(error).split('\n')[0] ?? '';
    process.stdout.write(`${''.padEnd(9)}  failed: ${messageOf(error)}\n`);
    return { ...facts, figures: [], failure };
  } finally {
    clearTimeout(timer);
  }
}

async function cleanUp(): Promise<void> {
  for (const work of cleanups.splice(0).reverse())
    await work().catch((error: unknown) => process.stderr.write(`cleaning up: ${messageOf(error)}\n`));
}
