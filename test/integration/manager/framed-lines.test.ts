// Lines written past Node's own framing, read by clients of either version of HTTP.
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import t from 'tap';
import { frameLines, LineWriter } from '../../../controller/manager/framed-lines.js';

const texts = ['{"a":"ä"}\n', '{"b":2}\n{"c":3}\n'.repeat(1_000)];

async function aServer(t: Tap): Promise<number> {
  const server = http.createServer((_request, response) => {
    response.flushHeaders();
    // What Node framed before stays framed.
    response.write('first\n');
    const writer = new LineWriter(response);
    for (const text of texts) writer.write(frameLines(text));
    writer.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port; // listening on TCP
}

type Tap = Pick<typeof t, 'teardown'>;

void t.test('LineWriter ends its answers so that the connection takes the next request', async (t) => {
  const port = await aServer(t);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ports = new Set<number | undefined>();
  for (let at = 0; at < 2; at += 1) {
    const request = http.get({ port, host: '127.0.0.1', agent });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]; // what the event gives
    ports.add(response.socket.localPort);
    let text = '';
    for await (const piece of response.setEncoding('utf8')) text += String(piece);
    t.equal(text, `first\n${texts.join('')}`);
    t.equal(response.complete, true);
  }
  t.equal(ports.size, 1, 'one connection');
});

void t.test('LineWriter writes no chunks for a client that knows none', async (t) => {
  const socket = net.connect(await aServer(t), '127.0.0.1');
  socket.write('GET / HTTP/1.0\r\n\r\n');
  let text = '';
  for await (const piece of socket.setEncoding('utf8')) text += String(piece);
  t.equal(text.slice(text.indexOf('\r\n\r\n') + 4), `first\n${texts.join('')}`);
});
