// What nothing that serves HTTP with this Node can beat: answers of given sizes from memory, without a thought. Run by the
// bench beside the manager: `floor-server PORT [CERT KEY CA]`; GET /N answers N bytes.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import process from 'node:process';

const [port = '', certFile, keyFile, caFile] = process.argv.slice(2);
const chunk = Buffer.alloc(256 * 1024, 0x20);

const serve: http.RequestListener = (request, response) => {
  let left = Number((request.url ?? '/').slice(1));
  response.setHeader('Content-Type', 'application/json');
  const write = (): void => {
    while (left > 0) {
      const piece = left >= chunk.length ? chunk : chunk.subarray(0, left);
      left -= piece.length;
      if (!response.write(piece)) return;
    }
    response.off('drain', write).end();
  };
  response.on('drain', write);
  write();
};

const server =
  certFile === undefined || keyFile === undefined || caFile === undefined
    ? http.createServer(serve)
    : https.createServer(
        {
          cert: readFileSync(certFile),
          key: readFileSync(keyFile),
          ca: readFileSync(caFile),
          requestCert: true,
          rejectUnauthorized: true,
        },
        serve,
      );
server.keepAliveTimeout = 75_000;
server.listen(Number(port), '127.0.0.1', () => process.stdout.write('floor is ready\n'));
process.on('SIGTERM', () => process.exit(0));
