// Runs the three tiers of tests with tap and ends with one line `N passed, N failed`.
// Usage: node dist/test/run-tests.js [unit|integration|e2e …] [FILTER]   (FILTER: part of a file name)
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

interface Totals {
  passed: number;
  failed: number;
}

// Unit tests are short and independent: one per core. Real engines share the machine's cores with the programs
// under test, so integration and e2e files run one after the other.
const tiers = {
  unit: { jobs: 2, timeoutSeconds: 120 },
  integration: { jobs: 1, timeoutSeconds: 300 },
  e2e: { jobs: 1, timeoutSeconds: 600 },
} as const;
type Tier = keyof typeof tiers;
const isTier = (text: string): text is Tier => text in tiers;

const words = process.argv.slice(2);
const chosen = words.filter(isTier);
const filters = words.filter((word) => !isTier(word));
const totals: Totals = { passed: 0, failed: 0 };

for (const tier of chosen.length > 0 ? chosen : (Object.keys(tiers) as Tier[])) {
  const files = await findTests(path.join('dist/test', tier), filters);
  if (files.length === 0) continue;
  const startedMs = performance.now();
  const result = await runTap(tier, files);
  totals.passed += result.passed;
  totals.failed += result.failed;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  process.stdout.write(
    `${tier}: ${files.length} files, ${result.passed} passed, ${result.failed} failed (${seconds} s)\n`,
  );
}
if (totals.passed + totals.failed === 0) {
  process.stderr.write('no test file matches; run make build first, or check the filter\n');
  totals.failed += 1;
}
process.exitCode = totals.failed === 0 ? 0 : 1;
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);

async function findTests(directory: string, wanted: readonly string[]): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true }).catch(() => [] as string[]);
  return entries
    .filter((entry) => entry.endsWith('.test.js'))
    .filter((entry) => wanted.length === 0 || wanted.some((part) => entry.includes(part)))
    .map((entry) => path.join(directory, entry))
    .sort();
}

/** Runs tap over the files; prints a line per file, and the whole output of files that fail. */
async function runTap(tier: Tier, files: readonly string[]): Promise<Totals> {
  const { jobs, timeoutSeconds } = tiers[tier];
  const child = spawn(
    process.execPath,
    [
      'node_modules/tap/dist/esm/run.mjs',
      '-R',
      'tap',
      '-j',
      String(jobs),
      '-t',
      String(timeoutSeconds),
      ...files,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)));
  let buffer: string[] = [];
  const result: Totals = { passed: 0, failed: 0 };
  let counted = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const file = /^(ok|not ok) \d+ - (\S+\.test\.js)(.*)$/.exec(line);
    const sums = /^# (\{ total: .*\})$/.exec(line)?.[1];
    if (file !== null) {
      if (file[1] === 'not ok') process.stdout.write(`${buffer.join('\n')}\n`);
      process.stdout.write(`${file[1] === 'ok' ? 'ok    ' : 'FAILED'} ${file[2] ?? ''}${file[3] ?? ''}\n`);
      buffer = [];
    } else if (sums !== undefined) {
      counted = true;
      const count = (name: string): number => Number(new RegExp(`${name}: (\\d+)`).exec(sums)?.[1] ?? 0);
      result.passed = count('pass');
      // A skipped or postponed assertion is not a passed one.
      result.failed = count('total') - count('pass');
    } else {
      buffer.push(line);
    }
  }
  const code = await exited;
  if (code !== 0 && result.failed === 0) {
    process.stdout.write(`${buffer.join('\n')}\ntap ended with exit code ${code}\n`);
    result.failed += 1;
  }
  if (!counted) result.failed += 1;
  return result;
}
