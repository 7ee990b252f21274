// Where the programs of threads and child processes are.

/** The program `name` beside the file `self`: compiled as that is, or its source in development. */
export function workerFile(self: string, name: string): URL {
  return new URL(`${name}.${self.endsWith('.ts') ? 'ts' : 'js'}`, self);
}
