// Which name servers an engine sees. A resolv.conf whose servers do not answer costs 20 s per registry look-up, so an
// engine keeps the host's file only when a server in it can be reached from the engine's namespace.
import { createSocket } from 'node:dgram';
import { readFile, realpath } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Clock } from '../base/clock.js';

export type NameServerChoice =
  /** The host's file as it is, also when it changes later. */
  | { readonly type: 'host'; readonly reason: string }
  /** A file of our own. */
  | { readonly type: 'own'; readonly content: string; readonly reason: string };

/** systemd-resolved keeps the real servers here; /etc/resolv.conf then names only its address on loopback. */
const resolvedFile = '/run/systemd/resolve/resolv.conf';

/** A server on a local network answers in milliseconds; one that needs longer still helps less than it costs. */
const answerTimeoutMs = 700;

export async function chooseNameServers(options: {
  readonly clock: Clock;
  /** Whether engines can reach beyond the host. */
  readonly nat: boolean;
}): Promise<NameServerChoice> {
  const [host, resolved, file] = await Promise.all([
    readOptional('/etc/resolv.conf'),
    readOptional(resolvedFile),
    realpath('/etc/resolv.conf').catch(() => '/etc/resolv.conf'),
  ]);
  const servers = options.nat ? [...new Set([...outsideServers(host), ...outsideServers(resolved)])] : [];
  const answers = await Promise.all(servers.map((server) => answersQueries(options.clock, server)));
  return decideNameServers({
    nat: options.nat,
    host,
    resolved,
    hostFileIsVisible: !file.startsWith('/run/'),
    answering: servers.filter((_server, index) => answers[index]),
  });
}

/**
 * Pure part of the decision.
 * @param options.hostFileIsVisible false when /etc/resolv.conf points into /run, which an engine has of its own
 * @param options.answering servers that answered, out of both files
 */
export function decideNameServers(options: {
  readonly nat: boolean;
  readonly host: string;
  readonly resolved: string;
  readonly hostFileIsVisible: boolean;
  readonly answering: readonly string[];
}): NameServerChoice {
  // Without any server a resolver asks this machine, where nobody listens: it fails at once instead of after 20 s.
  const none = '# No name server can be reached from this engine.\n';
  if (!options.nat) {
    return { type: 'own', content: none, reason: 'no name server: the host has no default route' };
  }
  for (const content of [options.host, options.resolved]) {
    if (!outsideServers(content).some((server) => options.answering.includes(server))) continue;
    return content === options.host && options.hostFileIsVisible
      ? { type: 'host', reason: 'name servers of the host' }
      : { type: 'own', content, reason: 'name servers of the host when the engine was started' };
  }
  return { type: 'own', content: none, reason: 'no name server: none of the host answers from outside it' };
}

/** Name servers in a resolv.conf that are not on loopback, which in a namespace is another one. */
export function outsideServers(content: string): readonly string[] {
  return content
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? '')
    .filter((server) => isIP(server) === 4 && !server.startsWith('127.'));
}

/** Asks for the root's name servers; any answer counts. */
function answersQueries(clock: Clock, server: string): Promise<boolean> {
  // Id 0x5357, recursion desired, one question: the root, type NS, class IN.
  const query = Buffer.from('535701000001000000000000' + '00' + '0002' + '0001', 'hex');
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const cancel = clock.setTimer(answerTimeoutMs, () => finish(false));
    let done = false;
    const finish = (answered: boolean): void => {
      if (done) return;
      done = true;
      cancel();
      socket.close();
      resolve(answered);
    };
    socket.on('error', () => finish(false));
    socket.on('message', () => finish(true));
    socket.connect(53, server, () => socket.send(query));
  });
}

async function readOptional(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}
