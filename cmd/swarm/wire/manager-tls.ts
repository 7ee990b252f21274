// TLS files of `swarm manage` as PEM text: towards clients, towards engines, and per engine.
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import { SwarmError, messageOf } from '../../../controller/base/errors.js';
import { readText } from '../../../controller/base/read-text.js';
import { isJsonObject, stringAt } from '../../../controller/base/json.js';
import type { EngineTls } from '../../../controller/engine/endpoint.js';
import type { ServerTls } from '../../../controller/manager/server.js';
import type { ClientSideTls, EngineSideTls, ManageOptions } from '../manage-options.js';

export interface TlsMaterial {
  /** Towards clients; absent: plain HTTP. */
  readonly server?: ServerTls;
  /** Credentials towards the engine at `host:port`; undefined: plain TCP. */
  readonly forEngine: (address: string) => EngineTls | undefined;
  /** Whether the per-engine file says that the engine at `host:port` takes no new containers. */
  readonly isCordoned: (address: string) => boolean;
  /** Whether the per-engine file says that several managers serve the cluster. */
  readonly areManagersSeveral: boolean;
}

/** @throws {CREDENTIALS_UNREADABLE | CREDENTIALS_INVALID} naming the file; nothing is half read then */
export async function readTlsMaterial(
  options: Pick<ManageOptions, 'tls' | 'engineTls' | 'engineTlsFile'>,
): Promise<TlsMaterial> {
  const server = options.tls === undefined ? undefined : await readServerTls(options.tls);
  const common = options.engineTls === undefined ? undefined : await readEngineTls(options.engineTls);
  const overrides =
    options.engineTlsFile === undefined
      ? { tls: new Map<string, EngineTls | undefined>(), cordoned: new Set<string>(), managers: 1 }
      : await readOverrides(options.engineTlsFile, common);
  return {
    ...(server === undefined ? {} : { server }),
    forEngine: (address) => (overrides.tls.has(address) ? overrides.tls.get(address) : common),
    isCordoned: (address) => overrides.cordoned.has(address),
    areManagersSeveral: overrides.managers > 1,
  };
}

async function readServerTls(files: ClientSideTls): Promise<ServerTls> {
  const [cert, key] = await Promise.all([readPem(files.certFile), readPem(files.keyFile)]);
  checkPair({ cert, key, certFile: files.certFile });
  const ca = files.caFile === undefined ? undefined : await readPem(files.caFile);
  return { cert, key, requireClientCert: files.verify, ...(ca === undefined ? {} : { ca }) };
}

async function readEngineTls(files: EngineSideTls): Promise<EngineTls> {
  const read = async (file: string | undefined): Promise<string | undefined> =>
    file === undefined ? undefined : readPem(file);
  const [ca, cert, key] = await Promise.all([read(files.caFile), read(files.certFile), read(files.keyFile)]);
  if (cert !== undefined && key !== undefined) checkPair({ cert, key, certFile: files.certFile ?? '' });
  return {
    ca: ca ?? '',
    verify: files.verify,
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

/** Key of the entry that is about no engine. */
const ofTheCluster = '*';

/** Reads the per-engine file. Parts an entry leaves out are those that all engines share. */
async function readOverrides(
  file: string,
  common: EngineTls | undefined,
): Promise<{
  readonly tls: ReadonlyMap<string, EngineTls | undefined>;
  readonly cordoned: ReadonlySet<string>;
  readonly managers: number;
}> {
  const entries = parseOverrides(file, await readPem(file));
  const directory = path.dirname(file);
  const result = new Map<string, EngineTls | undefined>();
  const cordoned = new Set<string>();
  let managers = 1;
  for (const [address, entry] of entries) {
    if (!isJsonObject(entry)) throw invalid(file, `the entry "${address}" must be an object`);
    if (address === ofTheCluster) {
      if (typeof entry['managers'] === 'number') managers = entry['managers'];
      continue;
    }
    if (entry['unschedulable'] === true) cordoned.add(address);
    if (entry['disabled'] === true) {
      result.set(address, undefined);
      continue;
    }
    const read = async (key: string): Promise<string | undefined> => {
      const name = stringAt(entry, key);
      return name === undefined || name === '' ? undefined : readPem(path.resolve(directory, name));
    };
    const [ca, cert, key] = await Promise.all([read('caFile'), read('certFile'), read('keyFile')]);
    if (cert !== undefined && key !== undefined) checkPair({ cert, key, certFile: `${file}, ${address}` });
    const serverName = stringAt(entry, 'serverName');
    result.set(address, {
      ca: '',
      ...common,
      // A CA named for one engine can only be meant to check it.
      ...(ca === undefined ? {} : { ca, verify: true }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
      ...(serverName === undefined || serverName === '' ? {} : { serverName }),
    });
  }
  return { tls: result, cordoned, managers };
}

function parseOverrides(file: string, text: string): readonly (readonly [string, unknown])[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(file, messageOf(error));
  }
  if (!isJsonObject(value)) throw invalid(file, 'it must be a JSON object of engines');
  return Object.entries(value);
}

function checkPair({ cert, key, certFile }: { cert: string; key: string; certFile: string }): void {
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw invalid(certFile, messageOf(error));
  }
}

function invalid(file: string, why: string): SwarmError {
  return new SwarmError('CREDENTIALS_INVALID', `Cannot use "${file}": ${why}`);
}

function readPem(file: string): Promise<string> {
  return readText(file, { code: 'CREDENTIALS_UNREADABLE' });
}
