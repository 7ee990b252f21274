// Builds the `swarm` image, without registry or engine: the node runtime of this machine and one bundled file.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../base/errors.js';
import { measureImage, writeArchive, type RunConfig } from './docker-archive.js';
import { readPlatform } from './elf.js';
import { hostFile } from './layer-entry.js';
import { certificatesPath, nodePath, readRuntime, type Runtime } from './runtime-layer.js';

export interface SwarmImageOptions {
  /** The `swarm` program as one CommonJS file. */
  readonly bundleFile: string;
  /** A node program for Linux; its architecture becomes the image's. */
  readonly nodeBinary: string;
  /** Of this package; the first part of the tag. */
  readonly version: string;
  readonly outputDirectory: string;
}

export interface BuiltImage {
  readonly archivePath: string;
  readonly reference: string;
  /** `sha256:…`, as engines show it after loading. */
  readonly imageId: string;
  readonly sizeBytes: number;
}

/**
 * Builds the archive `swarm-<version>-<12 hex>.tar`, named and tagged by its content: equal input gives equal bytes,
 * and an archive that is there already is not written again (its input is read and hashed, about half a second).
 * @throws {IMAGE_UNBUILDABLE} the runtime is no Linux program, or a library of it or the bundle is missing
 */
export async function buildSwarmImage(options: SwarmImageOptions): Promise<BuiltImage> {
  const { bundleFile, nodeBinary, version, outputDirectory } = options;
  const platform = await readPlatform(nodeBinary);
  const runtime = await readRuntime(nodeBinary);
  if ((await sizeOf(bundleFile)) === undefined) {
    throw new SwarmError(
      'IMAGE_UNBUILDABLE',
      `Cannot build the swarm image: the bundled program "${bundleFile}" does not exist`,
      { hint: 'make build writes it' },
    );
  }
  const image = await measureImage({
    platform,
    // The runtime first: images of different versions of the program share it in an engine.
    layers: [runtime.layer, { createdBy: 'swarm program', entries: [hostFile(programPath, bundleFile)] }],
    config: runConfig(runtime),
  });
  const tag = `${version}-${image.imageId.slice('sha256:'.length, 'sha256:'.length + 12)}`;
  const reference = `swarm:${tag}`;
  const archivePath = path.join(outputDirectory, `swarm-${tag}.tar`);
  const built = await sizeOf(archivePath);
  const sizeBytes = built ?? (await writeArchive(image, { archivePath, reference }));
  return { archivePath, reference, imageId: image.imageId, sizeBytes };
}

const programPath = '/swarm.cjs';

// At rest the program takes 50 to 60 MiB, of which 12 (join, discovery) to 17 (manage) are its own and the rest are
// pages of the node binary that all containers of an engine share. What grows is the young generation of the heap, three times the semi-space: after
// 10,000 requests the default (16) leaves 45 MiB of its own, 4 leaves 24, 1 leaves 19, all at the same speed. Smaller
// than 4 moves the garbage of large answers into the old generation, which is cleaned less often.
export const nodeFlags = ['--max-semi-space-size=4'] as const;

function runConfig({ libraryDirectories, hasCertificates }: Runtime): RunConfig {
  return {
    Entrypoint: [nodePath, ...nodeFlags, ...(hasCertificates ? ['--use-openssl-ca'] : []), programPath],
    Env: [
      'PATH=/usr/local/bin:/usr/bin:/bin',
      'SWARM_HOST=:2375',
      ...(hasCertificates ? [`SSL_CERT_FILE=${certificatesPath}`] : []),
      ...(libraryDirectories.length > 0 ? [`LD_LIBRARY_PATH=${libraryDirectories.join(':')}`] : []),
    ],
    ExposedPorts: { '2375/tcp': {} },
    WorkingDir: '/',
  };
}

async function sizeOf(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}
