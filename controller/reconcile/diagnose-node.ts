// One Node's engine, asked as the operator would ask it: way, certificate, clock, version, identity, image.
import type { Cluster, Node } from '../api/resources.js';
import type { Clock } from '../base/clock.js';
import { withDeadline } from '../base/deadline.js';
import { SwarmError } from '../base/errors.js';
import { stringAt } from '../base/json.js';
import { parseDescription } from '../engine/engine-description.js';
import { EngineTransport } from '../engine/transport.js';
import type { EngineEndpoint } from '../engine/endpoint.js';
import { failed, finding, judgeExpiry, type Finding } from './diagnosis.js';
import type { MachinePort } from './machine-port.js';
import { resolveNode } from './resolve-node.js';

const deadlineMs = 10_000;
// Leases last minutes and certificates are dated back by five: seconds do no harm, minutes do.
const noticedSkewMs = 5000;
const harmfulSkewMs = 60_000;

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
  const late = (): Error =>
    new SwarmError(
      'ENGINE_TIMEOUT',
      `Cannot ask engine "${endpoint.name}": no answer in ${deadlineMs / 1000} s`,
    );
  const options = { delayMs: deadlineMs, parent: o.signal, reason: late };
  const transport = new EngineTransport({ endpoint, clock: o.clock });
  try {
    return await withDeadline(o.clock, options, (signal) =>
      askEngine(transport, { ...o, subject, endpoint, signal }),
    );
  } catch (problem) {
    o.signal.throwIfAborted();
    return { findings: [failed(subject, 'ENGINE_REACHABLE', problem)] };
  } finally {
    await transport.close();
  }
}

async function askEngine(
  transport: EngineTransport,
  o: {
    readonly subject: string;
    readonly endpoint: EngineEndpoint;
    readonly cluster: Cluster | undefined;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<NodeDiagnosis> {
  const { subject, endpoint, clock, signal } = o;
  const read = (path: string): Promise<{ readonly status: number; readonly body: unknown }> =>
    transport.requestJson({ method: 'GET', path, attempt: 'examine', signal });
  const [info, version] = await Promise.all([read('/info'), read('/version')]);
  const nowMs = clock.now();
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
  findings.push(
    ...checkClock(subject, stringAt(info.body, 'SystemTime'), nowMs),
    checkApi(subject, engine.apiVersion),
  );
  const image = o.cluster?.spec.image;
  if (image !== undefined) {
    const { status } = await read(`/images/${encodeURIComponent(image)}/json`);
    const level = status === 200 ? 'ok' : 'warn';
    const message = status === 200 ? `${image} is there` : `${image} is not there`;
    findings.push(finding(subject, 'ENGINE_IMAGE', { level, message }));
  }
  return { findings, engineId: engine.id };
}

function checkClock(subject: string, time: string | undefined, nowMs: number): readonly Finding[] {
  const engineMs = Date.parse(time ?? '');
  if (Number.isNaN(engineMs)) return [];
  const skewMs = Math.abs(engineMs - nowMs);
  const level = skewMs > harmfulSkewMs ? 'fail' : skewMs > noticedSkewMs ? 'warn' : 'ok';
  const way = engineMs > nowMs ? 'ahead of' : 'behind';
  const message =
    level === 'ok' ? 'its clock agrees' : `its clock is ${Math.round(skewMs / 1000)} s ${way} this one`;
  return [finding(subject, 'ENGINE_CLOCK', { level, message })];
}

function checkApi(subject: string, apiVersion: string): Finding {
  const [major = 0, minor = 0] = apiVersion.split('.').map(Number);
  const isNew = major > 1 || (major === 1 && minor >= 24);
  return finding(subject, 'ENGINE_API', { level: isNew ? 'ok' : 'fail', message: `API ${apiVersion}` });
}
