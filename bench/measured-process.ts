// A node program in a process of its own with the probe loaded: the manager as it is shipped, or the floor server.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { ProbeReading } from './probe.js';

const probeFile = fileURLToPath(new URL('./probe.js', import.meta.url));
const stopWithinMs = 15_000;

export class MeasuredProcess {
  readonly #child: ChildProcess;
  #output = '';
  #onOutput: () => void = () => undefined;

  constructor(options: {
    readonly file: string;
    readonly args: readonly string[];
    /** Of the program as it is shipped; default: none. */
    readonly nodeFlags?: readonly string[];
    /** Whether CPU profiles can be written. */
    readonly isProfiled?: boolean;
  }) {
    this.#child = fork(options.file, [...options.args], {
      execArgv: [...(options.nodeFlags ?? []), '--import', probeFile],
      env: { ...process.env, BENCH_PROFILE: options.isProfiled === true ? '1' : '0' },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#onOutput();
      });
    this.#child.once('exit', () => this.#onOutput());
  }

  /** Resolves when what it printed satisfies `claim`. @throws Error when it ends before, or after `withinMs` */
  async printed(claim: (output: string) => boolean, withinMs: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const give = (why: string): void =>
        reject(new Error(`the measured process ${why}; it printed last:\n${this.#output.slice(-2_000)}`));
      const timer = setTimeout(() => give(`did not get ready in ${withinMs} ms`), withinMs);
      const check = (): void => {
        if (claim(this.#output)) {
          clearTimeout(timer);
          resolve();
        } else if (this.#child.exitCode !== null) {
          clearTimeout(timer);
          give('ended');
        }
      };
      this.#onOutput = check;
      check();
    });
    this.#onOutput = () => undefined;
  }

  /** Begins or ends watching the event loop, or collects garbage where node was started with --expose-gc. */
  order(order: 'watch' | 'rest' | 'collect'): void {
    this.#child.send(order);
  }

  async read(): Promise<ProbeReading> {
    const answer = once(this.#child, 'message');
    this.#child.send('read');
    const [reading] = (await answer) as [ProbeReading]; // the probe sends nothing else
    return reading;
  }

  /** Writes a CPU profile of the time since the last one. */
  async writeProfile(file: string): Promise<void> {
    const written = once(this.#child, 'message');
    this.#child.send({ profile: file });
    await written;
  }

  /** SIGHUP: look again. */
  ring(): void {
    this.#child.kill('SIGHUP');
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), stopWithinMs);
    await exited;
    clearTimeout(timer);
  }
}
