// Bundles the programs with everything they import: swarm as one CommonJS file, swarm.cjs, the content of the image;
// swarmctl and its workers in place, in pieces that load when they are needed, which takes half the time and a fifth less
// memory than a thousand small files. Run by `make build` with the directory that was compiled into; needs esbuild, which an
// installed package does not have.
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Metafile } from 'esbuild';
import { findPackageRoot, packageVersion } from './package-root.js';

export interface BundleOptions {
  /** The program's first file, TypeScript or compiled. */
  readonly entry: string;
  readonly outfile: string;
  /** What `swarm --version` prints. */
  readonly version: string;
}

const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  // Stack traces keep their names; comments and white space go.
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
} satisfies BuildOptions;

export async function bundleSwarm({ entry, outfile, version }: BundleOptions): Promise<void> {
  await build({
    ...common,
    entryPoints: [entry],
    outfile,
    format: 'cjs',
    define: { SWARM_VERSION: JSON.stringify(version) },
  });
}

/** @param o.root of the sources. @param o.outdir where they are compiled: the programs there are replaced */
export async function bundleSwarmctl(o: { readonly root: string; readonly outdir: string }): Promise<void> {
  const { root, outdir } = o;
  const { metafile } = await build({
    ...common,
    metafile: true,
    entryPoints: ['main.ts', 'wire/parse-worker.ts', 'wire/simulate-worker.ts'].map((file) =>
      path.join(root, 'cmd/swarmctl', file),
    ),
    outdir,
    outbase: root,
    // Beside the workers, which those who start them look for beside themselves.
    chunkNames: 'cmd/swarmctl/wire/piece-[hash]',
    format: 'esm',
    splitting: true,
    sourcemap: true,
    // Dependencies in CommonJS load modules of Node when they run.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module';const require = requireFrom(import.meta.url);",
    },
    // dockerode loads it for engines behind ssh://, of which there are none: ours have addresses.
    alias: { ssh2: path.join(root, 'cmd/build/no-ssh.ts') },
  });
  refuseLazyPackages(metafile);
}

/** A package in CommonJS that is imported with `import()` loses its names in a bundle: a module of ours imports it instead. */
function refuseLazyPackages({ inputs }: Metafile): void {
  for (const [file, { imports }] of Object.entries(inputs)) {
    const lazy = imports.find(
      ({ kind, path: to }) => kind === 'dynamic-import' && inputs[to]?.format === 'cjs',
    );
    if (lazy !== undefined && !file.includes('node_modules/'))
      throw new Error(`Cannot bundle "${file}": it loads "${lazy.path}" with import(), which is CommonJS`);
  }
}

const self = fileURLToPath(import.meta.url);
const [, program, compiled] = process.argv;
if (program !== undefined && compiled !== undefined && path.resolve(program) === self) {
  const root = findPackageRoot(path.dirname(self));
  const outdir = path.resolve(compiled);
  await bundleSwarm({
    entry: path.join(root, 'cmd/swarm/main.ts'),
    outfile: path.join(outdir, 'swarm.cjs'),
    version: packageVersion(root),
  });
  await bundleSwarmctl({ root, outdir });
}
