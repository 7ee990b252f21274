// Whether this host can carry engines: everything that is missing is named at once, with the Debian package.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { SwarmError } from '../base/errors.js';
import { createRunner, searchPath, type RunCommand } from './run-command.js';

interface Requirement {
  readonly program: string;
  readonly debianPackage: string;
}

const hostPrograms: readonly Requirement[] = [
  { program: 'ip', debianPackage: 'iproute2' },
  { program: 'iptables', debianPackage: 'iptables' },
  { program: 'nsenter', debianPackage: 'util-linux' },
  { program: 'unshare', debianPackage: 'util-linux' },
  { program: 'flock', debianPackage: 'util-linux' },
  { program: 'mount', debianPackage: 'mount' },
];

const enginePrograms: readonly Requirement[] = [
  { program: 'dockerd', debianPackage: 'docker.io' },
  { program: 'containerd', debianPackage: 'docker.io' },
  { program: 'runc', debianPackage: 'docker.io' },
];

export interface HostFacts {
  /** `process.platform`. */
  readonly platform: string;
  /** Effective user id; undefined where there is none. */
  readonly userId: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Where the programs of an engine are. */
export interface EnginePrograms {
  readonly dockerd: string;
  /** PATH of the engine: its own directories first, so that it takes the containerd and runc that belong to it. */
  readonly path: string;
  /** Directories of shared libraries that came with an engine unpacked beside the installed one; usually none. */
  readonly libraryDirectories: readonly string[];
  /** Programs to take from elsewhere, by name: those beside the dockerd do not run on this host. */
  readonly replacements: ReadonlyMap<string, string>;
}

/**
 * Finds the programs an engine needs.
 * @param options.dockerd absolute path of another dockerd; the programs beside it (and in ../bin, ../sbin) come first
 * @throws {MACHINE_UNSUPPORTED} listing everything that is missing
 */
export async function findEnginePrograms(
  host: HostFacts,
  options: { readonly dockerd?: string | undefined } = {},
): Promise<EnginePrograms> {
  const missing: string[] = [];
  if (host.platform !== 'linux') missing.push(`Linux is needed, this is ${host.platform}`);
  if (host.userId !== 0) missing.push(`root is needed, this is user ${String(host.userId ?? 'unknown')}`);
  const own = options.dockerd === undefined ? [] : directoriesBeside(options.dockerd);
  const enginePath = [...own, ...searchPath(host.env).split(':')].join(':');
  if (options.dockerd !== undefined && !(await isExecutable(options.dockerd))) {
    missing.push(`"${options.dockerd}" is no program`);
  }
  const wanted = host.platform === 'linux' ? [...hostPrograms, ...enginePrograms] : [];
  const found = await Promise.all(wanted.map(({ program }) => findProgram(program, enginePath)));
  const absent = wanted.filter((_requirement, index) => found[index] === undefined);
  for (const { program, debianPackage } of absent) {
    missing.push(`${program} is missing (Debian package ${debianPackage})`);
  }
  if (missing.length > 0) {
    const packages = [...new Set(absent.map(({ debianPackage }) => debianPackage))];
    throw new SwarmError('MACHINE_UNSUPPORTED', `Cannot make engines on this host: ${missing.join('; ')}`, {
      ...(packages.length > 0 && missing.length === absent.length
        ? { hint: `Install what is missing: apt-get install ${packages.join(' ')}` }
        : {}),
    });
  }
  if (options.dockerd !== undefined)
    return checkPrograms(createRunner(host.env), options.dockerd, enginePath);
  const dockerd = found[wanted.findIndex(({ program }) => program === 'dockerd')] ?? 'dockerd';
  return { dockerd, path: enginePath, libraryDirectories: [], replacements: new Map() };
}

/**
 * An engine unpacked from another release may bring programs that need a newer C library than this host's. dockerd
 * itself must run; for the others the installed ones do as well.
 */
async function checkPrograms(run: RunCommand, dockerd: string, enginePath: string): Promise<EnginePrograms> {
  const libraryDirectories = await librariesBeside(dockerd);
  const whyNot = async (program: string): Promise<string | undefined> => {
    const libraries = `LD_LIBRARY_PATH=${libraryDirectories.join(':')}`;
    const tried = await run('env', [libraries, program, '--version'], { mayFail: true });
    return tried.code === 0 ? undefined : (tried.stderr.trim().split('\n')[0] ?? 'it fails');
  };
  const reason = await whyNot(dockerd);
  if (reason !== undefined) {
    throw new SwarmError('MACHINE_UNSUPPORTED', `Cannot use engine "${dockerd}": ${reason}`, {
      hint: 'Use a dockerd that was built for this host',
    });
  }
  const replacements = new Map<string, string>();
  for (const program of ['containerd', 'runc']) {
    const files = await findPrograms(program, enginePath);
    const reasons: string[] = [];
    for (const file of files) {
      const problem = await whyNot(file);
      if (problem !== undefined) {
        reasons.push(problem);
        continue;
      }
      if (file !== files[0]) replacements.set(program, file);
      break;
    }
    if (reasons.length === files.length) {
      throw new SwarmError('MACHINE_UNSUPPORTED', `Cannot use engine "${dockerd}": ${reasons.join('; ')}`, {
        hint: `Install a ${program} that runs on this host`,
      });
    }
  }
  return { dockerd, path: enginePath, libraryDirectories, replacements };
}

/** First executable file of that name on the path. */
export async function findProgram(program: string, searchIn: string): Promise<string | undefined> {
  return (await findPrograms(program, searchIn))[0];
}

async function findPrograms(program: string, searchIn: string): Promise<readonly string[]> {
  const files = searchIn.split(':').map((directory) => path.join(directory, program));
  const usable = await Promise.all(files.map((file) => isExecutable(file)));
  return files.filter((_file, index) => usable[index]);
}

function directoriesBeside(dockerd: string): string[] {
  const directory = path.dirname(dockerd);
  const root = path.dirname(directory);
  return [...new Set([directory, path.join(root, 'sbin'), path.join(root, 'bin')])];
}

/** A Debian package unpacked into a directory of its own may have brought newer libraries along. */
async function librariesBeside(dockerd: string): Promise<string[]> {
  if (path.dirname(dockerd).startsWith('/usr/')) return [];
  const root = path.dirname(path.dirname(dockerd));
  const places = ['lib/x86_64-linux-gnu', 'lib/aarch64-linux-gnu', 'lib'].map((place) =>
    path.join(root, place),
  );
  const there = await Promise.all(places.map((place) => exists(place)));
  return places.filter((_place, index) => there[index]);
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
