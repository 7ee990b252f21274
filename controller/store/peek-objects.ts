// Reads the objects of a state directory without taking it over: nothing is set aside, repaired or locked.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Resource } from '../api/resources.js';
import { reasonOf, systemCodeOf } from '../base/errors.js';
import { fileName } from './object-files.js';
import { decodeRecord } from './record.js';

export interface UnusableFile {
  /** Relative to the state directory: `objects/node.node1.json`. */
  readonly file: string;
  /** `its checksum does not match`, `permission denied` … */
  readonly why: string;
  /** An operator has put it aside already; what it was is not in use. */
  readonly isSetAside: boolean;
}

export interface PeekedObjects {
  readonly objects: readonly Resource[];
  /** Sorted by name. */
  readonly unusable: readonly UnusableFile[];
}

// Node reads with four threads; twice as many keep them busy.
const filesAtOnce = 8;
const setAside = /\.json\.corrupt-\d+$/;

/** Never rejects. A directory that does not exist has no objects. */
export async function peekObjects(stateDirectory: string): Promise<PeekedObjects> {
  const directory = path.join(stateDirectory, 'objects');
  let names: readonly string[];
  try {
    names = (await readdir(directory)).sort();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return { objects: [], unusable: [] };
    return { objects: [], unusable: [{ file: 'objects', why: reasonOf(error), isSetAside: false }] };
  }
  const objects: Resource[] = [];
  const unusable: UnusableFile[] = [];
  const wanted = names.filter((name) => name.endsWith('.json') || setAside.test(name));
  for (let start = 0; start < wanted.length; start += filesAtOnce) {
    const some = wanted.slice(start, start + filesAtOnce);
    for (const found of await Promise.all(some.map((name) => peek(directory, name)))) {
      if ('why' in found) unusable.push(found);
      else objects.push(found);
    }
  }
  return { objects, unusable };
}

async function peek(directory: string, name: string): Promise<Resource | UnusableFile> {
  const file = path.join('objects', name);
  if (setAside.test(name)) return { file, why: 'it was damaged and set aside', isSetAside: true };
  let text: string;
  try {
    text = await readFile(path.join(directory, name), 'utf8');
  } catch (error) {
    return { file, why: reasonOf(error), isSetAside: false };
  }
  const decoded = decodeRecord(text);
  if (decoded.type === 'newer')
    return { file, why: `a newer swarmctl wrote it (format ${decoded.format})`, isSetAside: false };
  if (decoded.type === 'corrupt') return { file, why: decoded.why, isSetAside: false };
  const { resource } = decoded.record;
  return name === fileName({ kind: resource.kind, name: resource.metadata.name })
    ? resource
    : { file, why: 'it is of another object', isSetAside: false };
}
