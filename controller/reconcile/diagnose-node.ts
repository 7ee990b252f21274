// One Node's engine, asked as the operator would ask it: way, certificates, clock, version, disk, identity, image.
import path from 'node:path';
import type { Cluster, Node } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { withDeadline } from '../base/deadline.js';
import { isSwarmError, SwarmError } from '../base/errors.js';
import { stringAt } from '../base/json.js';
import { isAtLeast, knownVersions } from '../engine/api-version.js';
import { clockAheadMs } from '../engine/clock-offset.js';
import { parseDescription, type EngineDescription } from '../engine/engine-description.js';
import { EngineTransport } from '../engine/transport.js';
import type { EngineEndpoint } from '../engine/endpoint.js';
import { describeCertificate } from '../pki/certificate.js';
import { checkModes } from './check-modes.js';
import { failed, finding, judgeExpiry, type Finding } from './diagnosis.js';
import { judgeClock } from './engine-clock.js';
import { diskSpaceOfInfo, judgeDisk, readDiskSpace } from './judge-disk.js';
import type { MachinePort } from './machine-port.js';
import { resolveNode } from './resolve-node.js';

const deadlineMs = 10_000;
const tlsErrors = [
  'ENGINE_TLS_REJECTED',
  'ENGINE_CA_UNKNOWN',
  'ENGINE_CLIENT_REJECTED',
  'ENGINE_CLOCK_WRONG',
] as const;

export interface NodeDiagnosis {
  readonly findings: readonly Finding[];
  /** Who the engine says it is; absent when it did not answer. */
  readonly engineId?: string;
}

