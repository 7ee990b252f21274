// Measures the shipped manager over a simulated fleet and prints one table: goal, measured, pass or miss.
//   make bench [ENGINES=1000] [CONTAINERS=30] [ROWS=list,info] [MODES=plain,tls] [PROFILE=1]
// See bench/README.md for the method and how to read it.
import { mkdirSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import { isMet, type Figure, type Row } from './row.js';
import { events } from './rows/events.js';
import { rest, start } from './rows/fleet.js';
import { info, listAll, listLabelled, listLimited, listNamed, mixed } from './rows/lists.js';
import { bulk, create, inspect } from './rows/through.js';
import { World, type Mode } from './world.js';

const rows: readonly Row[] = [
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
  mixed,
];

interface Settings {
  readonly engines: number;
  readonly containersPerEngine: number;
  readonly rows: readonly Row[];
  readonly modes: readonly Mode[];
  readonly isProfiled: boolean;
}

const settings = readSettings(process.env);
process.stdout.write(
  `${settings.engines} engines with ${settings.containersPerEngine} containers each; ` +
    `${os.cpus().length} cores of ${os.cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, load ${(os.loadavg()[0] ?? 0).toFixed(1)}\n`,
);
const profiles = 'dist/profiles';
if (settings.isProfiled) mkdirSync(profiles, { recursive: true });
let missed = 0;
for (const mode of settings.modes) missed += await measure(mode, settings);
process.stdout.write(missed === 0 ? 'every goal is met\n' : `${missed} figures miss their goal\n`);
process.exit(missed === 0 ? 0 : 1);

/** @returns how many figures miss their goal */
async function measure(
  mode: Mode,
  { engines, containersPerEngine, isProfiled, rows }: Settings,
): Promise<number> {
  const world = await World.open({ mode, engines, containersPerEngine, isProfiled });
  let count = 0;
  try {
    process.stdout.write(`\n${mode === 'plain' ? 'plain HTTP' : 'TLS on both sides'}\n`);
    if (rows[0] !== start) await world.startManager();
    for (const row of rows) {
      const figures = await row.run(world);
      if (isProfiled) await world.manager.writeProfile(`${profiles}/${mode}-${row.name}.cpuprofile`);
      process.stdout.write(`${row.name.padEnd(9)}${row.title}\n`);
      for (const figure of figures) {
        const met = isMet(figure);
        if (met === false) count += 1;
        process.stdout.write(`${''.padEnd(9)}  ${describe(figure)}\n`);
      }
    }
  } finally {
    await world.close();
  }
  return count;
}

/** `p50                  12.3 ms   ≤ 30 ms    pass`. */
function describe(figure: Figure): string {
  const { label, value, unit, atMost, atLeast } = figure;
  const met = isMet(figure);
  const bound =
    atMost !== undefined
      ? `≤ ${amount(atMost, unit)}`
      : atLeast !== undefined
        ? `≥ ${amount(atLeast, unit)}`
        : '';
  const verdict = met === undefined ? '' : met ? 'pass' : 'MISS';
  return `${label.padEnd(24)}${amount(value, unit).padStart(14)}   ${bound.padEnd(14)}${verdict}`.trimEnd();
}

function amount(value: number, unit: Figure['unit']): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${Number(value.toFixed(digits))} ${unit}`.trimEnd();
}

function readSettings(env: NodeJS.ProcessEnv): Settings {
  const count = (name: string, usual: number): number => {
    const text = env[name] ?? '';
    const value = text === '' ? usual : Number(text);
    if (!Number.isInteger(value) || value < 1)
      throw new Error(`${name} must be a whole number, not "${text}"`);
    return value;
  };
  const chosen = (name: string, known: readonly string[]): readonly string[] => {
    const wanted = (env[name] ?? '').split(',').filter((word) => word !== '');
    const unknown = wanted.filter((word) => !known.includes(word));
    if (unknown.length > 0)
      throw new Error(`${name} can be any of ${known.join(', ')}, not "${unknown.join(', ')}"`);
    return wanted.length === 0 ? known : known.filter((word) => wanted.includes(word));
  };
  const names = chosen(
    'ROWS',
    rows.map(({ name }) => name),
  );
  return {
    engines: count('ENGINES', 1_000),
    containersPerEngine: count('CONTAINERS', 30),
    rows: rows.filter(({ name }) => names.includes(name)),
    modes: chosen('MODES', ['plain', 'tls']) as readonly Mode[],
    isProfiled: env['PROFILE'] === '1',
  };
}
