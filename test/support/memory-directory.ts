// A place for files of tests that sync thousands of times.
import { accessSync, constants } from 'node:fs';
import { tmpdir } from 'node:os';

/** Where files are in memory, if there is such a place. */
export function memoryDirectory(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
