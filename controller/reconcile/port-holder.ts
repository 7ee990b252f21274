// Why a service of ours cannot be reached at its port: nothing listens, or somebody else does, and who that is.
import net from 'node:net';
import { containerLabels } from '../api/labels.js';
import { formatHostPort, type HostPort } from '../api/engine-address.js';
import type { Clock } from '../base/clock.js';
import { messageOf } from '../base/errors.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../base/json.js';
import type { ResolvedNode } from '../plan/resolved-node.js';
import { finding, type Finding, type FindingCode } from './diagnosis.js';

/** One GET to the engine of a Node; undefined when it does not answer. Never rejects, except when aborted. */
export type AskEngine = (node: string, path: string) => Promise<unknown>;

const connectTimeoutMs = 3000;

export async function findPortHolder(
  ask: AskEngine,
  o: {
    readonly subject: string;
    /** Of which service: `the manager on node0`. */
    readonly what: string;
    /** When the port is not somebody else's. */
    readonly code: FindingCode;
    readonly node: ResolvedNode;
    readonly address: HostPort;
    /** Name of our container that should listen there. */
    readonly container: string;
    /** Why it cannot be asked. */
    readonly error: unknown;
    readonly clock: Clock;
  },
): Promise<Finding> {
  const { subject, what, address, container, node } = o;
  const isOpen = await connects(address, o.clock);
  const [own, users] = await Promise.all([
    ask(node.name, `/containers/json?all=1&filters=${filters({ name: [`^/?${container}$`] })}`),
    ask(node.name, `/containers/json?filters=${filters({ publish: [String(address.port)] })}`),
  ]);
  const at = formatHostPort(address);
  const ours = rows(own)[0];
  const state = own === undefined ? undefined : ours === undefined ? 'does not exist' : stateOf(ours);
  const other = rows(users).find((row) => objectAt(row, 'Labels')[containerLabels.role] === undefined);
  if (other !== undefined || (isOpen && ours !== undefined && state !== 'runs')) {
    const who = other === undefined ? 'a program of that host' : `container "${nameOf(other)}"`;
    const ourState = state === undefined ? '' : `; ${container} ${state}`;
    return finding(subject, 'CLUSTER_PORT', {
      level: 'fail',
      message: `port ${address.port} of ${node.name} is taken by ${who}, not by ${what}${ourState}`,
    });
  }
  const why = isOpen
    ? messageOf(o.error)
    : `nothing listens at ${at}${
        state === undefined
          ? ', and its engine does not answer either'
          : state === 'runs'
            ? `, although ${container} runs: a firewall, or it is starting`
            : `: ${container} ${state}`
      }`;
  return finding(subject, o.code, { level: 'fail', message: `${what} does not answer: ${why}` });
}

function filters(value: Readonly<Record<string, readonly string[]>>): string {
  return encodeURIComponent(JSON.stringify(value));
}

function rows(answer: unknown): readonly JsonObject[] {
  return Array.isArray(answer) ? answer.filter(isJsonObject) : [];
}

function stateOf(row: JsonObject): string {
  if (stringAt(row, 'State') === 'running') return 'runs';
  return `is ${stringAt(row, 'State') ?? 'unknown'} (${stringAt(row, 'Status') ?? ''})`;
}

function nameOf(row: JsonObject): string {
  const names: unknown = row['Names'];
  return Array.isArray(names) ? String(names[0]).replace(/^\//, '') : '';
}

/** Whether anything accepts connections there. */
function connects({ host, port }: HostPort, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const finish = (isOpen: boolean): void => {
      cancel();
      socket.destroy();
      resolve(isOpen);
    };
    const cancel = clock.setTimer(connectTimeoutMs, () => finish(false));
    socket.once('connect', () => finish(true)).once('error', () => finish(false));
  });
}
