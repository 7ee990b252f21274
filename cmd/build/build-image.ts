// Builds the images a cluster needs on machines without a registry, one line each:
//   node dist/cmd/build/build-image.js --output DIR [--busybox FILE]
// The swarm image packs dist/swarm.cjs, which `make build` bundles; the busybox image is left out where busybox is.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isSwarmError, messageOf } from '../../controller/base/errors.js';
import { buildBusyboxImage } from '../../controller/image/busybox-image.js';
import { buildSwarmImage, type BuiltImage } from '../../controller/image/swarm-image.js';
import { findPackageRoot, packageVersion } from './package-root.js';

const usage = 'usage: build-image --output DIR [--busybox FILE]';
const busyboxPlaces = ['/bin/busybox', '/usr/bin/busybox'];

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { output: { type: 'string' }, busybox: { type: 'string' } } });
  if (values.output === undefined) throw new Error(usage);
  const outputDirectory = path.resolve(values.output);
  await mkdir(outputDirectory, { recursive: true });
  const root = findPackageRoot(path.dirname(fileURLToPath(import.meta.url)));
  await step(() =>
    buildSwarmImage({
      bundleFile: path.join(root, 'dist/swarm.cjs'),
      nodeBinary: process.execPath,
      version: packageVersion(root),
      outputDirectory,
    }),
  );
  const busyboxBinary = values.busybox ?? busyboxPlaces.find((file) => existsSync(file));
  if (busyboxBinary !== undefined) await step(() => buildBusyboxImage({ busyboxBinary, outputDirectory }));
}

/** Prints `  image      swarm:1.0.0-3f9c21d0a1b2  104 MB   done (2 s)`. */
async function step(build: () => Promise<BuiltImage>): Promise<void> {
  const startMs = performance.now();
  const { reference, sizeBytes } = await build();
  const what = `${reference}  ${(sizeBytes / 1e6).toFixed(sizeBytes < 1e7 ? 1 : 0)} MB`;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`  image      ${what.padEnd(46)} done (${seconds} s)\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${messageOf(error)}\n`);
  if (isSwarmError(error)) process.stderr.write(`hint: ${error.hint}\n`);
  process.exitCode = 1;
});
