// `swarm create`: asks a token service for a new cluster and prints its token.
import { SwarmError, isSwarmError } from '../../../controller/base/errors.js';
import { splitDiscoveryUrl, parseTokenServices } from '../../../controller/discovery/discovery-url.js';
import { isInsecure, openClientTls } from '../../../controller/discovery/open-backend.js';
import { TokenClient } from '../../../controller/discovery/token-client.js';
import { isToken } from '../../../controller/discovery/token.js';
import type { Command, CommandInput } from '../command.js';
import type { FlagTable } from '../flag-table.js';
import { parseCommandLine } from '../parse-flags.js';
import { mistake, parseDiscoveryOptions } from '../validation.js';
import { discoveryOptionFlag } from './shared-flags.js';

const flags = {
  discovery: {
    names: ['discovery'],
    kind: 'string',
    value: 'HOST[:PORT]',
    env: 'SWARM_DISCOVERY',
    help: 'Token service to ask; several, separated by commas, are asked in turn',
  },
  discoveryOptions: discoveryOptionFlag,
} as const satisfies FlagTable;

export const createCommand: Command = {
  name: 'create',
  alias: 'c',
  summary: 'Create a cluster',
  flags,
  failure: 'line',
  run: runCreate,
};

async function runCreate({ args, environment }: CommandInput): Promise<number> {
  const { values, positional } = parseCommandLine({ table: flags, args, env: environment.env });
  if (positional.length > 0) {
    throw mistake("the `create` command takes no arguments. See 'swarm create --help'.");
  }
  if (values.discovery === '') {
    throw new SwarmError(
      'DISCOVERY_UNSUPPORTED',
      'Cannot create a cluster: the discovery service on Docker Hub was switched off in 2019, and no other was named',
      {
        hint:
          'Start one with "swarm discovery" and name it: swarm create --discovery HOST:3377, or ' +
          'SWARM_DISCOVERY=token://HOST:3377. Clusters of swarmctl need neither, it makes their tokens itself',
      },
    );
  }
  const options = parseDiscoveryOptions(values.discoveryOptions);
  const service = parseService(values.discovery);
  const insecure = service.insecure || isInsecure(options);
  const tls = await openClientTls({ insecure, options });
  const { token, path } = await createAtFirst({
    services: parseTokenServices(service.text, { insecure }),
    create: (target) =>
      new TokenClient({ service: target, clock: environment.clock, tls }).create(
        new AbortController().signal,
      ),
  });
  environment.stdout(`${token}\n`);
  environment.stderr(`Use it as ${insecure ? 'token+http' : 'token'}://${path}/${token}\n`);
  return 0;
}

/** What the flag and the variable may hold: `host`, `host:port`, or a URL, with a token that is ignored. */
function parseService(url: string): { text: string; insecure: boolean } {
  const { scheme, rest } = splitDiscoveryUrl(url);
  if (!['nodes', 'token', 'token+http', 'https', 'http'].includes(scheme)) {
    throw mistake(`--discovery must name a token service, got ${JSON.stringify(url)}`);
  }
  const last = rest.lastIndexOf('/');
  const text = isToken(rest.slice(last + 1)) ? rest.slice(0, Math.max(0, last)) : rest.replace(/\/+$/, '');
  return { text, insecure: scheme === 'token+http' || scheme === 'http' };
}

/** Services share nothing, and learn a token from its first registration: one that answers is enough. */
async function createAtFirst<Service extends { readonly baseUrl: string }>(options: {
  readonly services: readonly Service[];
  readonly create: (service: Service) => Promise<string>;
}): Promise<{ token: string; path: string }> {
  const path = options.services
    .map(({ baseUrl }) => baseUrl.replace(/^https?:\/\//, ''))
    .map((base, index, all) => (index < all.length - 1 ? base.replace(/\/.*$/, '') : base))
    .join(',');
  const failures: unknown[] = [];
  for (const service of options.services) {
    try {
      return { token: await options.create(service), path };
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 1) throw failures[0];
  throw new SwarmError('DISCOVERY_FAILED', failures.map(String).join('; '), {
    cause: new AggregateError(failures),
    ...(isSwarmError(failures[0]) ? { hint: failures[0].hint } : {}),
  });
}
