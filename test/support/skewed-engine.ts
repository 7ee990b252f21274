// A way to a real engine on which its clock seems to be wrong: everything passes unchanged but the time that it tells.
import http from 'node:http';

interface TestWithTeardown {
  teardown(work: () => Promise<void>): unknown;
}

/**
 * @param o.socket unix socket of the engine
 * @param o.host address of this machine to listen on
 * @returns `host:port`, without TLS
 */
export async function startSkewedEngine(
  t: TestWithTeardown,
  o: { readonly socket: string; readonly host: string; readonly aheadMs: number },
): Promise<{ readonly address: string }> {
  let address = '';
  const server = http.createServer((request, response) => {
    const { method, url = '/', headers } = request;
    const onward = http.request({ socketPath: o.socket, method, path: url, headers }, (answer) => {
      if (!/\/info$/.test(url)) {
        response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
        answer.pipe(response);
        return;
      }
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const info = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { SystemTime: string };
        const at = Date.parse(info.SystemTime) + o.aheadMs;
        const text = JSON.stringify({ ...info, SystemTime: new Date(at).toISOString() });
        response.writeHead(answer.statusCode ?? 502, { 'Content-Type': 'application/json' }).end(text);
      });
    });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, o.host, resolve));
  t.teardown(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  });
  const bound = server.address();
  if (typeof bound === 'object' && bound !== null) address = `${o.host}:${bound.port}`;
  return { address };
}
