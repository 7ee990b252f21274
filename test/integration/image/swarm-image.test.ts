// The swarm and busybox images, built from the programs of this machine.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import t from 'tap';
import { buildBusyboxImage } from '../../../controller/image/busybox-image.js';
import { buildSwarmImage } from '../../../controller/image/swarm-image.js';

function build(directory: string, outputDirectory: string, bundle = 'bundle.cjs') {
  return buildSwarmImage({
    bundleFile: path.join(directory, bundle),
    nodeBinary: process.execPath,
    version: '1.0.0',
    outputDirectory: path.join(directory, outputDirectory),
  });
}

t.test('buildSwarmImage() gives the same bytes for the same input, and names them by content', async (t) => {
  const directory = t.testdir({ 'bundle.cjs': 'console.log(1)', 'other.cjs': 'console.log(2)' });
  const first = await build(directory, 'a');
  const second = await build(directory, 'b');
  const short = first.imageId.slice('sha256:'.length, 'sha256:'.length + 12);
  t.equal(first.reference, `swarm:1.0.0-${short}`);
  t.equal(path.basename(first.archivePath), `swarm-1.0.0-${short}.tar`);
  t.same({ ...second, archivePath: '' }, { ...first, archivePath: '' });
  t.ok((await readFile(first.archivePath)).equals(await readFile(second.archivePath)));
  const other = await build(directory, 'a', 'other.cjs');
  t.not(other.reference, first.reference);
});

t.test('buildSwarmImage() does not write an archive again that is there', async (t) => {
  const directory = t.testdir({ 'bundle.cjs': '' });
  const { archivePath, sizeBytes } = await build(directory, 'out');
  const before = await stat(archivePath);
  t.equal((await build(directory, 'out')).sizeBytes, sizeBytes);
  const after = await stat(archivePath);
  t.equal(after.ino, before.ino, 'the same file');
  t.same(await readdir(path.join(directory, 'out')), [path.basename(archivePath)]);
});

t.test('buildSwarmImage() says what is wrong with a runtime that is no Linux program', async (t) => {
  const directory = t.testdir({ node: '#!/bin/sh\n', 'bundle.cjs': '' });
  const options = {
    bundleFile: path.join(directory, 'bundle.cjs'),
    nodeBinary: path.join(directory, 'node'),
    version: '1.0.0',
    outputDirectory: directory,
  };
  await t.rejects(buildSwarmImage(options), {
    code: 'IMAGE_UNBUILDABLE',
    message: `Cannot build an image from "${options.nodeBinary}": it is not a program for Linux on a known processor`,
  });
  await t.rejects(buildSwarmImage({ ...options, nodeBinary: path.join(directory, 'missing') }), {
    code: 'IMAGE_UNBUILDABLE',
    message: /it cannot be read$/,
  });
  await t.rejects(build(directory, 'out', 'missing.cjs'), {
    code: 'IMAGE_UNBUILDABLE',
    hint: 'make build writes it',
  });
});

t.test('buildBusyboxImage() refuses a program that is dynamically linked', async (t) => {
  await t.rejects(buildBusyboxImage({ busyboxBinary: process.execPath, outputDirectory: t.testdir() }), {
    code: 'IMAGE_UNBUILDABLE',
    hint: 'Install the static one: apt-get install busybox-static',
  });
});
