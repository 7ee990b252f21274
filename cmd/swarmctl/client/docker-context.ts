// Docker's own store of contexts: contexts/meta/<sha256 of the name>/meta.json and contexts/tls/<…>/docker/*.pem.
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, SwarmError } from '../../../controller/base/errors.js';
import { readText, readTextIfThere } from '../../../controller/base/read-text.js';
import { isJsonObject, objectAt, stringAt, type JsonObject } from '../../../controller/base/json.js';
import { writeFileAtomically } from '../../../controller/base/write-file-atomically.js';
import { usageError } from '../usage-error.js';

const ownDescription = 'swarmctl cluster ';
const pemFiles = ['ca.pem', 'cert.pem', 'key.pem'] as const;

export interface DockerContext {
  readonly name: string;
  readonly cluster: string;
  readonly dockerHost: string;
  /** Directory with ca.pem, cert.pem and key.pem. */
  readonly certPath: string | undefined;
}

/** DOCKER_CONFIG, else ~/.docker. */
export function dockerConfigDirectory(env: Readonly<Record<string, string | undefined>>): string {
  const given = env['DOCKER_CONFIG'];
  return given === undefined || given === '' ? path.join(env['HOME'] ?? '/', '.docker') : given;
}

/** Writes a context; one that swarmctl did not write is only replaced by `force`. @throws {OBJECT_EXISTS} */
export async function writeDockerContext(
  directory: string,
  context: DockerContext,
  o: { readonly force: boolean },
): Promise<void> {
  const { meta, tls } = pathsOf(directory, context.name);
  const existing = await readMeta(meta);
  if (existing !== undefined && !isOwn(existing) && !o.force) {
    throw new SwarmError(
      'OBJECT_EXISTS',
      `Cannot write docker context "${context.name}": another one has this name`,
      {
        hint: 'Choose another name with --name, or replace it with --force',
      },
    );
  }
  // The certificates first: a context without them would look usable and not be.
  await rm(tls, { recursive: true, force: true });
  if (context.certPath !== undefined) {
    await mkdir(path.join(tls, 'docker'), { recursive: true, mode: 0o700 });
    for (const file of pemFiles) {
      const pem = await readText(path.join(context.certPath, file), { code: 'CREDENTIALS_UNREADABLE' });
      await writeFileAtomically(path.join(tls, 'docker', file), pem, { mode: 0o600 });
    }
  }
  await mkdir(meta, { recursive: true, mode: 0o755 });
  const document = {
    Name: context.name,
    Metadata: { Description: `${ownDescription}${context.cluster}` },
    Endpoints: { docker: { Host: context.dockerHost, SkipTLSVerify: false } },
  };
  await writeFileAtomically(path.join(meta, 'meta.json'), JSON.stringify(document), { mode: 0o644 });
}

/** @throws {OBJECT_NOT_FOUND} @throws {OBJECT_CONFLICT} it is in use, or not ours, and not forced */
export async function removeDockerContext(
  directory: string,
  name: string,
  o: { readonly force: boolean },
): Promise<void> {
  const { meta, tls } = pathsOf(directory, name);
  const existing = await readMeta(meta);
  if (existing === undefined) {
    throw new SwarmError('OBJECT_NOT_FOUND', `Cannot remove docker context "${name}": it does not exist`, {
      hint: 'See docker context ls for the contexts that exist',
    });
  }
  const config = await readConfig(directory);
  const inUse = config['currentContext'] === name;
  if ((inUse || !isOwn(existing)) && !o.force) {
    const why = inUse ? 'docker uses it at the moment' : 'swarmctl did not write it';
    const hint = inUse
      ? 'Choose another one with docker context use, or remove it with --force'
      : 'Remove it with docker context rm, or with --force';
    throw new SwarmError('OBJECT_CONFLICT', `Cannot remove docker context "${name}": ${why}`, { hint });
  }
  if (inUse) await writeConfig(directory, { ...config, currentContext: undefined });
  await rm(meta, { recursive: true, force: true });
  await rm(tls, { recursive: true, force: true });
}

/** Makes a context the one that docker uses when none is named. */
export async function chooseDockerContext(directory: string, name: string): Promise<void> {
  await writeConfig(directory, { ...(await readConfig(directory)), currentContext: name });
}

/** @throws {USAGE} names that docker does not take */
export function checkContextName(name: string): void {
  if (name === 'default' || !/^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/.test(name)) {
    throw usageError(
      `Cannot use docker context name ${JSON.stringify(name)}: must be two or more letters, digits, "_", ".", "+" or "-", and not default`,
    );
  }
}

function pathsOf(directory: string, name: string): { readonly meta: string; readonly tls: string } {
  const id = createHash('sha256').update(name).digest('hex');
  return { meta: path.join(directory, 'contexts/meta', id), tls: path.join(directory, 'contexts/tls', id) };
}

function isOwn(meta: JsonObject): boolean {
  return stringAt(objectAt(meta, 'Metadata'), 'Description')?.startsWith(ownDescription) ?? false;
}

async function readMeta(directory: string): Promise<JsonObject | undefined> {
  return readJson(path.join(directory, 'meta.json'));
}

async function readConfig(directory: string): Promise<JsonObject> {
  return (await readJson(path.join(directory, 'config.json'))) ?? {};
}

async function writeConfig(directory: string, config: JsonObject): Promise<void> {
  await writeFileAtomically(
    path.join(directory, 'config.json'),
    `${JSON.stringify(config, undefined, '\t')}\n`,
  );
}

async function readJson(file: string): Promise<JsonObject | undefined> {
  const text = await readTextIfThere(file, { code: 'MANIFEST_UNREADABLE' });
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
    throw new Error('it is not a JSON object');
  } catch (error) {
    throw new SwarmError('MANIFEST_UNREADABLE', `Cannot read "${file}": ${messageOf(error)}`, {
      cause: error,
    });
  }
}
