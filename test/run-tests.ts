// Runs the three tiers of tests and ends with one line `N passed, N failed`. Each file is a program that writes TAP.
// Usage: node dist/test/run-tests.js [unit|integration|e2e …] [FILTER]   (FILTER: part of a file name)
import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

interface Totals {
  passed: number;
  failed: number;
}

// Two files at a time: each has engines, directories and ports of its own, and while one waits for its engines the other
// uses the cores. Three were not faster on two cores.
const tiers = {
  unit: { jobs: 2, timeoutSeconds: 120 },
  integration: { jobs: 2, timeoutSeconds: 300 },
  e2e: { jobs: 2, timeoutSeconds: 600 },
} as const;
type Tier = keyof typeof tiers;
/** Runs when nothing else does: it sets up and builds in this directory, as its user would. */
const isAlone = /\bdemo\.test\.js$/;
const isTier = (text: string): text is Tier => text in tiers;

const words = process.argv.slice(2);
const chosen = words.filter(isTier);
const filters = words.filter((word) => !isTier(word));
const totals: Totals = { passed: 0, failed: 0 };

for (const tier of chosen.length > 0 ? chosen : (Object.keys(tiers) as Tier[])) {
  const files = await findTests(path.join('dist/test', tier), filters);
  if (files.length === 0) continue;
  const startedMs = performance.now();
  const result = await runFiles(tier, files);
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

/** Runs the files, some at a time; prints a line per file, and the whole output of files that fail. */
async function runFiles(tier: Tier, files: readonly string[]): Promise<Totals> {
  const { jobs, timeoutSeconds } = tiers[tier];
  const result: Totals = { passed: 0, failed: 0 };
  const waiting = files.filter((file) => !isAlone.test(file));
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { passed, failed, output, time } = await runFile(file, timeoutSeconds);
      result.passed += passed;
      result.failed += failed;
      if (failed > 0) process.stdout.write(`${output}\n`);
      process.stdout.write(`${failed === 0 ? 'ok    ' : 'FAILED'} ${file} # time=${time}s\n`);
      if (failed === 0) for (const comment of commentsOf(output)) process.stdout.write(`       ${comment}\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  waiting.push(...files.filter((file) => isAlone.test(file)));
  await work();
  return result;
}

interface FileResult extends Totals {
  readonly output: string;
  /** Seconds, as text. */
  readonly time: string;
}

/** What the tests of a file say of what they found: how many cases there were, how long something took. */
function commentsOf(output: string): readonly string[] {
  return [...output.matchAll(/^ *# (?!Subtest:|time=|\{ total:)(.+)$/gm)].map(([, text = '']) => text);
}

/** Runs one file as a program; it writes TAP, whose last lines count its assertions. */
async function runFile(file: string, timeoutSeconds: number): Promise<FileResult> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    env: { ...process.env, TAP_TIMEOUT: String(timeoutSeconds) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // The file keeps its own time and says which test was open; this is for one that no longer can.
  const timer = setTimeout(() => child.kill('SIGKILL'), (timeoutSeconds + 60) * 1000);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const end = await new Promise<string>((resolve) => {
    child.on('error', (error) => {
      resolve(String(error));
    });
    const finish = (code: number | null, signal: string | null): void => {
      resolve(code === 0 ? '' : `ended with ${signal ?? `exit code ${code ?? 'unknown'}`}`);
    };
    child.on('close', finish);
    // A program that it left behind may hold its output open for ever; what it wrote itself is here by then.
    child.on('exit', (code, signal) => void setTimeout(finish, 5_000, code, signal).unref());
  });
  child.stdout.destroy();
  child.stderr.destroy();
  clearTimeout(timer);
  const sums = [...output.matchAll(/^# (\{ total: .*\})$/gm)].at(-1)?.[1] ?? '';
  const count = (name: string): number => Number(new RegExp(`${name}: (\\d+)`).exec(sums)?.[1] ?? 0);
  // A skipped or postponed assertion is not a passed one.
  const failed = count('total') - count('pass');
  const isBroken = failed === 0 && (end !== '' || count('total') === 0);
  return {
    passed: count('pass'),
    failed: isBroken ? 1 : failed,
    output: end === '' ? output : `${output}\n${file} ${end}`,
    time: ((performance.now() - startedMs) / 1000).toFixed(1),
  };
}
