// The token, authority and certificates of one Cluster in the state directory: there, in force, fitting, and private.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { isManager, isWorker, type ResolvedNode } from '../plan/resolved-node.js';
import { checkModes } from './check-modes.js';
import { findPairProblem, findSoonest, type WantedPair } from './check-pairs.js';
import { finding, judgeExpiry, type Finding } from './diagnosis.js';
import { findLost } from './lost-credentials.js';

export interface KeysOptions {
  /** Of the cluster in the state directory: token, pki/, client/. */
  readonly directory: string;
  readonly nodes: readonly ResolvedNode[];
  readonly clock: Clock;
}

export async function diagnoseKeys(cluster: Cluster, o: KeysOptions): Promise<readonly Finding[]> {
  const subject = `cluster/${cluster.metadata.name}`;
  const lost = await findLost(o.directory, cluster);
  if (lost.length > 0) {
    const message = `its ${lost.join(' and ')} ${lost.length > 1 ? 'are' : 'is'} not in the state directory`;
    return [finding(subject, 'CLUSTER_CREDENTIALS', { level: 'fail', message })];
  }
  const needsToken = cluster.spec.discovery.backend === 'token';
  const token = await readFile(path.join(o.directory, 'token'), 'utf8').catch(() => '');
  const isToken = !needsToken || /^[0-9a-f]{32}\s*$/.test(token);
  const there = finding(subject, 'CLUSTER_CREDENTIALS', {
    level: isToken ? 'ok' : 'fail',
    message: isToken ? 'its token and keys are there' : 'its token cannot be read, or is not 32 hex digits',
  });
  const [ends, fits, modes] = await Promise.all([
    checkEnds(subject, cluster, o),
    checkPairs(subject, cluster, o),
    checkKeyModes(subject, o),
  ]);
  return [there, ...ends, ...fits, ...modes];
}

/** What the operator renews by itself is noticed only when it did not, unless so little is left that it matters anyway. */
async function checkEnds(
  subject: string,
  cluster: Cluster,
  { directory, clock }: KeysOptions,
): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const places = cluster.spec.tls.mode === 'managed' ? ['pki', 'client'] : ['client'];
  for (const place of cluster.spec.tls.mode === 'disabled' ? [] : places) {
    const soonest = await findSoonest(path.join(directory, place));
    if (soonest === undefined) continue;
    const { level, message } =
      'notAfterMs' in soonest
        ? judgeExpiry(soonest.notAfterMs, clock.now())
        : { level: 'fail' as const, message: `cannot be used: ${soonest.why}` };
    const text = `${place}/${soonest.file}, which ends first there, is ${message}`;
    found.push(
      finding(subject, 'CLUSTER_CERTIFICATES', {
        level,
        message: 'notAfterMs' in soonest ? text : `${place}/${soonest.file} ${message}`,
      }),
    );
  }
  return found;
}

async function checkPairs(
  subject: string,
  cluster: Cluster,
  { directory, nodes }: KeysOptions,
): Promise<readonly Finding[]> {
  if (cluster.spec.tls.mode !== 'managed') return [];
  const ca = await readFile(path.join(directory, 'pki', 'ca.pem'), 'utf8').catch(() => '');
  const pki = (name: string, host?: string): WantedPair => ({
    cert: path.join(directory, 'pki', `${name}.pem`),
    key: path.join(directory, 'pki', `${name}-key.pem`),
    host,
  });
  const client = (name: string): string => path.join(directory, 'client', name);
  const wanted: readonly WantedPair[] = [
    pki('ca'),
    { cert: client('cert.pem'), key: client('key.pem') },
    ...nodes.flatMap((node) => [
      ...(isManager(node)
        ? [pki(`manager-${node.name}`, node.address?.host), pki(`discovery-${node.name}`, node.address?.host)]
        : []),
      ...(isWorker(node) ? [pki(`agent-${node.name}`)] : []),
    ]),
  ];
  const problems: string[] = [];
  // A few milliseconds each; one after the other leaves the engines, which are asked meanwhile, their turn.
  for (const pair of wanted) {
    const problem = await findPairProblem(pair, ca);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length === 0)
    return [
      finding(subject, 'CLUSTER_PKI', {
        level: 'ok',
        message: 'its certificates fit their CA, keys and addresses',
      }),
    ];
  const shown = problems.slice(0, 3).join('; ');
  const more = problems.length > 3 ? `; and ${problems.length - 3} more` : '';
  return [finding(subject, 'CLUSTER_PKI', { level: 'fail', message: `${shown}${more}` })];
}

async function checkKeyModes(subject: string, { directory }: KeysOptions): Promise<readonly Finding[]> {
  const keys = (await readdir(path.join(directory, 'pki')).catch(() => [])).filter((name) =>
    name.endsWith('-key.pem'),
  );
  const files = ['', 'token', 'client/key.pem', ...keys.sort().map((name) => `pki/${name}`)];
  return checkModes(subject, 'CLUSTER_KEYS', { directory, files });
}
