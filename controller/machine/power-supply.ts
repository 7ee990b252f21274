// Finds out, once for all machines that are started together, what they share: network, certificates, name servers,
// programs and the environment of their engines.
import { readFile } from 'node:fs/promises';
import type { EngineTls } from '../engine/endpoint.js';
import { clientFiles, ensureStoreCertificates } from './machine-certificates.js';
import type { PowerContext, PowerSupply } from './machine-power.js';
import type { MachineRecord, SetRecord, StorePaths } from './machine-record.js';
import { ensureSet } from './machine-set.js';
import { chooseNameServers } from './name-servers.js';
import { findEnginePrograms, type EnginePrograms, type HostFacts } from './preflight.js';
import type { ProcessIdentity } from './processes.js';

/** Variables of the host that an engine needs to reach registries from where the host can. */
const passedOn = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'] as const;

/** Checks the host for every engine program the machines name. @throws {MACHINE_UNSUPPORTED} */
export async function findPrograms(
  host: HostFacts,
  wanted: readonly (string | undefined)[],
): Promise<PowerSupply['programs']> {
  const found = new Map<string | undefined, EnginePrograms>();
  for (const dockerd of new Set(wanted)) found.set(dockerd, await findEnginePrograms(host, { dockerd }));
  return (dockerd) => {
    const programs = found.get(dockerd);
    if (programs === undefined) throw new Error(`programs of ${String(dockerd)} were not looked up`);
    return programs;
  };
}

export async function preparePower(options: {
  readonly context: PowerContext;
  readonly host: HostFacts;
  readonly hostDirectory: string;
  readonly set: SetRecord;
  readonly me: ProcessIdentity;
  readonly machines: readonly MachineRecord[];
}): Promise<PowerSupply> {
  const { context, host } = options;
  const [programs, authority, network] = await Promise.all([
    findPrograms(
      host,
      options.machines.map(({ settings }) => settings.dockerd),
    ),
    ensureStoreCertificates(context.store, context.clock.now()),
    ensureSet({
      hostDirectory: options.hostDirectory,
      run: context.run,
      signal: context.signal,
      record: options.set,
      store: context.store.root,
      creator: options.me,
    }),
  ]);
  return {
    network,
    authority,
    programs,
    tls: await readClientTls(context.store),
    nameServers: await chooseNameServers({ clock: context.clock, nat: network.nat }),
    packetFilter: {},
    env: Object.fromEntries(
      passedOn.flatMap((name) => {
        const value = host.env[name];
        return value === undefined ? [] : [[name, value]];
      }),
    ),
  };
}

/** The client identity of the store, as connections to its engines use it. */
export async function readClientTls(store: StorePaths): Promise<EngineTls> {
  const files = clientFiles(store);
  const [ca, cert, key] = await Promise.all(
    [files.caFile, files.certFile, files.keyFile].map((file) => readFile(file, 'utf8')),
  );
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
}
