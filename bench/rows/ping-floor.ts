// What the pings of a fleet cost at least: as many over bare sockets, sent together as the manager sends them.
import { connect, type Socket } from 'node:net';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { World } from '../world.js';

const seconds = 10;
/** Between two moments at which the manager sends pings. */
const everyMs = 200;
/** Each is pinged more often than the manager pings an engine, which changes nothing. */
const mostConnections = 200;

/** @returns per cent of a core */
export async function pingFloor(world: World, perSecond: number): Promise<number> {
  const addresses = world.fleet.addresses.slice(0, mostConnections);
  const sockets = await Promise.all(addresses.map((address) => open(address, world)));
  let answers = 0;
  for (const socket of sockets) socket.on('data', () => (answers += 1));
  let sent = 0;
  const send = (): void => {
    const socket = sockets[sent % sockets.length];
    socket?.write(`GET /_ping HTTP/1.1\r\nhost: ${addresses[sent % sockets.length] ?? ''}\r\n\r\n`);
    sent += 1;
  };
  const before = process.cpuUsage();
  const startedMs = performance.now();
  for (let round = 1; round * everyMs <= seconds * 1_000; round += 1) {
    await sleep(startedMs + round * everyMs - performance.now());
    while (sent < (round * everyMs * perSecond) / 1_000) send();
  }
  await sleep(everyMs);
  const { user, system } = process.cpuUsage(before);
  for (const socket of sockets) socket.destroy();
  if (answers < sent) throw new Error(`${answers} of ${sent} pings were answered`);
  return (user + system) / 1_000 / ((performance.now() - startedMs) / 100);
}

function open(address: string, world: World): Promise<Socket> {
  const [host = '', port = ''] = address.split(':');
  const { tls } = world;
  return new Promise((resolve, reject) => {
    const socket =
      tls === undefined
        ? connect({ host, port: Number(port), noDelay: true })
        : connectTls({ host, port: Number(port), ...tls });
    socket.once('error', reject);
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => resolve(socket));
  });
}