export async function diagnoseNode(
  node: Node,
  o: {
    readonly cluster: Cluster | undefined;
    readonly machines: MachinePort;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<NodeDiagnosis> {
  const subject = `node/${node.metadata.name}`;
  const { endpoint, error } = await resolveNode(node, o);
  if (endpoint === undefined) return { findings: [failed(subject, 'NODE_CREDENTIALS', error)] };
  const own = [
    ...checkOwnCertificate(subject, endpoint, o.clock.now()),
    ...(await checkOwnKey(subject, node)),
  ];
  const late = (): Error =>
    new SwarmError(
      'ENGINE_TIMEOUT',
      `Cannot ask engine "${endpoint.name}": no answer in ${deadlineMs / 1000} s`,
    );
  const options = { delayMs: deadlineMs, parent: o.signal, reason: late };
  const transport = new EngineTransport({ endpoint, clock: o.clock });
  try {
    const answer = await withDeadline(o.clock, options, (signal) =>
      askEngine(transport, {
        ...o,
        node,
        isHere: node.spec.machine !== undefined,
        subject,
        endpoint,
        signal,
      }),
    );
    return { ...answer, findings: [...answer.findings, ...own] };
  } catch (problem) {
    o.signal.throwIfAborted();
    const code = tlsErrors.some((one) => isSwarmError(problem, one)) ? 'ENGINE_TLS' : 'ENGINE_REACHABLE';
    return { findings: [failed(subject, code, problem), ...own] };
  } finally {
    await transport.close();
  }
}

async function askEngine(
  transport: EngineTransport,
  o: {
    readonly node: Node;
    readonly subject: string;
    readonly endpoint: EngineEndpoint;
    readonly cluster: Cluster | undefined;
    /** Whether its files are on this host: a machine of ours. */
    readonly isHere: boolean;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<NodeDiagnosis> {
  const { subject, endpoint, clock, signal } = o;
  const read = (what: string): Promise<{ readonly status: number; readonly body: unknown }> =>
    transport.requestJson({ method: 'GET', path: what, attempt: 'examine', signal });
  const sentMs = clock.now();
  const info = await read('/info');
  const nowMs = clock.now();
  const version = await read('/version');
  const engine = parseDescription(endpoint, { info: info.body, version: version.body });
  const findings: Finding[] = [
    finding(subject, 'ENGINE_REACHABLE', {
      level: 'ok',
      message: `Docker ${engine.version} answers at ${endpoint.address.host}:${endpoint.address.port}${endpoint.tls === undefined ? ' without TLS' : ''}`,
    }),
  ];
  const { certificateNotAfterMs } = transport;
  if (certificateNotAfterMs !== undefined) {
    findings.push(finding(subject, 'ENGINE_CERTIFICATE', judgeExpiry(certificateNotAfterMs, nowMs)));
  }
  const aheadMs = clockAheadMs(stringAt(info.body, 'SystemTime'), { sentMs, receivedMs: nowMs });
  if (aheadMs !== undefined) findings.push(finding(subject, 'ENGINE_CLOCK', judgeClock(aheadMs)));
  findings.push(
    checkApi(subject, engine),
    ...checkIdentity(subject, o.node),
    ...(await checkDisk(subject, info.body, o.isHere)),
  );
  const image = o.cluster?.spec.image;
  if (image !== undefined) findings.push(await checkImage(subject, image, read));
  return { findings, engineId: engine.id };
}

/** Another engine than before, which is not used until somebody says so. */
function checkIdentity(subject: string, { metadata, status }: Node): readonly Finding[] {
  const { replacement, engine } = status ?? {};
  if (replacement === undefined) return [];
  const message = `another engine answers at its address: ID ${replacement.id}, host ${replacement.name ?? ''}; before it was ID ${engine?.id ?? ''}, host ${engine?.name ?? ''}`;
  const remedy = `If it is meant: swarmctl approve node/${metadata.name}; else correct spec.engine.address`;
  return [finding(subject, 'ENGINE_ID', { level: 'fail', message, remedy })];
}

function checkApi(subject: string, engine: EngineDescription): Finding {
  const { apiVersion, minApiVersion } = engine;
  const isNew = isAtLeast(apiVersion, knownVersions.min);
  const isOld = isAtLeast(knownVersions.max, minApiVersion);
  const range = `API ${minApiVersion} to ${apiVersion}`;
  const why = !isNew
    ? `${range}: too old, managers need ${knownVersions.min}`
    : `${range}: too new, managers know ${knownVersions.max} at most`;
  return finding(subject, 'ENGINE_API', {
    level: isNew && isOld ? 'ok' : 'fail',
    message: isNew && isOld ? range : why,
  });
}

async function checkDisk(subject: string, info: unknown, isHere: boolean): Promise<readonly Finding[]> {
  const root = stringAt(info, 'DockerRootDir');
  const told = diskSpaceOfInfo(info);
  const read = isHere && root !== undefined ? readDiskSpace(root).catch(() => undefined) : undefined;
  const space = told ?? (await read);
  if (space === undefined) return [];
  const { level, message } = judgeDisk(space);
  return [finding(subject, 'ENGINE_DISK', { level, message: `${root ?? 'its data'} is ${message}` })];
}

async function checkImage(
  subject: string,
  image: string,
  read: (path: string) => Promise<unknown>,
): Promise<Finding> {
  try {
    await read(`/images/${encodeURIComponent(image)}/json`);
    return finding(subject, 'ENGINE_IMAGE', { level: 'ok', message: `${image} is there` });
  } catch (error) {
    if (!isSwarmError(error, 'OBJECT_NOT_FOUND')) throw error;
    return finding(subject, 'ENGINE_IMAGE', { level: 'warn', message: `${image} is not there` });
  }
}

/** The client certificate that we show to the engine. */
function checkOwnCertificate(subject: string, { tls }: EngineEndpoint, nowMs: number): readonly Finding[] {
  if (tls?.cert === undefined) return [];
  const { level, message } = judgeExpiry(describeCertificate(tls.cert).notAfterMs, nowMs);
  const text = `the client certificate that is shown to it: ${message}`;
  return [finding(subject, 'NODE_CERTIFICATE', { level, message: text })];
}

async function checkOwnKey(subject: string, node: Node): Promise<readonly Finding[]> {
  const file = node.spec.engine?.tls?.keyFile;
  if (file === undefined) return [];
  return checkModes(subject, 'NODE_KEYS', { directory: path.dirname(file), files: [path.basename(file)] });
}
