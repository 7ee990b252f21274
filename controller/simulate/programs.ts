// The few commands that containers of a fleet to try carry out, so that `docker run busybox echo hello` ends as it should.
// Whatever else a container is told to run, it stays up until somebody stops it.
import type { SimulatedContainer } from './engine-state.js';

export interface SimulatedProgram {
  readonly output: string;
  readonly exitCode: number;
}

export function programOf({ Id, body }: SimulatedContainer): SimulatedProgram | undefined {
  const [program, ...words] = [...wordsOf(body['Entrypoint']), ...wordsOf(body['Cmd'])];
  switch (program) {
    case 'true':
      return { output: '', exitCode: 0 };
    case 'false':
      return { output: '', exitCode: 1 };
    case 'echo':
      return { output: `${words.join(' ')}\n`, exitCode: 0 };
    case 'hostname':
      return { output: `${Id.slice(0, 12)}\n`, exitCode: 0 };
    default:
      return undefined;
  }
}

/** Output as attach and logs send it: bare from a terminal, else after a header that says how long it is. */
export function outputFrame({ body }: SimulatedContainer, output: string): Buffer {
  const bytes = Buffer.from(output);
  if (body['Tty'] === true) return bytes;
  const head = Buffer.alloc(8);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

function wordsOf(words: unknown): readonly string[] {
  return Array.isArray(words) ? words.map(String) : typeof words === 'string' ? [words] : [];
}
