// Builds `busybox:latest` from a static busybox program: a small image to try a cluster with, where no registry is.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { messageOf, SwarmError } from '../base/errors.js';
import { measureImage, writeArchive } from './docker-archive.js';
import { readPlatform } from './elf.js';
import { hostFile, type LayerEntry } from './layer-entry.js';
import { findSharedLibraries } from './shared-libraries.js';
import type { BuiltImage } from './swarm-image.js';
import { systemFiles } from './system-files.js';

const reference = 'busybox:latest';
const run = promisify(execFile);
const listDeadlineMs = 10_000;

/**
 * Builds `busybox.tar` with a link for every applet in /bin.
 * @throws {IMAGE_UNBUILDABLE} the program does not run, or is dynamically linked
 */
export async function buildBusyboxImage(options: {
  readonly busyboxBinary: string;
  readonly outputDirectory: string;
}): Promise<BuiltImage> {
  const { busyboxBinary, outputDirectory } = options;
  const platform = await readPlatform(busyboxBinary);
  if ((await findSharedLibraries(busyboxBinary)).length > 0) {
    throw new SwarmError(
      'IMAGE_UNBUILDABLE',
      `Cannot build image "${reference}" from "${busyboxBinary}": it is dynamically linked`,
      { hint: 'Install the static one: apt-get install busybox-static' },
    );
  }
  const applets = await listApplets(busyboxBinary);
  const links = applets
    .filter((applet) => applet !== 'busybox')
    .map((applet): LayerEntry => ({ type: 'symlink', path: `/bin/${applet}`, target: 'busybox' }));
  const image = await measureImage({
    platform,
    layers: [
      {
        createdBy: 'busybox',
        entries: [
          ...systemFiles({ shell: '/bin/sh' }),
          ...links,
          // Scripts begin with #!/usr/bin/env.
          { type: 'symlink', path: '/usr/bin/env', target: '../../bin/env' },
          hostFile('/bin/busybox', busyboxBinary, 0o755),
        ],
      },
    ],
    config: { Cmd: ['sh'], Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
  });
  const archivePath = path.join(outputDirectory, 'busybox.tar');
  const sizeBytes = await writeArchive(image, { archivePath, reference });
  return { archivePath, reference, imageId: image.imageId, sizeBytes };
}

async function listApplets(busyboxBinary: string): Promise<readonly string[]> {
  try {
    const { stdout } = await run(busyboxBinary, ['--list'], { timeout: listDeadlineMs });
    return stdout.split('\n').filter((name) => /^[\w[.+-]+$/.test(name));
  } catch (cause) {
    throw new SwarmError(
      'IMAGE_UNBUILDABLE',
      `Cannot list the applets of "${busyboxBinary}": ${messageOf(cause)}`,
      { cause },
    );
  }
}
