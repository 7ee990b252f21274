// Which images builds begin with: in Dockerfiles, in contexts, in errors of builders.
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { pack, type Pack } from 'tar-stream';
import { baseImagesOf, missingImagesIn } from '../../../controller/manager/build/base-images.js';
import { peekContext } from '../../../controller/manager/build/peek-context.js';
import { ImageCatalog } from '../../../controller/manager/image-catalog.js';
import { anEngine, anObject, aView } from './builders.js';

void t.test('baseImagesOf() reads FROM with arguments, without stages', async (t) => {
  const rows: readonly [string, string, readonly string[]][] = [
    ['one', 'FROM busybox', ['busybox']],
    ['scratch', 'FROM scratch\nCOPY a /a', []],
    ['stages', 'FROM golang:1 AS build\nFROM build AS test\nfrom alpine', ['golang:1', 'alpine']],
    ['a platform', 'FROM --platform=$BUILDPLATFORM team/a:1 as x', ['team/a:1']],
    ['an argument with a default', 'ARG V=3\nFROM base:${V}', ['base:3']],
    ['an argument that is given', 'ARG V="3"\nARG NAME\nFROM $NAME:$V', ['base:3']],
    ['a default in place', 'FROM base:${W:-9}', ['base:9']],
    ['a line that goes on', 'FROM \\\n  base:2', ['base:2']],
    ['a comment', '# FROM other\nFROM base', ['base']],
    ['nothing', '', []],
  ];
  for (const [name, dockerfile, expected] of rows) {
    t.same(baseImagesOf(dockerfile, { NAME: 'base' }), expected, name);
  }
});

void t.test('missingImagesIn() finds what the engine lacks and another has', async (t) => {
  const n1 = anEngine({ name: 'n1' });
  const n2 = anEngine({ name: 'n2' });
  const cluster = aView({
    engines: [n1, n2],
    images: [
      anObject(n2, 'sha256:aa', { RepoTags: ['team/base:1', 'base:latest', 'reg.example:5000/x/y:2'] }),
      anObject(n2, 'sha256:bb', { RepoTags: ['busybox:latest'] }),
      anObject(n1, 'sha256:bb', { RepoTags: ['busybox:latest'] }),
    ],
  });
  const services = { catalog: new ImageCatalog({ cluster, nowMs: () => 0 }) };
  const find = (text: string): readonly string[] =>
    missingImagesIn(text, {
      services: services as Parameters<typeof missingImagesIn>[1]['services'],
      engine: n1,
    }); // only the catalog is asked
  t.same(
    find(
      'failed to create LLB definition: failed to do request: Head "https://registry-1.docker.io/v2/team/base/manifests/1": dial tcp: lookup registry-1.docker.io on 10.255.255.53:53: no such host',
    ),
    ['team/base:1'],
  );
  t.same(find('failed to resolve source metadata for docker.io/library/base:latest: pull access denied'), [
    'docker.io/library/base:latest',
  ]);
  t.same(find('Head "https://reg.example:5000/v2/x/y/manifests/2": connection refused'), [
    'reg.example:5000/x/y:2',
  ]);
  t.same(find('docker.io/library/busybox:latest: not found'), [], 'it is there');
  t.same(find('docker.io/library/other:1: not found'), [], 'nobody has it');
  t.same(find('process "/bin/sh -c exit 7" did not complete successfully: exit code: 7'), []);
});

async function collect(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function archive(fill: (tar: Pack) => void): Promise<Buffer> {
  const tar = pack();
  fill(tar);
  tar.finalize();
  return collect(tar as unknown as Readable); // a stream of its own kind, read in the same way
}

void t.test('peekContext() finds the Dockerfile and passes on every byte', async (t) => {
  const big = Buffer.alloc(3 * 1024 * 1024, 'x');
  const early = await archive((tar) => {
    tar.entry({ name: 'a' }, 'first');
    tar.entry({ name: './sub/My.Dockerfile' }, 'FROM one');
    tar.entry({ name: 'z' }, big);
  });
  const late = await archive((tar) => {
    tar.entry({ name: 'a' }, big);
    tar.entry({ name: 'sub/My.Dockerfile' }, 'FROM one');
  });
  const without = await archive((tar) => void tar.entry({ name: 'a' }, 'first'));
  const rows: readonly [string, Buffer, string | undefined][] = [
    ['early', early, 'FROM one'],
    ['late', late, undefined],
    ['compressed', gzipSync(early), undefined],
    ['not there', without, undefined],
    ['no archive', Buffer.from('FROM one'), undefined],
    ['empty', Buffer.alloc(0), undefined],
  ];
  for (const [name, bytes, expected] of rows) {
    for (const size of [100, 65_536]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      if (size === 100 && bytes.length > 2 ** 20) continue;
      const { dockerfile, body } = await peekContext(Readable.from(chunks), { name: 'sub/My.Dockerfile' });
      t.equal(dockerfile, expected, name);
      t.equal(Buffer.compare(await collect(body), bytes), 0, `${name}: the context is whole`);
    }
  }
});
