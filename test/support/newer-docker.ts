// The newer Docker that `cmd/setup/newer-docker.sh` unpacked beside the installed one: where its programs are.
import { access, mkdir, readFile, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

/** Absolute paths of programs. */
export interface NewerDocker {
  /** Of the engine, as in `26.1.5`. */
  readonly version: string;
  /** For `startEngines({ dockerd })`; the containerd that belongs to it is found beside it. */
  readonly dockerd: string;
  /** The CLI of the same release. */
  readonly docker: string;
  /** CLI plugins, which also run as programs of their own. */
  readonly buildx: string;
  readonly compose: string;
  /** Serves a registry: `docker-registry serve FILE`. */
  readonly registry: string;
}

/** @throws when the script has not run on this machine */
export async function newerDocker(): Promise<NewerDocker> {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(process.env['HOME'] ?? homedir(), '.cache');
  const place = path.join(cache, 'swarmctl', 'newer-docker');
  const versions = await readFile(path.join(place, 'versions'), 'utf8').catch((cause: unknown) => {
    throw new Error('Docker for tests of mixed versions is missing: run cmd/setup/setup.sh --test', {
      cause,
    });
  });
  const version = /^docker\.io ([0-9.]+)/m.exec(versions)?.[1];
  if (version === undefined)
    throw new Error(`"${place}" has no docker.io: remove it and run the set-up again`);
  const program = (...parts: readonly string[]): string => path.join(place, 'root', 'usr', ...parts);
  const found = {
    dockerd: program('sbin', 'dockerd'),
    docker: program('bin', 'docker'),
    buildx: program('libexec', 'docker', 'cli-plugins', 'docker-buildx'),
    compose: program('libexec', 'docker', 'cli-plugins', 'docker-compose'),
    registry: program('bin', 'docker-registry'),
  };
  await Promise.all(Object.values(found).map((file) => access(file)));
  return { version, ...found };
}

/** Gives a docker CLI with this DOCKER_CONFIG the commands `docker buildx` and `docker compose`. */
export async function linkCliPlugins(
  configDirectory: string,
  plugins: Pick<NewerDocker, 'buildx' | 'compose'>,
): Promise<void> {
  const directory = path.join(configDirectory, 'cli-plugins');
  await mkdir(directory, { recursive: true });
  await symlink(plugins.buildx, path.join(directory, 'docker-buildx'));
  await symlink(plugins.compose, path.join(directory, 'docker-compose'));
}
