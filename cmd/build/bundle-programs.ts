// Bundles the swarm program with everything it imports into one CommonJS file: dist/swarm.cjs, the content of the
// image. Run without arguments by `make build`; needs esbuild, which an installed package does not have.
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { findPackageRoot, packageVersion } from './package-root.js';

export interface BundleOptions {
  /** The program's first file, TypeScript or compiled. */
  readonly entry: string;
  readonly outfile: string;
  /** What `swarm --version` prints. */
  readonly version: string;
}

export async function bundleSwarm({ entry, outfile, version }: BundleOptions): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    define: { SWARM_VERSION: JSON.stringify(version) },
    // Stack traces keep their names; comments and white space go.
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
}

const self = fileURLToPath(import.meta.url);
if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === self) {
  const root = findPackageRoot(path.dirname(self));
  await bundleSwarm({
    entry: path.join(root, 'dist/cmd/swarm/main.js'),
    outfile: path.join(root, 'dist/swarm.cjs'),
    version: packageVersion(root),
  });
}
