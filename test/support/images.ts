// The images tests load into engines; `make setup-test` builds them into dist/images.
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { packageRoot } from './programs.js';

const directory = path.join(packageRoot, 'dist/images');

/** Archive of the swarm image. */
export function swarmImageFile(): Promise<string> {
  return imageFile('swarm');
}

/** Archive of `busybox:latest`. */
export function busyboxImageFile(): Promise<string> {
  return imageFile('busybox');
}

async function imageFile(start: string): Promise<string> {
  const files = await readdir(directory).catch(() => [] as string[]);
  const found = files.find((file) => file.startsWith(start) && file.endsWith('.tar'));
  if (found === undefined) throw new Error(`no ${start} image in ${directory}: run make setup-test`);
  return path.join(directory, found);
}
