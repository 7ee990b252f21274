// The layer that rarely changes: the node program, its shared libraries, and the certificates of public authorities.
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { Layer } from './docker-archive.js';
import { hostFile } from './layer-entry.js';
import { findSharedLibraries } from './shared-libraries.js';
import { systemFiles } from './system-files.js';

export const nodePath = '/usr/local/bin/node';
export const certificatesPath = '/etc/ssl/certs/ca-certificates.crt';

export interface Runtime {
  readonly layer: Layer;
  /** Directories of libraries where the loader does not look by itself. */
  readonly libraryDirectories: readonly string[];
  readonly hasCertificates: boolean;
}

export async function readRuntime(nodeBinary: string): Promise<Runtime> {
  const libraries = await findSharedLibraries(nodeBinary);
  const hasCertificates = await access(certificatesPath).then(
    () => true,
    () => false,
  );
  return {
    layer: {
      createdBy: 'node runtime',
      entries: [
        ...systemFiles({ shell: '/sbin/nologin' }),
        ...(hasCertificates ? [hostFile(certificatesPath, certificatesPath)] : []),
        ...libraries.map((file) => hostFile(file, file, 0o755)),
        hostFile(nodePath, nodeBinary, 0o755),
      ],
    },
    libraryDirectories: [...new Set(libraries.map((file) => path.dirname(file)))]
      .filter((directory) => !/^(\/usr)?\/lib(32|64|x32)?(\/|$)/.test(directory))
      .sort(),
    hasCertificates,
  };
}
