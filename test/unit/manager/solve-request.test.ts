// What the manager reads of BuildKit's requests, and what it takes out of them.
import t from 'tap';
import { frameMessage, readMessage } from '../../../controller/manager/build/grpc-message.js';
import { mapField, readFields, textField } from '../../../controller/manager/build/protobuf.js';
import {
  parseSolve,
  parseStatusRef,
  withoutDirectives,
  withoutFrontendDirectives,
} from '../../../controller/manager/build/solve-request.js';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { protoMap, protoMessage, protoText } from '../../support/proto-builders.js';

const solve = protoMessage(
  protoText(1, 'ref1'),
  protoText(3, 'moby'),
  protoMap(4, { name: 'web:1,web:latest' }),
  protoText(5, 'own'),
  protoMap(7, {
    filename: 'Dockerfile',
    'build-arg:VERSION': '3',
    'build-arg:constraint:region': '=eu',
    'build-arg:affinity:image': '=~base',
    'label:com.docker.compose.project': 'shop',
    'local-sessionid:context': 'shared',
  }),
  // A number, and a field of a later version.
  Buffer.from([11 * 8, 1]),
  protoText(99, 'future'),
);

void t.test('parseSolve() reads sessions, tags, labels and directives', async (t) => {
  t.same(parseSolve(solve), {
    ref: 'ref1',
    sessions: ['own', 'shared'],
    directives: ['constraint:region==eu', 'affinity:image==~base'],
    labels: { 'com.docker.compose.project': 'shop' },
    tags: ['web:1', 'web:latest'],
    cacheImages: [],
    isBuild: true,
  });
  t.match(parseSolve(protoMessage(protoText(1, 'r'), protoText(5, 's'))), { isBuild: false, tags: [] });
  const newer = protoMessage(
    protoText(1, 'r'),
    protoText(13, protoMessage(protoText(1, 'image'), protoMap(2, { name: 'a:1' }))),
    protoText(13, protoMessage(protoText(1, 'tar'), protoMap(2, { name: 'no tag' }))),
  );
  t.match(parseSolve(newer), { isBuild: true, tags: ['a:1'] });
});

void t.test('parseSolve() reads the images of --cache-from', async (t) => {
  const entry = (type: string, attributes: Record<string, string>): Buffer =>
    protoText(5, protoMessage(protoText(1, type), protoMap(2, attributes)));
  const caches = protoMessage(
    protoText(2, 'older:1'),
    entry('registry', { ref: 'app:cache' }),
    entry('local', { src: '/tmp/app:1' }),
    entry('registry', {}),
    entry('registry', { ref: 'older:1' }),
  );
  t.same(parseSolve(protoMessage(protoText(1, 'r'), protoText(8, caches))).cacheImages, [
    'older:1',
    'app:cache',
  ]);
});

void t.test('withoutDirectives() takes directives out and leaves every other byte', async (t) => {
  const left = withoutDirectives(solve);
  t.same(
    [...mapField(left, 7).keys()],
    ['filename', 'build-arg:VERSION', 'label:com.docker.compose.project', 'local-sessionid:context'],
  );
  t.same(
    [...readFields(left)].map(({ raw }) => raw.toString('hex')),
    [...readFields(solve)]
      .filter(({ number, bytes }) => number !== 7 || !/constraint|affinity/.test(bytes?.toString() ?? ''))
      .map(({ raw }) => raw.toString('hex')),
  );
  t.equal(textField(left, 99), 'future');
  t.equal(withoutDirectives(left), left, 'nothing to take out: the same bytes');
  const inner = protoMessage(
    protoText(2, 'dockerfile.v0'),
    protoMap(3, { 'build-arg:constraint:node': '=n1', a: 'b' }),
  );
  t.same([...mapField(withoutFrontendDirectives(inner), 3)], [['a', 'b']]);
});

void t.test('readFields() refuses what is no message', async (t) => {
  const broken = ['ff', '0a05616263', '0f', '0affffffffffffffffffff01'];
  for (const hex of broken) {
    t.throws(() => [...readFields(Buffer.from(hex, 'hex'))], /not a protocol buffer/, hex);
  }
  t.equal(parseStatusRef(protoText(1, 'abc')), 'abc');
  t.equal(parseStatusRef(Buffer.alloc(0)), '');
});

void t.test('readMessage() takes the frame off, also of compressed messages', async (t) => {
  const message = Buffer.from('hello');
  const framed = frameMessage(message);
  t.same(await readMessage(Readable.from([framed.subarray(0, 3), framed.subarray(3)])), message);
  const compressed = frameMessage(gzipSync(message));
  compressed[0] = 1;
  t.same(await readMessage(Readable.from([compressed])), message);
  await t.rejects(readMessage(Readable.from([framed.subarray(0, 7)])), /no gRPC message/);
});
