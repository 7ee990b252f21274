// The bytes of an archive: reproducible, complete, and never a partial file in place.
import { createHash } from 'node:crypto';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import t from 'tap';
import { extract } from 'tar-stream';
import { measureImage, writeArchive, type ImageOptions } from '../../../controller/image/docker-archive.js';
import { hostFile, textFile } from '../../../controller/image/layer-entry.js';
import { packLayer } from '../../../controller/image/write-tar.js';

const reference = 'demo:1';

function anImage(file: string): ImageOptions {
  return {
    platform: { os: 'linux', architecture: 'amd64' },
    layers: [
      { createdBy: 'base', entries: [textFile('/etc/passwd', 'root:x:0:0::/:\n')] },
      {
        createdBy: 'program',
        entries: [
          hostFile('/bin/program', file, 0o755),
          { type: 'symlink', path: '/bin/alias', target: 'program' },
          { type: 'directory', path: '/tmp', mode: 0o1777 },
        ],
      },
    ],
    config: { Cmd: ['/bin/program'] },
  };
}

interface Unpacked {
  readonly header: Record<string, unknown>;
  readonly bytes: Buffer;
}

async function unpack(tar: Uint8Array): Promise<ReadonlyMap<string, Unpacked>> {
  const entries = new Map<string, Unpacked>();
  const extractor = extract();
  extractor.on('entry', (header, stream, next) => {
    const chunks: Uint8Array[] = [];
    stream.on('data', (chunk) => chunks.push(chunk as Uint8Array)); // a tar holds bytes
    stream.on('end', () => {
      entries.set(header.name, { header: { ...header }, bytes: Buffer.concat(chunks) });
      next();
    });
  });
  await new Promise((resolve, reject) => {
    extractor.on('finish', resolve as () => void);
    extractor.on('error', reject);
    extractor.end(Buffer.from(tar));
  });
  return entries;
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

t.test('writeArchive() writes what docker load reads, with digests that are true', async (t) => {
  const directory = t.testdir({ program: 'x'.repeat(100_000) });
  const archivePath = path.join(directory, 'out/image.tar');
  const image = await measureImage(anImage(path.join(directory, 'program')));
  const sizeBytes = await writeArchive(image, { archivePath, reference });
  const archive = await readFile(archivePath);
  t.equal(sizeBytes, archive.length);
  const files = await unpack(archive);
  const [manifest] = JSON.parse(files.get('manifest.json')?.bytes.toString() ?? '') as [
    { Config: string; RepoTags: string[]; Layers: string[] },
  ];
  t.same(manifest.RepoTags, [reference]);
  const config = files.get(manifest.Config)?.bytes ?? Buffer.alloc(0);
  t.equal(image.imageId, `sha256:${digestOf(config)}`);
  t.equal(manifest.Config, `${digestOf(config)}.json`);
  const parsed = JSON.parse(config.toString());
  t.match(parsed, {
    os: 'linux',
    architecture: 'amd64',
    created: '1970-01-01T00:00:00.000Z',
    config: { Cmd: ['/bin/program'] },
    history: [{ created_by: 'base' }, { created_by: 'program' }],
  });
  const layers = manifest.Layers.map((name) => files.get(name)?.bytes ?? Buffer.alloc(0));
  t.same(
    parsed.rootfs.diff_ids,
    layers.map((layer) => `sha256:${digestOf(layer)}`),
  );
  const program = await unpack(layers[1] ?? Buffer.alloc(0));
  t.same([...program.keys()], ['bin/', 'bin/alias', 'bin/program', 'tmp/']);
  t.match(program.get('bin/program'), {
    header: { mode: 0o755, uid: 0, gid: 0, mtime: new Date(0), size: 100_000 },
  });
  t.match(program.get('bin/alias')?.header, { type: 'symlink', linkname: 'program' });
  t.match(program.get('tmp/')?.header, { type: 'directory', mode: 0o1777 });
});

t.test('writeArchive() gives equal bytes for equal content, whatever the dates of the files', async (t) => {
  const directory = t.testdir({ one: 'content', two: 'content' });
  await utimes(path.join(directory, 'two'), 1000, 1000);
  const bytes = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const archivePath = path.join(directory, `${name}.tar`);
      await writeArchive(await measureImage(anImage(path.join(directory, name))), { archivePath, reference });
      return readFile(archivePath);
    }),
  );
  t.ok(bytes[0]?.equals(bytes[1] ?? Buffer.alloc(0)));
});

t.test('writeArchive() leaves nothing behind when a file changed since it was measured', async (t) => {
  const directory = t.testdir({ program: 'before', out: {} });
  const file = path.join(directory, 'program');
  for (const content of ['after!', 'longer', 'x'.repeat(5000)]) {
    await writeFile(file, 'before');
    const image = await measureImage(anImage(file));
    await writeFile(file, content);
    const written = writeArchive(image, { archivePath: path.join(directory, 'out/image.tar'), reference });
    const message = 'Cannot write image "demo:1": files of layer "program" changed meanwhile';
    await t.rejects(written, { code: 'IMAGE_UNBUILDABLE', message }, `${content.length} bytes`);
    t.same(await readdir(path.join(directory, 'out')), []);
  }
});

t.test('packLayer() fails when a file is missing', async (t) => {
  await t.rejects(Readable.from(packLayer([hostFile('/x', path.join(t.testdir(), 'missing'))])).toArray(), {
    code: 'ENOENT',
  });
});
