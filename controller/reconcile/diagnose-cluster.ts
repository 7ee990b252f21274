// One Cluster: what it says of itself, whether its keys are there and for how long, and what its managers list.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { findCondition } from '../api/conditions.js';
import { conditionsOf, type Cluster, type Node } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { describeCertificate } from '../pki/certificate.js';
import type { EngineTls } from '../engine/endpoint.js';
import { isManager, isWorker } from '../plan/resolved-node.js';
import { checkManager } from './check-manager.js';
import { failed, finding, judgeExpiry, type Finding } from './diagnosis.js';
import { findLost } from './lost-credentials.js';
import type { MachinePort } from './machine-port.js';
import { readTls } from './read-tls.js';
import { resolveNode } from './resolve-node.js';

export interface ClusterOptions {
  /** Of the cluster in the state directory: token, pki/, client/. */
  readonly directory: string;
  /** That name the cluster. */
  readonly nodes: readonly Node[];
  readonly machines: MachinePort;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export async function diagnoseCluster(cluster: Cluster, o: ClusterOptions): Promise<readonly Finding[]> {
  const subject = `cluster/${cluster.metadata.name}`;
  const [credentials, managers] = await Promise.all([
    checkCredentials(subject, cluster, o),
    checkManagers(subject, cluster, o),
  ]);
  return [...checkReady(subject, cluster), ...credentials, ...managers];
}

function checkReady(subject: string, cluster: Cluster): readonly Finding[] {
  const ready = findCondition(conditionsOf(cluster), 'Ready');
  if (ready === undefined) return [];
  const level = ready.status === 'True' ? 'ok' : 'warn';
  return [finding(subject, 'CLUSTER_READY', { level, message: `${ready.reason}: ${ready.message}` })];
}

async function checkCredentials(
  subject: string,
  cluster: Cluster,
  { directory, clock }: ClusterOptions,
): Promise<readonly Finding[]> {
  const lost = await findLost(directory, cluster);
  if (lost.length > 0) {
    const message = `its ${lost.join(' and ')} ${lost.length > 1 ? 'are' : 'is'} not in the state directory`;
    return [finding(subject, 'CLUSTER_CREDENTIALS', { level: 'fail', message })];
  }
  const there = finding(subject, 'CLUSTER_CREDENTIALS', {
    level: 'ok',
    message: 'its token and keys are there',
  });
  const soonest = await soonestEnd(path.join(directory, 'pki'));
  if (soonest === undefined) return [there];
  const { level, message } = judgeExpiry(soonest.notAfterMs, clock.now());
  return [
    there,
    finding(subject, 'CLUSTER_CERTIFICATES', { level, message: `${soonest.file} is ${message}` }),
  ];
}

async function soonestEnd(
  directory: string,
): Promise<{ readonly file: string; readonly notAfterMs: number } | undefined> {
  const names = await readdir(directory).catch(() => []);
  let soonest: { readonly file: string; readonly notAfterMs: number } | undefined;
  for (const file of names.filter((name) => name.endsWith('.pem') && !name.endsWith('-key.pem'))) {
    const { notAfterMs } = describeCertificate(await readFile(path.join(directory, file), 'utf8'));
    if (soonest === undefined || notAfterMs < soonest.notAfterMs) soonest = { file, notAfterMs };
  }
  return soonest;
}

async function checkManagers(
  subject: string,
  cluster: Cluster,
  o: ClusterOptions,
): Promise<readonly Finding[]> {
  let tls: EngineTls | undefined;
  try {
    const file = (name: string): string => path.join(o.directory, 'client', name);
    tls =
      cluster.spec.tls.mode === 'disabled'
        ? undefined
        : await readTls({ ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') });
  } catch (error) {
    return [failed(subject, 'CLUSTER_CREDENTIALS', error)];
  }
  const resolved = await Promise.all(
    o.nodes.map(async (node) => (await resolveNode(node, { cluster, machines: o.machines })).resolved),
  );
  const entries = resolved.filter(isWorker).flatMap(({ entry }) => entry ?? []);
  const managers = resolved.filter((node) => isManager(node) && node.address !== undefined);
  if (managers.length === 0)
    return [finding(subject, 'CLUSTER_MANAGER', { level: 'fail', message: 'no manager has an address' })];
  // A handful: managers are few, and each is asked with a time limit.
  const found = await Promise.all(
    managers.map(async ({ name, address }): Promise<readonly Finding[]> => {
      const host = address?.host ?? '';
      const view = await checkManager({
        ...{ node: name, tls, clock: o.clock, signal: o.signal },
        address: { host, port: cluster.spec.manager.port },
      });
      if (view.type === 'silent') return [failed(subject, 'CLUSTER_MANAGER', view.error)];
      const healthy = entries.filter((entry) => view.engines.get(entry)?.status === 'Healthy');
      const missing = entries.filter((entry) => !healthy.includes(entry));
      const message =
        missing.length === 0
          ? `the manager on ${name} lists all ${entries.length} workers as healthy`
          : `the manager on ${name} lists ${healthy.length} of ${entries.length} workers as healthy; not ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ' …' : ''}`;
      return [
        finding(subject, 'CLUSTER_MANAGER', { level: 'ok', message: `the manager on ${name} answers` }),
        finding(subject, 'CLUSTER_ENGINES', { level: missing.length === 0 ? 'ok' : 'fail', message }),
      ];
    }),
  );
  return found.flat();
}
