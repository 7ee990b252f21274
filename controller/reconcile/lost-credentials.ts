// Which keys and tokens of a cluster are gone from the operator's disk, and making room for new ones. They are the only
// part of the state that manifests and engines cannot give back.
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '../api/resources.js';
import { isSwarmError, systemCodeOf } from '../base/errors.js';
import { loadAuthority } from '../pki/key-pair-files.js';
import type { StateDoor } from '../store/state-disk.js';

export type Credential = 'token' | 'certificate authority';

/**
 * What a cluster that runs must have had. An authority that was never made, because TLS was not managed before, is not
 * among it.
 */
export async function findLost(directory: string, cluster: Cluster): Promise<readonly Credential[]> {
  const [hasToken, hasPki, hasCert, hasKey] = await Promise.all(
    ['token', 'pki', 'pki/ca.pem', 'pki/ca-key.pem'].map((name) => exists(path.join(directory, name))),
  );
  const isManaged = cluster.spec.tls.mode === 'managed';
  const needsToken = cluster.spec.discovery.backend === 'token';
  const lost: Credential[] = [];
  if (hasToken !== true && needsToken) lost.push('token');
  const hasAuthority = hasCert === true && hasKey === true;
  // The token is made first, with everything else: without it the whole directory is gone.
  if (isManaged && !hasAuthority && (hasPki === true || hasToken !== true))
    lost.push('certificate authority');
  return lost;
}

/** Moves what is damaged or half there out of the way, so that it is made again. @returns what was moved */
export async function setAsideDamaged(
  directory: string,
  { nowMs, disk }: { readonly nowMs: number; readonly disk: Pick<StateDoor, 'move'> },
): Promise<readonly string[]> {
  const moved: string[] = [];
  const token = await readFile(path.join(directory, 'token'), 'utf8').catch(missing);
  if (token !== undefined && !/^[0-9a-f]{32}\s*$/.test(token)) moved.push('token');
  const pki = path.join(directory, 'pki');
  const isUsable = await loadAuthority({ directory: pki, nowMs }).then(
    (authority) => authority !== undefined,
    (error: unknown) => {
      if (isSwarmError(error, 'CREDENTIALS_INVALID')) return false;
      throw error;
    },
  );
  for (const name of isUsable ? [] : ['pki/ca.pem', 'pki/ca-key.pem']) {
    if (await exists(path.join(directory, name))) moved.push(name);
  }
  for (const name of moved) {
    const file = path.join(directory, name);
    await disk.move(file, `${file}.lost-${nowMs}`);
  }
  return moved;
}

function missing(error: unknown): undefined {
  if (systemCodeOf(error) === 'ENOENT') return undefined;
  throw error;
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    // A file that cannot be looked at is there: reading it will say what is wrong.
    (error: unknown) => systemCodeOf(error) !== 'ENOENT',
  );
}
