// A TCP proxy before a fake engine that disturbs chosen answers byte by byte: begins them, then stalls, cuts or resets.
import net from 'node:net';

/** What happens to one request instead of being passed on. */
export type Disturbance = (socket: net.Socket) => void;

export interface FaultProxy {
  /** `host:port` to give to the manager. */
  readonly address: string;
  /** Asked for each request by method and path without version; what it returns replaces the engine. */
  disturb: (method: string, path: string) => Disturbance | undefined;
  /** Connections from the manager that are open. */
  readonly openConnections: number;
  /** Cuts every connection, and refuses new ones while `isDown`. */
  isDown: boolean;
  cut(): void;
}

interface TestWithTeardown {
  teardown(work: () => Promise<void>): unknown;
}

export async function startFaultProxy(t: TestWithTeardown, enginePort: number): Promise<FaultProxy> {
  const sockets = new Set<net.Socket>();
  const proxy: FaultProxy = {
    address: '',
    disturb: () => undefined,
    get openConnections() {
      return sockets.size;
    },
    isDown: false,
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
  };
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    if (proxy.isDown) {
      client.destroy();
      return;
    }
    sockets.add(client);
    const engine = net.connect({ port: enginePort, host: '127.0.0.1', allowHalfOpen: true });
    let isDisturbed = false;
    client.on('close', () => {
      sockets.delete(client);
      engine.destroy();
    });
    client.on('error', () => engine.destroy());
    engine.on('error', () => client.destroy());
    engine.on('data', (chunk: Buffer) => {
      if (!isDisturbed) client.write(chunk);
    });
    engine.on('end', () => {
      if (!isDisturbed) client.end();
    });
    client.on('data', (chunk: Buffer) => {
      if (isDisturbed) return;
      // The manager writes each head in one piece; that is all the parsing that is needed here.
      const line = /^([A-Z]+) (?:\/v[0-9.]+)?(\/[^ ?]*)/.exec(chunk.toString('latin1', 0, 2048));
      const disturbance = line === null ? undefined : proxy.disturb(line[1] ?? '', line[2] ?? '');
      if (disturbance === undefined) engine.write(chunk);
      else {
        isDisturbed = true;
        engine.destroy();
        disturbance(client);
      }
    });
    client.on('end', () => {
      if (isDisturbed) client.destroy();
      else engine.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  const address = server.address();
  return Object.assign(proxy, {
    address: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
  });
}
