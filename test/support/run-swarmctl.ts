// Runs a swarmctl command line inside the test's process: real commands, captured output, fake time.
import type { Clock } from '../../controller/base/clock.js';
import { runProgram } from '../../cmd/swarmctl/program.js';
import { FakeClock } from './fake-clock.js';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly stateDirectory: string;
  readonly clock?: Clock;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly isTty?: boolean;
  readonly signal?: AbortSignal;
  /** Called with each text on stdout or stderr. */
  readonly onOutput?: (text: string) => void;
}

export async function runSwarmctl(args: readonly string[], o: CommandOptions): Promise<CommandResult> {
  let code = 0;
  const out: string[] = [];
  const err: string[] = [];
  await runProgram(['--state-dir', o.stateDirectory, ...args], {
    stdout: (text) => {
      out.push(text);
      o.onOutput?.(text);
    },
    stderr: (text) => {
      err.push(text);
      o.onOutput?.(text);
    },
    stdin: () => Promise.resolve(o.stdin ?? ''),
    env: o.env ?? {},
    isTty: o.isTty ?? false,
    columns: 80,
    rows: 24,
    clock: o.clock ?? new FakeClock(),
    random: () => 0.5,
    packageRoot: process.cwd(),
    version: '1.0.0',
    signal: o.signal ?? new AbortController().signal,
    onHangup: () => () => undefined,
    onCrash: () => () => undefined,
    setExitCode: (next) => {
      code = next;
    },
    isRoot: false,
    workingDirectory: process.cwd(),
  });
  return { code, stdout: out.join(''), stderr: err.join('') };
}
