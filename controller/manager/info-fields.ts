// What GET /info takes from an engine, and how older versions of the API show it.
import { isJsonObject, objectAt, type JsonObject } from '../base/json.js';
import { isAtLeast } from '../engine/api-version.js';

// Answers for a cluster without a healthy engine: clients fail on some of these when they are missing.
const defaults: JsonObject = {
  MemoryLimit: true,
  SwapLimit: true,
  CpuCfsPeriod: true,
  CpuCfsQuota: true,
  CPUShares: true,
  CPUSet: true,
  PidsLimit: true,
  OomKillDisable: true,
  IPv4Forwarding: true,
  IndexServerAddress: 'https://index.docker.io/v1/',
  RegistryConfig: { InsecureRegistryCIDRs: [], IndexConfigs: {}, Mirrors: [] },
  Runtimes: {},
  DefaultRuntime: 'runc',
  InitBinary: '',
  ContainerdCommit: { ID: '' },
  RuncCommit: { ID: '' },
  InitCommit: { ID: '' },
  SecurityOptions: [],
  LiveRestoreEnabled: false,
};

/**
 * An engine's own info, for all that a cluster has no value of its own for: also fields this code has never heard of.
 * @param info undefined: there is no engine to ask
 */
export function typicalInfo(info: JsonObject | undefined): JsonObject {
  const given = Object.entries(info ?? {}).filter(([key, value]) => value !== null || !(key in defaults));
  return { ...defaults, ...Object.fromEntries(given) };
}

/** Info in the form of an older version; engines are asked in their newest. */
export function infoFor(version: string, info: JsonObject): JsonObject {
  const shown: JsonObject = { ...info };
  if (!isAtLeast(version, '1.25')) {
    shown['ExecutionDriver'] = '<not supported>';
    shown['SecurityOptions'] = optionNames(info['SecurityOptions']);
  }
  if (!isAtLeast(version, '1.42')) shown['KernelMemory'] ??= true;
  if (!isAtLeast(version, '1.44')) {
    shown['Runtimes'] = Object.fromEntries(
      Object.entries(objectAt(info, 'Runtimes')).map(([name, runtime]) => [name, withoutStatus(runtime)]),
    );
  }
  if (!isAtLeast(version, '1.46')) delete shown['Containerd'];
  shown['RegistryConfig'] = registryConfigFor(version, objectAt(info, 'RegistryConfig'));
  if (!isAtLeast(version, '1.49')) delete shown['FirewallBackend'];
  for (const key of ['ContainerdCommit', 'RuncCommit', 'InitCommit']) {
    shown[key] = commitFor(version, objectAt(info, key));
  }
  return isAtLeast(version, '1.50')
    ? without(shown, bridgeFlags)
    : { BridgeNfIptables: false, BridgeNfIp6tables: false, ...shown };
}

const bridgeFlags = ['BridgeNfIptables', 'BridgeNfIp6tables'];

function without(object: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/** What may be pushed where was said until 1.46, as null by the last engines that did. */
function registryConfigFor(version: string, config: JsonObject): JsonObject {
  return isAtLeast(version, '1.47')
    ? without(config, ['AllowNondistributableArtifactsCIDRs', 'AllowNondistributableArtifactsHostnames'])
    : { AllowNondistributableArtifactsCIDRs: null, AllowNondistributableArtifactsHostnames: null, ...config };
}

/** Until 1.48 with the commit that was expected, which is the one that is there. */
function commitFor(version: string, commit: JsonObject): JsonObject {
  if (isAtLeast(version, '1.49')) return without(commit, ['Expected']);
  return isFilled(commit['ID']) ? { Expected: commit['ID'], ...commit } : commit;
}

const isFilled = (value: unknown): boolean => typeof value === 'string' && value !== '';

/** `name=seccomp,profile=builtin` was `seccomp`. */
function optionNames(options: unknown): unknown {
  if (!Array.isArray(options)) return options;
  return options.map((option: unknown) =>
    typeof option === 'string' ? (/^name=([^,]*)/.exec(option)?.[1] ?? option) : option,
  );
}

function withoutStatus(runtime: unknown): unknown {
  if (!isJsonObject(runtime)) return runtime;
  return without(runtime, ['status']);
}
