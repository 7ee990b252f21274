// What `swarmctl doctor` can find, each with a code that stays the same and the next step. docs/doctor.md explains them.
import { formatAge } from '../base/duration.js';
import { toSwarmError } from '../base/errors.js';

export type Level = 'ok' | 'warn' | 'fail';

/** Remedies by code: what to do when the finding is not ok. */
export const remedies = {
  HOST_CLOCK: 'Set the clock, and keep it right with NTP (timedatectl set-ntp true)',
  HOST_DISK: 'Free space on the disk of the state directory',
  HOST_INOTIFY: 'Raise it: sysctl -w fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=512',
  HOST_OPEN_FILES: 'Raise it: ulimit -n 65536, or LimitNOFILE=65536 in the service',
  HOST_GIT: 'Install git if manifests come from a repository (swarmctl run --git)',
  HOST_LOCK:
    'Name the operator that uses this directory with --server, or end it; a lock whose holder is dead is taken over',
  HOST_OBJECTS:
    'Bring the object back: save its manifest again, swarmctl apply it, or swarmctl restore a backup; then remove the file',
  HOST_KEYS: 'Take the rights of others away: chmod 600 for the files, 700 for the directory',
  HOST_CERTIFICATES:
    'Start swarmctl run --listen again, which renews them, and give clients the new files of pki/',
  HOST_STATE: 'Name the right --state-dir, and run as the user it belongs to',
  HOST_OPERATOR:
    'Start it with swarmctl run, or name it with --server; what needs it was read from the state directory',
  CLUSTER_READY: 'See swarmctl describe for the whole story',
  CLUSTER_CREDENTIALS: 'Restore a backup with swarmctl restore, or make new ones with swarmctl repair',
  CLUSTER_CERTIFICATES: 'Start the operator, which renews them, or raise spec.tls.renewBeforeDays',
  CLUSTER_PKI:
    'Start the operator, which issues what does not fit again; swarmctl repair makes a damaged authority anew',
  CLUSTER_KEYS: 'Take the rights of others away: chmod 600 for the files, 700 for the directory',
  CLUSTER_PORT:
    'End the program that has the port, or choose another in spec.manager.port or spec.discovery.port',
  CLUSTER_DISCOVERY:
    'See docker logs of the discovery container, and of the join container of an engine that is missing',
  CLUSTER_MANAGER:
    'See docker logs of its manage container; check that its port is free and the firewall lets it through',
  CLUSTER_ENGINES: 'See what swarmctl doctor node NAME finds of each, and repair that',
  NODE_CERTIFICATE:
    'Issue a new client certificate with the CA of the engine, and save it under the same name',
  NODE_KEYS: 'Take the rights of others away: chmod 600 FILE',
  NODE_CREDENTIALS: 'Correct spec.engine.tls or spec.machine of the Node',
  ENGINE_REACHABLE: 'Check that dockerd listens there and that the port is open',
  ENGINE_TLS: 'Let the engine and spec.engine.tls agree on CA, name and certificates',
  ENGINE_DISK: 'Free space there: docker system df, docker system prune',
  ENGINE_CERTIFICATE: 'Issue a new certificate for the engine and restart dockerd',
  ENGINE_CLOCK: 'Set the clock of the engine: certificates and leases depend on it',
  ENGINE_API: 'Use an engine that speaks one of API 1.24 to 1.51: Docker 1.12 or newer',
  ENGINE_ID:
    'Give each machine its own engine ID: stop dockerd, remove /etc/docker/key.json and engine-id, start dockerd',
  ENGINE_IMAGE: 'Wait for the operator to load it, or pull it on the engine',
} as const;

export type FindingCode = keyof typeof remedies;

export interface Finding {
  readonly level: Level;
  readonly code: FindingCode;
  /** `host`, `cluster/demo`, `node/node1`. */
  readonly subject: string;
  readonly message: string;
  /** Absent when the finding is ok. */
  readonly remedy?: string;
}

export function finding(
  subject: string,
  code: FindingCode,
  o: { readonly level: Level; readonly message: string; readonly remedy?: string },
): Finding {
  const { level, message } = o;
  return { level, code, subject, message, ...(level === 'ok' ? {} : { remedy: o.remedy ?? remedies[code] }) };
}

export function failed(subject: string, code: FindingCode, error: unknown): Finding {
  const { message, hint } = toSwarmError(error);
  return finding(subject, code, { level: 'fail', message, remedy: hint === '' ? remedies[code] : hint });
}

const dayMs = 86_400_000;

/** How a certificate that ends then is judged: 14 days are enough to act, 2 are not. */
export function judgeExpiry(
  notAfterMs: number,
  nowMs: number,
): { readonly level: Level; readonly message: string } {
  const days = Math.floor((notAfterMs - nowMs) / dayMs);
  if (notAfterMs <= nowMs) return { level: 'fail', message: `expired ${formatAge(nowMs - notAfterMs)} ago` };
  const message = `valid for another ${formatAge(notAfterMs - nowMs)}`;
  return { level: days < 2 ? 'fail' : days < 14 ? 'warn' : 'ok', message };
}
